//! `qingting reanalyze`: an index through another model, in place.
//!
//! Comes in: a data directory that no process runs on, and a model. Goes out: its documents, analyzed again. Can fail:
//! [`PipelineError`]; what was committed stays, and another call goes on from there. No metric moves.
//!
//! A document is replaced as any newer version is: it wins by (version, analysis epoch), and what it contributed to the
//! counts is subtracted and added. The balance, the read positions, the dead letters and the state of the rules stay as
//! they are: nothing arrived and nothing was decided. Each commit is whole, so that a kill loses at most the open one;
//! which documents are still to be done is read from the index itself, by the model that each of them names.

mod analyst;
mod select;

use super::{PipelineError, index_directory, lock, recount};
use crate::checkpoint::{FrameKind, Payload, StateLog, Step, enter};
use crate::classify::Model;
use crate::clock::{Clock, Stopwatch};
use crate::config::Config;
use crate::index::{IndexError, IndexStore, KnownDocument, PreparedItem, Standing};
use crate::item::Analysis;
use crate::search::Filter;
use crate::segment::Segmenter;
use crate::trend::{Sign, TrendEngine, is_voice};
use analyst::Analysts;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Documents that one worker takes at a time.
const BATCH_DOCUMENTS: usize = 256;
/// A commit is due after this long, also where the model is slow.
const COMMIT_INTERVAL: Duration = Duration::from_secs(5);

/// What is to be done.
pub struct Reanalysis<'a> {
    pub config: &'a Config,
    /// Whether `config` says who owns what; else the stored owners stay.
    pub knows_owners: bool,
    pub model: Arc<Model>,
    /// Only the documents that it matches.
    pub filter: Option<Filter>,
    pub clock: &'a dyn Clock,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Reanalyzed {
    /// Analysis epoch of the documents that were written.
    pub epoch: u64,
    /// Documents that were to be done: alive, selected, and of another model.
    pub selected: u64,
    pub reanalyzed: u64,
    /// Selected and left as they are: the index would not take them.
    pub left: u64,
    /// Alive and selected, and already of this model.
    pub already: u64,
    /// Answers that are now others.
    pub changed: Changed,
    /// False when it was stopped before the end.
    pub complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Changed {
    pub sentiment: u64,
    pub aspects: u64,
    pub severity: u64,
    pub intent: u64,
    pub valid: u64,
}

/// Runs until everything is done or `stopped` says so. `progress` gets how many are committed, of how many.
pub fn reanalyze(
    request: &Reanalysis<'_>,
    stopped: impl Fn() -> bool,
    mut progress: impl FnMut(u64, u64),
) -> Result<Reanalyzed, PipelineError> {
    let _lock = lock(&request.config.data_dir)?;
    let mut open = Open::at(request)?;
    let selection = open.select(request)?;
    let total = selection.documents.len() as u64;
    let mut analysts = Analysts::new(request)?;
    progress(0, total);
    let mut done = 0;
    for batch in selection.documents.chunks(BATCH_DOCUMENTS * analysts.count()) {
        if stopped() {
            break;
        }
        let mut documents = Vec::with_capacity(batch.len());
        for id in batch {
            documents.extend(open.store.known(*id)?.and_then(|known| known.document));
        }
        for (document, item) in documents.iter().zip(analysts.analyze(&documents)?) {
            match item {
                Ok(item) => open.replace(document, item)?,
                Err(error) => {
                    tracing::warn!(id = document.item.record.item.id, %error, "left as it is");
                    open.outcome.left += 1;
                }
            }
        }
        done += batch.len() as u64;
        if open.is_due(request.config.checkpoint.max_items) {
            open.commit(request.clock)?;
            progress(done, total);
        }
    }
    if open.has_work() {
        open.commit(request.clock)?;
        progress(done, total);
    }
    Ok(Reanalyzed {
        selected: total,
        already: selection.already,
        complete: done == total,
        ..open.outcome
    })
}

/// The data directory, opened at its last commit.
struct Open {
    store: IndexStore,
    log: StateLog,
    trend: TrendEngine,
    payload: Payload,
    model: String,
    open_items: usize,
    since_commit: Stopwatch,
    outcome: Reanalyzed,
}

