//! Measures answers against labels. Definitions are in the docs of the report's fields.

use super::manifest::{INTENTS, POLARITIES, SENTIMENTS, SEVERITIES};
use super::{Model, Prediction};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Bins of the calibration error: equal mass, after Nixon et al. 2019, "Measuring Calibration in Deep Learning".
const CALIBRATION_BINS: usize = 15;

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
    /// Normalize, segment and classify together, on one thread, by the wall clock.
    pub texts_per_second: f64,
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
    /// Mean of the F1 of each (aspect, polarity) that is labelled at least once.
    pub macro_f1: f64,
    /// The same over the negative ones alone.
    pub negative_macro_f1: f64,
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
    pub recall: f64,
    pub n_invalid: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PolarityReport {
    pub n: usize,
    /// p(positive) > p(negative) against the label.
    pub accuracy: f64,
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
    pub fn of(outcomes: &[Outcome], model: &Model, texts_per_second: f64) -> Self {
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
            sentiment: sentiment(&all),
            aspects: aspects(&all),
            severity: severity(&all),
            intent: intent(&all),
            valid: valid(&all),
            by_source: sources
                .into_iter()
                .map(|(source, outcomes)| (source, by_source(&outcomes)))
                .collect(),
            polarity: polarity(&all),
            texts_per_second,
        }
    }
}

fn by_source(outcomes: &[&Outcome]) -> SourceReport {
    SourceReport {
        n: outcomes.len(),
        sentiment_accuracy: sentiment(outcomes).map(|report| report.head.accuracy),
        aspects_micro_f1: aspects(outcomes).map(|report| report.micro_f1),
        severity_accuracy: severity(outcomes).map(|report| report.accuracy),
        intent_accuracy: intent(outcomes).map(|report| report.accuracy),
        polarity_accuracy: polarity(outcomes).map(|report| report.accuracy),
    }
}

fn sentiment(outcomes: &[&Outcome]) -> Option<SentimentReport> {
    let labelled: Vec<(&str, &Prediction)> = outcomes
        .iter()
        .filter_map(|outcome| Some((outcome.text.sentiment.as_deref()?, &outcome.prediction)))
        .collect();
    let pairs = labelled
        .iter()
        .map(|(label, prediction)| (*label, prediction.sentiment.label.as_str()));
    let head = head(&SENTIMENTS, pairs)?;
    let mut confidence: Vec<(f32, bool)> = labelled
        .iter()
        .map(|(label, prediction)| {
            let p = prediction.sentiment.p;
            let highest = p.positive.max(p.negative).max(p.neutral);
            (highest, *label == prediction.sentiment.label)
        })
        .collect();
    Some(SentimentReport {
        head,
        ece: calibration_error(&mut confidence),
    })
}

fn severity(outcomes: &[&Outcome]) -> Option<HeadReport> {
    let pairs = outcomes.iter().filter_map(|outcome| {
        Some((
            outcome.text.severity.as_deref()?,
            outcome.prediction.severity.label.as_str(),
        ))
    });
    head(&SEVERITIES, pairs)
}

fn intent(outcomes: &[&Outcome]) -> Option<HeadReport> {
    let pairs = outcomes.iter().filter_map(|outcome| {
        Some((
            outcome.text.intent.as_deref()?,
            outcome.prediction.intent.label.as_str(),
        ))
    });
    head(&INTENTS, pairs)
}

fn head<'a>(labels: &[&str], pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Option<HeadReport> {
    let mut confusion: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let (mut n, mut right) = (0, 0);
    for (label, answer) in pairs {
        n += 1;
        right += usize::from(label == answer);
        *confusion
            .entry(label.to_owned())
            .or_default()
            .entry(answer.to_owned())
            .or_default() += 1;
    }
    if n == 0 {
        return None;
    }
    let cell = |label: &str, answer: &str| {
        confusion
            .get(label)
            .and_then(|row| row.get(answer))
            .copied()
            .unwrap_or(0)
    };
    let f1s = labels.iter().filter_map(|class| {
        let labelled: usize = confusion.get(*class)?.values().sum();
        let answered: usize = confusion.keys().map(|label| cell(label, class)).sum();
        Some(f1(cell(class, class), answered, labelled))
    });
    Some(HeadReport {
        n,
        accuracy: right as f64 / n as f64,
        macro_f1: mean(f1s),
        confusion,
    })
}

