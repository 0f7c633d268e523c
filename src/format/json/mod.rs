//! JSON as crawlers write it, into a tree that borrows from the record.
//!
//! Integers stay integers (ids exceed 2^53), duplicate keys are noticed (last wins), and what would cost an item
//! without need is repaired before parsing: half of a surrogate pair, integers of 20 digits and more.

mod text;

pub use text::{may_be_mojibake, repair, survey, without_jsonp, without_mojibake};

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Only above `i64::MAX`.
    Big(u64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Object<'a>),
}

/// Members in the order of the record; every key once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, Node<'a>)>,
}

impl<'a> Object<'a> {
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node<'a>)> {
        self.members.iter().map(|(name, node)| (name.as_ref(), node))
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

impl Node<'_> {
    /// What a message calls it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Big(_) => "an integer",
            Self::Float(_) => "a fraction",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    pub fn to_value(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Big(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Text(text) => text.as_ref().into(),
            Self::List(list) => list.iter().map(Node::to_value).collect(),
            Self::Object(object) => object
                .iter()
                .map(|(key, node)| (key.to_owned(), node.to_value()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

impl Node<'_> {
    /// Repairs every string and key that was UTF-8, read as Latin-1 and written again; true where there was one.
    pub fn repair_mojibake(&mut self) -> bool {
        match self {
            Self::Text(text) => replace_mojibake(text),
            Self::List(nodes) => nodes.iter_mut().fold(false, |any, node| node.repair_mojibake() | any),
            Self::Object(object) => object.members.iter_mut().fold(false, |any, (key, node)| {
                replace_mojibake(key) | node.repair_mojibake() | any
            }),
            _ => false,
        }
    }
}

fn replace_mojibake(text: &mut Cow<'_, str>) -> bool {
    match without_mojibake(text) {
        Some(repaired) => {
            *text = Cow::Owned(repaired);
            true
        }
        None => false,
    }
}

/// A parsed record.
#[derive(Debug)]
pub struct Parsed<'a> {
    pub node: Node<'a>,
    pub duplicate_key: bool,
}

/// Reads one JSON value. The caller has looked with [`survey`] that it is not too deep.
pub fn parse(text: &str) -> Result<Parsed<'_>, serde_json::Error> {
    let duplicates = Cell::new(false);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // the depth was checked before; the parser's own limit is one less than ours
    deserializer.disable_recursion_limit();
    let node = NodeSeed {
        duplicates: &duplicates,
    }
    .deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Parsed {
        node,
        duplicate_key: duplicates.get(),
    })
}
#[derive(Clone, Copy)]
struct NodeSeed<'s> {
    duplicates: &'s Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a json value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Node::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Node::Big(value), Node::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Node::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Owned(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element_seed(self)? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members {
            // most records have some ten members; objects inside them fewer
            list: Vec::with_capacity(12),
            ..Members::default()
        };
        while let Some(key) = map.next_key_seed(KeySeed)? {
            let node = map.next_value_seed(self)?;
            if members.insert(key, node) {
                self.duplicates.set(true);
            }
        }
        Ok(Node::Object(Object { members: members.list }))
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
        if value.len() > 65_536 {
            return Err(E::custom("a key longer than 65536 bytes"));
        }
        Ok(Cow::Owned(value.to_owned()))
    }
}

/// Collects members, last of equal keys wins. Few keys are compared one by one behind a small filter; for many a
/// hash table is kept, so that a hostile object does not cost quadratic time.
#[derive(Default)]
struct Members<'a> {
    list: Vec<(Cow<'a, str>, Node<'a>)>,
    filter: [u64; 2],
    index: Option<HashMap<Cow<'a, str>, usize>>,
}

const MOST_COMPARED_KEYS: usize = 96;

impl<'a> Members<'a> {
    /// Returns true where the key was there already.
    fn insert(&mut self, key: Cow<'a, str>, node: Node<'a>) -> bool {
        if let Some(place) = self.find(&key) {
            self.list[place].1 = node;
            return true;
        }
        if let Some(index) = &mut self.index {
            index.insert(key.clone(), self.list.len());
        } else if self.list.len() == MOST_COMPARED_KEYS {
            let mut index: HashMap<_, _> = self
                .list
                .iter()
                .enumerate()
                .map(|(at, (key, _))| (key.clone(), at))
                .collect();
            index.insert(key.clone(), self.list.len());
            self.index = Some(index);
        }
        self.list.push((key, node));
        false
    }

    fn find(&mut self, key: &str) -> Option<usize> {
        if let Some(index) = &self.index {
            return index.get(key).copied();
        }
        let bit = key_bit(key);
        let word = &mut self.filter[bit / 64];
        let known = *word >> (bit % 64) & 1 == 1;
        *word |= 1 << (bit % 64);
        if !known {
            return None;
        }
        self.list.iter().position(|(name, _)| name == key)
    }
}

fn key_bit(key: &str) -> usize {
    let bytes = key.as_bytes();
    let (first, middle, last) = match bytes {
        [] => (0, 0, 0),
        _ => (bytes[0], bytes[bytes.len() / 2], bytes[bytes.len() - 1]),
    };
    let mixed = (bytes.len() as u64)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(u64::from(first) << 16 | u64::from(middle) << 8 | u64::from(last))
        .wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    (mixed >> 57) as usize
}

/// The message of a parse error: where, and what was expected, never what the record says.
pub fn explain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("{what} at column {}", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_large_integers_exact() {
        let parsed = parse(r#"{"a":3099000000000000011,"b":18446744073709551615,"c":1.0e3}"#).unwrap();
        let Node::Object(object) = parsed.node else { panic!() };
        assert_eq!(object.get("a"), Some(&Node::Int(3_099_000_000_000_000_011)));
        assert_eq!(object.get("b"), Some(&Node::Big(u64::MAX)));
        assert_eq!(object.get("c"), Some(&Node::Float(1000.0)));
    }

    #[test]
    fn last_of_equal_keys_wins_in_small_and_large_objects() {
        for extra in [0, 500] {
            let filler: String = (0..extra).map(|i| format!("\"k{i}\":{i},")).collect();
            let text = format!("{{{filler}\"id\":1,\"x\":0,\"id\":2}}");
            let parsed = parse(&text).unwrap();
            assert!(parsed.duplicate_key);
            let Node::Object(object) = parsed.node else { panic!() };
            assert_eq!(
                (object.get("id"), object.iter().count()),
                (Some(&Node::Int(2)), extra + 2)
            );
        }
        assert!(!parse(r#"{"a":{"id":1},"b":{"id":2}}"#).unwrap().duplicate_key);
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_reference_parser(text in "[\\[\\]{}\":,0-9a\\-. ]{0,24}") {
            proptest::prop_assert_eq!(parse(&text).is_ok(), serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }
}
