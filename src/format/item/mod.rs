//! The canonical format `item`: one object a record, or an array of them. Required are `text` and either `id` or
//! `native_id` with `source.platform`; the rest is derived or unknown. A field of a type that cannot be read is
//! ignored with a warning, as is a field that is not known.

mod nested;

use super::json::{Node, Object};
use super::values::{self, Reject};
use super::vocabulary::*;
use crate::item::*;
use chrono_tz::Tz;

pub const NAME: &str = "item";
pub const VERSIONED_NAME: &str = "item/1";
/// Replies and additions beyond this are left out.
const MOST_LIST_ELEMENTS: usize = 200;

/// What one object became.
pub enum Read {
    Item(Box<Mapped>),
    Delete { id: String, version: Option<i64> },
}

/// An item with what travels beside it.
#[derive(Default)]
pub struct Mapped {
    pub item: Item,
    pub native_author_id: Option<String>,
    /// The record said when it was collected.
    pub has_collect_time: bool,
    /// The unit deletes the item of its id.
    pub deleted: bool,
}

pub struct Context<'c> {
    pub record_time_ms: i64,
    pub zone: Tz,
    /// Platform of the source's configuration.
    pub platform: Option<&'c str>,
}

/// Reads one object. Warnings carry the path.
pub fn read(object: &Object<'_>, context: &Context<'_>, warnings: &mut Vec<String>) -> Result<Read, Reject> {
    let reference_ms = ["collected_at", "version"]
        .iter()
        .find_map(|key| {
            object
                .get(key)
                .and_then(|node| time_ms(node, context.record_time_ms, context.zone))
        })
        .unwrap_or(context.record_time_ms);
    let mut reader = Reader {
        warnings,
        reference_ms,
        zone: context.zone,
        mapped: Box::default(),
        has_text: false,
        has_version: false,
        deleted: false,
    };
    for (key, node) in object.iter() {
        reader.member(key, node)?;
    }
    reader.finish(context)
}

fn time_ms(node: &Node<'_>, reference_ms: i64, zone: Tz) -> Option<i64> {
    values::event_time(node, reference_ms, zone).map(|time| time.ms)
}

struct Reader<'r> {
    warnings: &'r mut Vec<String>,
    reference_ms: i64,
    zone: Tz,
    mapped: Box<Mapped>,
    has_text: bool,
    has_version: bool,
    deleted: bool,
}

