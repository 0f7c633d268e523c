//! `qingting ingest`: the records of files to a Kafka topic.

use super::reader::{check_format, files_or_stdin};
use super::{EXIT_FAILED, UsageError, default_config, key};
use crate::clock::Stopwatch;
use crate::config::SourceConfig;
use crate::format::{FormatOutcome, Formats};
use crate::item::{Change, Item, RawRecord};
use crate::normalize::Normalizer;
use crate::source::file::FileSource;
use anyhow::Context;
use clap::{Args, ValueEnum};
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientContext, Message};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a broker may take to answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// The format that sends a record's bytes as they are.
const RAW: &str = "raw";

#[derive(Debug, Args)]
#[command(after_help = "\
`raw` sends each record's bytes as they are, a preset's name sends canonical items, cleaned and masked, with their
collect time as record time. Idempotent producer, all replicas acknowledge. What cannot be read counts as failed;
exit code 1 if anything failed. `records` = `acked` + `failed`.

Examples:
  qingting ingest --brokers localhost:9092 --topic reviews reviews.ndjson
  qingting ingest --brokers localhost:9092 --topic items --format jd_comment --key id reviews.ndjson
  zcat old.ndjson.gz | qingting ingest --brokers localhost:9092 --topic reviews --rate 500 --json -")]
pub struct IngestArgs {
    /// Kafka brokers
    #[arg(long, value_name = "HOST:PORT,..")]
    pub brokers: String,
    /// Topic
    #[arg(long, value_name = "TOPIC")]
    pub topic: String,
    /// `raw`, or the preset that reads the records
    #[arg(long, value_name = "raw|NAME", default_value = "raw")]
    pub format: String,
    /// Message key [default: id with a preset, none with raw]; with raw, `id` is the record's own field
    #[arg(long, value_enum)]
    pub key: Option<IngestKey>,
    /// Records a second at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Any librdkafka property, such as security.protocol=SASL_SSL (repeatable)
    #[arg(short = 'X', long = "property", value_name = "KEY=VALUE")]
    pub properties: Vec<String>,
    /// Print one JSON document {"records","acked","failed"}
    #[arg(long)]
    pub json: bool,
    /// Files to read, `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IngestKey {
    /// The item's id
    Id,
    /// No key: records spread over the partitions
    None,
}

pub fn run(args: IngestArgs) -> anyhow::Result<ExitCode> {
    let mut files = FileSource::open(0, &files_or_stdin(&args.files), None)?;
    let mut maker = Maker::new(&args)?;
    let mut sender = Sender::connect(&args)?;
    let mut unreadable = 0;
    while let Some(record) = files.next_record()? {
        let (messages, faults) = maker.messages(record)?;
        unreadable += faults;
        for message in messages {
            sender.send(&message)?;
        }
    }
    let (acked, lost) = sender.finish()?;
    let failed = lost + unreadable;
    report(acked, failed, args.json)?;
    Ok(ExitCode::from(if failed == 0 { super::EXIT_DONE } else { EXIT_FAILED }))
}

fn report(acked: u64, failed: u64, json: bool) -> anyhow::Result<()> {
    let records = acked + failed;
    let mut out = std::io::stdout();
    if json {
        writeln!(
            out,
            "{}",
            serde_json::json!({ "records": records, "acked": acked, "failed": failed })
        )?;
    } else {
        writeln!(out, "{records} records, {acked} acknowledged, {failed} failed")?;
    }
    Ok(())
}

/// One message on its way.
struct Outgoing {
    key: Option<String>,
    /// `None` deletes the item whose id is the key.
    payload: Option<Vec<u8>>,
    /// ms UTC; `None` leaves it to the client.
    timestamp_ms: Option<i64>,
}

/// From records to messages.
#[allow(clippy::large_enum_variant)] // there is one for a run of the command
enum Maker {
    Raw {
        with_key: bool,
    },
    Canonical {
        formats: Formats,
        source: SourceConfig,
        normalizer: Normalizer,
        with_key: bool,
    },
}

impl Maker {
    fn new(args: &IngestArgs) -> anyhow::Result<Self> {
        if args.format == RAW {
            return Ok(Self::Raw {
                with_key: args.key == Some(IngestKey::Id),
            });
        }
        let config = default_config()?;
        let formats = Formats::with_directory(config.formats.directory.as_deref())?.with_zone(config.time.zone);
        check_format(&formats, &args.format)?;
        Ok(Self::Canonical {
            formats,
            source: SourceConfig::reading("ingest", &args.format),
            normalizer: Normalizer::new(&key::author_key(&config)?, config.time.zone),
            with_key: args.key != Some(IngestKey::None),
        })
    }

    /// Messages of a record, and how many of its parts could not be read.
    fn messages(&mut self, record: RawRecord) -> anyhow::Result<(Vec<Outgoing>, u64)> {
        match self {
            Self::Raw { with_key } => {
                if let Some(fault) = &record.unreadable {
                    tracing::warn!(record = %record.position, code = fault.code.code(), "{}", fault.message);
                    return Ok((Vec::new(), 1));
                }
                let payload = record.payload.unwrap_or_default();
                let key = if *with_key { own_id(&payload) } else { None };
                Ok((
                    vec![Outgoing {
                        key,
                        payload: Some(payload),
                        timestamp_ms: None,
                    }],
                    0,
                ))
            }
            Self::Canonical {
                formats,
                source,
                normalizer,
                with_key,
            } => {
                let mut outcome = FormatOutcome::default();
                formats.read(&record, source, &mut outcome);
                for letter in &outcome.dead_letters {
                    tracing::warn!(record = %letter.id, code = letter.code.code(), "{}", letter.message);
                }
                let faults = outcome.dead_letters.len() as u64;
                let mut messages = Vec::with_capacity(outcome.changes.len());
                for change in outcome.changes {
                    messages.push(match change {
                        Change::Upsert(item) => canonical(&normalizer.normalize(item).item, *with_key)?,
                        // A deletion is known by its key alone.
                        Change::Delete { id, .. } => Outgoing {
                            key: Some(id),
                            payload: None,
                            timestamp_ms: None,
                        },
                    });
                }
                Ok((messages, faults))
            }
        }
    }
}

