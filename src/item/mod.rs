//! The types that travel: `RawRecord → Item → CleanItem → SegmentedItem → AnalyzedItem`.
//!
//! Comes in: nothing; goes out: nothing; cannot fail. Every stage takes the previous type and returns the
//! next, so a stage cannot be skipped without failing to compile, and every type carries the source position.

mod analyzed;
mod canonical;
mod dead;
mod position;
mod tokens;
mod word_list;

pub use analyzed::*;
pub use canonical::*;
pub use dead::*;
pub use position::*;
pub use tokens::{Token, Tokens};
pub use word_list::WordList;

/// One record as a source handed it over, before anything was read from it.
#[derive(Debug, Clone)]
pub struct RawRecord {
    /// Index into `Config::sources`.
    pub source: u16,
    pub position: RecordPosition,
    /// Record time, ms UTC: the Kafka timestamp; for files `--collected-at` or the modification time.
    pub record_time_ms: i64,
    /// Kafka message key.
    pub key: Option<Vec<u8>>,
    /// Kafka message headers, in their order; a name may come twice.
    pub headers: Vec<(String, Vec<u8>)>,
    /// `None` is a Kafka tombstone: delete the item whose id is the key.
    pub payload: Option<Vec<u8>>,
    /// Set by a source that found the place of a record but could not get it whole (a broken or bombing stream, a row
    /// in another encoding): the format stage makes it a dead letter without reading the payload.
    pub unreadable: Option<Unreadable>,
}

/// Why a source could not get a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    pub code: DeadLetterCode,
    pub message: String,
}

/// What a record became in the format stage: upserts and deletes, in the order of the record's parts.
#[derive(Debug, Clone)]
pub enum Change<T> {
    Upsert(T),
    Delete {
        id: String,
        /// Collect time of the deletion, ms; wins over any version that is not newer.
        version: i64,
        position: ItemPosition,
        record_time_ms: i64,
        source: u16,
    },
}

/// An item as the format stage mapped it: canonical fields filled from the native record, text not yet cleaned.
#[derive(Debug, Clone)]
pub struct MappedItem {
    pub item: Item,
    pub source: u16,
    pub position: ItemPosition,
    pub record_time_ms: i64,
    /// Raw native author id, consumed by normalize (keyed hash) and never stored.
    pub native_author_id: Option<String>,
}

/// Bands of a fingerprint.
pub const FINGERPRINT_BANDS: usize = 12;

/// What copies of the analysis text are found by. All zeros: too short to be compared (< 15 characters).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// Equal for texts that are equal but for punctuation, case, width and script.
    pub exact: u64,
    /// MinHash bands: texts that are alike share two of them or more.
    pub bands: [u32; FINGERPRINT_BANDS],
}

/// An item after normalize: text cleaned and masked, derived fields final, fingerprint computed.
#[derive(Debug, Clone)]
pub struct CleanItem {
    pub item: Item,
    pub source: u16,
    pub position: ItemPosition,
    pub record_time_ms: i64,
    /// Text for analysis: title and text, lower-cased, Traditional folded to Simplified. Never shown.
    pub analysis_text: String,
    pub fingerprint: Fingerprint,
    /// Validity as a rule decides it (default text, empty, …); `None` leaves it to the model.
    pub invalid_reason: Option<&'static str>,
}

/// An item with its words. `title_tokens` and `text_tokens` index `item.title` / `item.text` (offsets match the stored text).
#[derive(Debug, Clone)]
pub struct SegmentedItem {
    pub clean: CleanItem,
    pub title_tokens: Tokens,
    pub text_tokens: Tokens,
    /// Content words of the item, first occurrence order, no stop words, at most 64.
    pub terms: WordList,
}

/// An item with everything known about it, ready for the index.
#[derive(Debug, Clone)]
pub struct AnalyzedItem {
    pub record: AnalyzedRecord,
    pub source: u16,
    pub record_time_ms: i64,
    pub fingerprint: Fingerprint,
    pub title_tokens: Tokens,
    pub text_tokens: Tokens,
}

/// Balance, exact at each commit: records = mapped + skipped + dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordOutcome {
    Mapped,
    Skipped,
    Dead,
}

impl RecordOutcome {
    pub fn label(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Skipped => "skipped",
            Self::Dead => "dead_letter",
        }
    }
}
