//! `qingting schema`: the JSON Schema of every record that crosses a border, from the types themselves.

use crate::alert::AlertRecord;
use crate::classify::AnyManifest;
use crate::config::config_schema;
use crate::item::{AnalyzedRecord, DeadLetter, Item};
use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use std::io::Write;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
The same schemas are in the repository under schemas/.

Examples:
  qingting schema item > item.schema.json
  qingting schema config | jq '.properties | keys'
  qingting schema dead_letter | jq '.properties.code'")]
pub struct SchemaArgs {
    /// What to describe
    #[arg(value_enum)]
    pub what: SchemaKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum SchemaKind {
    /// The canonical item
    Item,
    /// The analyzed record
    Analyzed,
    /// What could not be read
    DeadLetter,
    /// One state of an alert's episode
    Alert,
    /// The configuration
    Config,
    /// The manifest of a model
    Manifest,
}

pub fn run(args: SchemaArgs) -> anyhow::Result<ExitCode> {
    std::io::stdout().write_all(text(args.what)?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The schema as it is printed and committed.
///
/// # Errors
/// If it cannot be written as JSON: a bug.
pub fn text(kind: SchemaKind) -> Result<String, serde_json::Error> {
    Ok(format!("{}\n", serde_json::to_string_pretty(&schema(kind))?))
}

/// The schema of a record as it is written, of the configuration and the manifest as they are read.
pub fn schema(kind: SchemaKind) -> Value {
    match kind {
        SchemaKind::Item => written::<Item>(crate::item::ITEM_SCHEMA),
        SchemaKind::Analyzed => written::<AnalyzedRecord>(crate::item::ANALYZED_SCHEMA),
        SchemaKind::DeadLetter => written::<DeadLetter>(crate::item::DEAD_LETTER_SCHEMA),
        SchemaKind::Alert => written::<AlertRecord>(crate::alert::ALERT_SCHEMA),
        SchemaKind::Config => config_schema(),
        SchemaKind::Manifest => {
            let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
            generator.into_root_schema_for::<AnyManifest>().to_value()
        }
    }
}

/// A record's schema; its field `schema` holds the given name and nothing else.
fn written<T: JsonSchema>(name: &str) -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    if let Some(field) = schema.pointer_mut("/properties/schema") {
        *field = serde_json::json!({ "const": name });
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    const RECORDS: [(SchemaKind, &str); 4] = [
        (SchemaKind::Item, "item"),
        (SchemaKind::Analyzed, "analyzed"),
        (SchemaKind::DeadLetter, "dead_letter"),
        (SchemaKind::Alert, "alert"),
    ];
    const OTHERS: [(SchemaKind, &str); 2] = [(SchemaKind::Config, "config"), (SchemaKind::Manifest, "manifest")];

    fn directory() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas")
    }

    fn example(name: &str) -> Value {
        let path = directory().join(format!("examples/{name}.json"));
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
    }

    fn faults(kind: SchemaKind, document: &Value) -> Vec<String> {
        let validator = jsonschema::validator_for(&schema(kind)).unwrap();
        validator
            .iter_errors(document)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect()
    }

    #[test]
    fn committed_schemas_are_those_of_the_types() {
        let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
        for (kind, name) in RECORDS.into_iter().chain(OTHERS) {
            let path = directory().join(format!("{name}.schema.json"));
            let generated = text(kind).unwrap();
            if update {
                std::fs::write(&path, generated).unwrap();
            } else {
                let committed = std::fs::read_to_string(&path).unwrap_or_default();
                assert!(
                    committed == generated,
                    "{name}.schema.json drifted: run UPDATE_SCHEMAS=1 cargo test schema"
                );
            }
        }
    }

    #[test]
    fn the_examples_validate_and_read_back_as_the_types() {
        for (kind, name) in RECORDS {
            assert_eq!(faults(kind, &example(name)), Vec::<String>::new(), "{name}");
        }
        let item: Item = serde_json::from_value(example("item")).unwrap();
        assert_eq!(serde_json::to_value(&item).unwrap(), example("item"));
        let analyzed: AnalyzedRecord = serde_json::from_value(example("analyzed")).unwrap();
        assert_eq!(
            faults(SchemaKind::Analyzed, &serde_json::to_value(&analyzed).unwrap()),
            Vec::<String>::new()
        );
        let _: DeadLetter = serde_json::from_value(example("dead_letter")).unwrap();
        let alert: AlertRecord = serde_json::from_value(example("alert")).unwrap();
        assert_eq!(
            alert.id,
            crate::alert::episode_id(&alert.rule, &alert.key, alert.starts_at)
        );
    }

    #[test]
    fn the_schemas_refuse_what_is_not_the_record() {
        let mut item = example("item");
        item["unknown_field"] = Value::Bool(true);
        assert!(!faults(SchemaKind::Item, &item).is_empty());
        let mut letter = example("dead_letter");
        letter["code"] = Value::from("because");
        assert!(!faults(SchemaKind::DeadLetter, &letter).is_empty());
        let mut alert = example("alert");
        alert["schema"] = Value::from("qingting.alert/2");
        assert!(!faults(SchemaKind::Alert, &alert).is_empty());
        let mut analyzed = example("analyzed");
        analyzed.as_object_mut().unwrap().remove("analysis");
        assert!(!faults(SchemaKind::Analyzed, &analyzed).is_empty());
    }

    #[test]
    fn the_example_configuration_validates_against_its_schema() {
        let text = include_str!("../../deploy/qingting.example.toml");
        let document: Value = toml::from_str(text).unwrap();
        assert_eq!(faults(SchemaKind::Config, &document), Vec::<String>::new());
    }

    #[test]
    fn shipped_manifests_validate_against_their_schema() {
        let models = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models");
        for entry in std::fs::read_dir(models).unwrap().flatten() {
            let Ok(text) = std::fs::read_to_string(entry.path().join("manifest.toml")) else {
                continue;
            };
            let document: Value = toml::from_str(&text).unwrap();
            assert_eq!(
                faults(SchemaKind::Manifest, &document),
                Vec::<String>::new(),
                "{:?}",
                entry.path()
            );
        }
    }
}
