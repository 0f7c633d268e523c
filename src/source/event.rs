//! What a source says besides records.

use rdkafka::error::KafkaError;

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("kafka: {0}; check `[kafka] brokers` and `properties`")]
    Client(KafkaError),
    #[error("file source: {0}")]
    File(String),
}

impl SourceError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Client(_) => "kafka",
            Self::File(_) => "file",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceEvent {
    Assigned {
        topic: String,
        partition: i32,
        epoch: u32,
        next_offset: i64,
    },
    /// The stored position or the record before it is not what the topic holds: it was re-created or cut.
    Refused { topic: String, partition: i32 },
    /// Records between the stored position and the first one that the broker still has are gone.
    Gap {
        topic: String,
        partition: i32,
        from: i64,
        to: i64,
    },
}
