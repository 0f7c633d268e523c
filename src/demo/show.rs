//! The show: feeds the story, runs the pipeline over it, tells what it found.
//!
//! The weeks before the last are fed at once, as a backlog that a new installation reads. The last week is fed hour
//! by hour, each hour when the one before is committed, so that alerts fire at the time at which they would have
//! fired, and the same ones on every machine.

use super::broker::{BrokerError, DemoBroker};
use super::client::{Client, ClientError};
use super::progress::Progress;
use super::story::calendar::{Events, HOUR_MS, WEEK_MS};
use super::story::{self, StoryError, StoryOptions};
use super::verdict::{NonEvents, Verdict};
use super::{settings, tell};
use crate::alert::{AlertRecord, AlertState};
use crate::clock::Stopwatch;
use crate::config::Config;
use crate::pipeline::{HttpServer, Pipeline, PipelineError};
use crate::telemetry::Metrics;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use thiserror::Error;

/// Monday 2026-10-19 00:00 in China. A fixed end: the same story with the same counts on every day and machine.
pub const STORY_END_MS: i64 = 1_792_339_200_000;
pub const STORY_SEED: u64 = 20;
const LOOK_EVERY: Duration = Duration::from_millis(3);
/// No progress for so long is a failure.
const STUCK_AFTER: Duration = Duration::from_secs(60);

#[derive(Debug, Error)]
pub enum DemoError {
    #[error(transparent)]
    Story(#[from] StoryError),
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error("demo: temporary data directory: {0}")]
    DataDir(std::io::Error),
    #[error("demo: its own configuration is not valid: {0}")]
    Config(String),
    #[error("demo: the pipeline stopped after {processed} of {fed} records: {reason}")]
    Ended { processed: u64, fed: u64, reason: String },
    #[error("demo: no progress for 60 s after {processed} of {fed} records")]
    Stuck { processed: u64, fed: u64 },
    #[error("demo: metrics: {0}")]
    Metrics(String),
    #[error("demo: the report does not serialize: {0}")]
    Report(#[from] serde_json::Error),
    #[error("interrupted")]
    Interrupted,
}

/// What to show.
#[derive(Debug, Clone)]
pub struct ShowOptions {
    pub weeks: u32,
    /// `HOST:PORT` of the API.
    pub listen: String,
    /// End when the story is told.
    pub exit: bool,
    /// One JSON document on stdout in place of the story.
    pub json: bool,
}

/// The figures of `demo --json`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Records consumed.
    pub records: u64,
    /// Items that can be searched.
    pub items: u64,
    pub dead_letters: u64,
    /// From the start of the command to the end of the story.
    pub seconds: f64,
    pub api: String,
    pub alerts: Vec<AlertRecord>,
    /// The expected alert fired and nothing else did.
    #[serde(skip)]
    pub is_as_told: bool,
}

/// Tells the whole story; without `exit` it then serves until `is_interrupted`, which also ends it early.
pub fn show(options: &ShowOptions, is_interrupted: &dyn Fn() -> bool) -> Result<Report, DemoError> {
    let watch = Stopwatch::start();
    let story_options = StoryOptions {
        end_ms: STORY_END_MS,
        weeks: options.weeks,
        seed: STORY_SEED,
    };
    let story = story::tell(story_options)?;
    let progress = Progress::on_stderr();
    if !options.json {
        progress.print(&tell::opening(options.weeks, story.len()));
    }
    let mut broker = DemoBroker::start(&story)?;
    broker.feed_until(STORY_END_MS - WEEK_MS)?;
    let data_dir = tempfile::Builder::new()
        .prefix("qingting-demo-")
        .tempdir()
        .map_err(DemoError::DataDir)?;
    let config = configuration(data_dir.path(), &broker.bootstrap_servers(), &options.listen)?;
    let metrics = Metrics::new().map_err(|error| DemoError::Metrics(error.to_string()))?;
    let pipeline = Pipeline::start(config, metrics)?;
    let server = HttpServer::start(pipeline.shared().clone(), &options.listen)?;
    let mut stage = Stage {
        broker: &mut broker,
        pipeline: &pipeline,
        client: Client::new(server.address()),
        progress,
        told: BTreeSet::new(),
        is_quiet: options.json,
        is_interrupted,
    };
    stage.play_backlog(options.weeks - 1)?;
    stage.play_last_week()?;
    stage.broker.check_nothing_dropped()?;
    let report = stage.finish(&story_options, &watch)?;
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    }
    if !options.exit {
        stage.serve()?;
    }
    drop(stage);
    drop(server);
    pipeline.stop()?;
    Ok(report)
}

fn configuration(data_dir: &std::path::Path, brokers: &str, listen: &str) -> Result<Config, DemoError> {
    let text = settings::toml(data_dir, brokers, listen);
    Config::parse(&text, &BTreeMap::new()).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        DemoError::Config(lines.join("; "))
    })
}

