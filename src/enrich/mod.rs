//! The enrich stage: who owns it, how pressing it is.
//!
//! Comes in: [`SegmentedItem`] and its [`Prediction`]. Goes out: [`AnalyzedItem`], ready for the index.
//! Can fail: [`EnrichError`], where a dictionary or the customers cannot be read, at start only. Moves: `qingting_stage_duration_seconds{stage="enrich"}` (recorded by the pipeline).
//!
//! # Owner
//! For the most important aspect first, the first `[[owner]]` rule in file order whose fields all match; a rule that
//! sets no field but `owner` is tried after all others, whatever its place.
//!
//! # Priority hint
//! What one item by itself suggests; what an issue is worth is decided over many items, later.
//!
//! | severity | intent complaint | other intents |
//! | --- | --- | --- |
//! | urgent | P0 if negative about safety, billing, function or authenticity, or widely seen; else P1 | P1 |
//! | normal | P1 if widely seen; else P2 | P2 |
//! | minor | P2 if widely seen; else P3 | P3 |
//! | none | P3 | P3; a question or suggestion that is widely seen P2 |
//!
//! *Widely seen*: at least [`WIDELY_SEEN`] likes, comments, shares, favourites and "useful" votes together.
//! Unusable items are P3. P0 needs a confident and negative answer, otherwise it is P1.

mod customers;
mod dictionary;
mod owner;
mod priority;

pub use customers::Customers;
pub use dictionary::Dictionary;

pub use priority::WIDELY_SEEN;

use crate::classify::Prediction;
use crate::config::Config;
use crate::item::{
    ANALYZED_SCHEMA, Analysis, AnalyzedItem, AnalyzedRecord, ModelRef, PIPELINE_VERSION, SegmentedItem, Valid,
};
use crate::normalize::language;
use owner::Owners;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of the user's that does not say what it should.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", path.display())]
pub struct EnrichError {
    pub path: PathBuf,
    /// What is wrong in it, and where.
    pub message: String,
}

impl EnrichError {
    fn new(path: &Path, message: String) -> Self {
        Self {
            path: path.to_owned(),
            message,
        }
    }

    pub fn code(&self) -> &'static str {
        "enrich_file"
    }
}

/// Turns items and predictions into analyzed items. Holds what the configuration says about owners.
#[derive(Debug, Clone)]
pub struct Enricher {
    owners: Owners,
    source_names: Vec<String>,
    model: ModelRef,
    dictionary: Option<Arc<Dictionary>>,
    customers: Option<Arc<Customers>>,
}

impl Enricher {
    /// Reads the dictionaries and customers that the configuration names.
    pub fn new(config: &Config, model: ModelRef) -> Result<Self, EnrichError> {
        let customers = config.customers_file.as_deref().map(Customers::load).transpose()?;
        Ok(Self {
            dictionary: Dictionary::load(&config.dictionary_files)?.map(Arc::new),
            customers: customers.map(Arc::new),
            owners: Owners::new(&config.owners),
            source_names: config.sources.iter().map(|source| source.name.clone()).collect(),
            model,
        })
    }

    pub fn enrich(&self, item: SegmentedItem, prediction: Prediction) -> AnalyzedItem {
        let SegmentedItem {
            mut clean,
            title_tokens,
            text_tokens,
            terms,
        } = item;
        if let Some(dictionary) = &self.dictionary {
            dictionary.fill(&mut clean.item, &title_tokens, &text_tokens);
        }
        if let Some(customers) = &self.customers {
            customers.fill(&mut clean.item);
        }
        let valid = validity(clean.invalid_reason, prediction.valid);
        // a model sounds as sure of a language that it never saw
        let low_confidence = prediction.low_confidence || !language::is_understood(&clean.item.lang);
        let priority_hint = priority::hint(
            &clean.item,
            valid.label,
            &prediction.sentiment.label,
            &prediction.severity.label,
            &prediction.intent.label,
            &prediction.aspects,
            low_confidence,
        );
        let source = self.source_names.get(usize::from(clean.source)).map(String::as_str);
        let owner = self.owners.of(&clean.item, &prediction.aspects, source);
        let mut item = clean.item;
        item.schema.clear();
        item.schema.push_str(ANALYZED_SCHEMA);
        AnalyzedItem {
            record: AnalyzedRecord {
                item,
                position: clean.position,
                pipeline_version: PIPELINE_VERSION.to_owned(),
                analysis: Analysis {
                    terms,
                    phrases: Vec::new(),
                    topics: Vec::new(),
                    sentiment: prediction.sentiment,
                    aspects: prediction.aspects,
                    severity: prediction.severity,
                    intent: prediction.intent,
                    valid,
                    duplicate: None,
                    low_confidence,
                    priority_hint: priority_hint.to_owned(),
                    owner: owner.map(str::to_owned),
                    issue_id: None,
                    model: self.model.clone(),
                },
            },
            source: clean.source,
            record_time_ms: clean.record_time_ms,
            fingerprint: clean.fingerprint,
            title_tokens,
            text_tokens,
        }
    }
}

