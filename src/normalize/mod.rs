//! Normalize: an item as mapped → an item that may be stored, shown and analyzed.
//!
//! Comes in: [`MappedItem`] (canonical fields filled, text as given, native author id beside it). Goes out:
//! [`CleanItem`]: text cleaned and personal data masked, author id keyed, times within bounds, language, script and
//! flags set, analysis text and fingerprint of near-duplicates computed. Cannot fail. Metric: the stage's duration only.

mod classes;
mod clean;
mod fold;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod html;
pub mod language;
pub mod mask;
mod near;
mod rules;
pub mod time;
pub mod validity;

pub(crate) use classes::is_word;
pub use clean::{clean_text, own_words};
pub use fold::{fold_char, fold_into};
pub use near::Trigrams;
#[cfg(test)]
pub(crate) use near::fingerprint_of;

use crate::item::{CleanItem, Item, MappedItem, Precision};
use chrono_tz::Tz;
use hmac::{Hmac, Mac};
use rules::RuleText;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::cell::RefCell;

/// Names, models and other keyword-like values are cut here: they become index terms.
const LONGEST_KEYWORD_CHARS: usize = 256;

/// Shorter values than this hold nothing personal: `男`, `5星`.
const SHORTEST_PERSONAL_BYTES: usize = 7;

/// Cleans items. Cheap to clone; one a worker.
#[derive(Clone)]
pub struct Normalizer {
    /// HMAC with the key already absorbed.
    keyed: Hmac<Sha256>,
    zone: Tz,
}

impl Normalizer {
    /// `key`: the secret of the keyed author ids (any length; the config asks for 16 bytes or more). `zone`: of
    /// times that were written without an offset.
    pub fn new(key: &[u8], zone: Tz) -> Self {
        // HMAC takes keys of any length; the error branch of the trait cannot happen and must not panic
        let keyed = <Hmac<Sha256> as Mac>::new_from_slice(key)
            .unwrap_or_else(|_| <Hmac<Sha256> as Mac>::new(&Default::default()));
        Self { keyed, zone }
    }

    /// Zone of times that were written without an offset.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    pub fn normalize(&self, mapped: MappedItem) -> CleanItem {
        let MappedItem {
            mut item,
            source,
            position,
            record_time_ms,
            native_author_id,
        } = mapped;
        self.name_the_author(&mut item, native_author_id.as_deref());
        settle_times(&mut item);
        self.name_the_item(&mut item);
        if let Some(order_no) = item.order.as_mut().and_then(|order| order.no.as_mut()) {
            *order_no = self.pseudonym(&["order", order_no], 8);
        }
        if let Some(repost) = item.repost.as_mut() {
            let author_id = repost.author_id.take().filter(|id| !id.is_empty());
            repost.author_id = author_id.map(|id| self.author_id(&item.source.platform, &id));
        }
        clean_texts(&mut item);
        clean_keywords(&mut item);
        let (language, script) = language::detect(if item.text.is_empty() { &item.title } else { &item.text });
        item.lang = language.to_owned();
        item.script = script.to_owned();
        let analysis_text = analysis_text(&item);
        let mut letters = Vec::with_capacity(analysis_text.len() / 2);
        letters.extend(rules::significant_chars(&analysis_text));
        let invalid_reason = judge(&mut item, &analysis_text, &letters);
        let fingerprint = near::fingerprint(letters);
        CleanItem {
            item,
            source,
            position,
            record_time_ms,
            analysis_text,
            fingerprint,
            invalid_reason,
        }
    }

    /// The keyed id under which an author of `platform` is stored: 16 bytes as hex.
    pub fn author_id(&self, platform: &str, native_id: &str) -> String {
        self.pseudonym(&[platform, native_id], 16)
    }

    /// First `bytes` bytes of HMAC-SHA256(key, parts joined by 0) as hex.
    fn pseudonym(&self, parts: &[&str], bytes: usize) -> String {
        let mut mac = self.keyed.clone();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                mac.update(&[0]);
            }
            mac.update(part.as_bytes());
        }
        hex::encode(&mac.finalize().into_bytes()[..bytes])
    }

    fn name_the_author(&self, item: &mut Item, native_author_id: Option<&str>) {
        item.author.id = native_author_id
            .map(str::trim)
            .filter(|id| !id.is_empty())
            .map(|id| self.author_id(&item.source.platform, id));
        if let Some(name) = &item.author.name {
            let cleaned = clean_text(name);
            item.author.name = (!cleaned.is_empty()).then(|| mask::mask_name(&cleaned));
        }
    }

    /// An item without an id of its own is known by what it says: `h:` + hash of platform, author, time and text.
    fn name_the_item(&self, item: &mut Item) {
        if item.native_id.is_empty() && item.id.is_empty() {
            let mut hash = Sha256::new();
            hash.update(item.source.platform.as_bytes());
            hash.update([0]);
            hash.update(item.author.id.as_deref().unwrap_or_default().as_bytes());
            hash.update([0]);
            // a relative or coarse time is another one at the next crawl
            let is_exact = !item.published_inferred && item.published_precision <= Precision::Minute;
            let exact = item.published_at.filter(|_| is_exact);
            hash.update(exact.map(|ms| ms.to_string()).unwrap_or_default().as_bytes());
            hash.update([0]);
            hash.update(item.text.as_bytes());
            item.native_id = format!("h:{}", hex::encode(&hash.finalize()[..16]));
        }
        if item.id.is_empty() {
            item.id = format!("{}:{}:{}", item.source.platform, item.source.role, item.native_id);
        }
    }
}

