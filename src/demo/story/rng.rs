//! The story's own random numbers: SplitMix64, so that a seed tells the same story on every machine and version.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A small seeded generator. Not for secrets.
#[derive(Debug, Clone)]
pub struct StoryRng {
    state: u64,
}

impl StoryRng {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// An independent stream for `label` and `number`: rewording one text leaves all other draws as they were.
    pub fn stream(seed: u64, label: &str, number: u64) -> Self {
        Self::new(xxh3_64_with_seed(
            label.as_bytes(),
            seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        ))
    }

    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [0, bound); 0 for an empty range.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Uniform in [from, to]; `from` when the range is empty.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of `choices`; `fallback` when there is none.
    pub fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T], fallback: &'a T) -> &'a T {
        let index = self.below(choices.len() as u64) as usize;
        choices.get(index).copied().unwrap_or(fallback)
    }

    /// An index drawn with probability proportional to its weight; 0 when all weights are 0.
    pub fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u64 = weights.clone().map(u64::from).sum();
        let mut left = self.below(total.max(1));
        for (index, weight) in weights.enumerate() {
            if left < u64::from(weight) {
                return index;
            }
            left -= u64::from(weight);
        }
        0
    }

    /// Poisson with a small mean (Knuth's product of uniforms; the story draws means below 30).
    pub fn poisson(&mut self, mean: f64) -> u32 {
        let limit = (-mean).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// Exponential with the given mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.unit()).ln() * mean
    }

    /// `digits` hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from(b"0123456789abcdef"[self.below(16) as usize]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_in_their_ranges_and_near_their_means() {
        let mut rng = StoryRng::new(7);
        let mut poisson = 0u64;
        let mut exponential = 0.0;
        for _ in 0..20_000 {
            assert!(rng.below(5) < 5);
            assert!((3..=6).contains(&rng.between(3, 6)));
            assert!((0.0..1.0).contains(&rng.unit()));
            assert_eq!(rng.weighted([0, 3, 0].into_iter()), 1);
            poisson += u64::from(rng.poisson(2.5));
            exponential += rng.exponential(4.0);
        }
        assert!((48_500..51_500).contains(&poisson), "{poisson}");
        assert!((77_000.0..83_000.0).contains(&exponential), "{exponential}");
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.pick(&[], "none"), "none");
    }

    #[test]
    fn streams_are_repeatable_and_independent() {
        let draw = |label: &str, number| StoryRng::stream(1, label, number).next_u64();
        assert_eq!(draw("text", 3), draw("text", 3));
        assert_ne!(draw("text", 3), draw("text", 4));
        assert_ne!(draw("text", 3), draw("time", 3));
    }
}
