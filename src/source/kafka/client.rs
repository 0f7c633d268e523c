//! The client: its callbacks, its properties, its end.

use crate::config::KafkaConfig;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, Statistics};
use std::sync::atomic::{AtomicBool, Ordering};

/// Takes topic, partition and the messages between the position and the end.
pub type LagObserver = Box<dyn Fn(&str, i32, i64) + Send + Sync>;

/// Callbacks of the client: its log goes to ours, its statistics to the lag.
pub(super) struct Context {
    lag: LagObserver,
    /// Set when the client is let go: what it says of brokers from then on is nobody's trouble.
    is_closing: AtomicBool,
}

impl Context {
    pub fn new(lag: LagObserver) -> Self {
        Self {
            lag,
            is_closing: AtomicBool::new(false),
        }
    }
}

impl ClientContext for Context {
    fn stats(&self, statistics: Statistics) {
        for (topic, metrics) in statistics.topics {
            for (partition, metrics) in metrics.partitions {
                if partition >= 0 && metrics.ls_offset >= 0 && metrics.app_offset >= 0 {
                    (self.lag)(&topic, partition, (metrics.ls_offset - metrics.app_offset).max(0));
                }
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // the end of a partition is an event of its queue
        let is_end = error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF);
        if !is_end && !self.is_closing.load(Ordering::Relaxed) {
            tracing::warn!(%error, reason, "kafka client");
        }
    }
}

impl ConsumerContext for Context {}

/// Closing a consumer waits for its coordinator and can hang: nobody waits for that.
pub(super) fn close(consumer: BaseConsumer<Context>) {
    consumer.context().is_closing.store(true, Ordering::Relaxed);
    if let Err(error) = consumer.unassign() {
        tracing::debug!(%error, "letting go of the partitions");
    }
    let closing = std::thread::Builder::new()
        .name("kafka-close".to_owned())
        .spawn(move || drop(consumer));
    if let Err(error) = closing {
        tracing::warn!(%error, "closing a kafka consumer");
    }
}

/// A client configuration with our fixed properties over the user's.
pub fn client_config(kafka: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("client.id", "qingting");
    client.extend(kafka.properties.iter().map(|(key, value)| (key.clone(), value.clone())));
    client.set("bootstrap.servers", &kafka.brokers);
    client
}

pub(super) fn consumer_config(kafka: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    // ours unless the user says otherwise
    client
        // a queue a partition: with 8 MiB four partitions of lz4 batches were 58 MB
        .set("queued.max.messages.kbytes", "1024")
        // a full queue is looked at again after this, not after the default second
        .set("fetch.queue.backoff.ms", "20")
        .set("fetch.wait.max.ms", "50")
        .set("statistics.interval.ms", "5000");
    client
        .set("topic.metadata.refresh.interval.ms", "30000")
        .set("log_level", "4");
    client.extend(kafka.properties.iter().map(|(key, value)| (key.clone(), value.clone())));
    // ours whatever the user says: positions come from the checkpoint alone
    client
        .set("client.id", "qingting")
        .set("bootstrap.servers", &kafka.brokers)
        .set("group.id", &kafka.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("check.crcs", "true")
        .set("isolation.level", "read_committed");
    client
}
