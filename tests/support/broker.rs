//! A real Apache Kafka: the one named by `QINGTING_KAFKA`, or the one that `scripts/kafka.sh` starts.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// One record to produce or as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KafkaRecord {
    pub partition: i32,
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
}

pub struct Broker {
    pub address: String,
    runtime: tokio::runtime::Runtime,
    admin: AdminClient<DefaultClientContext>,
}

/// Address of the broker, started at most once for a test binary. `Err` says why there is none.
fn address() -> Result<String, String> {
    static ADDRESS: OnceLock<Result<String, String>> = OnceLock::new();
    ADDRESS
        .get_or_init(|| {
            if let Ok(address) = std::env::var("QINGTING_KAFKA") {
                return Ok(address);
            }
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/kafka.sh");
            let output = Command::new("bash")
                .arg(script)
                .arg("start")
                .output()
                .map_err(|error| format!("{script}: {error}"))?;
            if !output.status.success() {
                return Err(format!(
                    "{script} start: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                ));
            }
            String::from_utf8_lossy(&output.stdout)
                .split_whitespace()
                .map(|word| word.rsplit('=').next().unwrap_or(word))
                .rfind(|word| {
                    word.rsplit_once(':')
                        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
                })
                .map(str::to_owned)
                .ok_or_else(|| format!("{script} start printed no HOST:PORT"))
        })
        .clone()
}

impl Broker {
    pub fn get() -> Result<Self, String> {
        Self::at(address()?)
    }

    /// The broker that listens without TLS or SASL on `address`.
    pub fn at(address: String) -> Result<Self, String> {
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &address)
            .create()
            .map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        admin
            .inner()
            .fetch_metadata(None, Duration::from_secs(20))
            .map_err(|error| format!("{address}: {error}"))?;
        Ok(Self {
            address,
            runtime,
            admin,
        })
    }

    /// Name that no other test run uses.
    pub fn fresh_name(label: &str) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        format!(
            "t{:x}-{}-{label}",
            since.as_millis() as u64,
            NEXT.fetch_add(1, Ordering::Relaxed)
        )
    }

    /// Record times lie years back: without endless retention the broker would delete them at once.
    pub fn create_topic(&self, name: &str, partitions: i32, more: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1))
            .set("retention.ms", "-1")
            .set("message.timestamp.after.max.ms", "9223372036854775807");
        for (key, value) in more {
            topic = topic.set(key, value);
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let results = self
                .runtime
                .block_on(self.admin.create_topics([&topic], &AdminOptions::new()))
                .expect("create topics");
            match results.into_iter().next() {
                // A topic of that name is still being deleted.
                Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(200));
                }
                Some(Err((name, code))) => panic!("create topic {name}: {code}"),
                _ => break,
            }
        }
    }

    pub fn delete_topic(&self, name: &str) {
        let _ = self
            .runtime
            .block_on(self.admin.delete_topics(&[name], &AdminOptions::new()));
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.partitions(name) > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn grow_topic(&self, name: &str, partitions: usize) {
        let results = self
            .runtime
            .block_on(
                self.admin
                    .create_partitions(&[NewPartitions::new(name, partitions)], &AdminOptions::new()),
            )
            .expect("create partitions");
        for result in results {
            result.unwrap_or_else(|(name, code)| panic!("grow topic {name}: {code}"));
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.partitions(name) < partitions {
            assert!(Instant::now() < deadline, "{name} did not grow to {partitions}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn partitions(&self, name: &str) -> usize {
        self.admin
            .inner()
            // asking for one topic by name would create it
            .fetch_metadata(None, Duration::from_secs(20))
            .ok()
            .and_then(|metadata| {
                let topic = metadata.topics().iter().find(|topic| topic.name() == name)?;
                Some(topic.partitions().len())
            })
            .unwrap_or(0)
    }

    /// Produces in order and waits until every record is acknowledged.
    pub fn produce(&self, topic: &str, records: &[KafkaRecord], properties: &[(&str, &str)]) {
        let failed = Arc::new(Failures::default());
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.address)
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .set("message.max.bytes", "20000000")
            .set("queue.buffering.max.kbytes", "1000000");
        for (key, value) in properties {
            config.set(*key, *value);
        }
        let producer: ThreadedProducer<Acknowledged> = config
            .create_with_context(Acknowledged(Arc::clone(&failed)))
            .expect("producer");
        for record in records {
            let mut message: BaseRecord<[u8], [u8]> = BaseRecord::to(topic)
                .partition(record.partition)
                .timestamp(record.timestamp_ms);
            if let Some(key) = &record.key {
                message = message.key(key.as_slice());
            }
            if let Some(payload) = &record.payload {
                message = message.payload(payload.as_slice());
            }
            loop {
                match producer.send(message) {
                    Ok(()) => break,
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                        message = again;
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    Err((error, _)) => panic!("produce to {topic}: {error}"),
                }
            }
        }
        producer.flush(Duration::from_secs(120)).expect("flush");
        assert_eq!(failed.0.load(Ordering::Acquire), 0, "records of {topic} were refused");
    }

    pub fn reader(&self, topic: &str) -> Reader {
        Reader::new(&self.address, topic, self.partitions(topic) as i32)
    }

    /// Committed offsets of a group, by partition.
    pub fn group_offsets(&self, group: &str, topic: &str) -> Vec<Option<i64>> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.address)
            .set("group.id", group)
            .create()
            .expect("consumer");
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions(topic) as i32 {
            list.add_partition(topic, partition);
        }
        consumer
            .committed_offsets(list, Duration::from_secs(20))
            .expect("committed offsets")
            .elements()
            .iter()
            .map(|element| match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            })
            .collect()
    }
}

#[derive(Default)]
struct Failures(AtomicU64);

struct Acknowledged(Arc<Failures>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _opaque: ()) {
        if result.is_err() {
            self.0.0.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// Reads a topic to its end, again and again, from where it stopped.
pub struct Reader {
    consumer: BaseConsumer,
    topic: String,
    next: Vec<i64>,
}

impl Reader {
    fn new(address: &str, topic: &str, partitions: i32) -> Self {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", address)
            .set("group.id", "unused-by-assign")
            .set("enable.auto.commit", "false")
            .set("fetch.message.max.bytes", "20000000")
            .create()
            .expect("consumer");
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning)
                .expect("offset");
        }
        consumer.assign(&list).expect("assign");
        Self {
            consumer,
            topic: topic.to_owned(),
            next: vec![0; partitions as usize],
        }
    }

    /// Everything that is in the topic now and was not read before.
    pub fn read_new(&mut self) -> Vec<KafkaRecord> {
        let timeout = Duration::from_secs(20);
        let ends: Vec<i64> = (0..self.next.len() as i32)
            .map(|partition| {
                self.consumer
                    .fetch_watermarks(&self.topic, partition, timeout)
                    .expect("watermarks")
                    .1
            })
            .collect();
        let mut out = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.next.iter().zip(&ends).any(|(next, end)| next < end) {
            assert!(Instant::now() < deadline, "{} cannot be read to its end", self.topic);
            match self.consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => {
                    self.next[message.partition() as usize] = message.offset() + 1;
                    out.push(KafkaRecord {
                        partition: message.partition(),
                        timestamp_ms: message.timestamp().to_millis().unwrap_or(0),
                        key: message.key().map(<[u8]>::to_vec),
                        payload: message.payload().map(<[u8]>::to_vec),
                    });
                }
                Some(Err(error)) => panic!("{}: {error}", self.topic),
                None => {}
            }
        }
        out
    }
}
