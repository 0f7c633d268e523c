//! The scores of the heads.

use super::bootstrap::{Interval, intervals};
use super::{
    AspectReport, HeadReport, Outcome, PairReport, PolarityReport, SentimentReport, SourceReport, ValidReport,
};
use crate::classify::Prediction;
use crate::classify::manifest::{INTENTS, POLARITIES, SENTIMENTS, SEVERITIES};
use std::collections::{BTreeMap, BTreeSet};

/// Bins of the calibration error: equal mass, after Nixon et al. 2019, "Measuring Calibration in Deep Learning".
const CALIBRATION_BINS: usize = 15;

pub(super) fn by_source(outcomes: &[&Outcome]) -> SourceReport {
    SourceReport {
        n: outcomes.len(),
        sentiment_accuracy: sentiment(outcomes).map(|report| report.head.accuracy),
        aspects_micro_f1: aspects(outcomes).map(|report| report.micro_f1),
        severity_accuracy: severity(outcomes).map(|report| report.accuracy),
        intent_accuracy: intent(outcomes).map(|report| report.accuracy),
        polarity_accuracy: polarity(outcomes).map(|report| report.accuracy),
    }
}

pub(super) fn sentiment(outcomes: &[&Outcome]) -> Option<SentimentReport> {
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

pub(super) fn severity(outcomes: &[&Outcome]) -> Option<HeadReport> {
    let pairs = outcomes.iter().filter_map(|outcome| {
        Some((
            outcome.text.severity.as_deref()?,
            outcome.prediction.severity.label.as_str(),
        ))
    });
    head(&SEVERITIES, pairs)
}

pub(super) fn intent(outcomes: &[&Outcome]) -> Option<HeadReport> {
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
    let mut right = Vec::new();
    for (label, answer) in pairs {
        right.push(label == answer);
        *confusion
            .entry(label.to_owned())
            .or_default()
            .entry(answer.to_owned())
            .or_default() += 1;
    }
    let (accuracy, accuracy_ci95) = accuracy(&right)?;
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
        n: right.len(),
        accuracy,
        accuracy_ci95,
        macro_f1: mean(f1s),
        confusion,
    })
}

#[derive(Default, Clone, Copy)]
struct Counts {
    hits: usize,
    answered: usize,
    labelled: usize,
}

impl Counts {
    fn add(&mut self, labelled: bool, answered: bool, weight: usize) {
        self.hits += usize::from(labelled && answered) * weight;
        self.answered += usize::from(answered) * weight;
        self.labelled += usize::from(labelled) * weight;
    }

    fn f1(&self) -> f64 {
        f1(self.hits, self.answered, self.labelled)
    }
}

