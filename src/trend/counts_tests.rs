//! Counts are a cache of the index.

use super::testing::{MemoryIndex, as_duplicate, config, record};
use super::{Bucketing, Contribution, SeriesRequest, Sign, TrendEngine, builtin_rules};
use crate::config::{AlertingConfig, Sensitivity};
use crate::item::{AnalyzedRecord, Precision};
use proptest::prelude::*;
use std::collections::BTreeMap;

const BASE_MS: i64 = 1_760_000_000_000;

fn engine() -> TrendEngine {
    let rules = builtin_rules(&AlertingConfig {
        deliver_history: false,
        sensitivity: Sensitivity::Balanced,
    });
    TrendEngine::new(&config(rules), &crate::segment::Segmenter::new()).expect("built-in rules are valid")
}

/// What happens to one id.
#[derive(Debug, Clone)]
struct Step {
    id: u8,
    delete: bool,
    brand: u8,
    aspect: u8,
    hours: i32,
    delay_hours: u16,
    precision: u8,
    duplicate: bool,
    negative: bool,
    invalid: bool,
    reply: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let flags = (
        any::<bool>(),
        any::<bool>(),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.2),
    );
    (
        0..24_u8,
        proptest::bool::weighted(0.15),
        0..4_u8,
        0..4_u8,
        -3_000..3_000_i32,
        0..100_u16,
        0..8_u8,
        flags,
    )
        .prop_map(
            |(id, delete, brand, aspect, hours, delay_hours, precision, (duplicate, negative, invalid, reply))| Step {
                id,
                delete,
                brand,
                aspect,
                hours,
                delay_hours,
                precision,
                duplicate,
                negative,
                invalid,
                reply,
            },
        )
}

fn made(step: &Step) -> (AnalyzedRecord, i64) {
    let at_ms = BASE_MS + i64::from(step.hours) * 3_600_000;
    let mut made = record(
        &step.id.to_string(),
        &format!("品牌{}", step.brand),
        &format!("aspect{}", step.aspect),
        at_ms,
    );
    made.item.published_precision = match step.precision {
        0 => Precision::Day,
        1 => Precision::Month,
        _ => Precision::Second,
    };
    match step.brand {
        0 => made.item.subject.brand = None,
        1 => made.item.published_at = None,
        2 => made.item.source.keyword = Some("词".to_owned()),
        _ => {
            let again = made.analysis.aspects[0].clone();
            made.analysis.aspects.push(again);
        }
    }
    if step.duplicate {
        made = as_duplicate(made);
    }
    if !step.negative {
        made.analysis.sentiment.label = "positive".to_owned();
        made.analysis.aspects.push(crate::item::Aspect {
            aspect: "price".to_owned(),
            polarity: "positive".to_owned(),
            p: 0.6,
        });
    }
    made.analysis.valid.label = !step.invalid;
    if step.reply {
        made.item.source.role = "reply".to_owned();
    }
    (made, at_ms + i64::from(step.delay_hours) * 3_600_000)
}

