//! The parser: a query string becomes a tree. Depth and size are bounded before anything recurses.
//!
//! ```text
//! query   = any ;  any = all { "OR" all } ;  all = unary { ["AND"] unary } ;  unary = ("NOT" | "-") unary | leaf
//! leaf    = "(" any ")" | phrase | field ":" value | word
//! value   = "(" any of values ")" | phrase | word | ("<" | "<=" | ">" | ">=") word | word ".." word
//! phrase  = '"' … '"' | '“' … '”'
//! ```

use super::field::{FlagField, QueryField, TimeField, field_names};
use super::leaf::leaf_of;
use super::when::TimeValue;
use super::{Filter, SearchError, Tokenize};
use crate::config::SearchConfig;
use crate::index::schema::Fields;
use crate::nearest::nearest;
use chrono_tz::Tz;

/// No configuration may allow more nesting than the stack surely holds.
const HARD_MAX_DEPTH: usize = 128;

/// A parsed query: valid, but not yet tied to a segmenter and a time zone ([`Query::bind`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub(super) root: Node,
    pub(super) max_clauses: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    All,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Words {
        scope: Scope,
        text: String,
    },
    Phrase {
        scope: Scope,
        text: String,
    },
    Token(String),
    Value {
        field: QueryField,
        value: String,
    },
    /// Inclusive, in tenths.
    Rating {
        low: u64,
        high: u64,
    },
    Flag(FlagField, bool),
    Time {
        field: TimeField,
        from: Option<Edge>,
        to: Option<Edge>,
    },
}

/// Where words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Both,
    Title,
    Text,
}

/// One end of a time range: before or after the written span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    StartOf(TimeValue),
    EndOf(TimeValue),
}

impl Edge {
    pub(super) fn ms(self, zone: Tz) -> i64 {
        match self {
            Self::StartOf(time) => time.start_ms(zone),
            Self::EndOf(time) => time.end_ms(zone),
        }
    }
}

impl Query {
    /// Matches everything.
    pub fn all() -> Self {
        Self {
            root: Node::All,
            max_clauses: usize::MAX,
        }
    }

    /// Parses the grammar of the module text. An empty text matches everything.
    pub fn parse(text: &str, limits: &SearchConfig) -> Result<Self, SearchError> {
        if text.len() > limits.max_query_bytes {
            return Err(SearchError::TooLong {
                length: text.len(),
                limit: limits.max_query_bytes,
            });
        }
        let mut parser = Parser {
            chars: text.chars().collect(),
            at: 0,
            depth: 0,
            clauses: 0,
            max_depth: limits.max_depth.min(HARD_MAX_DEPTH),
            max_clauses: limits.max_clauses,
            field: None,
        };
        parser.skip_space();
        let root = if parser.ended() { Node::All } else { parser.any()? };
        match parser.peek() {
            None => Ok(Self {
                root,
                max_clauses: limits.max_clauses,
            }),
            Some(_) => Err(syntax(
                "this `)` closes nothing",
                parser.at,
                Some("remove it or open it with `(`"),
            )),
        }
    }

    /// Segments the words and places the dates: what then matches records and searches indexes.
    ///
    /// Errors: more tokens than clauses are allowed, or nothing to search for (a query of punctuation alone).
    pub fn bind(&self, tokenizer: &dyn Tokenize, zone: Tz) -> Result<Filter, SearchError> {
        Filter::of(self, tokenizer, zone)
    }

    /// [`Query::bind`] and [`Filter::to_tantivy`] in one.
    pub fn to_tantivy(
        &self,
        fields: &Fields,
        tokenizer: &dyn Tokenize,
        zone: Tz,
    ) -> Result<Box<dyn tantivy::query::Query>, SearchError> {
        Ok(self.bind(tokenizer, zone)?.to_tantivy(fields))
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    clauses: usize,
    max_depth: usize,
    max_clauses: usize,
    /// Set inside `field:( … )`.
    field: Option<QueryField>,
}

fn syntax(message: &str, at: usize, suggestion: Option<&str>) -> SearchError {
    SearchError::Syntax {
        message: message.to_owned(),
        at,
        suggestion: suggestion.map(str::to_owned),
    }
}

fn opens(found: char) -> bool {
    matches!(found, '(' | '（')
}

fn closes(found: char) -> bool {
    matches!(found, ')' | '）')
}

fn quotes(found: char) -> bool {
    matches!(found, '"' | '“' | '”')
}

fn ends_word(found: char) -> bool {
    found.is_whitespace() || opens(found) || closes(found) || quotes(found)
}

impl Parser {
    fn any(&mut self) -> Result<Node, SearchError> {
        let mut alternatives = vec![self.all()?];
        while self.keyword("OR") {
            alternatives.push(self.all()?);
        }
        Ok(one_or(alternatives, Node::Or))
    }

    fn all(&mut self) -> Result<Node, SearchError> {
        let mut parts = Vec::new();
        loop {
            self.skip_space();
            let place = self.at;
            if !parts.is_empty() && self.keyword("AND") {
                self.skip_space();
                if self.ended() || self.peek().is_some_and(closes) {
                    return Err(syntax("nothing follows this AND", place, Some("write a word after it")));
                }
            }
            match self.peek() {
                None => break,
                Some(found) if closes(found) => break,
                Some(_) if self.at_keyword("OR") => break,
                Some(_) => parts.push(self.unary()?),
            }
        }
        if parts.is_empty() {
            return Err(syntax(
                "a word, a phrase or `field:value` must stand here",
                self.at,
                Some("to search for a bracket or for the word OR, quote it"),
            ));
        }
        Ok(one_or(parts, Node::And))
    }