impl Open {
    fn at(request: &Reanalysis<'_>) -> Result<Self, PipelineError> {
        let data_dir = &request.config.data_dir;
        let directory = index_directory(data_dir);
        if !directory.join("meta.json").exists() {
            return Err(IndexError::Missing(directory).into());
        }
        let (mut store, payload) = IndexStore::open(&directory)?;
        let mut payload = payload.ok_or(IndexError::Missing(directory))?;
        if payload.identities.dictionary != Segmenter::new().dictionary_hash() {
            return Err(IndexError::Rebuild {
                path: data_dir.clone(),
                what: "segmentation dictionary",
            }
            .into());
        }
        let (mut log, _) = StateLog::open(data_dir, &payload.state_log)?;
        let model = request.model.reference().to_string();
        if payload.identities.model != model {
            // as a start with another model does: what follows is of another epoch
            let change = serde_json::json!({
                "kind": "model", "from": payload.identities.model, "to": model, "at": request.clock.now_ms(),
            });
            log.push(FrameKind::Annotation, change.to_string().as_bytes());
            payload.identities.model.clone_from(&model);
            payload.identities.epoch += 1;
        }
        store.set_epoch(payload.identities.epoch);
        let trend = recount(&payload, store.searcher(), store.fields())?;
        Ok(Self {
            outcome: Reanalyzed {
                epoch: payload.identities.epoch,
                ..Reanalyzed::default()
            },
            store,
            log,
            trend,
            payload,
            model,
            open_items: 0,
            since_commit: Stopwatch::start(),
        })
    }

    fn select(&self, request: &Reanalysis<'_>) -> Result<select::Selection, PipelineError> {
        Ok(select::select(
            self.store.searcher(),
            self.store.fields(),
            request.filter.as_ref(),
            &self.model,
        )?)
    }

    /// The new analysis takes the old one's place; the counts follow.
    fn replace(&mut self, old: &KnownDocument, item: PreparedItem) -> Result<(), PipelineError> {
        let standing = self.store.standing(item.id_hash, self.store.version_of(&item))?;
        if !matches!(standing, Standing::Replaces(_)) {
            self.outcome.left += 1;
            return Ok(());
        }
        self.outcome
            .changed
            .count(&old.item.record.analysis, &item.item.record.analysis);
        let voice = is_voice(&item.item.record);
        let applied = self.store.add(item, standing, &old.source, voice, old.duplicate)?;
        for (document, sign) in [(&applied.replaced, Sign::Minus), (&applied.added, Sign::Plus)] {
            if let Some(document) = document {
                let record_time_ms = document.item.record_time_ms;
                let contribution =
                    self.trend
                        .contribution(&document.item.record, &document.source, record_time_ms, None);
                self.trend.apply(&contribution, sign);
            }
        }
        self.outcome.reanalyzed += 1;
        self.open_items += 1;
        Ok(())
    }

    fn has_work(&self) -> bool {
        self.open_items > 0 || self.log.has_pending()
    }

    fn is_due(&self, max_items: usize) -> bool {
        self.open_items >= max_items || self.has_work() && self.since_commit.elapsed() >= COMMIT_INTERVAL
    }

    /// The one commit (decision 2): frames, fsync, documents with the payload.
    fn commit(&mut self, clock: &dyn Clock) -> Result<(), PipelineError> {
        enter(Step::LogAppend);
        self.log.append()?;
        enter(Step::LogFsync);
        self.log.sync()?;
        self.payload.commit += 1;
        self.payload.alive_docs = self.store.alive_docs;
        self.payload.tombstones = self.store.tombstones;
        self.payload.state_log = self.log.position();
        self.payload.trend = self.trend.digest();
        self.payload.committed_at_ms = clock.now_ms();
        enter(Step::Prepare);
        self.store.commit(&self.payload)?;
        self.open_items = 0;
        self.since_commit = Stopwatch::start();
        Ok(())
    }
}

impl Changed {
    fn count(&mut self, old: &Analysis, new: &Analysis) {
        let pairs = |analysis: &Analysis| -> Vec<(String, String)> {
            let aspects = analysis.aspects.iter();
            aspects.map(|one| (one.aspect.clone(), one.polarity.clone())).collect()
        };
        self.sentiment += u64::from(old.sentiment.label != new.sentiment.label);
        self.aspects += u64::from(pairs(old) != pairs(new));
        self.severity += u64::from(old.severity.label != new.severity.label);
        self.intent += u64::from(old.intent.label != new.intent.label);
        self.valid += u64::from(old.valid.label != new.valid.label);
    }
}
