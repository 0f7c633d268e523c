//! The dead letter: what could not be read, and why.

use super::RecordPosition;
use crate::one_line::one_line;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub const DEAD_LETTER_SCHEMA: &str = "qingting.dead_letter/1";

/// Why a record or a part of one was not readable. Bounded: the code is a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterCode {
    InvalidUtf8,
    JsonSyntax,
    JsonDepth,
    WrongType,
    MissingField,
    TooLarge,
    Bomb,
    Encoding,
    UnrecoverableId,
    NoPreset,
    SinkRejected,
    /// The record ended the process three times running.
    Crashed,
}

impl DeadLetterCode {
    pub const ALL: [Self; 12] = [
        Self::InvalidUtf8,
        Self::JsonSyntax,
        Self::JsonDepth,
        Self::WrongType,
        Self::MissingField,
        Self::TooLarge,
        Self::Bomb,
        Self::Encoding,
        Self::UnrecoverableId,
        Self::NoPreset,
        Self::SinkRejected,
        Self::Crashed,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::JsonSyntax => "json_syntax",
            Self::JsonDepth => "json_depth",
            Self::WrongType => "wrong_type",
            Self::MissingField => "missing_field",
            Self::TooLarge => "too_large",
            Self::Bomb => "bomb",
            Self::Encoding => "encoding",
            Self::UnrecoverableId => "unrecoverable_id",
            Self::NoPreset => "no_preset",
            Self::SinkRejected => "sink_rejected",
            Self::Crashed => "crashed",
        }
    }
}

/// One line of the dead-letter file, one message of the dead-letter topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetter {
    pub schema: String,
    /// `topic/partition/offset[#part]`.
    pub id: String,
    /// Configured name of the source.
    pub source: String,
    pub stage: String,
    pub code: DeadLetterCode,
    pub message: String,
    /// Record time, ms UTC (never the wall clock).
    pub at: i64,
    pub bytes_b64: Option<String>,
    pub bytes_len: u64,
    pub sha256: String,
}

impl DeadLetter {
    pub fn new(
        position: &RecordPosition,
        part: Option<u32>,
        source: &str,
        stage: &'static str,
        code: DeadLetterCode,
        message: &str,
        record_time_ms: i64,
        payload: &[u8],
    ) -> Self {
        let id = match part {
            Some(part) => format!("{position}#{part}"),
            None => position.to_string(),
        };
        Self {
            schema: DEAD_LETTER_SCHEMA.to_owned(),
            id,
            source: source.to_owned(),
            stage: stage.to_owned(),
            code,
            message: one_line(message),
            at: record_time_ms,
            bytes_b64: None,
            bytes_len: payload.len() as u64,
            sha256: hex::encode(Sha256::digest(payload)),
        }
    }
}
