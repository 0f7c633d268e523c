//! The index thread: everything that needs memory of other items, in one order.
//!
//! Upsert, duplicates, counts, rules and the commit happen here and nowhere else. Any error ends the session.

use super::PipelineError;
use super::answers::Responses;
use super::outbox::Outbox;
use super::shared::Shared;
use super::stages::ProcessedRecord;
use crate::alert::AlertRecord;
use crate::checkpoint::{
    Balance, Bug, FilePosition, FrameKind, Identities, LineFile, PAYLOAD_FORMAT, Payload, StartCounter, StateLog, Step,
    TopicPosition, enter, seeded,
};
use crate::clock::Stopwatch;
use crate::dead_letter::TopicSender;
use crate::index::{
    Applied, DuplicateWindow, IndexError, IndexStore, KnownDocument, PreparedItem, Seen, Standing, author_hash, id_hash,
};
use crate::item::{Change, Duplicate, RecordPosition, Tokens};
use crate::normalize::{Trigrams, analysis_text};
use crate::privacy::Erasures;
use crate::source::gate::HOUR_MS;
use crate::telemetry::{ItemOutcome, Stage, StageTimer};
use crate::trend::{Contribution, IndexEvidence, Sign, TrendEngine, is_voice};
use crossbeam_channel::Sender;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Time that the seeded bug gives an early message to arrive.
const EARLY_SEND: Duration = Duration::from_millis(300);

pub struct Keeper {
    pub shared: Arc<Shared>,
    pub store: IndexStore,
    pub trend: Arc<RwLock<TrendEngine>>,
    pub duplicates: DuplicateWindow,
    /// What must not come back.
    pub erasures: Erasures,
    pub log: StateLog,
    pub dead_letters: LineFile,
    /// Ends with the session.
    pub dead_letter_topic: Option<TopicSender>,
    pub outbox: Outbox,
    pub starts: StartCounter,
    /// Names of the sources, by index.
    pub sources: Vec<Arc<str>>,
    pub identities: Identities,
    /// State of the last commit, moved on by every record.
    pub payload: Payload,
    pub positions: BTreeMap<(Arc<str>, i32), TopicPosition>,
    pub files: BTreeMap<(String, String), FilePosition>,
    pub newest_record_time_ms: Arc<AtomicI64>,
    pub committed: Sender<Vec<TopicPosition>>,
    pub since_commit: Stopwatch,
    pub open_items: usize,
    /// Something was read or decided since the last commit.
    pub dirty: bool,
}

impl Keeper {
    /// Applies one record: all of its changes, or none of them are committed.
    pub fn apply(&mut self, record: ProcessedRecord) -> Result<(), PipelineError> {
        let source = self.sources[usize::from(record.source)].clone();
        self.dirty = true;
        let mut balance = Balance::default();
        self.count_record(&source, &record, &mut balance);
        for letter in &record.dead_letters {
            let line = serde_json::to_vec(letter).map_err(PipelineError::Serialize)?;
            self.dead_letters.push(&line);
        }
        let mut responses = Responses::of(&record.changes);
        for change in record.changes {
            let outcome = match change {
                Change::Upsert(item) => self.upsert(item, &source, &mut responses)?,
                Change::Delete {
                    id,
                    version,
                    record_time_ms,
                    ..
                } => {
                    let applied = self.store.delete(&id, version, &source, record_time_ms)?;
                    if applied.outcome == ItemOutcome::Deleted {
                        self.duplicates.hear(record_time_ms);
                    }
                    self.count(&applied, id_hash(&id), &Default::default())?;
                    responses.see(&applied, version, record_time_ms);
                    applied.outcome
                }
            };
            balance.count_item(outcome);
            self.shared.metrics.count_items(&source, outcome, 1);
            self.open_items += 1;
        }
        self.delete_further_answers(responses, &source)?;
        self.payload
            .balance
            .entry(source.to_string())
            .or_default()
            .add(&balance);
        Ok(())
    }

    /// A kill between the commit of a boundary and the commit of its decisions: decide again, on the same state.
    pub fn resume_evaluation(&mut self) -> Result<(), PipelineError> {
        let Some(hour_ms) = self.payload.record_hour_ms else {
            return Ok(());
        };
        let mut boundary_ms = self
            .payload
            .evaluated_through_ms
            .map_or(hour_ms, |through| through + HOUR_MS);
        while boundary_ms <= hour_ms {
            self.boundary(boundary_ms)?;
            boundary_ms += HOUR_MS;
        }
        Ok(())
    }