/// Times within bounds, and the flags that say so: `time_unknown` for none, `time_future` for more than a day after
/// the collect time. An impossible time is no time.
pub(crate) fn settle_times(item: &mut Item) {
    item.collected_at = item.collected_at.clamp(0, time::LATEST_MS - 1);
    item.published_at = item.published_at.filter(|ms| time::in_range(*ms));
    match item.published_at {
        None => {
            item.published_precision = Precision::None;
            item.published_inferred = false;
            item.flags.insert("time_unknown".to_owned());
        }
        Some(ms) => {
            if item.published_precision == Precision::None {
                item.published_precision = Precision::Second;
            }
            item.flags.remove("time_unknown");
            if ms > item.collected_at + time::DAY_MS {
                item.flags.insert("time_future".to_owned());
            } else {
                item.flags.remove("time_future");
            }
        }
    }
    let sound = |time: &mut Option<i64>| *time = time.filter(|ms| time::in_range(*ms));
    sound(&mut item.updated_at);
    sound(&mut item.expected_resolution_at);
    if let Some(order) = &mut item.order {
        sound(&mut order.purchased_at);
    }
    if let Some(service) = &mut item.service {
        sound(&mut service.date);
    }
    item.append.iter_mut().for_each(|append| sound(&mut append.at));
    item.reply.iter_mut().for_each(|reply| sound(&mut reply.at));
    if let Some(complaint) = &mut item.complaint {
        complaint.steps.iter_mut().for_each(|step| sound(&mut step.at));
    }
}

fn clean_texts(item: &mut Item) {
    item.text = clean_text(&item.text);
    if !item.title.is_empty() {
        item.title = clean_text(&item.title);
        if rules::repeats(&item.title, &item.text) {
            item.title.clear();
        }
    }
    for append in &mut item.append {
        append.text = clean_text(&append.text);
    }
    for reply in &mut item.reply {
        reply.text = clean_text(&reply.text);
        reply.by = reply.by.as_deref().map(clean_text).filter(|by| !by.is_empty());
    }
    if let Some(repost) = &mut item.repost {
        repost.text = clean_text(&repost.text);
    }
    if let Some(complaint) = &mut item.complaint {
        for step in &mut complaint.steps {
            step.text = clean_text(&step.text);
            step.by = step.by.as_deref().map(clean_text).filter(|by| !by.is_empty());
        }
        if let Some(handling) = &mut complaint.handling {
            handling.text = clean_text(&handling.text);
        }
    }
}

/// Values that become index terms: trimmed, folded in width, of bounded length, personal data masked where people
/// type freely.
fn clean_keywords(item: &mut Item) {
    item.url = item.url.as_deref().and_then(rules::bare_url);
    item.author.region = item.author.region.as_deref().map(rules::province).map(str::to_owned);
    for value in [
        &mut item.source.keyword,
        &mut item.author.tier,
        &mut item.author.segment,
        &mut item.subject.brand,
        &mut item.subject.product,
        &mut item.subject.sku,
        &mut item.subject.category,
        &mut item.subject.version,
    ] {
        *value = value.take().map(keyword).filter(|value| !value.is_empty());
    }
    if let Some(complaint) = &mut item.complaint {
        complaint.target = complaint.target.take().map(keyword).filter(|value| !value.is_empty());
        for list in [&mut complaint.appeal, &mut complaint.issue] {
            list.iter_mut()
                .for_each(|value| *value = keyword(std::mem::take(value)));
            list.retain(|value| !value.is_empty());
        }
    }
    if let Some(service) = &mut item.service {
        for list in [&mut service.types, &mut service.improvement_choices] {
            list.iter_mut()
                .for_each(|value| *value = keyword(std::mem::take(value)));
            list.retain(|value| !value.is_empty());
        }
    }
    item.tags.iter_mut().for_each(|tag| *tag = keyword(std::mem::take(tag)));
    item.tags.retain(|tag| !tag.is_empty());
    item.ext.iter_mut().for_each(|(name, value)| clean_extra(name, value));
}

