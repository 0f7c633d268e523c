use super::*;
use crate::item::{Item, ItemPosition, RecordPosition};
use proptest::prelude::*;

fn texts(tokens: &Tokens) -> Vec<&str> {
    tokens.iter().map(|token| token.text).collect()
}

fn has_all(document: &str, query: &str) -> bool {
    let segmenter = Segmenter::new();
    let document = segmenter.tokens(document);
    segmenter
        .query_tokens(query)
        .iter()
        .all(|wanted| document.iter().any(|token| token.text == wanted.text))
}

fn has_phrase(document: &str, query: &str) -> bool {
    let segmenter = Segmenter::new();
    let document = segmenter.tokens(document);
    let query = segmenter.query_tokens(query);
    (0..document.len() as u32).any(|shift| {
        query.iter().all(|wanted| {
            document
                .iter()
                .any(|token| token.text == wanted.text && token.position == wanted.position + shift)
        })
    })
}

fn clean(title: &str, text: &str) -> CleanItem {
    CleanItem {
        item: Item {
            title: title.to_owned(),
            text: text.to_owned(),
            ..Item::default()
        },
        source: 0,
        position: ItemPosition::whole(RecordPosition::File {
            file: "test".into(),
            record: 0,
        }),
        record_time_ms: 0,
        analysis_text: text.to_owned(),
        fingerprint: Default::default(),
        invalid_reason: None,
    }
}

#[test]
fn a_word_in_between_does_not_hide_the_others() {
    for document in ["快递太慢了", "快递很慢", "快递真慢啊", "快递实在是慢", "快递送得贼慢"] {
        assert!(
            has_all(document, "快递慢"),
            "{document}: {:?}",
            texts(&Segmenter::new().tokens(document))
        );
    }
    assert!(has_all("价格太贵了", "太贵"));
    assert!(!has_all("快递太快了", "快递慢"));
}

#[test]
fn phrases_match_by_position() {
    assert!(has_phrase("我的APP登录失败，怎么办", "app登录失败"));
    assert!(has_phrase("快递太慢了！", "快递太慢"));
    assert!(!has_phrase("登录之后支付失败", "登录失败"));
    assert!(has_phrase("中华人民共和国成立了", "中华人民共和国成立"));
}

#[test]
fn sub_words_share_the_position_of_their_word() {
    let tokens = Segmenter::new().tokens("中华人民共和国");
    assert!(tokens.len() > 3, "{tokens:?}");
    assert!(tokens.iter().all(|token| token.position == 0));
    assert_eq!(tokens.get(0).unwrap().text, "中华人民共和国");
}

#[test]
fn punctuation_white_space_and_pictures_are_never_tokens() {
    let tokens = Segmenter::new().tokens("  好评！！！…… —— 😀👍🏻 \r\n\t (^_^) -- ...，。");
    assert_eq!(texts(&tokens), ["好评"]);
}

#[test]
fn script_width_and_case_are_folded_and_offsets_stay() {
    let given = "ＡＰＰ登錄失敗，IPhone15太貴";
    let tokens = Segmenter::new().tokens(given);
    assert_eq!(texts(&tokens), ["app", "登录", "失败", "iphone15", "太", "贵"]);
    let spans: Vec<&str> = tokens
        .iter()
        .map(|token| &given[token.from as usize..token.to as usize])
        .collect();
    assert_eq!(spans, ["ＡＰＰ", "登錄", "失敗", "IPhone15", "太", "貴"]);
}

#[test]
fn letters_of_other_scripts_make_words() {
    assert_eq!(
        texts(&Segmenter::new().tokens("Привет café, 好")),
        ["привет", "café", "好"]
    );
}

