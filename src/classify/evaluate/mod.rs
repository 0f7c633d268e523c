//! Measures answers against labels. Definitions are in the docs of the report's fields.

mod bootstrap;
mod scores;

use super::{Model, Prediction, Tally};
use bootstrap::Interval;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One line of a labelled file. Labels that a file lacks are `None`; other fields are passed over.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct LabelledText {
    #[serde(default)]
    pub id: Option<String>,
    pub text: String,
    /// Where the text comes from; the key of `by_source`.
    #[serde(default, alias = "source_kind")]
    pub source_file: Option<String>,
    #[serde(default)]
    pub sentiment: Option<String>,
    #[serde(default)]
    pub aspects: Option<Vec<LabelledAspect>>,
    #[serde(default)]
    pub severity: Option<String>,
    #[serde(default)]
    pub intent: Option<String>,
    #[serde(default)]
    pub valid: Option<bool>,
    /// Two-class polarity, 1 or 0; used where no other label is there.
    #[serde(default)]
    pub label: Option<serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LabelledAspect {
    pub aspect: String,
    pub polarity: String,
}

impl LabelledText {
    /// Two-class polarity of a line that has no other label.
    fn polarity(&self) -> Option<bool> {
        let labelled = self.sentiment.is_some()
            || self.aspects.is_some()
            || self.severity.is_some()
            || self.intent.is_some()
            || self.valid.is_some();
        if labelled {
            return None;
        }
        match self.label.as_ref()? {
            serde_json::Value::Number(number) => match number.as_i64()? {
                1 => Some(true),
                0 => Some(false),
                _ => None,
            },
            serde_json::Value::String(text) => match text.as_str() {
                "1" => Some(true),
                "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A labelled text with the answer it got. `valid` is the pipeline's: a rule's verdict stands over the model's.
#[derive(Debug)]
pub struct Outcome {
    pub text: LabelledText,
    pub prediction: Prediction,
    pub valid: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Number of texts.
    pub n: usize,
    pub model: ModelIdentity,
    pub sentiment: Option<SentimentReport>,
    pub aspects: Option<AspectReport>,
    pub severity: Option<HeadReport>,
    pub intent: Option<HeadReport>,
    pub valid: Option<ValidReport>,
    pub by_source: BTreeMap<String, SourceReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polarity: Option<PolarityReport>,
    /// Answers that are marked so.
    pub low_confidence: usize,
    /// Texts that the graph gave no finite number for.
    pub not_finite: u64,
    /// What a cascade gave to its precise model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed_on: Option<PassedOn>,
    /// Normalize, segment and classify together, on one thread, by the wall clock.
    pub texts_per_second: f64,
    /// The classify stage alone.
    pub classify_texts_per_second: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PassedOn {
    pub n: u64,
    pub share: f64,
}

/// What is measured while the texts are answered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Effort {
    pub seconds: f64,
    pub classify_seconds: f64,
    pub tally: Tally,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelIdentity {
    pub name: String,
    pub version: String,
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeadReport {
    pub n: usize,
    pub accuracy: f64,
    pub accuracy_ci95: Interval,
    /// Mean F1 of the classes that are labelled at least once.
    pub macro_f1: f64,
    /// label → answer → number of texts.
    pub confusion: BTreeMap<String, BTreeMap<String, usize>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SentimentReport {
    #[serde(flatten)]
    pub head: HeadReport,
    /// Expected calibration error of the answer's probability: 15 bins of equal mass.
    pub ece: f64,
}

/// Scored on positive and negative only: a pair (aspect, polarity) is a hit if labelled and answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AspectReport {
    pub n: usize,
    /// F1 over all pairs of all texts.
    pub micro_f1: f64,
    pub micro_f1_ci95: Interval,
    /// Mean of the F1 of each (aspect, polarity) that is labelled at least once.
    pub macro_f1: f64,
    /// The same over the negative ones alone.
    pub negative_macro_f1: f64,
    pub negative_macro_f1_ci95: Interval,
    /// aspect → polarity → scores.
    pub per_aspect: BTreeMap<String, BTreeMap<String, PairReport>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct PairReport {
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// Texts that are labelled so.
    pub n: usize,
}

/// Of the class `invalid`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ValidReport {
    pub precision: f64,
    pub precision_ci95: Interval,
    pub recall: f64,
    pub recall_ci95: Interval,
    pub n_invalid: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PolarityReport {
    pub n: usize,
    /// p(positive) > p(negative) against the label.
    pub accuracy: f64,
    pub accuracy_ci95: Interval,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct SourceReport {
    pub n: usize,
    pub sentiment_accuracy: Option<f64>,
    pub aspects_micro_f1: Option<f64>,
    pub severity_accuracy: Option<f64>,
    pub intent_accuracy: Option<f64>,
    pub polarity_accuracy: Option<f64>,
}

impl Evaluation {
    pub fn of(outcomes: &[Outcome], model: &Model, effort: Effort) -> Self {
        let all: Vec<&Outcome> = outcomes.iter().collect();
        let mut sources: BTreeMap<String, Vec<&Outcome>> = BTreeMap::new();
        for outcome in outcomes {
            if let Some(source) = &outcome.text.source_file {
                sources.entry(source.clone()).or_default().push(outcome);
            }
        }
        Self {
            n: outcomes.len(),
            model: ModelIdentity {
                name: model.reference().name,
                version: model.reference().version,
                sha256: model.sha256(),
            },
            sentiment: scores::sentiment(&all),
            aspects: scores::aspects(&all),
            severity: scores::severity(&all),
            intent: scores::intent(&all),
            valid: scores::valid(&all),
            by_source: sources
                .into_iter()
                .map(|(source, outcomes)| (source, scores::by_source(&outcomes)))
                .collect(),
            polarity: scores::polarity(&all),
            low_confidence: outcomes
                .iter()
                .filter(|outcome| outcome.prediction.low_confidence)
                .count(),
            not_finite: effort.tally.not_finite,
            passed_on: model.cascade().map(|_| PassedOn {
                n: effort.tally.passed_on,
                share: effort.tally.passed_on as f64 / (effort.tally.texts as f64).max(1.0),
            }),
            texts_per_second: outcomes.len() as f64 / effort.seconds.max(1e-9),
            classify_texts_per_second: outcomes.len() as f64 / effort.classify_seconds.max(1e-9),
        }
    }
}
