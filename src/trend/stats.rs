//! Tails of the Poisson and the negative binomial distribution, in logarithms, and what is built on them.

use statrs::function::gamma::ln_gamma;

/// Above this number of "failures" the negative binomial is a Poisson distribution for all counts that occur here.
const POISSON_LIMIT: f64 = 1e9;

/// ln P(C ≥ c) for a count with this mean and variance: negative binomial where variance > mean, else Poisson.
///
/// With r = m² / (v − m) and x = 1 − m / v, P(C ≥ c) is the regularized incomplete beta function I_x(c, r); for the Poisson
/// distribution it is the regularized lower gamma function P(c, m).
pub fn ln_survival(c: u64, mean: f64, variance: f64) -> f64 {
    if c == 0 {
        return 0.0;
    }
    if mean <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let a = c as f64;
    let failures = if variance > mean {
        mean * mean / (variance - mean)
    } else {
        f64::INFINITY
    };
    if failures >= POISSON_LIMIT {
        ln_lower_gamma(a, mean)
    } else {
        ln_beta_regularized(a, failures, 1.0 - mean / variance, mean / variance)
    }
}

/// ln P(C ≥ c) of the next window when `sum` items were seen in `n` clean windows: mean m = max(S/n, 1/n), variance φ·m·(1 + 1/n), which
/// allows for the mean itself being estimated. With φ = 1 + m/k this is (m + m²/k)(1 + 1/n).
pub fn ln_predictive(c: u64, mean: f64, inverse_n: f64, phi: f64) -> f64 {
    let mean = mean.max(inverse_n);
    ln_survival(c, mean, phi.max(1.0) * mean * (1.0 + inverse_n))
}

/// 95 % interval of the ratio of the current count to the reference: normal on the logarithm, variance φ (1/c + 1/S); a count of 0 is
/// taken for one half.
pub fn ratio_interval(c: u64, mean: f64, inverse_n: f64, phi: f64) -> [f64; 2] {
    let current = (c as f64).max(0.5);
    let sum = (mean / inverse_n.max(1e-9)).max(0.5);
    let ratio = current / (sum * inverse_n);
    let error = (phi.max(1.0) * (1.0 / current + 1.0 / sum)).sqrt();
    [ratio * (-1.96 * error).exp(), ratio * (1.96 * error).exp()]
}

/// Benjamini–Hochberg: for each p the smallest false discovery rate at which it would be found.
pub fn false_discovery(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
    let mut q = vec![1.0; p.len()];
    let mut least: f64 = 1.0;
    for (above, &index) in order.iter().enumerate() {
        let rank = p.len() - above;
        least = least.min(p[index] * p.len() as f64 / rank as f64);
        q[index] = least;
    }
    q
}

/// ln P(a, x), the regularized lower incomplete gamma function (Numerical Recipes 6.2).
fn ln_lower_gamma(a: f64, x: f64) -> f64 {
    let ln_front = a * x.ln() - x - ln_gamma(a + 1.0);
    if x < a + 1.0 {
        let mut term = 1.0;
        let mut sum = 1.0;
        let mut next = a;
        for _ in 0..100_000 {
            next += 1.0;
            term *= x / next;
            sum += term;
            if term < sum * 1e-16 {
                break;
            }
        }
        return ln_front + sum.ln();
    }
    // Upper tail by Lentz's continued fraction, then 1 − Q.
    let mut b = x + 1.0 - a;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut h = d;
    for step in 1..100_000 {
        let an = -f64::from(step) * (f64::from(step) - a);
        b += 2.0;
        d = 1.0 / not_zero(an * d + b);
        c = not_zero(b + an / c);
        let delta = d * c;
        h *= delta;
        if (delta - 1.0).abs() < 1e-16 {
            break;
        }
    }
    let ln_upper = a * x.ln() - x - ln_gamma(a) + h.ln();
    (-ln_upper.exp()).ln_1p()
}

/// ln I_x(a, b) with y = 1 − x given apart, so that nothing is lost where x is near 1 (Numerical Recipes 6.4).
fn ln_beta_regularized(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if y <= 0.0 {
        return 0.0;
    }
    let ln_front = a * x.ln() + b * y.ln() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    if x < (a + 1.0) / (a + b + 2.0) {
        ln_front + beta_fraction(a, b, x).ln() - a.ln()
    } else {
        let other = (ln_front + beta_fraction(b, a, y).ln() - b.ln()).exp();
        (-other.min(1.0)).ln_1p()
    }
}

