use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Where a record stands in its source. A read position is a record; a commit falls between records.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RecordPosition {
    Kafka {
        topic: Arc<str>,
        partition: i32,
        offset: i64,
    },
    File {
        file: Arc<str>,
        record: u64,
    },
}

impl fmt::Display for RecordPosition {
    /// `topic/partition/offset` or `file/record`: the dead letter's id and the item's `raw_ref`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kafka {
                topic,
                partition,
                offset,
            } => write!(out, "{topic}/{partition}/{offset}"),
            Self::File { file, record } => write!(out, "{file}/{record}"),
        }
    }
}

/// Where an item stands: its record, and which of the record's parts it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ItemPosition {
    #[serde(flatten)]
    pub record: RecordPosition,
    /// 0-based; a reader's high-water mark compares (offset, part).
    pub part: u32,
    pub parts: u32,
}

impl ItemPosition {
    pub fn whole(record: RecordPosition) -> Self {
        Self {
            record,
            part: 0,
            parts: 1,
        }
    }
}
