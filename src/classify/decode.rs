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

    pub fn decode(&self, logits: &HeadLogits<'_>, row: usize) -> Prediction {
        let sentiment = softmax(logits.sentiment, row, self.sentiment);
        let severity = softmax(logits.severity, row, self.severity);
        let intent = softmax(logits.intent, row, self.intent);
        let valid = softmax(logits.valid, row, self.valid)[0];
        let sentiment_label = arg_max(&sentiment);
        let intent_label = arg_max(&intent);
        Prediction {
            sentiment: Sentiment {
                label: SENTIMENTS[sentiment_label].to_owned(),
                p: SentimentProbabilities {
                    positive: sentiment[0],
                    negative: sentiment[1],
                    neutral: sentiment[2],
                },
            },
            aspects: self.aspects(logits.aspects, row),
            severity: Severity {
                label: SEVERITIES[arg_max(&severity)].to_owned(),
                p: SeverityProbabilities {
                    urgent: severity[0],
                    normal: severity[1],
                    minor: severity[2],
                    none: severity[3],
                },
            },
            intent: Intent {
                label: INTENTS[intent_label].to_owned(),
                p: IntentProbabilities {
                    complaint: intent[0],
                    suggestion: intent[1],
                    question: intent[2],
                    praise: intent[3],
                    other: intent[4],
                },
            },
            valid: Valid {
                label: valid >= self.valid_threshold,
                p: valid,
                reason: (valid < self.valid_threshold).then(|| "model".to_owned()),
            },
            low_confidence: sentiment[sentiment_label] < self.confident_sentiment
                || intent[intent_label] < self.confident_intent,
        }
    }

    /// The aspects whose 1 − p(absent) reaches their threshold, the most certain first.
    fn aspects(&self, logits: &[f32], row: usize) -> Vec<Aspect> {
        let width = self.aspects.len();
        let mut named: [(f32, usize, usize); MAX_ASPECTS] = [(0.0, 0, 0); MAX_ASPECTS];
        let mut count = 0;
        for (index, (_, threshold)) in self.aspects.iter().enumerate() {
            let p = softmax(logits, row * width + index, self.polarity);
            let present = 1.0 - p[0];
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
        named[..count]
            .iter()
            .map(|&(p, index, polarity)| Aspect {
                aspect: self.aspects[index].0.clone(),
                polarity: POLARITIES[polarity].to_owned(),
                p,
            })
            .collect()
    }
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
