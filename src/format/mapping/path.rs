//! Paths into a record: `a.b`, `"im:rating".label`, `list[]`, `list[0]`, `list[name=价格].value`, `specs|json[].value`,
//! `/^第\d+题/`, `$.user.id`, `^.id`; and `@topic`, `@key`, `@header.NAME`, `@file`, `@file_stem`, `@name` for what the
//! record's place says.

use super::super::json::{self, Node};
use super::super::values;
use crate::item::{RawRecord, RecordPosition};
use regex::Regex;

/// Where a path starts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Anchor {
    /// The unit that becomes an item.
    Unit,
    /// `^`: the object that holds the list the unit is an element of.
    Parent,
    /// `$`: the whole record.
    Root,
    /// `@topic`: the record's place in its source.
    Place(Place),
}

/// What the record's place in its source says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Topic,
    Key,
    File,
    FileStem,
    /// What a person calls the place: the file's stem, or the topic.
    Name,
    /// `@header.NAME`: the last header of that name.
    Header(String),
}

impl Place {
    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "topic" => Self::Topic,
            "key" => Self::Key,
            "file" => Self::File,
            "file_stem" => Self::FileStem,
            "name" => Self::Name,
            _ => match name.strip_prefix("header.") {
                Some(header) if !header.is_empty() => Self::Header(header.to_owned()),
                _ => {
                    return Err(format!(
                        "`@{name}`, want @topic, @key, @header.NAME, @file, @file_stem or @name"
                    ));
                }
            },
        })
    }

    fn of(&self, record: &RawRecord) -> Option<String> {
        match (self, &record.position) {
            (Self::Topic | Self::Name, RecordPosition::Kafka { topic, .. }) => Some(topic.to_string()),
            (Self::Header(name), _) => {
                let found = record.headers.iter().rev().find(|(header, _)| header == name)?;
                String::from_utf8(found.1.clone()).ok()
            }
            (Self::Key, _) => String::from_utf8(record.key.clone()?).ok(),
            (Self::File, RecordPosition::File { file, .. }) => Some(file.to_string()),
            (Self::FileStem | Self::Name, RecordPosition::File { file, .. }) => Some(stem(file).to_owned()),
            _ => None,
        }
    }
}

/// The name of a file without folders and endings: `a/3_2_0.csv.gz` → `3_2_0`.
fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    match name.find('.') {
        Some(end) if end > 0 => &name[..end],
        _ => name,
    }
}

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    /// All members whose key matches.
    Matching(Regex),
    /// All elements of a list; anything else but null counts as a list of one.
    Each,
    Index(usize),
    /// The elements of a list whose member is a word or matches: `fields[title~产品]`.
    Where(String, Wanted),
    /// The JSON inside a string.
    Json,
}

#[derive(Debug, Clone)]
enum Wanted {
    Word(String),
    Match(Regex),
}

/// A compiled path.
#[derive(Debug, Clone)]
pub struct Path {
    anchor: Anchor,
    steps: Vec<Step>,
    /// As written, for messages.
    written: String,
}

/// What a path can see.
#[derive(Clone, Copy)]
pub struct Scope<'s, 'n> {
    pub root: &'s Node<'n>,
    pub parent: &'s Node<'n>,
    pub unit: &'s Node<'n>,
    pub record: &'s RawRecord,
}

impl<'s, 'n> Scope<'s, 'n> {
    /// As seen from a node inside the unit.
    pub fn inside(&self, unit: &'s Node<'n>) -> Scope<'s, 'n> {
        Scope {
            parent: self.unit,
            unit,
            ..*self
        }
    }
}

