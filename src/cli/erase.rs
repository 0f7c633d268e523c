//! `qingting erase`: takes an author or an item out for good.

use super::{EXIT_DONE, EXIT_FAILED, UsageError, key};
use crate::normalize::Normalizer;
use crate::pipeline::{KEY_FILE, lock};
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
    /// Author by the platform's own id, which is keyed as the service keys it
    #[arg(long, value_name = "PLATFORM:ID")]
    pub native_author: Option<String>,
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
  qingting erase --native-author weibo:1669879400 --data-dir /var/lib/qingting
  qingting erase --item jd:review:1234 --data-dir /var/lib/qingting --json")]
pub struct EraseArgs {
    #[command(flatten)]
    pub what: EraseWhat,
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Key of the author ids, where the service's `privacy.key_file` names one [default: privacy.key in the data directory]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["author", "item"])]
    pub key_file: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: EraseArgs) -> anyhow::Result<ExitCode> {
    let _lock = lock(&args.data_dir)?;
    let erasure = erasure(&args)?;
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

fn erasure(args: &EraseArgs) -> anyhow::Result<Erasure> {
    let what = &args.what;
    match (&what.author, &what.native_author, &what.item) {
        (Some(author), None, None) if !author.is_empty() => Ok(Erasure::Author(author.clone())),
        (None, Some(native), None) => {
            let (platform, id) = native.split_once(':').unwrap_or_default();
            if platform.is_empty() || id.is_empty() {
                let message = format!("--native-author `{native}`: want PLATFORM:ID, such as weibo:1669879400");
                return Err(UsageError(message).into());
            }
            let of_service = args.data_dir.join(KEY_FILE);
            let key = key::read(args.key_file.as_ref().unwrap_or(&of_service))?;
            Ok(Erasure::Author(
                // the zone plays no part in an id
                Normalizer::new(&key, chrono_tz::Asia::Shanghai).author_id(platform, id),
            ))
        }
        (None, None, Some(item)) if !item.is_empty() => Ok(Erasure::Item(item.clone())),
        _ => Err(UsageError("name one of --author, --native-author and --item".to_owned()).into()),
    }
}
