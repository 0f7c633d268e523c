//! An analyzed item as an index document, and back.

use super::schema::{Fields, MULTI_DIMENSIONS, SINGLE_DIMENSIONS};
use super::token_text::encode;
use crate::item::{
    Analysis, AnalyzedItem, AnalyzedRecord, Aspect, ItemPosition, Precision, RecordPosition, Token, Tokens,
};
use std::sync::Arc;
use tantivy::schema::Field;
use tantivy::{TantivyDocument, Term};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// First valid date of the index, ms: 1990-01-01.
const MIN_DATE_MS: i64 = 631_152_000_000;
/// First date that is not valid, ms: 2100-01-01.
const MAX_DATE_MS: i64 = 4_102_444_800_000;
/// Longest value of a dimension; longer ones are a bug of a mapping, and tantivy drops terms over 65,530 bytes.
const MAX_DIMENSION_BYTES: usize = 1_024;
const MAX_TOKENS: usize = 100_000;
const MAX_POSITION: u32 = 1 << 20;
const MAX_JSON_BYTES: usize = 4 << 20;
/// Most records fit without growing.
const JSON_CAPACITY_BYTES: usize = 2 << 10;

/// Bits of an item's key. Each byte of a random key is a node of its own in the term dictionary and costs as much as
/// a word of the text; at ten million ids 80 bits hold two alike with a chance of 4 in 10^11.
const KEY_BITS: u32 = 80;

/// The key of an item id: the lowest 80 bits of its xxh3-128.
pub fn id_hash(id: &str) -> u128 {
    xxh3_128(id.as_bytes()) & ((1 << KEY_BITS) - 1)
}

/// How a key stands in the term dictionary.
pub fn id_term_bytes(id: u128) -> [u8; KEY_BITS as usize / 8] {
    let mut bytes = [0; KEY_BITS as usize / 8];
    bytes.copy_from_slice(&id.to_be_bytes()[16 - KEY_BITS as usize / 8..]);
    bytes
}

/// The term that finds a document by its key.
pub fn id_term(fields: &Fields, id: u128) -> Term {
    Term::from_field_bytes(fields.id, &id_term_bytes(id))
}

/// Why a document may not go to the writer. A writer error with a document that passed is a bug.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidDocument {
    #[error("{path}: {value} is not a date between 1990 and 2100")]
    Date { path: &'static str, value: i64 },
    #[error("{path}: {bytes} bytes; at most {limit} are indexed")]
    TooLong {
        path: &'static str,
        bytes: usize,
        limit: usize,
    },
    #[error("{path}: token positions go back at token {token}; positions are ordinals of words in their order")]
    Positions { path: &'static str, token: usize },
    #[error("id: empty; an item needs one")]
    NoId,
    #[error("record does not serialize: {0}")]
    Serialize(String),
}

/// An item that may go to the writer: built in a worker, so that the index thread only looks up and adds.
#[derive(Debug, Clone)]
pub struct PreparedItem {
    pub item: Arc<AnalyzedItem>,
    pub id_hash: u128,
    /// Ties of (version, epoch); equal content is `stale`. The item alone, not where its record stood, so that the same
    /// item from two topics is one content.
    pub content_hash: u64,
    /// The analyzed record, not yet with a duplicate; the first `item_bytes` are the item's.
    json: Vec<u8>,
    item_bytes: usize,
    /// Words for the index, see [`super::token_text`].
    title: String,
    text: String,
    /// Words of title and text as rules look at them.
    pub words: (Tokens, Tokens),
}

/// Checks an item against the limits of the index and prepares what needs no other item.
pub fn prepare(mut item: AnalyzedItem) -> Result<PreparedItem, InvalidDocument> {
    validate(&item)?;
    let mut json = Vec::with_capacity(JSON_CAPACITY_BYTES);
    write_json(&mut json, &item.record.item)?;
    // the closing brace: position and analysis follow
    json.pop();
    let item_bytes = json.len();
    let content_hash = xxh3_64(&json);
    append_rest(&mut json, &item.record)?;
    if json.len() > MAX_JSON_BYTES {
        return Err(InvalidDocument::TooLong {
            path: "record",
            bytes: json.len(),
            limit: MAX_JSON_BYTES,
        });
    }
    // not kept with the item: it stays in memory until the commit
    let words = (
        std::mem::take(&mut item.title_tokens),
        std::mem::take(&mut item.text_tokens),
    );
    Ok(PreparedItem {
        id_hash: id_hash(&item.record.item.id),
        content_hash,
        json,
        item_bytes,
        title: encode(&words.0),
        text: encode(&words.1),
        words,
        item: Arc::new(item),
    })
}

/// What an [`AnalyzedRecord`] has beside its item: the item's JSON is written once, and hashed before the rest follows.
#[derive(serde::Serialize)]
struct Rest<'a> {
    position: &'a ItemPosition,
    pipeline_version: &'a str,
    analysis: &'a Analysis,
}

