//! Promises of the format stage, one test each.

mod bad_input;
mod canonical;
mod golden;
mod library;
mod presets;
mod surveys;
mod traps;

use super::*;
use crate::item::{CleanItem, Item, RecordPosition};
use crate::normalize::Normalizer;

/// 2025-11-06T01:12:04Z.
const RECORD_TIME_MS: i64 = 1_762_391_524_000;

static FORMATS: std::sync::LazyLock<Formats> = std::sync::LazyLock::new(|| Formats::builtin().unwrap());

fn source(format: &str) -> SourceConfig {
    SourceConfig::reading("test", format)
}

fn record(payload: impl Into<Vec<u8>>) -> RawRecord {
    RawRecord {
        source: 0,
        position: RecordPosition::Kafka {
            topic: "t".into(),
            partition: 0,
            offset: 7,
        },
        record_time_ms: RECORD_TIME_MS,
        key: None,
        headers: Vec::new(),
        payload: Some(payload.into()),
        unreadable: None,
    }
}

fn read_record(format: &str, record: &RawRecord) -> FormatOutcome {
    let mut out = FormatOutcome::default();
    FORMATS.read(record, &source(format), &mut out);
    // what holds for every record
    assert_eq!(out.outcome == RecordOutcome::Mapped, !out.changes.is_empty());
    assert_eq!(
        out.outcome == RecordOutcome::Dead,
        out.changes.is_empty() && !out.dead_letters.is_empty()
    );
    out
}

fn read(format: &str, payload: impl Into<Vec<u8>>) -> FormatOutcome {
    read_record(format, &record(payload))
}

/// The items of a record after normalize.
fn items(format: &str, payload: impl Into<Vec<u8>>) -> Vec<Item> {
    let outcome = read(format, payload);
    assert!(outcome.dead_letters.is_empty(), "{:?}", outcome.dead_letters);
    clean(outcome).into_iter().map(|clean| clean.item).collect()
}

fn clean(outcome: FormatOutcome) -> Vec<CleanItem> {
    let normalizer = Normalizer::new(b"a key of sixteen", chrono_tz::Asia::Shanghai);
    outcome
        .changes
        .into_iter()
        .map(|change| match change {
            Change::Upsert(mapped) => normalizer.normalize(mapped),
            Change::Delete { .. } => panic!("a deletion"),
        })
        .collect()
}

fn item(payload: &str) -> Item {
    let mut items = items("item", payload);
    assert_eq!(items.len(), 1);
    items.remove(0)
}

/// Code and message of the only dead letter of a record that became nothing.
fn dead(format: &str, payload: impl Into<Vec<u8>>) -> (DeadLetterCode, String) {
    let outcome = read(format, payload);
    assert_eq!(outcome.outcome, RecordOutcome::Dead, "{outcome:?}");
    assert_eq!(outcome.dead_letters.len(), 1);
    let dead = &outcome.dead_letters[0];
    assert_eq!(
        (dead.id.as_str(), dead.at, dead.stage.as_str()),
        ("t/0/7", RECORD_TIME_MS, "format")
    );
    (dead.code, dead.message.clone())
}

fn flags(item: &Item) -> Vec<&str> {
    item.flags.iter().map(String::as_str).collect()
}
