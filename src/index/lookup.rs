//! Does the index know this id, and in which version? The open commit's overlay, then a Bloom filter
//! ("certainly new"), then the searcher of the last commit.

use super::IndexError;
use super::document::id_term;
use super::schema::Fields;
use crate::item::{AnalyzedItem, AnalyzedRecord, FINGERPRINT_BANDS, Fingerprint, Item, Tokens};
use fastbloom::BloomFilter;
use rustc_hash::{FxBuildHasher, FxHashMap};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::cmp::Ordering;
use std::sync::Arc;
use tantivy::columnar::Column;
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{DocSet, Searcher, SegmentReader, TERMINATED, TantivyDocument};

/// Ids that the filter is first sized for; it is built again, twice as large, when it is full.
const MIN_FILTER_IDS: usize = 1 << 20;
const FALSE_POSITIVE_RATE: f64 = 0.01;

/// Upsert order of decision 5: the highest (version, analysis epoch) wins, ties by content hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemVersion {
    pub version: i64,
    pub epoch: u64,
    pub content_hash: u64,
}

impl ItemVersion {
    pub fn wins_over(self, other: Self) -> bool {
        (self.version, self.epoch)
            .cmp(&(other.version, other.epoch))
            .then(self.content_hash.cmp(&other.content_hash))
            == Ordering::Greater
    }
}

/// What is alive under an id.
#[derive(Debug, Clone)]
pub struct Known {
    pub version: ItemVersion,
    /// `None` for a tombstone.
    pub document: Option<Arc<KnownDocument>>,
}

/// A document that would be replaced, with what its contributions are computed from.
#[derive(Debug)]
pub struct KnownDocument {
    /// Without tokens.
    pub item: Arc<AnalyzedItem>,
    /// Configured name of its source.
    pub source: Arc<str>,
    /// Marked as a duplicate when it was first seen.
    pub duplicate: bool,
}

/// The id filter: a cache of the index.
pub struct IdFilter {
    filter: BloomFilter<FxBuildHasher>,
    capacity: usize,
    ids: usize,
}

impl IdFilter {
    /// Scans the id columns of the alive documents.
    pub fn rebuild(searcher: &Searcher) -> Result<Self, IndexError> {
        let ids = searcher.num_docs() as usize;
        let capacity = (ids * 2).max(MIN_FILTER_IDS);
        let mut filter = Self {
            filter: BloomFilter::with_false_pos(FALSE_POSITIVE_RATE)
                .hasher(FxBuildHasher)
                .expected_items(capacity),
            capacity,
            ids: 0,
        };
        for segment in searcher.segment_readers() {
            let (hi, lo) = (segment.fast_fields().u64("id_hi")?, segment.fast_fields().u64("id_lo")?);
            for doc in segment.doc_ids_alive() {
                filter.insert(id_of(&hi, &lo, doc));
            }
        }
        Ok(filter)
    }

    pub fn insert(&mut self, id: u128) {
        self.filter.insert(&id);
        self.ids += 1;
    }

    pub fn certainly_new(&self, id: u128) -> bool {
        !self.filter.contains(&id)
    }

    pub fn is_full(&self) -> bool {
        self.ids > self.capacity
    }
}

/// The key of a document from its two columns.
pub fn id_of(hi: &Column<u64>, lo: &Column<u64>, doc: u32) -> u128 {
    (u128::from(hi.first(doc).unwrap_or(0)) << 64) | u128::from(lo.first(doc).unwrap_or(0))
}

/// The bands of a fingerprint from their column; zeros where there are none.
pub fn bands_of(column: &Column<u64>, doc: u32) -> [u32; FINGERPRINT_BANDS] {
    let mut bands = [0; FINGERPRINT_BANDS];
    for (two, value) in bands.chunks_mut(2).zip(column.values_for_doc(doc)) {
        two[0] = value as u32;
        two[1] = (value >> 32) as u32;
    }
    bands
}

/// Documents added since the last commit: not yet visible to a searcher.
pub type Overlay = FxHashMap<u128, Known>;

/// Finds the alive document of an id in the committed index.
pub fn find(searcher: &Searcher, fields: &Fields, id: u128) -> Result<Option<Known>, IndexError> {
    let Some((ordinal, doc)) = locate(searcher, fields, id)? else {
        return Ok(None);
    };
    let segment = searcher.segment_reader(ordinal);
    known(searcher, segment, ordinal, doc, fields).map(Some)
}

