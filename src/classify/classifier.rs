//! What a worker classifies with: one graph, or a cascade of two.

use super::decode::{Decoded, Prediction};
use super::graph::Graph;
use super::manifest::PassOn;
use super::model::Parts;
use super::{ClassifyError, Model};
use crate::item::SegmentedItem;
use std::sync::Arc;

/// Classifies batches. One for each worker: it owns its sessions and their buffers.
pub struct Classifier {
    model: Arc<Model>,
    first: Graph,
    second: Option<(Graph, PassOn)>,
    tally: Tally,
}

/// What a classifier has done since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub texts: u64,
    /// Texts that a cascade passed on to its precise model.
    pub passed_on: u64,
    /// Texts that the graph gave no finite number for; they were answered neutrally and marked `low_confidence`.
    pub not_finite: u64,
}

impl Classifier {
    pub(super) fn new(model: Arc<Model>) -> Result<Self, ClassifyError> {
        let open = |part: &Arc<_>| Graph::open(&*model.runtime, Arc::clone(part));
        let (first, second) = match &model.parts {
            Parts::One(part) => (open(part)?, None),
            Parts::Cascade {
                manifest,
                fast,
                precise,
            } => (open(fast)?, Some((open(precise)?, manifest.cascade.pass_on))),
        };
        Ok(Self {
            first,
            second,
            model,
            tally: Tally::default(),
        })
    }

    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// One prediction for each item, in order.
    pub fn classify(&mut self, items: &[SegmentedItem]) -> Result<Vec<Prediction>, ClassifyError> {
        self.classify_texts(items.len(), |index| items[index].clean.analysis_text.as_str())
    }

    /// The same for texts that are already folded as `CleanItem::analysis_text` is.
    pub fn classify_texts<'t>(
        &mut self,
        count: usize,
        text: impl Fn(usize) -> &'t str,
    ) -> Result<Vec<Prediction>, ClassifyError> {
        let mut answers = self.first.answer(count, &text)?;
        if let Some((precise, pass_on)) = &mut self.second {
            let passed: Vec<usize> = (0..count)
                .filter(|&index| answers[index].as_ref().is_none_or(|answer| pass_on.takes(answer)))
                .collect();
            let second = precise.answer(passed.len(), |at| text(passed[at]))?;
            self.tally.passed_on += passed.len() as u64;
            for (index, answer) in passed.into_iter().zip(second) {
                // where precise has no answer, that of fast stands
                if answer.as_ref().is_some_and(|answer| answer.finite) {
                    answers[index] = answer;
                }
            }
        }
        self.tally.texts += count as u64;
        let not_finite = answers.iter().flatten().filter(|answer| !answer.finite).count();
        if not_finite > 0 {
            tracing::debug!(
                not_finite,
                "the graph gave no number for some texts: answered neutrally"
            );
            self.tally.not_finite += not_finite as u64;
        }
        Ok(answers
            .into_iter()
            .map(|answer| answer.map(|answer| answer.prediction).unwrap_or_default())
            .collect())
    }

    /// The sentence vector of each text, of the precise model where there are two; empty where the model gives none.
    pub fn vectors<'t>(
        &mut self,
        count: usize,
        text: impl Fn(usize) -> &'t str,
    ) -> Result<Vec<Vec<f32>>, ClassifyError> {
        match &mut self.second {
            Some((precise, _)) => precise.vectors(count, text),
            None => self.first.vectors(count, text),
        }
    }
}

impl PassOn {
    /// Whether a text with this answer of the fast model goes to the precise one.
    pub(super) fn takes(&self, answer: &Decoded) -> bool {
        let Prediction {
            sentiment,
            severity,
            intent,
            ..
        } = &answer.prediction;
        let sure_sentiment = sentiment.p.positive.max(sentiment.p.negative).max(sentiment.p.neutral);
        let p = severity.p;
        let sure_severity = p.urgent.max(p.normal).max(p.minor).max(p.none);
        let q = intent.p;
        let sure_intent = q.complaint.max(q.suggestion).max(q.question).max(q.praise).max(q.other);
        let below = |limit: Option<f32>, value: f32| limit.is_some_and(|limit| value < limit);
        !answer.finite
            || below(self.sentiment_below, sure_sentiment)
            || below(self.intent_below, sure_intent)
            || below(self.severity_below, sure_severity)
            || below(self.aspect_within, answer.aspect_margin)
            || self.urgent_from.is_some_and(|limit| p.urgent >= limit)
    }
}