impl Path {
    /// Compiles a path; the error says what is wrong with it.
    pub fn parse(written: &str) -> Result<Self, String> {
        let mut rest = written.trim();
        if let Some(place) = rest.strip_prefix('@') {
            return Ok(Self {
                anchor: Anchor::Place(Place::parse(place)?),
                steps: Vec::new(),
                written: written.to_owned(),
            });
        }
        let anchor = match rest.chars().next() {
            Some('$') => Anchor::Root,
            Some('^') => Anchor::Parent,
            _ => Anchor::Unit,
        };
        if anchor != Anchor::Unit {
            rest = &rest[1..];
        }
        let mut steps = Vec::new();
        if rest == "." {
            rest = "";
        }
        while !rest.is_empty() {
            rest = step(rest, &mut steps).map_err(|what| format!("path `{written}`: {what}"))?;
        }
        Ok(Self {
            anchor,
            steps,
            written: written.to_owned(),
        })
    }

    /// True for `$`, the record itself.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    pub fn written(&self) -> &str {
        &self.written
    }

    /// Calls `found` with each node that the path leads to, null among them; returns whether there was any.
    pub fn each(&self, scope: &Scope<'_, '_>, found: &mut dyn FnMut(&Node<'_>)) -> bool {
        let start = match &self.anchor {
            Anchor::Unit => scope.unit,
            Anchor::Parent => scope.parent,
            Anchor::Root => scope.root,
            Anchor::Place(place) => {
                let said = place.of(scope.record);
                return said.map(|text| found(&Node::Text(text.into()))).is_some();
            }
        };
        // the common case: one key of the unit
        if let [Step::Key(key)] = self.steps.as_slice() {
            return match start {
                Node::Object(object) => object.get(key).map(found).is_some(),
                _ => false,
            };
        }
        walk(start, &self.steps, found)
    }

    /// As [`Self::each`], with the key or number of each node in what holds it.
    pub fn each_named(&self, scope: &Scope<'_, '_>, found: &mut dyn FnMut(&str, &Node<'_>)) {
        let (Some((last, before)), false) = (self.steps.split_last(), matches!(self.anchor, Anchor::Place(_))) else {
            return;
        };
        let holder = Self {
            anchor: self.anchor.clone(),
            steps: before.to_vec(),
            written: String::new(),
        };
        holder.each(scope, &mut |node| match (last, node) {
            (Step::Matching(pattern), Node::Object(object)) => {
                object
                    .iter()
                    .filter(|(key, _)| pattern.is_match(key))
                    .for_each(|(key, node)| found(key, node));
            }
            (Step::Key(key), Node::Object(object)) => {
                if let Some(node) = object.get(key) {
                    found(key, node);
                }
            }
            (Step::Each, Node::List(list)) => {
                for (index, node) in list.iter().enumerate() {
                    found(&(index + 1).to_string(), node);
                }
            }
            _ => {}
        });
    }

    /// True where the path leads to something that is not null, empty or a word for nothing.
    pub fn has_value(&self, scope: &Scope<'_, '_>) -> bool {
        let mut any = false;
        self.each(scope, &mut |node| any |= is_something(node));
        any
    }

    /// The units of a record: each node with the object that holds it. `None` where the path leads nowhere.
    pub fn units<'s, 'n>(&self, root: &'s Node<'n>) -> Option<Vec<(&'s Node<'n>, &'s Node<'n>)>> {
        if self.steps.is_empty() {
            let nodes = match root {
                Node::List(list) => list.iter().map(|node| (root, node)).collect(),
                node => vec![(root, node)],
            };
            return Some(nodes);
        }
        let mut level = vec![(root, root)];
        for step in &self.steps {
            let mut next = Vec::new();
            for (parent, node) in level {
                match (step, node) {
                    (Step::Key(key), Node::Object(object)) => next.extend(object.get(key).map(|child| (node, child))),
                    (Step::Index(index), Node::List(list)) => {
                        next.extend(list.get(*index).map(|child| (parent, child)))
                    }
                    (Step::Each, Node::List(list)) => next.extend(list.iter().map(|child| (parent, child))),
                    (Step::Each, Node::Null) => {}
                    (Step::Each, Node::Object(_)) => next.push((parent, node)),
                    _ => return None,
                }
            }
            // an empty list holds no units, a missing key is another container
            if next.is_empty() && !matches!(step, Step::Each) {
                return None;
            }
            level = next;
        }
        Some(level)
    }
}

pub fn is_something(node: &Node<'_>) -> bool {
    match node {
        Node::Null => false,
        Node::Text(text) => !values::is_null_word(text),
        Node::List(list) => !list.is_empty(),
        Node::Object(object) => !object.is_empty(),
        _ => true,
    }
}

fn step<'a>(rest: &'a str, steps: &mut Vec<Step>) -> Result<&'a str, String> {
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    if let Some(after) = rest.strip_prefix("[]") {
        steps.push(Step::Each);
        return Ok(after);
    }
    if let Some(after) = rest.strip_prefix('[') {
        let (index, after) = after.split_once(']').ok_or("a `[` without `]`")?;
        if let Some((key, pattern)) = index.split_once('~') {
            let pattern = super::compile::pattern(pattern)?;
            steps.push(Step::Where(key.trim().to_owned(), Wanted::Match(pattern)));
            return Ok(after);
        }
        if let Some((key, word)) = index.split_once('=') {
            steps.push(Step::Where(key.trim().to_owned(), Wanted::Word(word.trim().to_owned())));
            return Ok(after);
        }
        steps.push(Step::Index(
            index
                .parse()
                .map_err(|_| "want nothing, a number, `key=word` or `key~regex` in `[…]`")?,
        ));
        return Ok(after);
    }
    if let Some(after) = rest.strip_prefix("|json") {
        steps.push(Step::Json);
        return Ok(after);
    }
    if let Some(after) = rest.strip_prefix('"') {
        let (key, after) = after.split_once('"').ok_or("a quote that does not end")?;
        steps.push(Step::Key(key.to_owned()));
        return Ok(after);
    }
    if let Some(after) = rest.strip_prefix('/') {
        let (pattern, after) = after.rsplit_once('/').ok_or("a `/` that does not end")?;
        steps.push(Step::Matching(super::compile::pattern(pattern)?));
        return Ok(after);
    }
    let end = rest.find(['.', '[', '|']).unwrap_or(rest.len());
    if end == 0 {
        return Err("an empty key".to_owned());
    }
    steps.push(Step::Key(rest[..end].to_owned()));
    Ok(&rest[end..])
}

