//! Numbers that name a person: mobile, landline, identity card, bank card. By shape, check digit and what stands before.

use super::check_digits::{begins_as_card, checksum, is_birth_date, is_calendar_date, is_month_day, luhn, number};
use super::digits::{self, Digit, Form};
use super::{Cover, Finding, Kind, before, label_before};

/// How people group the eleven digits of a mobile number.
const GROUPINGS: [&[usize]; 12] = [
    &[3, 4, 4],
    &[3, 8],
    &[7, 4],
    &[4, 4, 3],
    &[3, 3, 5],
    &[4, 7],
    &[5, 6],
    &[3, 2, 2, 2, 2],
    &[2, 3, 3, 3],
    &[3, 5, 3],
    &[1, 2, 4, 4],
    &[1; 11],
];
/// Province codes that identity card numbers start with.
const PROVINCES: [u32; 34] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63,
    64, 65, 71, 81, 82,
];
/// Labels of numbers that name a thing or a case: what follows is no telephone and no card.
const LABELS_OF_THINGS: [&str; 34] = [
    "编号",
    "投诉号",
    "投诉单",
    "投诉单号",
    "工单",
    "工单号",
    "受理号",
    "受理单",
    "案件号",
    "举报号",
    "信访件",
    "信访号",
    "帖子id",
    "投诉id",
    "商品id",
    "内容id",
    "型号",
    "序列号",
    "批号",
    "条码",
    "条形码",
    "货号",
    "版本",
    "版本号",
    "编码",
    "备案号",
    "文号",
    "许可证",
    "许可证号",
    "时间戳",
    "发票号",
    "发票号码",
    "sku",
    "sn",
];
/// Where one of these stands before, digits may be grouped in any way.
const PHONE_WORDS: [&str; 20] = [
    "电话", "電話", "手机", "手機", "号码", "號碼", "联系", "聯繫", "联络", "拨打", "致电", "短信", "来电", "微信",
    "加我", "tel", "phone", "mobile", "☎", "📱",
];
const LANDLINE_LABELS: [&str; 12] = [
    "电话",
    "電話",
    "座机",
    "固话",
    "固定电话",
    "家庭电话",
    "办公电话",
    "联系电话",
    "tel",
    "phone",
    "☎",
    "📞",
];
const BANK_WORDS: [&str; 8] = [
    "银行卡",
    "储蓄卡",
    "信用卡",
    "借记卡",
    "行卡",
    "行账号",
    "银行账号",
    "社卡",
];
const IDENTITY_WORDS: [&str; 5] = ["身份证", "身份證", "证件号", "身份号", "身份ID"];

pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    digits::sequences(text, |sequence| {
        if sequence.len() >= 7 {
            Sequence { text, digits: sequence }.find(found);
        }
    });
}

struct IdentityCard {
    digits: usize,
    /// The X at its end.
    letters: usize,
}

struct Sequence<'a> {
    text: &'a str,
    digits: &'a [Digit],
}

