//! `qingting model`: what a model is and how good it is.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  qingting model info
  qingting model eval labels.jsonl.gz
  qingting model eval labels.jsonl --model ./my-model --errors 20 --json"
)]
pub struct ModelArgs {
    #[command(subcommand)]
    pub command: ModelCommand,
}

#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Measure a model on labelled files (NDJSON, may be gzipped)
    Eval {
        /// Labelled files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        model: ModelChoice,
        /// Print this many wrong answers
        #[arg(long, value_name = "N", default_value_t = 0)]
        errors: usize,
    },
    /// Say what a model is: heads, labels, thresholds, hashes, figures
    Info {
        #[command(flatten)]
        model: ModelChoice,
    },
}

#[derive(Debug, Clone, Args)]
pub struct ModelChoice {
    /// Name of a shipped model, or a directory with a manifest
    #[arg(long, value_name = "NAME|DIR", default_value = "fast")]
    pub model: String,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

pub fn run(_args: ModelArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
