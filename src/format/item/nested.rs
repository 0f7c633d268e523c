//! The nested objects of an item: by hand where nearly every item has one, by the schema where few have.

use super::super::json::Node;
use super::super::values;
use super::super::vocabulary::*;
use super::{MOST_LIST_ELEMENTS, Reader, time_ms};
use crate::item::*;

impl Reader<'_> {
    pub(super) fn author(&mut self, node: &Node<'_>) {
        let Node::Object(object) = node else {
            return self.unreadable("author", "an object");
        };
        for (key, node) in object.iter() {
            let path = format!("author.{key}");
            match key {
                "id" => self.mapped.native_author_id = self.identifier(&path, node),
                "name" => self.mapped.item.author.name = self.string(&path, node),
                "tier" => self.mapped.item.author.tier = self.string(&path, node),
                "segment" => self.mapped.item.author.segment = self.string(&path, node),
                "region" => self.mapped.item.author.region = self.string(&path, node),
                "type" => {
                    let value = self.string(&path, node);
                    self.mapped.item.author.kind = self.one_of(&path, value, AUTHOR_TYPES);
                }
                _ => self.unknown(&path),
            }
        }
    }

    /// By hand, as nearly every item has one.
    pub(super) fn subject(&mut self, node: &Node<'_>) {
        let Node::Object(object) = node else {
            return self.unreadable("subject", "an object");
        };
        for (key, node) in object.iter() {
            let is_id = matches!(key, "product_id" | "sku_id" | "shop_id");
            let value = match node {
                Node::Text(text) if !is_id => Some(text.as_ref().to_owned()).filter(|text| !text.trim().is_empty()),
                node if is_id => self.identifier(&format!("subject.{key}"), node),
                node => self.string(&format!("subject.{key}"), node),
            };
            let subject = &mut self.mapped.item.subject;
            match key {
                "brand" => subject.brand = value,
                "product" => subject.product = value,
                "product_id" => subject.product_id = value,
                "sku" => subject.sku = value,
                "sku_id" => subject.sku_id = value,
                "category" => subject.category = value,
                "shop_id" => subject.shop_id = value,
                "version" => subject.version = value,
                _ => self.unknown(&format!("subject.{key}")),
            }
        }
    }

    /// By hand, as many items have one. A value out of its scale is ignored.
    pub(super) fn rating(&mut self, node: &Node<'_>) {
        let Node::Object(object) = node else {
            return self.unreadable("rating", "an object");
        };
        let mut rating = Rating::default();
        for (key, node) in object.iter().filter(|(_, node)| !matches!(node, Node::Null)) {
            let within = |from: f64, to: f64| values::number(node).filter(|value| (from..=to).contains(value));
            let fits = match key {
                "overall" => {
                    rating.overall = within(1.0, 5.0);
                    rating.overall.is_some()
                }
                "nps" => {
                    rating.nps = within(0.0, 10.0);
                    rating.nps.is_some()
                }
                "polarity" => {
                    rating.polarity = within(-1.0, 1.0).map(|value| value.round() as i8);
                    rating.polarity.is_some()
                }
                "raw" => {
                    rating.raw = values::text(key, node).ok().flatten();
                    rating.raw.is_some()
                }
                "scale" => {
                    rating.scale = values::text(key, node).ok().flatten();
                    rating.scale.is_some()
                }
                "dims" => self.dimensions(node, &mut rating),
                _ => {
                    self.unknown(&format!("rating.{key}"));
                    true
                }
            };
            if !fits {
                self.unreadable(&format!("rating.{key}"), "a value of its scale");
            }
        }
        self.mapped.item.rating = Some(rating).filter(|rating| *rating != Rating::default());
    }

    fn dimensions(&mut self, node: &Node<'_>, rating: &mut Rating) -> bool {
        let Node::Object(object) = node else {
            return false;
        };
        for (name, node) in object.iter().take(MOST_LIST_ELEMENTS) {
            match values::number(node).filter(|value| (1.0..=5.0).contains(value)) {
                Some(value) => {
                    rating.dims.insert(name.to_owned(), value);
                }
                None => self.unreadable("rating.dims", "values of 1 to 5"),
            }
        }
        true
    }

    pub(super) fn engagement(&mut self, node: &Node<'_>) {
        let Node::Object(object) = node else {
            return self.unreadable("engagement", "an object");
        };
        for (key, node) in object.iter() {
            let path = format!("engagement.{key}");
            if !ENGAGEMENT.contains(&key) {
                self.unknown(&path);
                continue;
            }
            let count = match node {
                Node::Object(count) => count.get("n").and_then(values::count).map(|n| Count {
                    n: n.n,
                    approx: n.approx || count.get("approx").and_then(values::boolean).unwrap_or(false),
                }),
                _ => values::count(node),
            };
            match count {
                Some(count) => {
                    self.mapped.item.engagement.insert(key.to_owned(), count);
                }
                None if matches!(node, Node::Null) => {}
                None => self.unreadable(&path, "a count"),
            }
        }
    }

    /// A nested object of the schema. Members that do not fit are left out one by one.
    pub(super) fn structured<T: serde::de::DeserializeOwned>(&mut self, path: &str, node: &Node<'_>) -> Option<T> {
        let value = node.to_value();
        if value.is_null() {
            return None;
        }
        if let Ok(read) = serde_json::from_value(value.clone()) {
            return Some(read);
        }
        let serde_json::Value::Object(members) = value else {
            self.unreadable(path, "a value of its schema");
            return None;
        };
        let mut kept = serde_json::Map::new();
        for (key, value) in members {
            match self.fitting::<T>(&key, value) {
                Some(value) => {
                    kept.insert(key, value);
                }
                None => self.unreadable(&format!("{path}.{key}"), "a value of its schema"),
            }
        }
        serde_json::from_value(serde_json::Value::Object(kept)).ok()
    }

    /// The value as it is, a number as text, or a text as a time or a number: whichever the schema takes.
    fn fitting<T: serde::de::DeserializeOwned>(
        &self,
        key: &str,
        value: serde_json::Value,
    ) -> Option<serde_json::Value> {
        let fits = |value: &serde_json::Value| {
            let single = serde_json::Map::from_iter([(key.to_owned(), value.clone())]);
            match serde_json::from_value::<T>(serde_json::Value::Object(single)) {
                Ok(_) => true,
                // a member that another one must accompany is judged with it
                Err(error) => error.to_string().starts_with("missing field"),
            }
        };
        if fits(&value) {
            return Some(value);
        }
        let other = match &value {
            serde_json::Value::Number(number) => vec![serde_json::Value::String(number.to_string())],
            serde_json::Value::String(text) => {
                let node = Node::Text(text.as_str().into());
                [
                    time_ms(&node, self.reference_ms, self.zone).map(serde_json::Value::from),
                    values::number(&node).map(serde_json::Value::from),
                    values::integer(&node).map(serde_json::Value::from),
                    values::boolean(&node).map(serde_json::Value::from),
                ]
                .into_iter()
                .flatten()
                .collect()
            }
            _ => return None,
        };
        other.into_iter().find(|value| fits(value))
    }

    pub(super) fn structured_list<T: serde::de::DeserializeOwned>(&mut self, path: &str, node: &Node<'_>) -> Vec<T> {
        match node {
            Node::List(nodes) => nodes
                .iter()
                .enumerate()
                .take(MOST_LIST_ELEMENTS)
                .filter_map(|(index, node)| self.structured(&format!("{path}[{index}]"), node))
                .collect(),
            Node::Null => Vec::new(),
            _ => self.structured(path, node).into_iter().collect(),
        }
    }
}
