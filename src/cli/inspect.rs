//! `qingting inspect`: what a data directory holds.

use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
NDJSON sorted by id; nothing before the first commit. Works offline and changes nothing.

Examples:
  qingting inspect checkpoint --data-dir /var/lib/qingting
  qingting inspect items --data-dir /var/lib/qingting | wc -l
  qingting inspect alerts --data-dir /var/lib/qingting | jq .summary.zh")]
pub struct InspectArgs {
    /// What to print
    #[arg(value_enum)]
    pub what: InspectWhat,
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InspectWhat {
    /// The last commit: positions, balance, alive documents
    Checkpoint,
    /// Each alive item: id, version, position, whether it is a duplicate
    Items,
    /// Each trend bucket, raw and de-duplicated
    Trends,
    /// The episodes of rules
    Alerts,
    /// Operational notices
    Notices,
    /// What waits for delivery
    Outbox,
}

pub fn run(_args: InspectArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