fn append_rest(json: &mut Vec<u8>, record: &AnalyzedRecord) -> Result<(), InvalidDocument> {
    let open = json.len();
    write_json(
        json,
        &Rest {
            position: &record.position,
            pipeline_version: &record.pipeline_version,
            analysis: &record.analysis,
        },
    )?;
    json[open] = b',';
    Ok(())
}

fn write_json(json: &mut Vec<u8>, value: &impl serde::Serialize) -> Result<(), InvalidDocument> {
    serde_json::to_writer(json, value).map_err(|error| InvalidDocument::Serialize(error.to_string()))
}

/// The limits of the index; the property test below holds that what passes never errors in the writer.
pub fn validate(item: &AnalyzedItem) -> Result<(), InvalidDocument> {
    let record = &item.record;
    if record.item.id.is_empty() {
        return Err(InvalidDocument::NoId);
    }
    for (path, value) in [
        ("published_at", record.item.published_at),
        ("collected_at", Some(record.item.collected_at)),
        ("record time", Some(item.record_time_ms)),
    ] {
        if let Some(value) = value.filter(|value| !(MIN_DATE_MS..MAX_DATE_MS).contains(value)) {
            return Err(InvalidDocument::Date { path, value });
        }
    }
    for (path, bytes) in [
        ("id", record.item.id.len()),
        ("topic", topic(&record.position.record).len()),
    ] {
        too_long(path, bytes, MAX_DIMENSION_BYTES)?;
    }
    for (index, name) in SINGLE_DIMENSIONS.iter().enumerate() {
        if let Some(value) = single(record, "", index) {
            too_long(name, value.len(), MAX_DIMENSION_BYTES)?;
        }
    }
    for tag in record.item.tags.iter().chain(&record.item.flags) {
        too_long("tags", tag.len(), MAX_DIMENSION_BYTES)?;
    }
    if let Some(keyword) = &record.item.source.keyword {
        too_long("source.keyword", keyword.len(), MAX_DIMENSION_BYTES)?;
    }
    too_long("tokens", item.text_tokens.len() + item.title_tokens.len(), MAX_TOKENS)?;
    in_order("title", &item.title_tokens)?;
    in_order("text", &item.text_tokens)
}

/// tantivy writes positions as differences and panics, in its own thread, on one that is negative.
fn in_order(path: &'static str, tokens: &Tokens) -> Result<(), InvalidDocument> {
    let back =
        |(before, after): (Token<'_>, Token<'_>)| after.position < before.position || after.position > MAX_POSITION;
    match tokens.iter().zip(tokens.iter().skip(1)).position(back) {
        Some(token) => Err(InvalidDocument::Positions { path, token: token + 1 }),
        None => Ok(()),
    }
}

fn too_long(path: &'static str, bytes: usize, limit: usize) -> Result<(), InvalidDocument> {
    if bytes > limit {
        Err(InvalidDocument::TooLong { path, bytes, limit })
    } else {
        Ok(())
    }
}

