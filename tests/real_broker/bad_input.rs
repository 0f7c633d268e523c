//! What bad input gets, through a real broker: each row of the table, and no row stops the partition.

use super::support::broker::{Broker, KafkaRecord};
use super::support::process::{Deployment, Outcome, get_json, wait_until};
use super::{AT_MS, LIMIT, assert_verified, balance, broker, config, ids, item, total};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

enum Gets {
    /// A dead letter with one of these codes.
    Dead(&'static [&'static str]),
    /// An item that has the flag, if one is named.
    Item(&'static str, Option<&'static str>),
}

struct Row {
    name: &'static str,
    payload: Vec<u8>,
    gets: Gets,
}

fn with(id: &'static str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value = item(id, "客服态度不好");
    change(&mut value);
    value.to_string().into_bytes()
}

fn raw(id: &str, more: &str) -> Vec<u8> {
    format!(
        "{{\"id\":\"jd:review:{id}\",\"text\":\"客服态度不好\",\"source\":{{\"kind\":\"review\",\"platform\":\"jd\",\
         \"format\":\"item\",\"role\":\"review\"}}{more}}}"
    )
    .into_bytes()
}

fn table() -> Vec<Row> {
    let row = |name, payload, gets| Row { name, payload, gets };
    let item = |id, flag| Gets::Item(id, flag);
    let deep = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    vec![
        row(
            "not UTF-8",
            b"{\"id\":\"jd:review:a\",\"text\":\"\xff\xfe\"}".to_vec(),
            Gets::Dead(&["invalid_utf8"]),
        ),
        row(
            "broken JSON",
            b"{\"id\":\"jd:review:a\",\"text\":\"a".to_vec(),
            Gets::Dead(&["json_syntax"]),
        ),
        row(
            "no JSON at all",
            "这不是记录".as_bytes().to_vec(),
            Gets::Dead(&["json_syntax"]),
        ),
        row("empty payload", Vec::new(), Gets::Dead(&["json_syntax"])),
        row("NaN", raw("nan", ",\"version\":NaN"), Gets::Dead(&["json_syntax"])),
        row("depth 200", deep(200), Gets::Dead(&["json_depth"])),
        row("depth 10,000", deep(10_000), Gets::Dead(&["json_depth"])),
        row(
            "10 MiB",
            {
                let mut payload = raw("huge", ",\"ext\":{\"a\":\"");
                payload.truncate(payload.len() - 1);
                payload.resize(10 * 1024 * 1024, b'x');
                payload.extend_from_slice(b"\"}}");
                payload
            },
            Gets::Dead(&["too_large"]),
        ),
        row(
            "text missing",
            b"{\"id\":\"jd:review:a\",\"version\":1}".to_vec(),
            Gets::Dead(&["missing_field"]),
        ),
        row(
            "id missing",
            "{\"text\":\"没有编号\"}".as_bytes().to_vec(),
            Gets::Dead(&["missing_field"]),
        ),
        row(
            "text of a wrong type",
            b"{\"id\":\"jd:review:a\",\"text\":{\"a\":1}}".to_vec(),
            Gets::Dead(&["wrong_type"]),
        ),
        row(
            "native id with platform",
            b"{\"native_id\":\"native\",\"text\":\"\xe5\xa5\xbd\",\"source\":{\"platform\":\"jd\"}}".to_vec(),
            item("native", None),
        ),
        row(
            "time absent",
            with("no-time", |_| {}),
            item("no-time", Some("time_unknown")),
        ),
        row(
            "time unreadable",
            with("bad-time", |v| v["published_at"] = json!("说不清")),
            item("bad-time", Some("time_unknown")),
        ),
        row(
            "time before 2000",
            with("old-time", |v| v["published_at"] = json!(900_000_000_000_i64)),
            item("old-time", Some("time_unknown")),
        ),
        row(
            "time in the future",
            with("future", |v| v["published_at"] = json!(AT_MS + 5 * 86_400_000)),
            item("future", Some("time_future")),
        ),
        row(
            "text over 64 KiB",
            with("long", |v| v["text"] = json!("慢".repeat(30_000))),
            item("long", Some("truncated")),
        ),
        row(
            "empty text with a rating",
            with("empty", |v| {
                v["text"] = json!("");
                v["rating"] = json!({"overall": 1});
            }),
            item("empty", Some("empty_text")),
        ),
        row(
            "duplicate key",
            raw("twice", ",\"text\":\"后一个\""),
            item("twice", Some("duplicate_key")),
        ),
        row(
            "NUL in the text",
            raw("nul", ",\"title\":\"a\\u0000b\""),
            item("nul", None),
        ),
        row(
            "19-digit version",
            raw("digits", ",\"version\":9223372036854775807"),
            item("digits", None),
        ),
        row(
            "lone surrogate",
            raw("surrogate", ",\"title\":\"\\ud800\""),
            item("surrogate", None),
        ),
    ]
}

