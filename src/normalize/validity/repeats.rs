//! Filler: words repeated to reach a length.

use super::super::fold::is_ideograph;

/// Fewer characters than this are said twice by people who mean it: 「不错不错」.
const SHORTEST_FILLER_CHARS: usize = 8;
/// A text in which fewer pairs than this share are new repeats itself.
const FEWEST_NEW_PAIRS: f64 = 0.4;
/// A phrase said this often is filler; three times is emphasis.
const FEWEST_TIMES: usize = 4;
/// A longer phrase says something, however often.
const LONGEST_PHRASE_CHARS: usize = 10;
/// Every long text repeats pairs.
const LONGEST_FILLER_CHARS: usize = 160;
/// What is repeated here is a problem that somebody has.
const PROBLEMS: &str = "假骗票慢降贵难坏漏退广";
/// Bits of the sketch of characters seen.
const SKETCH_BITS: usize = 4_096;

pub(super) fn is_filler(letters: &[char]) -> bool {
    let count = letters.len();
    if count < SHORTEST_FILLER_CHARS {
        return false;
    }
    // most texts are told from filler by how many different characters they have
    let different = distinct(letters.iter().map(|c| *c as u32));
    if different * 2 > count || letters.iter().any(|c| PROBLEMS.contains(*c)) {
        return false;
    }
    if different <= 2 || has_period(letters, count / FEWEST_TIMES) {
        return true;
    }
    if count > LONGEST_FILLER_CHARS || letters.iter().filter(|c| is_ideograph(**c)).count() * 2 < count {
        return false;
    }
    let pairs = distinct(
        letters
            .windows(2)
            .map(|pair| (pair[0] as u32).rotate_left(16) ^ pair[1] as u32),
    );
    count >= 16 && (pairs as f64) < FEWEST_NEW_PAIRS * count as f64 && different * 5 < count * 2
}

/// About how many different values there are; exact where they are few.
fn distinct(values: impl Iterator<Item = u32>) -> usize {
    let mut bits = [0u64; SKETCH_BITS / 64];
    let mut count = 0;
    for value in values {
        let bit = (value.wrapping_mul(0x9e37_79b1) >> 20) as usize;
        let seen = bits[bit / 64] >> (bit % 64) & 1 == 1;
        count += usize::from(!seen);
        bits[bit / 64] |= 1 << (bit % 64);
    }
    count
}

/// The text is one phrase of at most `longest` characters over and over; a slip or two in it is allowed.
fn has_period(letters: &[char], longest: usize) -> bool {
    (1..=longest.min(LONGEST_PHRASE_CHARS)).any(|period| {
        let same = letters[period..].iter().zip(letters).filter(|(a, b)| a == b).count();
        same * 10 >= (letters.len() - period) * 9
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filler(text: &str) -> bool {
        is_filler(&text.chars().collect::<Vec<_>>())
    }

    #[test]
    fn phrases_over_and_over_are_filler_and_emphasis_is_not() {
        for text in [
            "还不错还不错还不错还不错",
            "好好好好好好好好",
            "很满意很满意很满意很满意很满",
            "哦哦哦哦哦哦哦哦哦",
        ] {
            assert!(filler(text), "{text}");
        }
        for text in [
            "不错不错",
            "好好好",
            "太差了太差了再也不来了",
            "物流很快物流小哥态度很好东西也很好",
            "一分钱一分货",
        ] {
            assert!(!filler(text), "{text}");
        }
    }
}