fn aspects(outcomes: &[&Outcome]) -> Option<AspectReport> {
    #[derive(Default, Clone, Copy)]
    struct Counts {
        hits: usize,
        answered: usize,
        labelled: usize,
    }
    let mut counts: BTreeMap<(String, String), Counts> = BTreeMap::new();
    let mut n = 0;
    for outcome in outcomes {
        let Some(labels) = &outcome.text.aspects else { continue };
        n += 1;
        let scored = |polarity: &str| polarity == POLARITIES[1] || polarity == POLARITIES[2];
        let labelled: BTreeSet<(&str, &str)> = labels
            .iter()
            .map(|label| (label.aspect.as_str(), label.polarity.as_str()))
            .filter(|(_, polarity)| scored(polarity))
            .collect();
        let answered: BTreeSet<(&str, &str)> = outcome
            .prediction
            .aspects
            .iter()
            .map(|aspect| (aspect.aspect.as_str(), aspect.polarity.as_str()))
            .filter(|(_, polarity)| scored(polarity))
            .collect();
        for (aspect, polarity) in labelled.union(&answered) {
            let counts = counts.entry((aspect.to_string(), polarity.to_string())).or_default();
            let pair = (*aspect, *polarity);
            counts.labelled += usize::from(labelled.contains(&pair));
            counts.answered += usize::from(answered.contains(&pair));
            counts.hits += usize::from(labelled.contains(&pair) && answered.contains(&pair));
        }
    }
    if n == 0 {
        return None;
    }
    let sum = |field: fn(&Counts) -> usize| counts.values().map(field).sum::<usize>();
    let score = |counts: &Counts| f1(counts.hits, counts.answered, counts.labelled);
    let macro_over = |wanted: &dyn Fn(&str) -> bool| {
        mean(
            counts
                .iter()
                .filter(|((_, polarity), counts)| wanted(polarity) && counts.labelled > 0)
                .map(|(_, counts)| score(counts)),
        )
    };
    let mut per_aspect: BTreeMap<String, BTreeMap<String, PairReport>> = BTreeMap::new();
    for ((aspect, polarity), counts) in &counts {
        per_aspect.entry(aspect.clone()).or_default().insert(
            polarity.clone(),
            PairReport {
                precision: ratio(counts.hits, counts.answered),
                recall: ratio(counts.hits, counts.labelled),
                f1: score(counts),
                n: counts.labelled,
            },
        );
    }
    Some(AspectReport {
        n,
        micro_f1: f1(
            sum(|counts| counts.hits),
            sum(|counts| counts.answered),
            sum(|counts| counts.labelled),
        ),
        macro_f1: macro_over(&|_| true),
        negative_macro_f1: macro_over(&|polarity| polarity == POLARITIES[2]),
        per_aspect,
    })
}

fn valid(outcomes: &[&Outcome]) -> Option<ValidReport> {
    let (mut n, mut hits, mut answered, mut labelled) = (0, 0, 0, 0);
    for outcome in outcomes {
        let Some(label) = outcome.text.valid else { continue };
        n += 1;
        hits += usize::from(!label && !outcome.valid);
        answered += usize::from(!outcome.valid);
        labelled += usize::from(!label);
    }
    (n > 0).then(|| ValidReport {
        precision: ratio(hits, answered),
        recall: ratio(hits, labelled),
        n_invalid: labelled,
    })
}

