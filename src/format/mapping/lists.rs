//! What of a unit becomes a list of the one item: additions, replies, steps, dimensions, the quoted post.

use super::super::json::Node;
use super::super::values;
use super::apply::Reading;
use super::path::Path;
use super::shape::*;
use super::*;
use crate::item::*;

/// Replies, additions and steps beyond this are left out.
const MOST_LIST_ELEMENTS: usize = 200;

impl Reading<'_, '_, '_, '_, '_> {
    pub(super) fn each(
        &mut self,
        list: &ListMapping,
        mut push: impl FnMut(String, Option<i64>, Option<String>, Option<String>),
    ) {
        let (scope, zone, reference_ms) = (self.scope, self.input.zone, self.reference_ms);
        let mut count = 0;
        list.each.each(scope, &mut |element| {
            let inner = scope.inside(element);
            let text = list.text.iter().find_map(|path| first_text(path, &inner));
            let text = text.and_then(|text| grouped(list.regex.as_ref(), text));
            let status = list.status.as_ref().and_then(|path| first_text(path, &inner));
            if count >= MOST_LIST_ELEMENTS || (text.is_none() && status.is_none()) {
                return;
            }
            count += 1;
            let mut at = None;
            if let Some(path) = &list.at {
                path.each(&inner, &mut |node| {
                    at = at.or_else(|| match &list.at_regex {
                        None => values::event_time(node, reference_ms, zone).map(|time| time.ms),
                        regex => {
                            let text = grouped(regex.as_ref(), values::text("", node).ok().flatten()?)?;
                            values::event_time(&Node::Text(text.into()), reference_ms, zone).map(|time| time.ms)
                        }
                    });
                });
            }
            let by = list.by.as_ref().and_then(|path| first_text(path, &inner));
            push(text.unwrap_or_default(), at, by, status);
        });
    }

    pub(super) fn dimensions(&mut self, each: &Path, name: &Path, value: &Path, item: &mut Item) {
        let scope = self.scope;
        each.each(scope, &mut |element| {
            let inner = scope.inside(element);
            let mut rating = None;
            value.each(&inner, &mut |node| rating = rating.or_else(|| values::number(node)));
            if let (Some(name), Some(rating)) = (first_text(name, &inner), rating.filter(|r| (1.0..=5.0).contains(r))) {
                let dims = &mut item.rating.get_or_insert_default().dims;
                if dims.len() < MOST_LIST_ELEMENTS {
                    dims.insert(name, rating);
                }
            }
        });
    }

    pub(super) fn repost(&self, mapping: &RepostMapping) -> Option<Repost> {
        let scope = self.scope;
        let mut found = None;
        mapping.at.each(scope, &mut |quoted| {
            if !matches!(quoted, Node::Object(_)) {
                return;
            }
            let inner = scope.inside(quoted);
            found = Some(Repost {
                id: mapping.id.as_ref().and_then(|path| first_id(path, &inner)),
                author_id: mapping.author_id.as_ref().and_then(|path| first_id(path, &inner)),
                text: first_text(&mapping.text, &inner).unwrap_or_default(),
                deleted: false,
            });
        });
        found
    }
}

/// The author of the item may speak again in its steps; the name is no more shown there than above.
pub(super) fn masked_where_author(by: String, author: Option<&str>) -> String {
    if author.is_some_and(|author| author.trim() == by.trim()) {
        crate::normalize::mask::mask_name(by.trim())
    } else {
        by
    }
}
