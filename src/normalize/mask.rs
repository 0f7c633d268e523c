//! Personal data out of free text: mobile numbers, e-mail addresses, identity card numbers.
//!
//! Only for free text. Ids, urls and times are full of digit runs that look the same.

/// Separators that people put into a number.
const SEPARATORS: [u8; 4] = [b' ', b'-', b'.', b'_'];
/// How people group the eleven digits.
const GROUPINGS: [&[usize]; 9] = [
    &[3, 4, 4],
    &[3, 8],
    &[7, 4],
    &[4, 4, 3],
    &[3, 3, 5],
    &[4, 7],
    &[5, 6],
    &[3, 2, 2, 2, 2],
    &[1; 11],
];
/// Province codes that identity card numbers start with.
const PROVINCES: [u8; 34] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63,
    64, 65, 71, 81, 82,
];

/// Masks `text` in place: `138****8000`, `z***@example.com`, `110***********0021`. Returns whether anything was
/// found. Masking twice changes nothing. Expects half-width digits: fold first.
pub fn mask(text: &mut String) -> bool {
    let bytes = text.as_bytes();
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    let mut found = false;
    if memchr(b'@', bytes)
        && let Some(masked) = mask_emails(text)
    {
        *text = masked;
        found = true;
    }
    if digits >= 11
        && let Some(masked) = mask_numbers(text)
    {
        *text = masked;
        found = true;
    }
    found
}

fn memchr(needle: u8, bytes: &[u8]) -> bool {
    bytes.contains(&needle)
}

fn mask_emails(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let mut copied = 0;
    for at in (0..bytes.len()).filter(|at| bytes[*at] == b'@') {
        let local_from = at
            - bytes[copied..at]
                .iter()
                .rev()
                .take_while(|b| is_local_part(**b))
                .count();
        let domain_len = bytes[at + 1..].iter().take_while(|b| is_domain(**b)).count();
        let domain = &text[at + 1..at + 1 + domain_len];
        if local_from == at || !looks_like_domain(domain) {
            continue;
        }
        let masked = out.get_or_insert_with(|| String::with_capacity(text.len()));
        masked.push_str(&text[copied..local_from + 1]);
        masked.push_str("***");
        copied = at;
    }
    let mut out = out?;
    out.push_str(&text[copied..]);
    Some(out)
}

fn is_local_part(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-')
}

fn is_domain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')
}

fn looks_like_domain(domain: &str) -> bool {
    domain
        .trim_end_matches(['.', '-'])
        .rsplit_once('.')
        .is_some_and(|(host, top)| !host.is_empty() && top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic()))
}

fn mask_numbers(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out: Option<Vec<u8>> = None;
    let mut at = 0;
    while at < bytes.len() {
        if starts_url(&bytes[at..]) {
            at += bytes[at..].iter().take_while(|b| b.is_ascii_graphic()).count().max(1);
            continue;
        }
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let run = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let is_fraction = at >= 2 && bytes[at - 1] == b'.' && bytes[at - 2].is_ascii_digit();
        let hidden = if is_fraction {
            None
        } else {
            hidden_digits(bytes, at, run)
        };
        match hidden {
            Some(hidden) => {
                let masked = out.get_or_insert_with(|| bytes.to_vec());
                for index in hidden.from..hidden.to {
                    if bytes[index].is_ascii_alphanumeric() {
                        masked[index] = b'*';
                    }
                }
                at = hidden.end;
            }
            None => at += run,
        }
    }
    // only single ASCII bytes were replaced by others
    out.and_then(|bytes| String::from_utf8(bytes).ok())
}

fn starts_url(bytes: &[u8]) -> bool {
    bytes[0] == b'h' && (bytes.starts_with(b"http://") || bytes.starts_with(b"https://"))
}

/// Byte range to be starred, and where the number ends.
struct Hidden {
    from: usize,
    to: usize,
    end: usize,
}

fn hidden_digits(bytes: &[u8], at: usize, run: usize) -> Option<Hidden> {
    let digits = &bytes[at..at + run];
    // 0, 86 and 0086 before the number
    let prefix = match run {
        11 => Some(0),
        12 if digits.starts_with(b"0") => Some(1),
        13 if digits.starts_with(b"86") => Some(2),
        15 if digits.starts_with(b"0086") => Some(4),
        _ => None,
    };
    if let Some(prefix) = prefix
        && is_mobile(&digits[prefix..])
    {
        let from = at + prefix + 3;
        return Some(Hidden {
            from,
            to: from + 4,
            end: at + run,
        });
    }
    if let Some(length) = identity_card_length(bytes, at, run) {
        return Some(Hidden {
            from: at + 3,
            to: at + length - 4,
            end: at + length,
        });
    }
    if run < 11 { grouped_mobile(bytes, at) } else { None }
}

fn is_mobile(digits: &[u8]) -> bool {
    digits.len() == 11 && digits[0] == b'1' && (b'3'..=b'9').contains(&digits[1])
}

