//! `qingting reanalyze`: an index through another model, in place.

use super::signals::Signals;
use super::{EXIT_DONE, EXIT_FAILED, UsageError};
use crate::classify::Model;
use crate::clock::{Stopwatch, SystemClock};
use crate::pipeline::{Reanalysis, Reanalyzed, reanalyze};
use crate::search::Query;
use crate::segment::Segmenter;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
Stop the service first. Every commit is durable: stopped or killed, the same command goes on where it was, and no item is
done twice. Items, their versions and the read positions stay; counts follow the new answers. With --data-dir owners
stay as they are stored; with -c they are decided again. Name the same model in the configuration before the service starts.

Examples:
  qingting reanalyze -c /etc/qingting/qingting.toml                  through the model of the configuration
  qingting reanalyze --data-dir /var/lib/qingting --model cascade
  qingting reanalyze -c qingting.toml --query 'product:X1 severity:urgent'")]
pub struct ReanalyzeArgs {
    /// Configuration (TOML): data directory, model, owners
    #[arg(short, long, value_name = "FILE", required_unless_present = "data_dir")]
    pub config: Option<PathBuf>,
    /// Data directory, in place of the configuration's
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Name of a shipped model, or a directory with a manifest, in place of the configuration's
    #[arg(long, value_name = "NAME|DIR")]
    pub model: Option<String>,
    /// Only the items that this query finds
    #[arg(long, value_name = "QUERY")]
    pub query: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: ReanalyzeArgs) -> anyhow::Result<ExitCode> {
    let mut config = match &args.config {
        Some(file) => super::load_config(file)?,
        None => super::default_config()?,
    };
    if let Some(data_dir) = args.data_dir {
        config.data_dir = data_dir;
    }
    if let Some(name) = args.model {
        config.model.name = name;
    }
    let model = Model::load(&config.model)?;
    let filter = args
        .query
        .as_deref()
        .map(|text| {
            Query::parse(text, &config.search)
                .and_then(|query| query.bind(&Segmenter::new(), config.time.zone))
                .map_err(|error| UsageError(format!("--query: {error}")))
        })
        .transpose()?;
    let request = Reanalysis {
        knows_owners: args.config.is_some(),
        config: &config,
        model,
        filter,
        clock: &SystemClock,
    };
    let signals = Signals::listen()?;
    let progress = Progress::new();
    let outcome = reanalyze(&request, || signals.raised(), |done, total| progress.at(done, total));
    progress.bar.finish_and_clear();
    let outcome = outcome?;
    if args.json {
        println!("{}", serde_json::to_string(&outcome)?);
    } else {
        print(&outcome);
    }
    if !outcome.complete {
        eprintln!("stopped before the end; the same command goes on from here");
    }
    Ok(ExitCode::from(if outcome.complete { EXIT_DONE } else { EXIT_FAILED }))
}

fn print(outcome: &Reanalyzed) {
    println!(
        "{} of {} items analyzed again, {} were already of this model, {} left as they are",
        outcome.reanalyzed, outcome.selected, outcome.already, outcome.left
    );
    let changed = &outcome.changed;
    println!(
        "other answers: sentiment {}, aspects {}, severity {}, intent {}, valid {}",
        changed.sentiment, changed.aspects, changed.severity, changed.intent, changed.valid
    );
}

/// A bar on a terminal, a line for each commit elsewhere.
struct Progress {
    on_terminal: bool,
    bar: ProgressBar,
    watch: Stopwatch,
}

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} {per_sec} {eta} left") {
            bar.set_style(style);
        }
        Self {
            on_terminal: std::io::stderr().is_terminal(),
            bar,
            watch: Stopwatch::start(),
        }
    }

    fn at(&self, done: u64, total: u64) {
        if self.on_terminal {
            self.bar.set_length(total);
            self.bar.set_position(done);
        } else {
            let rate = done as f64 / self.watch.elapsed().as_secs_f64().max(1e-9);
            eprintln!("committed {done} of {total} items, {rate:.0} items/s");
        }
    }
}
