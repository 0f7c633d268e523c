use super::*;
use crate::telemetry::MAX_FIRING_SERIES;
use std::collections::BTreeMap;

/// Names and labels as they are pinned. Series of later issues are not here: they appear with what moves them.
const PINNED: [(&str, &[&str]); 25] = [
    ("qingting_records_total", &["outcome", "source"]),
    ("qingting_items_total", &["outcome", "source"]),
    ("qingting_record_bytes_total", &["source"]),
    ("qingting_dead_letters_total", &["code", "source"]),
    ("qingting_stage_duration_seconds", &["stage"]),
    ("qingting_stage_cpu_seconds_total", &["stage"]),
    ("qingting_batch_items", &["stage"]),
    ("qingting_queue_items", &["stage"]),
    ("qingting_backpressure_seconds_total", &["stage"]),
    ("qingting_consumer_lag_messages", &["partition", "topic"]),
    ("qingting_consumer_lag_event_seconds", &["source"]),
    ("qingting_watermark_timestamp_seconds", &[]),
    ("qingting_source_last_event_timestamp_seconds", &["source"]),
    ("qingting_valid_ratio", &["source"]),
    ("qingting_checkpoint_age_seconds", &[]),
    ("qingting_checkpoint_duration_seconds", &[]),
    ("qingting_trend_keys", &[]),
    ("qingting_trend_keys_evicted_total", &[]),
    ("qingting_trend_items_total", &["outcome"]),
    ("qingting_alert_firing", &["episode", "owner", "priority", "rule"]),
    ("qingting_alert_ratio", &["episode", "rule"]),
    ("qingting_notifications_total", &["outcome", "receiver"]),
    ("qingting_outbox_items", &[]),
    ("qingting_http_request_duration_seconds", &["code", "route"]),
    ("qingting_build_info", &["config", "model", "version"]),
];

fn firing(episode: usize, ratio: f64) -> FiringAlert {
    FiringAlert {
        rule: "spike_7d".to_owned(),
        episode: format!("{episode:032x}"),
        owner: "app".to_owned(),
        priority: "P1".to_owned(),
        ratio,
    }
}

#[test]
fn names_and_labels_are_the_pinned_ones() {
    let metrics = Metrics::new().unwrap();
    metrics.declare_source("s");
    metrics.consumer_lag_messages.with_label_values(&["t", "0"]).set(1);
    metrics.consumer_lag_event_seconds.with_label_values(&["s"]).set(1.0);
    metrics
        .source_last_event_timestamp_seconds
        .with_label_values(&["s"])
        .set(1.0);
    metrics.valid_ratio.with_label_values(&["s"]).set(1.0);
    metrics.set_firing(&[firing(1, 3.0)]);
    metrics.notifications_total.with_label_values(&["r", "delivered"]).inc();
    metrics
        .http_request_duration_seconds
        .with_label_values(&["/healthz", "200"])
        .observe(0.001);
    metrics.set_build_info("0.1.0", "fast/1", "abc");

    let mut exported = BTreeMap::new();
    for family in metrics.registry.gather() {
        let mut labels: Vec<String> = family.get_metric()[0]
            .get_label()
            .iter()
            .map(|label| label.name().to_owned())
            .collect();
        labels.sort();
        exported.insert(family.name().to_owned(), labels);
    }
    let pinned: BTreeMap<String, Vec<String>> = PINNED
        .iter()
        .map(|(name, labels)| {
            (
                (*name).to_owned(),
                labels.iter().map(|label| (*label).to_owned()).collect(),
            )
        })
        .collect();
    assert_eq!(exported, pinned);
}

#[test]
fn the_stage_series_exist_before_the_first_batch() {
    let text = Metrics::new().unwrap().render();
    for stage in Stage::ALL {
        let line = format!("qingting_stage_cpu_seconds_total{{stage=\"{}\"}} 0", stage.label());
        assert!(text.contains(&line), "{line} missing");
    }
}

#[test]
fn a_resolved_episode_leaves_the_gauges_and_at_most_a_hundred_are_shown() {
    let metrics = Metrics::new().unwrap();
    let flood: Vec<FiringAlert> = (0..150).map(|episode| firing(episode, episode as f64)).collect();
    metrics.set_firing(&flood);
    let shown = |text: &str, name: &str| {
        text.lines()
            .filter(|line| line.starts_with(&format!("{name}{{")))
            .count()
    };
    let text = metrics.render();
    assert_eq!(shown(&text, "qingting_alert_firing"), MAX_FIRING_SERIES);
    assert_eq!(shown(&text, "qingting_alert_ratio"), MAX_FIRING_SERIES);
    assert!(text.contains(&format!("{:032x}", 149)), "the strongest is shown");
    assert!(!text.contains(&format!("{:032x}", 49)), "the weakest is not");

    metrics.set_firing(&[firing(149, 4.5)]);
    let text = metrics.render();
    assert_eq!(shown(&text, "qingting_alert_firing"), 1);
    assert!(text.contains("} 4.5"), "{text}");
    metrics.set_firing(&[]);
    assert_eq!(shown(&metrics.render(), "qingting_alert_firing"), 0);
}

#[test]
fn counters_go_on_from_the_stored_balance() {
    let metrics = Metrics::new().unwrap();
    metrics.count_records("s", RecordOutcome::Mapped, 3);
    metrics.restore_records("s", RecordOutcome::Mapped, 1000);
    metrics.count_records("s", RecordOutcome::Mapped, 2);
    metrics.restore_items("s", ItemOutcome::Updated, 7);
    let text = metrics.render();
    assert!(
        text.contains("qingting_records_total{outcome=\"mapped\",source=\"s\"} 1002"),
        "{text}"
    );
    assert!(
        text.contains("qingting_items_total{outcome=\"updated\",source=\"s\"} 7"),
        "{text}"
    );
}

#[test]
fn a_clone_moves_the_same_series() {
    let metrics = Metrics::new().unwrap();
    metrics.clone().trend_keys.set(5);
    assert!(metrics.render().contains("qingting_trend_keys 5"));
}
