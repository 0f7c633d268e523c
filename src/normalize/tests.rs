use super::*;
use crate::item::{Append, ItemPosition, Order, RecordPosition, Reply, Repost};

const COLLECTED_MS: i64 = 1_762_391_524_000;

fn mapped(text: &str) -> MappedItem {
    let mut item = Item {
        native_id: "1".to_owned(),
        id: "weibo:post:1".to_owned(),
        text: text.to_owned(),
        published_at: Some(1_762_144_200_000),
        collected_at: COLLECTED_MS,
        ..Item::default()
    };
    item.source.platform = "weibo".to_owned();
    item.source.role = "post".to_owned();
    MappedItem {
        item,
        source: 0,
        position: ItemPosition::whole(RecordPosition::File {
            file: "f".into(),
            record: 1,
        }),
        record_time_ms: COLLECTED_MS,
        native_author_id: None,
    }
}

fn normalizer() -> Normalizer {
    Normalizer::new(b"a key of sixteen", chrono_tz::Asia::Shanghai)
}

fn clean(text: &str) -> CleanItem {
    normalizer().normalize(mapped(text))
}

#[test]
fn author_id_is_the_first_half_of_the_keyed_hash() {
    let mut item = mapped("x");
    item.native_author_id = Some(" 12345 ".to_owned());
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(b"a key of sixteen").unwrap();
    mac.update(b"weibo\x0012345");
    let expected = hex::encode(&mac.finalize().into_bytes()[..16]);
    assert_eq!(
        normalizer().normalize(item.clone()).item.author.id,
        Some(expected.clone())
    );
    let other = Normalizer::new(b"another key of 20 by", chrono_tz::Asia::Shanghai);
    assert_ne!(other.normalize(item).item.author.id, Some(expected));
}

#[test]
fn an_item_without_an_id_is_known_by_what_it_says() {
    let mut item = mapped("原文  13800138000");
    item.item.id.clear();
    item.item.native_id.clear();
    let first = normalizer().normalize(item.clone()).item;
    let mut hash = Sha256::new();
    hash.update("weibo\0\x001762144200000\0原文  13800138000".as_bytes());
    assert_eq!(first.native_id, format!("h:{}", hex::encode(&hash.finalize()[..16])));
    assert_eq!(first.id, format!("weibo:post:{}", first.native_id));
    item.item.text.push('!');
    assert_ne!(normalizer().normalize(item).item.id, first.id);
}

#[test]
fn personal_data_is_masked_in_every_free_text_and_in_no_id() {
    let number = "13800138000";
    let mut mapped = mapped(&format!("打{number}"));
    mapped.native_author_id = Some(number.to_owned());
    let item = &mut mapped.item;
    item.title = format!("题{number}");
    item.id = format!("weibo:post:{number}");
    item.native_id = number.to_owned();
    item.append = vec![Append {
        text: number.to_owned(),
        at: None,
    }];
    item.reply = vec![Reply {
        text: number.to_owned(),
        at: None,
        by: Some(number.to_owned()),
    }];
    item.repost = Some(Repost {
        text: number.to_owned(),
        author_id: Some(number.to_owned()),
        ..Repost::default()
    });
    item.author.name = Some(number.to_owned());
    item.url = Some(format!("https://x.example/{number}"));
    item.order = Some(Order {
        no: Some(number.to_owned()),
        ..Order::default()
    });
    let clean = normalizer().normalize(mapped);
    let mut json = serde_json::to_value(&clean.item).unwrap();
    for kept in ["id", "native_id", "url"] {
        assert!(json[kept].as_str().unwrap().contains(number), "{kept}");
        json[kept] = serde_json::Value::Null;
    }
    assert!(!json.to_string().contains(number), "{json}");
    assert!(!clean.analysis_text.contains(number));
    assert_eq!(clean.item.text, "打138****8000");
}

#[test]
fn original_script_is_kept_and_the_analysis_text_is_folded() {
    let clean = clean("APP登錄失敗，客服態度惡劣");
    assert_eq!(clean.item.text, "APP登錄失敗，客服態度惡劣");
    assert_eq!(clean.analysis_text, "app登录失败,客服态度恶劣");
    assert_eq!((clean.item.lang.as_str(), clean.item.script.as_str()), ("zh", "Hant"));
}

#[test]
fn a_title_that_repeats_the_text_is_dropped() {
    let mut repeated = mapped("扫地机用了三个月，越来越吵");
    repeated.item.title = "扫地机用了三个月…".to_owned();
    assert_eq!(normalizer().normalize(repeated.clone()).item.title, "");
    repeated.item.title = "别买".to_owned();
    let clean = normalizer().normalize(repeated);
    assert_eq!(clean.item.title, "别买");
    assert!(clean.analysis_text.starts_with("别买\n扫地机"));
}

