//! The stream and the index select the same records; no input makes the parser panic.

use super::testing::{PairTokenizer, SOURCE, accepts, aspect, index_of, limits, record};
use super::{Query, SearchError};
use crate::item::{AnalyzedRecord, Duplicate, ItemPosition, Rating, RecordPosition};
use chrono_tz::Asia::Shanghai;
use proptest::prelude::*;
use std::collections::BTreeSet;
use tantivy::collector::DocSetCollector;
use tantivy::schema::Value;
use tantivy::{Searcher, TantivyDocument};

fn streamed(query: &Query, records: &[AnalyzedRecord]) -> BTreeSet<String> {
    let filter = query.bind(&PairTokenizer, Shanghai).unwrap();
    records
        .iter()
        .filter(|record| accepts(&filter, record))
        .map(|record| record.item.id.clone())
        .collect()
}

fn indexed(query: &Query, searcher: &Searcher, fields: &crate::index::schema::Fields) -> BTreeSet<String> {
    let query = query.to_tantivy(fields, &PairTokenizer, Shanghai).unwrap();
    let found = searcher.search(&query, &DocSetCollector).unwrap();
    // The scoring path of the same query is another implementation inside tantivy.
    let scored = searcher
        .search(&query, &tantivy::collector::TopDocs::with_limit(1_000).order_by_score())
        .unwrap();
    assert_eq!(scored.len(), found.len(), "scored and unscored differ: {query:?}");
    assert!(scored.iter().all(|(score, _)| score.is_finite()));
    found
        .into_iter()
        .map(|address| {
            let document: TantivyDocument = searcher.doc(address).unwrap();
            let json = document
                .get_first(fields.json)
                .and_then(|value| value.as_bytes())
                .unwrap();
            serde_json::from_slice::<AnalyzedRecord>(json).unwrap().item.id
        })
        .collect()
}

fn found(query: &str, records: &[AnalyzedRecord]) -> Vec<String> {
    let parsed = Query::parse(query, &limits()).unwrap();
    let (searcher, fields) = index_of(records);
    let streamed = streamed(&parsed, records);
    assert_eq!(streamed, indexed(&parsed, &searcher, &fields), "{query}");
    streamed.into_iter().collect()
}

fn sample() -> Vec<AnalyzedRecord> {
    let mut slow = record("slow", "快递太慢，等了一周");
    slow.analysis.aspects = vec![aspect("logistics", "negative")];
    slow.item.rating = Some(Rating {
        overall: Some(1.5),
        ..Rating::default()
    });
    slow.item.source.keyword = Some("快递 投诉".to_owned());
    let mut fine = record("fine", "质量不错，快递也好");
    fine.analysis.sentiment.label = "positive".to_owned();
    fine.analysis.aspects = vec![aspect("quality", "positive"), aspect("logistics", "neutral")];
    fine.item.rating = Some(Rating {
        overall: Some(4.0),
        ..Rating::default()
    });
    fine.item.published_at = Some(1_762_100_000_000);
    fine.analysis.duplicate = Some(Duplicate::default());
    let mut titled = record("titled", "登录失败 app v2");
    titled.item.title = "无法登录".to_owned();
    titled.item.published_at = None;
    titled.analysis.valid.label = false;
    titled.item.source.role = "reply".to_owned();
    titled.position = ItemPosition::whole(RecordPosition::Kafka {
        topic: "posts".into(),
        partition: 0,
        offset: 1,
    });
    vec![slow, fine, titled]
}

#[test]
fn words_are_all_required_and_need_not_be_adjacent() {
    let records = sample();
    assert_eq!(found("快递", &records), ["fine", "slow"]);
    assert_eq!(found("快递慢", &records), ["slow"]);
    assert_eq!(found("快递 OR 登录", &records), ["fine", "slow", "titled"]);
    assert_eq!(found("快递 -质量", &records), ["slow"]);
    assert_eq!(found("NOT 快递", &records), ["titled"]);
    assert_eq!(found("快递 AND NOT (质量 OR 登录)", &records), ["slow"]);
    assert_eq!(
        found("无法 APP", &records),
        ["titled"],
        "one word in the title, one in the text"
    );
    assert_eq!(found("title:登录", &records), ["titled"]);
    assert_eq!(found("title:失败", &records), Vec::<String>::new());
    assert_eq!(found("text:失败 term:v2", &records), ["titled"]);
    assert_eq!(
        found("， 快递 ！", &records),
        ["fine", "slow"],
        "punctuation is left out"
    );
}