/// `138 0013 8000`, `138-0013-8000`, `1 3 8 0 0 1 3 8 0 0 0`.
fn grouped_mobile(bytes: &[u8], at: usize) -> Option<Hidden> {
    let mut digits = [0u8; 11];
    let mut groups = [0usize; 11];
    let mut group_count = 0;
    let mut digit_count = 0;
    let mut separator = None;
    let mut positions = [0usize; 11];
    let mut cursor = at;
    loop {
        let run = bytes[cursor..].iter().take_while(|b| b.is_ascii_digit()).count();
        if run == 0 || digit_count + run > 11 || group_count == 11 {
            return None;
        }
        for (index, byte) in bytes.iter().enumerate().skip(cursor).take(run) {
            digits[digit_count] = *byte;
            positions[digit_count] = index;
            digit_count += 1;
        }
        groups[group_count] = run;
        group_count += 1;
        cursor += run;
        if digit_count == 11 {
            break;
        }
        let next = *bytes.get(cursor)?;
        if !SEPARATORS.contains(&next) || separator.is_some_and(|known| known != next) {
            return None;
        }
        separator = Some(next);
        cursor += 1;
    }
    if !is_mobile(&digits) || !GROUPINGS.contains(&&groups[..group_count]) {
        return None;
    }
    Some(Hidden {
        from: positions[3],
        to: positions[6] + 1,
        end: cursor,
    })
}

/// 18 with a right checksum, 15 with a possible birth date; both with a province that exists.
fn identity_card_length(bytes: &[u8], at: usize, run: usize) -> Option<usize> {
    let digits = &bytes[at..at + run];
    if run < 15 || !PROVINCES.contains(&((digits[0] - b'0') * 10 + (digits[1] - b'0'))) {
        return None;
    }
    let ends_in_x = run == 17 && bytes.get(at + 17).is_some_and(|b| matches!(b, b'x' | b'X'));
    match run {
        18 | 17 if run == 18 || ends_in_x => {
            let year = number(&digits[6..10]);
            let is_card =
                (1900..2100).contains(&year) && is_month_day(&digits[10..14]) && checksum_fits(&bytes[at..at + 18]);
            is_card.then_some(18)
        }
        15 => is_month_day(&digits[8..12]).then_some(15),
        _ => None,
    }
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, d| value * 10 + u32::from(d - b'0'))
}

fn is_month_day(digits: &[u8]) -> bool {
    (1..=12).contains(&number(&digits[..2])) && (1..=31).contains(&number(&digits[2..]))
}

/// GB 11643: weights 2^(17−i) mod 11.
fn checksum_fits(card: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECK: &[u8; 11] = b"10X98765432";
    let sum: u32 = card.iter().zip(WEIGHTS).map(|(d, w)| u32::from(d - b'0') * w).sum();
    card[17].to_ascii_uppercase() == CHECK[(sum % 11) as usize]
}

/// A display name as platforms mask it: `*`, `甲*`, `甲***乙`. Names that hold a `*` already stay.
pub fn mask_name(name: &str) -> String {
    if name.contains('*') {
        return name.to_owned();
    }
    let mut chars = name.chars();
    match (chars.next(), chars.next_back(), chars.next().is_some()) {
        (None, ..) => String::new(),
        (Some(_), None, _) => "*".to_owned(),
        (Some(first), Some(_), false) => format!("{first}*"),
        (Some(first), Some(last), true) => format!("{first}***{last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut text = text.to_owned();
        mask(&mut text);
        text
    }

    #[test]
    fn masks_mobile_numbers_in_every_usual_form() {
        assert_eq!(masked("电话13800138000打过来"), "电话138****8000打过来");
        assert_eq!(masked("+8613800138000, 8613800138000"), "+86138****8000, 86138****8000");
        assert_eq!(masked("138 0013 8000 / 138-0013-8000"), "138 **** 8000 / 138-****-8000");
        assert_eq!(masked("1 3 8 0 0 1 3 8 0 0 0"), "1 3 8 * * * * 8 0 0 0");
        assert_eq!(masked("a13800138000b"), "a138****8000b");
    }

    #[test]
    fn leaves_longer_numbers_masked_forms_and_urls_alone() {
        for text in [
            "138****8000",
            "订单287654321012到了",
            "时间1762144200000毫秒",
            "编号123800138000123456",
            "https://tousu.example.com/complaint/view/17390396995/",
            "12800138000",
            "比例0.13800138000",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn masks_mail_addresses() {
        assert_eq!(masked("联系zhang.san@example.com谢谢"), "联系z***@example.com谢谢");
        assert_eq!(masked("13800138000@example.com"), "1***@example.com");
        assert_eq!(masked("@某某 a@b"), "@某某 a@b");
    }

    #[test]
    fn masks_identity_cards_by_checksum_and_birth_date() {
        assert_eq!(masked("身份证11010519491231002X。"), "身份证110***********002X。");
        assert_eq!(masked("110105194912310021"), "110105194912310021");
        assert_eq!(masked("110105491231002"), "110********1002");
    }

    #[test]
    fn names_are_masked_as_the_platforms_do() {
        assert_eq!(mask_name("甲"), "*");
        assert_eq!(mask_name("甲乙"), "甲*");
        assert_eq!(mask_name("甲乙丙"), "甲***丙");
        assert_eq!(mask_name("j***8"), "j***8");
        assert_eq!(mask_name(""), "");
    }

    proptest::proptest! {
        #[test]
        fn every_planted_mobile_number_is_masked(
            before in "[^0-9@:/.]{0,20}", after in "[^0-9@]{0,20}", second in 3u8..=9, rest in 0u32..1_000_000_000
        ) {
            let planted = format!("1{second}{rest:09}");
            let text = masked(&format!("{before}{planted}{after}"));
            proptest::prop_assert!(!text.contains(&planted), "{}", text);
        }

        #[test]
        fn masking_twice_changes_nothing(text in "[0-9@a-c.* \\-x中]{0,60}") {
            let once = masked(&text);
            proptest::prop_assert_eq!(masked(&once), once);
        }
    }
}
