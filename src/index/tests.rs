//! Promises of the writer's side, over a real directory.

use super::*;
use crate::checkpoint::Payload;
use crate::item::{
    Analysis, AnalyzedItem, AnalyzedRecord, Aspect, Author, Item, ItemPosition, ItemSource, RecordPosition, Token,
    Tokens,
};
use crate::normalize::{Trigrams, analysis_text, fingerprint_of};
use crate::telemetry::ItemOutcome;
use proptest::prelude::*;
use std::sync::Arc;

const NOW_MS: i64 = 1_760_000_000_000;

fn item(id: &str, version: i64, text: &str) -> AnalyzedItem {
    let item = Item {
        schema: "qingting.analyzed/1".to_owned(),
        id: id.to_owned(),
        native_id: id.to_owned(),
        version,
        source: ItemSource {
            kind: "review".into(),
            platform: "shop".into(),
            role: "review".into(),
            ..Default::default()
        },
        text: text.to_owned(),
        published_at: Some(NOW_MS),
        collected_at: NOW_MS,
        ..Item::default()
    };
    AnalyzedItem {
        record: AnalyzedRecord {
            item,
            position: ItemPosition::whole(RecordPosition::Kafka {
                topic: "t".into(),
                partition: 0,
                offset: 7,
            }),
            pipeline_version: "1".to_owned(),
            analysis: Analysis::default(),
        },
        source: 0,
        record_time_ms: NOW_MS,
        fingerprint: Default::default(),
        title_tokens: Tokens::default(),
        text_tokens: words(&[("快递", 0)]),
    }
}

fn words(words: &[(&str, u32)]) -> Tokens {
    words
        .iter()
        .map(|&(text, position)| Token {
            text,
            from: 0,
            to: 0,
            position,
        })
        .collect()
}

fn upsert(store: &mut IndexStore, item: AnalyzedItem) -> (ItemOutcome, Option<Arc<KnownDocument>>) {
    let prepared = prepare(item).unwrap();
    let standing = store.standing(prepared.id_hash, store.version_of(&prepared)).unwrap();
    if matches!(standing, Standing::Stale) {
        return (ItemOutcome::Stale, None);
    }
    let applied = store.add(prepared, standing, &"source".into(), true, false).unwrap();
    (applied.outcome, applied.replaced)
}

fn commit(store: &mut IndexStore) {
    let payload = Payload {
        alive_docs: store.alive_docs,
        tombstones: store.tombstones,
        ..Payload::default()
    };
    store.commit(&payload).unwrap();
}

#[test]
fn the_highest_version_stays_whatever_the_order_and_the_commits() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = IndexStore::open(directory.path()).unwrap();
    assert_eq!(upsert(&mut store, item("a", 2, "second")).0, ItemOutcome::Inserted);
    assert_eq!(upsert(&mut store, item("a", 1, "first")).0, ItemOutcome::Stale);
    let (outcome, replaced) = upsert(&mut store, item("a", 3, "third"));
    assert_eq!(outcome, ItemOutcome::Updated);
    assert_eq!(
        replaced.unwrap().item.record.item.text,
        "second",
        "the open commit is looked up too"
    );
    commit(&mut store);
    assert_eq!(
        upsert(&mut store, item("a", 3, "third")).0,
        ItemOutcome::Stale,
        "the same content again is stale"
    );
    assert_eq!(
        upsert(&mut store, item("a", 4, "fourth"))
            .1
            .unwrap()
            .item
            .record
            .item
            .text,
        "third"
    );
    commit(&mut store);
    drop(store);
    let (store, payload) = IndexStore::open(directory.path()).unwrap();
    assert_eq!(payload.unwrap().alive_docs, 1);
    let known = store.known(id_hash("a")).unwrap().unwrap();
    assert_eq!(known.version.version, 4);
    assert_eq!(known.document.unwrap().item.record.item.text, "fourth");
}