fn canonical(item: &Item, with_key: bool) -> anyhow::Result<Outgoing> {
    let collect_time_is_known = !item.quality.missing.iter().any(|field| field == "collected_at");
    Ok(Outgoing {
        key: with_key.then(|| item.id.clone()),
        payload: Some(serde_json::to_vec(item)?),
        timestamp_ms: (collect_time_is_known && item.collected_at > 0).then_some(item.collected_at),
    })
}

/// The field `id` of a JSON object.
fn own_id(payload: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct WithId {
        id: serde_json::Value,
    }
    match serde_json::from_slice::<WithId>(payload).ok()?.id {
        serde_json::Value::String(id) => Some(id),
        serde_json::Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// Counts what the brokers acknowledged and what they did not.
#[derive(Default)]
struct Deliveries {
    acked: AtomicU64,
    lost: AtomicU64,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.acked.fetch_add(1, Ordering::Relaxed);
            }
            Err((error, message)) => {
                let seen = self.lost.fetch_add(1, Ordering::Relaxed);
                if seen < 10 {
                    tracing::error!(topic = message.topic(), %error, "not acknowledged");
                }
            }
        }
    }
}

struct Sender {
    producer: BaseProducer<Deliveries>,
    topic: String,
    rate: Option<u32>,
    started: Stopwatch,
    sent: u64,
    refused: u64,
}

impl Sender {
    /// Connects and asks the broker for its metadata, so that a wrong address is told before anything is read.
    fn connect(args: &IngestArgs) -> anyhow::Result<Self> {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &args.brokers)
            .set("client.id", "qingting-ingest")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("linger.ms", "20")
            .set("message.timeout.ms", "60000");
        for property in &args.properties {
            let (name, value) = property
                .split_once('=')
                .ok_or_else(|| UsageError(format!("--property {property}: want KEY=VALUE")))?;
            client.set(name.trim(), value);
        }
        let producer: BaseProducer<Deliveries> = client
            .create_with_context(Deliveries::default())
            .map_err(|error| UsageError(format!("kafka: {error}")))?;
        producer
            .client()
            .fetch_metadata(None, CONNECT_TIMEOUT)
            .with_context(|| format!("no broker answers at {}", args.brokers))?;
        let (topic, rate) = (args.topic.clone(), args.rate);
        Ok(Self {
            producer,
            topic,
            rate,
            started: Stopwatch::start(),
            sent: 0,
            refused: 0,
        })
    }

    fn send(&mut self, message: &Outgoing) -> anyhow::Result<()> {
        self.pace();
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(&self.topic);
        if let Some(payload) = &message.payload {
            record = record.payload(payload);
        }
        if let Some(key) = &message.key {
            record = record.key(key);
        }
        if let Some(timestamp_ms) = message.timestamp_ms {
            record = record.timestamp(timestamp_ms);
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => break,
                // The client's own buffer is full: wait for acknowledgements.
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    self.producer.poll(Duration::from_millis(100));
                }
                Err((KafkaError::MessageProduction(code @ RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                    tracing::error!(error = %code, "not sent");
                    self.refused += 1;
                    break;
                }
                Err((error, _)) => return Err(error).context("sending"),
            }
        }
        self.sent += 1;
        if self.sent.is_multiple_of(1000) {
            self.producer.poll(Duration::ZERO);
        }
        Ok(())
    }

    /// Waits until the next record is due.
    fn pace(&self) {
        let Some(rate) = self.rate else { return };
        let due = Duration::from_secs_f64(self.sent as f64 / f64::from(rate));
        while let Some(left) = due.checked_sub(self.started.elapsed()).filter(|left| !left.is_zero()) {
            self.producer.poll(left.min(Duration::from_millis(100)));
        }
    }

    /// Waits for all acknowledgements. Returns how many came and how many messages were lost.
    fn finish(self) -> anyhow::Result<(u64, u64)> {
        // Bounded by message.timeout.ms: each message is acknowledged or given up by then.
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(100));
        }
        let context = self.producer.context();
        Ok((
            context.acked.load(Ordering::Relaxed),
            context.lost.load(Ordering::Relaxed) + self.refused,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_record_may_carry_its_own_id_as_key() {
        assert_eq!(
            own_id(br#"{"text":"x","id":"jd:review:1"}"#).as_deref(),
            Some("jd:review:1")
        );
        assert_eq!(own_id(br#"{"id":17}"#).as_deref(), Some("17"));
        assert_eq!(own_id(br#"{"id":null}"#), None);
        assert_eq!(own_id(b"not json"), None);
    }

    #[test]
    fn an_item_goes_out_at_its_collect_time_if_that_is_known() {
        let mut item = Item {
            id: "a".to_owned(),
            collected_at: 5,
            ..Item::default()
        };
        assert_eq!(canonical(&item, true).unwrap().timestamp_ms, Some(5));
        item.quality.missing.push("collected_at".to_owned());
        let message = canonical(&item, false).unwrap();
        assert_eq!((message.timestamp_ms, message.key), (None, None));
    }
}
