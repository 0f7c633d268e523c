//! Field names of the grammar, and which values they can have.

use super::SearchError;
use crate::index::schema::{MULTI_DIMENSIONS, SINGLE_DIMENSIONS};
use crate::item::AnalyzedRecord;
use crate::nearest::nearest;

/// A field that a query can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryField {
    Title,
    Text,
    /// One index token, not segmented.
    Term,
    /// Ordinal in [`SINGLE_DIMENSIONS`].
    Single(usize),
    /// Ordinal in [`MULTI_DIMENSIONS`].
    Multi(usize),
    Keyword,
    Topic,
    Rating,
    Flag(FlagField),
    Time(TimeField),
    Author,
    Id,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagField {
    Valid,
    Voice,
    Duplicate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeField {
    PublishedAt,
    CollectedAt,
}

const OTHER_FIELDS: [(&str, QueryField); 13] = [
    ("title", QueryField::Title),
    ("text", QueryField::Text),
    ("term", QueryField::Term),
    ("keyword", QueryField::Keyword),
    ("topic", QueryField::Topic),
    ("rating", QueryField::Rating),
    ("valid", QueryField::Flag(FlagField::Valid)),
    ("voice", QueryField::Flag(FlagField::Voice)),
    ("duplicate", QueryField::Flag(FlagField::Duplicate)),
    ("published_at", QueryField::Time(TimeField::PublishedAt)),
    ("collected_at", QueryField::Time(TimeField::CollectedAt)),
    ("author", QueryField::Author),
    ("id", QueryField::Id),
];

/// Dimensions whose values are a fixed list; a misspelt one is an error instead of an empty answer.
const CLOSED: [(&str, &[&str]); 6] = [
    ("sentiment", &["positive", "negative", "neutral"]),
    ("severity", &["urgent", "normal", "minor", "none"]),
    ("intent", &["complaint", "suggestion", "question", "praise", "other"]),
    ("priority", &["P0", "P1", "P2", "P3"]),
    ("mode", &["online", "offline"]),
    (
        "kind",
        &[
            "social",
            "review",
            "app_review",
            "complaint",
            "hotline",
            "survey",
            "ticket",
            "forum",
        ],
    ),
];

/// All names that may stand before a colon.
pub fn field_names() -> impl Iterator<Item = &'static str> {
    SINGLE_DIMENSIONS
        .into_iter()
        .chain(MULTI_DIMENSIONS)
        .chain(OTHER_FIELDS.iter().map(|(name, _)| *name))
}

impl QueryField {
    pub fn named(name: &str) -> Option<Self> {
        if let Some(ordinal) = SINGLE_DIMENSIONS.iter().position(|known| *known == name) {
            return Some(Self::Single(ordinal));
        }
        if let Some(ordinal) = MULTI_DIMENSIONS.iter().position(|known| *known == name) {
            return Some(Self::Multi(ordinal));
        }
        OTHER_FIELDS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, field)| *field)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Single(ordinal) => SINGLE_DIMENSIONS[ordinal],
            Self::Multi(ordinal) => MULTI_DIMENSIONS[ordinal],
            other => OTHER_FIELDS
                .iter()
                .find(|(_, field)| *field == other)
                .map_or("", |(name, _)| name),
        }
    }

    /// Refuses a value that a closed dimension cannot have.
    pub(super) fn check_value(self, value: &str, at: usize) -> Result<(), SearchError> {
        let Some((name, allowed)) = CLOSED.iter().find(|(name, _)| *name == self.name()) else {
            return Ok(());
        };
        if allowed.contains(&value) {
            return Ok(());
        }
        Err(SearchError::BadValue {
            field: (*name).to_owned(),
            value: value.to_owned(),
            expected: format!("one of {}", allowed.join(" ")),
            at,
            suggestion: nearest(value, allowed.iter().copied()).map(str::to_owned),
        })
    }
}

/// Suffixes of `aspect_polarity`: negative, positive, neutral.
pub const ASPECT_POLARITY_SIGNS: [char; 3] = ['-', '+', '0'];

/// `negative` → `-`, `positive` → `+`, anything else → `0`.
pub fn polarity_sign(polarity: &str) -> char {
    match polarity {
        "negative" => '-',
        "positive" => '+',
        _ => '0',
    }
}

/// Whether the record has `value` in the dimension at `ordinal` of [`MULTI_DIMENSIONS`].
pub fn multi_contains(record: &AnalyzedRecord, ordinal: usize, value: &str) -> bool {
    match MULTI_DIMENSIONS.get(ordinal).copied() {
        Some("aspect") => record.analysis.aspects.iter().any(|found| found.aspect == value),
        Some("aspect_polarity") => record.analysis.aspects.iter().any(|found| {
            value
                .strip_suffix(polarity_sign(&found.polarity))
                .is_some_and(|aspect| aspect == found.aspect)
        }),
        Some("flag") => record.item.flags.contains(value),
        Some("tag") => record.item.tags.iter().any(|tag| tag == value),
        _ => false,
    }
}
