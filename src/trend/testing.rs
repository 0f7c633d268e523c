//! Invented records and a small index in memory, for the tests of this stage.

use super::contribution::Contribution;
use super::dims::is_voice;
use crate::config::{
    AlertingConfig, CheckpointConfig, ClockMode, Config, DeadLetterBytes, DeadLetterConfig, DuplicatesConfig,
    HttpConfig, LogConfig, ModelConfig, PrivacyConfig, RuleConfig, SearchConfig, Sensitivity, TimeConfig,
};
use crate::index::schema::{Fields, MULTI_DIMENSIONS, SINGLE_DIMENSIONS, build};
use crate::index::{aspect_polarity, rating_tenths};
use crate::item::{AnalyzedRecord, Aspect, Duplicate, ItemPosition, ModelRef, Precision, Rating, RecordPosition};
use std::path::PathBuf;
use std::time::Duration;
use tantivy::schema::Schema;
use tantivy::{DateTime, Index, Searcher, TantivyDocument};

/// A configuration with these rules and nothing else.
pub(crate) fn config(rules: Vec<RuleConfig>) -> Config {
    Config {
        formats: crate::config::FormatsConfig::default(),
        data_dir: PathBuf::from("data"),
        time: TimeConfig {
            zone: chrono_tz::Asia::Shanghai,
            clock: ClockMode::Event,
            lateness: Duration::from_secs(48 * 3_600),
        },
        kafka: None,
        sources: Vec::new(),
        checkpoint: CheckpointConfig {
            interval: Duration::from_secs(1),
            max_items: 5_000,
        },
        model: ModelConfig::named("fast"),
        privacy: PrivacyConfig { key_file: None },
        dictionary_files: Vec::new(),
        customers_file: None,
        duplicates: DuplicatesConfig {
            window: Duration::from_secs(30 * 86_400),
        },
        dead_letter: DeadLetterConfig {
            topic: None,
            file: None,
            bytes: DeadLetterBytes::Masked,
        },
        output_topic: None,
        search: SearchConfig {
            max_depth: 32,
            max_clauses: 256,
            max_query_bytes: 8_192,
            deadline: Duration::from_secs(2),
            concurrency: 2,
        },
        owners: Vec::new(),
        alerting: AlertingConfig {
            deliver_history: false,
            sensitivity: Sensitivity::Balanced,
        },
        rules,
        receivers: Vec::new(),
        http: HttpConfig {
            listen: "127.0.0.1:0".to_owned(),
        },
        log: LogConfig {
            json: false,
            level: "info".to_owned(),
        },
    }
}

/// A negative voice of one brand and aspect, heard when it was said.
pub(crate) fn record(id: &str, brand: &str, aspect: &str, at_ms: i64) -> AnalyzedRecord {
    let mut item = crate::item::Item {
        id: id.to_owned(),
        native_id: id.to_owned(),
        version: at_ms,
        text: format!("{aspect} 不行"),
        published_at: Some(at_ms),
        published_precision: Precision::Second,
        collected_at: at_ms,
        ..Default::default()
    };
    item.source.kind = "review".to_owned();
    item.source.platform = "jd".to_owned();
    item.source.role = "review".to_owned();
    item.subject.brand = Some(brand.to_owned());
    item.author.id = Some(format!("author-{id}"));
    item.rating = Some(Rating {
        overall: Some(1.0),
        ..Default::default()
    });
    let mut analysis = crate::item::Analysis {
        priority_hint: "P1".to_owned(),
        model: ModelRef {
            name: "fast".to_owned(),
            version: "1".to_owned(),
        },
        ..Default::default()
    };
    analysis.sentiment.label = "negative".to_owned();
    analysis.severity.label = "normal".to_owned();
    analysis.intent.label = "complaint".to_owned();
    analysis.valid.label = true;
    analysis.terms = [aspect, "不行"].into_iter().collect();
    analysis.aspects = vec![Aspect {
        aspect: aspect.to_owned(),
        polarity: "negative".to_owned(),
        p: 0.9,
    }];
    AnalyzedRecord {
        item,
        position: ItemPosition::whole(RecordPosition::Kafka {
            topic: "voices".into(),
            partition: 0,
            offset: 0,
        }),
        pipeline_version: "1".to_owned(),
        analysis,
    }
}

