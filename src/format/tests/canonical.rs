//! The canonical format: what is derived, what is lenient, what deletes.

use super::*;

#[test]
fn native_id_and_platform_make_the_id() {
    let item =
        item(r#"{"native_id":5228123456789001,"text":"好","source":{"platform":"weibo"},"published_at":1762144200}"#);
    assert_eq!(item.id, "weibo:post:5228123456789001");
    assert_eq!(
        (item.source.kind.as_str(), item.source.role.as_str()),
        ("social", "post")
    );
    assert_eq!(item.source.format, "item/1");
    assert_eq!(
        (item.published_at, item.collected_at, item.version),
        (Some(1_762_144_200_000), RECORD_TIME_MS, RECORD_TIME_MS)
    );
    assert_eq!(item.raw_ref.as_deref(), Some("t/0/7"));
    assert_eq!(item.schema, "qingting.item/1");
}

#[test]
fn an_id_alone_says_platform_role_and_native_id() {
    let item = item(r#"{"id":"jd:review:20:5","text":"好"}"#);
    assert_eq!(
        (item.source.platform.as_str(), item.source.kind.as_str()),
        ("jd", "review")
    );
    assert_eq!((item.source.role.as_str(), item.native_id.as_str()), ("review", "20:5"));
}

#[test]
fn an_id_of_another_form_is_kept() {
    let item = item(r#"{"id":"abc-1","text":"好"}"#);
    assert_eq!((item.id.as_str(), item.native_id.as_str()), ("abc-1", "abc-1"));
    assert_eq!(
        (item.source.platform.as_str(), item.source.kind.as_str()),
        ("unknown", "unknown")
    );
    assert!(item.quality.missing.contains(&"source.kind".to_owned()));
}

#[test]
fn version_is_the_given_one_else_the_collect_time() {
    let version = |extra: &str| item(&format!(r#"{{"id":"a:post:1","text":"x"{extra}}}"#)).version;
    assert_eq!(version(r#","version":5,"collected_at":1762144200000"#), 5);
    assert_eq!(version(r#","collected_at":1762144200000"#), 1_762_144_200_000);
    assert_eq!(version(""), RECORD_TIME_MS);
}

#[test]
fn what_the_configuration_says_fills_what_the_record_leaves_open() {
    let mut source = source("item");
    source.platform = Some("weibo".to_owned());
    source.kind = Some("social".to_owned());
    source.touchpoint = Some("app_store".to_owned());
    let mut out = FormatOutcome::default();
    let payload = r#"{"native_id":"1","text":"x","source":{"kind":"forum"}}"#;
    Formats::builtin().unwrap().read(&record(payload), &source, &mut out);
    let item = &clean(out)[0].item;
    assert_eq!((item.id.as_str(), item.source.kind.as_str()), ("weibo:post:1", "forum"));
    assert_eq!(item.source.touchpoint.as_deref(), Some("app_store"));
}

#[test]
fn author_ids_are_keyed_and_names_masked() {
    let item =
        item(r#"{"id":"weibo:post:1","text":"x","author":{"id":12345,"name":"张三丰","region":"IP属地：湖北"}}"#);
    // HMAC-SHA256("a key of sixteen", "weibo" 0 "12345"), first 16 bytes
    assert_eq!(item.author.id.as_ref().map(String::len), Some(32));
    assert_ne!(item.author.id.as_deref(), Some("12345"));
    assert_eq!(item.author.name.as_deref(), Some("张***丰"));
    assert_eq!(item.author.region.as_deref(), Some("湖北"));
}

#[test]
fn unknown_fields_and_odd_values_are_warnings() {
    let outcome = read(
        "item",
        r#"{"id":"a:post:1","text":"x","colour":"red","title":[1],"source":{"kind":"nonsense"},
            "order":{"amount":67.4,"purchased_at":"2025-11-03 12:30:00","nope":1},"rating":{"overall":"4"},"reply":[{"text":"r","at":"昨天"}]}"#,
    );
    assert_eq!(outcome.warnings.len(), 4, "{:?}", outcome.warnings);
    let item = &clean(outcome)[0].item;
    let order = item.order.as_ref().unwrap();
    assert_eq!(
        (order.amount.as_deref(), order.purchased_at),
        (Some("67.4"), Some(1_762_144_200_000))
    );
    assert_eq!(item.rating.as_ref().unwrap().overall, Some(4.0));
    assert!(item.reply[0].at.is_some());
}

#[test]
fn deleted_items_and_tombstones_delete() {
    let delete = |outcome: &FormatOutcome| match &outcome.changes[..] {
        [Change::Delete { id, version, .. }] => (id.clone(), *version),
        _ => panic!("{outcome:?}"),
    };
    let outcome = read("item", r#"{"id":"a:post:1","deleted":true,"version":9}"#);
    assert_eq!(delete(&outcome), ("a:post:1".to_owned(), 9));
    let outcome = read("item", r#"{"native_id":"1","source":{"platform":"a"},"deleted":true}"#);
    assert_eq!(delete(&outcome), ("a:post:1".to_owned(), RECORD_TIME_MS));
    let mut tombstone = record("");
    tombstone.payload = None;
    assert_eq!(
        read_record("item", &tombstone).dead_letters[0].code,
        DeadLetterCode::MissingField
    );
    tombstone.key = Some(b"a:post:2".to_vec());
    assert_eq!(
        delete(&read_record("item", &tombstone)),
        ("a:post:2".to_owned(), RECORD_TIME_MS)
    );
    tombstone.key = Some(b"20681890471".to_vec());
    assert_eq!(
        delete(&read_record("jd_comment", &tombstone)).0,
        "jd:review:20681890471"
    );
}

#[test]
fn two_runs_give_the_same_bytes() {
    let payload = r#"{"native_id":"1","text":"用了3天，昨天坏了 13800138000","source":{"platform":"weibo"},"published_at":"昨天",
        "author":{"id":"u1","name":"某某"},"tags":"a,b","engagement":{"like":"1.2万","comment":{"n":3}}}"#;
    let run = || serde_json::to_string(&items("item", payload)).unwrap();
    assert_eq!(run(), run());
    assert!(run().contains("138****8000"));
}

#[test]
fn an_item_that_was_written_is_read_again_without_a_warning() {
    let first = item(
        r#"{"id":"jd:review:1","text":"很好","title":"标题","rating":{"overall":5,"raw":"5","scale":"1-5"},
        "published_at":1762144200000,"collected_at":1762144300000,"engagement":{"like":3},"media":{"images":2}}"#,
    );
    let outcome = read("item", serde_json::to_vec(&first).unwrap());
    assert_eq!(outcome.warnings, [""; 0]);
    assert_eq!(clean(outcome)[0].item, first);
}

#[test]
fn every_field_of_the_example_is_taken() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/examples/item.json");
    let Ok(payload) = std::fs::read(example) else {
        return println!("skipped: every_field_of_the_example_is_taken: no example");
    };
    assert_eq!(read("item", payload).warnings, [""; 0]);
}
