//! The in-process broker: librdkafka's mock cluster, fed with the story in record-time order.
//!
//! It speaks the Kafka protocol to any client, keeps 5 MiB a partition and silently drops the oldest beyond. So the
//! number of partitions is chosen by what the story will put in, and after each step the low ends are checked.

use super::story::{Channel, StoryRecord};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, DeliveryResult, Producer, ProducerContext};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

/// Filled to at most this; the mock broker drops at 5 MiB.
const PARTITION_BYTES: usize = 3 << 20;
/// Key, headers and framing of a record, rounded up.
const RECORD_OVERHEAD_BYTES: usize = 64;
const FEWEST_PARTITIONS: usize = 2;
const BROKER_WAIT: Duration = Duration::from_secs(20);

#[derive(Debug, Error)]
pub enum BrokerError {
    #[error("demo broker: {action}: {cause}")]
    Kafka { action: &'static str, cause: KafkaError },
    #[error("demo broker: {0} records were not delivered")]
    Undelivered(u64),
    #[error("demo broker: {topic}/{partition} dropped its first {dropped} records: it keeps 5 MiB a partition")]
    Dropped {
        topic: &'static str,
        partition: i32,
        dropped: i64,
    },
}

fn failed(action: &'static str) -> impl Fn(KafkaError) -> BrokerError {
    move |cause| BrokerError::Kafka { action, cause }
}

/// Counts the records that the broker refused.
#[derive(Clone, Default)]
struct Deliveries(Arc<AtomicU64>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if result.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A running broker with the topics of the story, and how far the story has been fed.
pub struct DemoBroker<'a> {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer<Deliveries>,
    failures: Deliveries,
    partitions: BTreeMap<Channel, usize>,
    story: &'a [StoryRecord],
    fed: usize,
}

impl<'a> DemoBroker<'a> {
    /// Starts the broker and creates the topics that `story` needs.
    pub fn start(story: &'a [StoryRecord]) -> Result<Self, BrokerError> {
        let cluster = MockCluster::new(1).map_err(failed("start"))?;
        let partitions = partition_counts(story);
        for (channel, count) in &partitions {
            let count = i32::try_from(*count).unwrap_or(i32::MAX);
            cluster
                .create_topic(channel.topic(), count, 1)
                .map_err(failed("create topic"))?;
        }
        let failures = Deliveries::default();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("linger.ms", "1")
            .set("enable.idempotence", "true")
            .create_with_context(failures.clone())
            .map_err(failed("connect"))?;
        Ok(Self {
            cluster,
            producer,
            failures,
            partitions,
            story,
            fed: 0,
        })
    }

    /// Addresses as `bootstrap.servers` takes them.
    pub fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Records fed so far.
    pub fn fed(&self) -> usize {
        self.fed
    }

    /// Feeds every record crawled before `until_ms` and waits until the broker has them. Returns how many.
    pub fn feed_until(&mut self, until_ms: i64) -> Result<usize, BrokerError> {
        let left = &self.story[self.fed..];
        let step = left
            .iter()
            .take_while(|record| record.record_time_ms < until_ms)
            .count();
        for record in &left[..step] {
            self.send(record)?;
        }
        self.producer.flush(BROKER_WAIT).map_err(failed("flush"))?;
        match self.failures.0.load(Ordering::Relaxed) {
            0 => {}
            undelivered => return Err(BrokerError::Undelivered(undelivered)),
        }
        self.fed += step;
        Ok(step)
    }

    fn send(&self, record: &StoryRecord) -> Result<(), BrokerError> {
        let partition = self.partition_of(record);
        let mut message = BaseRecord::to(record.channel.topic())
            .partition(partition)
            .timestamp(record.record_time_ms)
            .key(record.key.as_bytes())
            .payload(record.payload.as_slice());
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    message = refused;
                    self.producer.poll(Duration::from_millis(10));
                }
                Err((cause, _)) => return Err(BrokerError::Kafka { action: "send", cause }),
            }
        }
    }

    /// All records of one item share a partition.
    fn partition_of(&self, record: &StoryRecord) -> i32 {
        let count = self.partitions.get(&record.channel).copied().unwrap_or(1) as u64;
        (xxh3_64(record.key.as_bytes()) % count.max(1)) as i32
    }

    /// Fails if the broker has thrown anything away.
    pub fn check_nothing_dropped(&self) -> Result<(), BrokerError> {
        for (channel, count) in &self.partitions {
            for partition in 0..i32::try_from(*count).unwrap_or(i32::MAX) {
                let (low, _) = self
                    .producer
                    .client()
                    .fetch_watermarks(channel.topic(), partition, BROKER_WAIT)
                    .map_err(failed("read watermarks"))?;
                if low > 0 {
                    return Err(BrokerError::Dropped {
                        topic: channel.topic(),
                        partition,
                        dropped: low,
                    });
                }
            }
        }
        Ok(())
    }
}

/// Enough partitions that nothing is dropped, with room for an uneven spread.
fn partition_counts(story: &[StoryRecord]) -> BTreeMap<Channel, usize> {
    let mut bytes: BTreeMap<Channel, usize> = Channel::ALL.into_iter().map(|channel| (channel, 0)).collect();
    for record in story {
        let size = record.payload.len() + record.key.len() + RECORD_OVERHEAD_BYTES;
        *bytes.entry(record.channel).or_default() += size;
    }
    bytes
        .into_iter()
        .map(|(channel, bytes)| (channel, (bytes / PARTITION_BYTES + 1).max(FEWEST_PARTITIONS)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::story::{StoryOptions, tell};
    use super::*;
    use rdkafka::Message;
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::{Offset, TopicPartitionList};
    use std::collections::BTreeSet;

    #[test]
    fn every_record_arrives_with_its_time_and_nothing_is_dropped() {
        let story = tell(StoryOptions {
            end_ms: 1_792_339_200_000,
            weeks: 4,
            seed: 1,
        })
        .unwrap();
        let mut broker = DemoBroker::start(&story).unwrap();
        let half = story[story.len() / 2].record_time_ms;
        let first = broker.feed_until(half).unwrap();
        assert!(first > 0 && first < story.len());
        assert_eq!(first + broker.feed_until(i64::MAX).unwrap(), story.len());
        broker.check_nothing_dropped().unwrap();

        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", broker.bootstrap_servers())
            .set("group.id", "reader")
            .set("fetch.wait.max.ms", "10")
            .create()
            .unwrap();
        let mut assignment = TopicPartitionList::new();
        for (channel, count) in &broker.partitions {
            for partition in 0..*count as i32 {
                assignment
                    .add_partition_offset(channel.topic(), partition, Offset::Beginning)
                    .unwrap();
            }
        }
        consumer.assign(&assignment).unwrap();
        let mut arrived = BTreeSet::new();
        while arrived.len() < story.len() {
            let message = consumer.poll(Duration::from_secs(10)).expect("a message").unwrap();
            arrived.insert((
                message.topic().to_string(),
                message.timestamp().to_millis().unwrap(),
                message.payload().unwrap().to_vec(),
                message.offset() * 100 + i64::from(message.partition()),
            ));
        }
        let times: BTreeSet<i64> = arrived.iter().map(|(_, time, _, _)| *time).collect();
        assert_eq!(times, story.iter().map(|record| record.record_time_ms).collect());
    }
}