impl Sequence<'_> {
    fn find(&self, found: &mut Vec<Finding>) {
        let mut at = 0;
        while at < self.digits.len() {
            let run = self.run(at);
            at = match self.match_at(at, run, found) {
                Some(end) => end,
                None => at + run,
            };
        }
    }

    /// Digits from `at` on that touch each other.
    fn run(&self, at: usize) -> usize {
        let touching = self.digits[at..]
            .windows(2)
            .take_while(|pair| pair[0].to == pair[1].from);
        1 + touching.count()
    }

    /// Tries everything that may begin at the run `at..at + run`; returns the digit after what was found.
    fn match_at(&self, at: usize, run: usize, found: &mut Vec<Finding>) -> Option<usize> {
        let digits = &self.digits[at..at + run];
        if digits.iter().any(|digit| digit.form == Form::Letter) {
            return self.with_letters(at, run, found);
        }
        let from = digits[0].from;
        if self.is_fraction(from) {
            return None;
        }
        if let Some(card) = self.identity_card(at) {
            let end = self.hide(found, Kind::IdentityCard, at, card.digits, 3, 4 - card.letters);
            if let Some(last) = found.last_mut() {
                last.to += card.letters;
            }
            return Some(end);
        }
        let label = label_before(self.text, from);
        if ends_with_any(label, &LABELS_OF_THINGS) {
            return None;
        }
        if let Some((skip, length)) = self.bank_card(at, run) {
            return Some(self.hide(found, Kind::BankCard, at + skip, length - skip, 4, 4));
        }
        if let Some((skip, length)) = mobile_in_run(digits) {
            let second = at + skip + 11;
            self.hide(found, Kind::Mobile, at + skip, 11, 3, 4);
            // two numbers without anything between
            if length == 22 {
                self.hide(found, Kind::Mobile, second, 11, 3, 4);
            }
            return Some(at + length);
        }
        if let Some((skip, end)) = self.grouped_mobile(at, run) {
            return Some(self.hide(found, Kind::Mobile, skip, end - skip, 3, 4));
        }
        if let Some((local, end)) = self.landline(at, run, label) {
            return Some(self.hide(found, Kind::Landline, local, end - local, 0, 4));
        }
        None
    }

    /// Letters inside are digits where the rest is a mobile number: `138OO138OOO`. At the ends they may be words.
    fn with_letters(&self, at: usize, run: usize, found: &mut Vec<Finding>) -> Option<usize> {
        let letter = |index: usize| self.digits[index].form == Form::Letter;
        for start in at..at + run {
            if start + 11 > at + run || letter(start) || start > at && !letter(start - 1) {
                continue;
            }
            let digits = &self.digits[start..start + 11];
            let real = digits.iter().filter(|digit| digit.form != Form::Letter).count();
            if (6..11).contains(&real) && is_mobile(digits) && (start + 11 == at + run || letter(start + 10)) {
                return Some(self.hide(found, Kind::Mobile, start, 11, 3, 4));
            }
        }
        let mut start = at;
        while start < at + run {
            let length = (start..at + run).take_while(|index| !letter(*index)).count();
            if length > 0
                && let Some(end) = self.match_at(start, length, found).filter(|end| *end > at + run)
            {
                return Some(end);
            }
            start += length + 1;
        }
        Some(at + run)
    }

    /// Hides all but the first `keep_first` and last `keep_last` digits; returns the digit behind.
    fn hide(
        &self,
        found: &mut Vec<Finding>,
        kind: Kind,
        at: usize,
        length: usize,
        keep_first: usize,
        keep_last: usize,
    ) -> usize {
        let digits = &self.digits[at..at + length];
        found.push(Finding {
            kind,
            from: digits[0].from,
            to: digits[length - 1].to,
            hide_from: digits[keep_first].from,
            hide_to: digits[length - keep_last - 1].to,
            cover: Cover::Each,
        });
        at + length
    }

    fn is_fraction(&self, from: usize) -> bool {
        let bytes = self.text.as_bytes();
        from >= 2 && bytes[from - 1] == b'.' && bytes[from - 2].is_ascii_digit()
    }

    /// 18 with a right checksum (X included), 15 with a possible birth date; both with a province that exists.
    fn identity_card(&self, at: usize) -> Option<IdentityCard> {
        let rest = &self.digits[at..];
        if rest.len() < 15 || !PROVINCES.contains(&number(&rest[..2])) {
            return None;
        }
        let stands_alone = |length: usize| rest.get(length).is_none_or(|next| next.from != rest[length - 1].to);
        let asked_for = || {
            let before = before(self.text, rest[0].from, 16);
            IDENTITY_WORDS.iter().any(|word| before.contains(word))
        };
        if rest.len() >= 17 && is_birth_date(&rest[6..14]) {
            let next = self.text[rest[16].to..].chars().next();
            let check = match rest.get(17) {
                Some(digit) if stands_alone(18) && self.gaps(at, 18) <= 5 => {
                    Some((IdentityCard { digits: 18, letters: 0 }, digit.value))
                }
                _ if matches!(next, Some('x' | 'X')) => Some((IdentityCard { digits: 17, letters: 1 }, 10)),
                _ => None,
            };
            if let Some((card, check)) = check
                && (checksum(&rest[..17]) == check || asked_for())
            {
                return Some(card);
            }
        }
        let run = self.run(at);
        (run == 15 && is_month_day(&rest[8..12])).then_some(IdentityCard { digits: 15, letters: 0 })
    }

    fn gaps(&self, at: usize, length: usize) -> usize {
        let touching = |pair: &&[Digit]| pair[0].to != pair[1].from;
        self.digits[at..at + length].windows(2).filter(touching).count()
    }

    /// (digits before it, digits with those): 16 to 19 that pass Luhn and begin as cards do, in groups of four or not at all.
    fn bank_card(&self, at: usize, run: usize) -> Option<(usize, usize)> {
        let asked_for = || {
            let before = before(self.text, self.digits[at].from, 12);
            BANK_WORDS.iter().any(|word| before.contains(word))
        };
        if (12..=19).contains(&run) {
            let digits = &self.digits[at..at + run];
            let is_card = (16..=19).contains(&run) && begins_as_card(digits) && luhn(digits);
            return (is_card || run >= 15 && asked_for()).then_some((0, run));
        }
        // 6222 0212 3456 7890 123, 622202 1234567890123
        let mut length = 0;
        let mut groups = 0;
        while at + length < self.digits.len() && groups < 6 {
            let group = self.run(at + length);
            let first = groups == 0;
            if group > 4 && !(first && group == 6) && !(length == 6 && group >= 10) {
                return None;
            }
            length += group;
            groups += 1;
            let whole = &self.digits[at..at + length];
            let ends = at + length == self.digits.len() || group < 4 || length >= 19;
            if (16..=19).contains(&length)
                && groups >= 2
                && begins_as_card(whole)
                && (luhn(whole) || ends && asked_for())
            {
                return Some((0, length));
            }
        }
        None
    }

    /// (first digit, digit behind) of `138 0013 8000`, `+86 138-0013-8000`, `1 3 8 0 0 1 3 8 0 0 0`.
    fn grouped_mobile(&self, at: usize, run: usize) -> Option<(usize, usize)> {
        if run >= 11 {
            return None;
        }
        let first = &self.digits[at..at + run];
        let start = if is_country_code(first) { at + run } else { at };
        let mut groups = [0usize; 11];
        let (mut count, mut length) = (0, 0);
        let mut gap: Option<&str> = None;
        let mut even = true;
        while length < 11 {
            if start + length >= self.digits.len() || count == 11 {
                return None;
            }
            if length > 0 {
                let last = self.digits[start + length - 1].to;
                let here = self.text[last..self.digits[start + length].from].trim();
                even &= *gap.get_or_insert(here) == here;
            }
            groups[count] = self.run(start + length);
            length += groups[count];
            count += 1;
        }
        if length != 11 || !is_mobile(&self.digits[start..start + 11]) {
            return None;
        }
        let asked_for = || {
            let before = before(self.text, self.digits[at].from, 14).to_lowercase();
            PHONE_WORDS.iter().any(|word| before.contains(word))
        };
        let brackets = gap.is_some_and(|gap| matches!(gap, ")" | "）" | "("));
        let usual = (even || brackets || start > at) && (count == 1 || GROUPINGS.contains(&&groups[..count]));
        (usual || asked_for()).then_some((start, start + 11))
    }

    /// (first digit of the subscriber's part, digit behind): `010-62345678`, `(0755)8234 5678`, `电话 62345678`.
    fn landline(&self, at: usize, run: usize, label: &str) -> Option<(usize, usize)> {
        let digits = &self.digits[at..at + run];
        if is_country_code(digits) && at + run < self.digits.len() {
            return self.international_landline(at + run);
        }
        let area = area_code(digits)?;
        if run > 4 {
            // without a separator, or with the country code before
            let local = &digits[area.min(run)..];
            let fits = area > 0 && is_subscriber(local) && digits.iter().all(|digit| digit.form == Form::Arabic);
            if fits {
                return Some((at + area, at + run));
            }
            let lower = label.to_lowercase();
            let asked_for = area == 0 && ends_with_any(&lower, &LANDLINE_LABELS) && !is_calendar_date(digits);
            return (asked_for && is_subscriber(digits)).then_some((at, at + run));
        }
        if area == 0 {
            return self.bare_grouped_landline(at, run, label);
        }
        if area != run {
            return None;
        }
        let local = at + run;
        if local >= self.digits.len() || self.is_date_gap(at) {
            return None;
        }
        let first = self.run(local);
        if is_subscriber(&self.digits[local..local + first]) {
            return Some((local, local + first));
        }
        let second = (local + first < self.digits.len()).then(|| self.run(local + first))?;
        let whole = &self.digits[local..local + first + second];
        (matches!((first, second), (3 | 4, 4)) && is_subscriber(whole)).then_some((local, local + first + second))
    }

    /// `+86-10-62345678`: the area code has no 0.
    fn international_landline(&self, at: usize) -> Option<(usize, usize)> {
        let area = self.run(at);
        let local = at + area;
        let is_area = matches!(number(&self.digits[at..local]), 10 | 20..=25 | 27..=29 | 311..=999);
        if !is_area || local >= self.digits.len() {
            return None;
        }
        let end = local + self.run(local);
        is_subscriber(&self.digits[local..end]).then_some((local, end))
    }

    /// `电话 6234 5678`, `电话：6234-5678`.
    fn bare_grouped_landline(&self, at: usize, run: usize, label: &str) -> Option<(usize, usize)> {
        let second = (at + run < self.digits.len()).then(|| self.run(at + run))?;
        let whole = &self.digits[at..at + run + second];
        let asked_for = ends_with_any(&label.to_lowercase(), &LANDLINE_LABELS) && !is_calendar_date(whole);
        (asked_for && matches!((run, second), (3 | 4, 4)) && is_subscriber(whole)).then_some((at, at + run + second))
    }

    /// A year or another number with the same separator stands before: `2023-0312-…`.
    fn is_date_gap(&self, at: usize) -> bool {
        at > 0 && self.digits[at].from - self.digits[at - 1].to == 1 && !is_country_code(&self.digits[..at])
    }
}

