//! Which partitions there are, and where reading each of them begins.

use super::{BROKER_TIMEOUT, KafkaSource, Partition, TopicSource};
use crate::config::StartPosition;
use crate::source::gate::Gate;
use crate::source::{SourceError, SourceEvent};
use rdkafka::consumer::Consumer;
use rdkafka::{Offset, TopicPartitionList};

impl KafkaSource {
    /// Finds new topics and partitions and assigns them; what is already read goes on where it is.
    pub(super) fn discover(&mut self, gate: &mut Gate, events: &mut Vec<SourceEvent>) -> Result<(), SourceError> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
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
                    missing.push(topic); // found by a later refresh
                    continue;
                }
                for partition in metadata.partitions() {
                    if self.index_of(&topic, partition.id()).is_none() {
                        found.push((source.source, source.start, topic.clone(), partition.id()));
                    }
                }
            }
        }
        for topic in missing {
            if self.missing.insert(topic.clone()) {
                tracing::warn!(topic, "this topic does not exist yet; it is looked for again and again");
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
    pub(super) fn assign_all(&mut self) -> Result<(), SourceError> {
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
}
