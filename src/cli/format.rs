//! `qingting format`: the presets that read native records.

use super::default_config;
use super::reader::{collect_time, unknown_format};
use crate::config::SourceConfig;
use crate::format::{AUTO, FormatOutcome, Formats};
use crate::item::{Change, RecordOutcome, RecordPosition};
use crate::normalize::Normalizer;
use crate::source::file::{FileOptions, FileReader};
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

const TEST_KEY: &[u8] = b"qingting format test";

#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  qingting format list
  qingting format show jd_comment > my_shop.toml
  qingting format test jd_comment reviews.ndjson | jq .outcome | sort | uniq -c
  qingting format test auto reviews.ndjson
  qingting format test ./my_shop.toml reviews.csv"
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
        /// Preset name, or the path of a mapping file
        name: String,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Read a file and print one line per record: what it became
    Test {
        /// Preset name, `item`, `auto`, or the path of a mapping file
        name: String,
        /// File to read, `-` for standard input
        file: PathBuf,
        /// When the file was collected, for records that do not say it [default: its modification time]
        #[arg(long, value_name = "TIME")]
        collected_at: Option<String>,
        /// NDJSON (which is also the default)
        #[arg(long)]
        json: bool,
    },
}

pub fn run(args: FormatArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        FormatCommand::List { json } => list(&formats(None)?.0, json),
        FormatCommand::Show { name, json } => {
            let (formats, name) = formats(Some(&name))?;
            show(&formats, &name, json)
        }
        FormatCommand::Test {
            name,
            file,
            collected_at,
            json: _,
        } => {
            let (formats, name) = formats(Some(&name))?;
            let mut options = FileOptions::new(0);
            options.collected_at_ms = collect_time(collected_at.as_deref(), chrono_tz::Asia::Shanghai)?;
            test(&formats, &name, &file.to_string_lossy(), &options)
        }
    }
}

/// All formats, and the name of the one that is meant: a name, or the path of a mapping file.
fn formats(name: Option<&str>) -> anyhow::Result<(Formats, String)> {
    let config = default_config()?;
    let directory = config.formats.directory.as_deref();
    let Some(path) = name.filter(|name| name.ends_with(".toml")) else {
        return Ok((Formats::with_directory(directory)?, name.unwrap_or_default().to_owned()));
    };
    let path = PathBuf::from(path);
    let formats = Formats::load(directory, std::slice::from_ref(&path))?;
    let name = formats.name_of_file(&path).unwrap_or_default().to_owned();
    Ok((formats, name))
}

fn list(formats: &Formats, json: bool) -> anyhow::Result<ExitCode> {
    let names = formats.names();
    let mut out = std::io::stdout().lock();
    if json {
        let all: Vec<_> = names
            .iter()
            .map(|name| serde_json::json!({"name": name, "about": formats.about(name)}))
            .collect();
        writeln!(out, "{}", serde_json::json!({ "formats": all }))?;
    } else {
        let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
        for name in names {
            writeln!(out, "{name:width$}  {}", formats.about(name).unwrap_or_default())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(formats: &Formats, name: &str, json: bool) -> anyhow::Result<ExitCode> {
    let Some(mapping) = formats.show(name) else {
        anyhow::bail!("{}", unknown_format(name, formats.names()));
    };
    let mut out = std::io::stdout().lock();
    if json {
        let document = serde_json::json!({"name": name, "about": formats.about(name), "mapping": mapping});
        writeln!(out, "{document}")?;
    } else {
        write!(out, "{mapping}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One line a record, exit 0 also where there are dead letters: the point is to see them.
fn test(formats: &Formats, name: &str, file: &str, options: &FileOptions) -> anyhow::Result<ExitCode> {
    if !formats.knows(name) {
        anyhow::bail!("{}", unknown_format(name, formats.names()));
    }
    let source = SourceConfig::reading("test", name);
    // a test must print the same on every machine, so its author ids are keyed with a constant
    let normalizer = Normalizer::new(TEST_KEY, chrono_tz::Asia::Shanghai);
    let mut reader = FileReader::open(file, options)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut outcome = FormatOutcome::default();
    let mut chosen = None;
    while let Some(record) = reader.next_record()? {
        formats.read(&record, &source, &mut outcome);
        let now = outcome.chosen.as_ref().map(|now| (now.name().to_owned(), now.reason()));
        if let Some((format, reason)) = &now
            && now != chosen
        {
            eprintln!("auto: {format} from record {} on, {reason}", number(&record.position));
            chosen = now;
        }
        let line = test_line(&record.position, &mut outcome, &normalizer);
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    if name == AUTO && chosen.is_none() {
        eprintln!("auto: no format chosen, no record has the keys of a known one");
    }
    Ok(ExitCode::SUCCESS)
}

/// What `format test` prints for each record.
#[derive(serde::Serialize)]
struct TestLine {
    record: u64,
    outcome: &'static str,
    code: Option<&'static str>,
    items: Vec<serde_json::Value>,
    warnings: Vec<String>,
}

fn test_line(position: &RecordPosition, outcome: &mut FormatOutcome, normalizer: &Normalizer) -> TestLine {
    let items = outcome
        .changes
        .drain(..)
        .map(|change| match change {
            Change::Upsert(mapped) => serde_json::to_value(normalizer.normalize(mapped).item).unwrap_or_default(),
            Change::Delete { id, version, .. } => serde_json::json!({"id": id, "version": version, "deleted": true}),
        })
        .collect();
    let mut warnings = std::mem::take(&mut outcome.warnings);
    warnings.extend(outcome.dead_letters.iter().map(|dead| dead.message.clone()));
    TestLine {
        record: number(position),
        outcome: match outcome.outcome {
            RecordOutcome::Mapped => "item",
            RecordOutcome::Skipped => "skipped",
            RecordOutcome::Dead => "dead_letter",
        },
        code: outcome.dead_letters.first().map(|dead| dead.code.code()),
        items,
        warnings,
    }
}

fn number(position: &RecordPosition) -> u64 {
    match position {
        RecordPosition::File { record, .. } => *record,
        RecordPosition::Kafka { offset, .. } => u64::try_from(*offset).unwrap_or(0),
    }
}
