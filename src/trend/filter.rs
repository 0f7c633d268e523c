//! The `where` of a rule, on the stream and in the index.

use super::contribution::Contribution;
use super::dims::Dimension;
use super::error::TrendError;
use crate::index::schema::{Fields, MULTI_DIMENSIONS, SINGLE_DIMENSIONS};
use crate::item::{AnalyzedRecord, Token};
use tantivy::Term;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::IndexRecordOption;

/// Decides whether a rule counts an item. Both ways must agree: `matches` is asked for items of the stream, the doc set of
/// `query` is used when the counts are rebuilt.
pub trait ItemFilter: Send + Sync {
    fn matches(&self, record: &AnalyzedRecord, title_tokens: &[Token], text_tokens: &[Token], source: &str) -> bool;
    /// The same as a query; an error is one line.
    fn query(&self, fields: &Fields) -> Result<Box<dyn Query>, String>;
}

/// All of some `dimension:value`: the part of the grammar that needs no words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldFilter {
    wanted: Vec<(Dimension, String)>,
}

/// Reads the `where` of a rule.
pub(super) fn parse(text: &str) -> Result<Box<dyn ItemFilter>, TrendError> {
    let wanted = wanted(text).map_err(|message| TrendError::Filter {
        query: text.to_owned(),
        message,
    })?;
    Ok(Box::new(FieldFilter { wanted }))
}

fn wanted(text: &str) -> Result<Vec<(Dimension, String)>, String> {
    let mut wanted = Vec::new();
    for term in text.split_whitespace() {
        let (name, value) = term
            .split_once(':')
            .ok_or_else(|| format!("`{term}` is not `dimension:value`"))?;
        let dimension = Dimension::from_name(name)
            .filter(|dimension| dimension.is_text())
            .ok_or_else(|| format!("`{name}` is not a dimension with words"))?;
        wanted.push((dimension, value.to_owned()));
    }
    Ok(wanted)
}

impl ItemFilter for FieldFilter {
    fn matches(&self, record: &AnalyzedRecord, _title: &[Token], _text: &[Token], source: &str) -> bool {
        let contribution = Contribution::of(record, source, 0);
        self.wanted.iter().all(|(dimension, value)| {
            contribution
                .values()
                .any(|(other, found)| other == *dimension && found == value)
        })
    }

    fn query(&self, fields: &Fields) -> Result<Box<dyn Query>, String> {
        let mut terms: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for (dimension, value) in &self.wanted {
            let field = field_of(fields, *dimension).ok_or_else(|| format!("no field `{}`", dimension.name()))?;
            let term = Term::from_field_text(field, value);
            terms.push((Occur::Must, Box::new(TermQuery::new(term, IndexRecordOption::Basic))));
        }
        Ok(Box::new(BooleanQuery::new(terms)))
    }
}

/// The field of a dimension that the index keeps as terms.
pub(super) fn field_of(fields: &Fields, dimension: Dimension) -> Option<tantivy::schema::Field> {
    let name = dimension.name();
    let single = SINGLE_DIMENSIONS.iter().position(|other| *other == name);
    let multi = MULTI_DIMENSIONS.iter().position(|other| *other == name);
    single
        .map(|place| fields.single[place])
        .or_else(|| multi.map(|place| fields.multi[place]))
}
