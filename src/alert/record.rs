//! The `alert` record of the pinned interfaces.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

pub const ALERT_SCHEMA: &str = "qingting.alert/1";

/// Where an episode stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// The condition holds, but not for as many boundaries as the rule wants.
    Pending,
    Firing,
    Resolved,
    /// Decided on a boundary that was long past when it was evaluated: stored and shown, never delivered.
    Historical,
}

/// The same count in the current window and, per window, in the reference.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct CountPair {
    pub current: u64,
    pub reference: f64,
}

/// A half-open interval of event time, ms UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    pub from: i64,
    pub to: i64,
}

/// A word and how much more it is said now: natural logarithm of the ratio of its odds, smoothed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TermOdds {
    pub term: String,
    pub log_odds: f64,
}

/// One state of one episode. The record of a later transition replaces the earlier one of the same `id`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertRecord {
    pub schema: String,
    /// First 32 hex digits of SHA-256(rule ‖ `\n` ‖ key as canonical JSON ‖ `\n` ‖ starts_at in ms).
    pub id: String,
    pub rule: String,
    /// Kind of the rule: `spike`.
    pub kind: String,
    /// Dimension → value; a dimension that the items lack is absent.
    pub key: BTreeMap<String, String>,
    pub state: AlertState,
    /// Hour boundary of record time at which the episode began to fire (for a pending one: will begin), ms UTC.
    pub starts_at: i64,
    /// Boundary at which it was resolved; of a pending one that never fired, not after `starts_at`.
    pub ends_at: Option<i64>,
    /// Boundary of this state.
    pub evaluated_at: i64,
    /// De-duplicated items in the current window.
    pub current: u64,
    /// De-duplicated items a reference window, on average.
    pub reference: f64,
    /// (current ÷ reference − 1) × 100; absent when the reference is 0.
    pub increase_pct: Option<f64>,
    /// current ÷ reference; absent when the reference is 0.
    pub ratio: Option<f64>,
    /// 95 % interval of the ratio.
    pub ci95: [f64; 2],
    /// Probability of so many items or more if nothing had changed.
    pub p: f64,
    /// Share of false alarms among keys as unusual as this one (Benjamini–Hochberg); shown, not used.
    pub q: f64,
    /// Over-dispersion, variance ÷ mean, that `p` was computed with.
    pub phi: f64,
    /// Distinct authors in the current window; an item without one counts as one of its own.
    pub authors: u64,
    /// Every alive item, with duplicates and invalid ones.
    pub raw: CountPair,
    pub window: Interval,
    /// From the start of the earliest reference window to the end of the latest.
    pub reference_window: Interval,
    /// De-duplicated items in the window just before the current one of a weekly comparison; `None` if it cannot be used.
    pub last_week: Option<u64>,
    pub top_terms: Vec<TermOdds>,
    /// `source` `sentiment` `product` `region` → value → items in the current window.
    pub split: BTreeMap<String, BTreeMap<String, u64>>,
    /// Ids of representative items.
    pub samples: Vec<String>,
    /// Query of the search page and API that lists the items.
    pub search: String,
    pub annotation: Option<String>,
    pub owner: Option<String>,
    /// `P0` `P1` `P2` `P3`.
    pub priority: String,
    /// ms UTC.
    pub due_at: i64,
    pub severity: String,
    pub summary: Summary,
    /// Model name and version that analyzed the items.
    pub model_version: String,
    /// False when the day's page budget is spent: it goes into the digest only.
    pub paged: bool,
}

impl AlertRecord {
    /// Shortens all numbers to what is meant, so that a record read back from JSON is the one that was written.
    pub fn round(&mut self) {
        self.reference = significant(self.reference, 6);
        self.increase_pct = self.increase_pct.map(|increase| (increase * 10.0).round() / 10.0);
        self.ratio = self.ratio.map(|ratio| significant(ratio, 6));
        self.ci95 = self.ci95.map(|bound| significant(bound, 4));
        self.p = significant(self.p, 4);
        self.q = significant(self.q, 4);
        self.phi = significant(self.phi, 4);
        self.raw.reference = significant(self.raw.reference, 6);
    }
}

/// Rounded to so many significant digits.
fn significant(value: f64, digits: usize) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

/// The alert in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub zh: String,
    pub en: String,
}

/// The key as JSON with sorted names and without white space.
pub fn canonical_key(key: &BTreeMap<String, String>) -> String {
    let fields: Vec<String> = key
        .iter()
        .map(|(name, value)| {
            format!(
                "{}:{}",
                serde_json::Value::from(name.as_str()),
                serde_json::Value::from(value.as_str())
            )
        })
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// Id of the episode of `rule` and `key` that began to fire at `starts_at_ms`.
pub fn episode_id(rule: &str, key: &BTreeMap<String, String>, starts_at_ms: i64) -> String {
    let digest = Sha256::digest(format!("{rule}\n{}\n{starts_at_ms}", canonical_key(key)));
    let mut id = hex::encode(digest);
    id.truncate(32);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn episode_ids_are_as_pinned() {
        let key = BTreeMap::from([
            ("brand".to_owned(), "甲\"".to_owned()),
            ("aspect_polarity".to_owned(), "logistics-".to_owned()),
        ]);
        let canonical = r#"{"aspect_polarity":"logistics-","brand":"甲\""}"#;
        assert_eq!(canonical_key(&key), canonical);
        let expected = hex::encode(Sha256::digest(format!("spike_7d\n{canonical}\n3600000")));
        assert_eq!(episode_id("spike_7d", &key, 3_600_000), expected[..32]);
    }
}
