//! From a mapping as written to one that can be applied: every path, word, pattern and target is checked here.

use super::path::Path;
use super::spec::*;
use super::survey::Survey;
use super::target::Target;
use super::*;

/// A mapping of more fields than this was made by accident.
const MOST_FIELDS: usize = 1_000;

/// What is wrong, and under which keys of the file.
#[derive(Debug)]
pub(super) struct Wrong {
    pub keys: Vec<String>,
    pub message: String,
}

/// Says under which key something is wrong; keys are put before those that are known already.
pub(super) trait Under<T> {
    fn under(self, keys: &[&str]) -> Result<T, Wrong>;
}

impl<T> Under<T> for Result<T, String> {
    fn under(self, keys: &[&str]) -> Result<T, Wrong> {
        self.map_err(|message| Wrong {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            message,
        })
    }
}

impl<T> Under<T> for Result<T, Wrong> {
    fn under(self, keys: &[&str]) -> Result<T, Wrong> {
        self.map_err(|wrong| Wrong {
            keys: keys.iter().map(|key| (*key).to_owned()).chain(wrong.keys).collect(),
            message: wrong.message,
        })
    }
}

pub(super) fn compile(spec: PresetSpec, written: String) -> Result<Preset, Wrong> {
    let named = !spec.name.is_empty()
        && spec
            .name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !named || matches!(spec.name.as_str(), "item" | "auto") {
        return Err("want a name of a-z, 0-9 and _ that is not `item` or `auto`".to_owned()).under(&["name"]);
    }
    if spec.version == 0 {
        return Err("want `version`, 1 or more".to_owned()).under(&["version"]);
    }
    let explode = if spec.explode.is_empty() {
        vec!["$".to_owned()]
    } else {
        spec.explode
    };
    let survey = spec.survey.map(Survey::compile).transpose().under(&["survey"])?;
    Ok(Preset {
        versioned_name: format!("{}/{}", spec.name, spec.version),
        name: spec.name,
        about: spec.about,
        aliases: spec.aliases,
        written,
        file: None,
        encodings: encodings(&spec.encodings).under(&["encodings"])?,
        explode: paths(explode).under(&["explode"])?,
        detect: Detect {
            all: paths(spec.detect.all).under(&["detect", "all"])?,
            any: paths(spec.detect.any).under(&["detect", "any"])?,
            none: paths(spec.detect.none).under(&["detect", "none"])?,
        },
        skip: each("skip", spec.skip, condition)?,
        reject: each("reject", spec.reject, |reject| {
            Ok((condition(reject.when).under(&["when"])?, reject.code, reject.message))
        })?,
        delete: each("delete", spec.delete, condition)?,
        set: each("set", spec.set, |set| {
            let when = condition(set.when).under(&["when"])?;
            Ok((when, constants(set.constants).under(&["constants"])?))
        })?,
        main: Fields {
            constants: constants(spec.constants).under(&["constants"])?,
            fields: fields(spec.fields, true, survey.is_some())?,
        },
        survey,
        append: each("append", spec.append, list)?,
        reply: each("reply", spec.reply, list)?,
        steps: each("steps", spec.steps, list)?,
        dims: each("dims", spec.dims, |dims| {
            Ok((
                Path::parse(&dims.each).under(&["each"])?,
                Path::parse(&dims.name).under(&["name"])?,
                Path::parse(&dims.value).under(&["value"])?,
            ))
        })?,
        repost: spec.repost.map(repost).transpose().under(&["repost"])?,
        also: each("also", spec.also, also)?,
    })
}

fn each<S, T>(key: &str, specs: Vec<S>, mut compile: impl FnMut(S) -> Result<T, Wrong>) -> Result<Vec<T>, Wrong> {
    specs
        .into_iter()
        .enumerate()
        .map(|(index, spec)| compile(spec).under(&[key, &index.to_string()]))
        .collect()
}

fn paths(written: Vec<String>) -> Result<Vec<Path>, String> {
    written.iter().map(|path| Path::parse(path)).collect()
}

fn optional_path(written: Option<String>, key: &str) -> Result<Option<Path>, Wrong> {
    written.map(|path| Path::parse(&path)).transpose().under(&[key])
}

fn encodings(names: &[String]) -> Result<Vec<&'static Encoding>, String> {
    names
        .iter()
        .filter(|name| !name.eq_ignore_ascii_case("utf-8"))
        .map(|name| {
            Encoding::for_label(name.as_bytes())
                .ok_or_else(|| format!("encoding `{name}` is not known, want such as utf-8, gb18030 or big5"))
        })
        .collect()
}

pub(super) fn pattern(written: &str) -> Result<Regex, String> {
    Regex::new(written).map_err(|error| {
        let text = error.to_string();
        let what = text
            .lines()
            .last()
            .unwrap_or_default()
            .trim()
            .trim_start_matches("error: ");
        format!("`{written}` is not a regular expression: {what}")
    })
}

fn condition(spec: ConditionSpec) -> Result<Condition, Wrong> {
    let condition = Condition {
        has: paths(spec.has).under(&["has"])?,
        lacks: paths(spec.lacks).under(&["lacks"])?,
        equals: spec
            .equals
            .into_iter()
            .map(|(path, words)| Ok((Path::parse(&path)?, words.into_vec())))
            .collect::<Result<Vec<_>, String>>()
            .under(&["equals"])?,
        matches: spec
            .matches
            .into_iter()
            .map(|(path, written)| Ok((Path::parse(&path)?, pattern(&written)?)))
            .collect::<Result<Vec<_>, String>>()
            .under(&["matches"])?,
    };
    let is_empty = condition.has.is_empty()
        && condition.lacks.is_empty()
        && condition.equals.is_empty()
        && condition.matches.is_empty();
    if is_empty {
        return Err("an empty condition holds always, want has, lacks, equals or matches".to_owned()).under(&[]);
    }
    Ok(condition)
}