#[test]
fn rules_decide_what_needs_no_model() {
    let reason = |text: &str| clean(text).invalid_reason;
    assert_eq!(reason("此用户没有填写评论!"), Some("default_text"));
    assert_eq!(reason(""), Some("empty"));
    assert_eq!(reason("[赞R] 👎"), Some("empty"));
    assert_eq!(reason("转发微博"), Some("repost_only"));
    assert_eq!(reason("//@某人:原话"), Some("repost_only"));
    assert_eq!(reason("屏幕坏了"), None);
    assert!(clean("同意//@某人:原话").item.flags.contains("repost"));
}

#[test]
fn copies_share_a_fingerprint_and_short_texts_have_none() {
    let a = clean("这个扫地机用了三天就坏了，客服还不理人！[怒]").fingerprint.exact;
    let b = clean("@某某 这个扫地機用了三天就坏了 客服还不理人…").fingerprint.exact;
    assert_ne!(a, 0);
    assert_eq!(a, b);
    assert_ne!(a, clean("这个扫地机用了四天就坏了，客服还不理人！").fingerprint.exact);
    assert_eq!(clean("太差了").fingerprint.exact, 0);
}

#[test]
fn impossible_times_are_unknown_everywhere() {
    let mut item = mapped("x");
    item.item.published_at = Some(i64::MAX);
    item.item.updated_at = Some(-5);
    item.item.collected_at = i64::MIN;
    item.item.append = vec![Append {
        text: "y".to_owned(),
        at: Some(7),
    }];
    let item = normalizer().normalize(item).item;
    assert_eq!(
        (item.published_at, item.updated_at, item.collected_at, item.append[0].at),
        (None, None, 0, None)
    );
    assert!(item.flags.contains("time_unknown"));
}

#[test]
fn keywords_are_of_bounded_length() {
    let mut item = mapped("x");
    item.item.subject.product = Some("长".repeat(5_000));
    item.item.tags = vec!["  标\u{200b}签 ".to_owned(), " ".to_owned()];
    let item = normalizer().normalize(item).item;
    assert_eq!(item.subject.product.unwrap().chars().count(), 256);
    assert_eq!(item.tags, ["标签"]);
}

proptest::proptest! {
    #[test]
    fn any_text_is_cleaned_and_cleaning_it_again_changes_nothing(text in proptest::prelude::any::<String>()) {
        let once = clean(&text);
        let again = clean(&once.item.text);
        proptest::prop_assert_eq!(&again.item.text, &once.item.text);
        proptest::prop_assert_eq!(again.fingerprint, once.fingerprint);
        proptest::prop_assert_eq!(again.analysis_text, once.analysis_text);
    }

    #[test]
    fn every_mobile_number_in_a_cleaned_text_is_masked(
        before in "[^0-9@:/.<>&\\[]{0,12}", after in "[^0-9@<>&;\\[]{0,12}", second in 3u8..=9, rest in 0u32..1_000_000_000,
        full_width in proptest::bool::ANY,
    ) {
        let planted = format!("1{second}{rest:09}");
        let written: String = if full_width {
            planted.chars().map(|c| char::from_u32(c as u32 + 0xFEE0).unwrap()).collect()
        } else {
            planted.clone()
        };
        let text = clean(&format!("{before}{written}{after}")).item.text;
        proptest::prop_assert!(!text.contains(&planted), "{}", text);
    }
}

#[test]
fn personal_data_is_masked_in_extras_and_steps_and_not_in_their_ids() {
    let mut mapped = mapped("x");
    let extra = serde_json::json!({"answer": ["打13800138000"], "user": {"note_id": "13800138000", "about": "微信：abc_12345"}});
    mapped.item.ext = extra.as_object().cloned().unwrap();
    let ext = normalizer().normalize(mapped).item.ext;
    let wanted =
        serde_json::json!({"answer": ["打138****8000"], "user": {"note_id": "13800138000", "about": "微信：a***"}});
    assert_eq!(serde_json::Value::Object(ext), wanted);
}

#[test]
fn a_dead_letters_escapes_do_not_hide_a_number() {
    let text = r#"{"text":"\u753513800138000","q":"\"13900139000\n"#;
    let masked = mask_text(text);
    assert!(
        !masked.contains("13800138000") && !masked.contains("13900139000"),
        "{masked}"
    );
    assert!(masked.contains(r#"\"139****9000\n"#), "{masked}");
    assert_eq!(mask_text(r#"{"text":"\u7535"}"#), r#"{"text":"\u7535"}"#);
}

/// More different keywords than are remembered, each of them twice.
#[test]
fn a_keyword_that_came_before_is_cleaned_as_the_first_time() {
    for number in 0..MOST_KEYWORDS + 100 {
        let value = format!("ＡＢ牌&amp;扫地机 {number} 电话13800138000");
        let cleaned = cleaned_keyword(&value);
        assert_eq!(cleaned, format!("AB牌&扫地机 {number} 电话138****8000"));
        assert_eq!(keyword(value.clone()), cleaned);
        assert_eq!(keyword(value), cleaned);
    }
}