fn ends_with_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        text.len() >= word.len()
            && text.is_char_boundary(text.len() - word.len())
            && text[text.len() - word.len()..].eq_ignore_ascii_case(word)
    }) || text
        .strip_suffix(['号', '码'])
        .is_some_and(|rest| !rest.is_empty() && ends_with_any(rest, words))
}

fn is_mobile(digits: &[Digit]) -> bool {
    digits.len() == 11 && digits[0].value == 1 && (3..=9).contains(&digits[1].value)
}

/// (digits before the number, digits in all): 0, 86 and 0086 may stand before, 一 as a word before or behind.
fn mobile_in_run(digits: &[Digit]) -> Option<(usize, usize)> {
    let run = digits.len();
    let starts = |prefix: &[u8]| digits.iter().zip(prefix).all(|(digit, wanted)| digit.value == *wanted);
    let skip = match run {
        11 => Some(0),
        12 if starts(&[0]) => Some(1),
        13 if starts(&[8, 6]) => Some(2),
        15 if starts(&[0, 0, 8, 6]) => Some(4),
        22 if is_mobile(&digits[11..]) => Some(0),
        _ => None,
    };
    if let Some(skip) = skip
        && is_mobile(&digits[skip..skip + 11])
    {
        return Some((skip, run));
    }
    // 「打一三八零零一三八零零零一直没人接」
    let is_word = |digit: &Digit| digit.form == Form::Other;
    if !(12..=14).contains(&run) {
        return None;
    }
    (0..=run - 11)
        .find(|skip| {
            is_mobile(&digits[*skip..skip + 11])
                && digits[..*skip].iter().all(is_word)
                && digits[skip + 11..].iter().all(is_word)
        })
        .map(|skip| (skip, run))
}

fn is_country_code(digits: &[Digit]) -> bool {
    let values: [u8; 4] = std::array::from_fn(|index| digits.get(index).map_or(0, |digit| digit.value));
    matches!((digits.len(), values), (2, [8, 6, ..]) | (4, [0, 0, 8, 6]))
}

/// How many digits the area code has: 0 where there is none.
fn area_code(digits: &[Digit]) -> Option<usize> {
    let value = |index: usize| digits.get(index).map_or(0, |digit| digit.value);
    Some(match (value(0), value(1), value(2)) {
        (0, 1, 0) | (0, 2, 0..=5 | 7..=9) => 3,
        (0, 3..=9, 1..=9) => 4,
        (0, ..) => return None,
        _ => 0,
    })
    .filter(|_| digits.len() >= 3)
}

fn is_subscriber(digits: &[Digit]) -> bool {
    matches!(digits.len(), 7 | 8) && (2..=8).contains(&digits[0].value)
}
