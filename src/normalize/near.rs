//! What copies of a text are found by: MinHash bands for candidates, the overlap of trigrams to verify one.
//!
//! The bands are our own and not `gaoya`'s: that one keeps whole signatures in memory and gives candidates in an order
//! that depends on how they came in. A window that is rebuilt at a start must decide as the one that grew.

use crate::item::{FINGERPRINT_BANDS, Fingerprint};
use xxhash_rust::xxh3::xxh3_64;

/// Texts with fewer significant characters are not compared: 「闪退」 from ten people are ten voices.
pub(super) const SHORTEST_COMPARED_CHARS: usize = 15;
/// Minima in a band. Two texts that share half of all their trigrams have two bands of twelve in common with 0.84, two
/// thirds 0.99, a tenth 0.006.
const ROWS: usize = 2;
/// Hashes that are computed side by side: what one vector of SSE2 holds.
const LANES: usize = 4;
/// Share of trigrams (Dice) from which two texts are one.
const SAME_FROM: f64 = 0.55;
/// Short texts of one kind share a subject: two complaints about one car, of which each says something else.
const SAME_FROM_SHORT: f64 = 0.65;
const SHORT_TRIGRAMS: usize = 24;
/// Characters that are compared: the beginning of a longer text stands for it.
const MOST_COMPARED_CHARS: usize = 600;

/// Of the significant characters of an analysis text.
pub(super) fn fingerprint(letters: Vec<char>) -> Fingerprint {
    let letters = compared(letters);
    if letters.len() < SHORTEST_COMPARED_CHARS {
        return Fingerprint::default();
    }
    let text: String = letters.iter().collect();
    Fingerprint {
        // 0 is taken by "not compared"
        exact: xxh3_64(text.as_bytes()).max(1),
        bands: bands(&letters),
    }
}

/// The same of an analysis text.
#[cfg(test)]
pub fn fingerprint_of(analysis_text: &str) -> Fingerprint {
    fingerprint(super::rules::significant_chars(analysis_text).collect())
}

/// What is looked at: of the same character over and over (ーーーー, 哈哈哈哈) two, so that a rule under a short text does
/// not make it a long one.
fn compared(mut letters: Vec<char>) -> Vec<char> {
    let (mut last, mut times) = (None, 0);
    letters.retain(|c| {
        times = if last == Some(*c) { times + 1 } else { 1 };
        last = Some(*c);
        times <= 2
    });
    letters.truncate(MOST_COMPARED_CHARS);
    letters
}

/// One number a band, the same on every machine: the window is rebuilt from those that are stored.
fn bands(letters: &[char]) -> [u32; FINGERPRINT_BANDS] {
    let mut minima = [[i32::MAX; LANES]; FINGERPRINT_BANDS * ROWS / LANES];
    for trigram in trigrams(letters) {
        let (low, high) = (trigram as u32, (trigram >> 32) as u32 | 1);
        let mut hashes: [u32; LANES] = std::array::from_fn(|lane| low.rotate_left(8 * lane as u32));
        for minima in &mut minima {
            for (hash, minimum) in hashes.iter_mut().zip(minima) {
                // Kirsch and Mitzenmacher: two hashes make as many as are needed
                *hash = hash.wrapping_add(high).rotate_left(5);
                // with its sign: SSE2 compares no other way
                *minimum = (*minimum).min(*hash as i32);
            }
        }
    }
    let minima = minima.as_flattened();
    let mut bands = [0; FINGERPRINT_BANDS];
    for (number, band) in bands.iter_mut().enumerate() {
        let rows = minima[number * ROWS..][..ROWS].iter();
        let joined = rows.fold(number as u64, |joined, row| mixed(joined ^ u64::from(*row as u32)));
        *band = joined as u32;
    }
    bands
}

fn trigrams(letters: &[char]) -> impl Iterator<Item = u64> + '_ {
    let code = |c: char| u64::from(c as u32);
    let joined = move |three: &[char]| code(three[0]) << 42 | code(three[1]) << 21 | code(three[2]);
    letters.windows(3).map(move |three| mixed(joined(three)))
}

/// The different trigrams of an analysis text, hashed and sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigrams(Box<[u64]>);

impl Trigrams {
    /// `analysis_text` as [`super::analysis_text`] makes it of an item.
    pub fn of(analysis_text: &str) -> Self {
        let letters = compared(super::rules::significant_chars(analysis_text).collect());
        let mut all: Vec<u64> = trigrams(&letters).collect();
        all.sort_unstable();
        all.dedup();
        Self(all.into())
    }

    /// One text, edited.
    pub fn is_same(&self, other: &Self) -> bool {
        let short = self.0.len().min(other.0.len()) < SHORT_TRIGRAMS;
        self.overlap(other) >= if short { SAME_FROM_SHORT } else { SAME_FROM }
    }

    /// Twice the common ones through all of both (Dice).
    fn overlap(&self, other: &Self) -> f64 {
        let (mut left, mut right, mut common) = (0, 0, 0usize);
        while let (Some(a), Some(b)) = (self.0.get(left), other.0.get(right)) {
            left += usize::from(a <= b);
            right += usize::from(b <= a);
            common += usize::from(a == b);
        }
        let all = self.0.len() + other.0.len();
        2.0 * common as f64 / all.max(1) as f64
    }
}

/// The finalizer of SplitMix64.
fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlap(a: &str, b: &str) -> f64 {
        Trigrams::of(a).overlap(&Trigrams::of(b))
    }

    #[test]
    fn overlap_is_what_the_texts_share() {
        assert_eq!(overlap("快递太慢了等了三天", "快递太慢了，等了三天！"), 1.0);
        assert_eq!(overlap("快递太慢了等了三天", "味道不错价格便宜分量足"), 0.0);
        assert!(overlap("快递太慢了等了三天才到家", "快递太慢了等了五天才到家") > SAME_FROM);
        assert_eq!(overlap("", "短"), 0.0);
    }

    #[test]
    fn a_line_under_a_short_text_does_not_make_it_long() {
        assert_eq!(
            fingerprint_of("更新后闪退ーーーーーーーーーーーーーーー"),
            Fingerprint::default()
        );
        assert_ne!(fingerprint_of("更新后闪退，重新安装也没用，一打开就退").exact, 0);
    }

    #[test]
    fn texts_that_are_alike_share_bands_and_others_do_not() {
        let of = |text: &str| bands(&text.chars().collect::<Vec<_>>());
        let common = |a: &str, b: &str| of(a).iter().zip(of(b)).filter(|(a, b)| **a == *b).count();
        let text = "扫地机用了三个月越来越吵客服也不回复";
        assert_eq!(common(text, text), FINGERPRINT_BANDS);
        assert!(common(text, "扫地机用了三个月越来越吵客服也不回复了") > 4);
        assert_eq!(common(text, "味道不错价格便宜分量足下次还会再来吃"), 0);
    }
}
