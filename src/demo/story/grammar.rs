//! A small grammar that composes sentences from lists of fragments.
//!
//! `{slot}` is replaced by a fragment of that list (or a value of the scene), `{slot?30}` only in 30 % of the cases,
//! `(a|b)` by one of its branches, `{}` by nothing and `{sp}` by a space. A list `name.tag` replaces `name` where the
//! scene has the tag. Lists come from the text files beside this one; a leading `*3 ` weighs a fragment three times.

use super::rng::StoryRng;
use rustc_hash::FxHashMap;
use thiserror::Error;

const FILES: [(&str, &str); 5] = [
    ("common.txt", include_str!("fragments/common.txt")),
    ("login.txt", include_str!("fragments/login.txt")),
    ("problems.txt", include_str!("fragments/problems.txt")),
    ("praise.txt", include_str!("fragments/praise.txt")),
    ("other.txt", include_str!("fragments/other.txt")),
];
/// Deeper than any sentence; ends a list that names itself.
const MAX_DEPTH: usize = 16;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum GrammarError {
    #[error("demo fragments: {file}:{line}: a fragment before the first \"@ list\"")]
    NoList { file: &'static str, line: usize },
    #[error("demo fragments: no list \"{0}\"")]
    UnknownList(String),
    #[error("demo fragments: unbalanced bracket in \"{0}\"")]
    Unbalanced(String),
    #[error("demo fragments: lists nested deeper than {MAX_DEPTH} at \"{0}\"")]
    TooDeep(String),
}

/// What a sentence is about: tags choose variants of lists, values fill slots.
#[derive(Debug, Clone, Default)]
pub struct Scene<'a> {
    pub tags: Vec<&'a str>,
    pub values: Vec<(&'static str, String)>,
}

struct Fragment {
    weight: u32,
    text: &'static str,
}

/// All lists, by name.
pub struct Grammar {
    lists: FxHashMap<&'static str, Vec<Fragment>>,
}

impl Grammar {
    /// Reads the lists that are compiled in.
    pub fn new() -> Result<Self, GrammarError> {
        let mut lists: FxHashMap<&'static str, Vec<Fragment>> = FxHashMap::default();
        for (file, content) in FILES {
            let mut current = None;
            for (index, line) in content.lines().enumerate() {
                if let Some(name) = line.strip_prefix("@ ") {
                    current = Some(name.trim());
                } else if !line.is_empty() && !line.starts_with("//") {
                    let name = current.ok_or(GrammarError::NoList { file, line: index + 1 })?;
                    lists.entry(name).or_default().push(fragment(line));
                }
            }
        }
        Ok(Self { lists })
    }

    /// One sentence from list `name`.
    pub fn sentence(&self, name: &str, scene: &Scene, rng: &mut StoryRng) -> Result<String, GrammarError> {
        let mut out = String::new();
        self.expand_slot(name, scene, rng, 0, &mut out)?;
        Ok(out)
    }

    fn expand_slot(
        &self,
        name: &str,
        scene: &Scene,
        rng: &mut StoryRng,
        depth: usize,
        out: &mut String,
    ) -> Result<(), GrammarError> {
        if depth > MAX_DEPTH {
            return Err(GrammarError::TooDeep(name.into()));
        }
        if let Some((_, value)) = scene.values.iter().find(|(key, _)| *key == name) {
            out.push_str(value);
            return Ok(());
        }
        let list = self
            .list(name, scene)
            .ok_or_else(|| GrammarError::UnknownList(name.into()))?;
        let chosen = rng.weighted(list.iter().map(|fragment| fragment.weight));
        self.expand(
            list.get(chosen).map_or("", |fragment| fragment.text),
            scene,
            rng,
            depth + 1,
            out,
        )
    }

    fn list(&self, name: &str, scene: &Scene) -> Option<&[Fragment]> {
        scene
            .tags
            .iter()
            .find_map(|tag| self.lists.get(format!("{name}.{tag}").as_str()))
            .or_else(|| self.lists.get(name))
            .map(Vec::as_slice)
    }

    fn expand(
        &self,
        text: &str,
        scene: &Scene,
        rng: &mut StoryRng,
        depth: usize,
        out: &mut String,
    ) -> Result<(), GrammarError> {
        let mut rest = text;
        while let Some(at) = rest.find(['{', '(']) {
            out.push_str(&rest[..at]);
            let inside_and_after = &rest[at + 1..];
            let unbalanced = || GrammarError::Unbalanced(text.into());
            if rest.as_bytes()[at] == b'{' {
                let (slot, after) = inside_and_after.split_once('}').ok_or_else(unbalanced)?;
                let (name, percent) = slot.split_once('?').unwrap_or((slot, "100"));
                let percent: f64 = percent.parse().unwrap_or(50.0);
                match name {
                    "" => {}
                    "sp" => out.push(' '),
                    _ if percent >= 100.0 || rng.chance(percent / 100.0) => {
                        self.expand_slot(name, scene, rng, depth, out)?;
                    }
                    _ => {}
                }
                rest = after;
            } else {
                let (branches, after) = split_branches(inside_and_after).ok_or_else(unbalanced)?;
                let branch = rng.pick(&branches, "");
                self.expand(branch, scene, rng, depth, out)?;
                rest = after;
            }
        }
        out.push_str(rest);
        Ok(())
    }
}

fn fragment(line: &'static str) -> Fragment {
    let weighed = line.strip_prefix('*').and_then(|rest| rest.split_once(' '));
    match weighed.and_then(|(weight, text)| Some((weight.parse().ok()?, text))) {
        Some((weight, text)) => Fragment { weight, text },
        None => Fragment { weight: 1, text: line },
    }
}

/// The branches up to the closing bracket of the group that was just opened, and what follows it.
fn split_branches(text: &str) -> Option<(Vec<&str>, &str)> {
    let mut branches = Vec::new();
    let mut from = 0;
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => {
                branches.push(&text[from..at]);
                return Some((branches, &text[at + 1..]));
            }
            b')' => depth -= 1,
            b'|' if depth == 0 => {
                branches.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every slot that any fragment names: a list, a tagged list, or a value of the scene.
    const VALUES: [&str; 8] = ["brand", "model", "rival", "city", "version", "phone", "email", "p"];

    #[test]
    fn every_slot_of_every_fragment_exists_and_brackets_balance() {
        let grammar = Grammar::new().unwrap();
        let slot = regex::Regex::new(r"\{([^{}?]*)(\?\d+)?\}").unwrap();
        for (name, list) in &grammar.lists {
            for fragment in list {
                assert_eq!(
                    fragment.text.matches('(').count(),
                    fragment.text.matches(')').count(),
                    "{}",
                    fragment.text
                );
                assert_eq!(
                    fragment.text.matches('{').count(),
                    slot.find_iter(fragment.text).count(),
                    "{}",
                    fragment.text
                );
                for found in slot.captures_iter(fragment.text) {
                    let named = &found[1];
                    let known = named.is_empty()
                        || named == "sp"
                        || VALUES.contains(&named)
                        || grammar.lists.contains_key(named);
                    assert!(known, "list {name} names {named:?}, which has no untagged list");
                }
            }
        }
        let fragments: usize = grammar.lists.values().map(Vec::len).sum();
        assert!(fragments > 700, "{fragments}");
    }

    #[test]
    fn tags_choose_variants_and_values_win() {
        let grammar = Grammar::new().unwrap();
        let scene = Scene {
            tags: vec!["lock"],
            values: vec![("brand", "甲".into())],
        };
        let mut rng = StoryRng::new(1);
        assert!(grammar.sentence("p", &scene, &mut rng).unwrap().contains("锁"));
        assert_eq!(grammar.sentence("brand", &scene, &mut rng).unwrap(), "甲");
        assert_eq!(
            grammar.sentence("no_such", &scene, &mut rng),
            Err(GrammarError::UnknownList("no_such".into()))
        );
    }

    #[test]
    fn nested_branches_split_at_their_own_level() {
        assert_eq!(split_branches("a|b(c|d)|)e"), Some((vec!["a", "b(c|d)", ""], "e")));
        assert_eq!(split_branches("a|b"), None);
    }
}
