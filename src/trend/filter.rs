//! The `where` of a rule: the search grammar, on the stream and in the index.

use super::error::TrendError;
use crate::config::Config;
use crate::index::schema::{Fields, MULTI_DIMENSIONS, SINGLE_DIMENSIONS};
use crate::search::{Filter, Query};
use crate::segment::Segmenter;

/// Reads the `where` of a rule.
pub(super) fn parse(text: &str, config: &Config, segmenter: &Segmenter) -> Result<Filter, TrendError> {
    Query::parse(text, &config.search)
        .and_then(|query| query.bind(segmenter, config.time.zone))
        .map_err(|error| TrendError::Filter {
            query: text.to_owned(),
            message: error.to_string(),
        })
}

/// The field of a dimension that the index keeps as terms.
pub(super) fn field_of(fields: &Fields, name: &str) -> Option<tantivy::schema::Field> {
    let single = SINGLE_DIMENSIONS.iter().position(|other| *other == name);
    let multi = MULTI_DIMENSIONS.iter().position(|other| *other == name);
    single
        .map(|place| fields.single[place])
        .or_else(|| multi.map(|place| fields.multi[place]))
}
