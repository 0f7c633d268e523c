//! `qingting analyze`: files or standard input to NDJSON, without a service.

use super::reader::{check_format, collect_time, files_or_stdin};
use super::{default_config, key, load_config};
use crate::classify::{Classifier, Model};
use crate::config::{Config, SourceConfig};
use crate::dead_letter::keep_bytes;
use crate::enrich::Enricher;
use crate::format::{FormatOutcome, Formats};
use crate::item::{Change, CleanItem, DeadLetter, RawRecord, SegmentedItem};
use crate::normalize::Normalizer;
use crate::segment::Segmenter;
use crate::source::file::FileSource;
use anyhow::Context;
use clap::{Args, ValueEnum};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Items that go through the model together.
const BATCH_ITEMS: usize = 64;

#[derive(Debug, Args)]
#[command(after_help = "\
Prints one record a line, in the order of the input. What cannot be read goes to --dead-letters; without it,
each is one line in the log. Every item is taken by itself: `analysis.duplicate` needs the memory of a service and
is null here, deletions print nothing.

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
    /// When the files were collected, for records that do not say it [default: each file's modification time]
    #[arg(long, value_name = "TIME")]
    pub collected_at: Option<String>,
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

pub fn run(args: AnalyzeArgs) -> anyhow::Result<ExitCode> {
    let mut config = match &args.config {
        Some(path) => load_config(path)?,
        None => default_config()?,
    };
    if let Some(model) = &args.model {
        config.model.name.clone_from(model);
    }
    let formats = Formats::with_directory(config.formats.directory.as_deref())?.with_zone(config.time.zone);
    check_format(&formats, &args.format)?;
    let collected_at = collect_time(args.collected_at.as_deref(), config.time.zone)?;
    let mut files = FileSource::open(0, &files_or_stdin(&args.files), collected_at)?;

    let mut analysis = Analysis {
        formats,
        source: SourceConfig::reading("analyze", &args.format),
        normalizer: Normalizer::new(&key::author_key(&config)?, config.time.zone),
        rest: match args.stage {
            AnalyzeStage::Item => None,
            AnalyzeStage::Analyzed => Some(Rest::new(&config)?),
        },
        config,
        batch: Vec::with_capacity(BATCH_ITEMS),
        out: output(args.output.as_deref())?,
        dead_letters: args.dead_letters.as_deref().map(create).transpose()?,
        counts: Counts::default(),
    };
    while let Some(record) = files.next_record()? {
        analysis.take(record)?;
    }
    analysis.finish()
}

/// Everything that a record goes through, and where it ends.
struct Analysis {
    config: Config,
    formats: Formats,
    source: SourceConfig,
    normalizer: Normalizer,
    /// `None` stops at the canonical item.
    rest: Option<Rest>,
    batch: Vec<CleanItem>,
    out: Box<dyn Write>,
    dead_letters: Option<Box<dyn Write>>,
    counts: Counts,
}

/// The stages behind normalize.
struct Rest {
    segmenter: Segmenter,
    classifier: Classifier,
    enricher: Enricher,
}

#[derive(Debug, Default)]
struct Counts {
    records: u64,
    items: u64,
    deletions: u64,
    dead_letters: u64,
}

impl Rest {
    fn new(config: &Config) -> anyhow::Result<Self> {
        let model = Model::load(&config.model)?;
        Ok(Self {
            segmenter: Segmenter::new(),
            classifier: model.classifier()?,
            enricher: Enricher::new(config, model.reference())?,
        })
    }
}

impl Analysis {
    fn take(&mut self, record: RawRecord) -> anyhow::Result<()> {
        self.counts.records += 1;
        let mut outcome = FormatOutcome::default();
        self.formats.read(&record, &self.source, &mut outcome);
        for warning in &outcome.warnings {
            tracing::debug!(record = %record.position, "{warning}");
        }
        for change in outcome.changes {
            match change {
                Change::Upsert(item) => self.batch.push(self.normalizer.normalize(item)),
                Change::Delete { .. } => self.counts.deletions += 1,
            }
        }
        self.bury(outcome.dead_letters, record.payload.as_deref().unwrap_or_default())?;
        if self.batch.len() >= BATCH_ITEMS {
            self.flush_batch()?;
        }
        Ok(())
    }

    fn flush_batch(&mut self) -> anyhow::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.counts.items += batch.len() as u64;
        match &mut self.rest {
            None => {
                for clean in batch {
                    write_line(&mut self.out, &clean.item)?;
                }
            }
            Some(rest) => {
                let segmented: Vec<SegmentedItem> =
                    batch.into_iter().map(|clean| rest.segmenter.segment(clean)).collect();
                let predictions = rest.classifier.classify(&segmented)?;
                for (item, prediction) in segmented.into_iter().zip(predictions) {
                    write_line(&mut self.out, &rest.enricher.enrich(item, prediction).record)?;
                }
            }
        }
        Ok(())
    }

    fn bury(&mut self, mut letters: Vec<DeadLetter>, payload: &[u8]) -> anyhow::Result<()> {
        self.counts.dead_letters += letters.len() as u64;
        match &mut self.dead_letters {
            Some(file) => {
                keep_bytes(&mut letters, payload, self.config.dead_letter.bytes);
                letters.iter().try_for_each(|letter| write_line(file, letter))
            }
            None => {
                for letter in &letters {
                    tracing::warn!(record = %letter.id, code = letter.code.code(), "{}", letter.message);
                }
                Ok(())
            }
        }
    }

    fn finish(mut self) -> anyhow::Result<ExitCode> {
        self.flush_batch()?;
        self.out.flush()?;
        if let Some(file) = &mut self.dead_letters {
            file.flush()?;
        }
        let Counts {
            records,
            items,
            deletions,
            dead_letters,
        } = self.counts;
        tracing::info!(records, items, deletions, dead_letters, "done");
        Ok(ExitCode::SUCCESS)
    }
}

fn output(path: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    match path {
        Some(path) if path != Path::new("-") => create(path),
        _ => Ok(Box::new(BufWriter::new(std::io::stdout()))),
    }
}

fn create(path: &Path) -> anyhow::Result<Box<dyn Write>> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Box::new(BufWriter::new(file)))
}

fn write_line(out: &mut dyn Write, record: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    out.write_all(&line)?;
    Ok(())
}
