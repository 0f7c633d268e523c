//! Fast fields as what facets, histograms and orders count and compare.

use super::SearchError;
use crate::index::schema::{MULTI_DIMENSIONS, SINGLE_DIMENSIONS};
use tantivy::columnar::{Column, StrColumn};
use tantivy::{DocId, SegmentReader};

/// A field whose values can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FacetField {
    name: &'static str,
    kind: FacetKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FacetKind {
    Words,
    Switch,
    Tenths,
}

const OTHER_FACETS: [(&str, FacetKind); 6] = [
    ("topic", FacetKind::Words),
    ("keyword", FacetKind::Words),
    ("valid", FacetKind::Switch),
    ("voice", FacetKind::Switch),
    ("duplicate", FacetKind::Switch),
    ("rating", FacetKind::Tenths),
];

impl FacetField {
    pub fn names() -> impl Iterator<Item = &'static str> {
        SINGLE_DIMENSIONS
            .into_iter()
            .chain(MULTI_DIMENSIONS)
            .chain(OTHER_FACETS.iter().map(|(name, _)| *name))
    }

    pub fn named(wanted: &str) -> Option<Self> {
        let dimension = SINGLE_DIMENSIONS.into_iter().chain(MULTI_DIMENSIONS);
        dimension
            .map(|name| (name, FacetKind::Words))
            .chain(OTHER_FACETS)
            .find(|(name, _)| *name == wanted)
            .map(|(name, kind)| Self { name, kind })
    }

    pub fn name(self) -> &'static str {
        self.name
    }
}

/// The values of a facet field in one segment, as small numbers.
pub(super) enum FacetColumn {
    Words(StrColumn),
    Switch(Column<bool>),
    Tenths(Column<u64>),
    /// No document of the segment has the field.
    Missing,
}

/// Above this a stored rating is not one.
const MAX_TENTHS: u64 = 1_000;

impl FacetColumn {
    pub fn open(reader: &SegmentReader, field: FacetField) -> Result<Self, SearchError> {
        let fast = reader.fast_fields();
        Ok(match field.kind {
            FacetKind::Words => fast.str(field.name)?.map_or(Self::Missing, Self::Words),
            FacetKind::Switch => fast.column_opt(field.name)?.map_or(Self::Missing, Self::Switch),
            FacetKind::Tenths => fast.column_opt(field.name)?.map_or(Self::Missing, Self::Tenths),
        })
    }

    /// Numbers of values are below this.
    pub fn size(&self) -> usize {
        match self {
            Self::Words(column) => column.num_terms(),
            Self::Switch(_) => 2,
            Self::Tenths(_) => MAX_TENTHS as usize + 1,
            Self::Missing => 0,
        }
    }

    /// The distinct values of a document into `values`.
    pub fn values(&self, doc: DocId, values: &mut Vec<u32>) {
        values.clear();
        match self {
            Self::Words(column) => {
                for ord in column.term_ords(doc) {
                    let ord = ord as u32;
                    if !values.contains(&ord) {
                        values.push(ord);
                    }
                }
            }
            Self::Switch(column) => values.extend(column.first(doc).map(u32::from)),
            Self::Tenths(column) => {
                values.extend(
                    column
                        .first(doc)
                        .filter(|tenths| (1..=MAX_TENTHS).contains(tenths))
                        .map(|tenths| tenths as u32),
                );
            }
            Self::Missing => {}
        }
    }

    /// The value with this number, as the API writes it.
    pub fn name(&self, value: u32) -> Result<String, SearchError> {
        Ok(match self {
            Self::Words(column) => {
                let mut name = String::new();
                column.ord_to_str(u64::from(value), &mut name)?;
                name
            }
            Self::Switch(_) => (value == 1).to_string(),
            Self::Tenths(_) if value.is_multiple_of(10) => (value / 10).to_string(),
            Self::Tenths(_) => format!("{}.{}", value / 10, value % 10),
            Self::Missing => String::new(),
        })
    }
}