fn view_counts(engine: &TrendEngine) -> Vec<(String, Vec<(String, String)>)> {
    let mut out: Vec<_> = engine
        .views
        .iter()
        .flat_map(|view| view.keys.iter().map(move |key| (view, key)))
        .map(|(view, key)| {
            let mut feeds: Vec<_> = key
                .feeds
                .iter()
                .filter(|(_, split)| !split.is_empty())
                .map(|(feed, split)| {
                    (
                        format!("{:?}", engine.coverage.feeds[usize::from(*feed)].name),
                        format!("{split:?}"),
                    )
                })
                .collect();
            feeds.sort();
            (format!("{:?}", engine.key_names(&view.by, &key.values)), feeds)
        })
        .filter(|(_, feeds)| !feeds.is_empty())
        .collect();
    out.sort();
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_rebuild_gives_what_applying_gave(steps in proptest::collection::vec(step(), 1..80), commit_every in 1..30_usize) {
        let mut live = engine();
        let mut index = MemoryIndex::new();
        let mut alive: BTreeMap<u8, Contribution> = BTreeMap::new();
        for (number, step) in steps.iter().enumerate() {
            if let Some(old) = alive.remove(&step.id) {
                live.apply(&old, Sign::Minus);
            }
            let (record, record_time_ms) = made(step);
            if step.delete {
                index.delete(&record.item.id);
            } else {
                let new = live.contribution(&record, "源", record_time_ms, None);
                live.apply(&new, Sign::Plus);
                index.put(&record, "源", record_time_ms);
                alive.insert(step.id, new);
            }
            if number % commit_every == 0 {
                index.commit();
            }
        }
        index.commit();
        let mut rebuilt = engine();
        rebuilt.rebuild(&index.searcher(), &index.fields).expect("a readable index");
        prop_assert_eq!(TrendEngine::differences(&live.digest(), &rebuilt.digest()), Vec::<String>::new());
        prop_assert_eq!(live.digest(), rebuilt.digest());
        // The live engine may have followed a record time that was deleted since: bring both to the same day.
        let newest = live.newest_record_ms.max(rebuilt.newest_record_ms);
        live.set_newest(newest);
        rebuilt.set_newest(newest);
        prop_assert_eq!(live.rows().collect::<Vec<_>>(), rebuilt.rows().collect::<Vec<_>>());
        prop_assert_eq!(view_counts(&live), view_counts(&rebuilt));
    }
}

#[test]
fn raw_is_every_alive_item_and_deduplicated_what_rules_use() {
    let mut engine = engine();
    let plain = record("1", "甲", "logistics", BASE_MS);
    let copy = as_duplicate(record("2", "甲", "logistics", BASE_MS));
    let mut reply = record("3", "甲", "logistics", BASE_MS);
    reply.item.author.kind = Some("brand".to_owned());
    let mut future = record("4", "甲", "logistics", BASE_MS);
    future.item.flags.insert("time_future".to_owned());
    let mut month = record("5", "甲", "logistics", BASE_MS);
    month.item.published_precision = Precision::Month;
    for record in [plain, copy, reply, future, month] {
        engine.apply(&Contribution::of(&record, "源", BASE_MS), Sign::Plus);
    }
    let total = engine.digest().totals["total"];
    assert_eq!(total, (3, 1));
    assert_eq!(engine.digest().totals["aspect_polarity=logistics-"], (3, 1));
}

#[test]
fn a_day_of_the_series_is_a_day_of_the_zone() {
    let mut engine = engine();
    // 2025-10-09 00:30 and 23:30 in Shanghai, and the next day's first minute.
    let midnight = 1_759_939_200_000;
    for (id, offset) in [("1", 30), ("2", 23 * 60 + 30), ("3", 24 * 60)] {
        let record = record(id, "甲", "logistics", midnight + offset * 60_000);
        engine.apply(&Contribution::of(&record, "源", midnight + offset * 60_000), Sign::Plus);
    }
    let request = SeriesRequest {
        by: vec!["aspect".to_owned()],
        bucket: Bucketing::Day,
        from_ms: 0,
        to_ms: i64::MAX,
        deduplicated: true,
    };
    let series = engine.series(&request).expect("a closed dimension");
    assert_eq!(series[0].points, [(midnight, 2), (midnight + 86_400_000, 1)]);
}

#[test]
fn a_digest_names_the_key_that_differs() {
    let mut engine = engine();
    let one = Contribution::of(&record("1", "甲", "logistics", BASE_MS), "源", BASE_MS);
    engine.apply(&one, Sign::Plus);
    let before = engine.digest();
    engine.apply(&one, Sign::Plus);
    let lines = TrendEngine::differences(&before, &engine.digest());
    assert!(
        lines
            .iter()
            .any(|line| line.contains("aspect=logistics: committed raw 1")),
        "{lines:?}"
    );
    engine.apply(&one, Sign::Minus);
    assert_eq!(before, engine.digest());
}
