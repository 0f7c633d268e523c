//! `format = "auto"`: which known format a record is, by the keys it has.

use super::json::{Node, Object};
use super::mapping::Scope;
use super::parts::Parts;
use super::values::Reject;
use super::{Chosen, Formats, Reader};
use crate::item::DeadLetterCode;
use std::sync::Arc;

impl Formats {
    /// The reader whose marks the record bears; the one with the most marks wins, then the one listed first.
    pub(super) fn choose(&self, root: &Node<'_>, parts: &mut Parts<'_>) -> Result<Reader<'_>, Reject> {
        let first = match root {
            Node::List(nodes) => nodes.first(),
            node => Some(node),
        };
        // an empty container holds nothing that would need a reader
        let Some(first) = first else {
            return Ok(Reader::Item);
        };
        if let Some(schema) = canonical_schema(first) {
            parts.out.chosen = Some(Chosen::Schema(schema));
            return Ok(Reader::Item);
        }
        let best = self
            .presets
            .iter()
            .filter_map(|preset| {
                let (parent, unit) = preset.first_unit(first)?;
                let marks = preset.recognizes(&Scope {
                    root: first,
                    parent,
                    unit,
                    record: parts.record,
                })?;
                Some((marks, preset))
            })
            // max_by_key takes the last of equals
            .rev()
            .max_by_key(|(marks, _)| *marks);
        if let Some((marks, preset)) = best {
            parts.out.chosen = Some(Chosen::Marks(Arc::clone(preset), marks));
            return Ok(Reader::Preset(preset));
        }
        if let Node::Object(object) = first
            && looks_canonical(object)
        {
            parts.out.chosen = Some(Chosen::LooksCanonical);
            return Ok(Reader::Item);
        }
        // a page without records is nothing that would need a reader
        let empty = self
            .presets
            .iter()
            .find(|preset| preset.units(first).is_some_and(|units| units.is_empty()));
        if let Some(preset) = empty {
            parts.out.chosen = Some(Chosen::EmptyContainer(Arc::clone(preset)));
            return Ok(Reader::Preset(preset));
        }
        Err(Reject::new(
            DeadLetterCode::NoPreset,
            format!("no format has these keys: {}", keys(first)),
        ))
    }
}

fn canonical_schema(node: &Node<'_>) -> Option<&'static str> {
    let Node::Object(object) = node else {
        return None;
    };
    match object.get("schema") {
        Some(Node::Text(schema)) if schema == crate::item::ITEM_SCHEMA => Some(crate::item::ITEM_SCHEMA),
        Some(Node::Text(schema)) if schema == crate::item::ANALYZED_SCHEMA => Some(crate::item::ANALYZED_SCHEMA),
        _ => None,
    }
}

fn looks_canonical(object: &Object<'_>) -> bool {
    object.get("text").is_some() && (object.get("id").is_some() || object.get("native_id").is_some())
}

/// The first keys of a record, for the message; keys are the format's words, not the customer's.
fn keys(node: &Node<'_>) -> String {
    match node {
        Node::Object(object) if object.is_empty() => "none".to_owned(),
        Node::Object(object) => object
            .iter()
            .take(8)
            .map(|(key, _)| key.chars().take(32).collect::<String>())
            .collect::<Vec<_>>()
            .join(", "),
        node => node.type_name().to_owned(),
    }
}
