//! Types, unknown keys and closed lists, checked against the JSON Schema of [`RawConfig`]: all errors at once.

use super::ConfigError;
use super::document::{KeyPath, Node, Origin, Value, json_number, overrides};
use super::raw::{LATER_KEYS, LATER_VALUES, RawConfig};
use crate::nearest::did_you_mean;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

const LATER: &str = "not supported yet in this version";

/// Errors found so far, with the document that they point into.
pub(super) struct Findings {
    pub document: Node,
    pub errors: Vec<ConfigError>,
}

impl Findings {
    /// Reports an error at `path`, unless the same path already has one (the first names the cause).
    pub fn report(&mut self, path: &KeyPath, message: impl Into<String>, allowed: Option<String>) {
        let shown_path = path.to_string();
        if self.errors.iter().any(|error| error.path == shown_path) {
            return;
        }
        let (node, exact) = self.document.nearest(path);
        let mut message = message.into();
        if exact && let Origin::Environment(variable) = &node.origin {
            message = format!("{message} (from the environment variable {variable})");
        }
        let value = if exact { node.shown() } else { None };
        self.errors.push(ConfigError {
            path: shown_path,
            line: node.line(),
            value,
            message,
            allowed,
        });
    }

    pub fn has_error_at(&self, path: &KeyPath) -> bool {
        let shown_path = path.to_string();
        self.errors.iter().any(|error| error.path == shown_path)
    }
}

/// The JSON Schema of the configuration, with all parts in place and without `null` (TOML has none).
pub fn config_schema() -> Json {
    let settings =
        schemars::generate::SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<RawConfig>().to_value();
    strip_null(&mut schema);
    schema
}

fn strip_null(schema: &mut Json) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(strip_null),
        Json::Object(object) => {
            if let Some(Json::Array(kinds)) = object.get_mut("type") {
                kinds.retain(|kind| kind != "null");
                if let [only] = kinds.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Json::Array(values)) = object.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            if let Some(Json::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
                if let [Json::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    // The words beside the reference say more than those of the type.
                    for (key, value) in only {
                        object.entry(key).or_insert(value);
                    }
                }
            }
            // Defaults of whole sections only repeat "nothing is set".
            object.remove("default");
            object.values_mut().for_each(strip_null);
        }
        _ => {}
    }
}

/// Reads a text and the environment into raw structs. What is wrong is reported and left out of the result.
pub(super) fn read(text: &str, environment: &BTreeMap<String, String>) -> (RawConfig, Findings) {
    let schema = config_schema();
    let mut errors = Vec::new();
    let document = Node::parse(text, &mut errors);
    let mut findings = Findings { document, errors };
    apply_environment(environment, &schema, &mut findings);

    let document = findings.document.clone();
    let json = check(&document, &schema, &KeyPath::default(), &mut findings).unwrap_or_default();
    let raw = serde_json::from_value(json).unwrap_or_else(|error| {
        findings.report(&KeyPath::default(), format!("not a configuration: {error}"), None);
        RawConfig::default()
    });
    (raw, findings)
}

fn apply_environment(environment: &BTreeMap<String, String>, schema: &Json, findings: &mut Findings) {
    for (variable, keys, text) in overrides(environment) {
        let mut target = schema;
        for key in &keys {
            target = target
                .get("properties")
                .and_then(|properties| properties.get(key))
                .or_else(|| target.get("additionalProperties").filter(|schema| schema.is_object()))
                .unwrap_or(&Json::Null);
        }
        if keys
            .first()
            .and_then(|section| schema.get("properties")?.get(section))
            .is_some_and(is_list)
        {
            let path = keys.iter().fold(KeyPath::default(), |path, key| path.key(key));
            findings.report(
                &path,
                format!("{variable} cannot reach into a list of tables; write it in the file"),
                None,
            );
            continue;
        }
        // A path that does not exist is set as well: the check below names it with its nearest neighbour.
        findings
            .document
            .set(&keys, environment_value(&text, target), &variable);
    }
}

fn is_list(schema: &Json) -> bool {
    schema.get("type").is_some_and(|kind| kind == "array")
}

