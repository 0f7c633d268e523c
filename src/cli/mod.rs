//! The command line: one file per command, each with its arguments and what it does.
//!
//! Comes in: process arguments and environment. Goes out: data on stdout, log and progress on stderr, an exit
//! code: 0 done, 1 failed or an expectation not met, 2 usage, 78 configuration. No metric moves.

pub mod analyze;
pub mod completions;
pub mod demo;
pub mod erase;
pub mod format;
pub mod ingest;
pub mod inspect;
pub mod key;
pub mod model;
pub mod privacy;
pub mod reader;
pub mod reanalyze;
pub mod repair;
pub mod run;
pub mod schema;
pub mod search;
pub mod signals;
pub mod validate;
pub mod verify;

use crate::config::{Config, ConfigError};
use crate::telemetry;
use clap::{Parser, Subcommand, ValueEnum};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Done.
pub const EXIT_DONE: u8 = 0;
/// Failed, or an expectation was not met.
pub const EXIT_FAILED: u8 = 1;
/// Wrong usage of the command line (clap's own code).
pub const EXIT_USAGE: u8 = 2;
/// Wrong configuration (`EX_CONFIG` of sysexits).
pub const EXIT_CONFIG: u8 = 78;

/// 倾听: listens to what customers say in Chinese, and says what is getting worse.
#[derive(Debug, Parser)]
#[command(
    name = "qingting",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true,
    propagate_version = true,
    after_help = "\
First steps:
  qingting demo                                    see it work, nothing to set up
  qingting validate -c qingting.toml               check a configuration
  qingting run -c qingting.toml                    the service
  qingting analyze reviews.ndjson | head -1        analyze a file, no service needed

Data goes to stdout, the log to stderr. Exit codes: 0 done, 1 failed or an expectation not met,
2 wrong usage, 78 wrong configuration. `qingting COMMAND --help` has examples for each command."
)]
pub struct Cli {
    #[command(flatten)]
    pub log: LogArgs,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, clap::Args)]
pub struct LogArgs {
    /// Log level or filter: error, warn, info, debug, trace, `info,qingting::index=debug` [default: the configuration's, else warn]
    #[arg(long, global = true, value_name = "LEVEL", value_parser = parse_level)]
    pub log_level: Option<String>,
    /// Log format [default: the configuration's, else text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Consume, analyze, index, count and alert: the service
    Run(run::RunArgs),
    /// Recompute every exact count from the index and compare
    Verify(verify::VerifyArgs),
    /// Check a configuration and print everything that is wrong with it
    Validate(validate::ValidateArgs),
    /// Show the product working on an invented company, nothing to set up
    Demo(demo::DemoArgs),
    /// Analyze files or standard input to NDJSON, without a service
    Analyze(analyze::AnalyzeArgs),
    /// Send the records of files to a Kafka topic
    Ingest(ingest::IngestArgs),
    /// Search the index of a data directory or of a running service
    Search(search::SearchArgs),
    /// Print what a data directory holds, offline and read-only
    Inspect(inspect::InspectArgs),
    /// Read a topic again from the beginning after it was re-created
    Repair(repair::RepairArgs),
    /// Take an index through another model, in place
    Reanalyze(reanalyze::ReanalyzeArgs),
    /// Take an author or an item out for good
    Erase(erase::EraseArgs),
    /// Find personal data that is still there
    Privacy(privacy::PrivacyArgs),
    /// Print the JSON Schema of a record or of the configuration
    Schema(schema::SchemaArgs),
    /// List, show and test the presets that read native records
    Format(format::FormatArgs),
    /// Evaluate a model or say what it is
    Model(model::ModelArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
}

/// Wrong usage that only shows after parsing: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// A configuration with errors: exit code 78, one line each.
#[derive(Debug)]
pub struct ConfigErrors {
    pub file: PathBuf,
    pub errors: Vec<ConfigError>,
}

impl std::error::Error for ConfigErrors {}

impl std::fmt::Display for ConfigErrors {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                out.write_str("\n")?;
            }
            match error.line {
                Some(line) => write!(out, "{}:{line}: {error}", self.file.display())?,
                None => write!(out, "{}: {error}", self.file.display())?,
            }
        }
        Ok(())
    }
}