/// Whatever a mapping keeps besides: free text unless its name says id or address.
fn clean_extra(name: &str, value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) if !is_id_or_url(name) && text.len() >= SHORTEST_PERSONAL_BYTES => {
            *text = clean_text(text);
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(|value| clean_extra(name, value)),
        serde_json::Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| clean_extra(name, value)),
        _ => {}
    }
}

fn is_id_or_url(name: &str) -> bool {
    name == "id" || name.ends_with("_id") || name.ends_with("url")
}

thread_local! {
    /// Brands, products and categories are few, come with every item, and cost as much to clean as a text.
    static KEYWORDS: RefCell<FxHashMap<String, String>> = RefCell::default();
}

/// Keywords that a thread remembers the cleaned form of; when it has seen more it begins again.
const MOST_KEYWORDS: usize = 4_096;
/// Longer ones are free text and do not come again.
const LONGEST_KNOWN_KEYWORD_BYTES: usize = 128;

fn keyword(value: String) -> String {
    let plain = value.len() <= LONGEST_KEYWORD_CHARS
        && value
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.'))
        && value.len() < 11;
    if plain {
        return value;
    }
    if value.len() > LONGEST_KNOWN_KEYWORD_BYTES {
        return cleaned_keyword(&value);
    }
    KEYWORDS.with_borrow_mut(|known| {
        if let Some(cleaned) = known.get(&value) {
            return cleaned.clone();
        }
        if known.len() >= MOST_KEYWORDS {
            known.clear();
        }
        let cleaned = cleaned_keyword(&value);
        known.insert(value, cleaned.clone());
        cleaned
    })
}

fn cleaned_keyword(value: &str) -> String {
    let mut cleaned = clean_text(value);
    if let Some((end, _)) = cleaned.char_indices().nth(LONGEST_KEYWORD_CHARS) {
        cleaned.truncate(end);
    }
    cleaned
}

/// Flags and, where rules suffice, why the item is not usable.
fn judge(item: &mut Item, analysis_text: &str, letters: &[char]) -> Option<&'static str> {
    let own = own_words(&item.text);
    let chain = clean::quoted_chain(&item.text).is_some();
    let verdict = rules::rule_text(own);
    let empty = item.text.is_empty();
    let wordless = rules::has_no_words(own) && rules::has_no_words(&item.title);
    if empty {
        item.flags.insert("empty_text".to_owned());
    }
    if chain {
        item.flags.insert("repost".to_owned());
    }
    if chain && own.is_empty() || verdict == RuleText::RepostOnly {
        item.flags.insert("repost".to_owned());
        item.flags.insert("repost_only".to_owned());
        return Some("repost_only");
    }
    match verdict {
        RuleText::Default => {
            item.flags.insert("default_text".to_owned());
            Some("default_text")
        }
        RuleText::Deleted => {
            item.flags.insert("deleted".to_owned());
            Some("deleted")
        }
        _ if wordless => Some("empty"),
        // whoever speaks for the other side is no customer, whatever the words
        _ if speaks_for_another(item) => Some("other_voice"),
        _ => validity::reason(analysis_text, letters),
    }
}

fn speaks_for_another(item: &Item) -> bool {
    matches!(item.author.kind.as_deref(), Some("brand" | "official" | "operator")) || item.source.role == "reply"
}

/// Title and own words, folded: what the model and the fingerprint see.
pub fn analysis_text(item: &Item) -> String {
    let own = own_words(&item.text);
    let mut out = String::with_capacity(item.title.len() + own.len() + 1);
    if !item.title.is_empty() {
        fold_into(&item.title, &mut out);
        out.push('\n');
    }
    fold_into(own, &mut out);
    out
}

/// Masks personal data in a text that is kept as it is otherwise (a dead letter's bytes). Escapes of JSON are
/// written out: the digits of `\u7535` would hide where a number begins.
pub fn mask_text(text: &str) -> Cow<'_, str> {
    let mut masked = without_escapes(text).into_owned();
    if mask::mask(&mut masked) {
        Cow::Owned(masked)
    } else {
        Cow::Borrowed(text)
    }
}

/// `\u7535` → `电`; escapes of quotes, backslashes, control characters and surrogates stay.
fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        let written = escape
            .strip_prefix("\\u")
            .and_then(|hex| hex.get(..4))
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32)
            .filter(|c| !c.is_control() && !matches!(c, '"' | '\\'));
        let taken = match written {
            Some(c) => {
                out.push(c);
                6
            }
            None => {
                let length = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&escape[..length]);
                length
            }
        };
        rest = &escape[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
