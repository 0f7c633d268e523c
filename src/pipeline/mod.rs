//! Pipeline: the threads, and what they share.
//!
//! ```text
//! source thread ─batches─► workers (format … enrich, one model session each) ─numbered─► index thread ─► notifier
//! ```
//!
//! Comes in: a checked configuration. Goes out: a running process. Can fail: [`PipelineError`]; whatever fails after the
//! source takes the one recovery path: the session ends and the next one opens at the last commit (decision 3).
//! Metrics: all of the stages', `qingting_backpressure_seconds_total`, `qingting_queue_items`.

mod answers;
mod backend;
mod gauges;
mod http;
mod intake;
mod keeper;
mod outbox;
mod projection;
mod reanalyze;
mod session;
mod shared;
mod stages;
mod verify;

pub use http::HttpServer;
pub use projection::Projection;
pub use reanalyze::{Changed, Reanalysis, Reanalyzed, reanalyze};
pub use session::index_directory;
pub use shared::{Live, Shared};
pub use stages::{ProcessedRecord, Stages, Worker};
pub use verify::{Verification, recount, verify};

use crate::checkpoint::StartCounter;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::source::http::HttpIntake;
use crate::telemetry::Metrics;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error(transparent)]
    Index(#[from] crate::index::IndexError),
    #[error(transparent)]
    Checkpoint(#[from] crate::checkpoint::CheckpointError),
    #[error(transparent)]
    Source(#[from] crate::source::SourceError),
    #[error(transparent)]
    Format(#[from] crate::format::FormatError),
    #[error(transparent)]
    Classify(#[from] crate::classify::ClassifyError),
    #[error("http intake: {0}")]
    Intake(#[from] crate::source::http::IntakeError),
    #[error(transparent)]
    Privacy(#[from] crate::privacy::PrivacyError),
    #[error(transparent)]
    Enrich(#[from] crate::enrich::EnrichError),
    #[error(transparent)]
    Trend(#[from] crate::trend::TrendError),
    #[error(transparent)]
    Notify(#[from] crate::notify::NotifyError),
    #[error(transparent)]
    DeadLetter(#[from] crate::dead_letter::DeadLetterError),
    #[error("state.db: {0}")]
    Projection(#[from] rusqlite::Error),
    #[error("a record does not serialize: {0}")]
    Serialize(serde_json::Error),
    #[error("{0}")]
    Document(crate::index::InvalidDocument),
    #[error("{0}")]
    Io(std::io::Error),
    #[error("privacy key {}: {what}", path.display())]
    Key { path: std::path::PathBuf, what: String },
    #[error("{}", .0.first().map_or_else(String::new, ToString::to_string))]
    Config(Vec<crate::config::ConfigError>),
    #[error("metrics: {0}")]
    Metrics(String),
    #[error("http: cannot listen on {address}: {source}; choose another `[http] listen` or --listen")]
    Listen { address: String, source: std::io::Error },
    #[error("the {0} thread panicked; see the log above")]
    Panicked(&'static str),
    #[error("stopped")]
    Stopped,
}

impl PipelineError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Index(error) => error.code(),
            Self::Checkpoint(error) => error.code(),
            Self::Source(error) => error.code(),
            Self::Format(error) => error.code(),
            Self::Enrich(error) => error.code(),
            Self::Privacy(error) => error.code(),
            Self::Intake(error) => error.code(),
            Self::Classify(error) => error.code(),
            Self::Trend(error) => error.code(),
            Self::Notify(error) => error.code(),
            Self::DeadLetter(error) => error.code(),
            Self::Projection(_) => "projection",
            Self::Serialize(_) => "serialize",
            Self::Document(_) => "document",
            Self::Io(_) => "io",
            Self::Key { .. } => "key",
            Self::Config(_) => "config",
            Self::Metrics(_) => "metrics",
            Self::Listen { .. } => "listen",
            Self::Panicked(_) => "panicked",
            Self::Stopped => "stopped",
        }
    }

    /// No later start can succeed without somebody doing something.
    fn is_final(&self) -> bool {
        use crate::index::IndexError;
        matches!(
            self,
            Self::Index(IndexError::Locked(_) | IndexError::Rebuild { .. })
                | Self::Checkpoint(
                    crate::checkpoint::CheckpointError::Short { .. }
                        | crate::checkpoint::CheckpointError::Damaged { .. }
                )
                | Self::Classify(_)
                | Self::Enrich(_)
                | Self::Privacy(crate::privacy::PrivacyError::Damaged { .. })
                | Self::Format(_)
                | Self::Key { .. }
                | Self::Listen { .. }
                | Self::Metrics(_)
        )
    }
}

/// A running pipeline. Dropping it stops it.
pub struct Pipeline {
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    supervisor: Option<JoinHandle<Result<(), PipelineError>>>,
    _lock: File,
}

impl Pipeline {
    /// Takes the data directory, loads the model, and starts the first session on threads of its own.
    pub fn start(config: Config, metrics: Metrics) -> Result<Self, PipelineError> {
        Self::start_with_clock(config, metrics, Arc::new(SystemClock))
    }

    pub fn start_with_clock(config: Config, metrics: Metrics, clock: Arc<dyn Clock>) -> Result<Self, PipelineError> {
        std::fs::create_dir_all(&config.data_dir).map_err(PipelineError::Io)?;
        let lock = lock(&config.data_dir)?;
        let key = read_key(&config)?;
        let config = Arc::new(config);
        let stages = Arc::new(Stages::load(config.clone(), &key, metrics.clone())?);
        let http_intake = HttpIntake::start(&config)?;
        let shared = Arc::new(Shared::new(config, metrics, clock, stages.clone(), &key, http_intake));
        let model = stages.model.reference();
        shared.metrics.set_build_info(
            env!("CARGO_PKG_VERSION"),
            &format!("{}/{}", model.name, model.version),
            &gauges::fingerprint(&shared.config),
        );
        let for_scrapes = Arc::downgrade(&shared);
        shared.metrics.before_render(move || {
            if let Some(shared) = for_scrapes.upgrade() {
                shared.show_gauges();
            }
        });
        let stop = Arc::new(AtomicBool::new(false));
        let supervisor = {
            let (shared, stop) = (shared.clone(), stop.clone());
            std::thread::Builder::new()
                .name("index".to_owned())
                .spawn(move || supervise(&shared, &stages, &stop))
                .map_err(PipelineError::Io)?
        };
        Ok(Self {
            shared,
            stop,
            supervisor: Some(supervisor),
            _lock: lock,
        })
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Waits until every source was at its end once and all of it is committed; false when the pipeline ended first.
    pub fn wait_caught_up(&self) -> bool {
        while !self.shared.is_caught_up() {
            if self.has_ended() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// True when the pipeline stopped by itself: a final error.
    pub fn has_ended(&self) -> bool {
        self.supervisor.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops cleanly: what was read is committed, so that nothing is processed again.
    pub fn stop(mut self) -> Result<(), PipelineError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), PipelineError> {
        self.stop.store(true, Ordering::Release);
        match self.supervisor.take() {
            Some(thread) => thread.join().unwrap_or(Err(PipelineError::Panicked("index"))),
            None => Ok(()),
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "the pipeline ended with an error");
        }
    }
}

/// Sessions one after the other until a clean stop or a final error.
fn supervise(shared: &Arc<Shared>, stages: &Arc<Stages>, stop: &Arc<AtomicBool>) -> Result<(), PipelineError> {
    let (mut pause, mut first) = (FIRST_PAUSE, true);
    loop {
        let commits_before = shared.commits();
        // only starts of the process count: a full disk is no record that ends it
        let outcome = StartCounter::begin(&shared.config.data_dir, std::mem::take(&mut first))
            .map_err(PipelineError::from)
            .and_then(|starts| {
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    session::run(shared, stages, starts, stop)
                }))
                .unwrap_or(Err(PipelineError::Panicked("index")))
            });
        let error = match outcome {
            Ok(()) if stop.load(Ordering::Acquire) => return Ok(()),
            Ok(()) => PipelineError::Panicked("source"),
            Err(error) => error,
        };
        shared.failed(&error);
        if error.is_final() || stop.load(Ordering::Acquire) {
            return Err(error);
        }
        if shared.commits() > commits_before {
            pause = FIRST_PAUSE;
        }
        tracing::error!(%error, code = error.code(), pause_ms = pause.as_millis() as u64, "session ended: starting again at the last commit");
        let woken = shared.sleep_unless(stop, pause);
        if woken {
            return Err(error);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One process for one data directory.
pub fn lock(data_dir: &Path) -> Result<File, PipelineError> {
    if !data_dir.is_dir() {
        return Err(crate::index::IndexError::Missing(data_dir.to_owned()).into());
    }
    let file = File::create(data_dir.join("lock")).map_err(PipelineError::Io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(crate::index::IndexError::Locked(data_dir.to_owned()).into()),
        Err(TryLockError::Error(error)) => Err(PipelineError::Io(error)),
    }
}

/// In the data directory: the key of author pseudonyms where the config names none.
pub const KEY_FILE: &str = "privacy.key";

/// The key of author pseudonyms: `[privacy] key_file`, else one made in the data directory.
fn read_key(config: &Config) -> Result<Vec<u8>, PipelineError> {
    let path = config
        .privacy
        .key_file
        .clone()
        .unwrap_or_else(|| config.data_dir.join(KEY_FILE));
    let failed = |what: String| PipelineError::Key {
        path: path.clone(),
        what,
    };
    if config.privacy.key_file.is_none() && !path.exists() {
        let mut key = [0u8; 32];
        let mut random = File::open("/dev/urandom").map_err(|error| failed(error.to_string()))?;
        std::io::Read::read_exact(&mut random, &mut key).map_err(|error| failed(error.to_string()))?;
        let mut options = File::options();
        options.write(true).create_new(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(|error| failed(error.to_string()))?;
        std::io::Write::write_all(&mut file, &key).map_err(|error| failed(error.to_string()))?;
        file.sync_all().map_err(|error| failed(error.to_string()))?;
    }
    let key = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
    if key.len() < 16 {
        return Err(failed(format!("{} bytes; a key needs at least 16", key.len())));
    }
    Ok(key)
}
