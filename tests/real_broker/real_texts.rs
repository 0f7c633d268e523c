//! 100,000 records made from real customer voice, through a real broker.

use super::support::broker::{Broker, KafkaRecord};
use super::support::process::Deployment;
use super::support::texts::real_texts;
use super::support::{say, shared};
use super::{AT_MS, assert_verified, balance, broker, config, ids, item};
use std::time::{Duration, Instant};

#[test]
fn a_topic_of_100000_real_texts_is_taken_whole() {
    let promise = "a_topic_of_100000_real_texts_is_taken_whole";
    let (Some(shared), Some(broker)) = (shared(promise), broker(promise)) else {
        return;
    };
    let texts = real_texts(&shared, 100_000);
    assert_eq!(texts.len(), 100_000);
    let topic = Broker::fresh_name("real");
    broker.create_topic(&topic, 4, &[]);
    let records: Vec<KafkaRecord> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| {
            let mut value = item(&format!("real-{number}"), text);
            let at = AT_MS + number as i64 * 20_000;
            value["published_at"] = (at - 60_000).into();
            value["published_precision"] = "second".into();
            KafkaRecord {
                partition: number as i32 % 4,
                timestamp_ms: at,
                key: None,
                payload: Some(value.to_string().into_bytes()),
            }
        })
        .collect();
    broker.produce(&topic, &records, &[("compression.type", "zstd")]);
    let deployment = Deployment::new(&config(&broker, &topic, &[&topic], ""));
    let started = Instant::now();
    deployment.catch_up(Duration::from_secs(900));
    say(format!(
        "100,000 real texts in {:.1} s (test build)",
        started.elapsed().as_secs_f64()
    ));
    assert_eq!(balance(&deployment, "records", "mapped"), 100_000);
    assert_eq!(balance(&deployment, "items", "inserted"), 100_000);
    assert_eq!(ids(&deployment).len(), 100_000);
    assert_verified(&deployment);
}