fn polarity(outcomes: &[&Outcome]) -> Option<PolarityReport> {
    let (mut n, mut right) = (0, 0);
    for outcome in outcomes {
        let Some(positive) = outcome.text.polarity() else {
            continue;
        };
        let p = outcome.prediction.sentiment.p;
        n += 1;
        right += usize::from((p.positive > p.negative) == positive);
    }
    (n > 0).then(|| PolarityReport {
        n,
        accuracy: ratio(right, n),
    })
}

/// Mean over the bins, weighted by their mass, of |accuracy − mean probability|.
fn calibration_error(answers: &mut [(f32, bool)]) -> f64 {
    answers.sort_by(|one, other| one.0.total_cmp(&other.0));
    let n = answers.len();
    let mut error = 0.0;
    for bin in 0..CALIBRATION_BINS {
        let part = &answers[bin * n / CALIBRATION_BINS..(bin + 1) * n / CALIBRATION_BINS];
        if part.is_empty() {
            continue;
        }
        let right = part.iter().filter(|(_, right)| *right).count() as f64;
        let claimed: f64 = part.iter().map(|(p, _)| f64::from(*p)).sum();
        error += (right - claimed).abs() / n as f64;
    }
    error
}

fn f1(hits: usize, answered: usize, labelled: usize) -> f64 {
    ratio(2 * hits, answered + labelled)
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0usize), |(sum, n), value| (sum + value, n + 1));
    if n == 0 { 0.0 } else { sum / n as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_scores_are_those_of_the_textbook() {
        let pairs = [
            ("positive", "positive"),
            ("positive", "negative"),
            ("negative", "negative"),
            ("negative", "negative"),
        ];
        let report = head(&SENTIMENTS, pairs.into_iter()).unwrap();
        assert_eq!((report.n, report.accuracy), (4, 0.75));
        // positive: 2·1/(1+2); negative: 2·2/(3+2); neutral is not labelled and does not count
        assert!((report.macro_f1 - (2.0 / 3.0 + 0.8) / 2.0).abs() < 1e-12);
        assert_eq!(report.confusion["positive"]["negative"], 1);
        assert!(head(&SENTIMENTS, std::iter::empty()).is_none());
    }

    #[test]
    fn calibration_is_exact_for_known_answers() {
        let mut sure: Vec<(f32, bool)> = (0..150).map(|n| (0.8, n % 5 != 0)).collect();
        sure.sort_by_key(|(_, right)| *right);
        let mut mixed: Vec<(f32, bool)> = (0..150).map(|n| (0.8, n % 5 != 0)).collect();
        assert!(calibration_error(&mut mixed) < 1e-6);
        let mut wrong: Vec<(f32, bool)> = (0..30).map(|_| (1.0, false)).collect();
        assert!((calibration_error(&mut wrong) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn neutral_aspects_are_not_scored() {
        let outcome = Outcome {
            text: serde_json::from_str(
                r#"{"text":"","aspects":[{"aspect":"price","polarity":"neutral"},{"aspect":"logistics","polarity":"negative"}]}"#,
            )
            .unwrap(),
            prediction: Prediction {
                aspects: vec![crate::item::Aspect {
                    aspect: "logistics".to_owned(),
                    polarity: "negative".to_owned(),
                    p: 0.9,
                }],
                ..Prediction::default()
            },
            valid: true,
        };
        let report = aspects(&[&outcome]).unwrap();
        assert_eq!((report.micro_f1, report.macro_f1), (1.0, 1.0));
        assert!(!report.per_aspect.contains_key("price"));
    }

    #[test]
    fn two_class_polarity_counts_only_where_no_other_label_is() {
        let alone: LabelledText = serde_json::from_str(r#"{"text":"","label":1}"#).unwrap();
        let text: LabelledText = serde_json::from_str(r#"{"text":"","label":"0"}"#).unwrap();
        let beside: LabelledText = serde_json::from_str(r#"{"text":"","label":1,"sentiment":"positive"}"#).unwrap();
        assert_eq!(
            (alone.polarity(), text.polarity(), beside.polarity()),
            (Some(true), Some(false), None)
        );
    }
}
