//! A filter as a tantivy query. Filters on dimensions do not score; words score by BM25, the title counts double, and
//! neighbours in the query that are neighbours in the text score more.

use super::Filter;
use super::field::{FlagField, TimeField};
use super::filter::{Clause, clamp_ms};
use super::guarded::Guarded;
use super::parse::Scope;
use crate::index::id_term;
use crate::index::schema::Fields;
use crate::item::Precision;
use std::ops::Bound;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, EmptyQuery, Occur, PhraseQuery, Query, RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DateTime, Term};

const TITLE_BOOST: f32 = 2.0;
const ADJACENT_BOOST: f32 = 1.5;
/// Tokens between two neighbours that still count as adjacent: `快递太慢了` for `快递慢`.
const ADJACENT_SLOP: u32 = 2;

impl Filter {
    /// The query that selects the alive documents which [`Filter::matches`] accepts.
    pub fn to_tantivy(&self, fields: &Fields) -> Box<dyn Query> {
        Box::new(BooleanQuery::new(vec![
            (Occur::Must, self.root.plan(fields)),
            (Occur::MustNot, silent(bool_query(fields.tombstone, true))),
        ]))
    }
}

impl Clause {
    fn plan(&self, fields: &Fields) -> Box<dyn Query> {
        match self {
            Self::All => everything(),
            Self::None => Box::new(EmptyQuery),
            Self::And(clauses) => conjunction(clauses, fields),
            Self::Or(clauses) => Box::new(BooleanQuery::new(
                clauses
                    .iter()
                    .map(|clause| (Occur::Should, clause.plan(fields)))
                    .collect(),
            )),
            Self::Not(_) => conjunction(std::slice::from_ref(self), fields),
            Self::Words {
                scope,
                tokens,
                positions,
            } => words(*scope, tokens, positions, fields),
            Self::Phrase { scope, positions } => any_of(
                scoped_fields(*scope, fields)
                    .into_iter()
                    .map(|(field, boost)| boosted(phrase(field, positions, 0), boost)),
            ),
            Self::Single { ordinal, value } => keyword(fields.single[*ordinal], value),
            Self::Multi { ordinal, value } => keyword(fields.multi[*ordinal], value),
            Self::Keyword(value) => keyword(fields.keyword, value),
            Self::Topic(value) => keyword(fields.topic, value),
            Self::Rating { low, high } => range(
                Bound::Included(Term::from_field_u64(fields.rating, *low)),
                Bound::Included(Term::from_field_u64(fields.rating, *high)),
            ),
            Self::Flag(flag, value) => {
                let field = match flag {
                    FlagField::Valid => fields.valid,
                    FlagField::Voice => fields.voice,
                    FlagField::Duplicate => fields.duplicate,
                };
                silent(bool_query(field, *value))
            }
            Self::Time { field, from, to } => {
                let field = match field {
                    TimeField::PublishedAt => fields.published_at,
                    TimeField::CollectedAt => fields.collected_at,
                };
                time_range(field, *from, *to)
            }
            Self::Author(hash) => {
                let author = || Bound::Included(Term::from_field_u64(fields.author, *hash));
                range(author(), author())
            }
            Self::Id(hash) => silent(term_query(id_term(fields, *hash))),
        }
    }
}

/// Restricts a query to event times in [from, to), ms UTC.
pub(super) fn with_time(query: Box<dyn Query>, fields: &Fields, from: Option<i64>, to: Option<i64>) -> Box<dyn Query> {
    match (from, to) {
        (None, None) => query,
        (Some(from), Some(to)) if from >= to => Box::new(EmptyQuery),
        _ => {
            let window = time_range(fields.published_at, from.map(clamp_ms), to.map(clamp_ms));
            both(query, window)
        }
    }
}

/// Restricts a query to what trends count: event times exact to the day at least, and in the de-duplicated series the
/// first valid voice of each group.
pub(super) fn counted_query(query: Box<dyn Query>, fields: &Fields, deduplicated: bool) -> Box<dyn Query> {
    let exact = Term::from_field_u64(fields.precision, Precision::Day as u64);
    let mut query = both(query, range(Bound::Unbounded, Bound::Included(exact)));
    if deduplicated {
        for (field, value) in [(fields.valid, true), (fields.voice, true), (fields.duplicate, false)] {
            query = both(query, silent(bool_query(field, value)));
        }
    }
    query
}

fn both(left: Box<dyn Query>, right: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(BooleanQuery::new(vec![(Occur::Must, left), (Occur::Must, right)]))
}

