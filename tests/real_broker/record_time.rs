//! Record time is in step: a slow partition and an idle one change nothing in what the rules decide.

use super::support::broker::{Broker, KafkaRecord};
use super::support::judge;
use super::support::oracle::{BURSTS, Oracle};
use super::support::process::Deployment;
use super::{LIMIT, assert_verified, broker, config};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const RULES: &str = r#"
[checkpoint]
max_items = 500
[[rule]]
name = "spike-1d"
kind = "spike"
by = ["product"]
window = "1d"
"#;

#[test]
fn one_partition_days_behind_and_one_idle_give_the_same_episodes_as_all_in_step() {
    let Some(broker) = broker("one_partition_days_behind_and_one_idle_give_the_same_episodes_as_all_in_step") else {
        return;
    };
    let oracle = Oracle::new(11, 5_000);
    // Copies of one text stay in one partition: which of them is the first must not depend on the layout.
    let mut all: Vec<(usize, &KafkaRecord)> = oracle
        .to_produce
        .iter()
        .enumerate()
        .flat_map(|(topic, records)| {
            records
                .iter()
                .map(move |record| (topic * 4 + record.partition as usize, record))
        })
        .collect();
    all.sort_by_key(|(_, record)| record.timestamp_ms);

    // In step: everything in one partition, in the order of record time.
    let in_step = Broker::fresh_name("in-step");
    broker.create_topic(&in_step, 1, &[]);
    let ordered: Vec<KafkaRecord> = all
        .iter()
        .map(|(_, record)| KafkaRecord {
            partition: 0,
            ..(*record).clone()
        })
        .collect();
    broker.produce(&in_step, &ordered, &[]);

    // Out of step: partition 0 is read far slower than the others (each of its records carries a large ballast),
    // partition 3 has nothing.
    let behind = Broker::fresh_name("behind");
    broker.create_topic(&behind, 4, &[]);
    let spread: Vec<KafkaRecord> = all
        .iter()
        .map(|(home, record)| {
            let partition = if *home == 0 { 0 } else { 1 + *home as i32 % 2 };
            let mut spread = (*record).clone();
            spread.partition = partition;
            if partition == 0 {
                spread.payload = spread.payload.map(|payload| with_ballast(&payload));
            }
            spread
        })
        .collect();
    broker.produce(&behind, &spread, &[]);

    let mut outcomes = Vec::new();
    for topic in [&in_step, &behind] {
        // One name for the source: keys and episode ids must not depend on the topic.
        let text = config(&broker, topic, &[topic], RULES).replace(&format!("name = {topic:?}"), "name = \"voice\"");
        let deployment = Deployment::new(&text);
        deployment.catch_up(LIMIT);
        assert_verified(&deployment);
        let episodes = judge::episode_ids(&deployment).expect("inspect alerts");
        let starts: BTreeSet<String> = deployment
            .inspect("alerts")
            .expect("inspect alerts")
            .iter()
            .map(|alert| format!("{} {} {}", alert["key"], alert["starts_at"], alert["current"]))
            .collect();
        outcomes.push((episodes, starts));
    }
    for (product, _) in BURSTS {
        assert!(
            outcomes[0].1.iter().any(|episode| episode.contains(product)),
            "the burst of {product} did not fire: {:?}",
            outcomes[0].1
        );
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

/// The same item with 60 kB that nobody reads.
fn with_ballast(payload: &[u8]) -> Vec<u8> {
    match serde_json::from_slice::<Value>(payload) {
        Ok(Value::Object(mut item)) => {
            item.insert("ext".to_owned(), json!({"ballast": "x".repeat(60_000)}));
            Value::Object(item).to_string().into_bytes()
        }
        _ => payload.to_vec(),
    }
}
