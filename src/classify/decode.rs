//! From logits to answers.

use super::manifest::{INTENTS, Manifest, POLARITIES, SENTIMENTS, SEVERITIES, VALIDITIES};
use crate::item::{
    Aspect, Intent, IntentProbabilities, Sentiment, SentimentProbabilities, Severity, SeverityProbabilities, Valid,
};

/// At most this many aspects an item, as in the labelling guide.
const MAX_ASPECTS: usize = 3;

/// What the model says about one item.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prediction {
    pub sentiment: Sentiment,
    /// The most certain first, at most 3.
    pub aspects: Vec<Aspect>,
    pub severity: Severity,
    pub intent: Intent,
    /// `reason` is `model` when the model alone finds it unusable.
    pub valid: Valid,
    pub low_confidence: bool,
}

/// One answer, with what a cascade decides by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decoded {
    pub prediction: Prediction,
    /// How near any aspect is to its threshold: the least |1 − p(absent) − threshold|.
    pub aspect_margin: f32,
    /// False when the graph gave something that is no number: the prediction is then neutral.
    pub finite: bool,
}

/// Logits of one run, `[texts, labels]` each.
pub(super) struct HeadLogits<'a> {
    pub sentiment: &'a [f32],
    pub aspects: &'a [f32],
    pub severity: &'a [f32],
    pub intent: &'a [f32],
    pub valid: &'a [f32],
}

/// The manifest's heads, resolved: where each of our labels stands in an output.
#[derive(Debug)]
pub(super) struct Decoder {
    sentiment: ([usize; 3], f32),
    severity: ([usize; 4], f32),
    intent: ([usize; 5], f32),
    valid: ([usize; 2], f32),
    polarity: ([usize; 4], f32),
    aspects: Vec<(String, f32)>,
    valid_threshold: f32,
    confident_sentiment: f32,
    confident_intent: f32,
}

impl Decoder {
    pub fn new(manifest: &Manifest) -> Self {
        let heads = &manifest.heads;
        Self {
            sentiment: (places(&heads.sentiment.labels, SENTIMENTS), heads.sentiment.temperature),
            severity: (places(&heads.severity.labels, SEVERITIES), heads.severity.temperature),
            intent: (places(&heads.intent.labels, INTENTS), heads.intent.temperature),
            valid: (places(&heads.valid.labels, VALIDITIES), heads.valid.temperature),
            polarity: (places(&heads.aspects.polarities, POLARITIES), heads.aspects.temperature),
            aspects: std::iter::zip(&heads.aspects.labels, &heads.aspects.thresholds)
                .map(|(label, &threshold)| (label.clone(), threshold))
                .collect(),
            valid_threshold: heads.valid.threshold,
            confident_sentiment: manifest.confidence.sentiment,
            confident_intent: manifest.confidence.intent,
        }
    }

    pub fn decode(&self, logits: &HeadLogits<'_>, row: usize) -> Decoded {
        if !logits.are_finite(row) {
            return Decoded {
                prediction: neutral(),
                aspect_margin: 0.0,
                finite: false,
            };
        }
        let sentiment = softmax(logits.sentiment, row, self.sentiment);
        let severity = softmax(logits.severity, row, self.severity);
        let intent = softmax(logits.intent, row, self.intent);
        let valid = softmax(logits.valid, row, self.valid)[0];
        let is_valid = valid >= self.valid_threshold;
        let (aspects, aspect_margin) = self.aspects(logits.aspects, row);
        let unsure = highest(&sentiment) < self.confident_sentiment || highest(&intent) < self.confident_intent;
        Decoded {
            prediction: Prediction {
                sentiment: sentiment_of(sentiment),
                aspects,
                severity: severity_of(severity),
                intent: intent_of(intent),
                valid: Valid {
                    label: is_valid,
                    p: valid,
                    reason: (!is_valid).then(|| "model".to_owned()),
                },
                low_confidence: unsure,
            },
            aspect_margin,
            finite: true,
        }
    }