/// Value of a single dimension by its index in [`SINGLE_DIMENSIONS`]; the one place that maps names to fields.
pub fn single<'a>(record: &'a AnalyzedRecord, source: &'a str, index: usize) -> Option<&'a str> {
    let item = &record.item;
    let value = match SINGLE_DIMENSIONS[index] {
        "source" => Some(source),
        "platform" => Some(item.source.platform.as_str()),
        "kind" => Some(item.source.kind.as_str()),
        "role" => Some(item.source.role.as_str()),
        "brand" => item.subject.brand.as_deref(),
        "product" => item.subject.product.as_deref(),
        "sku" => item.subject.sku.as_deref(),
        "category" => item.subject.category.as_deref(),
        "region" => item.author.region.as_deref(),
        "touchpoint" => item.source.touchpoint.as_deref(),
        "mode" => item.source.mode.as_deref(),
        "business_line" => item.business_line.as_deref(),
        "segment" => item.author.segment.as_deref(),
        "tier" => item.author.tier.as_deref(),
        "version" => item.subject.version.as_deref(),
        "sentiment" => Some(record.analysis.sentiment.label.as_str()),
        "severity" => Some(record.analysis.severity.label.as_str()),
        "intent" => Some(record.analysis.intent.label.as_str()),
        "owner" => record.analysis.owner.as_deref(),
        "priority" => Some(record.analysis.priority_hint.as_str()),
        name => unreachable!("dimension {name} has no value"),
    };
    value.filter(|value| !value.is_empty())
}

/// `logistics-`, `price+`, `effect0`: the value of `aspect_polarity`.
pub fn aspect_polarity(aspect: &Aspect) -> String {
    let mut value = aspect.aspect.clone();
    value.push(polarity_sign(&aspect.polarity));
    value
}

pub fn polarity_sign(polarity: &str) -> char {
    match polarity {
        "positive" => '+',
        "negative" => '-',
        _ => '0',
    }
}

/// Kafka topic, or `file`.
pub fn topic(position: &RecordPosition) -> &str {
    match position {
        RecordPosition::Kafka { topic, .. } => topic,
        RecordPosition::File { .. } => "file",
    }
}

/// Rating × 10, rounded; 0 = none. The value of the `rating` fast field.
pub fn rating_tenths(record: &AnalyzedRecord) -> u64 {
    match record.item.rating.as_ref().and_then(|rating| rating.overall) {
        Some(overall) if overall.is_finite() && overall > 0.0 => (overall * 10.0).round() as u64,
        _ => 0,
    }
}

/// xxh3-64 of the author id, 0 = unknown.
pub fn author_hash(record: &AnalyzedRecord) -> u64 {
    record
        .item
        .author
        .id
        .as_deref()
        .filter(|id| !id.is_empty())
        .map_or(0, |id| xxh3_64(id.as_bytes()))
}

/// Event time where it may be counted: known and not in the future.
pub fn usable_event_time(record: &AnalyzedRecord) -> Option<i64> {
    record.item.published_at.filter(|_| {
        !record.item.flags.contains("time_future")
            && !record.item.flags.contains("time_unknown")
            && record.item.published_precision != Precision::None
    })
}

impl PreparedItem {
    /// Stores what the duplicate window decided; what follows the item is written again.
    pub fn set_duplicate(&mut self, duplicate: Option<crate::item::Duplicate>) -> Result<(), InvalidDocument> {
        let item = Arc::make_mut(&mut self.item);
        item.record.analysis.duplicate = duplicate;
        self.json.truncate(self.item_bytes);
        append_rest(&mut self.json, &item.record)
    }