#[test]
fn every_row_of_the_bad_input_table_gets_its_outcome_and_the_next_record_goes_on() {
    let Some(broker) = broker("every_row_of_the_bad_input_table_gets_its_outcome_and_the_next_record_goes_on") else {
        return;
    };
    let topic = Broker::fresh_name("bad");
    broker.create_topic(&topic, 1, &[("max.message.bytes", "16000000")]);
    let rows = table();
    let mut produced = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        for payload in [
            row.payload.clone(),
            item(&format!("good-{number}"), "一切正常").to_string().into_bytes(),
        ] {
            produced.push(KafkaRecord {
                partition: 0,
                timestamp_ms: AT_MS,
                key: None,
                payload: Some(payload),
            });
        }
    }
    broker.produce(&topic, &produced, &[]);
    let deployment = Deployment::new("");
    let file = deployment.dead_letter_file();
    deployment.configure(&config(
        &broker,
        &topic,
        &[&topic],
        &format!("[dead_letter]\nfile = {file:?}\n"),
    ));
    let mut running = deployment.start(&[], &[]);
    let http = running.wait_ready(LIMIT).expect("ready");
    let items = rows.iter().filter(|row| matches!(row.gets, Gets::Item(..))).count();
    let mut seen = 0;
    let expected = (items + rows.len()) as u64;
    let started = std::time::Instant::now();
    while seen != expected && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(200));
        seen = total(&http);
    }
    wait_until("a commit with the dead letters", Duration::from_secs(20), || {
        file.exists()
    });
    let letters: BTreeMap<String, Value> = std::fs::read_to_string(&file)
        .expect("dead-letter file")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a whole line"))
        .map(|letter| (letter["id"].as_str().unwrap_or_default().to_owned(), letter))
        .collect();
    let mut wrong = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let letter = letters.get(&format!("{topic}/0/{}", number * 2));
        match (&row.gets, letter) {
            (Gets::Dead(codes), Some(letter)) => {
                if !codes.contains(&letter["code"].as_str().unwrap_or_default()) {
                    wrong.push(format!("{}: {letter:.300}, expected one of {codes:?}", row.name));
                }
            }
            (Gets::Dead(codes), None) => wrong.push(format!("{}: no dead letter, expected {codes:?}", row.name)),
            (Gets::Item(..), Some(letter)) => wrong.push(format!("{}: dead letter {letter:.300}", row.name)),
            (Gets::Item(id, flag), None) => {
                let answer = get_json(&format!("{http}/api/v1/items/jd:review:{id}"));
                let flags = find_flags(&answer);
                if flag.is_some_and(|flag| !flags.iter().any(|found| found == flag)) {
                    wrong.push(format!(
                        "{}: flags {flags:?}, expected {flag:?}: {answer:.300}",
                        row.name
                    ));
                }
            }
        }
    }
    assert_eq!(running.stop(Duration::from_secs(30)).outcome, Outcome::Exited(0));
    let ids = ids(&deployment);
    for (number, row) in rows.iter().enumerate() {
        if !ids.contains(&format!("good-{number}")) {
            wrong.push(format!("the record after {:?} is missing", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let records: u64 = ["mapped", "skipped", "dead_letter"]
        .iter()
        .map(|outcome| balance(&deployment, "records", outcome))
        .sum();
    assert_eq!(records, produced.len() as u64);
    assert_verified(&deployment);
}

/// `flags` wherever the answer keeps its item.
fn find_flags(answer: &Value) -> Vec<String> {
    let list = answer["flags"]
        .as_array()
        .or_else(|| answer["item"]["flags"].as_array());
    list.into_iter()
        .flatten()
        .filter_map(|flag| flag.as_str().map(str::to_owned))
        .collect()
}
