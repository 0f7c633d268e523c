//! Kafka: a blocking client on its own thread that owns its partitions (decision 4).
//!
//! `assign()`, not `subscribe()`: all partitions of the named topics, positions only from the checkpoint. Each
//! partition has a queue of its own, so that not polling one of them is the whole back-pressure.

mod client;
mod discover;

pub use client::{LagObserver, client_config};

use super::gate::Gate;
use super::{SourceError, SourceEvent};
use crate::checkpoint::TopicPosition;
use crate::clock::Stopwatch;
use crate::config::{Config, KafkaConfig, SourceInput, StartPosition, anchored};
use crate::item::{RawRecord, RecordPosition};
use client::{Context, close, consumer_config};
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
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

struct Partition {
    topic: Arc<str>,
    partition: i32,
    source: u16,
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
    /// Configured topics that were not there: said once.
    missing: BTreeSet<String>,
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
            .create_with_context(Context::new(lag))
            .map_err(SourceError::Client)?;
        let topics = config
            .sources
            .iter()
            .enumerate()
            .filter_map(|(index, source)| {
                let (names, pattern) = match &source.input {
                    SourceInput::Topics(names) => (names.clone(), None),
                    SourceInput::TopicPattern(pattern) => (Vec::new(), anchored(pattern).ok()),
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
            missing: BTreeSet::new(),
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
        let context = Context::new(Box::new(|_, _, _| {}));
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
            headers: headers_of(message),
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
}

/// Most messages have none, and most of those that do have few.
const MOST_HEADERS: usize = 64;

fn headers_of(message: &BorrowedMessage<'_>) -> Vec<(String, Vec<u8>)> {
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    headers
        .take(MOST_HEADERS)
        .filter_map(|header| Some((header.key.to_owned(), header.value?.to_vec())))
        .collect()
}
