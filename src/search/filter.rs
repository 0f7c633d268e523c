//! A query with its words segmented and its dates placed; tests records one by one.

use super::field::{FlagField, QueryField, TimeField, multi_contains};
use super::parse::{Node, Scope};
use super::{Query, SearchError, Tokenize};
use crate::index::{author_hash, id_hash, rating_tenths, single, topic, usable_event_time};
use crate::item::{AnalyzedRecord, Tokens};
use crate::trend::is_voice;
use chrono_tz::Tz;
use xxhash_rust::xxh3::xxh3_64;

/// A query ready to match. Cheap to test; [`Filter::to_tantivy`] selects the same documents of an index.
#[derive(Debug, Clone)]
pub struct Filter {
    pub(super) root: Clause,
}

#[derive(Debug, Clone)]
pub(super) enum Clause {
    All,
    And(Vec<Clause>),
    Or(Vec<Clause>),
    Not(Box<Clause>),
    /// Every token somewhere in the scope; the positions only raise the score of texts that have them adjacent.
    Words {
        scope: Scope,
        tokens: Vec<String>,
        positions: Vec<(u32, String)>,
    },
    /// All tokens at these distances in one field of the scope.
    Phrase {
        scope: Scope,
        positions: Vec<(u32, String)>,
    },
    Single {
        ordinal: usize,
        value: String,
    },
    Multi {
        ordinal: usize,
        value: String,
    },
    Keyword(String),
    Topic(String),
    /// Inclusive, in tenths, never 0.
    Rating {
        low: u64,
        high: u64,
    },
    Flag(FlagField, bool),
    /// Half-open, ms UTC.
    Time {
        field: TimeField,
        from: Option<i64>,
        to: Option<i64>,
    },
    Author(u64),
    Id(u128),
    None,
}

/// One document as the stream has it.
#[derive(Debug, Clone, Copy)]
struct Document<'a> {
    record: &'a AnalyzedRecord,
    source: &'a str,
    title_tokens: &'a Tokens,
    text_tokens: &'a Tokens,
}

impl Filter {
    pub(super) fn of(query: &Query, tokenizer: &dyn Tokenize, zone: Tz) -> Result<Self, SearchError> {
        let mut binder = Binder {
            tokenizer,
            zone,
            tokens: 0,
            max_tokens: query.max_clauses,
        };
        match binder.bind(&query.root)? {
            Some(root) => Ok(Self { root }),
            None => Err(SearchError::NothingSearchable),
        }
    }

    /// The one item with this id.
    pub fn of_id(id: &str) -> Self {
        Self {
            root: Clause::Id(id_hash(id)),
        }
    }

    /// Whether the record is one that the query selects; `source` is the configured name. Agrees with
    /// [`Filter::to_tantivy`] on the same record. Some hundred nanoseconds for a query of dimensions, and for each
    /// word one comparison with each token.
    pub fn matches(&self, record: &AnalyzedRecord, title_tokens: &Tokens, text_tokens: &Tokens, source: &str) -> bool {
        self.root.matches(&Document {
            record,
            source,
            title_tokens,
            text_tokens,
        })
    }

    /// Whether [`Filter::matches`] looks at the tokens at all.
    pub fn reads_words(&self) -> bool {
        self.root.reads_words()
    }

    /// Tokens that a hit contains because the query asked for them; nothing below a NOT.
    pub fn wanted_tokens(&self) -> Vec<&str> {
        let mut wanted = Vec::new();
        self.root.collect_wanted(&mut wanted);
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }
}

struct Binder<'a> {
    tokenizer: &'a dyn Tokenize,
    zone: Tz,
    tokens: usize,
    max_tokens: usize,
}

