//! Classify alone: features, ONNX Runtime and decoding, in the batches of a worker. Budget 18 µs of CPU an item. Then the
//! WordPiece tokenizer, beside that of the `tokenizers` crate, and the precise model where there is one.
#![allow(clippy::expect_used)] // a measuring program's own way to fail

mod memory;
#[allow(dead_code)]
mod real_texts;
mod stage;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use memory::anon_bytes;
use qingting::classify::{ClassifyError, Model, WordPiece};
use qingting::config::ModelConfig;
use qingting::item::SegmentedItem;
use qingting::segment::Segmenter;
use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::Path;

const ITEMS: usize = 4_000;
const PRECISE_ITEMS: usize = 400;
/// Items that a worker hands over at once.
const BATCH: usize = 256;

fn classify(criterion: &mut Criterion) {
    let segmenter = Segmenter::new();
    let items: Vec<_> = stage::clean_items(ITEMS)
        .into_iter()
        .map(|item| segmenter.segment(item))
        .collect();
    measure(criterion, "fast", &items, Budget { us: 18.0, mb: 80 }).expect("the model loads: run scripts/setup.sh");
    // 450 texts a second and core
    let budget = Budget { us: 2_222.0, mb: 200 };
    if let Err(error) = measure(criterion, "precise", &items[..PRECISE_ITEMS], budget) {
        println!("classify precise: skipped, {error}");
    }
}

/// CPU an item, and what the loaded model with the session and buffers of one worker holds in memory.
struct Budget {
    us: f64,
    mb: u64,
}

fn measure(
    criterion: &mut Criterion,
    model: &str,
    items: &[SegmentedItem],
    budget: Budget,
) -> Result<(), ClassifyError> {
    let before = anon_bytes(std::process::id());
    let loaded = Model::load(&ModelConfig::named(model))?;
    let mut classifier = loaded.classifier()?;
    let name = format!("classify {model}");
    let mut all = || {
        for batch in items.chunks(BATCH) {
            black_box(classifier.classify(batch).expect("the session runs"));
        }
    };
    stage::report(&name, budget.us, items.len(), 6, &mut all);
    let held_mb = anon_bytes(std::process::id()).saturating_sub(before) / 1_000_000;
    println!("{name}: {held_mb} MB of RssAnon (at most {} MB)", budget.mb);
    let mut group = criterion.benchmark_group(&name);
    group
        .throughput(Throughput::Elements(items.len() as u64))
        .sample_size(if items.len() == PRECISE_ITEMS { 10 } else { 20 });
    group.bench_function("items of real length", |bencher| bencher.iter(&mut all));
    group.finish();
    Ok(())
}

/// At least 150,000 texts a second and core: 6.7 µs of CPU a text.
fn wordpiece(criterion: &mut Criterion) {
    let Some(texts) = real_texts::load() else {
        println!("wordpiece: skipped, ../shared/data is missing");
        return;
    };
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/precise/vocab.txt");
    let tokens: Vec<String> = match std::fs::read_to_string(shipped) {
        Ok(vocabulary) => vocabulary.lines().map(str::to_owned).collect(),
        Err(_) => characters_of(&texts),
    };
    let pieces = WordPiece::new(tokens.iter().map(String::as_str).collect(), true, 96, 30).expect("a vocabulary");
    let (mut word, mut out) = (Vec::new(), Vec::new());
    let mut all = || {
        for text in &texts {
            out.clear();
            pieces.encode(text, &mut word, &mut out);
            black_box(&out);
        }
    };
    real_texts::report("wordpiece", &texts, 6.7, &mut all);
    let mut group = criterion.benchmark_group("wordpiece");
    group
        .throughput(Throughput::Elements(texts.len() as u64))
        .sample_size(20);
    group.bench_function("by hand", |bencher| bencher.iter(&mut all));
    let reference = reference(&tokens);
    group.bench_function("the tokenizers crate", |bencher| {
        bencher.iter(|| {
            for text in &texts {
                black_box(reference.encode_fast(text.as_str(), false).expect("pieces"));
            }
        });
    });
    group.finish();
}

/// A vocabulary of the characters that the texts hold, where none ships.
fn characters_of(texts: &[String]) -> Vec<String> {
    let mut tokens: Vec<String> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned).into();
    let characters: BTreeSet<char> = texts.iter().flat_map(|text| text.chars()).collect();
    tokens.extend(characters.iter().map(|character| character.to_string()));
    tokens.extend(characters.iter().map(|character| format!("##{character}")));
    tokens
}

fn reference(tokens: &[String]) -> tokenizers::Tokenizer {
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        tokens.iter().cloned().zip((0..).map(serde_json::Value::from)).collect();
    let json = serde_json::json!({
        "version": "1.0",
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary,
        },
    });
    tokenizers::Tokenizer::from_bytes(json.to_string()).expect("a tokenizer")
}

criterion_group!(benches, classify, wordpiece);
criterion_main!(benches);