/// Text of a variable as the type that the key takes; what does not parse stays text and is reported as such.
fn environment_value(text: &str, schema: &Json) -> Value {
    let parsed = match schema.get("type").and_then(Json::as_str) {
        Some("integer") => text.parse().ok().map(Value::Integer),
        Some("number") => text.parse().ok().map(Value::Float),
        Some("boolean") => text.parse().ok().map(Value::Boolean),
        Some("array") => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            let node = |item: &str| Node {
                value: Value::String(item.to_owned()),
                origin: Origin::Implied,
            };
            Some(Value::Array(items.map(node).collect()))
        }
        _ => None,
    };
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Checks `node` against `schema` and returns what is right of it.
fn check(node: &Node, schema: &Json, path: &KeyPath, findings: &mut Findings) -> Option<Json> {
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Json::String(kind)) => vec![kind],
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    let takes = |kind: &str| kinds.is_empty() || kinds.contains(&kind);
    match &node.value {
        Value::Table(entries) if takes("object") => Some(check_table(entries, schema, path, findings)),
        Value::Array(items) if takes("array") => {
            let item_schema = schema.get("items").unwrap_or(&Json::Null);
            let checked = items
                .iter()
                .enumerate()
                .map(|(at, item)| check(item, item_schema, &path.index(at), findings));
            // A wrong element leaves a hole of its own kind, so that the others keep their index.
            let hole = if item_schema.get("type").is_some_and(|kind| kind == "object") {
                Json::Object(Map::new())
            } else {
                Json::String(String::new())
            };
            Some(Json::Array(
                checked.map(|item| item.unwrap_or_else(|| hole.clone())).collect(),
            ))
        }
        Value::String(text) if takes("string") => check_string(text, schema, path, findings),
        Value::Integer(number) if takes("integer") => check_integer(*number, schema, path, findings),
        Value::Integer(number) if takes("number") => Some(json_number(*number as f64)),
        Value::Float(number) if takes("number") && number.is_finite() => Some(json_number(*number)),
        Value::Boolean(flag) if takes("boolean") => Some(Json::Bool(*flag)),
        _ => {
            let expected: Vec<&str> = kinds.iter().map(|kind| spoken(kind)).collect();
            let message = format!("expected {}, not a {}", expected.join(" or "), node.type_name());
            findings.report(path, message.replace("a integer", "an integer"), allowed_values(schema));
            None
        }
    }
}

fn spoken(kind: &str) -> &str {
    match kind {
        "object" => "a table",
        "array" => "a list",
        "string" => "a string in quotes",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}

fn check_table(entries: &[(String, Node)], schema: &Json, path: &KeyPath, findings: &mut Findings) -> Json {
    let mut checked = Map::new();
    let known = schema.get("properties").and_then(Json::as_object);
    let open = schema.get("additionalProperties").filter(|schema| schema.is_object());
    for (key, node) in entries {
        let here = path.key(key);
        match known.and_then(|known| known.get(key)).or(open) {
            Some(schema) => {
                if let Some(value) = check(node, schema, &here, findings) {
                    checked.insert(key.clone(), value);
                }
            }
            None if LATER_KEYS.contains(&here.pattern().as_str()) => findings.report(&here, LATER, None),
            None => {
                let names: Vec<&str> = known
                    .map(|known| known.keys().map(String::as_str).collect())
                    .unwrap_or_default();
                let message = format!("unknown key{}", did_you_mean(key, names.iter().copied()));
                findings.report(&here, message, Some(names.join(", ")));
            }
        }
    }
    Json::Object(checked)
}

fn check_string(text: &str, schema: &Json, path: &KeyPath, findings: &mut Findings) -> Option<Json> {
    let value = Json::String(text.to_owned());
    let Some(allowed) = schema.get("enum").and_then(Json::as_array) else {
        return Some(value);
    };
    if allowed.contains(&value) {
        return Some(value);
    }
    let pattern = path.pattern();
    let later = LATER_VALUES
        .iter()
        .any(|(key, values)| *key == pattern && values.contains(&text));
    let message = if later {
        LATER.to_owned()
    } else {
        let names = allowed.iter().filter_map(Json::as_str);
        format!("unknown value{}", did_you_mean(text, names))
    };
    findings.report(path, message, allowed_values(schema));
    None
}

fn check_integer(number: i64, schema: &Json, path: &KeyPath, findings: &mut Findings) -> Option<Json> {
    let bound = |name: &str| schema.get(name).and_then(Json::as_f64);
    let (low, high) = (bound("minimum"), bound("maximum"));
    let too_low = low.is_some_and(|low| (number as f64) < low);
    let too_high = high.is_some_and(|high| number as f64 > high);
    if too_low || too_high {
        let range = match (low, high) {
            (Some(low), Some(high)) => format!("{low} to {high}"),
            (Some(low), None) => format!("at least {low}"),
            (None, Some(high)) => format!("at most {high}"),
            (None, None) => String::new(),
        };
        findings.report(path, "out of range", Some(range));
        return None;
    }
    Some(Json::from(number))
}

fn allowed_values(schema: &Json) -> Option<String> {
    let values = schema.get("enum")?.as_array()?;
    Some(values.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "))
}
