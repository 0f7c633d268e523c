//! Telemetry: every exported series, the log, and CPU time per stage.
//!
//! Comes in: observations of all stages. Goes out: [`Metrics::render`] in the Prometheus text format, and log
//! lines on stderr. Can fail: building the registry (a series declared twice), and setting the log up twice.
//! Moves every metric; it has none of its own. Labels are bounded: configured names and closed enumerations only.

mod cpu;
mod firing;
mod log;
mod metrics;

pub use cpu::{StageTimer, thread_cpu_seconds};
pub use firing::{FiringAlert, MAX_FIRING_SERIES};
pub use log::{LogError, init_log, is_level};
pub use metrics::{Metrics, MetricsInner, StageSeries};

/// The stages as they stand in the label `stage`, in the data's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    Source,
    Format,
    Normalize,
    Segment,
    Classify,
    Enrich,
    Index,
    Trend,
    Alert,
    Notify,
}

impl Stage {
    pub const ALL: [Self; 10] = [
        Self::Source,
        Self::Format,
        Self::Normalize,
        Self::Segment,
        Self::Classify,
        Self::Enrich,
        Self::Index,
        Self::Trend,
        Self::Alert,
        Self::Notify,
    ];

    pub fn label(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Format => "format",
            Self::Normalize => "normalize",
            Self::Segment => "segment",
            Self::Classify => "classify",
            Self::Enrich => "enrich",
            Self::Index => "index",
            Self::Trend => "trend",
            Self::Alert => "alert",
            Self::Notify => "notify",
        }
    }
}

/// What an item did to the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemOutcome {
    Inserted,
    Updated,
    Stale,
    Deleted,
}

impl ItemOutcome {
    pub const ALL: [Self; 4] = [Self::Inserted, Self::Updated, Self::Stale, Self::Deleted];

    pub fn label(self) -> &'static str {
        match self {
            Self::Inserted => "inserted",
            Self::Updated => "updated",
            Self::Stale => "stale",
            Self::Deleted => "deleted",
        }
    }
}

/// How trend took an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrendOutcome {
    Counted,
    Late,
    Future,
    Historical,
    Duplicate,
    Invalid,
}

impl TrendOutcome {
    pub const ALL: [Self; 6] = [
        Self::Counted,
        Self::Late,
        Self::Future,
        Self::Historical,
        Self::Duplicate,
        Self::Invalid,
    ];

    pub fn label(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Late => "late",
            Self::Future => "future",
            Self::Historical => "historical",
            Self::Duplicate => "duplicate",
            Self::Invalid => "invalid",
        }
    }
}
