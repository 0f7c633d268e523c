//! From a value of the record to the value of a canonical field: words, ratings, lengths.

use super::super::json::Node;
use super::super::{values, vocabulary};
use super::apply::Taken;
use super::path::{Path, Scope, is_something};
use super::target::{ExtraKind, Target};
use super::{Field, Scale};
use crate::item::{Item, Rating};
use chrono_tz::Tz;
use regex::Regex;
use std::borrow::Cow;

pub(super) fn text_taken(field: &Field, node: &Node<'_>, path: &str) -> Taken {
    match values::text(path, node) {
        Err(reject) => Taken::Wrong(reject),
        Ok(None) => Taken::Null,
        Ok(Some(text)) => shaped(field, text).map_or(Taken::Null, Taken::Text),
    }
}

/// The status of a complaint: by the words of the mapping, else by those that platforms use.
pub(super) fn status_taken(field: &Field, node: &Node<'_>) -> Taken {
    let Some(text) = values::text("", node)
        .ok()
        .flatten()
        .and_then(|text| picked(field, text))
    else {
        return Taken::Null;
    };
    let word = field
        .map
        .get(text.trim())
        .or(field.default.as_ref())
        .map(String::as_str);
    Taken::Text(word.unwrap_or_else(|| vocabulary::status_of(&text)).to_owned())
}

/// The first group that takes part, or the text as it is.
pub(super) fn grouped(regex: Option<&Regex>, text: String) -> Option<String> {
    match regex {
        None => Some(text),
        Some(regex) => {
            let found = regex.captures(&text)?;
            let group = found.iter().skip(1).flatten().next().or_else(|| found.get(0))?;
            Some(group.as_str().to_owned())
        }
    }
}

/// What is to be removed, and the group of the regex.
fn picked(field: &Field, mut text: String) -> Option<String> {
    for pattern in &field.remove {
        if let Cow::Owned(less) = pattern.replace_all(&text, "") {
            text = less;
        }
    }
    grouped(field.regex.as_ref(), text)
}

/// A node as the readers of numbers, times and lists get it: as it is, or as a text that was shaped.
pub(super) fn shaped_node<'n>(field: &Field, node: &'n Node<'n>) -> Cow<'n, Node<'n>> {
    if field.remove.is_empty() && field.regex.is_none() && field.map.is_empty() {
        return Cow::Borrowed(node);
    }
    let text = match node {
        Node::Bool(value) => Some(value.to_string()),
        node => values::text("", node).ok().flatten(),
    };
    let shaped = text.and_then(|text| shaped(field, text));
    Cow::Owned(shaped.map_or(Node::Null, |text| Node::Text(text.into())))
}

/// Removal, regex, word map, prefix and suffix.
pub(super) fn shaped(field: &Field, text: String) -> Option<String> {
    let text = picked(field, text)?;
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
        Target::Status => item.complaint.get_or_insert_default().status = Some(value),
        Target::Word(place, words) if allowed(words) => *place(item) = value,
        Target::OptionalWord(place, words) if allowed(words) => *place(item) = Some(value),
        Target::NativeId => item.native_id = value,
        Target::PlainBool(place) => *place(item) = true,
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
pub(super) fn rate(field: &Field, node: &Node<'_>, item: &mut Item) -> Taken {
    let Some(scale) = field.scale else {
        return Taken::Null;
    };
    let Ok(Some(raw)) = values::text(&field.name, node) else {
        return Taken::Null;
    };
    if values::is_null_word(&raw) {
        return Taken::Null;
    }
    let Some(bare) = picked(field, raw.clone()) else {
        return Taken::Null;
    };
    // 0 is "not rated" on every scale but that of three
    let is_zero = scale != Scale::Ternary && bare.trim().parse::<f64>() == Ok(0.0);
    if is_zero && !field.map.contains_key(bare.trim()) {
        return Taken::Null;
    }
    let rating = item.rating.get_or_insert_default();
    rating.scale = Some(scale.name().to_owned());
    if matches!(scale, Scale::Ternary | Scale::GoodBad) {
        let word = field.map.get(bare.trim()).map_or(bare.trim(), String::as_str);
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
    let word = picked(field, values::text("", node).ok().flatten()?)?;
    let value = if field.map.is_empty() {
        values::number(&Node::Text(word.into()))?
    } else {
        field.map.get(word.trim())?.parse().ok()?
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

/// Keeps what is there of an overall rating: a recommendation is another question.
pub(super) fn set_nps(nps: f64, node: &Node<'_>, rating: &mut Rating) {
    rating.nps = Some(nps);
    if rating.raw.is_none() && rating.overall.is_none() {
        rating.raw = values::text("", node).ok().flatten();
        rating.scale = Some("nps10".to_owned());
    }
}

/// An extra field as the type that the mapping names.
pub(super) fn extra(
    kind: ExtraKind,
    node: &Node<'_>,
    separators: &str,
    reference_ms: i64,
    zone: Tz,
) -> Option<serde_json::Value> {
    match kind {
        ExtraKind::Any => is_something(node).then(|| node.to_value()),
        ExtraKind::Id => values::id("", node).ok().flatten().map(Into::into),
        ExtraKind::Text => values::text("", node)
            .ok()
            .flatten()
            .filter(|text| !values::is_null_word(text))
            .map(|text| crate::normalize::clean_text(&text).into()),
        ExtraKind::Number => values::number(node).map(Into::into),
        ExtraKind::Count => values::count(node).map(|count| count.n.into()),
        ExtraKind::Money => values::money(node).map(Into::into),
        ExtraKind::Time => values::event_time(node, reference_ms, zone).map(|time| time.ms.into()),
        ExtraKind::Bool => values::boolean(node).map(Into::into),
        ExtraKind::List => Some(values::list(node, separators))
            .filter(|list| !list.is_empty())
            .map(Into::into),
    }
}