    /// All records of the hours before `boundary_ms` are in: the rules look at a finished commit of that state.
    pub fn boundary(&mut self, boundary_ms: i64) -> Result<(), PipelineError> {
        self.payload.record_hour_ms = Some(boundary_ms);
        self.dirty = true;
        self.shared
            .metrics
            .watermark_timestamp_seconds
            .set(boundary_ms as f64 / 1000.0);
        if self
            .payload
            .evaluated_through_ms
            .is_some_and(|through| through >= boundary_ms)
        {
            return Ok(());
        }
        let wanted = self.trend.read().wants_evaluation(boundary_ms);
        if wanted {
            if self.open_items > 0 {
                self.commit()?;
            }
            self.evaluate(boundary_ms)?;
        }
        self.payload.evaluated_through_ms = Some(boundary_ms);
        Ok(())
    }

    fn evaluate(&mut self, boundary_ms: i64) -> Result<(), PipelineError> {
        let timer = StageTimer::start(Stage::Trend);
        let evidence = IndexEvidence::new(self.store.searcher(), self.store.fields());
        let newest_ms = self.newest_record_time_ms.load(Ordering::Acquire).max(boundary_ms);
        let (transitions, notices) = {
            let mut trend = self.trend.write();
            (trend.evaluate(boundary_ms, newest_ms, &evidence)?, trend.take_notices())
        };
        timer.finish(&self.shared.metrics, transitions.len());
        for notice in notices {
            let json = serde_json::to_vec(&notice).map_err(PipelineError::Serialize)?;
            self.log.push(FrameKind::Annotation, &json);
        }
        for alert in transitions {
            self.record_transition(&alert)?;
        }
        Ok(())
    }

    /// The decision and its outbox rows are frames of the next commit; nothing leaves before it is durable.
    fn record_transition(&mut self, alert: &AlertRecord) -> Result<(), PipelineError> {
        let json = serde_json::to_vec(alert).map_err(PipelineError::Serialize)?;
        let seq = self.log.push(FrameKind::Alert, &json);
        self.outbox.remember(seq, alert);
        for row in self.outbox.rows_for(alert) {
            let bytes = serde_json::to_vec(&row).map_err(PipelineError::Serialize)?;
            let seq = self.log.push(FrameKind::Outbox, &bytes);
            self.outbox.queue(seq, row);
        }
        if seeded(Bug::SendEarly) {
            self.outbox.send(self.shared.clock.now_ms());
            std::thread::sleep(EARLY_SEND);
        }
        Ok(())
    }

    fn upsert(
        &mut self,
        mut item: PreparedItem,
        source: &Arc<str>,
        responses: &mut Responses,
    ) -> Result<ItemOutcome, PipelineError> {
        let id = item.id_hash;
        if self.erasures.contains(id, author_hash(&item.item.record)) {
            return Ok(ItemOutcome::Stale);
        }
        let standing = if responses.is_beside_stale(&item.item.record.item.id) {
            Standing::Stale
        } else {
            self.store.standing(id, self.store.version_of(&item))?
        };
        let old = match &standing {
            Standing::Stale => {
                responses.pass_over(&item.item.record.item.id);
                let contribution = Contribution::of(&item.item.record, source, item.item.record_time_ms);
                let mut trend = self.trend.write();
                if seeded(Bug::CountByArrival) {
                    trend.apply(&contribution, Sign::Plus);
                }
                trend.hear(&contribution);
                return Ok(ItemOutcome::Stale);
            }
            Standing::New => None,
            Standing::Replaces(known) => known.document.clone(),
        };
        self.duplicates.hear(item.item.record_time_ms);
        let duplicate = self.decide_duplicate(&mut item, old.as_deref())?;
        let voice = is_voice(&item.item.record);
        self.shared.gauges.item(source, &item.item.record);
        let words = std::mem::take(&mut item.words);
        let (version, record_time_ms) = (item.item.record.item.version, item.item.record_time_ms);
        let applied = self.store.add(item, standing, source, voice, duplicate)?;
        self.count(&applied, id, &words)?;
        responses.see(&applied, version, record_time_ms);
        Ok(applied.outcome)
    }