#[test]
fn terms_are_content_words_once_in_order() {
    let segmented = Segmenter::new().segment(clean(
        "物流投诉",
        "这个物流真的太慢了，物流 2024 12.5 客服不回复，哈哈哈",
    ));
    assert!(segmented.terms.iter().take(2).eq(["物流", "投诉"]));
    assert!(segmented.terms.contains("客服"));
    for term in segmented.terms.iter() {
        assert!(!["这个", "真的", "2024", "12.5", "哈哈哈"].contains(&term), "{term}");
    }
    let many: String = (0..500u32)
        .filter_map(|n| char::from_u32(0x5000 + n))
        .map(|c| format!("{c}子词 "))
        .collect();
    assert!(Segmenter::new().segment(clean("", &many)).terms.len() <= MAX_TERMS);
}

#[test]
fn the_dictionary_hash_names_the_crate_that_is_built_in() {
    let lock = include_str!("../../Cargo.lock");
    let version = lock
        .split("[[package]]")
        .find(|package| package.contains("name = \"jieba-rs\""))
        .and_then(|package| package.split("version = \"").nth(1))
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default();
    assert_eq!(DICTIONARY_VERSION, format!("jieba-rs {version} default"));
}

#[test]
fn hostile_repeats_cost_linear_time() {
    let segmenter = Segmenter::new();
    for unit in ["好", "哈", "a", "中华", "!", "ab1-", "Ａ", "é", "の"] {
        let short = unit.repeat(2_000);
        let long = unit.repeat(20_000);
        segmenter.tokens(&long);
        // CPU time: a busy machine does not count
        let time = |text: &str| {
            (0..5)
                .map(|_| {
                    let before = crate::telemetry::thread_cpu_seconds();
                    segmenter.tokens(text);
                    crate::telemetry::thread_cpu_seconds() - before
                })
                .fold(f64::INFINITY, f64::min)
        };
        let (short, long) = (time(&short), time(&long));
        assert!(
            long < short * 30.0 + 0.02,
            "{unit:?}: {short} s for 2,000, {long} s for 20,000"
        );
    }
}

#[test]
fn long_texts_are_cut_in_pieces_without_losing_their_place() {
    let segmenter = Segmenter::new();
    let sentence = "客服一直不回复，快递也太慢了。";
    let one = segmenter.tokens(sentence);
    let many = segmenter.tokens(&sentence.repeat(1_000));
    assert_eq!(many.len(), one.len() * 1_000);
    for (index, token) in many.iter().enumerate() {
        let (copy, of) = (index / one.len(), one.get(index % one.len()).unwrap());
        assert_eq!(token.text, of.text);
        assert_eq!(token.from as usize, of.from as usize + copy * sentence.len());
        assert_eq!(
            token.position,
            of.position + copy as u32 * (one.get(one.len() - 1).unwrap().position + 1)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn tokens_lie_in_the_text_in_order(text in "(\\PC|[太慢快递客服登录Ａａ１é登錄の\\-\\.+#%_& \r\n]){0,80}") {
        let segmenter = Segmenter::new();
        let tokens = segmenter.tokens(&text);
        let mut position = 0;
        let mut unit_end = 0;
        for (index, token) in tokens.iter().enumerate() {
            prop_assert!(token.from < token.to && token.to as usize <= text.len());
            prop_assert!(text.is_char_boundary(token.from as usize) && text.is_char_boundary(token.to as usize));
            prop_assert!(token.position == position || token.position == position + 1 || index == 0);
            if index == 0 || token.position > position {
                prop_assert!(token.from >= unit_end);
                unit_end = token.to;
            } else {
                prop_assert!(token.to <= unit_end);
            }
            position = token.position;
            prop_assert!(token.text.chars().any(char::is_alphanumeric));
        }
    }

    #[test]
    fn a_text_holds_all_tokens_of_itself_as_a_query(text in "[太慢快递客服登录失败我要退款app15 ，。！]{1,30}") {
        let segmenter = Segmenter::new();
        let tokens = segmenter.tokens(&text);
        for wanted in segmenter.query_tokens(&text).iter() {
            prop_assert!(tokens.iter().any(|token| token.text == wanted.text && token.position == wanted.position));
        }
    }
}