#[test]
fn equal_versions_end_the_same_in_both_orders() {
    let mut texts = Vec::new();
    for order in [["one", "two"], ["two", "one"]] {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, _) = IndexStore::open(directory.path()).unwrap();
        order
            .iter()
            .for_each(|text| drop(upsert(&mut store, item("a", 1, text))));
        commit(&mut store);
        texts.push(
            store
                .known(id_hash("a"))
                .unwrap()
                .unwrap()
                .document
                .unwrap()
                .item
                .record
                .item
                .text
                .clone(),
        );
    }
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn a_deleted_id_does_not_come_back_by_an_older_copy() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = IndexStore::open(directory.path()).unwrap();
    upsert(&mut store, item("a", 1, "text"));
    commit(&mut store);
    let applied = store.delete("a", 5, "source", NOW_MS).unwrap();
    assert_eq!(applied.outcome, ItemOutcome::Deleted);
    assert_eq!(applied.replaced.unwrap().item.record.item.text, "text");
    assert_eq!(upsert(&mut store, item("a", 4, "older")).0, ItemOutcome::Stale);
    commit(&mut store);
    assert_eq!((store.alive_docs, store.tombstones), (1, 1));
    assert_eq!(upsert(&mut store, item("a", 6, "newer")).0, ItemOutcome::Inserted);
    commit(&mut store);
    assert_eq!((store.alive_docs, store.tombstones), (1, 0));
}

#[test]
fn documents_without_their_commit_are_gone_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = IndexStore::open(directory.path()).unwrap();
    upsert(&mut store, item("a", 1, "kept"));
    commit(&mut store);
    upsert(&mut store, item("b", 1, "lost"));
    drop(store);
    let (store, payload) = IndexStore::open(directory.path()).unwrap();
    assert_eq!(payload.unwrap().alive_docs, 1);
    assert!(store.known(id_hash("b")).unwrap().is_none());
}

#[test]
fn dates_and_lengths_beyond_the_index_are_refused_before_the_writer() {
    let mut bad = item("a", 1, "text");
    bad.record.item.published_at = Some(i64::MAX);
    assert!(matches!(
        prepare(bad),
        Err(InvalidDocument::Date {
            path: "published_at",
            ..
        })
    ));
    let mut bad = item("a", 1, "text");
    bad.record.item.subject.brand = Some("牌".repeat(2_000));
    assert!(matches!(
        prepare(bad),
        Err(InvalidDocument::TooLong { path: "brand", .. })
    ));
    assert_eq!(prepare(item("", 1, "text")).err(), Some(InvalidDocument::NoId));
    let mut bad = item("a", 1, "text");
    bad.text_tokens = words(&[("快", 3), ("快", 2)]);
    assert!(matches!(
        prepare(bad),
        Err(InvalidDocument::Positions { path: "text", token: 1 })
    ));
}

