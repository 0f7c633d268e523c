//! Words that give away who speaks and what for: templates, advertisements, shops and operators, fans, abuse.
//!
//! They stand in `tables/validity_words.txt`.

use super::super::fold::is_ideograph;
use daachorse::charwise::CharwiseDoubleArrayAhoCorasickBuilder;
use daachorse::{CharwiseDoubleArrayAhoCorasick, MatchKind};
use std::sync::LazyLock;

const TABLE: &str = include_str!("../tables/validity_words.txt");

/// Points at which a class is certain enough.
const ENOUGH: i32 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Advertisement,
    /// Shops, brands, operators, platforms, offices.
    OtherVoice,
    OffTopic,
    /// A customer speaks: counts against the others.
    Customer,
    /// Filler by a template that thousands paste.
    Template,
}

impl Class {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "advertisement" => Self::Advertisement,
            "other_voice" => Self::OtherVoice,
            "off_topic" => Self::OffTopic,
            "customer" => Self::Customer,
            "template" => Self::Template,
            _ => return None,
        })
    }
}

/// The table, and a search for each list that is looked for in every text or in every short one.
struct Words {
    cues: Vec<(Class, i32)>,
    cue_search: Option<Search>,
    /// Some crawlers glue the answer behind the customer's words: what such an answer begins with.
    embedded_reply_search: Option<Search>,
    /// What platforms, forms and agents write in place of an opinion; only as a text of its own.
    template_search: Option<Search>,
    /// Texts that are a template in full.
    whole_templates: Vec<&'static str>,
    abuse: Vec<&'static str>,
    abuse_search: Option<Search>,
    /// What may stand beside abuse and says nothing either.
    beside_abuse: Vec<&'static str>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let (mut cues, mut cue_words) = (Vec::new(), Vec::new());
    for (name, words) in lists() {
        if let Some((class, points)) = cue(name) {
            cues.extend(words.iter().map(|_| (class, points)));
            cue_words.extend(words);
        }
    }
    let abuse = list("abuse");
    Words {
        cues,
        cue_search: search(&cue_words),
        embedded_reply_search: search(&list("embedded_replies")),
        template_search: search(&list("templates")),
        whole_templates: list("whole_templates"),
        abuse_search: search(&abuse),
        abuse,
        beside_abuse: list("beside_abuse"),
    }
});

/// Every list of the table under what stands in its brackets.
fn lists() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut lists: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => lists.push((name, Vec::new())),
            None => lists.last_mut().into_iter().for_each(|(_, words)| words.push(line)),
        }
    }
    lists
}

fn list(wanted: &str) -> Vec<&'static str> {
    let found = lists().into_iter().find(|(name, _)| *name == wanted);
    found.map(|(_, words)| words).unwrap_or_default()
}

/// `cue CLASS POINTS`.
fn cue(name: &str) -> Option<(Class, i32)> {
    let (class, points) = name.strip_prefix("cue ")?.split_once(' ')?;
    Some((Class::from_name(class)?, points.parse().ok()?))
}

/// By characters: a step for each and not for each of its three bytes.
type Search = CharwiseDoubleArrayAhoCorasick<u32>;

fn search(words: &[&str]) -> Option<Search> {
    CharwiseDoubleArrayAhoCorasickBuilder::new()
        .match_kind(MatchKind::LeftmostLongest)
        .build(words)
        .ok()
}

fn occurs(search: Option<&Search>, text: &str) -> bool {
    search.is_some_and(|search| search.leftmost_find_iter(text).next().is_some())
}

/// Points by class; a cue counts once.
#[derive(Default)]
pub(super) struct Score {
    advertisement: i32,
    other_voice: i32,
    off_topic: i32,
    customer: i32,
    template: i32,
}

impl Score {
    pub fn of(folded: &str) -> Self {
        let mut score = Self::default();
        let folded = without_embedded_reply(folded);
        let words = &*WORDS;
        // a text holds few cues: those already counted are few
        let mut counted: Vec<usize> = Vec::new();
        for hit in words
            .cue_search
            .iter()
            .flat_map(|search| search.leftmost_find_iter(folded))
        {
            let cue = hit.value() as usize;
            if counted.contains(&cue) {
                continue;
            }
            counted.push(cue);
            let (class, points) = words.cues[cue];
            *match class {
                Class::Advertisement => &mut score.advertisement,
                Class::OtherVoice => &mut score.other_voice,
                Class::OffTopic => &mut score.off_topic,
                Class::Customer => &mut score.customer,
                Class::Template => &mut score.template,
            } += points;
        }
        score
    }

    pub fn reason(&self) -> Option<&'static str> {
        // one 「我的」 may stand in any text, three are a story
        let customer = self.customer.max(-9);
        [
            (self.template, "filler"),
            (self.advertisement + customer / 3, "advertisement"),
            (self.other_voice + customer, "other_voice"),
            (self.off_topic + customer / 3, "off_topic_spam"),
        ]
        .into_iter()
        .filter(|(points, _)| *points >= ENOUGH)
        .max_by_key(|(points, _)| *points)
        .map(|(_, reason)| reason)
    }
}

/// `folded` up to the first answer behind the customer's words. An answer alone begins with the word.
fn without_embedded_reply(folded: &str) -> &str {
    let mut leading = None;
    for hit in WORDS
        .embedded_reply_search
        .iter()
        .flat_map(|search| search.leftmost_find_iter(folded))
    {
        if hit.start() == 0 {
            leading = Some(hit.value());
        } else if leading != Some(hit.value()) {
            return &folded[..hit.start()];
        }
    }
    folded
}

/// Short texts that are a template; `letters`: how many significant characters it has.
pub(super) fn template(folded: &str, letters: usize) -> Option<&'static str> {
    if letters <= 8 {
        let word: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
        if WORDS.whole_templates.contains(&word.as_str()) {
            return Some("empty");
        }
    }
    let is_template = letters <= 20 && !folded.contains('但') && occurs(WORDS.template_search.as_ref(), folded);
    is_template.then_some("default_text")
}

/// Insults and nothing else: 「傻逼公司」, not 「傻逼公司不退款」.
pub(super) fn is_bare_abuse(folded: &str) -> bool {
    if folded.len() > 60 || !occurs(WORDS.abuse_search.as_ref(), folded) {
        return false;
    }
    let mut rest = folded.to_owned();
    for word in WORDS.abuse.iter().chain(&WORDS.beside_abuse) {
        if rest.contains(word) {
            rest = rest.replace(word, "");
        }
    }
    rest.chars().filter(|c| is_ideograph(*c) || c.is_alphanumeric()).count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_the_table_is_read() {
        let named = [
            "embedded_replies",
            "templates",
            "whole_templates",
            "abuse",
            "beside_abuse",
        ];
        for (name, words) in lists() {
            assert!(
                cue(name).is_some() || named.contains(&name),
                "[{name}] is read by nothing"
            );
            assert!(!words.is_empty(), "[{name}]");
        }
        for name in named {
            assert!(!list(name).is_empty(), "[{name}]");
        }
        let words = &*WORDS;
        let searches = [
            &words.cue_search,
            &words.embedded_reply_search,
            &words.template_search,
            &words.abuse_search,
        ];
        assert!(
            searches.iter().all(|search| search.is_some()),
            "a list names a word twice"
        );
    }
}
