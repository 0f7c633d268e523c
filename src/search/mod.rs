//! The search stage: a small query grammar that the index and the stream agree on.
//!
//! Comes in: a query string of the grammar in `docs/search.md`. Goes out: a [`Filter`], which either tests one
//! analyzed record ([`Filter::matches`], used by rules) or becomes a tantivy query ([`Filter::to_tantivy`], used by
//! search and by the rebuild of counts). Can fail: with a [`SearchError`] that says where in the query and what would
//! be right; never with a panic or a stack overflow, whatever the input. Moves
//! `qingting_http_request_duration_seconds` through the API.

mod buckets;
mod columns;
mod cursor;
mod error;
mod field;
mod filter;
mod guarded;
mod highlight;
mod leaf;
mod parse;
mod plan;
mod request;
mod scan;
mod service;
mod tokenize;
mod when;

#[cfg(test)]
mod agreement_tests;
#[cfg(test)]
mod service_tests;
#[cfg(test)]
pub(crate) mod testing;

pub use buckets::BucketUnit;
pub use columns::FacetField;
pub use error::SearchError;
pub use field::{ASPECT_POLARITY_SIGNS, FlagField, QueryField, TimeField, field_names, multi_contains, polarity_sign};
pub use filter::Filter;
pub use highlight::{FRAGMENT_CHARS, fragment};
pub use parse::Query;
pub use request::{DEFAULT_LIMIT, MAX_LIMIT, PARAMETERS, SearchRequest, check_name, choice, facet, moment};
pub use scan::{MAX_CELLS, SortOrder};
pub use service::{
    FACET_VALUES, FacetValue, HistogramBucket, Hit, IndexView, SearchContext, SearchResponse, SeriesQuery,
};
pub use tokenize::Tokenize;
pub use when::{TimeValue, local_start_ms};
