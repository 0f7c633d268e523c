//! Paths into a record: `a.b`, `"im:rating".label`, `list[]`, `list[0]`, `specs|json[].value`, `/^第\d+题/`, `$.user.id`, `^.id`.

use super::super::json::{self, Node};
use regex::Regex;

/// Where a path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    /// The unit that becomes an item.
    Unit,
    /// `^`: the object that holds the list the unit is an element of.
    Parent,
    /// `$`: the whole record.
    Root,
}

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    /// All members whose key matches.
    Matching(Regex),
    /// All elements of a list; anything else but null counts as a list of one.
    Each,
    Index(usize),
    /// The JSON inside a string.
    Json,
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
}

impl Path {
    /// Compiles a path; the error says what is wrong with it.
    pub fn parse(written: &str) -> Result<Self, String> {
        let mut rest = written.trim();
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

    pub fn written(&self) -> &str {
        &self.written
    }

    /// Calls `found` with each node that the path leads to, null among them; returns whether there was any.
    pub fn each(&self, scope: &Scope<'_, '_>, found: &mut dyn FnMut(&Node<'_>)) -> bool {
        let start = match self.anchor {
            Anchor::Unit => scope.unit,
            Anchor::Parent => scope.parent,
            Anchor::Root => scope.root,
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
        Node::Text(text) => !super::super::values::is_null_word(text),
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
        steps.push(Step::Index(index.parse().map_err(|_| "want a number in `[…]`")?));
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
        steps.push(Step::Matching(Regex::new(pattern).map_err(|error| error.to_string())?));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn values(path: &str, text: &str) -> Vec<String> {
        let parsed = json::parse(text).unwrap();
        let scope = Scope {
            root: &parsed.node,
            parent: &parsed.node,
            unit: &parsed.node,
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
    }

    #[test]
    fn a_bad_path_says_what_is_wrong() {
        for bad in ["a..b", "a[", "a[x]", "\"a", "/(/"] {
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