/// A rule's verdict stands over the model's: it names its reason, and it is certain.
fn validity(rule: Option<&'static str>, model: Valid) -> Valid {
    match rule {
        Some(reason) => Valid {
            label: false,
            p: 0.0,
            reason: Some(reason.to_owned()),
        },
        None => model,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{Aspect, CleanItem, Count, Item, ItemPosition, RecordPosition, Tokens};

    fn segmented(item: Item, invalid_reason: Option<&'static str>) -> SegmentedItem {
        SegmentedItem {
            clean: CleanItem {
                item,
                source: 0,
                position: ItemPosition::whole(RecordPosition::File {
                    file: "test".into(),
                    record: 0,
                }),
                record_time_ms: 5,
                analysis_text: String::new(),
                fingerprint: crate::item::Fingerprint {
                    exact: 7,
                    ..Default::default()
                },
                invalid_reason,
            },
            title_tokens: Tokens::default(),
            text_tokens: Tokens::default(),
            terms: ["客服"].into_iter().collect(),
        }
    }

    fn enricher() -> Enricher {
        Enricher {
            owners: Owners::new(&[]),
            source_names: Vec::new(),
            model: ModelRef {
                name: "fast".to_owned(),
                version: "1".to_owned(),
            },
            dictionary: None,
            customers: None,
        }
    }

    fn prediction(severity: &str, intent: &str, aspect: &str) -> Prediction {
        let mut prediction = Prediction::default();
        prediction.sentiment.label = "negative".to_owned();
        prediction.severity.label = severity.to_owned();
        prediction.intent.label = intent.to_owned();
        prediction.valid = Valid {
            label: true,
            p: 0.99,
            reason: None,
        };
        prediction.aspects = vec![Aspect {
            aspect: aspect.to_owned(),
            polarity: "negative".to_owned(),
            p: 0.9,
        }];
        prediction
    }

    fn hint(item: Item, prediction: Prediction) -> String {
        enricher()
            .enrich(segmented(item, None), prediction)
            .record
            .analysis
            .priority_hint
    }

    fn seen_by(likes: u64) -> Item {
        let mut item = Item::default();
        item.engagement.insert(
            "like".to_owned(),
            Count {
                n: likes,
                approx: false,
            },
        );
        item
    }

    #[test]
    fn the_priority_table_holds() {
        let table = [
            ("urgent", "complaint", "safety", 0, "P0"),
            ("urgent", "complaint", "logistics", 0, "P1"),
            ("urgent", "complaint", "logistics", WIDELY_SEEN, "P0"),
            ("urgent", "question", "billing", 0, "P1"),
            ("normal", "complaint", "function", 0, "P2"),
            ("normal", "complaint", "function", WIDELY_SEEN, "P1"),
            ("normal", "praise", "function", WIDELY_SEEN, "P2"),
            ("minor", "complaint", "price", 0, "P3"),
            ("minor", "complaint", "price", WIDELY_SEEN, "P2"),
            ("none", "praise", "price", WIDELY_SEEN, "P3"),
            ("none", "suggestion", "price", WIDELY_SEEN, "P2"),
            ("none", "suggestion", "price", 0, "P3"),
        ];
        for (severity, intent, aspect, likes, expected) in table {
            let found = hint(seen_by(likes), prediction(severity, intent, aspect));
            assert_eq!(found, expected, "{severity} {intent} {aspect} {likes}");
        }
    }

    #[test]
    fn doubt_and_junk_never_page() {
        let mut doubtful = prediction("urgent", "complaint", "safety");
        doubtful.low_confidence = true;
        assert_eq!(hint(Item::default(), doubtful), "P1");
        let mut junk = prediction("urgent", "complaint", "safety");
        junk.valid.label = false;
        assert_eq!(hint(Item::default(), junk), "P3");
    }

    #[test]
    fn a_rules_verdict_on_validity_stands_over_the_models() {
        let analyzed = enricher().enrich(
            segmented(Item::default(), Some("default_text")),
            prediction("none", "praise", "price"),
        );
        let valid = &analyzed.record.analysis.valid;
        assert_eq!((valid.label, valid.reason.as_deref()), (false, Some("default_text")));
        assert_eq!(analyzed.record.item.schema, ANALYZED_SCHEMA);
        assert_eq!((analyzed.fingerprint.exact, analyzed.record_time_ms), (7, 5));
        assert!(analyzed.record.analysis.terms.iter().eq(["客服"]));
    }
}
