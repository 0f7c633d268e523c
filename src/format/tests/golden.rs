//! The published samples, read where they are at hand: `../shared/formats/samples`, or
//! `$QINGTING_SHARED/formats/samples`. What every record of them becomes lies in `golden/`, before the next stage
//! cleans it; `UPDATE_GOLDEN=1` writes those files anew, to be read by eye before they are committed.

use super::*;
use crate::source::file::{FileOptions, FileReader};
use std::path::PathBuf;

/// A text of a golden file is cut here; its length follows.
const SHOWN_CHARS: usize = 160;

fn sample(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("QINGTING_SHARED").map(PathBuf::from);
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let candidates = [shared, Some(here.join("../shared")), Some(here.join("../../shared"))];
    candidates
        .into_iter()
        .flatten()
        .map(|folder| folder.join("formats/samples").join(name))
        .find(|path| path.exists())
}

/// The outcome of each record of a sample, or `None` (and a line that says so) where the sample is not at hand.
fn read_sample(promise: &str, format: &str, name: &str) -> Option<Vec<FormatOutcome>> {
    let Some(path) = sample(name) else {
        println!("skipped: {promise}: shared data missing");
        return None;
    };
    let mut options = FileOptions::new(0);
    options.collected_at_ms = Some(RECORD_TIME_MS);
    let mut reader = FileReader::open(&path.to_string_lossy(), &options).unwrap();
    let mut outcomes = Vec::new();
    while let Some(found) = reader.next_record().unwrap() {
        outcomes.push(read_record(format, &found));
    }
    Some(outcomes)
}

/// All samples, in the order of their names; empty (and a line that says so) where they are not at hand.
fn samples(promise: &str) -> Vec<String> {
    let Some(folder) = sample("jd_comment.jsonl").and_then(|path| path.parent().map(PathBuf::from)) else {
        println!("skipped: {promise}: shared data missing");
        return Vec::new();
    };
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn stem(name: &str) -> &str {
    name.split('.').next().unwrap()
}

/// What a record became, a line each, without what depends on where the sample lies.
fn shown(outcomes: &[FormatOutcome]) -> String {
    let mut out = String::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        let items: Vec<serde_json::Value> = outcome
            .changes
            .iter()
            .map(|change| match change {
                Change::Upsert(mapped) => {
                    let mut value = serde_json::to_value(&mapped.item).unwrap();
                    let object = value.as_object_mut().unwrap();
                    object.remove("raw_ref");
                    object.insert("native_author_id".to_owned(), mapped.native_author_id.clone().into());
                    cut(&mut value);
                    value
                }
                Change::Delete { id, version, .. } => serde_json::json!({"deleted": id, "version": version}),
            })
            .collect();
        let dead: Vec<String> = outcome
            .dead_letters
            .iter()
            .map(|dead| format!("{}: {}", dead.code.code(), dead.message))
            .collect();
        let line = serde_json::json!({"record": index + 1, "items": items, "dead": dead, "warnings": outcome.warnings});
        out.push_str(&format!("{line}\n"));
    }
    out
}

fn cut(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) if text.chars().count() > SHOWN_CHARS => {
            let start: String = text.chars().take(SHOWN_CHARS).collect();
            *text = format!("{start} ({} chars)", text.chars().count());
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(cut),
        serde_json::Value::Object(object) => object.values_mut().for_each(cut),
        _ => {}
    }
}