/// The running show.
struct Stage<'a, 'story> {
    broker: &'a mut DemoBroker<'story>,
    pipeline: &'a Pipeline,
    client: Client,
    progress: Progress,
    /// Episodes that were announced.
    told: BTreeSet<String>,
    is_quiet: bool,
    is_interrupted: &'a dyn Fn() -> bool,
}

impl Stage<'_, '_> {
    fn play_backlog(&mut self, weeks: u32) -> Result<(), DemoError> {
        self.progress
            .phase(&format!("前 {weeks} 周的积压"), self.broker.fed() as u64);
        self.wait_until_processed(&|stage, processed, record_time_ms| {
            stage.progress.at(processed, &tell::minute(record_time_ms));
        })
    }

    fn play_last_week(&mut self) -> Result<(), DemoError> {
        let from_ms = STORY_END_MS - WEEK_MS;
        self.progress.phase("最后一周，逐小时", (WEEK_MS / HOUR_MS) as u64);
        let mut until_ms = from_ms;
        while until_ms < STORY_END_MS {
            until_ms += HOUR_MS;
            self.broker.feed_until(until_ms)?;
            self.wait_until_processed(&|_, _, _| {})?;
            self.progress
                .at(((until_ms - from_ms) / HOUR_MS) as u64, &tell::minute(until_ms));
            self.announce()?;
        }
        self.progress.end();
        Ok(())
    }

    /// Prints the episodes that began to fire.
    fn announce(&mut self) -> Result<(), DemoError> {
        for alert in self.client.alerts()? {
            if alert.state == AlertState::Firing && self.told.insert(alert.id.clone()) && !self.is_quiet {
                self.progress.print(&tell::flash(&alert));
            }
        }
        Ok(())
    }

    /// Waits until everything that was fed is committed.
    fn wait_until_processed(&mut self, note: &dyn Fn(&mut Self, u64, i64)) -> Result<(), DemoError> {
        let fed = self.broker.fed() as u64;
        let (mut last, mut since) = (u64::MAX, Stopwatch::start());
        loop {
            let health = self.pipeline.shared().health();
            let processed = health.records.records;
            if processed != last {
                (last, since) = (processed, Stopwatch::start());
                note(self, processed, health.record_time_ms);
            }
            if processed >= fed && self.pipeline.shared().live().is_some() {
                return Ok(());
            }
            if (self.is_interrupted)() {
                return Err(DemoError::Interrupted);
            }
            if self.pipeline.has_ended() {
                let reason = health.error.unwrap_or_else(|| "see the log".into());
                return Err(DemoError::Ended { processed, fed, reason });
            }
            if since.elapsed() > STUCK_AFTER {
                return Err(DemoError::Stuck { processed, fed });
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The verdict, told unless quiet.
    fn finish(&self, story: &StoryOptions, watch: &Stopwatch) -> Result<Report, DemoError> {
        let verdict = Verdict::judge(&self.client)?;
        let expected = verdict.expected();
        if !self.is_quiet {
            match expected {
                Some(judged) => {
                    let samples = tell::samples(&self.client, &judged.alert)?;
                    println!("\n{}", tell::alert(judged, &samples));
                    let others: Vec<_> = verdict
                        .planted()
                        .filter(|other| other.alert.id != judged.alert.id)
                        .collect();
                    println!("{}", tell::other_sides(&others));
                }
                None => println!("\n没有听出来：预期的告警没有触发。"),
            }
            let events = Events::before(story.end_ms);
            let found = NonEvents::ask(&self.client, &events, story.start_ms(), story.end_ms)?;
            println!("{}", tell::non_events(&found));
            for judged in verdict.unexpected() {
                println!("意外的告警：{}", tell::flash(&judged.alert));
            }
        }
        let health = self.pipeline.shared().health();
        let report = Report {
            records: health.records.records,
            items: health.alive_items,
            dead_letters: health.records.dead_letters,
            seconds: (watch.elapsed().as_secs_f64() * 10.0).round() / 10.0,
            api: self.client.base().to_string(),
            is_as_told: verdict.is_as_told(),
            alerts: verdict.episodes.iter().map(|judged| judged.alert.clone()).collect(),
        };
        if !self.is_quiet {
            println!("{}", tell::closing(&report, &health.records));
            println!(
                "{}",
                tell::requests_text(&tell::requests(&self.client, expected.map(|judged| &judged.alert)))
            );
        }
        Ok(report)
    }

    fn serve(&self) -> Result<(), DemoError> {
        if !self.is_quiet {
            println!("API 还开着，按 Ctrl-C 结束。");
        }
        while !(self.is_interrupted)() {
            if self.pipeline.has_ended() {
                let fed = self.broker.fed() as u64;
                return Err(DemoError::Ended {
                    processed: fed,
                    fed,
                    reason: "see the log".into(),
                });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}