    /// Decided once, at first sight: an update of the same text keeps what was decided.
    fn decide_duplicate(
        &mut self,
        item: &mut PreparedItem,
        old: Option<&KnownDocument>,
    ) -> Result<bool, PipelineError> {
        let (id, fingerprint) = (item.id_hash, item.item.fingerprint);
        if let Some(old) = old.filter(|old| old.item.fingerprint.exact == fingerprint.exact) {
            if old.duplicate {
                self.mark_duplicate(item, old.item.record.analysis.duplicate.clone())?;
            }
            return Ok(old.duplicate);
        }
        let mut own = None;
        let is_same = |first: u128| {
            let Some(first) = self.store.first_of_group(first)? else {
                return Ok(false);
            };
            let own = own.get_or_insert_with(|| Trigrams::of(&analysis_text(&item.item.record.item)));
            Ok::<_, IndexError>(first.trigrams.is_same(own))
        };
        let seen = self
            .duplicates
            .see(&fingerprint, id, item.item.record_time_ms, is_same)?;
        let Seen::Again { first, size, near } = seen else {
            return Ok(false);
        };
        let Some(first) = self.store.first_of_group(first)? else {
            return Ok(false);
        };
        let duplicate = Duplicate {
            group: first.id.to_string(),
            first_seen: first.published_at_ms,
            size,
            kind: if near { "near" } else { "exact" }.to_owned(),
        };
        self.mark_duplicate(item, Some(duplicate))?;
        Ok(true)
    }

    fn mark_duplicate(&self, item: &mut PreparedItem, duplicate: Option<Duplicate>) -> Result<(), PipelineError> {
        item.set_duplicate(duplicate).map_err(PipelineError::Document)
    }

    /// Subtracts what the replaced document contributed and adds what the new one does.
    pub(super) fn count(&mut self, applied: &Applied, id: u128, words: &(Tokens, Tokens)) -> Result<(), PipelineError> {
        if let Some(old) = applied.replaced.as_deref()
            && !seeded(Bug::CountByArrival)
        {
            {
                let mut trend = self.trend.write();
                let contribution = trend.contribution(&old.item.record, &old.source, old.item.record_time_ms, None);
                trend.apply(&contribution, Sign::Minus);
            }
            let kept = applied
                .added
                .as_ref()
                .is_some_and(|new| new.item.fingerprint.exact == old.item.fingerprint.exact);
            if !kept {
                let now = applied.added.as_ref().map(|new| new.item.fingerprint.exact);
                self.forget_text(id, old, now)?;
            }
        }
        if let Some(new) = applied.added.as_deref() {
            let words = Some((&words.0, &words.1));
            let mut trend = self.trend.write();
            let contribution = trend.contribution(&new.item.record, &new.source, new.item.record_time_ms, words);
            let taken = trend.outcome(&contribution);
            self.shared.metrics.trend_items_total.with_label_values(&[taken]).inc();
            trend.apply(&contribution, Sign::Plus);
        }
        Ok(())
    }

    /// The text of a document that is no longer there; `now` is the hash of the one that took its place.
    fn forget_text(&mut self, id: u128, old: &KnownDocument, now: Option<u64>) -> Result<(), PipelineError> {
        let Some(copy) = &old.item.record.analysis.duplicate else {
            self.duplicates.forget(old.item.fingerprint.exact, id, now);
            return Ok(());
        };
        let first = id_hash(&copy.group);
        if let Some(document) = self.store.known(first)?.and_then(|known| known.document) {
            self.duplicates.forget_copy(document.item.fingerprint.exact, first);
        }
        Ok(())
    }

    fn count_record(&mut self, source: &Arc<str>, record: &ProcessedRecord, balance: &mut Balance) {
        balance.count_record(record.outcome, record.payload_bytes);
        balance.dead_letters += record.dead_letters.len() as u64;
        let metrics = &self.shared.metrics;
        metrics.count_records(source, record.outcome, 1);
        metrics
            .record_bytes_total
            .with_label_values(&[&**source])
            .inc_by(record.payload_bytes);
        for letter in &record.dead_letters {
            metrics.count_dead_letters(source, letter.code, 1);
        }
        self.payload.newest_record_time_ms = self.payload.newest_record_time_ms.max(record.record_time_ms);
        self.newest_record_time_ms
            .fetch_max(record.record_time_ms, Ordering::AcqRel);
        self.shared.gauges.record(source, record.record_time_ms);
        self.remember_position(source, record);
    }

