//! The payload of a commit.

use crate::item::RecordOutcome;
use crate::telemetry::ItemOutcome;
use crate::trend::TrendDigest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const PAYLOAD_FORMAT: u32 = 1;
/// Raised with every change of the index that a former one cannot be read with: one of another format is not opened.
pub const INDEX_FORMAT: u64 = 4;

/// Everything that a start needs besides the documents. Written by each commit, atomically with its segments.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Payload {
    pub format: u32,
    /// 1 for the first commit of the data directory.
    pub commit: u64,
    pub positions: Vec<TopicPosition>,
    pub files: Vec<FilePosition>,
    /// Balance by source name.
    pub balance: BTreeMap<String, Balance>,
    /// Alive documents of the index, tombstones among them.
    pub alive_docs: u64,
    /// Of these, tombstones.
    pub tombstones: u64,
    pub state_log: LogPosition,
    /// Length of the dead-letter file.
    pub dead_letters_bytes: u64,
    /// Length up to which dead letters were acknowledged by their topic.
    pub dead_letters_sent_bytes: u64,
    pub identities: Identities,
    /// The hour of record time that is being read, ms; everything of earlier hours is in. `None` before the first record.
    pub record_hour_ms: Option<i64>,
    /// Newest record time read so far, ms.
    pub newest_record_time_ms: i64,
    /// Rules have been evaluated up to and with this boundary.
    pub evaluated_through_ms: Option<i64>,
    /// Pending and firing episodes: `TrendEngine::state`.
    pub rule_state: serde_json::Value,
    pub trend: TrendDigest,
    pub committed_at_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicPosition {
    pub topic: String,
    /// Raised when a topic is reset after it was re-created.
    pub epoch: u32,
    pub partition: i32,
    pub next_offset: i64,
    /// Offset, xxh3-64 of the payload and timestamp of the last record read: notices a re-created topic.
    pub last_offset: i64,
    pub last_hash: u64,
    pub last_timestamp_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePosition {
    pub source: String,
    pub file: String,
    pub next_record: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPosition {
    pub file: String,
    pub bytes: u64,
    pub next_seq: u64,
}

/// records = mapped + skipped + dead; items = inserted + updated + stale + deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    pub records: u64,
    pub mapped: u64,
    pub skipped: u64,
    pub dead_letter: u64,
    pub items: u64,
    pub inserted: u64,
    pub updated: u64,
    pub stale: u64,
    pub deleted: u64,
    /// Dead letters written; a record may have several (one for each part) or be mapped and have some.
    pub dead_letters: u64,
    /// Bytes of the records.
    pub bytes: u64,
}

impl Balance {
    pub fn count_record(&mut self, outcome: RecordOutcome, bytes: u64) {
        self.records += 1;
        self.bytes += bytes;
        match outcome {
            RecordOutcome::Mapped => self.mapped += 1,
            RecordOutcome::Skipped => self.skipped += 1,
            RecordOutcome::Dead => self.dead_letter += 1,
        }
    }

    pub fn count_item(&mut self, outcome: ItemOutcome) {
        self.items += 1;
        match outcome {
            ItemOutcome::Inserted => self.inserted += 1,
            ItemOutcome::Updated => self.updated += 1,
            ItemOutcome::Stale => self.stale += 1,
            ItemOutcome::Deleted => self.deleted += 1,
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.mapped += other.mapped;
        self.skipped += other.skipped;
        self.dead_letter += other.dead_letter;
        self.items += other.items;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.stale += other.stale;
        self.deleted += other.deleted;
        self.dead_letters += other.dead_letters;
        self.bytes += other.bytes;
    }

    pub fn is_exact(&self) -> bool {
        self.records == self.mapped + self.skipped + self.dead_letter
            && self.items == self.inserted + self.updated + self.stale + self.deleted
    }
}

/// What the index was built with (decision 13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identities {
    /// *Rebuild*: a change refuses the start. The first is [`INDEX_FORMAT`].
    pub schema: u64,
    pub dictionary: u64,
    /// *Epoch*: a change is noted and raises the analysis epoch.
    pub model: String,
    pub zone: String,
    pub key: u64,
    pub epoch: u64,
}

impl Default for Identities {
    /// An index of this build that nothing was written to.
    fn default() -> Self {
        Self {
            schema: INDEX_FORMAT,
            dictionary: 0,
            model: String::new(),
            zone: String::new(),
            key: 0,
            epoch: 0,
        }
    }
}

impl Payload {
    pub fn total(&self) -> Balance {
        let mut total = Balance::default();
        self.balance.values().for_each(|balance| total.add(balance));
        total
    }

    /// Highest epoch known of a topic, 0 for one never read.
    pub fn epoch_of(&self, topic: &str) -> u32 {
        self.positions
            .iter()
            .filter(|position| position.topic == topic)
            .map(|position| position.epoch)
            .max()
            .unwrap_or(0)
    }
}
