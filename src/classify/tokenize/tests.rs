use super::*;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use tokenizers::Tokenizer as Crate;

/// A vocabulary for the tests: specials, marks, letters and digits, what words and CJK texts are made of.
fn vocabulary() -> Vec<String> {
    let mut tokens: Vec<String> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned).into();
    tokens.extend((0x4E00..0x6000).filter_map(char::from_u32).map(String::from));
    tokens.extend((0x21..0x7F).filter_map(char::from_u32).map(String::from));
    tokens.extend((0x21..0x7F).filter_map(char::from_u32).map(|c| format!("##{c}")));
    for piece in [
        "app", "apple", "##ple", "##le", "iphone", "iph", "##one", "ok", "12", "##34", "2023", "##年", "的", "##的",
        "。", "，", "！", "😀", "##😀", "ก", "##า", "é", "##ﬁ", "fi", "##fi", "ss", "##ss", "ᄀ", "##ᅡ", "##ᆨ", "ά", "α",
        "##α", "й", "и", "##и",
    ] {
        if !tokens.iter().any(|token| token == piece) {
            tokens.push(piece.to_owned());
        }
    }
    tokens
}

/// The same tokenizer of the crate: BERT's normalizer, pre-tokenizer and WordPiece.
fn of_the_crate(tokens: &[String], lowercase: bool) -> Crate {
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        tokens.iter().cloned().zip((0..).map(serde_json::Value::from)).collect();
    let json = serde_json::json!({
        "version": "1.0",
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
            "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary,
        },
    });
    Crate::from_bytes(serde_json::to_vec(&json).unwrap()).unwrap()
}

fn ours(tokens: &[String], lowercase: bool) -> WordPiece {
    WordPiece::new(tokens.iter().map(String::as_str).collect(), lowercase, 1_000_000, 0).unwrap()
}

fn differs(ours: &WordPiece, theirs: &Crate, text: &str) -> Option<(Vec<i32>, Vec<i32>)> {
    let mut pieces = Vec::new();
    ours.encode(text, &mut Vec::new(), &mut pieces);
    let encoding = theirs.encode_fast(text, false).unwrap();
    let expected: Vec<i32> = encoding.get_ids().iter().map(|&id| id as i32).collect();
    let pieces = pieces[1..pieces.len() - 1].to_vec();
    (pieces != expected).then_some((pieces, expected))
}

#[test]
fn pieces_are_those_of_the_crate_where_texts_are_hard() {
    let tokens = vocabulary();
    for lowercase in [true, false] {
        let (ours, theirs) = (ours(&tokens, lowercase), of_the_crate(&tokens, lowercase));
        for text in [
            "",
            " ",
            "快递太慢了！！！",
            "iPhone 12用了３天ＯＫ",
            "Apple的apple applesss",
            "naïve café É ﬁne ß ẞ İstanbul ŒUVRE",
            "가각 한국어 테스트",
            "ไทยดีมาก สวัสดี",
            "😀😀 👨‍👩‍👧 🇨🇳 ☺️",
            "a\u{0}b\u{FFFD}c\u{200B}d\u{AD}e\u{2028}f\u{3000}g\u{85}h",
            "\u{302E}\u{302F}한\u{302F}\u{302E}글 a\u{16FF0}\u{302E}",
            "a\u{327}\u{301}\u{302E} e\u{301}\u{327}",
            "豈更車 𠀀𪜀 \u{2F800} \u{FA1F}",
            "\u{37E} \u{1FEF} \u{387} \u{FDFA}",
            "[CLS] [SEP] ##ple",
            "१२३ ١٢٣ ⅓ ½ ㈱ ㌔ ﷽",
        ] {
            assert_eq!(differs(&ours, &theirs, text), None, "{text:?} lowercase {lowercase}");
        }
        for length in [99, 100, 101, 102, 5_000] {
            let word = "a".repeat(length);
            assert_eq!(differs(&ours, &theirs, &word), None, "a word of {length}");
        }
    }
}

