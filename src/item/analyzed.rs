//! The analyzed record: the canonical item with what the pipeline found, `qingting.analyzed/1`.

use super::{Item, ItemPosition, WordList};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub const ANALYZED_SCHEMA: &str = "qingting.analyzed/1";
/// Part of every analyzed record; raised when a stage's output changes for the same input.
pub const PIPELINE_VERSION: &str = "1";

/// The canonical item at the top level, plus position and analysis. `schema` says `qingting.analyzed/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnalyzedRecord {
    #[serde(flatten)]
    pub item: Item,
    pub position: ItemPosition,
    pub pipeline_version: String,
    pub analysis: Analysis,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub terms: WordList,
    #[serde(default)]
    pub phrases: Vec<String>,
    #[serde(default)]
    pub topics: Vec<String>,
    pub sentiment: Sentiment,
    pub aspects: Vec<Aspect>,
    pub severity: Severity,
    pub intent: Intent,
    pub valid: Valid,
    /// `None`: unique, or the first of its group.
    pub duplicate: Option<Duplicate>,
    pub low_confidence: bool,
    /// `P0` `P1` `P2` `P3`.
    pub priority_hint: String,
    pub owner: Option<String>,
    pub issue_id: Option<String>,
    pub model: ModelRef,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sentiment {
    /// `positive` `negative` `neutral`.
    pub label: String,
    pub p: SentimentProbabilities,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SentimentProbabilities {
    pub positive: f32,
    pub negative: f32,
    pub neutral: f32,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Aspect {
    /// Aspect id of the taxonomy: `quality` `function` … `billing`.
    pub aspect: String,
    /// `positive` `negative` `neutral`.
    pub polarity: String,
    pub p: f32,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Severity {
    /// `urgent` `normal` `minor` `none`.
    pub label: String,
    pub p: SeverityProbabilities,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SeverityProbabilities {
    pub urgent: f32,
    pub normal: f32,
    pub minor: f32,
    pub none: f32,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Intent {
    /// `complaint` `suggestion` `question` `praise` `other`.
    pub label: String,
    pub p: IntentProbabilities,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct IntentProbabilities {
    pub complaint: f32,
    pub suggestion: f32,
    pub question: f32,
    pub praise: f32,
    pub other: f32,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Valid {
    pub label: bool,
    /// Probability of being usable.
    pub p: f32,
    /// Why it is not: `default_text` `empty` `filler` `advertisement` `keyboard_noise` `other_voice` `model` …
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Duplicate {
    /// Id of the first item of the group.
    pub group: String,
    /// Its event time, ms UTC.
    pub first_seen: Option<i64>,
    /// Count so far, this one included.
    pub size: u32,
    /// `exact` `near`.
    pub kind: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ModelRef {
    pub name: String,
    pub version: String,
}

/// `fast 3`: how the index, the checkpoint and annotations name a model.
impl std::fmt::Display for ModelRef {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.name, self.version)
    }
}