#[test]
fn every_sample_becomes_what_its_golden_file_says() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/format/tests/golden");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for name in samples("every_sample_becomes_what_its_golden_file_says") {
        let format = if name.starts_with("broken_lines") {
            "auto"
        } else {
            stem(&name)
        };
        let outcomes = read_sample("", format, &name).unwrap();
        let found = shown(&outcomes);
        let golden = folder.join(format!("{name}.golden"));
        if update {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&golden, &found).unwrap();
        }
        let wanted = std::fs::read_to_string(&golden).unwrap_or_default();
        for (line, (found, wanted)) in found.lines().zip(wanted.lines()).enumerate() {
            if found != wanted {
                wrong.push(format!(
                    "{name} record {}:\n  found {found}\n  want  {wanted}",
                    line + 1
                ));
            }
        }
        if found.lines().count() != wanted.lines().count() {
            wrong.push(format!(
                "{name}: {} records, want {}",
                found.lines().count(),
                wanted.lines().count()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_record_of_a_sample_is_recognized_as_its_format() {
    let mut wrong = Vec::new();
    for name in samples("every_record_of_a_sample_is_recognized_as_its_format") {
        let Some(Reader::Preset(preset)) = FORMATS.reader(stem(&name)) else {
            continue;
        };
        for (index, outcome) in read_sample("", "auto", &name).unwrap().iter().enumerate() {
            if outcome.changes.is_empty() && outcome.dead_letters.is_empty() {
                continue;
            }
            let chosen = outcome.chosen.as_ref().map(|chosen| chosen.name());
            // the two sheets of 问卷星 have the same columns
            let same = chosen == Some(&preset.name) || chosen == Some("wjx_text") && preset.name == "wjx_sequence";
            if !same {
                wrong.push(format!(
                    "{name} record {}: {chosen:?} {:?}",
                    index + 1,
                    outcome.dead_letters
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn all_items(outcomes: Vec<FormatOutcome>) -> Vec<Item> {
    outcomes
        .into_iter()
        .inspect(|outcome| {
            assert!(
                outcome.dead_letters.is_empty() && outcome.warnings.is_empty(),
                "{outcome:?}"
            )
        })
        .flat_map(clean)
        .map(|clean| clean.item)
        .collect()
}

#[test]
fn jd_sample_reads_whole() {
    for format in ["jd_comment", "auto"] {
        let Some(outcomes) = read_sample("jd_sample_reads_whole", format, "jd_comment.jsonl") else {
            return;
        };
        assert_eq!(outcomes.len(), 8);
        let items = all_items(outcomes);
        // one review has a later addition, which is an item of its own
        assert_eq!(items.len(), 9);
        let additions: Vec<&Item> = items.iter().filter(|item| item.source.role == "append").collect();
        assert_eq!(additions.len(), 1);
        let addition = additions[0];
        let review = items
            .iter()
            .find(|item| item.source.role == "review" && item.native_id == addition.native_id)
            .unwrap();
        assert_eq!(addition.parent_id.as_ref(), Some(&review.native_id));
        assert_ne!(addition.id, review.id);
        assert!(addition.published_at > review.published_at);
        assert_eq!(addition.rating, None);
        assert_eq!(review.append.len(), 1);
        assert_eq!(review.reply.len(), 1);
        assert!(review.text.contains('“') && review.text.contains("138****8000"));
        assert_eq!(
            items.iter().filter(|item| item.flags.contains("default_text")).count(),
            2
        );
        for item in &items {
            assert_eq!(
                (item.source.platform.as_str(), item.source.kind.as_str()),
                ("jd", "review")
            );
            assert_eq!(item.source.format, "jd_comment/1");
            assert!(item.published_at.is_some() && item.subject.product_id.is_some() && item.subject.sku_id.is_some());
            assert!(item.flags.iter().all(|flag| flag == "default_text"), "{:?}", item.flags);
            assert!(!item.text.contains("&ldquo;") && !item.text.contains("uploadimg"));
        }
        let scores: Vec<f64> = items.iter().filter_map(|item| item.rating.as_ref()?.overall).collect();
        assert_eq!(scores, [5.0, 1.0, 5.0, 3.0, 4.0, 2.0, 5.0, 5.0]);
    }
}

#[test]
fn xhs_comment_sample_reads_whole() {
    for format in ["mediacrawler_xhs_comment", "auto"] {
        let Some(outcomes) = read_sample(
            "xhs_comment_sample_reads_whole",
            format,
            "mediacrawler_xhs_comment.jsonl",
        ) else {
            return;
        };
        let items = all_items(outcomes);
        assert_eq!(items.len(), 7);
        for item in &items {
            assert!(item.id.starts_with("xiaohongshu:comment:"));
            assert!(
                item.published_at
                    .is_some_and(|at| at < item.collected_at && at > 1_760_000_000_000)
            );
            assert_eq!(item.version, item.collected_at);
            assert_eq!(item.author.id.as_ref().map(String::len), Some(32));
            assert!(item.thread_id.is_some());
        }
        // top-level comments have "", 0 or nothing as their parent
        assert_eq!(items.iter().filter(|item| item.parent_id.is_some()).count(), 2);
        assert_eq!(items.iter().filter(|item| item.flags.contains("empty_text")).count(), 1);
        assert!(items.iter().any(|item| item.engagement["like"]
            == crate::item::Count {
                n: 11_000,
                approx: true
            }));
        assert!(items.iter().any(|item| item.media.images == 2));
        // who is addressed is not kept
        assert!(items.iter().all(|item| !item.text.contains("阿柚")));
        assert!(items[0].text.contains("[笑哭R]"));
    }
}

#[test]
fn broken_lines_are_survived() {
    let Some(outcomes) = read_sample("broken_lines_are_survived", "auto", "broken_lines.jsonl") else {
        return;
    };
    // 14 lines, of which one is blank
    assert_eq!(outcomes.len(), 13);
    for outcome in &outcomes {
        assert!(outcome.dead_letters.len() + outcome.changes.len() > 0 || outcome.outcome == RecordOutcome::Skipped);
    }
    for format in ["item", "jd_comment", "mediacrawler_xhs_comment"] {
        let outcomes = read_sample("broken_lines_are_survived", format, "broken_lines.jsonl").unwrap_or_default();
        let codes: Vec<&str> = outcomes
            .iter()
            .map(|outcome| outcome.dead_letters.first().map_or("", |dead| dead.code.code()))
            .collect();
        for (line, code) in [
            (1, "json_syntax"),
            (5, "json_syntax"),
            (6, "json_syntax"),
            (7, "json_syntax"),
        ] {
            assert_eq!(codes[line], code, "{format} line {line}");
        }
    }
}
