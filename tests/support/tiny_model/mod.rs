//! A transformer of a few kilobytes that the tests make themselves: what a user brings, in small.
//!
//! One layer of attention over embeddings, the state of the first piece, and five heads on it. Weights come from a fixed
//! generator, so that answers are arbitrary and always the same; `差` pulls to negative and `好` to positive.

#![allow(dead_code)] // each test binary uses a part of it

mod onnx;

use onnx::{Attribute, FLOAT, Graph, INT64};
use sha2::{Digest, Sha256};
use std::path::Path;

const WIDTH: usize = 8;
/// Piece whose embedding is no number in [`Fault::NotANumber`].
pub const POISON: char = '毒';

/// What may be wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The head `intent` is not there.
    MissingHead,
    /// The head `severity` has one value too many.
    WrongWidth,
    /// A text with [`POISON`] gets no number.
    NotANumber,
    /// A text's answer depends on its neighbours.
    BatchDependent,
    /// The graph takes texts of 16 pieces only.
    FixedLength,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    WordPiece,
    HuggingFace,
}

const CHARACTERS: &str = "的快递慢太了好差东西客服不理人还错物流很喜欢问题退款收到质量包装毒abcdefghijklmnopqrstuvwxyz0123456789,.!?，。！？";

fn tokens() -> Vec<String> {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned);
    let letters = CHARACTERS.chars().map(String::from);
    let within = CHARACTERS.chars().map(|letter| format!("##{letter}"));
    special.into_iter().chain(letters).chain(within).collect()
}

/// Writes the model into `directory` and returns its manifest, which is also there.
pub fn write(directory: &Path, name: &str, kind: Kind, fault: Fault) -> String {
    let tokens = tokens();
    let graph = graph(&tokens, fault);
    put(directory, "model.onnx", &graph);
    let tokenizer = match kind {
        Kind::WordPiece => {
            let vocabulary = format!("{}\n", tokens.join("\n"));
            put(directory, "vocab.txt", vocabulary.as_bytes());
            format!(
                "kind = \"wordpiece\"\nvocabulary = \"vocab.txt\"\nvocabulary_sha256 = \"{}\"\nlowercase = true\n",
                sha256(vocabulary.as_bytes())
            )
        }
        Kind::HuggingFace => {
            let json = tokenizer_json(&tokens);
            put(directory, "tokenizer.json", json.as_bytes());
            format!(
                "kind = \"huggingface\"\nfile = \"tokenizer.json\"\nsha256 = \"{}\"\n",
                sha256(json.as_bytes())
            )
        }
    };
    let manifest = format!(
        r#"schema = "qingting.model/1"
name = "{name}"
version = "1"
language = "zh"
model = "model.onnx"
sha256 = "{graph_sha256}"

[tokenizer]
{tokenizer}head_tokens = 24
tail_tokens = 8
ids = "input_ids"
mask = "attention_mask"

[heads.sentiment]
output = "sentiment"
labels = ["positive", "negative", "neutral"]

[heads.aspects]
output = "aspects"
labels = ["quality", "logistics"]
polarities = ["absent", "positive", "negative", "neutral"]
thresholds = [0.5, 0.5]

[heads.severity]
output = "severity"
labels = ["urgent", "normal", "minor", "none"]

[heads.intent]
output = "intent"
labels = ["complaint", "suggestion", "question", "praise", "other"]

[heads.valid]
output = "valid"
labels = ["valid", "invalid"]
threshold = 0.1

[confidence]
sentiment = 0.3
intent = 0.1

[vector]
output = "vector"
dimension = {WIDTH}
"#,
        graph_sha256 = sha256(&graph)
    );
    put(directory, "manifest.toml", manifest.as_bytes());
    manifest
}

/// Writes a manifest for a cascade of two directories beside `directory`.
pub fn write_cascade(directory: &Path, fast: &str, precise: &str, pass_on: &str) {
    let manifest = format!(
        "schema = \"qingting.model/1\"\nname = \"both\"\nversion = \"1\"\nlanguage = \"zh\"\n\n\
         [cascade]\nfast = \"{fast}\"\nprecise = \"{precise}\"\n\n[cascade.pass_on]\n{pass_on}\n"
    );
    put(directory, "manifest.toml", manifest.as_bytes());
}

