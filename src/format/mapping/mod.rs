//! The declarative mapping: a TOML file says where each canonical field is in a native record.

mod apply;
mod compile;
mod lists;
mod load;
mod path;
mod shape;
mod spec;
mod survey;
mod target;

pub use apply::{Input, Unit};
pub use load::{Mapping, MappingError, checked, line_of, load};
pub use path::{Path, Scope};

use crate::item::DeadLetterCode;
use chrono_tz::Tz;
use encoding_rs::Encoding;
use regex::Regex;
use std::collections::BTreeMap;
use survey::Survey;
use target::Target;

/// A compiled preset.
#[derive(Debug)]
pub struct Preset {
    pub name: String,
    /// `name/version`: `source.format` of its items.
    pub versioned_name: String,
    pub about: String,
    pub aliases: Vec<String>,
    /// As written in the mapping file.
    pub written: String,
    /// Where it was found, unless it ships.
    pub file: Option<std::path::PathBuf>,
    /// Encodings to try beside UTF-8.
    pub encodings: Vec<&'static Encoding>,
    explode: Vec<Path>,
    detect: Detect,
    skip: Vec<Condition>,
    reject: Vec<(Condition, DeadLetterCode, String)>,
    main: Fields,
    append: Vec<ListMapping>,
    reply: Vec<ListMapping>,
    steps: Vec<ListMapping>,
    dims: Vec<(Path, Path, Path)>,
    repost: Option<RepostMapping>,
    also: Vec<Also>,
    delete: Vec<Condition>,
    set: Vec<(Condition, Vec<(Target, String)>)>,
    survey: Option<Survey>,
}

#[derive(Debug)]
struct Detect {
    all: Vec<Path>,
    any: Vec<Path>,
    none: Vec<Path>,
}

#[derive(Debug)]
struct Condition {
    has: Vec<Path>,
    lacks: Vec<Path>,
    equals: Vec<(Path, Vec<String>)>,
    matches: Vec<(Path, Regex)>,
}

#[derive(Debug)]
struct Fields {
    constants: Vec<(Target, String)>,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    target: Target,
    /// Canonical name, for messages.
    name: String,
    from: Vec<Path>,
    /// The paths as the mapping writes them, for messages.
    written: String,
    null: Vec<String>,
    map: BTreeMap<String, String>,
    default: Option<String>,
    remove: Vec<Regex>,
    regex: Option<Regex>,
    prefix: Option<String>,
    suffix: Option<String>,
    join: Option<String>,
    all: bool,
    cap: Option<u64>,
    separators: String,
    scale: Option<Scale>,
    zone: Option<Tz>,
    unless_same: Option<Path>,
    required: bool,
}

/// Scale of a rating; `Words` takes its numbers from `map`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    OneToFive,
    FiveToFifty,
    OneToTen,
    Ternary,
    Words,
    GoodBad,
}

impl Scale {
    const NAMES: &'static str = "1-5, 5-50, 1-10, ternary, words, good_bad";

    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "1-5" => Self::OneToFive,
            "5-50" => Self::FiveToFifty,
            "1-10" => Self::OneToTen,
            "ternary" => Self::Ternary,
            "words" => Self::Words,
            "good_bad" => Self::GoodBad,
            _ => return Err(format!("scale `{name}`, want one of {}", Self::NAMES)),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::OneToFive => "1-5",
            Self::FiveToFifty => "5-50",
            Self::OneToTen => "1-10",
            Self::Ternary => "ternary",
            Self::Words => "words",
            Self::GoodBad => "good_bad",
        }
    }
}

#[derive(Debug)]
struct ListMapping {
    each: Path,
    /// The first that has a value.
    text: Vec<Path>,
    regex: Option<Regex>,
    at: Option<Path>,
    at_regex: Option<Regex>,
    by: Option<Path>,
    status: Option<Path>,
}

#[derive(Debug)]
struct RepostMapping {
    at: Path,
    id: Option<Path>,
    author_id: Option<Path>,
    text: Path,
}

#[derive(Debug)]
struct Also {
    when: Condition,
    inherit: Vec<String>,
    fields: Fields,
}

impl Preset {
    /// The units of a record that become items, each with the object that holds it.
    pub fn units<'s, 'n>(&self, root: &'s super::json::Node<'n>) -> Option<Vec<Unit<'s, 'n>>> {
        self.explode.iter().find_map(|path| path.units(root))
    }

    /// The first unit of a record, without looking for the others.
    pub fn first_unit<'s, 'n>(&self, root: &'s super::json::Node<'n>) -> Option<Unit<'s, 'n>> {
        self.explode.iter().find_map(|path| {
            if path.is_root() {
                Some((root, root))
            } else {
                path.units(root)?.first().copied()
            }
        })
    }

    /// How many of the paths by which the format is known are there; `None` where it is not this format.
    pub fn recognizes(&self, scope: &Scope<'_, '_>) -> Option<usize> {
        let there = |path: &Path| path.each(scope, &mut |_| {});
        let Detect { all, any, none } = &self.detect;
        if !all.iter().all(there) || none.iter().any(there) {
            return None;
        }
        let found = any.iter().filter(|path| there(path)).count();
        let fits = if any.is_empty() { !all.is_empty() } else { found > 0 };
        fits.then_some(all.len() + found)
    }

    /// Where the items are looked for, for messages.
    pub fn containers(&self) -> String {
        self.explode
            .iter()
            .map(Path::written)
            .collect::<Vec<_>>()
            .join("` or `")
    }

    /// The keys by which it was known, for people.
    pub fn known_by(&self) -> String {
        let mut known: Vec<&str> = self.detect.all.iter().map(Path::written).collect();
        let any: Vec<&str> = self.detect.any.iter().map(Path::written).collect();
        let any = any.join(" or ");
        if known.is_empty() {
            known.push(&any);
        }
        known.join(", ")
    }

    /// Constant platform and role: a tombstone's key that is a native id becomes an id with them.
    pub fn item_id(&self, native_id: &str) -> String {
        let constant = |wanted: &str| {
            self.main.constants.iter().find_map(|(target, value)| match target {
                Target::Word(place, _) => {
                    let mut probe = crate::item::Item::default();
                    place(&mut probe).clone_from(value);
                    let hit = if wanted == "platform" {
                        probe.source.platform
                    } else {
                        probe.source.role
                    };
                    (!hit.is_empty()).then_some(hit)
                }
                _ => None,
            })
        };
        match (constant("platform"), constant("role")) {
            (Some(platform), Some(role)) if !native_id.contains(':') => format!("{platform}:{role}:{native_id}"),
            _ => native_id.to_owned(),
        }
    }
}
