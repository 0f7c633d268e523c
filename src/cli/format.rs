//! `qingting format`: the presets that read native records.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  qingting format list
  qingting format show jd_comment > my_shop.toml
  qingting format test jd_comment reviews.ndjson | jq .outcome | sort | uniq -c
  qingting format test auto reviews.ndjson"
)]
pub struct FormatArgs {
    #[command(subcommand)]
    pub command: FormatCommand,
}

#[derive(Debug, Subcommand)]
pub enum FormatCommand {
    /// Names of the presets
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Print the mapping of a preset (TOML)
    Show {
        /// Preset name
        name: String,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Read a file and print one line per record: what it became
    Test {
        /// Preset name, `item`, or `auto`
        name: String,
        /// File to read, `-` for standard input
        file: PathBuf,
        /// NDJSON (which is also the default)
        #[arg(long)]
        json: bool,
    },
}

pub fn run(_args: FormatArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
