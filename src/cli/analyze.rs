//! `qingting analyze`: files or standard input to NDJSON, without a service.

use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
Prints one record a line, in the order of the input. What cannot be read goes to --dead-letters; without it,
each is one line in the log.

Examples:
  qingting analyze reviews.ndjson > analyzed.ndjson
  cat reviews.ndjson | qingting analyze --format jd_comment - | jq .analysis.sentiment.label
  qingting analyze --stage item --dead-letters bad.ndjson export.csv -o items.ndjson
  qingting analyze -c qingting.toml --model ./my-model reviews.ndjson.gz")]
pub struct AnalyzeArgs {
    /// Configuration: zone, key file, owners, model
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Preset that reads the records, `item`, or `auto`
    #[arg(long, value_name = "NAME|auto", default_value = "auto")]
    pub format: String,
    /// How far to go
    #[arg(long, value_enum, default_value_t = AnalyzeStage::Analyzed)]
    pub stage: AnalyzeStage,
    /// Name of a shipped model, or a directory with a manifest [default: the configuration's, else fast]
    #[arg(long, value_name = "NAME|DIR")]
    pub model: Option<String>,
    /// File for what cannot be read
    #[arg(long, value_name = "FILE")]
    pub dead_letters: Option<PathBuf>,
    /// Output file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Files to read, `-` for standard input [default: standard input]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnalyzeStage {
    /// Canonical items: cleaned and masked, not analyzed
    Item,
    /// Analyzed records
    Analyzed,
}

pub fn run(_args: AnalyzeArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
