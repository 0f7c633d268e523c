//! `erasures.ndjson`: hashed tombstones of what was erased, beside the index.
//!
//! The index keeps tombstones of the items that it held. This file says it again for what the index cannot know: items
//! that an author's next crawl brings, and an index that was restored from a backup of before. Keep the newest copy of
//! it over whatever a backup brings back.

use super::PrivacyError;
use crate::index::id_hash;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

pub const ERASURES_FILE: &str = "erasures.ndjson";

/// What was asked to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erasure {
    /// Keyed id, as `author.id` of the items shows it.
    Author(String),
    /// Item id.
    Item(String),
}

/// One line of the file: never the id itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Author { hash: String },
    Item { hash: String },
}

/// Hashes of everything erased so far: looked at for every item that comes in.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Erasures {
    authors: FxHashSet<u64>,
    items: FxHashSet<u128>,
}

impl Erasures {
    pub fn load(data_dir: &Path) -> Result<Self, PrivacyError> {
        let path = data_dir.join(ERASURES_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(PrivacyError::io(&path)(error)),
        };
        let mut erasures = Self::default();
        for (number, line) in text.lines().enumerate() {
            let damaged = || PrivacyError::Damaged {
                path: path.clone(),
                line: number + 1,
            };
            match serde_json::from_str(line).map_err(|_| damaged())? {
                Line::Author { hash } => {
                    erasures
                        .authors
                        .insert(u64::from_str_radix(&hash, 16).map_err(|_| damaged())?);
                }
                Line::Item { hash } => {
                    erasures
                        .items
                        .insert(u128::from_str_radix(&hash, 16).map_err(|_| damaged())?);
                }
            }
        }
        Ok(erasures)
    }

    /// Adds an erasure to the file, durably, before anything is taken out.
    pub fn add(&mut self, data_dir: &Path, erasure: &Erasure) -> Result<(), PrivacyError> {
        let (line, new) = match erasure {
            Erasure::Author(id) => {
                let hash = xxh3_64(id.as_bytes());
                (
                    Line::Author {
                        hash: format!("{hash:016x}"),
                    },
                    self.authors.insert(hash),
                )
            }
            Erasure::Item(id) => {
                let hash = id_hash(id);
                (
                    Line::Item {
                        hash: format!("{hash:032x}"),
                    },
                    self.items.insert(hash),
                )
            }
        };
        if !new {
            return Ok(());
        }
        let path: PathBuf = data_dir.join(ERASURES_FILE);
        let mut bytes = serde_json::to_vec(&line).map_err(|error| PrivacyError::io(&path)(error.into()))?;
        bytes.push(b'\n');
        let mut file = std::fs::File::options()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(PrivacyError::io(&path))?;
        file.write_all(&bytes)
            .and_then(|()| file.sync_all())
            .map_err(PrivacyError::io(&path))
    }

    pub fn is_empty(&self) -> bool {
        self.authors.is_empty() && self.items.is_empty()
    }

    /// `author`: the hash of the `author` column, 0 where nobody is named.
    pub fn contains(&self, item: u128, author: u64) -> bool {
        self.items.contains(&item) || author != 0 && self.authors.contains(&author)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_erased_is_known_after_a_restart_and_no_id_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let mut erasures = Erasures::load(directory.path()).unwrap();
        assert!(erasures.is_empty());
        for erasure in [
            Erasure::Author("ab12".to_owned()),
            Erasure::Item("jd:review:1".to_owned()),
        ] {
            erasures.add(directory.path(), &erasure).unwrap();
            erasures.add(directory.path(), &erasure).unwrap();
        }
        let again = Erasures::load(directory.path()).unwrap();
        assert_eq!(again, erasures);
        assert!(
            again.contains(id_hash("jd:review:1"), 0) && again.contains(1, xxh3_64(b"ab12")) && !again.contains(1, 0)
        );
        let file = std::fs::read_to_string(directory.path().join(ERASURES_FILE)).unwrap();
        assert_eq!(file.lines().count(), 2);
        assert!(!file.contains("ab12\"") && !file.contains("jd:review"), "{file}");
        std::fs::write(directory.path().join(ERASURES_FILE), "{}\n").unwrap();
        assert!(
            Erasures::load(directory.path())
                .unwrap_err()
                .to_string()
                .contains("line 1")
        );
    }
}
