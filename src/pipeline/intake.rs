//! The source thread: fills the hour gate from Kafka and files, and hands what leaves it to the workers, in order.

use super::PipelineError;
use super::shared::Shared;
use crate::checkpoint::{FilePosition, Payload, TopicPosition};
use crate::clock::Stopwatch;
use crate::config::{ClockMode, Config, SourceInput};
use crate::source::file::FileSource;
use crate::source::gate::{Entry, Gate};
use crate::source::kafka::KafkaSource;
use crate::source::{SourceError, SourceEvent};
use crate::telemetry::Stage;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// Records in one batch for a worker.
pub(super) const BATCH_RECORDS: usize = 256;
/// Records of a file that may wait in front of the gate.
const FILE_LANE_RECORDS: usize = 1_000;
/// How long a batch may wait for more records.
const LINGER: Duration = Duration::from_millis(20);
/// How often the stop flag is looked at while a record is on its way.
const PROBE_WAIT: Duration = Duration::from_millis(100);

/// A numbered batch: workers finish in any order, the index thread takes them by number.
pub struct WorkBatch {
    pub number: u64,
    pub entries: Vec<Entry>,
}

pub struct Intake {
    pub config: Arc<Config>,
    pub shared: Arc<Shared>,
    pub stop: Arc<AtomicBool>,
    pub work: Sender<WorkBatch>,
    /// Committed positions, to be committed to the group as a lag signal.
    pub committed: Receiver<Vec<TopicPosition>>,
    /// Newest record time on the sources, ms: decides what is historical.
    pub newest_record_time_ms: Arc<AtomicI64>,
    /// One record a batch, and the next only after the last one was applied, until the index thread drops its end.
    pub probe: Option<Receiver<()>>,
}

struct FileLane {
    lane: usize,
    reader: FileSource,
    ended: bool,
}

impl Intake {
    /// Runs until the stop flag is set or a source fails for good.
    pub fn run(mut self, payload: &Payload) -> Result<(), PipelineError> {
        let mut gate = Gate::new(payload.record_hour_ms);
        let mut events = Vec::new();
        let mut files = self.open_files(&payload.files, &mut gate)?;
        let mut kafka = self.open_kafka(&payload.positions, &mut gate, &mut events)?;
        self.report(&mut events);
        let (mut number, mut batch, mut linger) = (0, Vec::with_capacity(BATCH_RECORDS), Stopwatch::start());
        while !self.stop.load(Ordering::Acquire) {
            let mut read = 0;
            for file in files.iter_mut().filter(|file| !file.ended) {
                read += fill_from_file(file, &mut gate)?;
            }
            if let Some(kafka) = &mut kafka {
                let wait = if batch.is_empty() && read == 0 {
                    LINGER
                } else {
                    Duration::ZERO
                };
                kafka.poll(&mut gate, wait, &mut events)?;
                while let Ok(positions) = self.committed.try_recv() {
                    kafka.commit(&positions);
                }
            } else if read == 0 && batch.is_empty() && gate.is_idle() {
                std::thread::sleep(LINGER);
            }
            self.report(&mut events);
            let limit = if self.probe.is_some() { 1 } else { BATCH_RECORDS };
            gate.release(&mut batch, limit);
            if self.config.time.clock == ClockMode::System {
                gate.follow_clock(self.shared.clock.now_ms(), &mut batch);
            }
            if batch.is_empty() {
                linger = Stopwatch::start();
            } else if batch.len() >= limit || linger.elapsed() >= LINGER || ends(&batch) {
                self.send(&mut number, std::mem::take(&mut batch))?;
                linger = Stopwatch::start();
            }
        }
        // the workers end, the index thread commits for the last time, and the group learns of it
        drop(self.work);
        while let (Some(kafka), Ok(positions)) = (&kafka, self.committed.recv()) {
            kafka.commit(&positions);
        }
        if let Some(kafka) = kafka {
            kafka.close();
        }
        Ok(())
    }

    fn open_kafka(
        &self,
        positions: &[TopicPosition],
        gate: &mut Gate,
        events: &mut Vec<SourceEvent>,
    ) -> Result<Option<KafkaSource>, PipelineError> {
        let reads_topics = self
            .config
            .sources
            .iter()
            .any(|source| !matches!(source.input, SourceInput::Files(_)));
        let Some(kafka) = self.config.kafka.as_ref().filter(|_| reads_topics) else {
            return Ok(None);
        };
        let metrics = self.shared.metrics.clone();
        let lag = Box::new(move |topic: &str, partition: i32, messages: i64| {
            metrics
                .consumer_lag_messages
                .with_label_values(&[topic, &partition.to_string()])
                .set(messages);
        });
        let source = KafkaSource::open(&self.config, kafka, positions, gate, lag, events)?;
        if let Some(newest_ms) = source.newest_record_time_ms(kafka) {
            self.newest_record_time_ms.fetch_max(newest_ms, Ordering::AcqRel);
        }
        Ok(Some(source))
    }

    fn open_files(&self, positions: &[FilePosition], gate: &mut Gate) -> Result<Vec<FileLane>, PipelineError> {
        let mut lanes = Vec::new();
        for (index, source) in self.config.sources.iter().enumerate() {
            let SourceInput::Files(patterns) = &source.input else {
                continue;
            };
            let mut reader =
                FileSource::open(index as u16, patterns, None).map_err(|error| SourceError::File(error.to_string()))?;
            for position in positions.iter().filter(|position| position.source == source.name) {
                reader.skip_to(&position.file, position.next_record);
            }
            lanes.push(FileLane {
                lane: gate.add_lane(),
                reader,
                ended: false,
            });
        }
        Ok(lanes)
    }

    fn report(&self, events: &mut Vec<SourceEvent>) {
        for event in events.drain(..) {
            self.shared.note_source_event(&event);
        }
    }

    fn send(&mut self, number: &mut u64, entries: Vec<Entry>) -> Result<(), PipelineError> {
        let stage = self.shared.metrics.stage(Stage::Source);
        stage.batch_items.observe(entries.len() as f64);
        let waited = Stopwatch::start();
        let has_record = entries.iter().any(|entry| matches!(entry, Entry::Record(_)));
        self.work
            .send(WorkBatch {
                number: *number,
                entries,
            })
            .map_err(|_| PipelineError::Stopped)?;
        *number += 1;
        stage.backpressure_seconds.inc_by(waited.elapsed().as_secs_f64());
        if has_record {
            self.await_applied();
        }
        Ok(())
    }

    fn await_applied(&mut self) {
        while let Some(applied) = &self.probe {
            match applied.recv_timeout(PROBE_WAIT) {
                Ok(()) => return,
                Err(RecvTimeoutError::Timeout) if self.stop.load(Ordering::Acquire) => return,
                Err(RecvTimeoutError::Timeout) => {}
                // no record is suspected any more: on at full speed
                Err(RecvTimeoutError::Disconnected) => self.probe = None,
            }
        }
    }
}

fn ends(batch: &[Entry]) -> bool {
    matches!(batch.last(), Some(Entry::CaughtUp))
}

fn fill_from_file(file: &mut FileLane, gate: &mut Gate) -> Result<usize, PipelineError> {
    let mut read = 0;
    while gate.queued(file.lane) < FILE_LANE_RECORDS {
        match file.reader.next_record() {
            Ok(Some(record)) => {
                gate.push(file.lane, record);
                read += 1;
            }
            Ok(None) => {
                gate.set_at_end(file.lane);
                file.ended = true;
                break;
            }
            Err(error) => return Err(SourceError::File(error.to_string()).into()),
        }
    }
    Ok(read)
}