impl Reader<'_> {
    fn member(&mut self, key: &str, node: &Node<'_>) -> Result<(), Reject> {
        if matches!(node, Node::Null) {
            return Ok(());
        }
        match key {
            "id" => self.mapped.item.id = values::id(key, node)?.unwrap_or_default(),
            "native_id" => self.mapped.item.native_id = values::id(key, node)?.unwrap_or_default(),
            "text" => {
                let Node::Text(text) = node else {
                    return Err(Reject::wrong_type(key, node, "a string"));
                };
                self.mapped.item.text = text.as_ref().to_owned();
                self.has_text = true;
            }
            "source" => self.source(node)?,
            "deleted" => self.deleted = values::boolean(node).unwrap_or(false),
            "title" => self.mapped.item.title = self.string(key, node).unwrap_or_default(),
            "published_at" => self.published(node),
            "published_precision" => self.precision(node),
            "published_inferred" => {
                self.mapped.item.published_inferred = values::boolean(node).unwrap_or(false);
            }
            "collected_at" => match time_ms(node, self.reference_ms, self.zone) {
                Some(ms) => {
                    self.mapped.item.collected_at = ms;
                    self.mapped.has_collect_time = true;
                }
                None => self.unreadable(key, "a time"),
            },
            "version" => match values::integer(node) {
                Some(version) if version >= 0 => {
                    self.mapped.item.version = version;
                    self.has_version = true;
                }
                _ => self.unreadable(key, "a number of milliseconds"),
            },
            "author" => self.author(node),
            "flags" => self.flags(node),
            // made anew
            "schema" | "lang" | "script" | "quality" | "text_raw_len" => {}
            // of an analyzed record that is read again
            "position" | "pipeline_version" | "analysis" => {}
            _ => self.plain(key, node),
        }
        Ok(())
    }

    fn plain(&mut self, key: &str, node: &Node<'_>) {
        match key {
            "business_line" => self.mapped.item.business_line = self.string(key, node),
            "parent_id" => self.mapped.item.parent_id = self.identifier(key, node),
            "root_id" => self.mapped.item.root_id = self.identifier(key, node),
            "thread_id" => self.mapped.item.thread_id = self.identifier(key, node),
            "url" => self.mapped.item.url = self.string(key, node),
            "raw_ref" => self.mapped.item.raw_ref = self.string(key, node),
            "updated_at" => self.mapped.item.updated_at = self.time(key, node),
            "expected_resolution_at" => self.mapped.item.expected_resolution_at = self.time(key, node),
            "subject" => self.subject(node),
            "rating" => self.rating(node),
            "engagement" => self.engagement(node),
            "append" => self.mapped.item.append = self.structured_list(key, node),
            "reply" => self.mapped.item.reply = self.structured_list(key, node),
            "repost" => self.mapped.item.repost = self.structured(key, node),
            "service" => self.mapped.item.service = self.structured(key, node),
            "customer" => self.mapped.item.customer = self.structured(key, node),
            "survey" => self.mapped.item.survey = self.structured(key, node),
            "order" => self.mapped.item.order = self.structured(key, node),
            "complaint" => self.mapped.item.complaint = self.structured(key, node),
            "media" => self.mapped.item.media = self.structured(key, node).unwrap_or_default(),
            "tags" => self.mapped.item.tags = values::list(node, ",，"),
            "ext" => match node.to_value() {
                serde_json::Value::Object(map) => self.mapped.item.ext = map,
                _ => self.unreadable(key, "an object"),
            },
            _ => self.unknown(key),
        }
    }

    fn source(&mut self, node: &Node<'_>) -> Result<(), Reject> {
        let Node::Object(object) = node else {
            return Err(Reject::wrong_type("source", node, "an object"));
        };
        for (key, node) in object.iter() {
            if matches!(node, Node::Null) {
                continue;
            }
            if key == "platform" {
                let Node::Text(platform) = node else {
                    return Err(Reject::wrong_type("source.platform", node, "a string"));
                };
                self.mapped.item.source.platform = platform.trim().to_owned();
                continue;
            }
            let path = format!("source.{key}");
            let value = self.string(&path, node).map(|value| value.trim().to_owned());
            let value = value.filter(|value| !value.is_empty());
            match key {
                "kind" => self.mapped.item.source.kind = self.one_of(&path, value, KINDS).unwrap_or_default(),
                "role" => self.mapped.item.source.role = self.one_of(&path, value, ROLES).unwrap_or_default(),
                "mode" => self.mapped.item.source.mode = self.one_of(&path, value, MODES),
                "initiative" => self.mapped.item.source.initiative = self.one_of(&path, value, INITIATIVES),
                "format" => self.mapped.item.source.format = value.unwrap_or_default(),
                "keyword" => self.mapped.item.source.keyword = value,
                "touchpoint" => self.mapped.item.source.touchpoint = value,
                _ => self.unknown(&path),
            }
        }
        Ok(())
    }

    fn published(&mut self, node: &Node<'_>) {
        // an integer of this format is ms, whatever its magnitude; small ones are seconds by mistake
        match values::event_time(node, self.reference_ms, self.zone) {
            Some(time) => {
                let item = &mut self.mapped.item;
                item.published_at = Some(time.ms);
                if item.published_precision == Precision::None {
                    item.published_precision = time.precision;
                }
                item.published_inferred |= time.inferred;
            }
            None => self.unreadable("published_at", "a time from 2000 on"),
        }
    }

    fn precision(&mut self, node: &Node<'_>) {
        match self.structured::<Precision>("published_precision", node) {
            Some(Precision::None) | None => {}
            Some(precision) => self.mapped.item.published_precision = precision,
        }
    }

    fn flags(&mut self, node: &Node<'_>) {
        for flag in values::list(node, ",") {
            if FLAGS.contains(&flag.as_str()) {
                self.mapped.item.flags.insert(flag);
            } else {
                self.warnings
                    .push("`flags` holds a flag that is not known; it was ignored".to_owned());
            }
        }
    }

    fn string(&mut self, path: &str, node: &Node<'_>) -> Option<String> {
        match values::text(path, node) {
            Ok(value) => value.filter(|value| !value.trim().is_empty()),
            Err(_) => {
                self.unreadable(path, "a string");
                None
            }
        }
    }

    fn identifier(&mut self, path: &str, node: &Node<'_>) -> Option<String> {
        match values::id(path, node) {
            Ok(value) => value,
            Err(_) => {
                self.unreadable(path, "a string or an integer");
                None
            }
        }
    }

    fn time(&mut self, path: &str, node: &Node<'_>) -> Option<i64> {
        let time = time_ms(node, self.reference_ms, self.zone);
        if time.is_none() && !matches!(node, Node::Null) {
            self.unreadable(path, "a time");
        }
        time
    }

    fn one_of(&mut self, path: &str, value: Option<String>, allowed: &[&str]) -> Option<String> {
        let value = value?;
        if allowed.contains(&value.as_str()) {
            return Some(value);
        }
        self.unreadable(path, &format!("one of {}", allowed.join(", ")));
        None
    }

    fn unreadable(&mut self, path: &str, wanted: &str) {
        self.warnings.push(format!("`{path}` was ignored, want {wanted}"));
    }

    fn unknown(&mut self, path: &str) {
        self.warnings
            .push(format!("`{path}` is not a field of an item and was ignored"));
    }

    fn finish(self, context: &Context<'_>) -> Result<Read, Reject> {
        let mut mapped = self.mapped;
        let item = &mut mapped.item;
        if item.source.platform.is_empty() {
            item.source.platform = context.platform.unwrap_or_default().to_owned();
        }
        if item.id.is_empty() && (item.native_id.is_empty() || item.source.platform.is_empty()) {
            let path = if item.native_id.is_empty() {
                "id"
            } else {
                "source.platform"
            };
            return Err(Reject::missing(path, "`id`, or `native_id` with `source.platform`"));
        }
        take_id_apart(item);
        if self.deleted {
            super::finish::name_role_and_id(item);
            return Ok(Read::Delete {
                id: std::mem::take(&mut item.id),
                version: if self.has_version {
                    Some(item.version)
                } else if mapped.has_collect_time {
                    Some(item.collected_at)
                } else {
                    None
                },
            });
        }
        if !self.has_text {
            return Err(Reject::missing("text", "a string, which may be empty"));
        }
        if !mapped.has_collect_time {
            item.collected_at = context.record_time_ms;
        }
        if !self.has_version {
            item.version = item.collected_at;
        }
        if item.source.format.is_empty() {
            item.source.format = VERSIONED_NAME.to_owned();
        }
        Ok(Read::Item(mapped))
    }
}

/// `weibo:post:5228…` says platform, role and native id where the record does not.
fn take_id_apart(item: &mut Item) {
    if item.id.is_empty() {
        return;
    }
    let mut parts = item.id.splitn(3, ':');
    if let (Some(platform), Some(role), Some(native_id)) = (parts.next(), parts.next(), parts.next())
        && ROLES.contains(&role)
        && !platform.is_empty()
        && !native_id.is_empty()
    {
        if item.source.platform.is_empty() {
            item.source.platform = platform.to_owned();
        }
        if item.source.role.is_empty() {
            item.source.role = role.to_owned();
        }
        if item.native_id.is_empty() {
            item.native_id = native_id.to_owned();
        }
    }
    if item.native_id.is_empty() {
        item.native_id = item.id.clone();
    }
}
