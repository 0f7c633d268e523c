//! Bootstrap intervals: how much a score would move with other texts of the same kind.
//!
//! Texts are drawn again with replacement, always from the same seed: the same file gives the same interval.

/// 95 %: the 2.5th and the 97.5th percentile.
pub type Interval = [f64; 2];

/// What is drawn for a file of at most [`FEW_TEXTS`]; larger ones have so narrow an interval that fewer draws do.
const DRAWS: usize = 1_000;
const FEW_TEXTS: usize = 20_000;
const DRAWS_OF_MANY: usize = 200;
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// The intervals of N scores over `texts` texts. `scores` gets how often each text was drawn.
pub(super) fn intervals<const N: usize>(texts: usize, scores: impl Fn(&[u32]) -> [f64; N]) -> [Interval; N] {
    let draws = if texts > FEW_TEXTS { DRAWS_OF_MANY } else { DRAWS };
    let mut state = SEED;
    let mut weights = vec![0u32; texts];
    let mut found: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(draws));
    for _ in 0..draws {
        weights.fill(0);
        for _ in 0..texts {
            // 32 random bits times the number of texts: even to one in four thousand millions
            let drawn = (u64::from(next(&mut state)) * texts as u64) >> 32;
            weights[drawn as usize] += 1;
        }
        for (found, score) in found.iter_mut().zip(scores(&weights)) {
            found.push(score);
        }
    }
    found.map(|mut values| {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        [at(0.025), at(0.975)]
    })
}

/// The upper half of splitmix64.
fn next(state: &mut u64) -> u32 {
    *state = state.wrapping_add(SEED);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_as_wide_as_theory_says_and_always_the_same() {
        let right: Vec<bool> = (0..1_000).map(|text| text % 5 != 0).collect();
        let share = |weights: &[u32]| {
            let hits: u32 = right
                .iter()
                .zip(weights)
                .map(|(right, weight)| u32::from(*right) * weight)
                .sum();
            [f64::from(hits) / 1_000.0]
        };
        let [interval] = intervals(1_000, share);
        // 0.8 ± 1.96 · √(0.8 · 0.2 / 1000) = 0.8 ± 0.0248
        assert!(
            (interval[0] - 0.7752).abs() < 0.004 && (interval[1] - 0.8248).abs() < 0.004,
            "{interval:?}"
        );
        assert_eq!(intervals(1_000, share), [interval]);
        assert_eq!(intervals(1, |_| [1.0]), [[1.0, 1.0]]);
    }
}