/// Documents of a field within [from, to), ms UTC; both open means all.
fn time_range(field: Field, from: Option<i64>, to: Option<i64>) -> Box<dyn Query> {
    if from.is_none() && to.is_none() {
        return everything();
    }
    let term = |ms: i64| Term::from_field_date(field, DateTime::from_timestamp_millis(ms));
    range(
        from.map_or(Bound::Unbounded, |ms| Bound::Included(term(ms))),
        to.map_or(Bound::Unbounded, |ms| Bound::Excluded(term(ms))),
    )
}

fn conjunction(clauses: &[Clause], fields: &Fields) -> Box<dyn Query> {
    let mut parts: Vec<(Occur, Box<dyn Query>)> = Vec::with_capacity(clauses.len() + 1);
    for clause in clauses {
        parts.push(match clause {
            Clause::Not(inner) => (Occur::MustNot, inner.plan(fields)),
            positive => (Occur::Must, positive.plan(fields)),
        });
    }
    if parts.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        parts.push((Occur::Must, everything()));
    }
    Box::new(BooleanQuery::new(parts))
}

fn words(scope: Scope, tokens: &[String], positions: &[(u32, String)], fields: &Fields) -> Box<dyn Query> {
    let searched = scoped_fields(scope, fields);
    let one = |token: &String| {
        any_of(searched.iter().map(|(field, boost)| {
            let query = TermQuery::new(Term::from_field_text(*field, token), IndexRecordOption::WithFreqs);
            boosted(Box::new(query), *boost)
        }))
    };
    if let [only] = tokens {
        return one(only);
    }
    let mut parts: Vec<(Occur, Box<dyn Query>)> = tokens.iter().map(|token| (Occur::Must, one(token))).collect();
    let heads = heads(positions);
    if heads.len() > 1 {
        for (field, boost) in &searched {
            let adjacent = phrase(*field, &heads, ADJACENT_SLOP);
            parts.push((Occur::Should, boosted(adjacent, boost * ADJACENT_BOOST)));
        }
    }
    Box::new(BooleanQuery::new(parts))
}

/// The longest token at each position: what stands next to each other in the query.
fn heads(positions: &[(u32, String)]) -> Vec<(u32, String)> {
    let mut heads: Vec<(u32, String)> = Vec::new();
    for (position, token) in positions {
        match heads.last_mut() {
            Some(last) if last.0 == *position => {
                if token.len() > last.1.len() {
                    last.1.clone_from(token);
                }
            }
            _ => heads.push((*position, token.clone())),
        }
    }
    heads
}

fn phrase(field: Field, positions: &[(u32, String)], slop: u32) -> Box<dyn Query> {
    let term = |token: &String| Term::from_field_text(field, token);
    match positions {
        [] => Box::new(EmptyQuery),
        [(_, only)] => Box::new(TermQuery::new(term(only), IndexRecordOption::WithFreqs)),
        several => Box::new(Guarded(Box::new(PhraseQuery::new_with_offset_and_slop(
            several
                .iter()
                .map(|(distance, token)| (*distance as usize, term(token)))
                .collect(),
            slop,
        )))),
    }
}

fn scoped_fields(scope: Scope, fields: &Fields) -> Vec<(Field, f32)> {
    match scope {
        Scope::Both => vec![(fields.title, TITLE_BOOST), (fields.text, 1.0)],
        Scope::Title => vec![(fields.title, TITLE_BOOST)],
        Scope::Text => vec![(fields.text, 1.0)],
    }
}

fn any_of(queries: impl Iterator<Item = Box<dyn Query>>) -> Box<dyn Query> {
    Box::new(BooleanQuery::new(queries.map(|query| (Occur::Should, query)).collect()))
}

fn boosted(query: Box<dyn Query>, boost: f32) -> Box<dyn Query> {
    if boost == 1.0 {
        return query;
    }
    Box::new(BoostQuery::new(query, boost))
}

fn keyword(field: Field, value: &str) -> Box<dyn Query> {
    silent(term_query(Term::from_field_text(field, value)))
}

fn bool_query(field: Field, value: bool) -> Box<dyn Query> {
    term_query(Term::from_field_bool(field, value))
}

fn term_query(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn everything() -> Box<dyn Query> {
    silent(Box::new(AllQuery))
}

fn range(low: Bound<Term>, high: Bound<Term>) -> Box<dyn Query> {
    silent(Box::new(Guarded(Box::new(RangeQuery::new(low, high)))))
}

/// A query that selects without scoring.
fn silent(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}
