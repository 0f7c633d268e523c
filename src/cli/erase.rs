//! `qingting erase`: takes an author or an item out for good.

use super::{EXIT_DONE, EXIT_FAILED, UsageError};
use crate::pipeline::lock;
use crate::privacy::{Erasure, erase};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = false)]
pub struct EraseWhat {
    /// Keyed id of the author, as `author.id` of the items shows it
    #[arg(long, value_name = "ID")]
    pub author: Option<String>,
    /// Id of one item
    #[arg(long, value_name = "ID")]
    pub item: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Removes the items from the index and their ids from alerts and samples, leaves hashed tombstones so that the next crawl
or a restored backup does not bring them back, merges the index, and looks through every file to prove it. Stop the
service first. The topics are not ours to change: erase there as well. Exit code 1 if anything is left.

Examples:
  qingting erase --author 0123456789abcdef0123456789abcdef --data-dir /var/lib/qingting
  qingting erase --item jd:review:1234 --data-dir /var/lib/qingting --json")]
pub struct EraseArgs {
    #[command(flatten)]
    pub what: EraseWhat,
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: EraseArgs) -> anyhow::Result<ExitCode> {
    let erasure = match (args.what.author, args.what.item) {
        (Some(author), None) if !author.is_empty() => Erasure::Author(author),
        (None, Some(item)) if !item.is_empty() => Erasure::Item(item),
        _ => return Err(UsageError("name one of --author and --item".to_owned()).into()),
    };
    let _lock = lock(&args.data_dir)?;
    let report = erase(&args.data_dir, &erasure)?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        report.left.iter().for_each(|left| println!("{left}"));
        eprintln!(
            "{} items erased, {} places of the state log blanked, {} documents and {} bytes looked through",
            report.erased, report.blanked, report.scanned_documents, report.scanned_bytes
        );
    }
    Ok(ExitCode::from(if report.ok { EXIT_DONE } else { EXIT_FAILED }))
}
