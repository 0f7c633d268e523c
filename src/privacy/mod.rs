//! Privacy after the fact: what is still there.
//!
//! Comes in: a data directory whose process is stopped, or files. Goes out: a [`ScanReport`]. Can fail:
//! [`PrivacyError`]. No metric.

mod places;
mod scan;

pub use scan::{Place, ScanReport, scan_data_dir, scan_files};

use crate::checkpoint::CheckpointError;
use crate::index::IndexError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: std::io::Error },
    #[error("index: {0}")]
    Index(#[from] IndexError),
    #[error("state log: {0}")]
    Log(#[from] CheckpointError),
}

impl PrivacyError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::Index(_) => "index",
            Self::Log(_) => "log",
        }
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { path, error }
    }
}
