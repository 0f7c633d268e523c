//! Every series of the product, by name.

use super::firing::{Exported, FiringAlert};
use super::{ItemOutcome, Stage, TrendOutcome};
use crate::item::{DeadLetterCode, RecordOutcome};
use parking_lot::Mutex;
use prometheus::{
    Counter, CounterVec, Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// Cheap to clone; every clone moves the same series.
#[derive(Clone)]
pub struct Metrics(Arc<MetricsInner>);

impl Deref for Metrics {
    type Target = MetricsInner;

    fn deref(&self) -> &MetricsInner {
        &self.0
    }
}

/// The series. Field `x` is `qingting_x`; labels stand in the order in which `with_label_values` takes them.
pub struct MetricsInner {
    registry: Registry,
    /// `source`, `outcome`: [`RecordOutcome::label`].
    pub records_total: IntCounterVec,
    /// `source`, `outcome`: [`ItemOutcome::label`].
    pub items_total: IntCounterVec,
    /// `source`.
    pub record_bytes_total: IntCounterVec,
    /// `source`, `code`: [`DeadLetterCode::code`].
    pub dead_letters_total: IntCounterVec,
    /// `stage`. Wall seconds of one batch.
    pub stage_duration_seconds: HistogramVec,
    /// `stage`.
    pub stage_cpu_seconds_total: CounterVec,
    /// `stage`. Items in one batch.
    pub batch_items: HistogramVec,
    /// `stage`. Items that wait in front of the stage.
    pub queue_items: IntGaugeVec,
    /// `stage`. Seconds that the stage waited because the next one was full.
    pub backpressure_seconds_total: CounterVec,
    /// `topic`, `partition`. Messages between the committed position and the end.
    pub consumer_lag_messages: IntGaugeVec,
    /// `source`. Record time by which the source is behind.
    pub consumer_lag_event_seconds: GaugeVec,
    /// Record time that all partitions have reached, s since 1970.
    pub watermark_timestamp_seconds: Gauge,
    /// `source`. Newest event time seen, s since 1970.
    pub source_last_event_timestamp_seconds: GaugeVec,
    /// `source`. Share of valid items, 0 to 1.
    pub valid_ratio: GaugeVec,
    /// Seconds since the last commit.
    pub checkpoint_age_seconds: Gauge,
    pub checkpoint_duration_seconds: Histogram,
    pub trend_keys: IntGauge,
    pub trend_keys_evicted_total: IntCounter,
    /// `outcome`: [`TrendOutcome::label`].
    pub trend_items_total: IntCounterVec,
    /// `rule`, `episode`, `owner`, `priority`. Set through [`MetricsInner::set_firing`].
    alert_firing: IntGaugeVec,
    /// `rule`, `episode`. Set through [`MetricsInner::set_firing`].
    alert_ratio: GaugeVec,
    /// `receiver`, `outcome`: `delivered` `failed` `given_up`.
    pub notifications_total: IntCounterVec,
    /// Outbox rows that wait for delivery.
    pub outbox_items: IntGauge,
    /// `route`: the matched pattern, never the path; `code`: the HTTP status.
    pub http_request_duration_seconds: HistogramVec,
    /// `version`, `model`, `config`. Always 1.
    build_info: IntGaugeVec,
    stages: Vec<StageSeries>,
    exported: Mutex<Exported>,
    before_render: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// The series of one stage, looked up once.
pub struct StageSeries {
    pub duration_seconds: Histogram,
    pub cpu_seconds: Counter,
    pub batch_items: Histogram,
    pub queue_items: IntGauge,
    pub backpressure_seconds: Counter,
}

/// Seconds: from one micro-batch (0.1 ms) to a stuck disk (1 min).
const DURATION_BUCKETS: [f64; 14] = [
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 20.0, 30.0, 60.0,
];
/// Items: micro-batches of the workers up to the commit's maximum.
const BATCH_BUCKETS: [f64; 9] = [1.0, 8.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 5000.0];

impl Metrics {
    /// Builds and registers all series. The series of each stage exist from the start, at 0.
    ///
    /// # Errors
    /// If a series is declared twice or with a bad name: a bug, caught by any test.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let make = Maker { registry: &registry };
        let stage_duration_seconds = make.histograms(
            "qingting_stage_duration_seconds",
            "Wall time of one batch in a stage.",
            &["stage"],
            &DURATION_BUCKETS,
        )?;
        let stage_cpu_seconds_total = make.float_counters(
            "qingting_stage_cpu_seconds_total",
            "CPU time a stage has used.",
            &["stage"],
        )?;
        let batch_items = make.histograms(
            "qingting_batch_items",
            "Items in one batch of a stage.",
            &["stage"],
            &BATCH_BUCKETS,
        )?;
        let queue_items = make.int_gauges(
            "qingting_queue_items",
            "Items that wait in front of a stage.",
            &["stage"],
        )?;
        let backpressure_seconds_total = make.float_counters(
            "qingting_backpressure_seconds_total",
            "Time a stage waited because the next one was full.",
            &["stage"],
        )?;
        let stages = Stage::ALL
            .iter()
            .map(|stage| {
                let label = [stage.label()];
                StageSeries {
                    duration_seconds: stage_duration_seconds.with_label_values(&label),
                    cpu_seconds: stage_cpu_seconds_total.with_label_values(&label),
                    batch_items: batch_items.with_label_values(&label),
                    queue_items: queue_items.with_label_values(&label),
                    backpressure_seconds: backpressure_seconds_total.with_label_values(&label),
                }
            })
            .collect();
        let inner = MetricsInner {
            records_total: make.int_counters(
                "qingting_records_total",
                "Source records by what became of them.",
                &["source", "outcome"],
            )?,
            items_total: make.int_counters(
                "qingting_items_total",
                "Items by what they did to the index.",
                &["source", "outcome"],
            )?,
            record_bytes_total: make.int_counters(
                "qingting_record_bytes_total",
                "Bytes of source records.",
                &["source"],
            )?,
            dead_letters_total: make.int_counters(
                "qingting_dead_letters_total",
                "Dead letters by code.",
                &["source", "code"],
            )?,
            consumer_lag_messages: make.int_gauges(
                "qingting_consumer_lag_messages",
                "Messages between the committed position and the end of the partition.",
                &["topic", "partition"],
            )?,
            consumer_lag_event_seconds: make.gauges(
                "qingting_consumer_lag_event_seconds",
                "Record time by which a source is behind.",
                &["source"],
            )?,
            watermark_timestamp_seconds: make.gauge(
                "qingting_watermark_timestamp_seconds",
                "Record time that all partitions have reached.",
            )?,
            source_last_event_timestamp_seconds: make.gauges(
                "qingting_source_last_event_timestamp_seconds",
                "Newest event time seen from a source.",
                &["source"],
            )?,
            valid_ratio: make.gauges("qingting_valid_ratio", "Share of valid items of a source.", &["source"])?,
            checkpoint_age_seconds: make.gauge("qingting_checkpoint_age_seconds", "Time since the last commit.")?,
            checkpoint_duration_seconds: make
                .histogram("qingting_checkpoint_duration_seconds", "Time that one commit takes.")?,
            trend_keys: make.int_gauge("qingting_trend_keys", "Trend keys held.")?,
            trend_keys_evicted_total: make.int_counter(
                "qingting_trend_keys_evicted_total",
                "Trend keys evicted by the key budget.",
            )?,
            trend_items_total: make.int_counters(
                "qingting_trend_items_total",
                "Items by how trend took them.",
                &["outcome"],
            )?,
            alert_firing: make.int_gauges(
                "qingting_alert_firing",
                "1 for each firing episode, at most 100.",
                &["rule", "episode", "owner", "priority"],
            )?,
            alert_ratio: make.gauges(
                "qingting_alert_ratio",
                "Current count over the reference of each firing episode, at most 100.",
                &["rule", "episode"],
            )?,
            notifications_total: make.int_counters(
                "qingting_notifications_total",
                "Deliveries by outcome.",
                &["receiver", "outcome"],
            )?,
            outbox_items: make.int_gauge("qingting_outbox_items", "Outbox rows that wait for delivery.")?,
            http_request_duration_seconds: make.histograms(
                "qingting_http_request_duration_seconds",
                "Time to answer an HTTP request.",
                &["route", "code"],
                &DURATION_BUCKETS,
            )?,
            build_info: make.int_gauges(
                "qingting_build_info",
                "Always 1: what runs here.",
                &["version", "model", "config"],
            )?,
            stage_duration_seconds,
            stage_cpu_seconds_total,
            batch_items,
            queue_items,
            backpressure_seconds_total,
            stages,
            exported: Mutex::default(),
            before_render: OnceLock::new(),
            registry,
        };
        for outcome in TrendOutcome::ALL {
            inner.trend_items_total.with_label_values(&[outcome.label()]);
        }
        Ok(Self(Arc::new(inner)))
    }
}

impl MetricsInner {
    /// The series of one stage.
    pub fn stage(&self, stage: Stage) -> &StageSeries {
        // `stages` was collected from `Stage::ALL`, whose order is the declaration's.
        &self.stages[stage as usize]
    }

    /// Makes the series of a source exist at 0, so that a rate over them starts at the first record.
    pub fn declare_source(&self, source: &str) {
        for outcome in [RecordOutcome::Mapped, RecordOutcome::Skipped, RecordOutcome::Dead] {
            self.records_total.with_label_values(&[source, outcome.label()]);
        }
        for outcome in ItemOutcome::ALL {
            self.items_total.with_label_values(&[source, outcome.label()]);
        }
        for code in DeadLetterCode::ALL {
            self.dead_letters_total.with_label_values(&[source, code.code()]);
        }
        self.record_bytes_total.with_label_values(&[source]);
    }

    pub fn count_records(&self, source: &str, outcome: RecordOutcome, records: u64) {
        self.records_total
            .with_label_values(&[source, outcome.label()])
            .inc_by(records);
    }

    pub fn count_items(&self, source: &str, outcome: ItemOutcome, items: u64) {
        self.items_total
            .with_label_values(&[source, outcome.label()])
            .inc_by(items);
    }

    pub fn count_dead_letters(&self, source: &str, code: DeadLetterCode, letters: u64) {
        self.dead_letters_total
            .with_label_values(&[source, code.code()])
            .inc_by(letters);
    }

    /// Sets a record counter to the stored balance: after a restart counters go on from there.
    pub fn restore_records(&self, source: &str, outcome: RecordOutcome, records: u64) {
        let counter = self.records_total.with_label_values(&[source, outcome.label()]);
        counter.reset();
        counter.inc_by(records);
    }

    /// Sets an item counter to the stored balance: after a restart counters go on from there.
    pub fn restore_items(&self, source: &str, outcome: ItemOutcome, items: u64) {
        let counter = self.items_total.with_label_values(&[source, outcome.label()]);
        counter.reset();
        counter.inc_by(items);
    }

    /// Shows exactly the firing episodes, the strongest 100 by ratio.
    pub fn set_firing(&self, alerts: &[FiringAlert]) {
        self.exported
            .lock()
            .replace(alerts, &self.alert_firing, &self.alert_ratio);
    }

    /// Names the running version, the model as `name/version`, and the configuration as a short hash.
    pub fn set_build_info(&self, version: &str, model: &str, config: &str) {
        self.build_info.reset();
        self.build_info.with_label_values(&[version, model, config]).set(1);
    }

    /// Runs `refresh` before each rendering, for series that are worked out when they are asked for. The first call counts.
    pub fn before_render(&self, refresh: impl Fn() + Send + Sync + 'static) {
        // a second pipeline on the same metrics shows the first one's moment: there is none
        let _ = self.before_render.set(Box::new(refresh));
    }

    /// All series in the Prometheus text format, version 0.0.4.
    pub fn render(&self) -> String {
        if let Some(refresh) = self.before_render.get() {
            refresh();
        }
        // Held so that a scrape sees the firing episodes of one moment.
        let _firing = self.exported.lock();
        let mut out = Vec::with_capacity(16 * 1024);
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "metrics could not be rendered");
        }
        String::from_utf8(out).unwrap_or_default()
    }
}

/// Makes and registers series in one step.
struct Maker<'a> {
    registry: &'a Registry,
}

impl Maker<'_> {
    fn register<T: prometheus::core::Collector + Clone + 'static>(&self, series: T) -> Result<T, prometheus::Error> {
        self.registry.register(Box::new(series.clone()))?;
        Ok(series)
    }

    fn int_counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        self.register(IntCounter::new(name, help)?)
    }

    fn int_counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
        self.register(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn float_counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, prometheus::Error> {
        self.register(CounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<Gauge, prometheus::Error> {
        self.register(Gauge::new(name, help)?)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, prometheus::Error> {
        self.register(GaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn int_gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        self.register(IntGauge::new(name, help)?)
    }

    fn int_gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn histogram(&self, name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
        let options = HistogramOpts::new(name, help).buckets(DURATION_BUCKETS.to_vec());
        self.register(Histogram::with_opts(options)?)
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, prometheus::Error> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(HistogramVec::new(options, labels)?)
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
