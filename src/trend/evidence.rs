//! What stands behind a number: authors, models, samples, words and splits of a key in a window.

use super::dims::Dimension;
use super::error::TrendError;
use crate::alert::{Interval, TermOdds};
use crate::search::Filter;
use std::collections::BTreeMap;

/// The items that a rule counts for one key.
pub struct Scope<'a> {
    /// Dimension and value; `None`: items without a value there.
    pub key: Vec<(Dimension, Option<String>)>,
    pub filter: Option<&'a Filter>,
    pub where_query: Option<&'a str>,
    pub window: Interval,
    pub reference_windows: Vec<Interval>,
    /// Items later than this do not count in the current window.
    pub lateness_ms: i64,
}

/// What decides besides counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Support {
    /// Distinct authors in the window; an item without one counts as one of its own.
    pub authors: u64,
    /// Models that analyzed the items of the window, sorted.
    pub models: Vec<String>,
    pub reference_models: Vec<String>,
}

/// What is shown besides counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Showing {
    /// Every alive item, in the window and in all reference windows together.
    pub raw: (u64, u64),
    /// Strongest first.
    pub top_terms: Vec<TermOdds>,
    pub split: BTreeMap<String, BTreeMap<String, u64>>,
    /// At most three item ids, most central first.
    pub samples: Vec<String>,
    /// Most frequent owner and the most urgent priority hint of the sampled items.
    pub owner: Option<String>,
    pub priority: Option<String>,
}

/// Reads the committed index. Asked only for keys whose counts pass.
pub trait Evidence {
    fn support(&self, scope: &Scope<'_>) -> Result<Support, TrendError>;
    fn showing(&self, scope: &Scope<'_>) -> Result<Showing, TrendError>;
}
