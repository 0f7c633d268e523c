//! `manifest.toml`: the contract between a model and the stage. The model is whatever keeps it.

use super::ClassifyError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

pub const MANIFEST_SCHEMA: &str = "qingting.model/1";
pub const MANIFEST_FILE: &str = "manifest.toml";

pub const SENTIMENTS: [&str; 3] = ["positive", "negative", "neutral"];
pub const SEVERITIES: [&str; 4] = ["urgent", "normal", "minor", "none"];
pub const INTENTS: [&str; 5] = ["complaint", "suggestion", "question", "praise", "other"];
pub const VALIDITIES: [&str; 2] = ["valid", "invalid"];
/// What an aspect may be in a text; the last axis of the aspect head.
pub const POLARITIES: [&str; 4] = ["absent", "positive", "negative", "neutral"];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `qingting.model/1`.
    pub schema: String,
    pub name: String,
    /// Changes whenever the same text may get another answer.
    pub version: String,
    /// Language of the texts that it is for: `zh`.
    pub language: String,
    /// ONNX file, in the directory of the manifest.
    pub model: String,
    /// SHA-256 of the ONNX file, hex.
    pub sha256: String,
    pub tokenizer: Tokenizer,
    pub heads: Heads,
    pub confidence: Confidence,
}

/// How a text becomes the input tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Tokenizer {
    /// Character n-grams of the folded text, hashed into buckets; `rows` maps a bucket to a row of the embedding
    /// (little-endian u16, 0 = the n-gram is unknown and left out). Input: int32 `[batch, length]`, padded with 0.
    HashedNgrams {
        /// Name of the graph's input.
        input: String,
        /// Longest n-gram, in characters (1–8).
        orders: usize,
        /// log2 of the number of buckets (8–24).
        hash_bits: u32,
        /// Of a longer text the first `head_chars` and the last `tail_chars` characters count.
        head_chars: usize,
        tail_chars: usize,
        /// File with the 2^hash_bits rows.
        rows: String,
        rows_sha256: String,
    },
}

/// Each head: name of the output that holds its logits, its labels in the order of the last axis, and the
/// temperature that its logits are divided by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heads {
    pub sentiment: Head,
    pub aspects: AspectHead,
    pub severity: Head,
    pub intent: Head,
    pub valid: ValidHead,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    pub output: String,
    pub labels: Vec<String>,
    #[serde(default = "one")]
    pub temperature: f32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AspectHead {
    /// Shape `[batch, aspects × 4]` or `[batch, aspects, 4]`; the last axis is `absent positive negative neutral`.
    pub output: String,
    /// Aspect ids, in the order of the axis.
    pub labels: Vec<String>,
    pub polarities: Vec<String>,
    /// An aspect is named when 1 − p(absent) reaches its threshold; one for each label.
    pub thresholds: Vec<f32>,
    #[serde(default = "one")]
    pub temperature: f32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidHead {
    pub output: String,
    /// `valid`, `invalid`.
    pub labels: Vec<String>,
    /// An item is invalid when p(valid) is below this.
    pub threshold: f32,
    #[serde(default = "one")]
    pub temperature: f32,
}

/// Below these an answer is marked `low_confidence`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Confidence {
    /// Probability of the chosen sentiment.
    pub sentiment: f32,
    /// Probability of the chosen intent.
    pub intent: f32,
}

fn one() -> f32 {
    1.0
}

impl Manifest {
    pub fn read(path: &Path) -> Result<Self, ClassifyError> {
        let text = std::fs::read_to_string(path).map_err(|error| ClassifyError::Unreadable {
            path: path.to_owned(),
            message: error.to_string(),
        })?;
        let wrong = |message: String| ClassifyError::Manifest {
            path: path.to_owned(),
            message,
        };
        let manifest: Self = toml::from_str(&text).map_err(|error| wrong(one_line(&error.to_string())))?;
        manifest.check().map_err(wrong)?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if self.schema != MANIFEST_SCHEMA {
            return Err(format!("schema is \"{}\", must be \"{MANIFEST_SCHEMA}\"", self.schema));
        }
        let heads = &self.heads;
        check_labels("heads.sentiment.labels", &heads.sentiment.labels, &SENTIMENTS)?;
        check_labels("heads.severity.labels", &heads.severity.labels, &SEVERITIES)?;
        check_labels("heads.intent.labels", &heads.intent.labels, &INTENTS)?;
        check_labels("heads.valid.labels", &heads.valid.labels, &VALIDITIES)?;
        check_labels("heads.aspects.polarities", &heads.aspects.polarities, &POLARITIES)?;
        if heads.aspects.labels.is_empty() || heads.aspects.thresholds.len() != heads.aspects.labels.len() {
            return Err(format!(
                "heads.aspects.thresholds has {} values, must have one for each of the {} labels",
                heads.aspects.thresholds.len(),
                heads.aspects.labels.len()
            ));
        }
        for (key, temperature) in [
            ("sentiment", heads.sentiment.temperature),
            ("aspects", heads.aspects.temperature),
            ("severity", heads.severity.temperature),
            ("intent", heads.intent.temperature),
            ("valid", heads.valid.temperature),
        ] {
            if !(temperature.is_finite() && temperature > 0.0) {
                return Err(format!("heads.{key}.temperature is {temperature}, must be above 0"));
            }
        }
        let Tokenizer::HashedNgrams {
            orders,
            hash_bits,
            head_chars,
            ..
        } = &self.tokenizer;
        if !(1..=8).contains(orders) {
            return Err(format!("tokenizer.orders is {orders}, must be 1 to 8"));
        }
        if !(8..=24).contains(hash_bits) {
            return Err(format!("tokenizer.hash_bits is {hash_bits}, must be 8 to 24"));
        }
        if *head_chars == 0 {
            return Err("tokenizer.head_chars is 0, must be at least 1".to_owned());
        }
        Ok(())
    }
}

/// The heads answer fixed questions: their labels are a permutation of ours.
fn check_labels(key: &str, labels: &[String], expected: &[&str]) -> Result<(), String> {
    let same = labels.len() == expected.len() && expected.iter().all(|label| labels.iter().any(|have| have == label));
    if same {
        Ok(())
    } else {
        Err(format!(
            "{key} is {labels:?}, must hold {expected:?} in the order of the output"
        ))
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
