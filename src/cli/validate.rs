//! `qingting validate`: everything that is wrong with a configuration, at once.

use super::{ConfigErrors, EXIT_CONFIG, environment};
use crate::config::{Config, ConfigError};
use crate::index::open_for_reading;
use crate::pipeline::index_directory;
use crate::segment::Segmenter;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
Prints one line per error, `file:line: path: message (allowed …)`, and ends with code 78 if there is any.
Variables QINGTING_SECTION__KEY are applied first, as `run` does. An index that is already in the data directory
must be one that this program can open.

Examples:
  qingting validate -c qingting.toml
  qingting validate -c qingting.toml --json | jq '.errors[].path'
  QINGTING_KAFKA__BROKERS=kafka:9092 qingting validate -c qingting.toml")]
pub struct ValidateArgs {
    /// Configuration (TOML)
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
    /// Data directory, in place of the configuration's
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Print one JSON document {"ok":bool,"errors":[..]}
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: ValidateArgs) -> anyhow::Result<ExitCode> {
    let errors = match Config::load(&args.config, &environment()) {
        Ok(mut config) => {
            if let Some(data_dir) = &args.data_dir {
                config.data_dir.clone_from(data_dir);
            }
            let mut errors = config.check_files();
            errors.extend(data_dir_error(&config));
            errors
        }
        Err(errors) => errors,
    };
    if args.json {
        print_json(&errors)?;
    } else if errors.is_empty() {
        writeln!(std::io::stdout(), "{}: ok", args.config.display())?;
    }
    if errors.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    if args.json {
        return Ok(ExitCode::from(EXIT_CONFIG));
    }
    Err(ConfigErrors {
        file: args.config,
        errors,
    }
    .into())
}

/// Whether the index of the data directory can be opened with this program and configuration.
fn data_dir_error(config: &Config) -> Option<ConfigError> {
    let index = index_directory(&config.data_dir);
    if !index.join("meta.json").exists() {
        return None;
    }
    let message = match open_for_reading(&index) {
        Err(error) => error.to_string(),
        Ok((_, _, Some(payload))) if payload.identities.dictionary != Segmenter::new().dictionary_hash() => {
            "its index was built with another segmentation dictionary; use a new data directory".to_owned()
        }
        Ok((_, _, Some(payload))) => {
            let zone = config.time.zone.name();
            if payload.identities.zone != zone {
                tracing::warn!(
                    from = payload.identities.zone,
                    to = zone,
                    "the zone changes: days and weeks move"
                );
            }
            return None;
        }
        Ok((_, _, None)) => return None,
    };
    Some(ConfigError {
        path: "data_dir".to_owned(),
        line: None,
        value: Some(config.data_dir.display().to_string()),
        message,
        allowed: None,
    })
}

fn print_json(errors: &[ConfigError]) -> anyhow::Result<()> {
    let document = serde_json::json!({ "ok": errors.is_empty(), "errors": errors });
    writeln!(std::io::stdout(), "{document}")?;
    Ok(())
}
