//! From the text of a mapping file to a [`Preset`]: syntax, `extends`, and errors with the line they stand on.

use super::Preset;
use super::compile::{Wrong, compile};
use super::spec::PresetSpec;
use crate::nearest::did_you_mean;
use crate::one_line::one_line;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A longer mapping file is none.
const MOST_BYTES: usize = 1024 * 1024;
/// Mappings that extend one another.
const MOST_EXTENSIONS: usize = 16;

/// A mapping that does not load: where, what is wrong, what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct MappingError {
    pub line: Option<usize>,
    pub message: String,
}

/// A mapping file as it was found.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub name: String,
    pub written: String,
}

/// Compiles `mapping`. `others`: what it may extend, the first of a name counts.
pub fn load(mapping: &Mapping, others: &[Mapping]) -> Result<Preset, MappingError> {
    // what a message quotes (a key, a pattern) may go over lines
    loaded(mapping, others).map_err(|error| MappingError {
        line: error.line,
        message: one_line(&error.message),
    })
}

fn loaded(mapping: &Mapping, others: &[Mapping]) -> Result<Preset, MappingError> {
    let spec = checked(&mapping.written)?;
    let merged = match &spec.extends {
        None => spec,
        Some(_) => extended(mapping, others)?,
    };
    compile(merged, mapping.written.clone()).map_err(|wrong| placed(&mapping.written, wrong))
}

/// Syntax and keys of one file by itself.
pub fn checked(written: &str) -> Result<PresetSpec, MappingError> {
    if written.len() > MOST_BYTES {
        return Err(MappingError {
            line: None,
            message: format!("mapping of {} bytes, want at most {MOST_BYTES}", written.len()),
        });
    }
    toml::from_str(written).map_err(|error| MappingError {
        line: error.span().map(|span| line(written, span.start)),
        message: one_line(error.message()),
    })
}

/// The mapping with everything that it takes from those it extends.
fn extended(mapping: &Mapping, others: &[Mapping]) -> Result<PresetSpec, MappingError> {
    let wrong = |message: String| MappingError {
        line: line_of(&mapping.written, &["extends".to_owned()]),
        message,
    };
    let mut chain = vec![mapping.name.clone()];
    let mut table = table(&mapping.written).map_err(&wrong)?;
    // what a mapping is called is its own affair
    let overrides = table.get("overrides").and_then(toml::Value::as_bool) == Some(true);
    let mut next = table.remove("extends");
    while let Some(base) = next.as_ref().and_then(toml::Value::as_str).map(str::to_owned) {
        // a mapping that replaces a preset may extend the one it replaces: there its own name means that preset
        let replaced = chain.len() == 1 && base == mapping.name && overrides;
        let is_cycle = chain.contains(&base) && !replaced;
        chain.push(base.clone());
        if is_cycle {
            return Err(wrong(format!("`extends` goes in a circle: {}", chain.join(" → "))));
        }
        if chain.len() > MOST_EXTENSIONS {
            return Err(wrong(format!(
                "`extends` goes over more than {MOST_EXTENSIONS} mappings"
            )));
        }
        let Some(found) = others.iter().find(|other| other.name == base) else {
            let names = others.iter().map(|other| other.name.as_str());
            return Err(wrong(format!(
                "`extends` names `{base}`, which is not known{}",
                did_you_mean(&base, names)
            )));
        };
        checked(&found.written)
            .map_err(|error| wrong(format!("`extends` names `{base}`, which does not load: {error}")))?;
        let mut below = self::table(&found.written).map_err(&wrong)?;
        next = below.remove("extends");
        // other names of the base stay its own
        below.remove("aliases");
        below.remove("overrides");
        merge(&mut below, table);
        table = below;
    }
    toml::Value::Table(table)
        .try_into()
        .map_err(|error: toml::de::Error| wrong(error.message().to_owned()))
}

fn table(written: &str) -> Result<toml::Table, String> {
    toml::from_str(written).map_err(|error| error.message().to_owned())
}

/// Tables are laid over one another key by key; whatever else `above` says takes the place of what `below` says.
fn merge(below: &mut toml::Table, above: toml::Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            // a field that is written anew is written anew as a whole
            (Some(toml::Value::Table(old)), toml::Value::Table(new))
                if matches!(key.as_str(), "fields" | "constants") =>
            {
                old.extend(new);
            }
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) if key == "detect" || key == "survey" => {
                old.extend(new);
            }
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn placed(written: &str, wrong: Wrong) -> MappingError {
    let mut path = String::new();
    for key in &wrong.keys {
        if key.bytes().all(|b| b.is_ascii_digit()) {
            path.push_str(&format!("[{key}]"));
        } else if key.contains('.') {
            path.push_str(&format!(".\"{key}\""));
        } else {
            path.push_str(&format!(".{key}"));
        }
    }
    let path = path.trim_start_matches('.');
    MappingError {
        line: line_of(written, &wrong.keys),
        message: if path.is_empty() {
            wrong.message
        } else {
            format!("{path}: {}", wrong.message)
        },
    }
}

fn line(written: &str, offset: usize) -> usize {
    let before = written.as_bytes().get(..offset).unwrap_or_default();
    before.iter().filter(|b| **b == b'\n').count() + 1
}

/// The line of the deepest of these keys that the file has.
pub fn line_of(written: &str, keys: &[String]) -> Option<usize> {
    let table = DeTable::parse(written).ok()?;
    let mut offset = None;
    let mut holder = Holder::Table(table.get_ref());
    for key in keys {
        let found: Option<(usize, &Spanned<DeValue<'_>>)> = match holder {
            Holder::Table(table) => table
                .iter()
                .find(|(name, _)| name.get_ref().as_ref() == key.as_str())
                .map(|(name, value)| (name.span().start, value)),
            Holder::List(list) => key
                .parse::<usize>()
                .ok()
                .and_then(|index| list.get(index))
                .map(|value| (value.span().start, value)),
        };
        let Some((at, value)) = found else { break };
        offset = Some(at);
        holder = match value.get_ref() {
            DeValue::Table(table) => Holder::Table(table),
            DeValue::Array(list) => Holder::List(list),
            _ => break,
        };
    }
    offset.map(|at| line(written, at))
}

enum Holder<'t, 'i> {
    Table(&'t DeTable<'i>),
    List(&'t [Spanned<DeValue<'i>>]),
}
