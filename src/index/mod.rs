//! Index: the one truth.
//!
//! Comes in: prepared items in record order. Goes out: documents in the tantivy index, one outcome an item, and what
//! the replaced document had contributed. Can fail: [`IndexError`], terminal for writer, caches and read positions
//! together (the one recovery path). Metrics: `qingting_items_total`, `qingting_checkpoint_duration_seconds`.

mod bands;
mod beside;
mod document;
mod duplicates;
mod lookup;
pub mod schema;
mod store;
mod token_text;

pub use document::*;
pub use duplicates::{DuplicateWindow, Seen};
pub use lookup::{ItemVersion, Known, KnownDocument, decode, find, id_of};
pub use store::{Applied, IndexStore, Standing, open_for_reading, register_tokenizer};

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("index: {0}")]
    Tantivy(#[from] tantivy::TantivyError),
    #[error("index: {0}")]
    Io(#[from] std::io::Error),
    #[error("index: {0}")]
    Corrupt(String),
    #[error("{}: no index here; `qingting run` makes one", .0.display())]
    Missing(PathBuf),
    #[error("{}: another process holds this data directory; stop it first or use another `data_dir`", .0.display())]
    Locked(PathBuf),
    #[error("{}: built with another {what}; run `qingting run` with a new `data_dir`, which reads the topics again from the beginning", path.display())]
    Rebuild { path: PathBuf, what: &'static str },
}

impl IndexError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tantivy(_) => "tantivy",
            Self::Io(_) => "io",
            Self::Corrupt(_) => "corrupt",
            Self::Missing(_) => "missing",
            Self::Locked(_) => "locked",
            Self::Rebuild { .. } => "rebuild",
        }
    }
}

#[cfg(test)]
mod tests;
