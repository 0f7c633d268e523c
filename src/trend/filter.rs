//! The `where` of a rule: the search grammar, on the stream and in the index.

use super::error::TrendError;
use crate::config::Config;
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
