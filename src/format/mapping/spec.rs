//! The mapping file as written: TOML in which every unknown key is an error.

use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetSpec {
    pub name: String,
    pub version: u32,
    /// One line that says what writes this format.
    pub about: String,
    /// Other names that the preset answers to.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Tried in order; `utf-8` alone by default.
    #[serde(default)]
    pub encodings: Vec<String>,
    /// Containers, the first that is there wins; `$` is the record itself.
    #[serde(default)]
    pub explode: Vec<String>,
    pub detect: DetectSpec,
    /// Canonical field → fixed value.
    #[serde(default)]
    pub constants: BTreeMap<String, String>,
    /// Units that are no opinion.
    #[serde(default)]
    pub skip: Vec<ConditionSpec>,
    /// Units that must not be read.
    #[serde(default)]
    pub reject: Vec<RejectSpec>,
    /// Canonical field → where its value is.
    pub fields: BTreeMap<String, FieldSpec>,
    #[serde(default)]
    pub append: Vec<ListSpec>,
    #[serde(default)]
    pub reply: Vec<ListSpec>,
    #[serde(default)]
    pub steps: Vec<ListSpec>,
    #[serde(default)]
    pub dims: Vec<DimensionsSpec>,
    #[serde(default)]
    pub repost: Option<RepostSpec>,
    /// Further items of the same unit, such as a later addition to a review.
    #[serde(default)]
    pub also: Vec<AlsoSpec>,
}

/// By what `auto` knows the format: paths that are there, paths of which one is there, paths that are not.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectSpec {
    #[serde(default)]
    pub all: Vec<String>,
    #[serde(default)]
    pub any: Vec<String>,
    #[serde(default)]
    pub none: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionSpec {
    /// All of these hold a value.
    #[serde(default)]
    pub has: Vec<String>,
    /// None of these holds a value.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// Each of these is one of the words.
    #[serde(default)]
    pub equals: BTreeMap<String, OneOrMany>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectSpec {
    pub when: ConditionSpec,
    /// Dead-letter code.
    pub code: crate::item::DeadLetterCode,
    pub message: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// A path, several of which the first with a value wins, or a table with options.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum FieldSpec {
    Paths(OneOrMany),
    Detailed(Box<DetailedSpec>),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetailedSpec {
    pub from: Option<OneOrMany>,
    /// `topic` `key` `file` `file_stem`: what the record's source says.
    pub meta: Option<String>,
    /// Words that mean nothing here, beside the usual ones.
    #[serde(default)]
    pub null: Vec<String>,
    /// Word of the record → canonical word.
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// What a word becomes that `map` does not hold.
    pub default: Option<String>,
    /// The first group (or the whole match) of the value.
    pub regex: Option<String>,
    pub prefix: Option<String>,
    pub suffix: Option<String>,
    /// All values of all paths, joined.
    pub join: Option<String>,
    /// Characters that separate the elements of a list in a string.
    pub sep: Option<String>,
    /// `1-5` `5-50` `1-10` `ternary` `words` `good_bad`.
    pub scale: Option<String>,
    /// Zone of a time without an offset, such as `UTC`.
    pub zone: Option<String>,
    /// Null where it equals this path: a root comment that names itself.
    pub unless_same: Option<String>,
    /// Overrides what the target asks for.
    pub required: Option<bool>,
}

/// `append`, `reply` and complaint steps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSpec {
    /// Path to the elements; the other paths start there.
    pub each: String,
    pub text: String,
    pub at: Option<String>,
    pub by: Option<String>,
    pub status: Option<String>,
}

/// Ratings per dimension from a list of named values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DimensionsSpec {
    pub each: String,
    pub name: String,
    pub value: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepostSpec {
    pub at: String,
    pub id: Option<String>,
    pub author_id: Option<String>,
    pub text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlsoSpec {
    pub when: ConditionSpec,
    /// Top-level canonical fields taken over from the unit's first item.
    #[serde(default)]
    pub inherit: Vec<String>,
    #[serde(default)]
    pub constants: BTreeMap<String, String>,
    pub fields: BTreeMap<String, FieldSpec>,
}