fn any_item() -> impl Strategy<Value = AnalyzedItem> {
    let text = prop_oneof![
        any::<String>(),
        "[a-z\u{4e00}-\u{4fff}]{0,40}",
        Just("长".repeat(5_000))
    ];
    let optional = proptest::option::of(prop_oneof![any::<String>(), "[\u{4e00}-\u{4fff}]{0,400}"]);
    (
        any::<String>(),
        any::<i64>(),
        text,
        proptest::option::of(any::<i64>()),
        optional.clone(),
        optional,
        proptest::collection::vec((any::<String>(), 0u32..200_000), 0..20),
        any::<bool>(),
        any::<u64>(),
    )
        .prop_map(
            |(id, version, text, published_at, brand, author, mut tokens, sorted, signature)| {
                let mut made = item(&id, version, &text);
                made.record.item.published_at = published_at;
                made.record.item.subject.brand = brand.clone();
                made.record.item.author = Author {
                    id: author,
                    region: brand,
                    ..Author::default()
                };
                made.record.item.tags = vec![text.clone()];
                made.record.analysis.aspects = vec![Aspect {
                    aspect: "quality".into(),
                    polarity: "negative".into(),
                    p: f32::NAN,
                }];
                made.fingerprint.exact = signature;
                if sorted {
                    tokens.sort_by_key(|(_, position)| *position);
                }
                let tokens: Vec<_> = tokens
                    .iter()
                    .map(|(text, position)| (text.as_str(), *position))
                    .collect();
                made.text_tokens = words(&tokens);
                made
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn what_passes_the_check_never_errors_in_the_writer(items in proptest::collection::vec(any_item(), 1..8)) {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, _) = IndexStore::open(directory.path()).unwrap();
        for item in items {
            let Ok(prepared) = prepare(item) else { continue };
            let standing = store.standing(prepared.id_hash, store.version_of(&prepared)).unwrap();
            if !matches!(standing, Standing::Stale) {
                store.add(prepared, standing, &"source".into(), true, false).unwrap();
            }
        }
        commit(&mut store);
        prop_assert_eq!(store.searcher().num_docs(), store.alive_docs);
        for doc in 0..store.searcher().num_docs() {
            prop_assert!(store.searcher().doc::<tantivy::TantivyDocument>(tantivy::DocAddress::new(0, doc as u32)).is_ok());
        }
    }
}

/// As the index thread does it: whose copy an item is, if anybody's.
fn see(window: &mut DuplicateWindow, store: &mut IndexStore, item: &AnalyzedItem) -> Seen {
    let own = Trigrams::of(&analysis_text(&item.record.item));
    window.hear(item.record_time_ms);
    window
        .see(
            &item.fingerprint,
            id_hash(&item.record.item.id),
            item.record_time_ms,
            |first| {
                let first = store.first_of_group(first)?;
                Ok::<_, IndexError>(first.is_some_and(|first| first.trigrams.is_same(&own)))
            },
        )
        .unwrap()
}

fn text_of(kind: u32, edit: u32) -> String {
    let letter = |at: u32| char::from_u32(0x4e00 + (kind * 7_919 + at * 613) % 20_000);
    let mut letters: Vec<char> = (0..24).filter_map(letter).collect();
    letters[(edit % 24) as usize] = char::from_u32(0x4e00 + edit).unwrap();
    letters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_duplicate_window_that_is_rebuilt_decides_as_the_one_that_grew(
        texts in proptest::collection::vec((0..12u32, 0..6u32, 0..40i64), 1..80),
        probes in proptest::collection::vec((0..12u32, 6..12u32), 10),
        commits in 1..30usize,
    ) {
        let hours = |hours: i64| NOW_MS + hours * 3_600_000;
        let made = |number: usize, kind: u32, edit: u32, hour: i64| {
            let mut item = item(&format!("i{number}"), 1, &text_of(kind, edit));
            item.fingerprint = fingerprint_of(&analysis_text(&item.record.item));
            item.record_time_ms = hours(hour);
            item
        };
        let directory = tempfile::tempdir().unwrap();
        let (mut store, _) = IndexStore::open(directory.path()).unwrap();
        let window_length = std::time::Duration::from_secs(20 * 3_600);
        let mut window = DuplicateWindow::new(window_length);
        for (number, (kind, edit, hour)) in texts.iter().enumerate() {
            let mut item = made(number, *kind, *edit, *hour);
            let seen = see(&mut window, &mut store, &item);
            if let Seen::Again { first, size, near } = seen {
                item.record.analysis.duplicate = Some(crate::item::Duplicate {
                    group: store.first_of_group(first).unwrap().unwrap().id.to_string(),
                    first_seen: None,
                    size,
                    kind: if near { "near" } else { "exact" }.to_owned(),
                });
            }
            let prepared = prepare(item).unwrap();
            store.add(prepared, Standing::New, &"source".into(), true, seen != Seen::First).unwrap();
            if number % commits == 0 {
                commit(&mut store);
            }
        }
        commit(&mut store);
        let mut rebuilt = DuplicateWindow::rebuild(window_length, store.searcher()).unwrap();
        for (number, (kind, edit)) in probes.iter().enumerate() {
            let probe = made(1_000 + number, *kind, *edit, 40);
            let grown = see(&mut window, &mut store, &probe);
            prop_assert_eq!(see(&mut rebuilt, &mut store, &probe), grown, "probe {}", number);
        }
    }
}
