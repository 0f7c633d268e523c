//! Privacy after the fact: what is still there.
//!
//! Comes in: a data directory whose process is stopped, or files. Goes out: a [`ScanReport`] or an [`EraseReport`]. Can fail:
//! [`PrivacyError`]. No metric.

mod erase;
mod erasures;
mod places;
mod scan;

pub use erase::{EraseReport, apply, erase};
pub use erasures::{ERASURES_FILE, Erasure, Erasures};
pub use scan::{Place, ScanReport, scan_data_dir, scan_files};

use crate::checkpoint::CheckpointError;
use crate::index::IndexError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: std::io::Error },
    #[error("{}: line {line} is no erasure; restore the file from its newest copy", path.display())]
    Damaged { path: PathBuf, line: usize },
    #[error("index: {0}")]
    Index(#[from] IndexError),
    #[error("state log: {0}")]
    Log(#[from] CheckpointError),
}

impl PrivacyError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::Damaged { .. } => "damaged",
            Self::Index(_) => "index",
            Self::Log(_) => "log",
        }
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { path, error }
    }
}
