//! The checkpoint: what one commit says about everything (decisions 1–3 and 8 of the design).
//!
//! Comes in: frames and counters of the open commit. Goes out: the payload inside the index's commit, the append-only
//! state log cut to the length that the payload names. Can fail: [`CheckpointError`], always terminal for the session.
//! Metrics: `qingting_checkpoint_age_seconds`, `qingting_checkpoint_duration_seconds`.

mod line_file;
mod payload;
mod starts;
mod state_log;
pub mod steps;
#[cfg(feature = "crash-test")]
pub mod watched_directory;

pub use line_file::LineFile;
pub use payload::*;
pub use starts::{Probe, StartCounter};
pub use state_log::*;
pub use steps::{Bug, Step, crash_on_text, enter, seeded};

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: shorter than the checkpoint says ({actual} < {expected} bytes); restore the data directory from one backup", path.display())]
    Short { path: PathBuf, expected: u64, actual: u64 },
    #[error("{}: frame at byte {offset} is damaged ({what}); restore the data directory from a backup", path.display())]
    Damaged {
        path: PathBuf,
        offset: u64,
        what: &'static str,
    },
    #[error("checkpoint payload does not parse: {0}; the data directory is from another version")]
    Payload(#[from] serde_json::Error),
}

impl CheckpointError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::Short { .. } => "short",
            Self::Damaged { .. } => "damaged",
            Self::Payload(_) => "payload",
        }
    }

    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}
