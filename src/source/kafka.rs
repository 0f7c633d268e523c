//! Kafka: a blocking client on its own thread that owns its partitions (decision 4).
//!
//! `assign()`, not `subscribe()`: all partitions of the named topics, positions only from the checkpoint. Each
//! partition has a queue of its own, so that not polling one of them is the whole back-pressure.

use super::gate::Gate;
use super::{SourceError, SourceEvent};
use crate::checkpoint::TopicPosition;
use crate::clock::Stopwatch;
use crate::config::{Config, KafkaConfig, SourceInput, StartPosition};
use crate::item::{RawRecord, RecordPosition};
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, Statistics, TopicPartitionList};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Records that may wait in front of the gate for one partition.
const LANE_RECORDS: usize = 2_000;
const BROKER_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_METADATA_REFRESH: Duration = Duration::from_secs(15);
const TAIL_TIMEOUT: Duration = Duration::from_secs(5);
/// A last commit of group offsets is only a signal: it gets half a second.
const LAST_POLLS: u32 = 5;
const LAST_POLL: Duration = Duration::from_millis(100);

/// Takes topic, partition and the messages between the position and the end.
pub type LagObserver = Box<dyn Fn(&str, i32, i64) + Send + Sync>;

/// Callbacks of the client: its log goes to ours, its statistics to the lag.
pub struct Context {
    lag: LagObserver,
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
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            tracing::warn!(%error, reason, "kafka client");
        }
    }
}

impl ConsumerContext for Context {}

struct Partition {
    topic: Arc<str>,
    partition: i32,
    source: u16,
    epoch: u32,
    lane: usize,
    /// Offset of the next record to fetch; what a full re-assignment continues from.
    next_offset: i64,
    queue: Option<PartitionQueue<Context>>,
    /// The last record of the checkpoint: the first one read must be it.
    check: Option<TopicPosition>,
    refused: bool,
}

pub struct KafkaSource {
    consumer: Arc<BaseConsumer<Context>>,
    topics: Vec<TopicSource>,
    partitions: Vec<Partition>,
    saved: BTreeMap<(String, i32), TopicPosition>,
    since_refresh: Stopwatch,
    refresh_every: Duration,
}

/// Which topics a source reads.
struct TopicSource {
    source: u16,
    names: Vec<String>,
    pattern: Option<Regex>,
    start: StartPosition,
}

