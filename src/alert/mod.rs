//! The alert stage: what an episode is, how it lives and how it is told.
//!
//! Comes in: what the trend stage found at an hour boundary. Goes out: [`AlertRecord`]s, one per transition of an
//! episode, which become frames of the next commit. Cannot fail. Moves: `qingting_alert_firing`, `qingting_alert_ratio`.

mod lifecycle;
mod record;
mod summary;

pub use lifecycle::{Life, Observation, Policy, Transition};
pub use record::{
    ALERT_SCHEMA, AlertRecord, AlertState, CountPair, Interval, Summary, TermOdds, canonical_key, episode_id,
};
pub use summary::{Wording, summarize};