/// Marks the record as a near copy of an earlier one.
pub(crate) fn as_duplicate(mut record: AnalyzedRecord) -> AnalyzedRecord {
    record.analysis.duplicate = Some(Duplicate {
        group: "first".to_owned(),
        first_seen: None,
        size: 2,
        kind: "near".to_owned(),
    });
    record
}

/// The document that the index keeps of a record.
pub(crate) fn document(
    schema: &Schema,
    fields: &Fields,
    record: &AnalyzedRecord,
    source: &str,
    record_time_ms: i64,
) -> TantivyDocument {
    let mut document = TantivyDocument::new();
    let contribution = Contribution::of(record, source, record_time_ms);
    for (dimension, value) in contribution.values() {
        if let Some(place) = SINGLE_DIMENSIONS.iter().position(|name| *name == dimension.name()) {
            document.add_text(fields.single[place], value);
        }
    }
    for aspect in &record.analysis.aspects {
        let place = |wanted: &str| MULTI_DIMENSIONS.iter().position(|name| *name == wanted).unwrap_or(0);
        document.add_text(fields.multi[place("aspect")], &aspect.aspect);
        document.add_text(fields.multi[place("aspect_polarity")], aspect_polarity(aspect));
    }
    let [_, _, topic, keyword] = contribution.feed();
    document.add_text(fields.topic, topic);
    if !keyword.is_empty() {
        document.add_text(fields.keyword, keyword);
    }
    document.add_u64(fields.rating, rating_tenths(record));
    document.add_bool(fields.valid, record.analysis.valid.label);
    document.add_bool(fields.voice, is_voice(record));
    document.add_bool(fields.duplicate, record.analysis.duplicate.is_some());
    document.add_bool(fields.tombstone, false);
    let unusable = record.item.flags.contains("time_future") || record.item.flags.contains("time_unknown");
    if let Some(at_ms) = record.item.published_at.filter(|_| !unusable) {
        document.add_date(fields.published_at, DateTime::from_timestamp_millis(at_ms));
    }
    document.add_u64(fields.precision, record.item.published_precision as u64);
    document.add_date(fields.record_time, DateTime::from_timestamp_millis(record_time_ms));
    let author = record.item.author.id.as_deref().unwrap_or("");
    let author = if author.is_empty() {
        0
    } else {
        xxhash_rust::xxh3::xxh3_64(author.as_bytes()).max(1)
    };
    document.add_u64(fields.author, author);
    let model = &record.analysis.model;
    document.add_text(fields.model, model.to_string());
    document.add_bytes(fields.id, record.item.id.as_bytes());
    document.add_bytes(fields.json, &serde_json::to_vec(record).expect("a record is JSON"));
    let _ = schema;
    document
}

/// An index in memory with a writer that keeps segments apart when told to commit.
pub(crate) struct MemoryIndex {
    pub index: Index,
    pub fields: Fields,
    pub schema: Schema,
    writer: tantivy::IndexWriter,
}

impl MemoryIndex {
    pub fn new() -> Self {
        let (schema, fields) = build();
        let index = Index::create_in_ram(schema.clone());
        index.tokenizers().register(
            crate::index::schema::TOKENIZER,
            tantivy::tokenizer::WhitespaceTokenizer::default(),
        );
        let writer = index
            .writer_with_num_threads(1, 50_000_000)
            .expect("a writer in memory");
        Self {
            index,
            fields,
            schema,
            writer,
        }
    }

    pub fn put(&mut self, record: &AnalyzedRecord, source: &str, record_time_ms: i64) {
        self.delete(&record.item.id);
        let document = document(&self.schema, &self.fields, record, source, record_time_ms);
        self.writer.add_document(document).expect("a valid document");
    }

    pub fn delete(&mut self, id: &str) {
        self.writer
            .delete_term(tantivy::Term::from_field_bytes(self.fields.id, id.as_bytes()));
    }

    pub fn commit(&mut self) {
        self.writer.commit().expect("a commit in memory");
    }

    pub fn searcher(&self) -> Searcher {
        self.index.reader().expect("a reader").searcher()
    }
}
