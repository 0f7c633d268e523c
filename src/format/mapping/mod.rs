//! The declarative mapping: a TOML file says where each canonical field is in a native record.

mod apply;
mod path;
mod shape;
mod spec;
mod target;

pub use apply::{Input, Unit};
pub use path::{Path, Scope};

use crate::item::DeadLetterCode;
use chrono_tz::Tz;
use encoding_rs::Encoding;
use regex::Regex;
use spec::*;
use std::collections::BTreeMap;
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
    pub written: &'static str,
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
    meta: Option<Meta>,
    null: Vec<String>,
    map: BTreeMap<String, String>,
    default: Option<String>,
    regex: Option<Regex>,
    prefix: Option<String>,
    suffix: Option<String>,
    join: Option<String>,
    separators: String,
    scale: Option<Scale>,
    zone: Option<Tz>,
    unless_same: Option<Path>,
    required: bool,
}

/// What the record's place in its source says.
#[derive(Debug, Clone, Copy)]
enum Meta {
    Topic,
    Key,
    File,
    FileStem,
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
    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "1-5" => Self::OneToFive,
            "5-50" => Self::FiveToFifty,
            "1-10" => Self::OneToTen,
            "ternary" => Self::Ternary,
            "words" => Self::Words,
            "good_bad" => Self::GoodBad,
            _ => {
                return Err(format!(
                    "scale `{name}`, want 1-5, 5-50, 1-10, ternary, words or good_bad"
                ));
            }
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
    text: Path,
    at: Option<Path>,
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
    /// Compiles a mapping file; the error names the key that is wrong.
    pub fn parse(written: &'static str) -> Result<Self, String> {
        let spec: PresetSpec = toml::from_str(written).map_err(|error| error.message().to_owned())?;
        let explode = if spec.explode.is_empty() {
            vec!["$".to_owned()]
        } else {
            spec.explode
        };
        Ok(Self {
            versioned_name: format!("{}/{}", spec.name, spec.version),
            name: spec.name,
            about: spec.about,
            aliases: spec.aliases,
            written,
            encodings: encodings(&spec.encodings)?,
            explode: paths(explode)?,
            detect: Detect {
                all: paths(spec.detect.all)?,
                any: paths(spec.detect.any)?,
                none: paths(spec.detect.none)?,
            },
            skip: spec.skip.into_iter().map(condition).collect::<Result<_, _>>()?,
            reject: spec
                .reject
                .into_iter()
                .map(|reject| Ok((condition(reject.when)?, reject.code, reject.message)))
                .collect::<Result<_, String>>()?,
            main: fields(spec.constants, spec.fields, true)?,
            append: spec.append.into_iter().map(list).collect::<Result<_, _>>()?,
            reply: spec.reply.into_iter().map(list).collect::<Result<_, _>>()?,
            steps: spec.steps.into_iter().map(list).collect::<Result<_, _>>()?,
            dims: spec
                .dims
                .into_iter()
                .map(|dims| {
                    Ok((
                        Path::parse(&dims.each)?,
                        Path::parse(&dims.name)?,
                        Path::parse(&dims.value)?,
                    ))
                })
                .collect::<Result<_, String>>()?,
            repost: spec.repost.map(repost).transpose()?,
            also: spec.also.into_iter().map(also).collect::<Result<_, _>>()?,
        })
    }

    /// The units of a record that become items, each with the object that holds it.
    pub fn units<'s, 'n>(&self, root: &'s super::json::Node<'n>) -> Option<Vec<Unit<'s, 'n>>> {
        self.explode.iter().find_map(|path| path.units(root))
    }

