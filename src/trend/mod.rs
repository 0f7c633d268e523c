//! The trend stage: counts how often what is said, and says where it became unusual.
//!
//! Comes in: what each inserted, replaced or deleted document counts as ([`Contribution`]), hour boundaries of record
//! time, and on a start the alive documents of the index. Goes out: exact series per key, and at a boundary the
//! transitions of episodes ([`crate::alert::AlertRecord`]). Can fail: with a [`TrendError`] when the index cannot be read.
//! Moves: `qingting_trend_items_total`, `qingting_trend_keys`, `qingting_alert_firing`, `qingting_alert_ratio`.
//!
//! All counts are a cache of the index: [`TrendEngine::rebuild`] gives what [`TrendEngine::apply`] gave.

mod assess;
mod calendar;
mod compare;
mod contribution;
mod coverage;
mod digest;
mod dims;
mod dispersion;
mod engine;
mod episodes;
mod error;
mod evaluate;
mod evidence;
mod filter;
mod index_evidence;
mod notice;
mod rebuild;
mod rules;
mod series;
mod state;
pub mod stats;
mod store;
mod tell;
mod view;
mod window;

#[cfg(test)]
mod counts_tests;
#[cfg(test)]
pub(crate) mod draws;
#[cfg(test)]
mod episode_tests;
#[cfg(test)]
mod simulation_tests;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
pub(crate) mod testing;

pub use assess::Assessment;
pub use contribution::{Contribution, Sign};
pub use digest::TrendDigest;
pub use dims::{Dimension, is_voice};
pub use dispersion::{Dispersion, Scatter};
pub use engine::TrendEngine;
pub use error::TrendError;
pub use evidence::{Evidence, Scope, Showing, Support};
pub use index_evidence::IndexEvidence;
pub use notice::{NOTICE_SCHEMA, Notice, NoticeKind};
pub use rules::builtin_rules;
pub use series::{Bucketing, CountRow, KeySeries, SeriesRequest};
