//! One fold for segmenter, normalizer and search: half-width, lower-case, Traditional to Simplified, char by char.

const FIRST: u32 = 0x3400;
const LAST: u32 = 0xA000;
const SIZE: usize = (LAST - FIRST) as usize;

static TRADITIONAL: &str = include_str!("tables/traditional.txt");
static SIMPLIFIED_ONLY: &str = include_str!("tables/simplified_only.txt");

/// Simplified form of each ideograph of the basic plane, itself where there is none.
static FOLDED: [u16; SIZE] = fold_table(TRADITIONAL.as_bytes());
/// One bit an ideograph: occurs in Simplified text only.
static SIMPLIFIED: [u64; SIZE.div_ceil(64)] = bit_table(SIMPLIFIED_ONLY.as_bytes());

/// Decodes the 3-byte character at `at`; both tables hold nothing else.
const fn three_byte_char(bytes: &[u8], at: usize) -> u32 {
    ((bytes[at] as u32 & 0x0F) << 12) | ((bytes[at + 1] as u32 & 0x3F) << 6) | (bytes[at + 2] as u32 & 0x3F)
}

const fn fold_table(pairs: &[u8]) -> [u16; SIZE] {
    let mut table = [0u16; SIZE];
    let mut code = 0;
    while code < SIZE {
        table[code] = FIRST as u16 + code as u16;
        code += 1;
    }
    let mut at = 0;
    while at + 6 <= pairs.len() {
        table[(three_byte_char(pairs, at) - FIRST) as usize] = three_byte_char(pairs, at + 3) as u16;
        at += 6;
    }
    table
}

const fn bit_table(chars: &[u8]) -> [u64; SIZE.div_ceil(64)] {
    let mut table = [0u64; SIZE.div_ceil(64)];
    let mut at = 0;
    while at + 3 <= chars.len() {
        let code = (three_byte_char(chars, at) - FIRST) as usize;
        table[code / 64] |= 1 << (code % 64);
        at += 3;
    }
    table
}

/// Half-width, lower-case, Simplified form of a character. Always one character for one, so offsets in
/// characters survive; `fold_char(fold_char(c)) == fold_char(c)`.
#[inline]
pub fn fold_char(c: char) -> char {
    let code = c as u32;
    match code {
        0..0x80 => c.to_ascii_lowercase(),
        FIRST..LAST => char::from_u32(FOLDED[(code - FIRST) as usize] as u32).unwrap_or(c),
        0x3000 => ' ',
        0xFF01..=0xFF5E => ((code - 0xFEE0) as u8 as char).to_ascii_lowercase(),
        0x80..0x3000 | 0x1_0400.. => {
            let mut lower = c.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some(single), None) => single,
                _ => c,
            }
        }
        _ => c,
    }
}

/// Appends the fold of `text` to `out`.
pub fn fold_into(text: &str, out: &mut String) {
    out.reserve(text.len());
    out.extend(text.chars().map(fold_char));
}

/// True for a character that Simplified text does not use.
#[inline]
pub(super) fn is_traditional_only(c: char) -> bool {
    let code = c as u32;
    // 麽 and 苧 have a Simplified form but are seen in Simplified text too.
    (FIRST..LAST).contains(&code) && FOLDED[(code - FIRST) as usize] as u32 != code && !matches!(c, '麽' | '苧')
}

/// True for a character that Traditional text does not use.
#[inline]
pub(super) fn is_simplified_only(c: char) -> bool {
    let code = c as u32;
    (FIRST..LAST).contains(&code) && {
        let bit = (code - FIRST) as usize;
        SIMPLIFIED[bit / 64] >> (bit % 64) & 1 == 1
    }
}

/// True for ideographs of the basic plane and its extensions.
#[inline]
pub(crate) fn is_ideograph(c: char) -> bool {
    matches!(c as u32, 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF | 0x3007)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(text: &str) -> String {
        text.chars().map(fold_char).collect()
    }

    #[test]
    fn folds_width_case_and_script_in_one() {
        assert_eq!(fold("ＡＰＰ登錄失敗，１２３"), "app登录失败,123");
        assert_eq!(fold("臺灣・乾淨・頭髮・裡面"), "台湾・干净・头发・里面");
    }

    #[test]
    fn leaves_ordinary_simplified_words_alone() {
        for text in ["著名品牌", "覆盖范围", "面条里的虫子", "后来干脆退货", "云端同步"] {
            assert_eq!(fold(text), text);
        }
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for c in '\0'..=char::MAX {
            assert_eq!(fold_char(fold_char(c)), fold_char(c), "{c:?}");
        }
    }

    #[test]
    fn knows_which_characters_only_one_script_uses() {
        assert!(is_traditional_only('錄') && !is_traditional_only('录') && !is_traditional_only('后'));
        assert!(is_simplified_only('录') && !is_simplified_only('錄') && !is_simplified_only('后'));
    }
}
