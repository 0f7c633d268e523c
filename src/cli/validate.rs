//! `qingting validate`: everything that is wrong with a configuration, at once.

use super::{ConfigErrors, EXIT_CONFIG, environment};
use crate::config::{Config, ConfigError};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
Prints one line per error, `file:line: path: message (allowed …)`, and ends with code 78 if there is any.
Variables QINGTING_SECTION__KEY are applied first, as `run` does.

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
            config.check_files()
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

fn print_json(errors: &[ConfigError]) -> anyhow::Result<()> {
    let document = serde_json::json!({ "ok": errors.is_empty(), "errors": errors });
    writeln!(std::io::stdout(), "{document}")?;
    Ok(())
}
