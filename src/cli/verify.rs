//! `qingting verify`: the caches against the index.

use super::{EXIT_DONE, EXIT_FAILED};
use crate::pipeline::verify;
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

pub fn run(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let verification = verify(&args.data_dir)?;
    if args.json {
        println!("{}", serde_json::to_string(&verification)?);
    } else {
        verification
            .differences
            .iter()
            .for_each(|difference| println!("{difference}"));
    }
    Ok(ExitCode::from(if verification.ok { EXIT_DONE } else { EXIT_FAILED }))
}
