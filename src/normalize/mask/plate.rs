//! Licence plates: `京A·12345`, `粤B D12345`, `沪AD12345`.

use super::{Cover, Finding, Kind};

const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";
/// What a plate may end in instead of a digit.
const ENDINGS: [char; 5] = ['学', '警', '挂', '港', '澳'];

pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let mut last = ('\0', '\0');
    for (at, c) in text.char_indices() {
        let (before_last, province) = last;
        last = (province, c);
        if !c.is_ascii_alphabetic()
            || province.is_ascii()
            || !PROVINCES.contains(province)
            || is_word(before_last, province)
        {
            continue;
        }
        let rest = &text[at + 1..];
        let number = rest.trim_start_matches(['·', '•', '・', '.', '-', ' ', '—']);
        if rest.len() - number.len() > 4 {
            continue;
        }
        let alphanumeric = number.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let (number, after) = number.split_at(alphanumeric);
        let ending = after.chars().next().filter(|c| ENDINGS.contains(c));
        if !is_plate(number, ending.is_some(), c.is_ascii_uppercase()) {
            continue;
        }
        let from = at - province.len_utf8();
        let number_at = at + 1 + rest.len() - number.len() - after.len();
        let to = number_at + number.len();
        found.push(Finding {
            kind: Kind::Plate,
            from,
            to: to + ending.map_or(0, char::len_utf8),
            hide_from: number_at,
            hide_to: to - 2,
            cover: Cover::Each,
        });
    }
}

/// `全新A`, `青`年, `云`端: the character is part of a word.
fn is_word(before: char, province: char) -> bool {
    match province {
        '新' => matches!(before, '全' | '最' | '崭' | '更' | '创' | '翻' | '刷'),
        '云' => matches!(before, '华' | '里' | '百' | '腾'),
        '贵' => matches!(before, '太' | '很' | '好' | '最' | '更'),
        '黑' => matches!(before, '太' | '漆' | '曜' | '纯'),
        _ => false,
    }
}

fn is_plate(number: &str, has_ending: bool, upper: bool) -> bool {
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let known = number
        .bytes()
        .all(|b| b.is_ascii_digit() || !matches!(b.to_ascii_uppercase(), b'I' | b'O'));
    let energy = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphabetic);
    let length_fits = match number.len() {
        4 => has_ending,
        5 => true,
        6 => energy(number.as_bytes().first()) || energy(number.as_bytes().last()),
        _ => false,
    };
    known && length_fits && digits >= if upper { 2 } else { 4 }
}
