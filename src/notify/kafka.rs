//! A Kafka topic as a receiver: key = episode id, value = the alert record as JSON, acknowledged by all in-sync replicas.

use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use serde_json::Value;

use super::queue::{StopSignal, Transport};
use super::{ATTEMPT, DeliveryError, NotifyError};
use crate::clock::Stopwatch;
use crate::config::KafkaConfig;

/// How long one poll for the acknowledgement waits; also how soon a stop is noticed.
const POLL: Duration = Duration::from_millis(50);

pub(super) struct KafkaTopic {
    topic: String,
    producer: BaseProducer<Acknowledgement>,
    /// Number of the record that is being sent; an answer to an earlier one is ignored.
    sent: u64,
}

impl KafkaTopic {
    pub(super) fn new(receiver: &str, topic: &str, kafka: &KafkaConfig) -> Result<Self, NotifyError> {
        let mut properties = ClientConfig::new();
        for (name, value) in &kafka.properties {
            properties.set(name, value);
        }
        properties
            .set("bootstrap.servers", &kafka.brokers)
            .set("acks", "all")
            .set("linger.ms", "0")
            // librdkafka gives up a little before we do, so that a try ends with its answer and not with ours
            .set("message.timeout.ms", (ATTEMPT.as_millis() - 500).to_string());
        let producer = properties
            .create_with_context(Acknowledgement::default())
            .map_err(|cause| NotifyError::Producer {
                receiver: receiver.to_owned(),
                cause,
            })?;
        Ok(Self {
            topic: topic.to_owned(),
            producer,
            sent: 0,
        })
    }
}

impl Transport for KafkaTopic {
    fn deliver(&mut self, alert: &Value, limit: Duration, stop: &StopSignal) -> Result<(), DeliveryError> {
        self.sent += 1;
        let key = alert.get("id").and_then(Value::as_str).unwrap_or_default();
        let value = alert.to_string();
        let record = BaseRecord::with_opaque_to(&self.topic, Box::new(self.sent))
            .key(key)
            .payload(&value);
        self.producer
            .send(record)
            .map_err(|(error, _)| DeliveryError::Kafka(error))?;
        let waited = Stopwatch::start();
        loop {
            self.producer.poll(POLL);
            if let Some((sent, result)) = self.producer.context().take()
                && sent == self.sent
            {
                return result.map_err(DeliveryError::Kafka);
            }
            // While stopping, a broker that answers gets its time; one that does not is not waited for in full.
            let limit = if stop.is_set() {
                limit.min(stop.time_left())
            } else {
                limit
            };
            if waited.elapsed() >= limit {
                return Err(DeliveryError::Timeout);
            }
        }
    }
}

/// Keeps the last answer of the broker.
#[derive(Default)]
struct Acknowledgement(Mutex<Option<(u64, Result<(), KafkaError>)>>);

impl Acknowledgement {
    fn take(&self) -> Option<(u64, Result<(), KafkaError>)> {
        self.0.lock().take()
    }
}

impl ClientContext for Acknowledgement {
    fn error(&self, error: KafkaError, reason: &str) {
        // A broker that is down says so several times a second; the failed tries are logged with their cause.
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown) => {
                tracing::debug!("kafka receiver: {error}: {reason}");
            }
            _ => tracing::warn!("kafka receiver: {error}: {reason}"),
        }
    }
}

impl ProducerContext for Acknowledgement {
    type DeliveryOpaque = Box<u64>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<u64>) {
        let result = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.clone()),
        };
        *self.0.lock() = Some((*sent, result));
    }
}