fn list(spec: ListSpec) -> Result<ListMapping, Wrong> {
    Ok(ListMapping {
        each: Path::parse(&spec.each).under(&["each"])?,
        text: paths(spec.text.into_vec()).under(&["text"])?,
        regex: spec.regex.as_deref().map(pattern).transpose().under(&["regex"])?,
        at_regex: spec.at_regex.as_deref().map(pattern).transpose().under(&["at_regex"])?,
        at: optional_path(spec.at, "at")?,
        by: optional_path(spec.by, "by")?,
        status: optional_path(spec.status, "status")?,
    })
}

fn repost(spec: RepostSpec) -> Result<RepostMapping, Wrong> {
    Ok(RepostMapping {
        at: Path::parse(&spec.at).under(&["at"])?,
        id: optional_path(spec.id, "id")?,
        author_id: optional_path(spec.author_id, "author_id")?,
        text: Path::parse(&spec.text).under(&["text"])?,
    })
}

fn also(spec: AlsoSpec) -> Result<Also, Wrong> {
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
        return Err(format!("`{unknown}`, want some of {}", INHERITABLE.join(", "))).under(&["inherit"]);
    }
    Ok(Also {
        when: condition(spec.when).under(&["when"])?,
        inherit: spec.inherit,
        fields: Fields {
            constants: constants(spec.constants).under(&["constants"])?,
            fields: fields(spec.fields, false, false)?,
        },
    })
}

fn constants(written: BTreeMap<String, String>) -> Result<Vec<(Target, String)>, Wrong> {
    written
        .into_iter()
        .map(|(name, value)| constant(&name, value).under(&[&name]))
        .collect()
}

fn constant(name: &str, value: String) -> Result<(Target, String), String> {
    match Target::parse(name)? {
        Target::Word(_, words) | Target::OptionalWord(_, words)
            if !words.is_empty() && !words.contains(&value.as_str()) =>
        {
            Err(format!("`{value}`, want one of {}", words.join(", ")))
        }
        Target::Flag(_) | Target::PlainBool(_) if !matches!(value.as_str(), "true" | "1") => {
            Err(format!("`{value}`, want \"true\""))
        }
        target @ (Target::Word(..)
        | Target::OptionalWord(..)
        | Target::String(_)
        | Target::Flag(_)
        | Target::PlainBool(_)) => Ok((target, value)),
        _ => Err("cannot be a constant, only words, names and flags can".to_owned()),
    }
}

fn fields(specs: BTreeMap<String, FieldSpec>, is_main: bool, is_survey: bool) -> Result<Vec<Field>, Wrong> {
    let required: &[&str] = if is_survey {
        &["native_id"]
    } else {
        &["native_id", "text"]
    };
    if is_main && let Some(missing) = required.iter().find(|name| !specs.contains_key(**name)) {
        return Err(format!("a mapping needs the field `{missing}`")).under(&["fields"]);
    }
    if specs.len() > MOST_FIELDS {
        return Err(format!("{} fields, want at most {MOST_FIELDS}", specs.len())).under(&["fields"]);
    }
    let mut fields = specs
        .into_iter()
        .map(|(name, spec)| field(name.clone(), spec).under(&["fields", &name]))
        .collect::<Result<Vec<_>, Wrong>>()?;
    // relative times are resolved against the collect time
    fields.sort_by_key(|field| !matches!(field.target, Target::CollectedAt));
    Ok(fields)
}

/// Half an id is another thing's id.
fn field(name: String, spec: FieldSpec) -> Result<Field, Wrong> {
    let mut target = Target::parse(&name).under(&[])?;
    let detailed = match spec {
        FieldSpec::Paths(from) => DetailedSpec {
            from: Some(from),
            ..DetailedSpec::default()
        },
        FieldSpec::Detailed(detailed) => *detailed,
    };
    if let Some(kind) = &detailed.kind {
        target = target.typed(kind).under(&["type"])?;
    }
    let scale = detailed
        .scale
        .as_deref()
        .map(Scale::parse)
        .transpose()
        .under(&["scale"])?;
    if matches!(target, Target::Rating) && scale.is_none() {
        return Err(format!("a rating needs `scale`, one of {}", Scale::NAMES)).under(&[]);
    }
    let from = detailed.from.map(OneOrMany::into_vec).unwrap_or_default();
    if from.is_empty() {
        return Err("want `from`, a path or a list of paths".to_owned()).under(&[]);
    }
    let zone = detailed.zone.as_deref().map(|zone| {
        zone.parse::<Tz>()
            .map_err(|_| format!("zone `{zone}` is not known, want such as Asia/Shanghai or UTC"))
    });
    Ok(Field {
        written: from.join("` or `"),
        required: detailed
            .required
            .unwrap_or(matches!(target, Target::NativeId | Target::Text)),
        from: paths(from).under(&["from"])?,
        null: detailed.null,
        map: detailed.map,
        default: detailed.default,
        remove: detailed
            .remove
            .iter()
            .map(|written| pattern(written))
            .collect::<Result<_, _>>()
            .under(&["remove"])?,
        regex: detailed.regex.as_deref().map(pattern).transpose().under(&["regex"])?,
        prefix: detailed.prefix,
        suffix: detailed.suffix,
        all: detailed.all || target.is_id(),
        cap: detailed.cap,
        join: detailed.join,
        separators: detailed.sep.unwrap_or_else(|| ",，".to_owned()),
        scale,
        zone: zone.transpose().under(&["zone"])?,
        unless_same: optional_path(detailed.unless_same, "unless_same")?,
        target,
        name,
    })
}
