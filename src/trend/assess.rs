//! What rules think of keys that did not fire: for `rules test` and for whoever tunes a rule.

use super::engine::TrendEngine;
use super::evaluate::{Depth, Looked};
use super::window::Plans;
use serde::Serialize;
use std::collections::BTreeMap;

/// Numbers of one key of one rule at one boundary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assessment {
    pub rule: String,
    pub key: BTreeMap<String, String>,
    /// Boundary, ms UTC.
    pub at: i64,
    pub current: u64,
    /// Items a reference window, on average.
    pub reference: f64,
    pub p: f64,
    pub phi: f64,
    pub passes_effect: bool,
    pub passes_support: bool,
    pub passes_significance: bool,
    /// Whether the key has an episode now.
    pub has_episode: bool,
}

impl TrendEngine {
    /// Every key whose counts are large enough to be tested, the most significant of each rule first.
    pub fn assess(&self, boundary_ms: i64) -> Vec<Assessment> {
        let heard = self.heard(boundary_ms);
        let mut out = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let plans = Plans::of(rule, &heard, &self.calendar);
            for looked in self.look(index, &plans, &heard, Depth::Everything) {
                let Looked {
                    values,
                    comparison,
                    phi,
                    ln_p,
                    is_active,
                } = looked;
                out.push(Assessment {
                    rule: rule.config.name.clone(),
                    key: self.key_names(&self.views[rule.view].by, &values),
                    at: boundary_ms,
                    current: comparison.current,
                    reference: comparison.mean,
                    p: ln_p.exp(),
                    phi,
                    passes_effect: comparison.passes_effect(rule.config.increase),
                    passes_support: comparison.current >= rule.config.min_current,
                    passes_significance: ln_p <= rule.config.p.ln(),
                    has_episode: is_active,
                });
            }
        }
        out
    }

    /// What was told last of each episode that is not over, by rule and key.
    pub fn episodes(&self) -> impl Iterator<Item = &crate::alert::AlertRecord> {
        self.episodes.active.values().map(|episode| &episode.record)
    }
}