fn put(directory: &Path, file: &str, bytes: &[u8]) {
    std::fs::create_dir_all(directory).unwrap();
    std::fs::write(directory.join(file), bytes).unwrap();
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn graph(tokens: &[String], fault: Fault) -> Vec<u8> {
    let mut weights = Weights(0x2545_F491_4F6C_DD1D);
    let mut graph = Graph::default();
    let length = (fault == Fault::FixedLength).then_some(16);
    graph.input("input_ids", INT64, &[None, length]);
    graph.input("attention_mask", INT64, &[None, length]);
    graph.floats(
        "embeddings",
        &[tokens.len(), WIDTH],
        &embeddings(tokens, &mut weights, fault),
    );
    graph.node("Gather", &["embeddings", "input_ids"], "embedded", &[]);
    for name in ["query", "key", "value"] {
        let matrix = format!("{name}_weight");
        let mut values = weights.many(WIDTH * WIDTH);
        if name == "value" {
            // praise and blame come through as they are
            for (row, values) in values.chunks_exact_mut(WIDTH).enumerate() {
                values[0] = f32::from(u8::from(row == 0));
                values[1] = f32::from(u8::from(row == 1));
            }
        }
        graph.floats(&matrix, &[WIDTH, WIDTH], &values);
        graph.node("MatMul", &["embedded", &matrix], name, &[]);
    }
    graph.node(
        "Transpose",
        &["key"],
        "key_turned",
        &[("perm", Attribute::Ints(&[0, 2, 1]))],
    );
    graph.node("MatMul", &["query", "key_turned"], "scores", &[]);
    // what is masked gets no attention
    graph.node(
        "Cast",
        &["attention_mask"],
        "mask",
        &[("to", Attribute::Int(FLOAT as i64))],
    );
    graph.floats("one", &[], &[1.0]);
    graph.floats("far_below", &[], &[10_000.0]);
    graph.node("Sub", &["mask", "one"], "mask_below", &[]);
    graph.node("Mul", &["mask_below", "far_below"], "mask_bias", &[]);
    graph.ints("axis_one", &[1], &[1]);
    graph.node("Unsqueeze", &["mask_bias", "axis_one"], "mask_row", &[]);
    graph.node("Add", &["scores", "mask_row"], "masked", &[]);
    graph.node("Softmax", &["masked"], "attention", &[("axis", Attribute::Int(-1))]);
    graph.node("MatMul", &["attention", "value"], "context", &[]);
    graph.node("Add", &["embedded", "context"], "states", &[]);
    graph.ints("first", &[], &[0]);
    let state = if fault == Fault::BatchDependent {
        "own"
    } else {
        "vector"
    };
    graph.node("Gather", &["states", "first"], state, &[("axis", Attribute::Int(1))]);
    if fault == Fault::BatchDependent {
        let of_all = [("axes", Attribute::Ints(&[0])), ("keepdims", Attribute::Int(1))];
        graph.node("ReduceMax", &["own"], "highest", &of_all);
        graph.node("Add", &["own", "highest"], "vector", &[]);
    }
    graph.output("vector", FLOAT, &[None, Some(WIDTH)]);
    for (head, width) in [
        ("sentiment", 3),
        ("aspects", 8),
        ("severity", 4),
        ("intent", 5),
        ("valid", 2),
    ] {
        if fault == Fault::MissingHead && head == "intent" {
            continue;
        }
        let width = width + usize::from(fault == Fault::WrongWidth && head == "severity");
        let matrix = format!("{head}_weight");
        let mut values = weights.many(WIDTH * width);
        if head == "sentiment" {
            // the first two of the state are praise and blame, and count for more than all others
            values.iter_mut().for_each(|value| *value *= 0.2);
            values[..6].copy_from_slice(&[4.0, -4.0, 0.0, -4.0, 4.0, 0.0]);
        }
        graph.floats(&matrix, &[WIDTH, width], &values);
        graph.node("MatMul", &["vector", &matrix], head, &[]);
        graph.output(head, FLOAT, &[None, Some(width)]);
    }
    graph.model()
}

fn embeddings(tokens: &[String], weights: &mut Weights, fault: Fault) -> Vec<f32> {
    let mut all = Vec::new();
    for token in tokens {
        let mut row = weights.many(WIDTH);
        let word = token.trim_start_matches('#');
        row[0] = if word == "好" { 3.0 } else { 0.0 };
        row[1] = if word == "差" { 3.0 } else { 0.0 };
        if fault == Fault::NotANumber && word.starts_with(POISON) {
            row.fill(f32::NAN);
        }
        all.extend(row);
    }
    all
}

/// Small numbers from a fixed start (xorshift64).
struct Weights(u64);

impl Weights {
    fn many(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.one()).collect()
    }

    fn one(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0) * 0.5
    }
}

/// What Hugging Face's libraries write for a BERT.
fn tokenizer_json(tokens: &[String]) -> String {
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        tokens.iter().cloned().zip((0..).map(serde_json::Value::from)).collect();
    let special = |id: usize, text: &str| {
        serde_json::json!({
            "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            "special": true,
        })
    };
    let added: Vec<_> = tokens[..4]
        .iter()
        .enumerate()
        .map(|(id, text)| special(id, text))
        .collect();
    serde_json::json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
            "lowercase": true,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary,
        },
    })
    .to_string()
}
