//! What the threads of a process share: the last commit as it can be searched, and how things stand.

use super::PipelineError;
use super::gauges::Gauges;
use super::projection::Projection;
use super::stages::Stages;
use crate::checkpoint::{Balance, Payload};
use crate::clock::Clock;
use crate::config::{ClockMode, Config};
use crate::index::schema::Fields;
use crate::item::RecordOutcome;
use crate::source::SourceEvent;
use crate::source::http::HttpIntake;
use crate::telemetry::{ItemOutcome, Metrics};
use crate::trend::TrendEngine;
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tantivy::Searcher;
use xxhash_rust::xxh3::xxh3_64;

/// The open index of the running session, at its last commit.
#[derive(Clone)]
pub struct Live {
    pub searcher: Searcher,
    pub fields: Fields,
    pub trend: Arc<RwLock<TrendEngine>>,
    pub projection: Arc<Mutex<Projection>>,
    /// Number of the commit.
    pub generation: u64,
}

/// How things stand, for `/api/v1/status`.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Health {
    pub records: Balance,
    pub alive_items: u64,
    pub committed_at_ms: i64,
    pub record_time_ms: i64,
    /// The hour of record time that is being read.
    pub record_hour_ms: Option<i64>,
    pub evaluated_through_ms: Option<i64>,
    pub caught_up: bool,
    /// The error that ended the last session, until a commit succeeds again.
    pub error: Option<String>,
    pub error_code: Option<&'static str>,
    /// Partitions that are not read, with the command that resets them.
    pub refused: Vec<String>,
    /// Records that the broker no longer had.
    pub gaps: Vec<String>,
}

pub struct Shared {
    pub config: Arc<Config>,
    pub metrics: Metrics,
    pub clock: Arc<dyn Clock>,
    pub stages: Arc<Stages>,
    /// xxh3-64 of the privacy key: says that it changed, nothing else.
    pub key_fingerprint: u64,
    /// Length of the dead-letter file that the last commit names.
    pub durable_dead_letters: Arc<AtomicU64>,
    live: RwLock<Option<Live>>,
    health: RwLock<Health>,
    commits: AtomicU64,
    caught_up: AtomicBool,
    /// Newest record time on the sources, ms.
    pub newest_record_time_ms: Arc<AtomicI64>,
    pub gauges: Gauges,
    /// What is pushed over HTTP, where a source takes it.
    pub http_intake: Option<HttpIntake>,
}

impl Shared {
    pub fn new(
        config: Arc<Config>,
        metrics: Metrics,
        clock: Arc<dyn Clock>,
        stages: Arc<Stages>,
        key: &[u8],
        http_intake: Option<HttpIntake>,
    ) -> Self {
        for source in &config.sources {
            metrics.declare_source(&source.name);
        }
        Self {
            config,
            metrics,
            clock,
            stages,
            key_fingerprint: xxh3_64(key),
            durable_dead_letters: Arc::default(),
            live: RwLock::new(None),
            health: RwLock::default(),
            commits: AtomicU64::new(0),
            caught_up: AtomicBool::new(false),
            newest_record_time_ms: Arc::default(),
            gauges: Gauges::default(),
            http_intake,
        }
    }

    /// The running session's view, `None` while recovering.
    pub fn live(&self) -> Option<Live> {
        self.live.read().clone()
    }

    pub fn health(&self) -> Health {
        Health {
            caught_up: self.is_caught_up(),
            ..self.health.read().clone()
        }
    }

    /// Commits of this process.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    pub fn is_caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Acquire)
    }

    pub(super) fn set_caught_up(&self) {
        self.caught_up.store(true, Ordering::Release);
        self.gauges.set_at_end();
    }

    pub(super) fn started(&self, live: Live, payload: &Payload) {
        *self.live.write() = Some(live);
        self.durable_dead_letters
            .store(payload.dead_letters_bytes, Ordering::Release);
        self.restore_counters(payload);
        self.show(payload);
    }

    /// Counters go on from the stored balance after a restart.
    fn restore_counters(&self, payload: &Payload) {
        for (source, balance) in &payload.balance {
            for (outcome, count) in [
                (RecordOutcome::Mapped, balance.mapped),
                (RecordOutcome::Skipped, balance.skipped),
                (RecordOutcome::Dead, balance.dead_letter),
            ] {
                self.metrics.restore_records(source, outcome, count);
            }
            for (outcome, count) in [
                (ItemOutcome::Inserted, balance.inserted),
                (ItemOutcome::Updated, balance.updated),
                (ItemOutcome::Stale, balance.stale),
                (ItemOutcome::Deleted, balance.deleted),
            ] {
                self.metrics.restore_items(source, outcome, count);
            }
        }
    }

    pub(super) fn committed(&self, payload: &Payload, searcher: Searcher) {
        if let Some(live) = self.live.write().as_mut() {
            live.searcher = searcher;
            live.generation = payload.commit;
        }
        self.durable_dead_letters
            .store(payload.dead_letters_bytes, Ordering::Release);
        self.commits.fetch_add(1, Ordering::AcqRel);
        self.gauges.committed();
        self.show(payload);
    }

    fn show(&self, payload: &Payload) {
        let mut health = self.health.write();
        health.records = payload.total();
        health.alive_items = payload.alive_docs - payload.tombstones;
        health.committed_at_ms = payload.committed_at_ms;
        health.record_time_ms = payload.newest_record_time_ms;
        health.record_hour_ms = payload.record_hour_ms;
        health.evaluated_through_ms = payload.evaluated_through_ms;
        health.error = None;
        health.error_code = None;
    }

    pub(super) fn failed(&self, error: &PipelineError) {
        *self.live.write() = None;
        self.caught_up.store(false, Ordering::Release);
        self.gauges.failed();
        let mut health = self.health.write();
        health.error = Some(error.to_string());
        health.error_code = Some(error.code());
    }

    pub(super) fn note_source_event(&self, event: &SourceEvent) {
        let data_dir = self.config.data_dir.display();
        match event {
            SourceEvent::Assigned {
                topic,
                partition,
                epoch,
                next_offset,
            } => {
                tracing::info!(topic, partition, epoch, next_offset, "partition assigned");
            }
            SourceEvent::Refused { topic, partition } => {
                let message = format!(
                    "{topic}/{partition}: the topic was re-created or cut; `qingting repair --data-dir {data_dir} --reset-topic {topic}` reads it again from the beginning"
                );
                tracing::error!("{message}");
                self.health.write().refused.push(message);
            }
            SourceEvent::Gap {
                topic,
                partition,
                from,
                to,
            } => {
                let message = format!("{topic}/{partition}: offsets {from} to {to} are no longer on the broker");
                tracing::error!(records = to - from, "{message}");
                self.health.write().gaps.push(message);
            }
        }
    }

    /// Sets what is true at the moment of a scrape.
    pub(super) fn show_gauges(&self) {
        let now_ms = match self.config.time.clock {
            ClockMode::System => self.clock.now_ms(),
            ClockMode::Event => self.newest_record_time_ms.load(Ordering::Acquire),
        };
        self.gauges.show(&self.metrics, now_ms);
    }

    /// Sleeps in small steps; true when stopped.
    pub(super) fn sleep_unless(&self, stop: &AtomicBool, pause: Duration) -> bool {
        const STEP: Duration = Duration::from_millis(50);
        let mut left = pause;
        while !left.is_zero() && !stop.load(Ordering::Acquire) {
            let step = STEP.min(left);
            std::thread::sleep(step);
            left -= step;
        }
        stop.load(Ordering::Acquire)
    }
}
