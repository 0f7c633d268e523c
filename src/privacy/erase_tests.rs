use super::*;
use crate::checkpoint::{FrameKind, LogPosition};
use crate::index::{DuplicateWindow, Standing, prepare};
use crate::item::{Analysis, AnalyzedItem, AnalyzedRecord, Item, ItemPosition, ItemSource, RecordPosition, Tokens};
use crate::normalize::{analysis_text, fingerprint_of};
use crate::pipeline::verify;
use crate::privacy::scan_data_dir;
use std::time::Duration;

const NOW_MS: i64 = 1_760_000_000_000;

fn item(number: u32, author: &str, text: &str) -> AnalyzedItem {
    let mut item = Item {
        schema: "qingting.analyzed/1".to_owned(),
        id: format!("shop:review:{number}"),
        native_id: number.to_string(),
        version: NOW_MS,
        source: ItemSource {
            kind: "review".into(),
            platform: "shop".into(),
            role: "review".into(),
            ..Default::default()
        },
        text: text.to_owned(),
        published_at: Some(NOW_MS),
        published_precision: crate::item::Precision::Second,
        collected_at: NOW_MS,
        ..Item::default()
    };
    item.author.id = Some(author.to_owned());
    let fingerprint = fingerprint_of(&analysis_text(&item));
    AnalyzedItem {
        record: AnalyzedRecord {
            item,
            position: ItemPosition::whole(RecordPosition::File {
                file: "f".into(),
                record: u64::from(number),
            }),
            pipeline_version: "1".to_owned(),
            analysis: Analysis::default(),
        },
        source: 0,
        record_time_ms: NOW_MS,
        fingerprint,
        title_tokens: Tokens::default(),
        text_tokens: Tokens::default(),
    }
}

fn add(store: &mut IndexStore, item: AnalyzedItem) -> bool {
    let prepared = prepare(item).unwrap();
    let standing = store.standing(prepared.id_hash, store.version_of(&prepared)).unwrap();
    if matches!(standing, Standing::Stale) {
        return false;
    }
    store.add(prepared, standing, &"shop".into(), true, false).unwrap();
    true
}

/// Ten items of three authors in two segments, and an alert that shows one of them.
fn data_dir() -> (tempfile::TempDir, Payload) {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = IndexStore::open(&index_directory(directory.path())).unwrap();
    let (mut log, _) = StateLog::open(directory.path(), &LogPosition::default()).unwrap();
    log.push(
        FrameKind::Annotation,
        br#"{"samples":["shop:review:1","shop:review:10","shop:review:2"]}"#,
    );
    log.append().unwrap();
    log.sync().unwrap();
    let mut payload = Payload {
        state_log: log.position(),
        ..Payload::default()
    };
    payload.identities.zone = "Asia/Shanghai".to_owned();
    for number in 0..=10 {
        add(
            &mut store,
            item(
                number,
                ["aa11", "bb22", "cc33"][number as usize % 3],
                "扫地机用了三个月，越来越吵，客服也不回复",
            ),
        );
        if number == 5 || number == 10 {
            payload.commit += 1;
            payload.alive_docs = store.alive_docs;
            store.commit(&payload).unwrap();
        }
    }
    payload.commit += 1;
    payload.trend = recount(&payload, store.searcher(), store.fields()).unwrap().digest();
    store.commit(&payload).unwrap();
    (directory, payload)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn an_erased_author_is_gone_from_every_file_and_the_counts_are_right() {
    let (directory, _) = data_dir();
    assert_eq!(verify(directory.path()).unwrap().differences, Vec::<String>::new());
    let report = erase(directory.path(), &Erasure::Author("bb22".to_owned())).unwrap();
    assert!(report.ok, "{report:?}");
    // 1, 4, 7, 10; samples 1 and 10
    assert_eq!((report.erased, report.blanked, report.scanned_documents), (4, 2, 11));
    assert_eq!(verify(directory.path()).unwrap().differences, Vec::<String>::new());
    assert!(scan_data_dir(directory.path()).unwrap().ok);
    let log = std::fs::read(directory.path().join("state.log")).unwrap();
    let log = String::from_utf8_lossy(&log);
    assert!(
        log.contains("shop:review:2") && !log.contains("shop:review:1\"") && !log.contains("shop:review:10"),
        "{log}"
    );
}

#[test]
fn the_next_crawl_does_not_bring_an_erased_item_back() {
    let (directory, _) = data_dir();
    erase(directory.path(), &Erasure::Item("shop:review:3".to_owned())).unwrap();
    let (mut store, _) = IndexStore::open(&index_directory(directory.path())).unwrap();
    let mut newer = item(3, "aa11", "又来了");
    newer.record.item.version = NOW_MS + 86_400_000;
    assert!(!add(&mut store, newer), "the tombstone stands over every version");
    let erasures = Erasures::load(directory.path()).unwrap();
    assert!(erasures.contains(crate::index::id_hash("shop:review:3"), 0));
    assert!(!erasures.contains(crate::index::id_hash("shop:review:4"), 0));
}

#[test]
fn a_restored_backup_loses_what_was_erased_at_the_next_start() {
    let (directory, _) = data_dir();
    let backup = tempfile::tempdir().unwrap();
    copy(directory.path(), backup.path());
    erase(directory.path(), &Erasure::Author("aa11".to_owned())).unwrap();
    // the backup comes back, the newest erasures are kept
    std::fs::copy(
        directory.path().join("erasures.ndjson"),
        backup.path().join("erasures.ndjson"),
    )
    .unwrap();
    let erasures = Erasures::load(backup.path()).unwrap();
    let (mut store, payload) = IndexStore::open(&index_directory(backup.path())).unwrap();
    let (_, ids) = apply(&mut store, payload.unwrap(), &erasures).unwrap();
    assert_eq!(ids.len(), 4);
    drop(store);
    assert_eq!(verify(backup.path()).unwrap().differences, Vec::<String>::new());
}

#[test]
fn a_window_that_is_rebuilt_knows_the_texts_that_are_left() {
    let (directory, _) = data_dir();
    let (store, _) = IndexStore::open(&index_directory(directory.path())).unwrap();
    let mut window = DuplicateWindow::rebuild(Duration::from_secs(86_400), store.searcher()).unwrap();
    let prepared = prepare(item(99, "dd44", "扫地机用了五个月，越来越吵，客服也不回复")).unwrap();
    let mut asked = 0;
    let fingerprint = prepared.item.fingerprint;
    let seen = window.see(&fingerprint, prepared.id_hash, NOW_MS, |_| {
        asked += 1;
        Ok::<_, std::convert::Infallible>(true)
    });
    assert!(
        matches!(seen, Ok(crate::index::Seen::Again { near: true, .. })) && asked == 1,
        "{seen:?}"
    );
}
