//! What can be wrong with a search, with the place and what would be right.

use thiserror::Error;

/// Why a search was refused or failed. `at` is a character position in the query, from 0.
#[derive(Debug, Error)]
pub enum SearchError {
    #[error("{message}")]
    Syntax {
        message: String,
        at: usize,
        suggestion: Option<String>,
    },
    #[error("unknown field `{name}`")]
    UnknownField {
        name: String,
        at: usize,
        suggestion: Option<String>,
    },
    #[error("`{value}` is not a value of `{field}`: {expected}")]
    BadValue {
        field: String,
        value: String,
        expected: String,
        at: usize,
        suggestion: Option<String>,
    },
    #[error("the query is {length} bytes long, the limit is {limit}")]
    TooLong { length: usize, limit: usize },
    #[error("the query is nested deeper than {limit}")]
    TooDeep { limit: usize, at: usize },
    #[error("the query has more than {limit} clauses")]
    TooManyClauses { limit: usize, at: Option<usize> },
    #[error("nothing in the query can be searched for")]
    NothingSearchable,
    /// A request parameter beside the query itself.
    #[error("{message}")]
    BadParameter {
        parameter: String,
        message: String,
        suggestion: Option<String>,
    },
    #[error("unknown query parameter `{name}`")]
    UnknownParameter { name: String, suggestion: Option<String> },
    #[error("the cursor is not one of this search: {reason}")]
    BadCursor { reason: &'static str },
    #[error("{what} has more than {limit} values")]
    TooManyBuckets { what: String, limit: usize },
    #[error("the search took longer than {deadline_ms} ms")]
    Deadline { deadline_ms: u128 },
    #[error("{running} searches are running already")]
    Busy { running: usize },
    #[error("the index cannot be read: {0}")]
    Index(String),
}

impl SearchError {
    /// Bounded set of names for logs and the API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "query_syntax",
            Self::UnknownField { .. } => "unknown_field",
            Self::BadValue { .. } => "bad_value",
            Self::TooLong { .. } => "query_too_long",
            Self::TooDeep { .. } => "query_too_deep",
            Self::TooManyClauses { .. } => "too_many_clauses",
            Self::NothingSearchable => "nothing_searchable",
            Self::BadParameter { .. } => "bad_parameter",
            Self::UnknownParameter { .. } => "unknown_parameter",
            Self::BadCursor { .. } => "bad_cursor",
            Self::TooManyBuckets { .. } => "too_many_buckets",
            Self::Deadline { .. } => "deadline",
            Self::Busy { .. } => "busy",
            Self::Index(_) => "index",
        }
    }

    /// HTTP status code.
    pub fn status(&self) -> u16 {
        match self {
            Self::Deadline { .. } => 408,
            Self::Busy { .. } => 429,
            Self::Index(_) => 503,
            _ => 400,
        }
    }

    /// Character position in the query, from 0.
    pub fn at(&self) -> Option<usize> {
        match self {
            Self::Syntax { at, .. }
            | Self::UnknownField { at, .. }
            | Self::BadValue { at, .. }
            | Self::TooDeep { at, .. } => Some(*at),
            Self::TooManyClauses { at, .. } => *at,
            _ => None,
        }
    }

    /// What would be right.
    pub fn suggestion(&self) -> Option<String> {
        match self {
            Self::Syntax { suggestion, .. }
            | Self::UnknownField { suggestion, .. }
            | Self::BadValue { suggestion, .. }
            | Self::BadParameter { suggestion, .. }
            | Self::UnknownParameter { suggestion, .. } => suggestion.clone(),
            Self::BadCursor { .. } => Some("start again without a cursor".to_owned()),
            Self::TooManyBuckets { .. } => Some("narrow the query or choose larger buckets".to_owned()),
            Self::Deadline { .. } => Some("narrow the query with from= and to=".to_owned()),
            Self::Busy { .. } => Some("try again in a moment".to_owned()),
            _ => None,
        }
    }
}

impl From<tantivy::TantivyError> for SearchError {
    fn from(error: tantivy::TantivyError) -> Self {
        Self::Index(error.to_string())
    }
}

impl From<std::io::Error> for SearchError {
    fn from(error: std::io::Error) -> Self {
        Self::Index(error.to_string())
    }
}