/// What is needed of a stored item to compare its text: a tenth of the record.
#[derive(Deserialize)]
struct StoredText {
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    published_at: Option<i64>,
}

/// The text of an alive item in the committed index, as an item of which nothing else is known.
pub fn find_text(searcher: &Searcher, fields: &Fields, id: u128) -> Result<Option<Item>, IndexError> {
    let Some((ordinal, doc)) = locate(searcher, fields, id)? else {
        return Ok(None);
    };
    let fast = searcher.segment_reader(ordinal).fast_fields();
    if fast.bool("tombstone")?.first(doc) == Some(true) {
        return Ok(None);
    }
    let stored: TantivyDocument = searcher.doc(tantivy::DocAddress::new(ordinal, doc))?;
    let text: StoredText = parse(&stored, fields)?;
    Ok(Some(Item {
        id: text.id,
        title: text.title,
        text: text.text,
        published_at: text.published_at,
        ..Item::default()
    }))
}

/// The id of a document that is an item.
pub(super) fn stored_id(searcher: &Searcher, ordinal: u32, doc: u32, fields: &Fields) -> Result<String, IndexError> {
    let stored: TantivyDocument = searcher.doc(tantivy::DocAddress::new(ordinal, doc))?;
    Ok(parse::<StoredText>(&stored, fields)?.id)
}

/// Segment and document of an id.
fn locate(searcher: &Searcher, fields: &Fields, id: u128) -> Result<Option<(u32, u32)>, IndexError> {
    let term = id_term(fields, id);
    // newest segments are last and hold the ids that are sent again soonest
    for (ordinal, segment) in searcher.segment_readers().iter().enumerate().rev() {
        let inverted = segment.inverted_index(fields.id)?;
        let Some(mut postings) = inverted.read_postings(&term, IndexRecordOption::Basic)? else {
            continue;
        };
        let mut doc = postings.doc();
        while doc != TERMINATED {
            if !segment.is_deleted(doc) {
                return Ok(Some((ordinal as u32, doc)));
            }
            doc = postings.advance();
        }
    }
    Ok(None)
}

fn known(
    searcher: &Searcher,
    segment: &SegmentReader,
    ordinal: u32,
    doc: u32,
    fields: &Fields,
) -> Result<Known, IndexError> {
    let fast = segment.fast_fields();
    let version = ItemVersion {
        version: fast.i64("item_version")?.first(doc).unwrap_or(i64::MIN),
        epoch: fast.u64("epoch")?.first(doc).unwrap_or(0),
        content_hash: fast.u64("content_hash")?.first(doc).unwrap_or(0),
    };
    if fast.bool("tombstone")?.first(doc) == Some(true) {
        return Ok(Known {
            version,
            document: None,
        });
    }
    let stored: TantivyDocument = searcher.doc(tantivy::DocAddress::new(ordinal, doc))?;
    let mut source = String::new();
    if let Some(column) = fast.str("source")?
        && let Some(term) = column.term_ords(doc).next()
    {
        column.ord_to_str(term, &mut source)?;
    }
    let item = AnalyzedItem {
        record: decode(&stored, fields)?,
        source: 0,
        record_time_ms: fast
            .date("record_time")?
            .first(doc)
            .map_or(0, |date| date.into_timestamp_millis()),
        fingerprint: Fingerprint {
            exact: fast.u64("signature")?.first(doc).unwrap_or(0),
            bands: bands_of(&fast.u64("bands")?, doc),
        },
        title_tokens: Tokens::default(),
        text_tokens: Tokens::default(),
    };
    let duplicate = fast.bool("duplicate")?.first(doc) == Some(true);
    Ok(Known {
        version,
        document: Some(Arc::new(KnownDocument {
            item: Arc::new(item),
            source: source.into(),
            duplicate,
        })),
    })
}

/// The analyzed record of a stored document.
pub fn decode(stored: &TantivyDocument, fields: &Fields) -> Result<AnalyzedRecord, IndexError> {
    parse(stored, fields)
}

fn parse<T: DeserializeOwned>(stored: &TantivyDocument, fields: &Fields) -> Result<T, IndexError> {
    let json = stored
        .get_first(fields.json)
        .and_then(|value| value.as_bytes())
        .ok_or_else(|| IndexError::Corrupt("a document without its record".to_owned()))?;
    serde_json::from_slice(json)
        .map_err(|error| IndexError::Corrupt(format!("a stored record does not parse: {error}")))
}
