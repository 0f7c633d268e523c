//! A TOML document as a tree that knows the line of each value, with the environment laid over it.

use super::ConfigError;
use std::collections::BTreeMap;
use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it came from.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub value: Value,
    pub origin: Origin,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// As written: turned into text, since no key takes a TOML date only.
    Array(Vec<Node>),
    Table(Vec<(String, Node)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Line(usize),
    Environment(String),
    /// A table that nobody wrote, such as the section of an environment variable.
    Implied,
}

/// Where a value stands: `rule[2].window`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KeyPath(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
}

impl KeyPath {
    pub fn key(&self, key: &str) -> Self {
        let mut next = self.clone();
        next.0.push(Segment::Key(key.to_owned()));
        next
    }

    pub fn index(&self, index: usize) -> Self {
        let mut next = self.clone();
        next.0.push(Segment::Index(index));
        next
    }

    /// Without list indexes: `rule.window`.
    pub fn pattern(&self) -> String {
        let keys: Vec<&str> = self
            .0
            .iter()
            .filter_map(|segment| match segment {
                Segment::Key(key) => Some(key.as_str()),
                Segment::Index(_) => None,
            })
            .collect();
        keys.join(".")
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(out, "[{index}]")?,
                Segment::Key(key) => {
                    if position > 0 {
                        out.write_str(".")?;
                    }
                    let bare = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
                    if bare {
                        out.write_str(key)?
                    } else {
                        write!(out, "{key:?}")?
                    }
                }
            }
        }
        Ok(())
    }
}

impl Node {
    /// Reads a TOML text. Syntax errors go into `errors`; what could be read is returned.
    pub fn parse(text: &str, errors: &mut Vec<ConfigError>) -> Self {
        let (table, syntax) = DeTable::parse_recoverable(text);
        let lines = Lines::of(text);
        for error in syntax {
            errors.push(ConfigError {
                path: String::new(),
                line: error.span().map(|span| lines.line(span.start)),
                value: None,
                message: format!("not TOML: {}", error.message().replace('\n', "; ")),
                allowed: None,
            });
        }
        // The document's own table has no line of its own worth showing.
        Self {
            value: Value::Table(entries(table.get_ref(), &lines)),
            origin: Origin::Implied,
        }
    }

    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The value at `path`, or the nearest table or list around it.
    pub fn nearest(&self, path: &KeyPath) -> (&Self, bool) {
        let mut node = self;
        for segment in &path.0 {
            let next = match (segment, &node.value) {
                (Segment::Key(key), _) => node.get(key),
                (Segment::Index(index), Value::Array(items)) => items.get(*index),
                (Segment::Index(_), _) => None,
            };
            match next {
                Some(next) => node = next,
                None => return (node, false),
            }
        }
        (node, true)
    }

    /// Lays the values of `overrides` (path of keys → variable and text) over the document.
    pub fn set(&mut self, keys: &[String], value: Value, variable: &str) {
        let Value::Table(entries) = &mut self.value else { return };
        let Some((first, rest)) = keys.split_first() else {
            return;
        };
        let position = entries.iter().position(|(name, _)| name == first).unwrap_or_else(|| {
            let node = Self {
                value: Value::Table(Vec::new()),
                origin: Origin::Implied,
            };
            entries.push((first.clone(), node));
            entries.len() - 1
        });
        let Some((_, node)) = entries.get_mut(position) else {
            return;
        };
        if rest.is_empty() {
            *node = Self {
                value,
                origin: Origin::Environment(variable.to_owned()),
            };
        } else {
            node.set(rest, value, variable);
        }
    }

    pub fn line(&self) -> Option<usize> {
        match self.origin {
            Origin::Line(line) => Some(line),
            _ => None,
        }
    }

    pub fn type_name(&self) -> &'static str {
        match self.value {
            Value::String(_) => "string",
            Value::Integer(_) => "integer",
            Value::Float(_) => "number",
            Value::Boolean(_) => "boolean",
            Value::Array(_) => "list",
            Value::Table(_) => "table",
        }
    }

    /// The value as one would write it, at most 80 characters; `None` for a table.
    pub fn shown(&self) -> Option<String> {
        let text = match &self.value {
            Value::String(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Boolean(flag) => flag.to_string(),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().filter_map(Self::shown).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Table(_) => return None,
        };
        Some(match text.char_indices().nth(80) {
            Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
            None => text,
        })
    }
}

fn entries(table: &DeTable<'_>, lines: &Lines) -> Vec<(String, Node)> {
    table
        .iter()
        .map(|(key, value)| {
            let mut node = node(value, lines);
            // A sub-table begins at its header's key; a list of tables has one line for each of them.
            if matches!(node.value, Value::Table(_)) {
                node.origin = Origin::Line(lines.line(key.span().start));
            }
            (key.get_ref().to_string(), node)
        })
        .collect()
}

fn node(value: &Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let origin = Origin::Line(lines.line(value.span().start));
    let value = match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Float(f64::INFINITY),
        },
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| node(item, lines)).collect()),
        DeValue::Table(table) => Value::Table(entries(table, lines)),
    };
    Node { value, origin }
}

/// Byte offset → line number.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| at)
                .collect(),
        )
    }

    /// 1-based.
    fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|newline| *newline < offset) + 1
    }
}

/// A value as JSON, for the parts that have no schema of their own.
pub(super) fn json_number(number: f64) -> serde_json::Value {
    serde_json::Number::from_f64(number).map_or(serde_json::Value::Null, serde_json::Value::Number)
}

/// Environment variables `QINGTING_SECTION__KEY` as paths of lower-case keys, in the order of their names.
pub(super) fn overrides(environment: &BTreeMap<String, String>) -> Vec<(String, Vec<String>, String)> {
    let mut found = Vec::new();
    for (variable, text) in environment {
        let Some(name) = variable.strip_prefix("QINGTING_") else {
            continue;
        };
        if !name.contains("__") && name != "DATA_DIR" {
            // Variables for scripts and tests (QINGTING_SHARED, …) are not ours to judge.
            continue;
        }
        let mut keys: Vec<String> = name.split("__").map(str::to_ascii_lowercase).collect();
        if let [section, map, property] = keys.as_mut_slice()
            && section == "kafka"
            && map == "properties"
        {
            // librdkafka names its properties with dots, which a shell variable cannot hold.
            *property = property.replace('_', ".");
        }
        found.push((variable.clone(), keys, text.clone()));
    }
    found
}
