//! `qingting privacy scan`: what an index or a file still holds of personal data.

use super::{EXIT_DONE, EXIT_FAILED, UsageError};
use crate::privacy::{ScanReport, scan_data_dir, scan_files};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  qingting privacy scan --data-dir data
  qingting privacy scan --json export.ndjson")]
pub struct PrivacyArgs {
    #[command(subcommand)]
    pub command: PrivacyCommand,
}

#[derive(Debug, Subcommand)]
pub enum PrivacyCommand {
    /// Report what an index or files still hold of personal data
    Scan(ScanArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Looks at everything that is shown, exported or sent on: texts, titles, replies, names, alerts, dead letters; not at ids
and addresses of the web. Prints one line for each place, masked, and the counts on stderr. With --json one document
{\"ok\",\"scanned\",\"found\":{kind:n},\"places\":[{\"place\",\"at\",\"field\",\"kind\",\"masked\"}]}.
Exit code 1 if anything was found. Changes nothing.

Examples:
  qingting privacy scan --data-dir /var/lib/qingting
  qingting privacy scan reviews.ndjson.gz export.csv --json")]
pub struct ScanArgs {
    /// Data directory: its index, state log and dead letters; those that `[dead_letter] file` keeps elsewhere are a FILE
    #[arg(long, value_name = "DIR", conflicts_with = "files")]
    pub data_dir: Option<PathBuf>,
    /// Files, plain or gzipped, read line by line; `-` is standard input
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: PrivacyArgs) -> anyhow::Result<ExitCode> {
    let PrivacyCommand::Scan(args) = args.command;
    let report = match &args.data_dir {
        Some(data_dir) => scan_data_dir(data_dir)?,
        None if args.files.is_empty() => {
            return Err(UsageError("name --data-dir or at least one file".to_owned()).into());
        }
        None => scan_files(&args.files)?,
    };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(ExitCode::from(if report.ok { EXIT_DONE } else { EXIT_FAILED }))
}

fn print(report: &ScanReport) {
    for place in &report.places {
        println!(
            "{}\t{}\t{}\t{}\t{}",
            place.place, place.at, place.field, place.kind, place.masked
        );
    }
    let counts: Vec<String> = report
        .found
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    let found = if counts.is_empty() {
        "nothing".to_owned()
    } else {
        counts.join(", ")
    };
    eprintln!("{} records and lines: {found}", report.scanned);
}
