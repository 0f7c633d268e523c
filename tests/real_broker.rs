//! Promises that only a real broker can show: positions, partitions, topics, compression, disks that fill, bad input
//! end to end. The crash harness is `tests/crash.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail
#![allow(clippy::disallowed_methods)] // real processes are measured with the real clock

mod support;

#[path = "real_broker/bad_input.rs"]
mod bad_input;
#[path = "real_broker/disk.rs"]
mod disk;
#[path = "real_broker/http_intake.rs"]
mod http_intake;
#[path = "real_broker/positions.rs"]
mod positions;
#[path = "real_broker/process.rs"]
mod process;
#[path = "real_broker/real_texts.rs"]
mod real_texts;
#[path = "real_broker/record_time.rs"]
mod record_time;
#[path = "real_broker/wire.rs"]
mod wire;

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use support::broker::{Broker, KafkaRecord};
use support::process::Deployment;
use support::skip;

pub const LIMIT: Duration = Duration::from_secs(180);

/// The broker, or a line that says why the promise is not tested.
pub fn broker(promise: &str) -> Option<Broker> {
    match Broker::get() {
        Ok(broker) => Some(broker),
        Err(reason) => {
            skip(promise, &reason);
            None
        }
    }
}

/// A minimal item of the canonical format.
pub fn item(id: &str, text: &str) -> Value {
    json!({
        "id": format!("jd:review:{id}"), "text": text,
        "source": {"kind": "review", "platform": "jd", "format": "item", "role": "review"},
    })
}

pub const AT_MS: i64 = 1_740_931_200_000;

/// `count` items named `prefix-N`, spread over the partitions in turn, one a minute.
pub fn records(prefix: &str, count: usize, partitions: std::ops::Range<i32>) -> Vec<KafkaRecord> {
    (0..count)
        .map(|number| {
            let value = item(&format!("{prefix}-{number}"), &format!("客服回复很慢{prefix}{number}"));
            KafkaRecord {
                partition: partitions.start + number as i32 % (partitions.end - partitions.start),
                timestamp_ms: AT_MS + number as i64 * 60_000,
                key: None,
                payload: Some(value.to_string().into_bytes()),
            }
        })
        .collect()
}

/// Configuration with one source for each topic, named after it.
pub fn config(broker: &Broker, group: &str, topics: &[&str], more: &str) -> String {
    let mut text = format!(
        "[time]\nclock = \"event\"\n[kafka]\nbrokers = {:?}\ngroup = {group:?}\n\
         properties = {{ \"topic.metadata.refresh.interval.ms\" = \"1000\" }}\n",
        broker.address
    );
    for topic in topics {
        text.push_str(&format!(
            "[[source]]\nname = {topic:?}\ntopics = [{topic:?}]\nformat = \"item\"\n"
        ));
    }
    text + more
}

/// Ids of the alive items, without the prefix that all of them have.
pub fn ids(deployment: &Deployment) -> BTreeSet<String> {
    let items = deployment.inspect("items").expect("inspect items");
    let ids: BTreeSet<String> = items
        .iter()
        .filter_map(|item| item["id"].as_str())
        .map(|id| id.trim_start_matches("jd:review:").to_owned())
        .collect();
    assert_eq!(ids.len(), items.len(), "an id is there twice");
    ids
}

/// Sum of one counter of `inspect checkpoint`: (`records`, `mapped`), (`items`, `inserted`) …
pub fn balance(deployment: &Deployment, of: &str, outcome: &str) -> u64 {
    if !deployment.data_dir.exists() {
        return 0;
    }
    deployment
        .inspect("checkpoint")
        .expect("inspect checkpoint")
        .first()
        .and_then(|checkpoint| checkpoint[of][outcome].as_u64())
        .unwrap_or(0)
}

pub fn assert_verified(deployment: &Deployment) {
    let differences = deployment.verify();
    assert!(differences.is_empty(), "verify: {differences:?}");
}

/// Alive items as a running process shows them.
pub fn total(http: &str) -> u64 {
    match support::process::get(&format!("{http}/api/v1/search?limit=1")) {
        Ok((200, body)) => serde_json::from_str::<Value>(&body)
            .ok()
            .and_then(|answer| answer["total"].as_u64())
            .unwrap_or(0),
        _ => 0,
    }
}
