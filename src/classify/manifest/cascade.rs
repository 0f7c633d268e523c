//! Two models that answer together: one for all texts, one for those that the first is unsure of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A manifest without a graph of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CascadeManifest {
    /// `qingting.model/1`.
    pub schema: String,
    pub name: String,
    /// Changes whenever the same text may get another answer, so also when one of the two models does.
    pub version: String,
    /// Language of the texts that it is for: `zh`.
    pub language: String,
    pub cascade: CascadeParts,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CascadeParts {
    /// The model that every text goes to: a directory beside this one, the name of a shipped model, or a path.
    pub fast: String,
    /// The model whose answer stands for the texts that are passed on.
    pub precise: String,
    pub pass_on: PassOn,
}

/// When a text goes to `precise`: when any of these holds on the calibrated answer of `fast`. A function of the text
/// alone, never of load or batch, so that a replay gives the same answers.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PassOn {
    /// The probability of the chosen sentiment is below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment_below: Option<f32>,
    /// The probability of the chosen intent is below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent_below: Option<f32>,
    /// The probability of the chosen severity is below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity_below: Option<f32>,
    /// p(urgent) reaches this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgent_from: Option<f32>,
    /// 1 − p(absent) of any aspect is nearer than this to its threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aspect_within: Option<f32>,
}

impl PassOn {
    /// The keys that are set, with their values.
    pub fn set(&self) -> impl Iterator<Item = (&'static str, f32)> {
        [
            ("sentiment_below", self.sentiment_below),
            ("intent_below", self.intent_below),
            ("severity_below", self.severity_below),
            ("urgent_from", self.urgent_from),
            ("aspect_within", self.aspect_within),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    }
}
