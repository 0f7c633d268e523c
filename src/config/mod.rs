//! Configuration: raw TOML (`deny_unknown_fields`) → checked config, all errors at once.
//!
//! Comes in: a TOML file and the environment (`QINGTING_SECTION__KEY`). Goes out: [`Config`], in which every
//! value is valid. Can fail: with a list of [`ConfigError`]s. No metric moves.

mod check;
mod check_rules;
mod document;
mod load;
pub(crate) mod parse;
mod raw;
mod structure;
mod topics;

pub use parse::{ASPECTS, anchored};
pub use structure::config_schema;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Where the API listens unless the configuration says otherwise: loopback.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:7700";
/// Data directory unless the configuration or the command line says otherwise.
pub const DEFAULT_DATA_DIR: &str = "qingting-data";
/// The shipped model that is used unless the configuration says otherwise.
pub const DEFAULT_MODEL: &str = "fast";
/// What `model.name` may be; where they are is the classify stage's to know.
pub const SHIPPED_MODELS: [&str; 3] = ["fast", "precise", "cascade"];

/// A checked configuration. Every field is valid by construction of `load`.
#[derive(Debug, Clone)]
pub struct Config {
    pub data_dir: PathBuf,
    pub time: TimeConfig,
    pub kafka: Option<KafkaConfig>,
    pub sources: Vec<SourceConfig>,
    pub formats: FormatsConfig,
    pub checkpoint: CheckpointConfig,
    pub model: ModelConfig,
    pub privacy: PrivacyConfig,
    pub duplicates: DuplicatesConfig,
    /// Brands, products and features by their aliases.
    pub dictionary_files: Vec<PathBuf>,
    /// What the user's own system knows of customers.
    pub customers_file: Option<PathBuf>,
    pub dead_letter: DeadLetterConfig,
    /// Topic for analyzed records. No key sets it yet: what would write them is not part of this version.
    pub output_topic: Option<String>,
    pub search: SearchConfig,
    pub owners: Vec<OwnerRule>,
    pub alerting: AlertingConfig,
    pub rules: Vec<RuleConfig>,
    pub receivers: Vec<ReceiverConfig>,
    pub http: HttpConfig,
    pub log: LogConfig,
}

#[derive(Debug, Clone)]
pub struct TimeConfig {
    pub zone: chrono_tz::Tz,
    pub clock: ClockMode,
    pub lateness: Duration,
}

/// `system`: once every partition is at its end, record time follows the clock. `event`: only what records say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockMode {
    System,
    Event,
}

