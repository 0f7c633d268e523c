//! A small tokenizer, records and a RAM index for tests.

use super::{Filter, Tokenize};
use crate::config::SearchConfig;
use crate::index;
use crate::index::schema::{self, Fields};
use crate::item::{
    ANALYZED_SCHEMA, AnalyzedItem, AnalyzedRecord, Aspect, Author, Item, ItemPosition, ItemSource, Precision,
    RecordPosition, Token, Tokens,
};
use crate::trend::is_voice;
use std::time::Duration;
use tantivy::{Index, Searcher, TantivyDocument};

pub(crate) const SOURCE: &str = "shop";

/// Words are runs of two Han characters or of ASCII letters and digits; a two-character word also has its characters at
/// the word's position, so that tokens overlap as those of a search-mode segmenter do.
pub(crate) struct PairTokenizer;

impl Tokenize for PairTokenizer {
    fn tokens(&self, text: &str) -> Tokens {
        let mut tokens = Tokens::default();
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
                    text: &text[byte_of(start)..byte_of(stop)].to_lowercase(),
                    from: byte_of(start) as u32,
                    to: byte_of(stop) as u32,
                    position,
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

    fn query_tokens(&self, text: &str) -> Tokens {
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

/// The document as the writer makes it.
fn document(record: &AnalyzedRecord, fields: &Fields, tokenizer: &dyn Tokenize) -> TantivyDocument {
    let item = AnalyzedItem {
        record: record.clone(),
        source: 0,
        record_time_ms: record.item.collected_at,
        fingerprint: Default::default(),
        title_tokens: tokenizer.tokens(&record.item.title),
        text_tokens: tokenizer.tokens(&record.item.text),
    };
    let duplicate = record.analysis.duplicate.is_some();
    let prepared = index::prepare(item).unwrap();
    prepared.document(fields, SOURCE, 0, is_voice(record), duplicate)
}

/// A RAM index of the records, in two segments, with a tombstone in each.
pub(crate) fn index_of(records: &[AnalyzedRecord]) -> (Searcher, Fields) {
    index_with(records, &PairTokenizer)
}

/// [`index_of`] with another tokenizer.
pub(crate) fn index_with(records: &[AnalyzedRecord], tokenizer: &dyn Tokenize) -> (Searcher, Fields) {
    let (schema, fields) = schema::build();
    let ram = Index::create_in_ram(schema);
    index::register_tokenizer(&ram);
    let mut writer = ram.writer_with_num_threads(1, 15_000_000).unwrap();
    let half = records.len() / 2;
    for part in [&records[..half], &records[half..]] {
        for record in part {
            writer.add_document(document(record, &fields, tokenizer)).unwrap();
        }
        let tombstone = index::tombstone(&fields, "gone", 1, 0, SOURCE, 1_762_000_000_000);
        writer.add_document(tombstone).unwrap();
        writer.commit().unwrap();
    }
    (ram.reader().unwrap().searcher(), fields)
}