    /// The aspects whose 1 − p(absent) reaches their threshold, the most certain first; and how near any is to it.
    fn aspects(&self, logits: &[f32], row: usize) -> (Vec<Aspect>, f32) {
        let mut margin = f32::INFINITY;
        let width = self.aspects.len();
        let mut named: [(f32, usize, usize); MAX_ASPECTS] = [(0.0, 0, 0); MAX_ASPECTS];
        let mut count = 0;
        for (index, (_, threshold)) in self.aspects.iter().enumerate() {
            let p = softmax(logits, row * width + index, self.polarity);
            let present = 1.0 - p[0];
            margin = margin.min((present - *threshold).abs());
            if present < *threshold {
                continue;
            }
            let polarity = 1 + arg_max(&p[1..]);
            let place = named[..count]
                .iter()
                .position(|other| present > other.0)
                .unwrap_or(count);
            if place < MAX_ASPECTS {
                count = (count + 1).min(MAX_ASPECTS);
                named[place..count].rotate_right(1);
                named[place] = (present, index, polarity);
            }
        }
        let named = named[..count]
            .iter()
            .map(|&(p, index, polarity)| Aspect {
                aspect: self.aspects[index].0.clone(),
                polarity: POLARITIES[polarity].to_owned(),
                p,
            })
            .collect();
        (named, margin)
    }
}

impl HeadLogits<'_> {
    fn are_finite(&self, row: usize) -> bool {
        let of = |logits: &[f32], width: usize| {
            logits[row * width..(row + 1) * width]
                .iter()
                .all(|value| value.is_finite())
        };
        let rows = self.sentiment.len() / SENTIMENTS.len();
        of(self.sentiment, SENTIMENTS.len())
            && of(self.aspects, self.aspects.len() / rows)
            && of(self.severity, SEVERITIES.len())
            && of(self.intent, INTENTS.len())
            && of(self.valid, VALIDITIES.len())
    }
}

/// The answer to a text that the graph has none for: nothing is claimed, and it is marked `low_confidence`.
fn neutral() -> Prediction {
    let even = |labels: usize| 1.0 / labels as f32;
    Prediction {
        sentiment: Sentiment {
            label: "neutral".to_owned(),
            ..sentiment_of([even(3); 3])
        },
        aspects: Vec::new(),
        severity: Severity {
            label: "none".to_owned(),
            ..severity_of([even(4); 4])
        },
        intent: Intent {
            label: "other".to_owned(),
            ..intent_of([even(5); 5])
        },
        valid: Valid {
            label: true,
            p: even(2),
            reason: None,
        },
        low_confidence: true,
    }
}

fn sentiment_of(p: [f32; 3]) -> Sentiment {
    Sentiment {
        label: SENTIMENTS[arg_max(&p)].to_owned(),
        p: SentimentProbabilities {
            positive: p[0],
            negative: p[1],
            neutral: p[2],
        },
    }
}

fn severity_of(p: [f32; 4]) -> Severity {
    Severity {
        label: SEVERITIES[arg_max(&p)].to_owned(),
        p: SeverityProbabilities {
            urgent: p[0],
            normal: p[1],
            minor: p[2],
            none: p[3],
        },
    }
}

fn intent_of(p: [f32; 5]) -> Intent {
    Intent {
        label: INTENTS[arg_max(&p)].to_owned(),
        p: IntentProbabilities {
            complaint: p[0],
            suggestion: p[1],
            question: p[2],
            praise: p[3],
            other: p[4],
        },
    }
}

fn highest(p: &[f32]) -> f32 {
    p.iter().copied().fold(0.0, f32::max)
}

/// Index in the manifest's labels of each of our labels. The manifest was checked: all are there.
fn places<const N: usize>(labels: &[String], ours: [&str; N]) -> [usize; N] {
    ours.map(|label| labels.iter().position(|have| have == label).unwrap_or(0))
}

fn softmax<const N: usize>(logits: &[f32], row: usize, (places, temperature): ([usize; N], f32)) -> [f32; N] {
    let row = &logits[row * N..(row + 1) * N];
    let values = places.map(|place| row[place] / temperature);
    let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut p = values.map(|value| (value - highest).exp());
    let sum: f32 = p.iter().sum();
    for value in &mut p {
        *value /= sum;
    }
    p
}

fn arg_max(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}