impl Binder<'_> {
    /// `None`: the node has nothing to search for (punctuation) and is left out.
    fn bind(&mut self, node: &Node) -> Result<Option<Clause>, SearchError> {
        Ok(Some(match node {
            Node::All => Clause::All,
            Node::And(nodes) => return Ok(combined(self.bind_each(nodes)?, Clause::And)),
            Node::Or(nodes) => return Ok(combined(self.bind_each(nodes)?, Clause::Or)),
            Node::Not(inner) => return Ok(self.bind(inner)?.map(|inner| Clause::Not(Box::new(inner)))),
            Node::Words { scope, text } => return self.words(*scope, text),
            Node::Phrase { scope, text } => return self.phrase(*scope, text),
            Node::Token(token) => {
                let folded = self.tokenizer.query_tokens(token);
                // A term that the segmenter keeps whole is looked up in its folded form, any other as it is written.
                let text = match folded.get(0) {
                    Some(only) if folded.len() == 1 => only.text.to_owned(),
                    _ => token.clone(),
                };
                Clause::Words {
                    scope: Scope::Both,
                    tokens: vec![text],
                    positions: Vec::new(),
                }
            }
            Node::Value { field, value } => value_clause(*field, value),
            Node::Rating { low, high } if low > high => Clause::None,
            Node::Rating { low, high } => Clause::Rating { low: *low, high: *high },
            Node::Flag(flag, value) => Clause::Flag(*flag, *value),
            Node::Time { field, from, to } => {
                let from = from.map(|edge| clamp_ms(edge.ms(self.zone)));
                let to = to.map(|edge| clamp_ms(edge.ms(self.zone)));
                match (from, to) {
                    (Some(from), Some(to)) if from >= to => Clause::None,
                    _ => Clause::Time {
                        field: *field,
                        from,
                        to,
                    },
                }
            }
        }))
    }

    fn bind_each(&mut self, nodes: &[Node]) -> Result<Vec<Clause>, SearchError> {
        let mut clauses = Vec::with_capacity(nodes.len());
        for node in nodes {
            clauses.extend(self.bind(node)?);
        }
        Ok(clauses)
    }

    fn words(&mut self, scope: Scope, text: &str) -> Result<Option<Clause>, SearchError> {
        let found = self.segment(text)?;
        let mut tokens: Vec<String> = found.iter().map(|token| token.text.to_owned()).collect();
        tokens.sort_unstable();
        tokens.dedup();
        Ok((!tokens.is_empty()).then(|| Clause::Words {
            scope,
            tokens,
            positions: positions(&found),
        }))
    }

    fn phrase(&mut self, scope: Scope, text: &str) -> Result<Option<Clause>, SearchError> {
        let positions = positions(&self.segment(text)?);
        Ok((!positions.is_empty()).then_some(Clause::Phrase { scope, positions }))
    }

    fn segment(&mut self, text: &str) -> Result<Tokens, SearchError> {
        let tokens = self.tokenizer.query_tokens(text);
        self.tokens += tokens.len();
        if self.tokens > self.max_tokens {
            return Err(SearchError::TooManyClauses {
                limit: self.max_tokens,
                at: None,
            });
        }
        Ok(tokens)
    }
}

fn combined(mut clauses: Vec<Clause>, combine: fn(Vec<Clause>) -> Clause) -> Option<Clause> {
    match clauses.len() {
        0 => None,
        1 => clauses.pop(),
        _ => Some(combine(clauses)),
    }
}

/// Distances from the first token, each (distance, token) once.
fn positions(tokens: &Tokens) -> Vec<(u32, String)> {
    let first = tokens.iter().map(|token| token.position).min().unwrap_or(0);
    let mut positions: Vec<(u32, String)> = tokens
        .iter()
        .map(|token| (token.position - first, token.text.to_owned()))
        .collect();
    positions.sort_unstable();
    positions.dedup();
    positions
}

/// tantivy counts nanoseconds in an `i64` and multiplies unchecked.
pub(super) fn clamp_ms(ms: i64) -> i64 {
    const LIMIT_MS: i64 = i64::MAX / 1_000_000;
    ms.clamp(-LIMIT_MS, LIMIT_MS)
}

fn value_clause(field: QueryField, value: &str) -> Clause {
    let value = value.to_owned();
    match field {
        QueryField::Single(ordinal) => Clause::Single { ordinal, value },
        QueryField::Multi(ordinal) => Clause::Multi { ordinal, value },
        QueryField::Keyword => Clause::Keyword(value),
        QueryField::Topic => Clause::Topic(value),
        QueryField::Author => Clause::Author(xxh3_64(value.as_bytes())),
        QueryField::Id => Clause::Id(id_hash(&value)),
        QueryField::Title
        | QueryField::Text
        | QueryField::Term
        | QueryField::Rating
        | QueryField::Flag(_)
        | QueryField::Time(_) => Clause::None,
    }
}