#[test]
fn a_quoted_phrase_is_exact() {
    let records = sample();
    assert_eq!(found("\"快递太慢\"", &records), ["slow"]);
    assert_eq!(found("“快递太慢”", &records), ["slow"]);
    assert_eq!(found("\"快递等了\"", &records), Vec::<String>::new());
    assert_eq!(found("\"登录失败 app\"", &records), ["titled"]);
}

#[test]
fn fields_and_ranges_select() {
    let records = sample();
    assert_eq!(found("aspect:logistics-", &records), ["slow"]);
    assert_eq!(found("aspect:logistics", &records), ["fine", "slow"]);
    assert_eq!(found("aspect:(logistics0 OR quality-)", &records), ["fine"]);
    assert_eq!(found("rating:<=2", &records), ["slow"]);
    assert_eq!(found("rating:<1.5", &records), Vec::<String>::new());
    assert_eq!(found("rating:>=4", &records), ["fine"]);
    assert_eq!(found("rating:>4", &records), Vec::<String>::new());
    assert_eq!(found("rating:1.5..4", &records), ["fine", "slow"]);
    assert_eq!(found("rating:4", &records), ["fine"]);
    assert_eq!(found("rating:4..2", &records), Vec::<String>::new());
    assert_eq!(found("valid:true duplicate:false", &records), ["slow"]);
    assert_eq!(found("voice:false", &records), ["titled"]);
    assert_eq!(found("keyword:\"快递 投诉\"", &records), ["slow"]);
    assert_eq!(found("topic:posts", &records), ["titled"]);
    assert_eq!(found("topic:file", &records), ["fine", "slow"]);
    assert_eq!(
        found(&format!("source:{SOURCE} sentiment:positive"), &records),
        ["fine"]
    );
    assert_eq!(found("published_at:2025-11-01", &records), ["slow"]);
    assert_eq!(found("published_at:2025-11-01..2025-11-03", &records), ["fine", "slow"]);
    assert_eq!(found("published_at:>2025-11-01", &records), ["fine"]);
    assert_eq!(found("published_at:<=1762000000000", &records), ["slow"]);
    assert_eq!(found("published_at:<1762000000000", &records), Vec::<String>::new());
    assert_eq!(found("-published_at:>2000", &records), ["titled"]);
    assert_eq!(found("id:(slow OR fine)", &records), ["fine", "slow"]);
    assert_eq!(found("author:a6", &records), ["titled"]);
    assert_eq!(
        found("", &records),
        ["fine", "slow", "titled"],
        "tombstones are not documents"
    );
    assert_eq!(found("-id:slow", &records), ["fine", "titled"]);
}

fn refused(query: &str) -> SearchError {
    Query::parse(query, &limits()).unwrap_err()
}

#[test]
fn mistakes_are_named_with_their_place_and_a_suggestion() {
    let error = refused("快递 sentimant:negative");
    assert_eq!((error.code(), error.at()), ("unknown_field", Some(3)));
    assert_eq!(error.suggestion().as_deref(), Some("sentiment"));
    let error = refused("sentiment:negativ");
    assert_eq!(
        (error.code(), error.suggestion().as_deref()),
        ("bad_value", Some("negative"))
    );
    for (query, code, at) in [
        ("(快递", "query_syntax", Some(0)),
        ("快递)", "query_syntax", Some(2)),
        ("\"快递", "query_syntax", Some(0)),
        ("()", "query_syntax", Some(1)),
        ("OR 快递", "query_syntax", Some(0)),
        ("快递 OR", "query_syntax", Some(5)),
        ("NOT", "query_syntax", Some(3)),
        ("rating: 3", "query_syntax", Some(7)),
        ("rating:good", "bad_value", Some(7)),
        ("rating:-1", "bad_value", Some(7)),
        ("rating:..", "bad_value", Some(7)),
        ("published_at:20251101", "bad_value", Some(13)),
        ("valid:yes", "bad_value", Some(6)),
        ("http://a.b", "unknown_field", Some(0)),
    ] {
        let error = refused(query);
        assert_eq!((error.code(), error.at()), (code, at), "{query}: {error}");
    }
    let punctuation = Query::parse("，！", &limits()).unwrap().bind(&PairTokenizer, Shanghai);
    assert_eq!(punctuation.unwrap_err().code(), "nothing_searchable");
}