pub(super) fn aspects(outcomes: &[&Outcome]) -> Option<AspectReport> {
    let mut pairs: BTreeMap<(String, String), usize> = BTreeMap::new();
    // by text: (number of the pair, labelled, answered)
    let mut texts: Vec<Vec<(usize, bool, bool)>> = Vec::new();
    for outcome in outcomes {
        let Some(labels) = &outcome.text.aspects else { continue };
        let labelled = scored(
            labels
                .iter()
                .map(|label| (label.aspect.as_str(), label.polarity.as_str())),
        );
        let answers = &outcome.prediction.aspects;
        let answered = scored(
            answers
                .iter()
                .map(|aspect| (aspect.aspect.as_str(), aspect.polarity.as_str())),
        );
        let found = labelled.union(&answered).map(|pair| {
            let next = pairs.len();
            let number = *pairs.entry((pair.0.to_owned(), pair.1.to_owned())).or_insert(next);
            (number, labelled.contains(pair), answered.contains(pair))
        });
        texts.push(found.collect());
    }
    if texts.is_empty() {
        return None;
    }
    let count = |weights: &[u32]| {
        let mut counts = vec![Counts::default(); pairs.len()];
        for (text, &weight) in texts.iter().zip(weights) {
            for &(number, labelled, answered) in text {
                counts[number].add(labelled, answered, weight as usize);
            }
        }
        counts
    };
    let micro = |counts: &[Counts]| {
        let sum = |field: fn(&Counts) -> usize| counts.iter().map(field).sum::<usize>();
        f1(sum(|c| c.hits), sum(|c| c.answered), sum(|c| c.labelled))
    };
    let macro_over = |counts: &[Counts], wanted: &dyn Fn(&str) -> bool| {
        let scored = pairs.iter().filter(|((_, polarity), _)| wanted(polarity));
        mean(
            scored
                .map(|(_, &number)| counts[number])
                .filter(|counts| counts.labelled > 0)
                .map(|counts| counts.f1()),
        )
    };
    let negative = |polarity: &str| polarity == POLARITIES[2];
    let counts = count(&vec![1; texts.len()]);
    let [micro_f1_ci95, negative_macro_f1_ci95] = intervals(texts.len(), |weights| {
        let counts = count(weights);
        [micro(&counts), macro_over(&counts, &negative)]
    });
    let mut per_aspect: BTreeMap<String, BTreeMap<String, PairReport>> = BTreeMap::new();
    for ((aspect, polarity), &number) in &pairs {
        let counts = counts[number];
        per_aspect.entry(aspect.clone()).or_default().insert(
            polarity.clone(),
            PairReport {
                precision: ratio(counts.hits, counts.answered),
                recall: ratio(counts.hits, counts.labelled),
                f1: counts.f1(),
                n: counts.labelled,
            },
        );
    }
    Some(AspectReport {
        n: texts.len(),
        micro_f1: micro(&counts),
        micro_f1_ci95,
        macro_f1: macro_over(&counts, &|_| true),
        negative_macro_f1: macro_over(&counts, &negative),
        negative_macro_f1_ci95,
        per_aspect,
    })
}

/// The pairs that are scored: positive and negative ones.
fn scored<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeSet<(&'a str, &'a str)> {
    pairs
        .filter(|(_, polarity)| *polarity == POLARITIES[1] || *polarity == POLARITIES[2])
        .collect()
}

pub(super) fn valid(outcomes: &[&Outcome]) -> Option<ValidReport> {
    // (labelled invalid, answered invalid)
    let pairs: Vec<(bool, bool)> = outcomes
        .iter()
        .filter_map(|outcome| Some((!outcome.text.valid?, !outcome.valid)))
        .collect();
    if pairs.is_empty() {
        return None;
    }
    let scores = |weights: &[u32]| {
        let (mut hits, mut answered, mut labelled) = (0, 0, 0);
        for (&(label, answer), &weight) in pairs.iter().zip(weights) {
            let weight = weight as usize;
            hits += usize::from(label && answer) * weight;
            answered += usize::from(answer) * weight;
            labelled += usize::from(label) * weight;
        }
        [ratio(hits, answered), ratio(hits, labelled)]
    };
    let [precision, recall] = scores(&vec![1; pairs.len()]);
    let [precision_ci95, recall_ci95] = intervals(pairs.len(), scores);
    Some(ValidReport {
        precision,
        precision_ci95,
        recall,
        recall_ci95,
        n_invalid: pairs.iter().filter(|(label, _)| *label).count(),
    })
}

pub(super) fn polarity(outcomes: &[&Outcome]) -> Option<PolarityReport> {
    let right: Vec<bool> = outcomes
        .iter()
        .filter_map(|outcome| {
            let p = outcome.prediction.sentiment.p;
            Some((p.positive > p.negative) == outcome.text.polarity()?)
        })
        .collect();
    let (accuracy, accuracy_ci95) = accuracy(&right)?;
    Some(PolarityReport {
        n: right.len(),
        accuracy,
        accuracy_ci95,
    })
}

/// Share of the right ones, with its interval; `None` of none.
fn accuracy(right: &[bool]) -> Option<(f64, Interval)> {
    if right.is_empty() {
        return None;
    }
    let share = |weights: &[u32]| {
        let hits: u64 = std::iter::zip(right, weights)
            .map(|(right, weight)| u64::from(*right) * u64::from(*weight))
            .sum();
        [hits as f64 / right.len() as f64]
    };
    let hits = right.iter().filter(|right| **right).count();
    let [interval] = intervals(right.len(), share);
    Some((ratio(hits, right.len()), interval))
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
    use crate::classify::evaluate::LabelledText;

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