impl Clause {
    fn matches(&self, document: &Document<'_>) -> bool {
        let record = document.record;
        match self {
            Self::All => true,
            Self::None => false,
            Self::And(clauses) => clauses.iter().all(|clause| clause.matches(document)),
            Self::Or(clauses) => clauses.iter().any(|clause| clause.matches(document)),
            Self::Not(inner) => !inner.matches(document),
            Self::Words { scope, tokens, .. } => {
                let (title, text) = document.scoped(*scope);
                let has = |list: Option<&Tokens>, wanted: &str| {
                    list.is_some_and(|list| list.iter().any(|token| token.text == wanted))
                };
                tokens.iter().all(|wanted| has(text, wanted) || has(title, wanted))
            }
            Self::Phrase { scope, positions } => {
                let (title, text) = document.scoped(*scope);
                [text, title]
                    .into_iter()
                    .flatten()
                    .any(|tokens| has_phrase(tokens, positions))
            }
            Self::Single { ordinal, value } => single(record, document.source, *ordinal) == Some(value),
            Self::Multi { ordinal, value } => multi_contains(record, *ordinal, value),
            Self::Keyword(value) => record.item.source.keyword.as_deref() == Some(value),
            Self::Topic(value) => topic(&record.position.record) == value,
            Self::Rating { low, high } => (*low..=*high).contains(&rating_tenths(record)),
            Self::Flag(FlagField::Valid, wanted) => record.analysis.valid.label == *wanted,
            Self::Flag(FlagField::Voice, wanted) => is_voice(record) == *wanted,
            Self::Flag(FlagField::Duplicate, wanted) => record.analysis.duplicate.is_some() == *wanted,
            Self::Time { field, from, to } => {
                let at = match field {
                    TimeField::PublishedAt => usable_event_time(record),
                    TimeField::CollectedAt => Some(record.item.collected_at),
                };
                at.is_some_and(|at| from.is_none_or(|from| at >= from) && to.is_none_or(|to| at < to))
            }
            Self::Author(hash) => author_hash(record) == *hash,
            Self::Id(hash) => id_hash(&record.item.id) == *hash,
        }
    }

    fn reads_words(&self) -> bool {
        match self {
            Self::And(clauses) | Self::Or(clauses) => clauses.iter().any(Self::reads_words),
            Self::Not(clause) => clause.reads_words(),
            Self::Words { .. } | Self::Phrase { .. } => true,
            _ => false,
        }
    }

    fn collect_wanted<'a>(&'a self, wanted: &mut Vec<&'a str>) {
        match self {
            Self::And(clauses) | Self::Or(clauses) => {
                for clause in clauses {
                    clause.collect_wanted(wanted);
                }
            }
            Self::Words { tokens, .. } => wanted.extend(tokens.iter().map(String::as_str)),
            Self::Phrase { positions, .. } => wanted.extend(positions.iter().map(|(_, text)| text.as_str())),
            _ => {}
        }
    }
}

impl<'a> Document<'a> {
    fn scoped(&self, scope: Scope) -> (Option<&'a Tokens>, Option<&'a Tokens>) {
        match scope {
            Scope::Both => (Some(self.title_tokens), Some(self.text_tokens)),
            Scope::Title => (Some(self.title_tokens), None),
            Scope::Text => (None, Some(self.text_tokens)),
        }
    }
}

fn has_phrase(tokens: &Tokens, positions: &[(u32, String)]) -> bool {
    let Some(((_, first), rest)) = positions.split_first() else {
        return false;
    };
    let has = |wanted: &str, position: u32| {
        tokens
            .iter()
            .any(|token| token.position == position && token.text == wanted)
    };
    tokens.iter().filter(|token| token.text == *first).any(|start| {
        rest.iter()
            .all(|(distance, wanted)| has(wanted, start.position + distance))
    })
}
