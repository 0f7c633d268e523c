//! What a manifest may not say.

use super::{
    CascadeManifest, INTENTS, MANIFEST_SCHEMA, Manifest, POLARITIES, SENTIMENTS, SEVERITIES, Tokenizer, VALIDITIES,
};

/// Longest input of a model that reads pieces: attention costs its square.
const MAX_PIECES: usize = 4_096;
/// Most values of a sentence vector.
const MAX_DIMENSION: usize = 65_536;

pub(super) fn of_manifest(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    schema(&manifest.schema, &mut problems);
    identity(&manifest.name, &manifest.version, &mut problems);
    heads(manifest, &mut problems);
    tokenizer(&manifest.tokenizer, &mut problems);
    if let Some(batch_texts) = manifest.batch_texts
        && !(1..=1024).contains(&batch_texts)
    {
        problems.push(format!("batch_texts is {batch_texts}, must be 1 to 1024"));
    }
    for (key, value) in [
        ("confidence.sentiment", manifest.confidence.sentiment),
        ("confidence.intent", manifest.confidence.intent),
    ] {
        probability(key, value, &mut problems);
    }
    if let Some(vector) = &manifest.vector
        && !(1..=MAX_DIMENSION).contains(&vector.dimension)
    {
        problems.push(format!(
            "vector.dimension is {}, must be 1 to {MAX_DIMENSION}",
            vector.dimension
        ));
    }
    problems
}

pub(super) fn of_cascade(manifest: &CascadeManifest) -> Vec<String> {
    let mut problems = Vec::new();
    schema(&manifest.schema, &mut problems);
    identity(&manifest.name, &manifest.version, &mut problems);
    for (key, value) in manifest.cascade.pass_on.set() {
        probability(&format!("cascade.pass_on.{key}"), value, &mut problems);
    }
    for (key, name) in [("fast", &manifest.cascade.fast), ("precise", &manifest.cascade.precise)] {
        if name.trim().is_empty() {
            problems.push(format!(
                "cascade.{key} is empty, must name a model or the path of its directory"
            ));
        }
    }
    problems
}

fn schema(schema: &str, problems: &mut Vec<String>) {
    if schema != MANIFEST_SCHEMA {
        problems.push(format!("schema is \"{schema}\", must be \"{MANIFEST_SCHEMA}\""));
    }
}

fn identity(name: &str, version: &str, problems: &mut Vec<String>) {
    for (key, value) in [("name", name), ("version", version)] {
        if value.trim().is_empty() {
            problems.push(format!("{key} is empty, must be what records are to say of the model"));
        }
    }
}

fn heads(manifest: &Manifest, problems: &mut Vec<String>) {
    let heads = &manifest.heads;
    for (key, have, expected) in [
        ("heads.sentiment.labels", &heads.sentiment.labels, &SENTIMENTS[..]),
        ("heads.severity.labels", &heads.severity.labels, &SEVERITIES),
        ("heads.intent.labels", &heads.intent.labels, &INTENTS),
        ("heads.valid.labels", &heads.valid.labels, &VALIDITIES),
        ("heads.aspects.polarities", &heads.aspects.polarities, &POLARITIES),
    ] {
        labels(key, have, expected, problems);
    }
    let aspects = &heads.aspects;
    if aspects.labels.is_empty() || aspects.thresholds.len() != aspects.labels.len() {
        problems.push(format!(
            "heads.aspects.thresholds has {} values, must have one for each of the {} labels",
            aspects.thresholds.len(),
            aspects.labels.len()
        ));
    }
    for (index, label) in aspects.labels.iter().enumerate() {
        if aspects.labels[..index].contains(label) {
            problems.push(format!("heads.aspects.labels has \"{label}\" twice"));
        }
    }
    for (index, threshold) in aspects.thresholds.iter().enumerate() {
        probability(&format!("heads.aspects.thresholds[{index}]"), *threshold, problems);
    }
    probability("heads.valid.threshold", heads.valid.threshold, problems);
    for (key, temperature) in [
        ("sentiment", heads.sentiment.temperature),
        ("aspects", aspects.temperature),
        ("severity", heads.severity.temperature),
        ("intent", heads.intent.temperature),
        ("valid", heads.valid.temperature),
    ] {
        if !(temperature.is_finite() && temperature > 0.0) {
            problems.push(format!("heads.{key}.temperature is {temperature}, must be above 0"));
        }
    }
}

fn tokenizer(tokenizer: &Tokenizer, problems: &mut Vec<String>) {
    match tokenizer {
        Tokenizer::HashedNgrams {
            orders,
            hash_bits,
            head_chars,
            ..
        } => {
            if !(1..=8).contains(orders) {
                problems.push(format!("tokenizer.orders is {orders}, must be 1 to 8"));
            }
            if !(8..=24).contains(hash_bits) {
                problems.push(format!("tokenizer.hash_bits is {hash_bits}, must be 8 to 24"));
            }
            if *head_chars == 0 {
                problems.push("tokenizer.head_chars is 0, must be at least 1".to_owned());
            }
        }
        Tokenizer::WordPiece {
            head_tokens,
            tail_tokens,
            ..
        }
        | Tokenizer::HuggingFace {
            head_tokens,
            tail_tokens,
            ..
        } => {
            if *head_tokens == 0 {
                problems.push("tokenizer.head_tokens is 0, must be at least 1".to_owned());
            }
            if head_tokens.saturating_add(*tail_tokens) > MAX_PIECES {
                problems.push(format!(
                    "tokenizer.head_tokens and tail_tokens are {head_tokens} and {tail_tokens}, must be {MAX_PIECES} together at most"
                ));
            }
        }
    }
}

/// The heads answer fixed questions: their labels are a permutation of ours.
fn labels(key: &str, labels: &[String], expected: &[&str], problems: &mut Vec<String>) {
    let same = labels.len() == expected.len() && expected.iter().all(|label| labels.iter().any(|have| have == label));
    if !same {
        problems.push(format!(
            "{key} is {labels:?}, must hold {expected:?} in the order of the output"
        ));
    }
}

fn probability(key: &str, value: f32, problems: &mut Vec<String>) {
    if !(0.0..=1.0).contains(&value) {
        problems.push(format!("{key} is {value}, must be 0 to 1"));
    }
}
