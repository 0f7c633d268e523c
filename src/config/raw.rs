//! The configuration as it is written: every key optional, nothing checked but its type.
//!
//! These types are the source of `schemas/config.schema.json`, by which [`super::structure`] checks a file.
//! What a key means is said here once.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Configuration of qingting (TOML). Durations are `30s`, `5m`, `1h`, `7d`, `2w`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawConfig {
    /// Directory of index, state log and run file. Default `qingting-data`.
    pub data_dir: Option<String>,
    pub time: RawTime,
    /// Needed as soon as a source, the output, the dead letters or a receiver name a topic.
    pub kafka: Option<RawKafka>,
    pub source: Vec<RawSource>,
    pub formats: RawFormats,
    pub checkpoint: RawCheckpoint,
    pub model: RawModel,
    pub privacy: RawPrivacy,
    pub duplicates: RawDuplicates,
    pub dictionary: RawDictionary,
    pub enrich: RawEnrich,
    pub dead_letter: RawDeadLetter,
    pub search: RawSearch,
    /// Who owns items; the first entry that matches wins.
    pub owner: Vec<RawOwner>,
    pub alerting: RawAlerting,
    /// Without any, the built-in spike rules over 7 days and 1 day apply.
    pub rule: Vec<RawRule>,
    pub receiver: Vec<RawReceiver>,
    pub http: RawHttp,
    pub log: RawLog,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawTime {
    /// IANA zone of days and weeks. Default `Asia/Shanghai`.
    pub zone: Option<String>,
    /// `system`: once every partition is at its end, record time follows the clock; `event`: only what records say. Default `system`.
    pub clock: Option<RawClock>,
    /// A version that arrives later than this after its event never pages. Default `48h`.
    pub lateness: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawClock {
    System,
    Event,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawKafka {
    /// `host:port,host:port`, as librdkafka takes it.
    pub brokers: Option<String>,
    /// Group in which read positions are shown (never read back). Default `qingting`.
    pub group: Option<String>,
    /// Any librdkafka property that qingting does not set itself.
    pub properties: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawSource {
    /// Unique; the value of the dimension and metric label `source`.
    pub name: Option<String>,
    pub topics: Option<Vec<String>>,
    /// Regular expression over topic names, anchored at both ends.
    pub topic_pattern: Option<String>,
    /// Paths or globs; `-` is standard input.
    pub files: Option<Vec<String>>,
    /// Takes records by `POST /api/v1/intake/NAME` and hands them to its topic: the one of `topics`, else
    /// `qingting.intake.NAME`.
    pub http: Option<bool>,
    /// With `http`: file of the secret that whoever pushes gives or signs with.
    pub secret_file: Option<String>,
    /// Preset name, `item`, or `auto`. Default `auto`.
    pub format: Option<String>,
    pub kind: Option<RawSourceKind>,
    pub platform: Option<String>,
    pub touchpoint: Option<String>,
    pub mode: Option<RawMode>,
    pub initiative: Option<RawInitiative>,
    pub business_line: Option<String>,
    /// Zone of times that are written without an offset, such as `America/Los_Angeles`. Default that of `[time]`.
    pub zone: Option<String>,
    /// Where a topic without a stored position starts: `earliest`, `latest`, or a time (`2026-01-31`, RFC 3339, or ms UTC). Default `earliest`.
    #[schemars(extend("type" = ["string", "integer"]))]
    pub start: Option<serde_json::Value>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawFormats {
    /// Directory of mappings (`*.toml`) beside the presets that ship; `docs/formats.md` says how one is written.
    pub dir: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawSourceKind {
    Social,
    Review,
    AppReview,
    Complaint,
    Hotline,
    Survey,
    Ticket,
    Forum,
}

#[derive(Debug, Clone, Copy, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawMode {
    Online,
    Offline,
}

#[derive(Debug, Clone, Copy, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawInitiative {
    Solicited,
    Unsolicited,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCheckpoint {
    /// Longest time between commits. Default `1s`.
    pub interval: Option<String>,
    /// Most items in one commit. Default 5000.
    #[schemars(range(min = 1, max = 100000))]
    pub max_items: Option<u64>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawModel {
    /// Name of a shipped model. Default `fast`.
    pub name: Option<RawModelName>,
    /// Directory of a model of your own, with its `manifest.toml`.
    pub dir: Option<String>,
    /// Path of `libonnxruntime.so`. Default: `ORT_DYLIB_PATH`, then the usual places.
    pub ort_library: Option<String>,
    /// What runs the model: the ONNX Runtime library, or `tract`, pure Rust, in builds that have it.
    pub runtime: Option<RawRuntime>,
    /// Classify workers. Default: the number of processors.
    #[schemars(range(min = 1, max = 256))]
    pub threads: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawModelName {
    Fast,
    Precise,
    Cascade,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawRuntime {
    Onnxruntime,
    Tract,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPrivacy {
    /// File of at least 16 bytes that keys author ids. Without it one is made in the data directory.
    pub key_file: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDuplicates {
    /// Near-duplicates are looked for this far back. Default `30d`.
    pub window: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDictionary {
    /// Brands, products and features with their aliases, TOML or CSV: they name the subject where the source does not.
    pub files: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawEnrich {
    pub customers: Option<RawCustomers>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCustomers {
    /// CSV with `author` (keyed id) or `customer` (reference), `segment`, `orders`, `amount`.
    pub file: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDeadLetter {
    pub topic: Option<String>,
    pub file: Option<String>,
    /// What of the record a dead letter keeps. Default `masked`.
    pub bytes: Option<RawBytes>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawBytes {
    Masked,
    None,
    Raw,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawSearch {
    /// Deepest nesting of a query. Default 32.
    #[schemars(range(min = 1, max = 64))]
    pub max_depth: Option<u64>,
    /// Most clauses of a query. Default 256.
    #[schemars(range(min = 1, max = 4096))]
    pub max_clauses: Option<u64>,
    /// Longest query. Default 8192.
    #[schemars(range(min = 1, max = 65536))]
    pub max_query_bytes: Option<u64>,
    /// Longest time of one search. Default `2s`.
    pub deadline: Option<String>,
    /// Searches at a time. Default 4.
    #[schemars(range(min = 1, max = 256))]
    pub concurrency: Option<u64>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawOwner {
    /// Aspect id of the taxonomy.
    pub aspect: Option<String>,
    pub product: Option<String>,
    pub region: Option<String>,
    /// Name of a source.
    pub source: Option<String>,
    pub owner: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAlerting {
    /// Deliver episodes of more than 6 h ago too. Default false.
    pub deliver_history: Option<bool>,
    /// Sets the defaults of `p` and `min_current`: fewer 1e-7 and 20, balanced 1e-5 and 10, more 1e-3 and 5. Default `balanced`.
    pub sensitivity: Option<RawSensitivity>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawSensitivity {
    Fewer,
    Balanced,
    More,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawRule {
    pub name: Option<String>,
    pub kind: Option<RawRuleKind>,
    /// Search grammar; without it all counted items.
    #[serde(rename = "where")]
    pub where_query: Option<String>,
    /// Dimensions that make the keys; without it the whole rule is one key.
    pub by: Option<Vec<String>>,
    /// Counted window, whole hours up to `28d`. Default `7d`.
    pub window: Option<String>,
    /// `weeks:N`, that many aligned windows before, or `previous`. Default `weeks:8`.
    pub reference: Option<String>,
    /// 2.0 = +200 %. Default 2.0.
    pub increase: Option<f64>,
    #[schemars(range(min = 1, max = 1000000000))]
    pub min_current: Option<u64>,
    /// Default 3.
    #[schemars(range(min = 1, max = 1000000000))]
    pub min_authors: Option<u64>,
    /// Largest probability under the reference that still fires.
    pub p: Option<f64>,
    /// Hour boundaries that a key must hold before it fires. Default 1.
    #[serde(rename = "for")]
    #[schemars(range(min = 1, max = 168))]
    pub for_boundaries: Option<u32>,
    /// Hour boundaries below the bound before it resolves. Default 6.
    #[schemars(range(min = 1, max = 168))]
    pub resolve: Option<u32>,
    /// A firing episode is sent again after this long. Default `24h`.
    pub repeat: Option<String>,
    /// Default `warning`.
    pub severity: Option<RawRuleSeverity>,
    pub owner: Option<String>,
    /// Names of receivers; without it all.
    pub receivers: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawRuleKind {
    Spike,
}

#[derive(Debug, Clone, Copy, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawRuleSeverity {
    Critical,
    Warning,
    Info,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawReceiver {
    pub name: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<RawReceiverKind>,
    /// `alertmanager`: base URL; `kafka`: `kafka:TOPIC`.
    pub url: Option<String>,
    /// `kafka`: the topic, on the brokers of `[kafka]`.
    pub topic: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawReceiverKind {
    Alertmanager,
    Kafka,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawHttp {
    /// Default `127.0.0.1:7700`.
    pub listen: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawLog {
    pub format: Option<RawLogFormat>,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,qingting::index=debug`. Default `info`.
    pub level: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawLogFormat {
    Text,
    Json,
}

/// Keys that are pinned for later versions: known, but refused rather than ignored. Paths without list indexes.
pub(super) const LATER_KEYS: [&str; 13] = [
    "time.calendar",
    "source.expected_every",
    "output",
    "index",
    "priority",
    "rule.expect",
    "rule.q",
    "rule.silence",
    "receiver.secret_file",
    "receiver.template",
    "http.tokens_file",
    "http.tls_cert",
    "http.tls_key",
];

/// Values that are pinned for later versions.
pub(super) const LATER_VALUES: [(&str, &[&str]); 2] = [
    (
        "rule.kind",
        &[
            "drop",
            "new",
            "share",
            "mean",
            "threshold",
            "keyword",
            "cardinality",
            "campaign",
            "reach",
        ],
    ),
    ("receiver.type", &["webhook", "feishu", "dingtalk", "wecom", "email"]),
];
