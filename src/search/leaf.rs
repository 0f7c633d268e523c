//! Values after `field:`: which node of the tree they become, and ranges of ratings and times.

use super::SearchError;
use super::field::{ASPECT_POLARITY_SIGNS, QueryField, TimeField};
use super::parse::{Edge, Node, Scope};
use super::when::{TIME_FORMS, TimeValue};
use crate::index::schema::MULTI_DIMENSIONS;

pub(super) fn leaf_of(field: QueryField, value: String, quoted: bool, at: usize) -> Result<Node, SearchError> {
    let words = |scope, text| {
        if quoted {
            Node::Phrase { scope, text }
        } else {
            Node::Words { scope, text }
        }
    };
    Ok(match field {
        QueryField::Title => words(Scope::Title, value),
        QueryField::Text => words(Scope::Text, value),
        QueryField::Term => Node::Token(value),
        QueryField::Rating => rating(&value, at)?,
        QueryField::Time(time) => time_range(time, &value, at)?,
        QueryField::Flag(flag) => match value.as_str() {
            "true" => Node::Flag(flag, true),
            "false" => Node::Flag(flag, false),
            _ => return Err(bad_value(field, &value, "true or false", at)),
        },
        QueryField::Single(_) => {
            field.check_value(&value, at)?;
            Node::Value { field, value }
        }
        QueryField::Multi(ordinal) => {
            let signed = MULTI_DIMENSIONS[ordinal] == "aspect" && value.ends_with(ASPECT_POLARITY_SIGNS);
            let field = QueryField::named("aspect_polarity").filter(|_| signed).unwrap_or(field);
            Node::Value { field, value }
        }
        QueryField::Keyword | QueryField::Topic | QueryField::Author | QueryField::Id => Node::Value { field, value },
    })
}

fn bad_value(field: QueryField, value: &str, expected: &str, at: usize) -> SearchError {
    SearchError::BadValue {
        field: field.name().to_owned(),
        value: value.to_owned(),
        expected: format!("it must be {expected}"),
        at,
        suggestion: None,
    }
}

/// A range as written: `<=v`, `a..b`, `a..`, `..b`, `v`.
enum Written<'a> {
    Compared(&'static str, &'a str),
    Between(&'a str, &'a str),
    Equal(&'a str),
}

fn written(value: &str) -> Written<'_> {
    for (prefix, operator) in [
        ("<=", "<="),
        (">=", ">="),
        ("≤", "<="),
        ("≥", ">="),
        ("<", "<"),
        (">", ">"),
    ] {
        if let Some(rest) = value.strip_prefix(prefix) {
            return Written::Compared(operator, rest);
        }
    }
    match value.split_once("..") {
        Some((low, high)) => Written::Between(low, high),
        None => Written::Equal(value),
    }
}

/// Highest rating that a range may name, in tenths; ratings are 1–5, scales of up to 100 pass.
const MAX_TENTHS: f64 = 1_000.0;

fn rating(value: &str, at: usize) -> Result<Node, SearchError> {
    let refuse = || {
        bad_value(
            QueryField::Rating,
            value,
            "a number or a range such as <=2, >=4, 2..3",
            at,
        )
    };
    let tenths = |text: &str| -> Result<f64, SearchError> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number: f64 = if plain {
            text.parse().map_err(|_| refuse())?
        } else {
            return Err(refuse());
        };
        Ok((number * 10.0).min(MAX_TENTHS))
    };
    // Stored ratings are whole tenths; the slack absorbs what 10 × a decimal loses.
    let up = |value: f64| (value - 1e-6).ceil().max(1.0) as u64;
    let down = |value: f64| (value + 1e-6).floor() as u64;
    let (low, high) = match written(value) {
        Written::Compared("<=", number) => (1, down(tenths(number)?)),
        Written::Compared(">=", number) => (up(tenths(number)?), u64::MAX),
        Written::Compared("<", number) => (1, up(tenths(number)?).saturating_sub(1)),
        Written::Compared(_, number) => (down(tenths(number)?) + 1, u64::MAX),
        Written::Between("", "") => return Err(refuse()),
        Written::Between("", high) => (1, down(tenths(high)?)),
        Written::Between(low, "") => (up(tenths(low)?), u64::MAX),
        Written::Between(low, high) => (up(tenths(low)?), down(tenths(high)?)),
        Written::Equal(number) => (up(tenths(number)?), down(tenths(number)?)),
    };
    Ok(Node::Rating { low, high })
}

fn time_range(field: TimeField, value: &str, at: usize) -> Result<Node, SearchError> {
    let time =
        |text: &str| TimeValue::parse(text).ok_or_else(|| bad_value(QueryField::Time(field), text, TIME_FORMS, at));
    let (from, to) = match written(value) {
        Written::Compared("<=", edge) => (None, Some(Edge::EndOf(time(edge)?))),
        Written::Compared(">=", edge) => (Some(Edge::StartOf(time(edge)?)), None),
        Written::Compared("<", edge) => (None, Some(Edge::StartOf(time(edge)?))),
        Written::Compared(_, edge) => (Some(Edge::EndOf(time(edge)?)), None),
        Written::Between("", "") => return Err(bad_value(QueryField::Time(field), value, TIME_FORMS, at)),
        Written::Between("", to) => (None, Some(Edge::EndOf(time(to)?))),
        Written::Between(from, "") => (Some(Edge::StartOf(time(from)?)), None),
        Written::Between(from, to) => (Some(Edge::StartOf(time(from)?)), Some(Edge::EndOf(time(to)?))),
        Written::Equal(span) => {
            let span = time(span)?;
            (Some(Edge::StartOf(span)), Some(Edge::EndOf(span)))
        }
    };
    Ok(Node::Time { field, from, to })
}
