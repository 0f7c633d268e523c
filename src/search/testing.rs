//! A small tokenizer, records and a RAM index for tests.

use super::{Filter, Tokenize, author_hash, id_hash, polarity_sign, single_value, topic_of, usable_published_at};
use crate::config::SearchConfig;
use crate::index::schema::{self, Fields, SINGLE_DIMENSIONS};
use crate::item::{
    ANALYZED_SCHEMA, AnalyzedRecord, Aspect, Author, Item, ItemPosition, ItemSource, Precision, RecordPosition, Token,
};
use crate::trend::{is_voice, rating_tenths};
use std::time::Duration;
use tantivy::tokenizer::PreTokenizedString;
use tantivy::{DateTime, Index, Searcher, TantivyDocument};

pub(crate) const SOURCE: &str = "shop";

/// Words are runs of two Han characters or of ASCII letters and digits; a two-character word also has its characters at
/// the word's position, so that tokens overlap as those of a search-mode segmenter do.
pub(crate) struct PairTokenizer;

impl Tokenize for PairTokenizer {
    fn tokens(&self, text: &str) -> Vec<Token> {
        let mut tokens = Vec::new();
        let mut position = 0;
        let chars: Vec<(usize, char)> = text.char_indices().collect();
        let mut at = 0;
        while at < chars.len() {
            let (from, first) = chars[at];
            let same = |found: char| found.is_alphanumeric() && found.is_ascii() == first.is_ascii();
            if !first.is_alphanumeric() {
                at += 1;
                continue;
            }
            let longest = if first.is_ascii() { usize::MAX } else { 2 };
            let mut end = at;
            while end < chars.len() && end - at < longest && same(chars[end].1) {
                end += 1;
            }
            let byte_of = |index: usize| chars.get(index).map_or(text.len(), |(byte, _)| *byte);
            let mut push = |start: usize, stop: usize| {
                tokens.push(Token {
                    text: text[byte_of(start)..byte_of(stop)].to_lowercase(),
                    from: byte_of(start) as u32,
                    to: byte_of(stop) as u32,
                    position,
                    span: 1,
                });
            };
            push(at, end);
            if !first.is_ascii() && end - at == 2 {
                push(at, at + 1);
                push(at + 1, end);
            }
            debug_assert_eq!(byte_of(at), from);
            position += 1;
            at = end;
        }
        tokens
    }

    fn query_tokens(&self, text: &str) -> Vec<Token> {
        self.tokens(text)
    }
}

pub(crate) fn limits() -> SearchConfig {
    SearchConfig {
        max_depth: 32,
        max_clauses: 256,
        max_query_bytes: 8_192,
        deadline: Duration::from_secs(2),
        concurrency: 4,
    }
}

pub(crate) fn record(id: &str, text: &str) -> AnalyzedRecord {
    let mut record = AnalyzedRecord {
        item: Item {
            schema: ANALYZED_SCHEMA.to_owned(),
            id: id.to_owned(),
            native_id: id.to_owned(),
            version: 1_762_000_000_000,
            source: ItemSource {
                kind: "review".to_owned(),
                platform: "jd".to_owned(),
                role: "review".to_owned(),
                ..ItemSource::default()
            },
            author: Author {
                id: Some(format!("a{}", id.len())),
                ..Author::default()
            },
            text: text.to_owned(),
            published_at: Some(1_762_000_000_000),
            published_precision: Precision::Second,
            collected_at: 1_762_000_060_000,
            ..Item::default()
        },
        position: ItemPosition::whole(RecordPosition::File {
            file: "reviews.ndjson".into(),
            record: 0,
        }),
        pipeline_version: "1".to_owned(),
        analysis: Default::default(),
    };
    record.analysis.sentiment.label = "negative".to_owned();
    record.analysis.severity.label = "normal".to_owned();
    record.analysis.intent.label = "complaint".to_owned();
    record.analysis.valid.label = true;
    record.analysis.priority_hint = "P2".to_owned();
    record
}

pub(crate) fn aspect(aspect: &str, polarity: &str) -> Aspect {
    Aspect {
        aspect: aspect.to_owned(),
        polarity: polarity.to_owned(),
        p: 0.9,
    }
}

