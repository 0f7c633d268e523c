//! The stateless stages in one worker: format → normalize → segment → classify → enrich → prepared document.

use super::PipelineError;
use crate::checkpoint::crash_on_text;
use crate::classify::{Classifier, ClassifyError, Model};
use crate::config::Config;
use crate::dead_letter::keep_bytes;
use crate::enrich::Enricher;
use crate::format::{FormatOutcome, Formats};
use crate::index::{PreparedItem, prepare};
use crate::item::{Change, DeadLetter, DeadLetterCode, RawRecord, RecordOutcome, RecordPosition, SegmentedItem};
use crate::normalize::Normalizer;
use crate::segment::Segmenter;
use crate::telemetry::{Metrics, Stage, StageTimer};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// One record after all stateless stages, ready for the index thread.
pub struct ProcessedRecord {
    pub source: u16,
    pub position: RecordPosition,
    pub record_time_ms: i64,
    /// xxh3-64 of the payload: notices a re-created topic.
    pub payload_hash: u64,
    pub payload_bytes: u64,
    pub outcome: RecordOutcome,
    pub changes: Vec<Change<PreparedItem>>,
    pub dead_letters: Vec<DeadLetter>,
}

/// What the workers share.
pub struct Stages {
    pub config: Arc<Config>,
    pub formats: Formats,
    pub normalizer: Normalizer,
    pub segmenter: Segmenter,
    pub model: Arc<Model>,
    pub enricher: Enricher,
    pub metrics: Metrics,
}

impl Stages {
    pub fn load(config: Arc<Config>, key: &[u8], metrics: Metrics) -> Result<Self, PipelineError> {
        let model = Model::load(&config.model)?;
        Ok(Self {
            formats: Formats::with_directory(config.formats.directory.as_deref())?.with_zone(config.time.zone),
            normalizer: Normalizer::new(key, config.time.zone),
            segmenter: Segmenter::new(),
            enricher: Enricher::new(&config, model.reference())?,
            model,
            metrics,
            config,
        })
    }
}

/// One worker with a model session of its own.
pub struct Worker {
    stages: Arc<Stages>,
    classifier: Classifier,
}

/// An item on its way through a batch: which record it belongs to, and where among that record's changes.
struct Slot {
    record: usize,
    change: usize,
}

impl Worker {
    pub fn new(stages: Arc<Stages>) -> Result<Self, ClassifyError> {
        let classifier = stages.model.classifier()?;
        Ok(Self { stages, classifier })
    }

    /// Takes a batch through all stages. A record on which a stage panics or fails is found by taking the batch
    /// again one by one, and becomes a dead letter `crashed`.
    pub fn process(&mut self, records: &[RawRecord]) -> Result<Vec<ProcessedRecord>, ClassifyError> {
        match catch_unwind(AssertUnwindSafe(|| self.process_batch(records))) {
            Ok(Ok(processed)) => Ok(processed),
            Ok(Err(error)) if records.len() <= 1 => Ok(records
                .iter()
                .map(|record| self.crashed(record, &error.to_string()))
                .collect()),
            Err(_) if records.len() <= 1 => {
                self.classifier = self.stages.model.classifier()?;
                Ok(records
                    .iter()
                    .map(|record| self.crashed(record, "a stage panicked on this record"))
                    .collect())
            }
            _ => {
                self.classifier = self.stages.model.classifier()?;
                let mut processed = Vec::with_capacity(records.len());
                for record in records {
                    processed.extend(self.process(std::slice::from_ref(record))?);
                }
                Ok(processed)
            }
        }
    }

    /// The outcome of a record that must not be touched again.
    pub fn crashed(&self, record: &RawRecord, message: &str) -> ProcessedRecord {
        let mut processed = empty(record);
        processed.outcome = RecordOutcome::Dead;
        processed.dead_letters.push(DeadLetter::new(
            &record.position,
            None,
            &self.stages.config.sources[usize::from(record.source)].name,
            "pipeline",
            DeadLetterCode::Crashed,
            message,
            record.record_time_ms,
            record.payload.as_deref().unwrap_or_default(),
        ));
        self.keep_bytes(record, &mut processed.dead_letters);
        processed
    }

