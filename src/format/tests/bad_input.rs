//! The table "What bad input gets", a test a row, and the hostile forms beside it.

use super::*;
use DeadLetterCode::*;

const MINIMAL: &str = r#"{"id":"weibo:post:1","text":"好"}"#;

#[test]
fn bytes_that_are_not_utf8_are_a_dead_letter() {
    let (code, message) = dead("item", b"{\"id\":\"a:post:1\",\"text\":\"\xC4\xE3\"}".to_vec());
    assert_eq!(code, InvalidUtf8);
    assert!(message.contains("byte 25"), "{message}");
}

#[test]
fn bytes_in_none_of_the_declared_encodings_are_a_dead_letter() {
    assert_eq!(
        dead("jd_comment", b"{\"id\":1,\"content\":\"\xFF\xFF\"}".to_vec()).0,
        Encoding
    );
}

#[test]
fn broken_json_is_a_dead_letter_that_says_where() {
    for broken in [
        r#"{"id":"1","text":"#,
        r#"{"id":"1","text":"x",}"#,
        "{'id': '1', 'text': None}",
        r#"{"id":"1","text":NaN}"#,
        r#"{"id":"1","text":Infinity}"#,
        r#"{"id":"1"} trailing"#,
        "\"unterminated",
        "{\"id\":\"1\",\"text\":\"a\u{1}b\"}",
    ] {
        let (code, message) = dead("item", broken);
        assert_eq!(code, JsonSyntax, "{broken}");
        assert!(message.contains("column"), "{message}");
    }
}

#[test]
fn a_message_never_quotes_the_record() {
    for secret in [
        r#"{"id":"13800138000","text":13800138000x}"#,
        r#"{"text":["13800138000"],"id":"x"}"#,
    ] {
        assert!(!dead("item", secret).1.contains("138"), "{secret}");
    }
}

