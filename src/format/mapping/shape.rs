//! From a value of the record to the value of a canonical field: words, ratings, lengths.

use super::super::json::Node;
use super::super::values;
use super::apply::Taken;
use super::path::{Path, Scope, is_something};
use super::target::Target;
use super::{Field, Scale};
use crate::item::{Item, Rating};

pub(super) fn text_taken(field: &Field, node: &Node<'_>, path: &str) -> Taken {
    match values::text(path, node) {
        Err(reject) => Taken::Wrong(reject),
        Ok(None) => Taken::Null,
        Ok(Some(text)) => shaped(field, text).map_or(Taken::Null, Taken::Text),
    }
}

/// Regex, word map, prefix and suffix.
pub(super) fn shaped(field: &Field, text: String) -> Option<String> {
    let text = match &field.regex {
        None => text,
        Some(regex) => {
            let found = regex.captures(&text)?;
            found.get(1).or_else(|| found.get(0))?.as_str().to_owned()
        }
    };
    let text = if field.map.is_empty() {
        text
    } else {
        match field.map.get(text.trim()) {
            Some(word) => word.clone(),
            None => field.default.clone()?,
        }
    };
    Some(match (&field.prefix, &field.suffix) {
        (None, None) => text,
        (prefix, suffix) => format!(
            "{}{}{}",
            prefix.as_deref().unwrap_or_default(),
            text.trim(),
            suffix.as_deref().unwrap_or_default()
        ),
    })
}

pub(super) fn set_word(target: &Target, value: String, item: &mut Item) {
    let allowed = |words: &[&str]| words.is_empty() || words.contains(&value.as_str());
    match target {
        Target::Title => item.title = value,
        Target::Text => item.text = value,
        Target::String(place) | Target::Id(place) => *place(item) = Some(value.trim().to_owned()),
        Target::Word(place, words) if allowed(words) => *place(item) = value,
        Target::OptionalWord(place, words) if allowed(words) => *place(item) = Some(value),
        Target::NativeId => item.native_id = value,
        Target::Flag(flag) => {
            item.flags.insert((*flag).to_owned());
        }
        _ => {}
    }
}

pub(super) fn length(node: &Node<'_>, separators: &str) -> Option<u32> {
    match node {
        Node::List(list) => Some(list.len() as u32),
        Node::Int(n) => u32::try_from(*n).ok(),
        Node::Object(_) => Some(1),
        Node::Text(text) if text.trim().bytes().all(|b| b.is_ascii_digit()) => text.trim().parse().ok(),
        Node::Text(_) => Some(values::list(node, separators).len() as u32),
        _ => None,
    }
}

/// Overall rating of 1 to 5, polarity or nothing, with what the record says beside it. 0 is not rated.
pub(super) fn rate(field: &Field, node: &Node<'_>, rating: &mut Rating) -> Taken {
    let Some(scale) = field.scale else {
        return Taken::Null;
    };
    let Ok(Some(raw)) = values::text(&field.name, node) else {
        return Taken::Null;
    };
    if values::is_null_word(&raw) {
        return Taken::Null;
    }
    rating.scale = Some(scale.name().to_owned());
    if matches!(scale, Scale::Ternary | Scale::GoodBad) {
        let word = field.map.get(raw.trim()).map_or(raw.trim(), String::as_str);
        rating.polarity = match word {
            "1" | "good" | "+1" => Some(1),
            "0" => Some(0),
            "-1" | "bad" => Some(-1),
            _ => None,
        };
    } else {
        rating.overall = rated(field, node);
    }
    rating.raw = Some(raw);
    Taken::Set
}

/// A value of the field's scale as 1 to 5.
pub(super) fn rated(field: &Field, node: &Node<'_>) -> Option<f64> {
    let value = match values::text("", node).ok().flatten() {
        Some(word) if !field.map.is_empty() => field.map.get(word.trim())?.parse().ok()?,
        _ => values::number(node)?,
    };
    let value = match field.scale {
        Some(Scale::FiveToFifty) => value / 10.0,
        Some(Scale::OneToTen) => value / 2.0,
        _ => value,
    };
    (value > 0.0 && value <= 5.0).then(|| value.max(1.0))
}

pub(super) fn first_text(path: &Path, scope: &Scope<'_, '_>) -> Option<String> {
    let mut found = None;
    path.each(scope, &mut |node| {
        if found.is_none() && is_something(node) {
            found = values::text("", node).ok().flatten();
        }
    });
    found
}

pub(super) fn first_id(path: &Path, scope: &Scope<'_, '_>) -> Option<String> {
    let mut found = None;
    path.each(scope, &mut |node| {
        if found.is_none() {
            found = values::id("", node).ok().flatten();
        }
    });
    found
}