#[test]
fn hostile_nesting_and_size_give_clean_errors() {
    let deep = 10_000;
    let mut wide = limits();
    wide.max_query_bytes = 1 << 20;
    wide.max_depth = usize::MAX;
    for query in [
        "(".repeat(deep),
        "-".repeat(deep) + "a",
        "NOT ".repeat(deep) + "a",
        "brand:(".repeat(deep),
    ] {
        assert!(Query::parse(&query, &limits()).is_err());
        assert_eq!(Query::parse(&query, &wide).unwrap_err().code(), "query_too_deep");
    }
    assert_eq!(refused(&"(".repeat(8_193)).code(), "query_too_long");
    assert_eq!(refused(&"a ".repeat(257)).code(), "too_many_clauses");
    let long_word = Query::parse(&"快递太慢".repeat(200), &limits()).unwrap();
    assert_eq!(
        long_word.bind(&PairTokenizer, Shanghai).unwrap_err().code(),
        "too_many_clauses"
    );
    let nested = format!("{}快递{}", "(".repeat(32), ")".repeat(32));
    assert!(Query::parse(&nested, &limits()).is_ok());
}

fn any_leaf() -> impl Strategy<Value = String> {
    prop_oneof![
        "[快递太慢好差ab]{1,5}",
        "\"[快递太慢好差][快递太慢好差 ]{0,5}\"",
        "title:[快递太慢]{1,3}",
        "term:[快递太慢]{1,2}",
        "rating:(<=|>=|<|>|)[0-5](\\.[05])?",
        "rating:[0-5]\\.\\.[0-5]",
        "aspect:(logistics|quality|price)[-+0]?",
        "sentiment:(negative|positive|neutral)",
        "brand:[甲乙丙]",
        "tag:[甲乙丙]",
        "flag:(truncated|empty_text)",
        "keyword:[甲乙]",
        "(valid|voice|duplicate):(true|false)",
        "published_at:(<=|>=|<|>|)2025-11-0[1-9]",
        "published_at:2025-11-0[1-4]\\.\\.2025-11-0[3-9]",
        "topic:(file|posts)",
        "id:[0-9]",
        "author:[甲乙]",
    ]
}

fn any_query() -> impl Strategy<Value = String> {
    any_leaf().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} {right}")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} OR {right})")),
            inner.prop_map(|inner| format!("NOT ({inner})")),
        ]
    })
}

prop_compose! {
    fn any_record()(
        text in "[快递太慢好差ab，]{0,12}",
        title in "[快递太慢]{0,4}",
        overall in proptest::option::of(0.0f64..5.0),
        sentiment in "negative|positive|neutral",
        aspects in proptest::collection::vec(("logistics|quality", "negative|positive|neutral"), 0..3),
        words in (proptest::option::of("[甲乙丙]"), proptest::option::of("[甲乙]"), proptest::option::of("[甲乙]")),
        tags in proptest::collection::vec("[甲乙丙]", 0..3),
        at in proptest::option::of(1_761_900_000_000i64..1_762_700_000_000),
        switches in any::<(bool, bool, bool, bool, bool)>(),
    ) -> AnalyzedRecord {
        let mut record = record("", &text);
        record.item.title = title;
        record.item.rating = overall.map(|overall| Rating { overall: Some(overall), ..Rating::default() });
        record.analysis.sentiment.label = sentiment;
        record.analysis.aspects = aspects.iter().map(|(name, polarity)| aspect(name, polarity)).collect();
        (record.item.subject.brand, record.item.source.keyword, record.item.author.id) = words;
        record.item.tags = tags;
        record.item.published_at = at;
        let (valid, reply, duplicate, future, kafka) = switches;
        record.analysis.valid.label = valid;
        if reply { record.item.source.role = "reply".to_owned(); }
        record.analysis.duplicate = duplicate.then(Duplicate::default);
        if future { record.item.flags.insert("time_future".to_owned()); } else { record.item.flags.insert("truncated".to_owned()); }
        if kafka { record.position = ItemPosition::whole(RecordPosition::Kafka { topic: "posts".into(), partition: 0, offset: 0 }); }
        record
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stream_and_index_agree(
        mut records in proptest::collection::vec(any_record(), 1..40),
        queries in proptest::collection::vec(any_query(), 24),
    ) {
        for (number, record) in records.iter_mut().enumerate() {
            record.item.id = number.to_string();
        }
        let (searcher, fields) = index_of(&records);
        for text in queries {
            let query = Query::parse(&text, &limits()).unwrap();
            prop_assert_eq!(streamed(&query, &records), indexed(&query, &searcher, &fields), "{}", text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(text in "([ ()\"“”:<>.\\-]|OR|NOT|AND|rating|brand|published_at|[0-9快a]|\\PC){0,40}") {
        if let Ok(query) = Query::parse(&text, &limits()) {
            let _ = query.bind(&PairTokenizer, Shanghai);
        }
    }
}
