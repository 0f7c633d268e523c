//! Analyzes stored documents again: the stages after normalize, whose work is in the stored item.

use super::{BATCH_DOCUMENTS, Reanalysis};
use crate::classify::{Classifier, ClassifyError};
use crate::config::Config;
use crate::enrich::Enricher;
use crate::index::{InvalidDocument, KnownDocument, PreparedItem, prepare};
use crate::item::{AnalyzedItem, CleanItem, SegmentedItem};
use crate::normalize::analysis_text;
use crate::pipeline::PipelineError;
use crate::segment::Segmenter;
use std::sync::Arc;

/// Stands for whatever rule found an item unusable; the stored reason is put back.
const A_RULE: &str = "rule";
/// Reason of an item that the model alone found unusable.
const BY_MODEL: &str = "model";

/// One for each thread.
pub(super) struct Analysts {
    analysts: Vec<Analyst>,
}

struct Analyst {
    segmenter: Segmenter,
    classifier: Classifier,
    enricher: Enricher,
    /// Names of the sources, as the enricher counts them.
    sources: Vec<String>,
    knows_owners: bool,
}

impl Analysts {
    pub fn new(request: &Reanalysis<'_>) -> Result<Self, PipelineError> {
        // one for all: a dictionary is read once
        let enricher = Enricher::new(request.config, request.model.reference())?;
        let analysts = (0..request.config.model.threads.max(1))
            .map(|_| {
                Ok(Analyst {
                    segmenter: Segmenter::new(),
                    classifier: request.model.classifier()?,
                    enricher: enricher.clone(),
                    sources: source_names(request.config),
                    knows_owners: request.knows_owners,
                })
            })
            .collect::<Result<Vec<_>, PipelineError>>()?;
        Ok(Self { analysts })
    }

    pub fn count(&self) -> usize {
        self.analysts.len()
    }

    /// One item for each document, in order.
    pub fn analyze(
        &mut self,
        documents: &[Arc<KnownDocument>],
    ) -> Result<Vec<Result<PreparedItem, InvalidDocument>>, PipelineError> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = documents
                .chunks(BATCH_DOCUMENTS)
                .zip(&mut self.analysts)
                .map(|(part, analyst)| scope.spawn(move || analyst.analyze(part)))
                .collect();
            let mut items = Vec::with_capacity(documents.len());
            for thread in threads {
                items.extend(thread.join().map_err(|_| PipelineError::Panicked("reanalyze"))??);
            }
            Ok(items)
        })
    }
}

impl Analyst {
    fn analyze(
        &mut self,
        documents: &[Arc<KnownDocument>],
    ) -> Result<Vec<Result<PreparedItem, InvalidDocument>>, ClassifyError> {
        let items: Vec<SegmentedItem> = documents
            .iter()
            .map(|document| self.segmenter.segment(self.clean(document)))
            .collect();
        let predictions = self.classifier.classify(&items)?;
        let enriched = items.into_iter().zip(predictions).zip(documents);
        Ok(enriched
            .map(|((item, prediction), document)| {
                let mut item = self.enricher.enrich(item, prediction);
                self.keep_what_no_model_decides(&mut item, document);
                prepare(item)
            })
            .collect())
    }

    /// The item as normalize handed it on, from what is stored of it.
    fn clean(&self, document: &KnownDocument) -> CleanItem {
        let stored = &document.item;
        let item = stored.record.item.clone();
        let source = self.sources.iter().position(|name| **name == *document.source);
        CleanItem {
            analysis_text: analysis_text(&item),
            fingerprint: stored.fingerprint,
            invalid_reason: ruled_out(document).then_some(A_RULE),
            position: stored.record.position.clone(),
            record_time_ms: stored.record_time_ms,
            // one that is no longer configured has no owner by its name
            source: source.and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX),
            item,
        }
    }

    fn keep_what_no_model_decides(&self, item: &mut AnalyzedItem, document: &KnownDocument) {
        let old = &document.item.record;
        item.record.pipeline_version.clone_from(&old.pipeline_version);
        let analysis = &mut item.record.analysis;
        if ruled_out(document) {
            analysis.valid.clone_from(&old.analysis.valid);
        }
        if !self.knows_owners {
            analysis.owner.clone_from(&old.analysis.owner);
        }
        analysis.duplicate.clone_from(&old.analysis.duplicate);
        analysis.issue_id.clone_from(&old.analysis.issue_id);
        analysis.phrases.clone_from(&old.analysis.phrases);
        analysis.topics.clone_from(&old.analysis.topics);
    }
}

/// A rule found the text unusable: its verdict stands over any model's.
fn ruled_out(document: &KnownDocument) -> bool {
    let valid = &document.item.record.analysis.valid;
    !valid.label && valid.reason.as_deref().is_some_and(|reason| reason != BY_MODEL)
}

fn source_names(config: &Config) -> Vec<String> {
    config.sources.iter().map(|source| source.name.clone()).collect()
}