/// Closing a consumer waits for its coordinator and can hang: nobody waits for that.
fn close(consumer: BaseConsumer<Context>) {
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

fn consumer_config(kafka: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    // ours unless the user says otherwise
    client
        .set("queued.max.messages.kbytes", "8192")
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

impl KafkaSource {
    /// Connects, lists the topics, and assigns every partition at its position of the checkpoint.
    pub fn open(
        config: &Config,
        kafka: &KafkaConfig,
        saved: &[TopicPosition],
        gate: &mut Gate,
        lag: LagObserver,
        events: &mut Vec<SourceEvent>,
    ) -> Result<Self, SourceError> {
        let consumer: BaseConsumer<Context> = consumer_config(kafka)
            .create_with_context(Context { lag })
            .map_err(SourceError::Client)?;
        let topics = config
            .sources
            .iter()
            .enumerate()
            .filter_map(|(index, source)| {
                let (names, pattern) = match &source.input {
                    SourceInput::Topics(names) => (names.clone(), None),
                    SourceInput::TopicPattern(pattern) => (Vec::new(), Regex::new(&format!("^(?:{pattern})$")).ok()),
                    SourceInput::Files(_) => return None,
                };
                Some(TopicSource {
                    source: index as u16,
                    names,
                    pattern,
                    start: source.start,
                })
            })
            .collect();
        let refresh_every = kafka
            .properties
            .get("topic.metadata.refresh.interval.ms")
            .and_then(|value| value.parse().ok())
            .map_or(DEFAULT_METADATA_REFRESH, Duration::from_millis);
        let mut source = Self {
            consumer: Arc::new(consumer),
            topics,
            partitions: Vec::new(),
            saved: saved
                .iter()
                .map(|p| ((p.topic.clone(), p.partition), p.clone()))
                .collect(),
            since_refresh: Stopwatch::start(),
            refresh_every,
        };
        source.discover(gate, events)?;
        Ok(source)
    }

    /// Reads what the partition queues hold into the gate; waits up to `wait` when there was nothing.
    pub fn poll(
        &mut self,
        gate: &mut Gate,
        wait: Duration,
        events: &mut Vec<SourceEvent>,
    ) -> Result<usize, SourceError> {
        if self.since_refresh.elapsed() > self.refresh_every {
            self.since_refresh = Stopwatch::start();
            if let Err(error) = self.discover(gate, events) {
                tracing::warn!(%error, "listing the topics failed; trying again");
            }
        }
        let mut read = self.poll_main(gate, Duration::ZERO, events)?;
        for index in 0..self.partitions.len() {
            read += self.poll_partition(index, gate, events)?;
        }
        if read == 0 && !wait.is_zero() {
            read = self.poll_main(gate, wait, events)?;
        }
        Ok(read)
    }

    /// Commits group offsets: a lag signal for others, never read back.
    pub fn commit(&self, positions: &[TopicPosition]) {
        let mut list = TopicPartitionList::new();
        for position in positions.iter().filter(|position| self.owns(position)) {
            // an offset that does not fit is not committed: it is only a signal
            let _ = list.add_partition_offset(
                &position.topic,
                position.partition,
                Offset::Offset(position.next_offset),
            );
        }
        if list.count() > 0
            && let Err(error) = self.consumer.commit(&list, CommitMode::Async)
        {
            tracing::debug!(%error, "committing group offsets failed");
        }
    }

    /// Lets go of the partitions after what is still to be committed went out.
    pub fn close(mut self) {
        for _ in 0..LAST_POLLS {
            self.consumer.poll(LAST_POLL);
        }
        self.partitions.clear();
        if let Ok(consumer) = Arc::try_unwrap(self.consumer) {
            close(consumer);
        }
    }

    fn owns(&self, position: &TopicPosition) -> bool {
        self.partitions
            .iter()
            .any(|mine| *mine.topic == *position.topic && mine.partition == position.partition)
    }

    /// Newest record time on the topics as they are now, ms: the last record of each partition.
    pub fn newest_record_time_ms(&self, kafka: &KafkaConfig) -> Option<i64> {
        let context = Context {
            lag: Box::new(|_, _, _| {}),
        };
        let consumer: BaseConsumer<Context> = consumer_config(kafka).create_with_context(context).ok()?;
        let mut list = TopicPartitionList::new();
        for partition in &self.partitions {
            list.add_partition_offset(&partition.topic, partition.partition, Offset::OffsetTail(1))
                .ok()?;
        }
        consumer.assign(&list).ok()?;
        let (mut newest, mut answered, watch) = (None, 0, Stopwatch::start());
        while answered < self.partitions.len() && watch.elapsed() < TAIL_TIMEOUT {
            match consumer.poll(Duration::from_millis(50)) {
                Some(Ok(message)) => newest = newest.max(message.timestamp().to_millis()),
                Some(Err(KafkaError::PartitionEOF(_))) => answered += 1,
                Some(Err(error)) => tracing::debug!(%error, "reading the last record of a partition"),
                None => {}
            }
        }
        close(consumer);
        newest
    }

    fn poll_main(
        &mut self,
        gate: &mut Gate,
        wait: Duration,
        events: &mut Vec<SourceEvent>,
    ) -> Result<usize, SourceError> {
        let consumer = self.consumer.clone();
        let mut read = 0;
        let mut wait = wait;
        while let Some(polled) = consumer.poll(wait) {
            wait = Duration::ZERO;
            match polled {
                Ok(message) => {
                    // fetched between assignment and the split of the queues
                    if let Some(index) = self.index_of(message.topic(), message.partition()) {
                        self.accept(index, &message, gate, events);
                        read += 1;
                    }
                }
                Err(KafkaError::PartitionEOF(partition)) => self.end_without_topic(partition, gate),
                Err(error) => self.client_error(error)?,
            }
        }
        Ok(read)
    }

    fn poll_partition(
        &mut self,
        index: usize,
        gate: &mut Gate,
        events: &mut Vec<SourceEvent>,
    ) -> Result<usize, SourceError> {
        let lane = self.partitions[index].lane;
        let Some(queue) = self.partitions[index].queue.take() else {
            return Ok(0);
        };
        let mut read = 0;
        let mut outcome = Ok(());
        while gate.queued(lane) < LANE_RECORDS && !self.partitions[index].refused {
            match queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => {
                    self.accept(index, &message, gate, events);
                    read += 1;
                }
                Some(Err(KafkaError::PartitionEOF(_))) => gate.set_at_end(lane),
                Some(Err(KafkaError::MessageConsumption(
                    RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
                ))) => {
                    outcome = self.skip_gap(index, events);
                    break;
                }
                Some(Err(error)) => {
                    outcome = self.client_error(error);
                    break;
                }
            }
        }
        self.partitions[index].queue = Some(queue);
        outcome.map(|()| read)
    }

    fn client_error(&self, error: KafkaError) -> Result<(), SourceError> {
        match error {
            KafkaError::MessageConsumptionFatal(_) => Err(SourceError::Client(error)),
            // the client reconnects and fetches again by itself
            error => {
                tracing::warn!(%error, "kafka consumer");
                Ok(())
            }
        }
    }

    fn accept(&mut self, index: usize, message: &BorrowedMessage<'_>, gate: &mut Gate, events: &mut Vec<SourceEvent>) {
        let partition = &mut self.partitions[index];
        if partition.refused {
            return;
        }
        let payload = message.payload();
        let record_time_ms = message.timestamp().to_millis().unwrap_or(0);
        if let Some(check) = partition.check.take()
            && message.offset() == check.last_offset
        {
            let same = xxh3_64(payload.unwrap_or_default()) == check.last_hash
                && (record_time_ms == check.last_timestamp_ms || check.last_timestamp_ms == 0);
            if !same {
                partition.refused = true;
                gate.close(partition.lane);
                events.push(SourceEvent::Refused {
                    topic: partition.topic.to_string(),
                    partition: partition.partition,
                });
            }
            partition.next_offset = message.offset() + 1;
            return;
        }
        if message.offset() < partition.next_offset {
            return; // already read: a re-assignment fetched it again
        }
        partition.next_offset = message.offset() + 1;
        let record = RawRecord {
            source: partition.source,
            position: RecordPosition::Kafka {
                topic: partition.topic.clone(),
                partition: partition.partition,
                offset: message.offset(),
            },
            record_time_ms,
            key: message.key().map(<[u8]>::to_vec),
            payload: payload.map(<[u8]>::to_vec),
            unreadable: None,
        };
        gate.push(partition.lane, record);
    }

    /// An end-of-partition event that came before the queues were split names no topic: ask the broker.
    fn end_without_topic(&mut self, partition: i32, gate: &mut Gate) {
        for mine in self
            .partitions
            .iter()
            .filter(|mine| mine.partition == partition && !mine.refused)
        {
            if let Ok((_, high)) = self.consumer.fetch_watermarks(&mine.topic, partition, BROKER_TIMEOUT)
                && mine.next_offset >= high
            {
                gate.set_at_end(mine.lane);
            }
        }
    }

    /// The position is no longer on the broker: a named gap, counted; reading goes on at the first record there is.
    fn skip_gap(&mut self, index: usize, events: &mut Vec<SourceEvent>) -> Result<(), SourceError> {
        let partition = &mut self.partitions[index];
        let (low, high) = self
            .consumer
            .fetch_watermarks(&partition.topic, partition.partition, BROKER_TIMEOUT)
            .map_err(SourceError::Client)?;
        if partition.next_offset > high {
            partition.refused = true;
            events.push(SourceEvent::Refused {
                topic: partition.topic.to_string(),
                partition: partition.partition,
            });
            return Ok(());
        }
        events.push(SourceEvent::Gap {
            topic: partition.topic.to_string(),
            partition: partition.partition,
            from: partition.next_offset,
            to: low,
        });
        partition.next_offset = low.max(partition.next_offset);
        partition.check = None;
        self.assign_all()
    }

    fn index_of(&self, topic: &str, partition: i32) -> Option<usize> {
        self.partitions
            .iter()
            .position(|mine| &*mine.topic == topic && mine.partition == partition)
    }

    /// Finds new topics and partitions and assigns them; what is already read goes on where it is.
    fn discover(&mut self, gate: &mut Gate, events: &mut Vec<SourceEvent>) -> Result<(), SourceError> {
        let mut found = Vec::new();
        for source in &self.topics {
            for topic in self.matching(source)? {
                let metadata = self
                    .consumer
                    .fetch_metadata(Some(&topic), BROKER_TIMEOUT)
                    .map_err(SourceError::Client)?;
                let Some(metadata) = metadata.topics().iter().find(|known| known.name() == topic) else {
                    continue;
                };
                if metadata.error().is_some() {
                    continue; // not there yet: found by a later refresh
                }
                for partition in metadata.partitions() {
                    if self.index_of(&topic, partition.id()).is_none() {
                        found.push((source.source, source.start, topic.clone(), partition.id()));
                    }
                }
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        for (source, start, topic, partition) in found {
            self.add_partition(source, start, &topic, partition, gate, events)?;
        }
        self.assign_all()
    }

    fn matching(&self, source: &TopicSource) -> Result<Vec<String>, SourceError> {
        let Some(pattern) = &source.pattern else {
            return Ok(source.names.clone());
        };
        let metadata = self
            .consumer
            .fetch_metadata(None, BROKER_TIMEOUT)
            .map_err(SourceError::Client)?;
        let mut names: Vec<String> = metadata
            .topics()
            .iter()
            .map(|topic| topic.name().to_owned())
            .filter(|name| pattern.is_match(name))
            .collect();
        names.sort();
        Ok(names)
    }

    fn add_partition(
        &mut self,
        source: u16,
        start: StartPosition,
        topic: &str,
        partition: i32,
        gate: &mut Gate,
        events: &mut Vec<SourceEvent>,
    ) -> Result<(), SourceError> {
        let (low, high) = self
            .consumer
            .fetch_watermarks(topic, partition, BROKER_TIMEOUT)
            .map_err(SourceError::Client)?;
        let saved = self.saved.get(&(topic.to_owned(), partition)).cloned();
        let known_topic = self.saved.keys().any(|(name, _)| name == topic);
        let epoch = self
            .saved
            .iter()
            .filter(|((name, _), _)| name == topic)
            .map(|(_, p)| p.epoch)
            .max()
            .unwrap_or(0);
        let lane = gate.add_lane();
        let mut mine = Partition {
            topic: topic.into(),
            partition,
            source,
            epoch,
            lane,
            next_offset: low,
            queue: None,
            check: None,
            refused: false,
        };
        match saved {
            Some(saved) if saved.next_offset > high => mine.refused = true,
            // set back by `qingting repair`
            Some(saved) if saved.next_offset == 0 && saved.last_offset < 0 => {}
            Some(saved) if saved.next_offset < low => {
                events.push(SourceEvent::Gap {
                    topic: topic.to_owned(),
                    partition,
                    from: saved.next_offset,
                    to: low,
                });
            }
            Some(saved) if saved.last_offset >= low => {
                // read the last record once more: it must be the one that the checkpoint knows
                mine.next_offset = saved.last_offset;
                mine.check = Some(saved);
            }
            Some(saved) => mine.next_offset = saved.next_offset,
            // a new partition of a known topic starts at the beginning whatever `start` says
            None if !known_topic => mine.next_offset = self.first_offset(topic, partition, start, low, high)?,
            None => {}
        }
        if mine.refused {
            gate.close(lane);
            events.push(SourceEvent::Refused {
                topic: topic.to_owned(),
                partition,
            });
        } else {
            events.push(SourceEvent::Assigned {
                topic: topic.to_owned(),
                partition,
                epoch,
                next_offset: mine.next_offset,
            });
        }
        self.partitions.push(mine);
        Ok(())
    }

    fn first_offset(
        &self,
        topic: &str,
        partition: i32,
        start: StartPosition,
        low: i64,
        high: i64,
    ) -> Result<i64, SourceError> {
        match start {
            StartPosition::Earliest => Ok(low),
            StartPosition::Latest => Ok(high),
            StartPosition::Timestamp(ms) => {
                let mut list = TopicPartitionList::new();
                list.add_partition_offset(topic, partition, Offset::Offset(ms))
                    .map_err(SourceError::Client)?;
                let found = self
                    .consumer
                    .offsets_for_times(list, BROKER_TIMEOUT)
                    .map_err(SourceError::Client)?;
                Ok(
                    match found.find_partition(topic, partition).map(|element| element.offset()) {
                        Some(Offset::Offset(offset)) => offset,
                        _ => high,
                    },
                )
            }
        }
    }

    /// Assigns all partitions at their next offsets and gives each a queue of its own.
    fn assign_all(&mut self) -> Result<(), SourceError> {
        let mut list = TopicPartitionList::new();
        for partition in self.partitions.iter().filter(|partition| !partition.refused) {
            list.add_partition_offset(
                &partition.topic,
                partition.partition,
                Offset::Offset(partition.next_offset),
            )
            .map_err(SourceError::Client)?;
        }
        for partition in &mut self.partitions {
            partition.queue = None;
        }
        self.consumer.assign(&list).map_err(SourceError::Client)?;
        for partition in self.partitions.iter_mut().filter(|partition| !partition.refused) {
            partition.queue = self
                .consumer
                .split_partition_queue(&partition.topic, partition.partition);
        }
        Ok(())
    }

    pub fn epoch_of(&self, topic: &str) -> u32 {
        self.partitions
            .iter()
            .find(|partition| &*partition.topic == topic)
            .map_or(0, |partition| partition.epoch)
    }
}