/// The continued fraction of the incomplete beta function; converges in O(√max(a, b)) steps.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let (above, plus, minus) = (a + b, a + 1.0, a - 1.0);
    let mut c = 1.0;
    let mut d = 1.0 / not_zero(1.0 - above * x / plus);
    let mut h = d;
    for step in 1..100_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((minus + 2.0 * m) * (a + 2.0 * m));
        d = 1.0 / not_zero(1.0 + even * d);
        c = not_zero(1.0 + even / c);
        h *= d * c;
        let odd = -(a + m) * (above + m) * x / ((a + 2.0 * m) * (plus + 2.0 * m));
        d = 1.0 / not_zero(1.0 + odd * d);
        c = not_zero(1.0 + odd / c);
        let delta = d * c;
        h *= delta;
        if (delta - 1.0).abs() < 1e-15 {
            break;
        }
    }
    h
}

fn not_zero(value: f64) -> f64 {
    if value.abs() < 1e-300 { 1e-300 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by adding up probabilities.
    fn summed(c: u64, mean: f64, variance: f64) -> f64 {
        let r = mean * mean / (variance - mean);
        let x = 1.0 - mean / variance;
        let mut ln_p = r * (mean / variance).ln();
        let (mut k, mut sum) = (0_u64, 0.0);
        while k < c + 5_000 {
            if k >= c {
                sum += ln_p.exp();
            }
            ln_p += x.ln() + ((k as f64 + r) / (k as f64 + 1.0)).ln();
            k += 1;
        }
        sum
    }

    #[test]
    fn the_tail_is_exact_down_to_one_in_a_trillion() {
        for (mean, phi) in [
            (0.3, 1.2),
            (3.0, 1.125),
            (3.0, 3.0),
            (20.0, 2.0),
            (100.0, 3.5),
            (900.0, 10.0),
        ] {
            for times in [1.0_f64, 2.0, 4.0, 8.0] {
                let c = (mean * times).ceil() as u64 + 1;
                let expected: f64 = summed(c, mean, mean * phi);
                if expected < 1e-14 {
                    continue;
                }
                let found = ln_survival(c, mean, mean * phi).exp();
                assert!(
                    (found / expected - 1.0).abs() < 1e-8,
                    "{mean} {phi} {c}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn known_poisson_tails() {
        // P(C ≥ 10 | 3) and P(C ≥ 25 | 5), from tables; P(C ≥ 1) = 1 − e^−m.
        assert!((ln_survival(10, 3.0, 3.0).exp() / 1.102_488_197_3e-3 - 1.0).abs() < 1e-6);
        assert!((ln_survival(1, 0.01, 0.01).exp() / -(-0.01_f64).exp_m1() - 1.0).abs() < 1e-12);
        assert!((ln_survival(1, 40.0, 40.0).exp() - 1.0).abs() < 1e-12);
        // A negative binomial that is nearly Poisson.
        let near = ln_survival(30, 12.0, 12.0 * (1.0 + 1e-7));
        assert!((near - ln_survival(30, 12.0, 12.0)).abs() < 1e-4);
    }

    #[test]
    fn far_tails_stay_finite() {
        let far = ln_survival(100_000, 10.0, 30.0);
        assert!(far.is_finite() && far < -1_000.0);
        assert!(ln_survival(3_000_000, 1_000_000.0, 2_000_000.0).is_finite());
    }

    #[test]
    fn false_discovery_is_monotone_and_at_least_p() {
        let p = [0.04, 1e-6, 0.5, 0.03, 1.0];
        let q = false_discovery(&p);
        assert!((q[1] - 5e-6).abs() < 1e-12);
        assert!((q[3] - 0.04 * 5.0 / 3.0).abs() < 1e-12, "{q:?}");
        assert!(p.iter().zip(&q).all(|(p, q)| q >= p));
    }

    #[test]
    fn the_interval_holds_the_ratio() {
        let [low, high] = ratio_interval(120, 40.0, 0.125, 1.5);
        assert!(low < 3.0 && 3.0 < high && low > 2.0);
        assert!(ratio_interval(0, 0.0, 1.0, 1.0)[0].is_finite());
    }
}