/// Runs the command of the process arguments.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data on stdout with code 0; clap knows which is which.
            let code = if error.use_stderr() { EXIT_USAGE } else { EXIT_DONE };
            error.print().ok();
            return ExitCode::from(code);
        }
    };
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => report(&error),
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let log = &cli.log;
    if !matches!(cli.command, Command::Run(_)) {
        // `run` sets its log up itself, once it has read the configuration.
        init_log(log, None)?;
    }
    match cli.command {
        Command::Run(args) => run::run(args, log),
        Command::Verify(args) => verify::run(args),
        Command::Validate(args) => validate::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Analyze(args) => analyze::run(args),
        Command::Ingest(args) => ingest::run(args),
        Command::Search(args) => search::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Repair(args) => repair::run(args),
        Command::Reanalyze(args) => reanalyze::run(args),
        Command::Erase(args) => erase::run(args),
        Command::Privacy(args) => privacy::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Format(args) => format::run(args),
        Command::Model(args) => model::run(args),
        Command::Completions(args) => completions::run(args),
    }
}

/// Prints an error on stderr and chooses the exit code by its kind.
fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        // The reader of our stdout has all it wants: `qingting analyze … | head -1`.
        return ExitCode::from(EXIT_DONE);
    }
    if let Some(errors) = error.downcast_ref::<ConfigErrors>() {
        eprintln!("{errors}");
        return ExitCode::from(EXIT_CONFIG);
    }
    eprintln!("error: {error:#}");
    let usage = error.downcast_ref::<UsageError>().is_some();
    ExitCode::from(if usage { EXIT_USAGE } else { EXIT_FAILED })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .and_then(serde_json::Error::io_error_kind)
                == Some(std::io::ErrorKind::BrokenPipe)
    })
}

/// Sets the log up: flags win over the configuration, which wins over `text` and `warn`.
///
/// # Errors
/// If the log is already set up.
pub fn init_log(args: &LogArgs, config: Option<&Config>) -> anyhow::Result<()> {
    let json = match args.log_format {
        Some(format) => format == LogFormat::Json,
        None => config.is_some_and(|config| config.log.json),
    };
    let level = args
        .log_level
        .as_deref()
        .or(config.map(|config| config.log.level.as_str()))
        .unwrap_or("warn");
    Ok(telemetry::init_log(json, level)?)
}

/// Reads and checks a configuration with the environment of this process on top.
///
/// # Errors
/// [`ConfigErrors`], which ends the process with code 78.
pub fn load_config(path: &Path) -> Result<Config, ConfigErrors> {
    let failed = |errors| ConfigErrors {
        file: path.to_owned(),
        errors,
    };
    let config = Config::load(path, &environment()).map_err(failed)?;
    match config.check_files() {
        errors if errors.is_empty() => Ok(config),
        errors => Err(failed(errors)),
    }
}

/// The configuration of a command that needs none: the defaults and the environment.
///
/// # Errors
/// [`ConfigErrors`] if the environment is wrong.
pub fn default_config() -> Result<Config, ConfigErrors> {
    let failed = |errors| ConfigErrors {
        file: PathBuf::from("environment"),
        errors,
    };
    Config::parse("", &environment()).map_err(failed)
}

/// The variables of this process that configure us (`QINGTING_…`).
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("QINGTING_"))
        .collect()
}

fn parse_level(text: &str) -> Result<String, String> {
    if telemetry::is_level(text) {
        return Ok(text.to_owned());
    }
    Err("not a level: use error, warn, info, debug, trace or a filter such as info,qingting::index=debug".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_with_examples() {
        let mut root = Cli::command();
        root.build();
        for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Examples:"), "{} has no examples", command.get_name());
            assert!(
                help.contains(&format!("qingting {}", command.get_name())),
                "{}",
                command.get_name()
            );
        }
    }

    #[test]
    fn an_unknown_flag_suggests_the_nearest() {
        let error = Cli::try_parse_from(["qingting", "validate", "--confg", "x"]).unwrap_err();
        assert!(error.to_string().contains("--config"), "{error}");
        let error = Cli::try_parse_from(["qingting", "valdate"]).unwrap_err();
        assert!(error.to_string().contains("validate"), "{error}");
    }

    #[test]
    fn a_closed_stdout_is_not_a_failure() {
        let broken = anyhow::Error::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe)).context("writing");
        assert!(is_broken_pipe(&broken));
        assert!(!is_broken_pipe(&anyhow::anyhow!("other")));
    }
}
