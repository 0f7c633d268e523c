//! The measured table of the design's statistics, and how often nothing at all fires.

use super::draws::Draws;
use super::stats::ln_predictive;
use super::testing::{config, record};
use super::{Sign, TrendEngine, builtin_rules};
use crate::alert::AlertState;
use crate::config::{AlertingConfig, Sensitivity};

/// One look at one full window, φ known: effect, support and p ≤ 1e-5. As in the table, an empty reference (which a `spike` leaves to
/// the rule for what is new) passes the effect.
fn fires(current: u64, sum: u64, n: f64, phi: f64) -> bool {
    let mean = sum as f64 / n;
    current >= 10 && current as f64 >= 3.0 * mean && ln_predictive(current, mean, 1.0 / n, phi) <= 1e-5_f64.ln()
}

fn share(draws: &mut Draws, base: f64, times: f64, n: u32, phi: f64, looks: u32) -> f64 {
    let found = (0..looks)
        .filter(|_| {
            let sum = (0..n).map(|_| draws.count(base, phi)).sum();
            fires(draws.count(base * times, phi), sum, f64::from(n), phi)
        })
        .count();
    found as f64 / f64::from(looks)
}

#[test]
fn planted_rises_are_found_as_often_as_measured() {
    // (weekly mean, factor, [n=1 φ=1, n=1 φ=3, n=4 φ=1, n=4 φ=3, n=8 φ=1, n=8 φ=3])
    let table = [
        (3.0, 10.0, [0.85, 0.03, 1.00, 0.23, 1.00, 0.31]),
        (5.0, 10.0, [1.00, 0.25, 1.00, 0.67, 1.00, 0.76]),
        (20.0, 4.0, [0.90, 0.19, 0.97, 0.56, 0.98, 0.66]),
        (40.0, 4.0, [0.96, 0.75, 0.99, 0.93, 1.00, 0.95]),
        (100.0, 4.0, [1.00, 0.94, 1.00, 0.99, 1.00, 1.00]),
    ];
    let mut draws = Draws::new(5);
    let mut wrong = Vec::new();
    for (base, times, expected) in table {
        for (place, expected) in expected.into_iter().enumerate() {
            let n = [1, 4, 8][place / 2];
            let phi = [1.0, 3.0][place % 2];
            let found = share(&mut draws, base, times, n, phi, 4_000);
            if (found - expected).abs() > 0.03 {
                wrong.push(format!(
                    "{times}× at {base}, n={n} φ={phi}: {found} instead of {expected}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn one_look_at_nothing_hardly_ever_fires() {
    let mut draws = Draws::new(2);
    for phi in [1.0, 3.0] {
        for mean in [1.0, 5.0, 20.0, 50.0] {
            let share = share(&mut draws, mean, 1.0, 8, phi, 5_000);
            assert!(share <= 2.0 / 5_000.0, "mean {mean} φ {phi}: {share}");
        }
    }
}

/// A year of a hundred keys in which nothing changes, looked at every fourth hour by both built-in rules; φ is what the engine finds.
fn false_episodes(phi: u64, seed: u64) -> usize {
    const HOUR_MS: i64 = 3_600_000;
    let rules = builtin_rules(&AlertingConfig {
        deliver_history: false,
        sensitivity: Sensitivity::Balanced,
    });
    let segmenter = crate::segment::Segmenter::new();
    let mut engine = TrendEngine::new(&config(rules), &segmenter).expect("valid rules");
    let mut draws = Draws::new(seed);
    let start_ms = 1_736_092_800_000;
    let keys: Vec<(String, f64)> = (0..100)
        .map(|key| (format!("方面{key}"), [1.0, 3.0, 8.0, 20.0, 50.0][key % 5]))
        .collect();
    let mut fired = 0;
    let mut serial = 0;
    for hour in 0..52 * 168 {
        let at_ms = start_ms + hour * HOUR_MS;
        for (aspect, weekly) in &keys {
            // Groups of φ items give a variance of φ times the mean.
            let groups = draws.poisson(weekly / 168.0 / phi as f64);
            for _ in 0..groups * phi {
                serial += 1;
                let record = record(&serial.to_string(), "甲", aspect, at_ms + 60_000);
                let contribution = engine.contribution(&record, "评价", at_ms + 120_000, None);
                engine.apply(&contribution, Sign::Plus);
            }
        }
        let boundary_ms = at_ms + HOUR_MS;
        if hour % 4 == 0 && engine.wants_evaluation(boundary_ms) {
            let told = engine.evaluate(boundary_ms, boundary_ms, &super::simulation_tests::Plenty);
            let told = told.expect("evidence");
            fired += told
                .iter()
                .filter(|record| record.state == AlertState::Firing && record.starts_at == boundary_ms)
                .count();
        }
    }
    fired
}

#[test]
fn a_year_of_nothing_pages_nobody() {
    assert_eq!(false_episodes(1, 3), 0);
}

#[test]
fn a_restless_year_pages_hardly_anybody() {
    let fired = false_episodes(3, 4);
    assert!(fired <= 2, "{fired} false episodes");
}