/// Whether the filter accepts the record as the stream sees it.
pub(crate) fn accepts(filter: &Filter, record: &AnalyzedRecord) -> bool {
    let title_tokens = PairTokenizer.tokens(&record.item.title);
    let text_tokens = PairTokenizer.tokens(&record.item.text);
    filter.matches(record, &title_tokens, &text_tokens, SOURCE)
}

fn pre_tokenized(text: &str, tokenizer: &dyn Tokenize) -> PreTokenizedString {
    let tokens = tokenizer
        .tokens(text)
        .into_iter()
        .map(|token| tantivy::tokenizer::Token {
            offset_from: token.from as usize,
            offset_to: token.to as usize,
            position: token.position as usize,
            text: token.text,
            position_length: usize::from(token.span),
        })
        .collect();
    PreTokenizedString {
        text: text.to_owned(),
        tokens,
    }
}

fn document(record: &AnalyzedRecord, fields: &Fields, tokenizer: &dyn Tokenize) -> TantivyDocument {
    let mut document = TantivyDocument::new();
    let item = &record.item;
    let hash = id_hash(&item.id);
    let whole = u128::from_be_bytes(hash);
    document.add_bytes(fields.id, &hash);
    document.add_u64(fields.id_hi, (whole >> 64) as u64);
    document.add_u64(fields.id_lo, whole as u64);
    document.add_pre_tokenized_text(fields.title, pre_tokenized(&item.title, tokenizer));
    document.add_pre_tokenized_text(fields.text, pre_tokenized(&item.text, tokenizer));
    for (ordinal, field) in fields.single.iter().enumerate().take(SINGLE_DIMENSIONS.len()) {
        if let Some(value) = single_value(record, SOURCE, ordinal) {
            document.add_text(*field, value);
        }
    }
    for aspect in &record.analysis.aspects {
        document.add_text(fields.multi[0], &aspect.aspect);
        document.add_text(
            fields.multi[1],
            format!("{}{}", aspect.aspect, polarity_sign(&aspect.polarity)),
        );
    }
    for flag in &item.flags {
        document.add_text(fields.multi[2], flag);
    }
    for tag in &item.tags {
        document.add_text(fields.multi[3], tag);
    }
    document.add_text(fields.topic, topic_of(record));
    if let Some(keyword) = &item.source.keyword {
        document.add_text(fields.keyword, keyword);
    }
    document.add_u64(fields.rating, rating_tenths(record));
    document.add_bool(fields.valid, record.analysis.valid.label);
    document.add_bool(fields.voice, is_voice(record));
    document.add_bool(fields.duplicate, record.analysis.duplicate.is_some());
    document.add_bool(fields.tombstone, false);
    if let Some(at) = usable_published_at(record) {
        document.add_date(fields.published_at, DateTime::from_timestamp_millis(at));
    }
    document.add_u64(fields.precision, item.published_precision as u64);
    document.add_date(fields.collected_at, DateTime::from_timestamp_millis(item.collected_at));
    document.add_u64(fields.author, author_hash(item.author.id.as_deref()));
    let engagement: u64 = item.engagement.values().map(|count| count.n).sum();
    document.add_u64(fields.engagement, engagement);
    if let Ok(json) = serde_json::to_vec(record) {
        document.add_bytes(fields.json, &json);
    }
    document
}

/// A RAM index of the records, in two segments, with a tombstone in each.
pub(crate) fn index_of(records: &[AnalyzedRecord]) -> (Searcher, Fields) {
    index_with(records, &PairTokenizer)
}

/// [`index_of`] with another tokenizer.
pub(crate) fn index_with(records: &[AnalyzedRecord], tokenizer: &dyn Tokenize) -> (Searcher, Fields) {
    let (schema, fields) = schema::build();
    let index = Index::create_in_ram(schema);
    // Text comes in tokens; the name must merely be known.
    index
        .tokenizers()
        .register(schema::TOKENIZER, tantivy::tokenizer::RawTokenizer::default());
    let mut writer = index.writer_with_num_threads(1, 15_000_000).unwrap();
    let half = records.len() / 2;
    for part in [&records[..half], &records[half..]] {
        for record in part {
            writer.add_document(document(record, &fields, tokenizer)).unwrap();
        }
        let mut tombstone = TantivyDocument::new();
        tombstone.add_bytes(fields.id, &id_hash("gone"));
        tombstone.add_bool(fields.tombstone, true);
        writer.add_document(tombstone).unwrap();
        writer.commit().unwrap();
    }
    (index.reader().unwrap().searcher(), fields)
}
