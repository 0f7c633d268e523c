//! `manifest.toml`: the contract between a model and the stage. The model is whatever keeps it.
//!
//! A manifest is that of one graph ([`Manifest`]) or names two models that answer together ([`CascadeManifest`]).

mod cascade;
mod problems;

pub use cascade::{CascadeManifest, PassOn};

use super::ClassifyError;
use crate::one_line::one_line;
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

/// What a `manifest.toml` may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AnyManifest {
    One(Box<Manifest>),
    Cascade(CascadeManifest),
}

/// The contract of one graph.
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
    /// Most texts in one run of the graph. More than 1 only where a text's answer does not depend on its neighbours:
    /// dynamic int8 quantization, for one, scales by the whole batch. Default 32 for `hashed_ngrams`, else 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub batch_texts: Option<usize>,
    pub tokenizer: Tokenizer,
    pub heads: Heads,
    pub confidence: Confidence,
    /// The sentence vector, where the graph gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vector>,
}

/// How a text becomes the input tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", deny_unknown_fields)]
pub enum Tokenizer {
    /// Character n-grams of the folded text, hashed into buckets; `rows` maps a bucket to a row of the embedding
    /// (little-endian u16, 0 = the n-gram is unknown and left out). Input: int32 `[batch, length]`, padded with 0.
    #[serde(rename = "hashed_ngrams")]
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
    /// BERT's basic tokenizer and WordPiece: CJK characters and punctuation stand alone, words over 100 characters are
    /// `[UNK]`. Inputs: int64 `[batch, length]`, `[CLS]` before and `[SEP]` behind the pieces.
    #[serde(rename = "wordpiece")]
    WordPiece {
        /// File with one token a line; the line number, from 0, is its id. Holds `[PAD]` `[UNK]` `[CLS]` `[SEP]`.
        vocabulary: String,
        vocabulary_sha256: String,
        /// Lower-case the text and strip its accents, as an uncased BERT does.
        lowercase: bool,
        /// Of a longer text the first `head_tokens` and the last `tail_tokens` pieces count.
        head_tokens: usize,
        tail_tokens: usize,
        /// Name of the input with the ids of the pieces.
        ids: String,
        /// Name of the input that is 1 where a piece is.
        mask: String,
        /// Name of the input with the segment of each piece, all 0; only where the graph has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        types: Option<String>,
    },
    /// A `tokenizer.json` as Hugging Face's libraries write it; the special tokens that it puts around a text are kept.
    /// Inputs as of `wordpiece`.
    #[serde(rename = "huggingface")]
    HuggingFace {
        /// `tokenizer.json`, in the directory of the manifest.
        file: String,
        /// SHA-256 of it, hex.
        sha256: String,
        /// Of a longer text the first `head_tokens` and the last `tail_tokens` pieces count.
        head_tokens: usize,
        tail_tokens: usize,
        /// Name of the input with the ids of the pieces.
        ids: String,
        /// Name of the input that is 1 where a piece is.
        mask: String,
        /// Name of the input with the segment of each piece, all 0; only where the graph has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        types: Option<String>,
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

/// The output with one vector a text, shape `[batch, dimension]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    pub output: String,
    pub dimension: usize,
}

fn one() -> f32 {
    1.0
}

impl AnyManifest {
    /// Reads and checks a manifest; the first thing that is wrong is the error.
    pub fn read(path: &Path) -> Result<Self, ClassifyError> {
        let manifest = Self::parse(path)?;
        match manifest.problems().into_iter().next() {
            Some(message) => Err(ClassifyError::Manifest {
                path: path.to_owned(),
                message,
            }),
            None => Ok(manifest),
        }
    }

    /// Reads a manifest that may say things that cannot be; [`Self::problems`] says which.
    pub fn parse(path: &Path) -> Result<Self, ClassifyError> {
        let text = std::fs::read_to_string(path).map_err(|error| ClassifyError::Unreadable {
            path: path.to_owned(),
            message: error.to_string(),
        })?;
        // chosen by hand: an untagged enum would not say which key is wrong
        let cascade = toml::from_str::<toml::Table>(&text).is_ok_and(|table| table.contains_key("cascade"));
        let parsed = if cascade {
            toml::from_str(&text).map(Self::Cascade)
        } else {
            toml::from_str(&text).map(|manifest| Self::One(Box::new(manifest)))
        };
        parsed.map_err(|error| ClassifyError::Manifest {
            path: path.to_owned(),
            message: one_line(&error.to_string()),
        })
    }

    /// Everything in it that cannot be right, each with its key and what would be.
    pub fn problems(&self) -> Vec<String> {
        match self {
            Self::One(manifest) => problems::of_manifest(manifest),
            Self::Cascade(manifest) => problems::of_cascade(manifest),
        }
    }
}

impl Manifest {
    /// The outputs that the heads need, with how many values each gives for one text.
    pub fn outputs(&self) -> Vec<(&'static str, &str, usize)> {
        let heads = &self.heads;
        vec![
            ("heads.sentiment.output", &heads.sentiment.output, SENTIMENTS.len()),
            (
                "heads.aspects.output",
                &heads.aspects.output,
                heads.aspects.labels.len() * POLARITIES.len(),
            ),
            ("heads.severity.output", &heads.severity.output, SEVERITIES.len()),
            ("heads.intent.output", &heads.intent.output, INTENTS.len()),
            ("heads.valid.output", &heads.valid.output, VALIDITIES.len()),
        ]
    }

    /// The inputs that are fed, with the key that names each.
    pub fn inputs(&self) -> Vec<(&'static str, &str)> {
        match &self.tokenizer {
            Tokenizer::HashedNgrams { input, .. } => vec![("tokenizer.input", input)],
            Tokenizer::WordPiece { ids, mask, types, .. } | Tokenizer::HuggingFace { ids, mask, types, .. } => {
                let mut inputs = vec![("tokenizer.ids", ids.as_str()), ("tokenizer.mask", mask)];
                inputs.extend(types.as_deref().map(|types| ("tokenizer.types", types)));
                inputs
            }
        }
    }

    /// Most texts in one run of the graph.
    pub fn batch_texts(&self) -> usize {
        // More does not make n-grams faster, and what one run touches should stay in the cache.
        let usual = match self.tokenizer {
            Tokenizer::HashedNgrams { .. } => 32,
            Tokenizer::WordPiece { .. } | Tokenizer::HuggingFace { .. } => 1,
        };
        self.batch_texts.unwrap_or(usual)
    }
}