    /// How many of the paths by which the format is known are there; `None` where it is not this format.
    pub fn recognizes(&self, scope: &Scope<'_, '_>) -> Option<usize> {
        let there = |path: &Path| path.each(scope, &mut |_| {});
        let fits = self.detect.all.iter().all(there)
            && (self.detect.any.is_empty() || self.detect.any.iter().any(there))
            && !self.detect.none.iter().any(there)
            && !(self.detect.all.is_empty() && self.detect.any.is_empty());
        fits.then(|| self.detect.all.len() + self.detect.any.iter().filter(|path| there(path)).count())
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
        self.detect.all.iter().map(Path::written).collect::<Vec<_>>().join(", ")
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

fn paths(written: Vec<String>) -> Result<Vec<Path>, String> {
    written.iter().map(|path| Path::parse(path)).collect()
}

fn optional_path(written: Option<String>) -> Result<Option<Path>, String> {
    written.map(|path| Path::parse(&path)).transpose()
}

fn encodings(names: &[String]) -> Result<Vec<&'static Encoding>, String> {
    names
        .iter()
        .filter(|name| !name.eq_ignore_ascii_case("utf-8"))
        .map(|name| Encoding::for_label(name.as_bytes()).ok_or_else(|| format!("encoding `{name}` is not known")))
        .collect()
}

fn condition(spec: ConditionSpec) -> Result<Condition, String> {
    Ok(Condition {
        has: paths(spec.has)?,
        lacks: paths(spec.lacks)?,
        equals: spec
            .equals
            .into_iter()
            .map(|(path, words)| Ok((Path::parse(&path)?, words.into_vec())))
            .collect::<Result<_, String>>()?,
    })
}

fn list(spec: ListSpec) -> Result<ListMapping, String> {
    Ok(ListMapping {
        each: Path::parse(&spec.each)?,
        text: Path::parse(&spec.text)?,
        at: optional_path(spec.at)?,
        by: optional_path(spec.by)?,
        status: optional_path(spec.status)?,
    })
}

fn repost(spec: RepostSpec) -> Result<RepostMapping, String> {
    Ok(RepostMapping {
        at: Path::parse(&spec.at)?,
        id: optional_path(spec.id)?,
        author_id: optional_path(spec.author_id)?,
        text: Path::parse(&spec.text)?,
    })
}

fn also(spec: AlsoSpec) -> Result<Also, String> {
    const INHERITABLE: [&str; 14] = [
        "source",
        "business_line",
        "thread_id",
        "root_id",
        "author",
        "subject",
        "service",
        "customer",
        "survey",
        "order",
        "url",
        "complaint",
        "tags",
        "media",
    ];
    if let Some(unknown) = spec.inherit.iter().find(|name| !INHERITABLE.contains(&name.as_str())) {
        return Err(format!("inherit `{unknown}`, want some of {}", INHERITABLE.join(", ")));
    }
    Ok(Also {
        when: condition(spec.when)?,
        inherit: spec.inherit,
        fields: fields(spec.constants, spec.fields, false)?,
    })
}

fn fields(
    constants: BTreeMap<String, String>,
    specs: BTreeMap<String, FieldSpec>,
    is_main: bool,
) -> Result<Fields, String> {
    let constants = constants
        .into_iter()
        .map(|(name, value)| match Target::parse(&name)? {
            Target::Word(_, words) | Target::OptionalWord(_, words)
                if !words.is_empty() && !words.contains(&value.as_str()) =>
            {
                Err(format!("`{name}` is `{value}`, want one of {}", words.join(", ")))
            }
            target @ (Target::Word(..) | Target::OptionalWord(..) | Target::String(_) | Target::Flag(_)) => {
                Ok((target, value))
            }
            _ => Err(format!("`{name}` cannot be a constant")),
        })
        .collect::<Result<Vec<_>, String>>()?;
    if is_main && !["native_id", "text"].iter().all(|name| specs.contains_key(*name)) {
        return Err("a mapping needs the fields `native_id` and `text`".to_owned());
    }
    let mut fields = specs
        .into_iter()
        .map(|(name, spec)| field(name, spec))
        .collect::<Result<Vec<_>, String>>()?;
    // relative times are resolved against the collect time
    fields.sort_by_key(|field| !matches!(field.target, Target::CollectedAt));
    Ok(Fields { constants, fields })
}

fn field(name: String, spec: FieldSpec) -> Result<Field, String> {
    let target = Target::parse(&name)?;
    let detailed = match spec {
        FieldSpec::Paths(from) => DetailedSpec {
            from: Some(from),
            ..DetailedSpec::default()
        },
        FieldSpec::Detailed(detailed) => *detailed,
    };
    let wrong = |what: &str| format!("`{name}`: {what}");
    let scale = detailed
        .scale
        .as_deref()
        .map(Scale::parse)
        .transpose()
        .map_err(|what| wrong(&what))?;
    if matches!(target, Target::Rating) && scale.is_none() {
        return Err(wrong("a rating needs its scale"));
    }
    if detailed.from.is_none() && detailed.meta.is_none() {
        return Err(wrong("want `from` or `meta`"));
    }
    let meta = match detailed.meta.as_deref() {
        None => None,
        Some("topic") => Some(Meta::Topic),
        Some("key") => Some(Meta::Key),
        Some("file") => Some(Meta::File),
        Some("file_stem") => Some(Meta::FileStem),
        Some(other) => return Err(wrong(&format!("meta `{other}`, want topic, key, file or file_stem"))),
    };
    let zone = detailed.zone.as_deref().map(str::parse::<Tz>).transpose();
    let from = detailed.from.map(OneOrMany::into_vec).unwrap_or_default();
    Ok(Field {
        written: if from.is_empty() {
            name.clone()
        } else {
            from.join("` or `")
        },
        required: detailed
            .required
            .unwrap_or(matches!(target, Target::NativeId | Target::Text)),
        from: paths(from)?,
        meta,
        null: detailed.null,
        map: detailed.map,
        default: detailed.default,
        regex: detailed
            .regex
            .map(|pattern| Regex::new(&pattern))
            .transpose()
            .map_err(|_| wrong("the regex does not compile"))?,
        prefix: detailed.prefix,
        suffix: detailed.suffix,
        join: detailed.join,
        separators: detailed.sep.unwrap_or_else(|| ",，".to_owned()),
        scale,
        zone: zone.map_err(|_| wrong("the zone is not known"))?,
        unless_same: optional_path(detailed.unless_same)?,
        target,
        name,
    })
}
