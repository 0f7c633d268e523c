//! The mapping file as written: TOML in which every unknown key is an error.

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetSpec {
    pub name: String,
    #[serde(default)]
    pub version: u32,
    /// One line that says what writes this format.
    #[serde(default)]
    pub about: String,
    /// A format from which everything is taken that this mapping does not say itself.
    pub extends: Option<String>,
    /// True where it is meant to take the place of a format of the same name that ships.
    #[serde(default)]
    pub overrides: bool,
    /// Other names that the preset answers to.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Tried in order; `utf-8` alone by default.
    #[serde(default)]
    pub encodings: Vec<String>,
    /// Containers, the first that is there wins; `$` is the record itself.
    #[serde(default)]
    pub explode: Vec<String>,
    #[serde(default)]
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
    /// Units that delete the item of their id.
    #[serde(default)]
    pub delete: Vec<ConditionSpec>,
    /// Fixed values where something holds.
    #[serde(default)]
    pub set: Vec<SetSpec>,
    /// Canonical field → where its value is.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldSpec>,
    /// Answers of a questionnaire: each free text becomes an item, the scores stand on the first.
    pub survey: Option<SurveySpec>,
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
    /// Each of these matches its regular expression.
    #[serde(default)]
    pub matches: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSpec {
    pub when: ConditionSpec,
    pub constants: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectSpec {
    pub when: ConditionSpec,
    /// Dead-letter code.
    pub code: crate::item::DeadLetterCode,
    pub message: String,
}

#[derive(Debug, Clone)]
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
#[derive(Debug, Clone)]
pub enum FieldSpec {
    Paths(OneOrMany),
    Detailed(Box<DetailedSpec>),
}

// By hand, because serde's untagged enums lose what was wrong and where.
impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

struct OneOrManyVisitor;

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string or a list of strings")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(OneOrMany::One(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = list.next_element()? {
            all.push(one);
        }
        Ok(OneOrMany::Many(all))
    }
}

impl<'de> Deserialize<'de> for FieldSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = FieldSpec;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a path, a list of paths, or a table with `from`")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(FieldSpec::Paths(OneOrMany::One(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        OneOrManyVisitor.visit_seq(list).map(FieldSpec::Paths)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        DetailedSpec::deserialize(MapAccessDeserializer::new(map))
            .map(|detailed| FieldSpec::Detailed(Box::new(detailed)))
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetailedSpec {
    pub from: Option<OneOrMany>,
    /// Of an `ext` field: `id` `text` `number` `count` `money` `time` `bool` `list`; all others have the type of their
    /// target.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Words that mean nothing here, beside the usual ones.
    #[serde(default)]
    pub null: Vec<String>,
    /// Word of the record → canonical word.
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// What a word becomes that `map` does not hold.
    pub default: Option<String>,
    /// What is taken out of the value before anything else, as regular expressions.
    #[serde(default)]
    pub remove: Vec<String>,
    /// The first group (or the whole match) of the value.
    pub regex: Option<String>,
    pub prefix: Option<String>,
    pub suffix: Option<String>,
    /// All values of all paths, joined.
    pub join: Option<String>,
    /// Joined only where every path has a value; ids are joined in no other way.
    #[serde(default)]
    pub all: bool,
    /// The count that a platform shows for all that are higher.
    pub cap: Option<u64>,
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
    pub text: OneOrMany,
    /// The first group of the text that takes part.
    pub regex: Option<String>,
    pub at: Option<String>,
    /// The first group of the time that takes part.
    pub at_regex: Option<String>,
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

/// Where the answers are, and regular expressions over the questions (or keys) that say what an answer is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SurveySpec {
    /// Path to the answers: keys that match, or the elements of a list.
    pub each: String,
    /// In a list: where an element has its question.
    pub question: Option<OneOrMany>,
    /// In a list: where an element has its answer.
    pub answer: Option<OneOrMany>,
    /// 1 to 5, or a word of satisfaction: `rating.overall`.
    pub overall: Option<String>,
    /// 0 to 10: `rating.nps`.
    pub nps: Option<String>,
    /// Each a dimension of `rating.dims`.
    pub dims: Option<String>,
    /// The answer is free text, whatever it looks like.
    pub text: Option<String>,
    /// The answer is `subject.product`.
    pub product: Option<String>,
    /// Personal data and whatever else is not to be kept.
    pub ignore: Option<String>,
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
    #[serde(default)]
    pub fields: BTreeMap<String, FieldSpec>,
}
