//! The story against the stages that read it.

use super::settings;
use super::story::calendar::local_text;
use super::story::{About, Channel, StoryOptions, tell};
use crate::config::Config;
use crate::format::{FormatOutcome, Formats};
use crate::item::{Change, RawRecord, RecordOutcome, RecordPosition};
use crate::normalize::Normalizer;
use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn every_record_of_the_story_is_read_by_the_source_that_gets_it_and_the_broken_ones_become_dead_letters() {
    let text = settings::toml(Path::new("/tmp/demo"), "127.0.0.1:1", "127.0.0.1:0");
    let config = Config::parse(&text, &BTreeMap::new()).unwrap();
    let formats = Formats::builtin().unwrap();
    let normalizer = Normalizer::new(b"0123456789abcdef", config.time.zone);
    let story = tell(StoryOptions {
        end_ms: super::STORY_END_MS,
        weeks: 4,
        seed: 5,
    })
    .unwrap();
    let address = regex::Regex::new(r"[a-z0-9]{3,}@example\.com").unwrap();
    for (offset, record) in story.iter().enumerate() {
        let source = Channel::ALL
            .iter()
            .position(|channel| *channel == record.channel)
            .unwrap();
        let raw = RawRecord {
            source: source as u16,
            position: RecordPosition::Kafka {
                topic: record.channel.topic().into(),
                partition: 0,
                offset: offset as i64,
            },
            record_time_ms: record.record_time_ms,
            key: Some(record.key.clone().into_bytes()),
            headers: Vec::new(),
            payload: Some(record.payload.clone()),
            unreadable: None,
        };
        let mut out = FormatOutcome::default();
        formats.read(&raw, &config.sources[source], &mut out);
        let shown = || String::from_utf8_lossy(&record.payload).into_owned();
        if let About::Broken(code) = record.about {
            assert_eq!(out.outcome, RecordOutcome::Dead, "{}", shown());
            assert_eq!(out.dead_letters[0].code.code(), code, "{}", shown());
            continue;
        }
        assert_eq!(
            out.outcome,
            RecordOutcome::Mapped,
            "{}: {:?}",
            shown(),
            out.dead_letters
        );
        assert!(out.warnings.is_empty(), "{}: {:?}", shown(), out.warnings);
        let [Change::Upsert(mapped)] = out.changes.as_slice() else {
            panic!("not one item: {}", shown());
        };
        assert_eq!(
            mapped.item.published_at.map(local_text),
            record.published_ms.map(local_text),
            "{}",
            shown()
        );
        let clean = normalizer.normalize(mapped.clone());
        assert!(
            !clean.item.text.contains("138001380"),
            "not masked: {}",
            clean.item.text
        );
        assert!(!address.is_match(&clean.item.text), "not masked: {}", clean.item.text);
        assert!(!clean.item.flags.contains("time_future"), "{}", shown());
    }
}
