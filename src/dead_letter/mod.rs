//! Dead letters: what could not be read, kept with code and position.
//!
//! Comes in: dead letters of any stage, through the index thread. Goes out: `dead_letters.ndjson` (each line once, its
//! length is part of the checkpoint) and, if configured, a Kafka topic, fed from the committed part of that file, at
//! least once. Can fail: [`DeadLetterError`] at start; a broker that is away only delays. Metric:
//! `qingting_dead_letters_total`.

mod bytes;

pub use bytes::keep_bytes;

use crate::config::Config;
use crate::source::kafka::client_config;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(200);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);
/// Letters in flight before their acknowledgement is awaited.
const BATCH_LETTERS: usize = 1_000;

#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    #[error("`[dead_letter] topic` needs `[kafka] brokers`")]
    NoBrokers,
    #[error("dead-letter topic: {0}")]
    Kafka(#[from] rdkafka::error::KafkaError),
    #[error("dead-letter topic: {0}")]
    Io(#[from] std::io::Error),
}

impl DeadLetterError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoBrokers => "no_brokers",
            Self::Kafka(_) => "kafka",
            Self::Io(_) => "io",
        }
    }
}

/// Copies the committed lines of the dead-letter file to a topic, on a thread of its own.
pub struct TopicSender {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Copying {
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: String,
    path: PathBuf,
    /// Length that the brokers have acknowledged; the next commit stores it.
    sent: Arc<AtomicU64>,
    /// Length that the last commit names: nothing beyond it leaves.
    durable: Arc<AtomicU64>,
}

impl TopicSender {
    pub fn start(
        config: &Config,
        topic: &str,
        path: &Path,
        sent: Arc<AtomicU64>,
        durable: Arc<AtomicU64>,
    ) -> Result<Self, DeadLetterError> {
        let kafka = config.kafka.as_ref().ok_or(DeadLetterError::NoBrokers)?;
        let producer = client_config(kafka)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .create()?;
        let copying = Copying {
            producer,
            topic: topic.to_owned(),
            path: path.to_owned(),
            sent,
            durable,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("dead-letters".to_owned())
            .spawn(move || {
                while !stopped.load(Ordering::Acquire) {
                    match copying.copy_once() {
                        Ok(true) => {}
                        Ok(false) => std::thread::sleep(POLL),
                        Err(error) => {
                            tracing::warn!(%error, "sending dead letters failed; trying again");
                            std::thread::sleep(POLL * 10);
                        }
                    }
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for TopicSender {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // a panic there has been logged, and the letters leave at the next start
            let _ = thread.join();
        }
    }
}

impl Copying {
    /// Sends one batch of whole lines and waits for the acknowledgement. False when there was nothing.
    fn copy_once(&self) -> Result<bool, DeadLetterError> {
        let (from, to) = (self.sent.load(Ordering::Acquire), self.durable.load(Ordering::Acquire));
        if from >= to {
            return Ok(false);
        }
        let mut file = std::fs::File::open(&self.path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut reader = BufReader::new(std::io::Read::take(file, to - from));
        let (mut read, mut line) = (0u64, Vec::new());
        for _ in 0..BATCH_LETTERS {
            line.clear();
            let bytes = reader.read_until(b'\n', &mut line)?;
            if bytes == 0 {
                break;
            }
            read += bytes as u64;
            let record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.topic).payload(line.trim_ascii_end());
            self.producer.send(record).map_err(|(error, _)| error)?;
        }
        self.producer.flush(FLUSH_TIMEOUT)?;
        if self.producer.in_flight_count() > 0 {
            return Ok(true); // not acknowledged: the same lines again
        }
        self.sent.store(from + read, Ordering::Release);
        Ok(true)
    }
}