    fn process_batch(&mut self, records: &[RawRecord]) -> Result<Vec<ProcessedRecord>, ClassifyError> {
        let stages = self.stages.clone();
        let timer = StageTimer::start(Stage::Format);
        let mut processed: Vec<ProcessedRecord> = Vec::with_capacity(records.len());
        let mut mapped = Vec::with_capacity(records.len());
        // by record, `None` while an item is on its way
        let mut changes: Vec<Vec<Option<Change<PreparedItem>>>> = Vec::with_capacity(records.len());
        let mut outcome = FormatOutcome::default();
        for (index, record) in records.iter().enumerate() {
            let source = &stages.config.sources[usize::from(record.source)];
            stages.formats.read(record, source, &mut outcome);
            let mut done = empty(record);
            done.outcome = outcome.outcome;
            done.dead_letters.append(&mut outcome.dead_letters);
            let mut own = Vec::with_capacity(outcome.changes.len());
            for change in outcome.changes.drain(..) {
                match change {
                    Change::Upsert(item) => {
                        mapped.push((
                            Slot {
                                record: index,
                                change: own.len(),
                            },
                            item,
                        ));
                        own.push(None);
                    }
                    Change::Delete {
                        id,
                        version,
                        position,
                        record_time_ms,
                        source,
                    } => {
                        own.push(Some(Change::Delete {
                            id,
                            version,
                            position,
                            record_time_ms,
                            source,
                        }));
                    }
                }
            }
            changes.push(own);
            self.keep_bytes(record, &mut done.dead_letters);
            processed.push(done);
        }
        timer.finish(&stages.metrics, mapped.len());

        let timer = StageTimer::start(Stage::Normalize);
        let clean: Vec<_> = mapped
            .into_iter()
            .map(|(slot, item)| {
                let item = stages.normalizer.normalize(item);
                crash_on_text(&item.item.text);
                (slot, item)
            })
            .collect();
        timer.finish(&stages.metrics, clean.len());

        let timer = StageTimer::start(Stage::Segment);
        let (slots, segmented): (Vec<Slot>, Vec<SegmentedItem>) = clean
            .into_iter()
            .map(|(slot, item)| (slot, stages.segmenter.segment(item)))
            .unzip();
        timer.finish(&stages.metrics, segmented.len());

        let timer = StageTimer::start(Stage::Classify);
        let predictions = self.classifier.classify(&segmented)?;
        timer.finish(&stages.metrics, segmented.len());

        let timer = StageTimer::start(Stage::Enrich);
        let items = slots.len();
        for ((slot, item), prediction) in slots.into_iter().zip(segmented).zip(predictions) {
            let item = stages.enricher.enrich(item, prediction);
            let part = item.record.position.part;
            match prepare(item) {
                Ok(prepared) => changes[slot.record][slot.change] = Some(Change::Upsert(prepared)),
                Err(error) => {
                    let record = &records[slot.record];
                    let mut letter = [DeadLetter::new(
                        &record.position,
                        Some(part),
                        &stages.config.sources[usize::from(record.source)].name,
                        "index",
                        DeadLetterCode::SinkRejected,
                        &error.to_string(),
                        record.record_time_ms,
                        record.payload.as_deref().unwrap_or_default(),
                    )];
                    self.keep_bytes(record, &mut letter);
                    processed[slot.record].dead_letters.extend(letter);
                }
            }
        }
        for (done, changes) in processed.iter_mut().zip(changes) {
            done.changes = changes.into_iter().flatten().collect();
            if done.outcome == RecordOutcome::Mapped && done.changes.is_empty() && !done.dead_letters.is_empty() {
                done.outcome = RecordOutcome::Dead;
            }
        }
        timer.finish(&stages.metrics, items);
        Ok(processed)
    }

    fn keep_bytes(&self, record: &RawRecord, letters: &mut [DeadLetter]) {
        let payload = record.payload.as_deref().unwrap_or_default();
        keep_bytes(letters, payload, self.stages.config.dead_letter.bytes);
    }
}

fn empty(record: &RawRecord) -> ProcessedRecord {
    let payload = record.payload.as_deref().unwrap_or_default();
    ProcessedRecord {
        source: record.source,
        position: record.position.clone(),
        record_time_ms: record.record_time_ms,
        payload_hash: xxh3_64(payload),
        payload_bytes: payload.len() as u64,
        outcome: RecordOutcome::Skipped,
        changes: Vec::new(),
        dead_letters: Vec::new(),
    }
}
