//! Series that are true at the moment of a scrape only: the age of the last commit and how far each source is behind.
//!
//! They are worked out when they are asked for, since the thread that would set them is the one that hangs when they matter.

use crate::clock::Stopwatch;
use crate::config::Config;
use crate::item::AnalyzedRecord;
use crate::telemetry::MetricsInner;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Items over which the share of valid ones is taken, about.
const RECENT_ITEMS: f64 = 1_000.0;

pub struct Gauges {
    since_commit: Mutex<Stopwatch>,
    /// Something waits for a commit, or no session runs.
    waiting: AtomicBool,
    /// Every source was at its end after the last record.
    at_end: AtomicBool,
    sources: Mutex<BTreeMap<Arc<str>, Seen>>,
}

/// What was seen of one source since the start.
#[derive(Default)]
struct Seen {
    record_time_ms: i64,
    event_time_ms: Option<i64>,
    items: f64,
    valid_ratio: f64,
}

impl Default for Gauges {
    fn default() -> Self {
        Self {
            since_commit: Mutex::new(Stopwatch::start()),
            waiting: AtomicBool::new(true),
            at_end: AtomicBool::new(false),
            sources: Mutex::default(),
        }
    }
}

impl Gauges {
    pub fn committed(&self) {
        *self.since_commit.lock() = Stopwatch::start();
        self.waiting.store(false, Ordering::Release);
    }

    /// Without work there is nothing to commit, and the last commit does not age.
    pub fn set_waiting(&self, waiting: bool) {
        if waiting && !self.waiting.swap(true, Ordering::AcqRel) {
            *self.since_commit.lock() = Stopwatch::start();
        } else if !waiting {
            self.waiting.store(false, Ordering::Release);
        }
    }

    /// The session ended with an error: nothing is committed until the next one runs.
    pub fn failed(&self) {
        self.set_waiting(true);
        self.at_end.store(false, Ordering::Release);
    }

    pub fn set_at_end(&self) {
        self.at_end.store(true, Ordering::Release);
    }

    pub fn record(&self, source: &Arc<str>, record_time_ms: i64) {
        self.at_end.store(false, Ordering::Release);
        let mut sources = self.sources.lock();
        let seen = seen(&mut sources, source);
        seen.record_time_ms = seen.record_time_ms.max(record_time_ms);
    }

    pub fn item(&self, source: &Arc<str>, record: &AnalyzedRecord) {
        let mut sources = self.sources.lock();
        let seen = seen(&mut sources, source);
        seen.event_time_ms = seen.event_time_ms.max(record.item.published_at);
        seen.items = (seen.items + 1.0).min(RECENT_ITEMS);
        seen.valid_ratio += (f64::from(u8::from(record.analysis.valid.label)) - seen.valid_ratio) / seen.items;
    }

    /// Sets the series. `now_ms` is what a source is compared with: the clock, or the newest record time in a replay.
    pub fn show(&self, metrics: &MetricsInner, now_ms: i64) {
        let age = if self.waiting.load(Ordering::Acquire) {
            self.since_commit.lock().elapsed()
        } else {
            Duration::ZERO
        };
        metrics.checkpoint_age_seconds.set(age.as_secs_f64());
        let at_end = self.at_end.load(Ordering::Acquire);
        for (source, seen) in &*self.sources.lock() {
            let labels = [&**source];
            let behind_ms = if at_end {
                0
            } else {
                (now_ms - seen.record_time_ms).max(0)
            };
            metrics
                .consumer_lag_event_seconds
                .with_label_values(&labels)
                .set(behind_ms as f64 / 1_000.0);
            if let Some(event_ms) = seen.event_time_ms {
                metrics
                    .source_last_event_timestamp_seconds
                    .with_label_values(&labels)
                    .set(event_ms as f64 / 1_000.0);
            }
            if seen.items > 0.0 {
                metrics.valid_ratio.with_label_values(&labels).set(seen.valid_ratio);
            }
        }
    }
}

fn seen<'a>(sources: &'a mut BTreeMap<Arc<str>, Seen>, source: &Arc<str>) -> &'a mut Seen {
    sources.entry(source.clone()).or_default()
}

/// Tells configurations apart, in 8 hex digits. Values of librdkafka's properties are left out: a short hash of what is
/// otherwise known would let a password be guessed.
pub fn fingerprint(config: &Config) -> String {
    let mut config = config.clone();
    if let Some(kafka) = &mut config.kafka {
        kafka.properties.values_mut().for_each(String::clear);
    }
    let mut digits = format!("{:016x}", xxh3_64(format!("{config:?}").as_bytes()));
    digits.truncate(8);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn the_last_commit_ages_while_work_waits_and_not_without_work() {
        let (gauges, metrics) = (Gauges::default(), Metrics::new().unwrap());
        gauges.committed();
        std::thread::sleep(Duration::from_millis(20));
        gauges.show(&metrics, 0);
        assert_eq!(metrics.checkpoint_age_seconds.get(), 0.0);
        gauges.set_waiting(true);
        std::thread::sleep(Duration::from_millis(20));
        gauges.set_waiting(true);
        gauges.show(&metrics, 0);
        let age = metrics.checkpoint_age_seconds.get();
        assert!((0.02..0.9).contains(&age), "{age}: counts from when the work came");
    }

    #[test]
    fn a_source_is_behind_until_every_source_is_at_its_end() {
        let (gauges, metrics, source) = (Gauges::default(), Metrics::new().unwrap(), Arc::from("jd"));
        let behind = |gauges: &Gauges| {
            gauges.show(&metrics, 100_000);
            metrics.consumer_lag_event_seconds.with_label_values(&["jd"]).get()
        };
        gauges.record(&source, 40_000);
        assert_eq!(behind(&gauges), 60.0);
        gauges.set_at_end();
        assert_eq!(behind(&gauges), 0.0);
        gauges.record(&source, 90_000);
        assert_eq!(behind(&gauges), 10.0);
        gauges.failed();
        assert_eq!(behind(&gauges), 10.0);
    }
}