#[test]
fn pieces_are_those_of_the_crate_for_every_character() {
    let tokens = vocabulary();
    for lowercase in [true, false] {
        let (ours, theirs) = (ours(&tokens, lowercase), of_the_crate(&tokens, lowercase));
        // every character of the planes that have any, and some of the empty ones
        let points: Vec<char> = (0..0x3_0000)
            .chain((0x3_0000..0x11_0000).step_by(61))
            .filter_map(char::from_u32)
            .collect();
        // between letters that it may join and alone, several at a time: the crate takes a microsecond a character
        for few in points.chunks(16) {
            let text: String = few.iter().flat_map(|c| ['a', *c, 'p', ' ', *c, ' ']).collect();
            if let Some((pieces, expected)) = differs(&ours, &theirs, &text) {
                panic!("{few:?} lowercase {lowercase}: {pieces:?}, the crate says {expected:?}");
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(512))]

    #[test]
    fn pieces_are_those_of_the_crate_for_any_text(text in "(\\PC|\\p{M}|\\p{L}|[a-e快递慢]|\\s|\\p{Hangul}|[\u{300}-\u{330}\u{302A}-\u{302F}]){0,80}") {
        static BOTH: std::sync::LazyLock<(WordPiece, Crate)> = std::sync::LazyLock::new(|| {
            let tokens = vocabulary();
            (ours(&tokens, true), of_the_crate(&tokens, true))
        });
        let (ours, theirs) = &*BOTH;
        proptest::prop_assert_eq!(differs(ours, theirs, &text), None);
    }

    #[test]
    fn no_text_becomes_longer_than_the_manifest_says(text in "\\PC{0,200}", head in 1usize..20, tail in 0usize..20) {
        static TOKENS: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(vocabulary);
        static WHOLE: std::sync::LazyLock<WordPiece> = std::sync::LazyLock::new(|| ours(&TOKENS, true));
        let (mut whole, mut cut) = (Vec::new(), Vec::new());
        WHOLE.encode(&text, &mut Vec::new(), &mut whole);
        cut.extend_from_slice(&whole);
        super::keep_head_and_tail(&mut cut, 1, head, tail + 1);
        proptest::prop_assert!(cut.len() <= head + tail + 2);
        proptest::prop_assert_eq!(&cut[..head.min(cut.len())], &whole[..head.min(cut.len())]);
    }
}

/// Every text beside the repository, or nothing.
fn real_texts() -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Line {
        text: String,
    }
    let raw = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/raw");
    let Ok(entries) = std::fs::read_dir(raw) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let lines = flate2::read::MultiGzDecoder::new(std::fs::File::open(file).unwrap());
        for line in BufReader::new(lines).lines() {
            if let Ok(line) = serde_json::from_str::<Line>(&line.unwrap()) {
                texts.push(line.text);
            }
        }
    }
    texts
}

/// The vocabulary of the shipped transformer where there is one: richer than that of the tests.
fn shipped_vocabulary() -> Option<Vec<String>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models/precise/vocab.txt");
    let text = std::fs::read_to_string(path).ok()?;
    Some(tokens_of(&text).into_iter().map(str::to_owned).collect())
}

#[test]
fn pieces_are_those_of_the_crate_on_the_real_texts() {
    let texts = real_texts();
    if texts.is_empty() {
        println!("skipped: pieces_are_those_of_the_crate_on_the_real_texts: ../shared/data is missing");
        return;
    }
    let tokens = shipped_vocabulary().unwrap_or_else(vocabulary);
    let (ours, theirs) = (ours(&tokens, true), of_the_crate(&tokens, true));
    // all of them in a release build; the crate alone takes half a minute for them in a debug build
    let step = if cfg!(debug_assertions) { 8 } else { 1 };
    let mut compared = 0;
    for text in texts.iter().step_by(step) {
        if let Some((pieces, expected)) = differs(&ours, &theirs, text) {
            panic!("{text}: {pieces:?}, the crate says {expected:?}");
        }
        compared += 1;
    }
    println!("{compared} real texts, the same pieces");
}

#[test]
fn a_long_text_keeps_its_head_and_its_tail() {
    let tokens = vocabulary();
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let pieces = WordPiece::new(tokens, true, 3, 2).unwrap();
    let encode = |text: &str| {
        let mut out = Vec::new();
        pieces.encode(text, &mut Vec::new(), &mut out);
        out
    };
    let (all, cut) = (encode("一二三丁丂"), encode("一二三七七七七七丁丂"));
    assert_eq!(all.len(), 7);
    assert_eq!(all, cut);
    assert_eq!(encode(&"一".repeat(100_000)).len(), 7);
    assert_eq!(encode("").len(), 2);
}

#[test]
fn a_vocabulary_without_a_special_token_is_refused() {
    let error = WordPiece::new(vec!["[PAD]", "[UNK]", "[CLS]", "好"], true, 8, 8).unwrap_err();
    assert!(error.contains("[SEP]"), "{error}");
    assert_eq!(tokens_of("[PAD]\r\na\n\nb\n"), ["[PAD]", "a", "", "b"]);
}