fn walk(node: &Node<'_>, steps: &[Step], found: &mut dyn FnMut(&Node<'_>)) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        found(node);
        return true;
    };
    match (step, node) {
        (Step::Key(key), Node::Object(object)) => object.get(key).is_some_and(|node| walk(node, rest, found)),
        (Step::Matching(pattern), Node::Object(object)) => {
            let mut any = false;
            for (_, node) in object.iter().filter(|(key, _)| pattern.is_match(key)) {
                any |= walk(node, rest, found);
            }
            any
        }
        (Step::Index(index), Node::List(list)) => list.get(*index).is_some_and(|node| walk(node, rest, found)),
        (Step::Each, Node::List(list)) => {
            let mut any = false;
            for node in list {
                any |= walk(node, rest, found);
            }
            any
        }
        (Step::Where(key, wanted), Node::List(list)) => {
            let mut any = false;
            for node in list.iter().filter(|node| is_wanted(node, key, wanted)) {
                any |= walk(node, rest, found);
            }
            any
        }
        (Step::Where(key, wanted), node @ Node::Object(_)) if is_wanted(node, key, wanted) => walk(node, rest, found),
        (Step::Each, Node::Object(_) | Node::Text(_)) => walk(node, rest, found),
        (Step::Json, Node::Text(text)) => {
            // a string inside a record within limits: its depth is bounded by the same limit
            if json::survey(text).depth > 64 {
                return false;
            }
            json::parse(text).is_ok_and(|parsed| walk(&parsed.node, rest, found))
        }
        (Step::Json, node) => walk(node, rest, found),
        _ => false,
    }
}