    fn remember_position(&mut self, source: &str, record: &ProcessedRecord) {
        match &record.position {
            RecordPosition::Kafka {
                topic,
                partition,
                offset,
            } => {
                let known = match self.positions.entry((topic.clone(), *partition)) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(TopicPosition {
                        topic: topic.to_string(),
                        epoch: self.payload.epoch_of(topic),
                        partition: *partition,
                        next_offset: 0,
                        last_offset: 0,
                        last_hash: 0,
                        last_timestamp_ms: 0,
                    }),
                };
                known.next_offset = offset + 1;
                known.last_offset = *offset;
                known.last_hash = record.payload_hash;
                known.last_timestamp_ms = record.record_time_ms;
            }
            RecordPosition::File { file, record } => {
                self.files.insert(
                    (source.to_owned(), file.to_string()),
                    FilePosition {
                        source: source.to_owned(),
                        file: file.to_string(),
                        next_record: record + 1,
                    },
                );
            }
        }
    }

    /// True when a commit is due.
    pub fn commit_is_due(&mut self, interval: Duration, max_items: usize) -> bool {
        self.open_items >= max_items || (self.has_work() && self.since_commit.elapsed() >= interval)
    }

    /// Committed dead letters that their topic has not acknowledged.
    pub fn dead_letters_wait(&self) -> bool {
        self.dead_letter_topic.is_some() && self.outbox.dead_letters_sent_bytes() < self.payload.dead_letters_bytes
    }

    pub fn has_work(&mut self) -> bool {
        self.dirty || self.log.has_pending() || self.outbox.has_deliveries()
    }

    /// Frames → fsync → prepare → commit → directory sync → project → send (decision 2).
    pub fn commit(&mut self) -> Result<(), PipelineError> {
        let watch = Stopwatch::start();
        let timer = StageTimer::start(Stage::Index);
        let items = self.open_items;
        for seq in self.outbox.take_delivered() {
            self.log.push(FrameKind::Delivered, &seq.to_le_bytes());
        }
        enter(Step::LogAppend);
        self.log.append()?;
        enter(Step::LogFsync);
        self.log.sync()?;
        self.dead_letters.flush()?;
        let payload = self.next_payload();
        // a message that left early shows only where its own commit does not come to be
        if !seeded(Bug::SendEarly) || self.outbox.has_transitions() {
            enter(Step::Prepare);
        }
        self.store.commit(&payload)?;
        self.payload = payload;
        self.starts.reset()?;
        enter(Step::Project);
        self.outbox.project()?;
        enter(Step::Send);
        self.outbox.send(self.shared.clock.now_ms());
        // the receiver only commits a lag signal: a full or closed channel loses nothing
        let _ = self.committed.try_send(self.payload.positions.clone());
        self.shared.committed(&self.payload, self.store.searcher().clone());
        timer.finish(&self.shared.metrics, items);
        self.shared.metrics.trend_keys.set(self.trend.read().keys() as i64);
        self.shared
            .metrics
            .checkpoint_duration_seconds
            .observe(watch.elapsed().as_secs_f64());
        self.since_commit = Stopwatch::start();
        self.open_items = 0;
        self.dirty = false;
        Ok(())
    }

    fn next_payload(&self) -> Payload {
        let trend = self.trend.read();
        let mut positions: Vec<TopicPosition> = self.positions.values().cloned().collect();
        if seeded(Bug::PayloadAhead) {
            for position in &mut positions {
                position.next_offset += 16;
            }
        }
        Payload {
            format: PAYLOAD_FORMAT,
            commit: self.payload.commit + 1,
            positions,
            files: self.files.values().cloned().collect(),
            alive_docs: self.store.alive_docs,
            tombstones: self.store.tombstones,
            state_log: self.log.position(),
            dead_letters_bytes: self.dead_letters.bytes(),
            dead_letters_sent_bytes: self.outbox.dead_letters_sent_bytes(),
            identities: self.identities.clone(),
            rule_state: trend.state(),
            trend: trend.digest(),
            committed_at_ms: self.shared.clock.now_ms(),
            ..self.payload.clone()
        }
    }
}
