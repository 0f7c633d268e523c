//! What can go wrong in a delivery, with a bounded code.

/// Why the notifier cannot start.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    #[error("receiver \"{receiver}\": type \"kafka\" needs the brokers of [kafka]")]
    NoBrokers { receiver: String },
    #[error("receiver \"{receiver}\": librdkafka refuses the properties of [kafka]: {cause}")]
    Producer {
        receiver: String,
        cause: rdkafka::error::KafkaError,
    },
    #[error("cannot start a thread for notifications: {0}")]
    Thread(std::io::Error),
}

impl NotifyError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoBrokers { .. } => "notify_no_brokers",
            Self::Producer { .. } => "notify_producer",
            Self::Thread(_) => "notify_thread",
        }
    }
}

/// Why one try failed.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    #[error("cannot reach the receiver: {0}")]
    Unreachable(String),
    #[error("no answer in time")]
    Timeout,
    #[error("the receiver answered with status {status}: {body}")]
    Status { status: u16, body: String },
    #[error("kafka did not take it: {0}")]
    Kafka(rdkafka::error::KafkaError),
}

impl DeliveryError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Timeout => "timeout",
            Self::Status { .. } => "status",
            Self::Kafka(_) => "kafka",
        }
    }

    /// True if the receiver will never take this content. What an operator can mend (a password, a path, a topic that
    /// is not there yet) is not final: a page must not be lost over it.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 400 | 413 | 422),
            Self::Kafka(error) => matches!(
                error.rdkafka_error_code(),
                Some(
                    rdkafka::types::RDKafkaErrorCode::MessageSizeTooLarge
                        | rdkafka::types::RDKafkaErrorCode::InvalidRecord
                )
            ),
            Self::Unreachable(_) | Self::Timeout => false,
        }
    }
}