fn is_wanted(node: &Node<'_>, key: &str, wanted: &Wanted) -> bool {
    let mut node = node;
    for key in key.split('.') {
        match node {
            Node::Object(object) => match object.get(key) {
                Some(member) => node = member,
                None => return false,
            },
            _ => return false,
        }
    }
    let text = match node {
        Node::Bool(value) => value.to_string(),
        node => values::text("", node).ok().flatten().unwrap_or_default(),
    };
    match wanted {
        Wanted::Word(word) => text.trim() == word,
        Wanted::Match(pattern) => pattern.is_match(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> RawRecord {
        RawRecord {
            source: 0,
            position: RecordPosition::File {
                file: "in/3_2_0.csv.gz".into(),
                record: 1,
            },
            record_time_ms: 0,
            key: Some(b"k".to_vec()),
            headers: vec![("brand".to_owned(), "乐筑".into())],
            payload: None,
            unreadable: None,
        }
    }

    fn values(path: &str, text: &str) -> Vec<String> {
        let parsed = json::parse(text).unwrap();
        let scope = Scope {
            root: &parsed.node,
            parent: &parsed.node,
            unit: &parsed.node,
            record: &record(),
        };
        let mut out = Vec::new();
        Path::parse(path)
            .unwrap()
            .each(&scope, &mut |node| out.push(node.to_value().to_string()));
        out
    }

    #[test]
    fn paths_reach_everything_that_formats_nest() {
        assert_eq!(values("a.b", r#"{"a":{"b":1}}"#), ["1"]);
        assert_eq!(
            values("\"im:rating\".label", r#"{"im:rating":{"label":"5"}}"#),
            ["\"5\""]
        );
        assert_eq!(values("a[].b", r#"{"a":[{"b":1},{"b":2},{}]}"#), ["1", "2"]);
        assert_eq!(values("a[].b", r#"{"a":{"b":1}}"#), ["1"]);
        assert_eq!(values("a[1]", r#"{"a":[1,2]}"#), ["2"]);
        assert_eq!(values("s|json[].v", r#"{"s":"[{\"v\":7}]"}"#), ["7"]);
        assert_eq!(values(r"/^第\d+题/", r#"{"第1题":1,"x":2,"第22题":3}"#), ["1", "3"]);
        assert_eq!(values("a.b", r#"{"a":[1]}"#), [""; 0]);
        let fields = r#"{"f":[{"id":7,"v":"x"},{"id":8,"v":"y","ok":true}]}"#;
        assert_eq!(values("f[id=8].v", fields), ["\"y\""]);
        assert_eq!(values("f[id~^7].v", fields), ["\"x\""]);
        assert_eq!(values("f[ok=true].v", fields), ["\"y\""]);
        assert_eq!(
            values("r[a.b=x].c", r#"{"r":[{"a":{"b":"x"},"c":1},{"a":{},"c":2},{"a":7}]}"#),
            ["1"]
        );
        assert_eq!(values("@file_stem", "{}"), ["\"3_2_0\""]);
        assert_eq!(values("@key", "{}"), ["\"k\""]);
        assert_eq!(values("@header.brand", "{}"), ["\"乐筑\""]);
        assert_eq!(values("@topic", "{}"), [""; 0]);
    }

    #[test]
    fn a_bad_path_says_what_is_wrong() {
        for bad in ["a..b", "a[", "a[x]", "a[x~(]", "\"a", "/(/", "@header", "@header."] {
            assert!(Path::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn units_know_the_object_that_holds_them() {
        let parsed = json::parse(r#"{"user":{"id":9},"weibo":[{"id":1},{"id":2}]}"#).unwrap();
        let units = Path::parse("weibo[]").unwrap().units(&parsed.node).unwrap();
        assert_eq!(units.len(), 2);
        assert_eq!(units[0].0, &parsed.node);
        assert!(Path::parse("comments[]").unwrap().units(&parsed.node).is_none());
    }
}
