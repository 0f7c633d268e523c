//! What every reader's item gets at the end of the format stage: configured values, id, limits, `quality.missing`.

use super::item::Mapped;
use super::vocabulary;
use crate::config::SourceConfig;
use crate::item::{ITEM_SCHEMA, Item};
use crate::normalize::settle_times;

/// Longer texts are cut at a character border and flagged `truncated`.
pub const LONGEST_TEXT_BYTES: usize = 64 * 1024;

/// Completes an item. `overrides`: the configuration wins over what the mapping says (a preset's constants); for the
/// canonical format it only fills what the record leaves open.
pub fn finish(mapped: &mut Mapped, source: &SourceConfig, overrides: bool) {
    let item = &mut mapped.item;
    item.schema = ITEM_SCHEMA.to_owned();
    configured(item, source, overrides);
    name_role_and_id(item);
    limit_texts(item);
    settle_times(item);
    item.quality.missing = vocabulary::missing_fields(item, mapped.native_author_id.is_some());
}

fn configured(item: &mut Item, source: &SourceConfig, overrides: bool) {
    let required = |value: &mut String, configured: &Option<String>| {
        if let Some(configured) = configured
            && (overrides || value.is_empty())
        {
            value.clone_from(configured);
        }
    };
    required(&mut item.source.kind, &source.kind);
    required(&mut item.source.platform, &source.platform);
    let optional = |value: &mut Option<String>, configured: &Option<String>| {
        if value.is_none() || overrides && configured.is_some() {
            value.clone_from(configured);
        }
    };
    optional(&mut item.source.touchpoint, &source.touchpoint);
    optional(&mut item.source.mode, &source.mode);
    optional(&mut item.source.initiative, &source.initiative);
    optional(&mut item.business_line, &source.business_line);
}

/// Platform, kind, role and, where there is a native id, the id.
pub fn name_role_and_id(item: &mut Item) {
    if item.source.platform.is_empty() {
        item.source.platform = "unknown".to_owned();
    }
    if item.source.kind.is_empty() {
        item.source.kind = vocabulary::kind_of_platform(&item.source.platform).to_owned();
    }
    if item.source.role.is_empty() {
        item.source.role = vocabulary::role_of_kind(&item.source.kind).to_owned();
    }
    if item.id.is_empty() && !item.native_id.is_empty() {
        item.id = format!("{}:{}:{}", item.source.platform, item.source.role, item.native_id);
    }
}

fn limit_texts(item: &mut Item) {
    item.text_raw_len = char_count(&item.text);
    let mut cut = limit(&mut item.text);
    cut |= limit(&mut item.title);
    for append in &mut item.append {
        cut |= limit(&mut append.text);
    }
    for reply in &mut item.reply {
        cut |= limit(&mut reply.text);
    }
    if let Some(repost) = &mut item.repost {
        cut |= limit(&mut repost.text);
    }
    if cut {
        item.flags.insert("truncated".to_owned());
    }
}

fn char_count(text: &str) -> u64 {
    text.chars().count() as u64
}

fn limit(text: &mut String) -> bool {
    let too_long = text.len() > LONGEST_TEXT_BYTES;
    if too_long {
        text.truncate(text.floor_char_boundary(LONGEST_TEXT_BYTES));
        text.shrink_to_fit();
    }
    too_long
}
