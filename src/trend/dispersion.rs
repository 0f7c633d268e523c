//! How much more counts scatter than Poisson's would: φ = variance ÷ mean as a function of the level.
//!
//! Each key's reference windows give a ratio s²/mean with n − 1 degrees of freedom. Ratios are pooled per level (factors of two of the mean);
//! a level is shrunk to the level below and to the class of keys as a whole, the class to a prior while history is short.
//! A key that has itself been more restless than its level keeps its own value.

/// While nothing is known: counts of posts usually have a variance of about three times their mean.
const PRIOR_PHI: f64 = 3.0;
/// Degrees of freedom that the prior is worth.
const PRIOR_WEIGHT: f64 = 8.0;
/// The same for a level against its class, and for a key against its level.
const LEVEL_WEIGHT: f64 = 16.0;
const KEY_WEIGHT: f64 = 14.0;
const LEVELS: usize = 24;
/// Ratios beyond this multiple of the level's middle are past incidents, not scatter.
const OUTLIER: f64 = 4.0;

/// Scatter of one key over its clean reference windows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scatter {
    pub mean: f64,
    /// s² ÷ mean.
    pub ratio: f64,
    pub degrees: f64,
}

impl Scatter {
    /// `None` with fewer than two windows or nothing in them.
    pub fn of(windows: &[u64]) -> Option<Self> {
        let n = windows.len() as f64;
        let mean = windows.iter().sum::<u64>() as f64 / n;
        if windows.len() < 2 || mean <= 0.0 {
            return None;
        }
        let squares: f64 = windows.iter().map(|&x| (x as f64 - mean).powi(2)).sum();
        Some(Self {
            mean,
            ratio: squares / (n - 1.0) / mean,
            degrees: n - 1.0,
        })
    }
}

/// φ by level for one class of keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispersion {
    levels: [f64; LEVELS],
}

impl Dispersion {
    pub fn fit(keys: &[Scatter]) -> Self {
        let mut by_level: [Vec<Scatter>; LEVELS] = Default::default();
        for key in keys {
            by_level[level(key.mean)].push(*key);
        }
        let (mut class_sum, mut class_degrees) = (PRIOR_PHI * PRIOR_WEIGHT, PRIOR_WEIGHT);
        let mut sums = [(0.0, 0.0); LEVELS];
        for (keys, sum) in by_level.iter_mut().zip(&mut sums) {
            let cap = OUTLIER * middle(keys).max(1.0);
            for key in keys.iter() {
                sum.0 += key.ratio.min(cap) * key.degrees;
                sum.1 += key.degrees;
            }
            class_sum += sum.0;
            class_degrees += sum.1;
        }
        let class = (class_sum / class_degrees).max(1.0);
        let mut levels = [class; LEVELS];
        let mut below = class;
        for (phi, (sum, degrees)) in levels.iter_mut().zip(sums) {
            let prior = below.max(class);
            *phi = ((sum + prior * LEVEL_WEIGHT) / (degrees + LEVEL_WEIGHT)).max(1.0);
            if degrees > 0.0 {
                below = *phi;
            }
        }
        Self { levels }
    }

    /// φ at this mean, for a key that scattered like `own`.
    pub fn phi(&self, mean: f64, own: Option<Scatter>) -> f64 {
        let phi = self.levels[level(mean)];
        match own {
            Some(own) => {
                let with_own = (own.ratio * own.degrees + phi * KEY_WEIGHT) / (own.degrees + KEY_WEIGHT);
                phi.max(with_own)
            }
            None => phi,
        }
    }
}

fn level(mean: f64) -> usize {
    ((mean.max(0.25).log2() + 2.0) as usize).min(LEVELS - 1)
}

/// Median of the ratios, by which keys with an incident in their past do not count.
fn middle(keys: &mut [Scatter]) -> f64 {
    if keys.is_empty() {
        return 1.0;
    }
    keys.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    keys[keys.len() / 2].ratio
}

#[cfg(test)]
mod tests {
    use super::super::draws::Draws;
    use super::*;

    fn history(draws: &mut Draws, mean: f64, phi: f64, keys: usize) -> Vec<Scatter> {
        (0..keys)
            .filter_map(|_| Scatter::of(&(0..8).map(|_| draws.count(mean, phi)).collect::<Vec<_>>()))
            .collect()
    }

    #[test]
    fn each_level_finds_its_own_scatter() {
        let mut draws = Draws::new(7);
        let mut keys = history(&mut draws, 3.0, 1.0, 200);
        keys.extend(history(&mut draws, 100.0, 4.0, 100));
        let fit = Dispersion::fit(&keys);
        assert!((0.9..1.35).contains(&fit.phi(3.0, None)), "{}", fit.phi(3.0, None));
        assert!((3.3..4.5).contains(&fit.phi(100.0, None)), "{}", fit.phi(100.0, None));
    }

    #[test]
    fn a_past_incident_of_one_key_does_not_hide_the_next_of_others() {
        let mut draws = Draws::new(8);
        let mut keys = history(&mut draws, 20.0, 1.0, 40);
        let incident = Scatter::of(&[20, 19, 22, 200, 21, 18, 20, 20]);
        keys.extend(incident);
        let fit = Dispersion::fit(&keys);
        assert!(fit.phi(20.0, None) < 1.6, "{}", fit.phi(20.0, None));
        assert!(fit.phi(20.0, incident) > 10.0);
    }

    #[test]
    fn without_history_counts_are_taken_to_scatter() {
        assert_eq!(Dispersion::fit(&[]).phi(10.0, None), PRIOR_PHI);
    }
}