    fn unary(&mut self) -> Result<Node, SearchError> {
        let negated = self.keyword("NOT") || self.minus();
        if !negated {
            return self.leaf();
        }
        self.deeper()?;
        self.skip_space();
        if self.ended() || self.peek().is_some_and(closes) || self.at_keyword("OR") {
            return Err(syntax(
                "nothing follows this NOT",
                self.at,
                Some("write a word after it"),
            ));
        }
        let inner = self.unary()?;
        self.depth -= 1;
        Ok(Node::Not(Box::new(inner)))
    }

    fn leaf(&mut self) -> Result<Node, SearchError> {
        if self.peek().is_some_and(opens) {
            return self.group();
        }
        let place = self.at;
        if let Some(field) = self.field {
            let quoted = self.peek().is_some_and(quotes);
            let value = if quoted { self.quoted()? } else { self.word() };
            self.count(place)?;
            return leaf_of(field, value, quoted, place);
        }
        if self.peek().is_some_and(quotes) {
            let text = self.quoted()?;
            self.count(place)?;
            return Ok(Node::Phrase {
                scope: Scope::Both,
                text,
            });
        }
        if let Some(field) = self.field_prefix()? {
            return self.value_of(field);
        }
        self.count(place)?;
        Ok(Node::Words {
            scope: Scope::Both,
            text: self.word(),
        })
    }

    fn group(&mut self) -> Result<Node, SearchError> {
        let opened_at = self.at;
        self.at += 1;
        self.deeper()?;
        let inner = self.any()?;
        if !self.peek().is_some_and(closes) {
            return Err(syntax("this `(` is not closed", opened_at, Some("add `)`")));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(inner)
    }

    /// The value after `field:`.
    fn value_of(&mut self, field: QueryField) -> Result<Node, SearchError> {
        let place = self.at;
        match self.peek() {
            Some(found) if opens(found) => {
                self.field = Some(field);
                let inner = self.group();
                self.field = None;
                inner
            }
            Some(found) if quotes(found) => {
                let value = self.quoted()?;
                self.count(place)?;
                leaf_of(field, value, true, place)
            }
            Some(found) if !ends_word(found) => {
                let value = self.word();
                self.count(place)?;
                leaf_of(field, value, false, place)
            }
            _ => Err(syntax(
                &format!("a value must follow `{}:` without a space", field.name()),
                place,
                None,
            )),
        }
    }

    /// Consumes `name:`. An ASCII name before an ASCII colon must be a field; before a full-width colon it may be text.
    fn field_prefix(&mut self) -> Result<Option<QueryField>, SearchError> {
        let mut end = self.at;
        while self
            .chars
            .get(end)
            .is_some_and(|found| found.is_ascii_alphabetic() || *found == '_')
        {
            end += 1;
        }
        let colon = self.chars.get(end).copied();
        if end == self.at || !matches!(colon, Some(':' | '：')) {
            return Ok(None);
        }
        let name: String = self.chars[self.at..end].iter().collect();
        match QueryField::named(&name) {
            Some(field) => {
                self.at = end + 1;
                Ok(Some(field))
            }
            None if colon == Some('：') => Ok(None),
            None => Err(SearchError::UnknownField {
                suggestion: Some(match nearest(&name, field_names()) {
                    Some(field) => field.to_owned(),
                    None => "to search for a text with a colon, quote it".to_owned(),
                }),
                name,
                at: self.at,
            }),
        }
    }

    fn word(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|found| !ends_word(found)) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    /// A quoted text; `\` keeps the next character as it is.
    fn quoted(&mut self) -> Result<String, SearchError> {
        let opened_at = self.at;
        let closing = if self.peek() == Some('"') { '"' } else { '”' };
        self.at += 1;
        let mut text = String::new();
        while let Some(found) = self.peek() {
            self.at += 1;
            if found == closing {
                return Ok(text);
            }
            if found == '\\' {
                if let Some(escaped) = self.peek() {
                    text.push(escaped);
                    self.at += 1;
                }
            } else {
                text.push(found);
            }
        }
        Err(syntax(
            "this quote is not closed",
            opened_at,
            Some(&format!("add `{closing}`")),
        ))
    }

    /// A `-` that negates: before something, not alone.
    fn minus(&mut self) -> bool {
        let negates = self.peek() == Some('-')
            && self
                .chars
                .get(self.at + 1)
                .is_some_and(|next| !next.is_whitespace() && !closes(*next));
        if negates {
            self.at += 1;
        }
        negates
    }

    fn at_keyword(&self, keyword: &str) -> bool {
        let end = self.at + keyword.len();
        end <= self.chars.len()
            && self.chars[self.at..end].iter().copied().eq(keyword.chars())
            && self.chars.get(end).is_none_or(|next| ends_word(*next))
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.at_keyword(keyword);
        if found {
            self.at += keyword.len();
        }
        found
    }

    fn deeper(&mut self) -> Result<(), SearchError> {
        self.depth += 1;
        if self.depth > self.max_depth {
            return Err(SearchError::TooDeep {
                limit: self.max_depth,
                at: self.at,
            });
        }
        Ok(())
    }

    fn count(&mut self, place: usize) -> Result<(), SearchError> {
        self.clauses += 1;
        if self.clauses > self.max_clauses {
            return Err(SearchError::TooManyClauses {
                limit: self.max_clauses,
                at: Some(place),
            });
        }
        Ok(())
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn ended(&self) -> bool {
        self.at >= self.chars.len()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }
}

fn one_or(mut nodes: Vec<Node>, combine: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            combine(nodes)
        }
        None => Node::All,
    }
}