    /// The document, consuming the prepared parts. `voice` is `trend::is_voice` of the record.
    pub fn document(self, fields: &Fields, source: &str, epoch: u64, voice: bool, duplicate: bool) -> TantivyDocument {
        let record = &self.item.record;
        let item = &record.item;
        let mut document = key(fields, self.id_hash, item.version, epoch, self.content_hash);
        document.add_text(fields.title, &self.title);
        document.add_text(fields.text, &self.text);
        for (index, field) in fields.single.iter().enumerate() {
            if let Some(value) = single(record, source, index) {
                document.add_text(*field, value);
            }
        }
        for (name, field) in MULTI_DIMENSIONS.iter().zip(fields.multi) {
            add_multi(&mut document, field, name, record);
        }
        document.add_text(fields.topic, topic(&record.position.record));
        if let Some(keyword) = &item.source.keyword {
            document.add_text(fields.keyword, keyword);
        }
        document.add_text(fields.model, record.analysis.model.to_string());
        document.add_u64(fields.rating, rating_tenths(record));
        document.add_bool(fields.valid, record.analysis.valid.label);
        document.add_bool(fields.voice, voice);
        document.add_bool(fields.duplicate, duplicate);
        document.add_bool(fields.tombstone, false);
        if let Some(published_at) = usable_event_time(record) {
            document.add_date(fields.published_at, date(published_at));
        }
        document.add_u64(fields.precision, item.published_precision as u64);
        document.add_date(fields.record_time, date(self.item.record_time_ms));
        document.add_date(fields.collected_at, date(item.collected_at));
        let fingerprint = &self.item.fingerprint;
        document.add_u64(fields.signature, fingerprint.exact);
        if let Some(copy) = &record.analysis.duplicate {
            document.add_u64(fields.group, id_hash(&copy.group) as u64);
        } else if fingerprint.exact != 0 {
            for two in fingerprint.bands.chunks(2) {
                document.add_u64(fields.bands, u64::from(two[0]) | u64::from(two[1]) << 32);
            }
        }
        document.add_u64(fields.author, author_hash(record));
        document.add_u64(
            fields.engagement,
            item.engagement
                .values()
                .fold(0, |sum, count| sum.saturating_add(count.n)),
        );
        if let RecordPosition::Kafka { partition, offset, .. } = &record.position.record {
            document.add_u64(fields.partition, u64::from(partition.unsigned_abs()));
            document.add_u64(fields.offset, offset.unsigned_abs());
        } else if let RecordPosition::File { record, .. } = &record.position.record {
            document.add_u64(fields.offset, *record);
        }
        document.add_u64(fields.part, u64::from(record.position.part));
        document.add_bytes(fields.json, &self.json);
        document
    }
}

/// A deleted id: remembers that (version, epoch) so that an older copy does not come back.
pub fn tombstone(
    fields: &Fields,
    id: &str,
    version: i64,
    epoch: u64,
    source: &str,
    record_time_ms: i64,
) -> TantivyDocument {
    let mut document = key(fields, id_hash(id), version, epoch, 0);
    document.add_bool(fields.tombstone, true);
    document.add_bool(fields.valid, false);
    document.add_bool(fields.voice, false);
    document.add_bool(fields.duplicate, false);
    document.add_date(fields.record_time, date(record_time_ms.clamp(MIN_DATE_MS, MAX_DATE_MS)));
    document.add_text(fields.single[0], source);
    document
}

fn key(fields: &Fields, id_hash: u128, version: i64, epoch: u64, content_hash: u64) -> TantivyDocument {
    let mut document = TantivyDocument::default();
    document.add_bytes(fields.id, &id_term_bytes(id_hash));
    document.add_u64(fields.id_hi, (id_hash >> 64) as u64);
    document.add_u64(fields.id_lo, id_hash as u64);
    document.add_i64(fields.item_version, version);
    document.add_u64(fields.epoch, epoch);
    document.add_u64(fields.content_hash, content_hash);
    document
}

fn add_multi(document: &mut TantivyDocument, field: Field, name: &str, record: &AnalyzedRecord) {
    match name {
        "aspect" => {
            for aspect in &record.analysis.aspects {
                document.add_text(field, &aspect.aspect);
            }
        }
        "aspect_polarity" => {
            for aspect in &record.analysis.aspects {
                document.add_text(field, aspect_polarity(aspect));
            }
        }
        "flag" => {
            for flag in &record.item.flags {
                document.add_text(field, flag);
            }
        }
        "tag" => {
            for tag in &record.item.tags {
                document.add_text(field, tag);
            }
        }
        name => unreachable!("dimension {name} has no values"),
    }
}

fn date(ms: i64) -> tantivy::DateTime {
    // in range by `validate`: the multiplication inside is unchecked
    tantivy::DateTime::from_timestamp_millis(ms)
}
