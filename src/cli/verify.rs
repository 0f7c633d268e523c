//! `qingting verify`: the caches against the index.

use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
Prints the differences, one a line, or nothing. With --json one document {\"ok\":bool,\"differences\":[..]}.
Exit code 1 if anything differs. Works offline: stop the service first.

Examples:
  qingting verify --data-dir /var/lib/qingting
  qingting verify --data-dir /var/lib/qingting --json")]
pub struct VerifyArgs {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

pub fn run(_args: VerifyArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