#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// As librdkafka takes it.
    pub brokers: String,
    pub group: String,
    pub properties: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct SourceConfig {
    pub name: String,
    pub input: SourceInput,
    /// Preset name, `item`, or `auto`.
    pub format: String,
    pub kind: Option<String>,
    pub platform: Option<String>,
    pub touchpoint: Option<String>,
    pub mode: Option<String>,
    pub initiative: Option<String>,
    pub business_line: Option<String>,
    /// Zone of times without an offset, where it is not that of `[time]`: exports carry that of the exporting machine.
    pub zone: Option<chrono_tz::Tz>,
    /// No key sets it yet: silence is judged by the feed's own rate.
    pub expected_every: Option<Duration>,
    pub start: StartPosition,
    /// Its topic is filled by HTTP.
    pub http: Option<HttpInput>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpInput {
    /// Who pushes must know what is in it.
    pub secret_file: Option<PathBuf>,
}

impl SourceConfig {
    /// A source of which nothing is said but its name and format.
    pub fn reading(name: &str, format: &str) -> Self {
        Self {
            name: name.to_owned(),
            input: SourceInput::Files(Vec::new()),
            format: format.to_owned(),
            kind: None,
            platform: None,
            touchpoint: None,
            mode: None,
            initiative: None,
            business_line: None,
            zone: None,
            expected_every: None,
            start: StartPosition::Earliest,
            http: None,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct FormatsConfig {
    /// Mappings beside those that ship.
    pub directory: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub enum SourceInput {
    Topics(Vec<String>),
    /// Regular expression over topic names, anchored at both ends.
    TopicPattern(String),
    /// Paths or globs, sorted by name when read.
    Files(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartPosition {
    Earliest,
    Latest,
    /// ms UTC.
    Timestamp(i64),
}

#[derive(Debug, Clone)]
pub struct CheckpointConfig {
    pub interval: Duration,
    pub max_items: usize,
}

#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// Name of a shipped model or a directory with a manifest.
    pub name: String,
    pub ort_library: Option<PathBuf>,
    pub runtime: ModelRuntime,
    pub threads: usize,
}

/// What runs the graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModelRuntime {
    #[default]
    OnnxRuntime,
    /// Pure Rust, in builds with feature `tract`.
    Tract,
}

impl ModelConfig {
    /// A model by name or directory, everything else as it is by default, for one worker.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ort_library: None,
            runtime: ModelRuntime::default(),
            threads: 1,
        }
    }
}

#[derive(Debug, Clone)]
pub struct PrivacyConfig {
    pub key_file: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct DuplicatesConfig {
    pub window: Duration,
}

#[derive(Debug, Clone)]
pub struct DeadLetterConfig {
    pub topic: Option<String>,
    pub file: Option<PathBuf>,
    pub bytes: DeadLetterBytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterBytes {
    Masked,
    None,
    Raw,
}

#[derive(Debug, Clone)]
pub struct SearchConfig {
    pub max_depth: usize,
    pub max_clauses: usize,
    pub max_query_bytes: usize,
    pub deadline: Duration,
    pub concurrency: usize,
}

/// Who owns items: the first rule that matches wins. Unset fields match all.
#[derive(Debug, Clone)]
pub struct OwnerRule {
    pub aspect: Option<String>,
    pub product: Option<String>,
    pub region: Option<String>,
    pub source: Option<String>,
    pub owner: String,
}

#[derive(Debug, Clone)]
pub struct AlertingConfig {
    pub deliver_history: bool,
    pub sensitivity: Sensitivity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    Fewer,
    Balanced,
    More,
}

impl Sensitivity {
    /// (p, min_current) of the level.
    pub fn defaults(self) -> (f64, u64) {
        match self {
            Self::Fewer => (1e-7, 20),
            Self::Balanced => (1e-5, 10),
            Self::More => (1e-3, 5),
        }
    }
}

/// One `[[rule]]`. Issue 3 knows `kind = "spike"`.
#[derive(Debug, Clone)]
pub struct RuleConfig {
    pub name: String,
    pub kind: RuleKind,
    /// Search grammar; `None` = all counted items.
    pub where_query: Option<String>,
    /// Dimension names of `interfaces.md`; empty = one key for the whole rule.
    pub by: Vec<String>,
    pub window: Duration,
    pub reference: Reference,
    /// 2.0 = +200 %.
    pub increase: f64,
    pub min_current: u64,
    pub min_authors: u64,
    pub p: f64,
    /// Boundaries that a key must hold before it fires.
    pub for_boundaries: u32,
    /// Boundaries below the lower bound before it resolves.
    pub resolve_boundaries: u32,
    pub repeat: Duration,
    pub severity: String,
    pub owner: Option<String>,
    /// Names of receivers; empty = all.
    pub receivers: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    Spike,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// That many aligned windows before.
    Weeks(u32),
    /// The one window before.
    Previous,
}

#[derive(Debug, Clone)]
pub struct ReceiverConfig {
    pub name: String,
    pub kind: ReceiverKind,
}

#[derive(Debug, Clone)]
pub enum ReceiverKind {
    /// Base URL of an Alertmanager; `/api/v2/alerts` is appended.
    Alertmanager { url: String },
    /// Topic on the brokers of `[kafka]`.
    Kafka { topic: String },
}

#[derive(Debug, Clone)]
pub struct HttpConfig {
    pub listen: String,
}

#[derive(Debug, Clone)]
pub struct LogConfig {
    pub json: bool,
    pub level: String,
}

/// One thing wrong in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ConfigError {
    /// `rule[2].window`, counted from 0; empty for the file as a whole.
    pub path: String,
    pub line: Option<usize>,
    pub value: Option<String>,
    pub message: String,
    pub allowed: Option<String>,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.path.is_empty() {
            write!(out, "{}: ", self.path)?;
        }
        out.write_str(&self.message)?;
        if let Some(value) = &self.value {
            write!(out, ", found `{value}`")?;
        }
        if let Some(allowed) = &self.allowed {
            write!(out, " (allowed: {allowed})")?;
        }
        Ok(())
    }
}