#[test]
fn json_of_depth_128_is_read_and_deeper_is_a_dead_letter() {
    let nested = |depth: usize| {
        // the object itself is one level
        let inner = "[".repeat(depth - 1) + &"]".repeat(depth - 1);
        format!(r#"{{"id":"a:post:1","text":"x","ext":{{}},"unknown":{inner}}}"#)
    };
    assert_eq!(items("item", nested(128)).len(), 1);
    assert_eq!(dead("item", nested(129)).0, JsonDepth);
    assert_eq!(dead("item", nested(10_000)).0, JsonDepth);
    assert_eq!(dead("item", "[".repeat(1_000_000)).0, JsonDepth);
    assert_eq!(dead("item", "{\"a\":".repeat(10_000)).0, JsonDepth);
}

#[test]
fn a_record_of_10_mib_is_too_large() {
    let large = format!(r#"{{"id":"a:post:1","text":"{}"}}"#, "x".repeat(10 * 1024 * 1024));
    let bytes = large.len() as u64;
    let outcome = read("item", large);
    assert_eq!(outcome.dead_letters[0].code, TooLarge);
    assert_eq!(outcome.dead_letters[0].bytes_len, bytes);
}

#[test]
fn a_missing_required_field_is_a_dead_letter_with_the_path() {
    for (payload, path) in [
        (r#"{"id":"a:post:1"}"#, "`text`"),
        (r#"{"id":"a:post:1","text":null}"#, "`text`"),
        (r#"{"text":"x"}"#, "`id`"),
        (r#"{"text":"x","native_id":"1"}"#, "`source.platform`"),
    ] {
        let (code, message) = dead("item", payload);
        assert_eq!(code, MissingField, "{payload}");
        assert!(message.contains(path), "{message}");
    }
    let (code, message) = dead("jd_comment", r#"{"id":1,"score":5}"#);
    assert_eq!(code, MissingField);
    assert!(message.contains("`content`"), "{message}");
}

#[test]
fn a_required_field_of_a_wrong_type_is_a_dead_letter_with_the_path() {
    for (payload, path) in [
        (r#"{"id":"a:post:1","text":["x"]}"#, "`text` is an array"),
        (r#"{"id":"a:post:1","text":5}"#, "`text` is an integer"),
        (r#"{"id":true,"text":"x"}"#, "`id` is a boolean"),
        (
            r#"{"id":"a","text":"x","source":{"platform":7}}"#,
            "`source.platform` is an integer",
        ),
        (r#"{"id":"a","text":"x","source":[]}"#, "`source` is an array"),
        ("7", "`$` is an integer"),
    ] {
        let (code, message) = dead("item", payload);
        assert_eq!(code, WrongType, "{payload}");
        assert!(message.contains(path), "{message}");
    }
    let (code, message) = dead("jd_comment", r#"{"id":1,"content":{"a":1},"score":5}"#);
    assert_eq!(code, WrongType);
    assert!(message.contains("`content` is an object"), "{message}");
}

#[test]
fn an_id_that_went_through_a_float_is_unrecoverable() {
    for id in ["1.0e3", "1739000000000.5", "\"1.739E+10\""] {
        let (code, message) = dead(
            "item",
            format!(r#"{{"native_id":{id},"text":"x","source":{{"platform":"a"}}}}"#),
        );
        assert_eq!(code, UnrecoverableId, "{id}");
        assert!(message.contains("`native_id`"), "{message}");
    }
    assert_eq!(dead("jd_comment", r#"{"id":1.0e3,"content":"x"}"#).0, UnrecoverableId);
}

#[test]
fn integers_of_19_digits_and_more_stay_exact() {
    for id in [
        "3099000000000000011",
        "18446744073709551615",
        "99999999999999999999999999",
    ] {
        let payload = format!(r#"{{"native_id":{id},"text":"x","source":{{"platform":"a","role":"post"}}}}"#);
        assert_eq!(item(&payload).id, format!("a:post:{id}"));
    }
}

#[test]
fn a_time_that_is_absent_unreadable_or_before_2000_is_unknown() {
    for time in [
        "null",
        "\"坏\"",
        "0",
        "-5",
        "\"1970-01-01 08:00:00\"",
        "915148800000",
        "[]",
    ] {
        let item = item(&format!(
            r#"{{"id":"weibo:post:1","text":"好用","published_at":{time}}}"#
        ));
        assert_eq!(item.published_at, None, "{time}");
        assert_eq!(item.published_precision, crate::item::Precision::None);
        assert!(flags(&item).contains(&"time_unknown"));
        assert!(item.quality.missing.contains(&"published_at".to_owned()));
    }
}

#[test]
fn a_time_more_than_a_day_after_the_collect_time_is_future() {
    let at = |published: i64| {
        item(&format!(
            r#"{{"id":"weibo:post:1","text":"好用","published_at":{published},"collected_at":{RECORD_TIME_MS}}}"#
        ))
    };
    let day_ms = 86_400_000;
    assert!(!flags(&at(RECORD_TIME_MS + day_ms)).contains(&"time_future"));
    let future = at(RECORD_TIME_MS + day_ms + 1);
    assert_eq!(flags(&future), ["time_future"]);
    assert_eq!(future.published_at, Some(RECORD_TIME_MS + day_ms + 1));
}

#[test]
fn text_over_64_kib_is_cut_at_a_character_border() {
    let item = item(&format!(r#"{{"id":"weibo:post:1","text":"{}"}}"#, "好".repeat(30_000)));
    assert_eq!((item.text.len(), item.text_raw_len), (65_535, 30_000));
    assert!(flags(&item).contains(&"truncated"));
}

#[test]
fn empty_text_with_a_rating_is_an_item() {
    let item = item(r#"{"id":"jd:review:1","text":"","rating":{"overall":5,"scale":"1-5"}}"#);
    assert!(flags(&item).contains(&"empty_text"));
    assert_eq!(item.rating.unwrap().overall, Some(5.0));
}

#[test]
fn of_a_duplicate_key_the_last_wins() {
    let item = item(r#"{"id":"weibo:post:1","text":"first","text":"last"}"#);
    assert_eq!(item.text, "last");
    assert!(flags(&item).contains(&"duplicate_key"));
}

#[test]
fn half_a_surrogate_pair_costs_a_character_and_not_the_item() {
    let outcome = read(
        "item",
        r#"{"id":"weibo:post:1","text":"半个 \ud83d 表情 \ud83d\ude00"}"#,
    );
    assert_eq!(outcome.warnings.len(), 1);
    let items = clean(outcome);
    assert_eq!(items[0].item.text, "半个 \u{fffd} 表情 😀");
}

#[test]
fn nul_and_control_characters_are_taken_out() {
    assert_eq!(
        item(r#"{"id":"weibo:post:1","text":"a\u0000b\u0007c\u200bd"}"#).text,
        "abcd"
    );
}

#[test]
fn a_byte_order_mark_is_accepted() {
    assert_eq!(item(&format!("\u{feff}{MINIMAL}")).text, "好");
}

#[test]
fn an_empty_array_is_a_skipped_record() {
    for format in ["item", "auto", "jd_comment"] {
        let outcome = read(format, "[]");
        assert_eq!(outcome.outcome, RecordOutcome::Skipped);
    }
}

#[test]
fn one_bad_part_does_not_cost_the_others() {
    let outcome = read("item", format!(r#"[{MINIMAL},{{"text":"no id"}},{MINIMAL}]"#));
    assert_eq!(outcome.outcome, RecordOutcome::Mapped);
    assert_eq!(outcome.dead_letters[0].id, "t/0/7#1");
    let parts: Vec<(u32, u32)> = outcome
        .changes
        .iter()
        .map(|change| match change {
            Change::Upsert(mapped) => (mapped.position.part, mapped.position.parts),
            Change::Delete { position, .. } => (position.part, position.parts),
        })
        .collect();
    assert_eq!(parts, [(0, 3), (2, 3)]);
}

#[test]
fn an_unknown_format_and_an_unknown_shape_have_no_preset() {
    assert_eq!(dead("no_such_format", MINIMAL).0, NoPreset);
    assert_eq!(dead("auto", r#"{"foo":1}"#).0, NoPreset);
}

/// Found by the fuzzer: the message quoted a key of two lines.
#[test]
fn a_key_of_two_lines_is_quoted_on_one() {
    let (code, message) = dead("auto", r#"{"foo\nbar":1}"#);
    assert_eq!(
        (code, message.as_str()),
        (NoPreset, "no format has these keys: foo; bar")
    );
}

#[test]
fn a_record_of_very_many_parts_is_bounded() {
    let payload = format!("[{}]", vec![r#"{"id":"a:post:1","text":""}"#; 20_005].join(","));
    let outcome = read("item", payload);
    assert_eq!((outcome.changes.len(), outcome.dead_letters.len()), (20_000, 1));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_stage_fail(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        format in proptest::sample::select(vec!["item", "auto", "jd_comment", "mediacrawler_xhs_comment"])) {
        clean(read(format, bytes));
    }

    #[test]
    fn no_json_makes_the_stage_fail(
        values in proptest::collection::vec(proptest::sample::select(vec![
            "null", "true", "0", "-1", "1e400", "\"\"", "\"x\"", "[]", "[1]", "{}", "{\"content\":\"x\"}", "\"2025-11-03\"",
            "99999999999999999999", "[{\"n\":1}]", "\"1.2万\"", "{\"n\":\"3\",\"x\":[]}", "1762144200000",
        ]), 24),
        format in proptest::sample::select(vec!["item", "auto", "jd_comment", "mediacrawler_xhs_comment"])) {
        let keys = ["source", "author", "subject", "rating", "engagement", "append", "reply", "repost", "order", "complaint",
            "media", "tags", "published_at", "collected_at", "version", "flags", "score", "images", "afterUserComment",
            "replies", "create_time", "like_count", "pictures", "ext"];
        let members: String = keys.iter().zip(&values).map(|(key, value)| format!(",\"{key}\":{value}")).collect();
        let payload = format!(r#"{{"id":"1","comment_id":"2","note_id":"3","text":"x","content":"y"{members}}}"#);
        clean_all(read(format, payload));
    }
}

fn clean_all(mut outcome: FormatOutcome) {
    outcome.changes.retain(|change| matches!(change, Change::Upsert(_)));
    clean(outcome);
}
