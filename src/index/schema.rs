//! The tantivy schema: the one place that knows field names and types.
//!
//! Every dimension that trend counts is a fast field, so that every cache can be rebuilt by a scan.

use tantivy::schema::{
    BytesOptions, DateOptions, DateTimePrecision, FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STORED,
    Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
};

/// Name of our pre-tokenized tokenizer as registered with the index.
pub const TOKENIZER: &str = "qingting";

/// Dimensions with one value an item, in column order. The names are those of `by`, `where` and the search API.
pub const SINGLE_DIMENSIONS: [&str; 20] = [
    "source",
    "platform",
    "kind",
    "role",
    "brand",
    "product",
    "sku",
    "category",
    "region",
    "touchpoint",
    "mode",
    "business_line",
    "segment",
    "tier",
    "version",
    "sentiment",
    "severity",
    "intent",
    "owner",
    "priority",
];
/// Dimensions with any number of values an item.
pub const MULTI_DIMENSIONS: [&str; 4] = ["aspect", "aspect_polarity", "flag", "tag"];

#[derive(Debug, Clone)]
pub struct Fields {
    /// [`super::id_hash`] of the item id, big endian: the upsert key.
    pub id: Field,
    pub id_hi: Field,
    pub id_lo: Field,
    pub title: Field,
    pub text: Field,
    /// In the order of [`SINGLE_DIMENSIONS`].
    pub single: [Field; SINGLE_DIMENSIONS.len()],
    /// In the order of [`MULTI_DIMENSIONS`].
    pub multi: [Field; MULTI_DIMENSIONS.len()],
    /// Kafka topic or `file`; with source, platform and keyword it names the feed.
    pub topic: Field,
    /// Crawl keyword.
    pub keyword: Field,
    /// Rating × 10 (0 = none).
    pub rating: Field,
    pub valid: Field,
    /// A customer's voice: not a shop's reply, an operator, a brand, a status change.
    pub voice: Field,
    pub duplicate: Field,
    /// A deleted id: remembers the version, hides from everything.
    pub tombstone: Field,
    /// Event time, ms; absent when unknown or in the future.
    pub published_at: Field,
    /// `Precision` as its ordinal.
    pub precision: Field,
    pub record_time: Field,
    pub collected_at: Field,
    /// Upsert order: (version_ms, epoch), ties by content hash.
    pub item_version: Field,
    pub epoch: Field,
    pub content_hash: Field,
    /// [`crate::item::Fingerprint`]: the exact hash, and of first texts the bands, two a value.
    pub signature: Field,
    pub bands: Field,
    /// Of a copy: the lower half of the key of the first item.
    pub group: Field,
    /// xxh3-64 of the author id, 0 = unknown.
    pub author: Field,
    pub engagement: Field,
    pub partition: Field,
    pub offset: Field,
    pub part: Field,
    /// Model name and version that analyzed the document.
    pub model: Field,
    /// The analyzed record as JSON.
    pub json: Field,
}

impl Fields {
    /// The field of a dimension, single or multiple.
    pub fn dimension(&self, name: &str) -> Option<Field> {
        let single = SINGLE_DIMENSIONS.iter().position(|other| *other == name);
        let multi = MULTI_DIMENSIONS.iter().position(|other| *other == name);
        single
            .map(|place| self.single[place])
            .or_else(|| multi.map(|place| self.multi[place]))
    }
}

pub fn build() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let text_options = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions)
            .set_fieldnorms(true),
    );
    let keyword_options = TextOptions::default()
        .set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer("raw")
                .set_index_option(IndexRecordOption::Basic)
                .set_fieldnorms(false),
        )
        .set_fast("raw");
    let keyword = |builder: &mut SchemaBuilder, name: &str| builder.add_text_field(name, keyword_options.clone());
    let number = NumericOptions::default().set_fast();
    // Ranges are read from the column. An inverted index of values that hardly repeat (times, hashes) would be a term
    // dictionary of nearly as many terms as documents, which was a seventh of all CPU.
    let date = DateOptions::default()
        .set_fast()
        .set_precision(DateTimePrecision::Milliseconds);
    let fields = Fields {
        id: builder.add_bytes_field("id", BytesOptions::default().set_indexed()),
        id_hi: builder.add_u64_field("id_hi", FAST),
        id_lo: builder.add_u64_field("id_lo", FAST),
        title: builder.add_text_field("title", text_options.clone()),
        text: builder.add_text_field("text", text_options.clone()),
        single: SINGLE_DIMENSIONS.map(|name| keyword(&mut builder, name)),
        multi: MULTI_DIMENSIONS.map(|name| keyword(&mut builder, name)),
        topic: keyword(&mut builder, "topic"),
        keyword: keyword(&mut builder, "keyword"),
        rating: builder.add_u64_field("rating", number.clone().set_indexed()),
        valid: builder.add_bool_field("valid", FAST | INDEXED),
        voice: builder.add_bool_field("voice", FAST | INDEXED),
        duplicate: builder.add_bool_field("duplicate", FAST | INDEXED),
        tombstone: builder.add_bool_field("tombstone", FAST | INDEXED),
        published_at: builder.add_date_field("published_at", date.clone()),
        precision: builder.add_u64_field("precision", number.clone()),
        record_time: builder.add_date_field("record_time", date.clone()),
        collected_at: builder.add_date_field("collected_at", date),
        item_version: builder.add_i64_field("item_version", number.clone()),
        epoch: builder.add_u64_field("epoch", number.clone()),
        content_hash: builder.add_u64_field("content_hash", number.clone()),
        signature: builder.add_u64_field("signature", number.clone()),
        bands: builder.add_u64_field("bands", number.clone()),
        group: builder.add_u64_field("group", number.clone()),
        author: builder.add_u64_field("author", number.clone()),
        engagement: builder.add_u64_field("engagement", number.clone()),
        partition: builder.add_u64_field("partition", number.clone()),
        offset: builder.add_u64_field("offset", number.clone()),
        part: builder.add_u64_field("part", number),
        model: keyword(&mut builder, "model"),
        json: builder.add_bytes_field("json", STORED),
    };
    (builder.build(), fields)
}
