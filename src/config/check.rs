//! From raw to checked: defaults, units, and what keys must agree on. Every function reports and goes on.

use super::document::KeyPath;
use super::parse::{duration, listen_address, reference, start};
use super::raw::*;
use super::structure::{Findings, nearest};
use super::*;

/// Dimensions of `by` and `where`. `term`, `phrase` and `topic` are open and come with the analysis that fills them.
pub(super) const BY_DIMENSIONS: [&str; 22] = [
    "source",
    "platform",
    "kind",
    "rating",
    "brand",
    "product",
    "sku",
    "category",
    "region",
    "touchpoint",
    "mode",
    "business_line",
    "segment",
    "tier",
    "version",
    "sentiment",
    "aspect",
    "aspect_polarity",
    "severity",
    "intent",
    "valid",
    "owner",
];
const LATER_DIMENSIONS: [&str; 3] = ["term", "phrase", "topic"];

pub(super) struct Checker {
    pub findings: Findings,
}

impl Checker {
    fn root(&self, key: &str) -> KeyPath {
        KeyPath::default().key(key)
    }

    pub fn report(&mut self, path: &KeyPath, message: impl Into<String>, allowed: Option<&str>) {
        self.findings.report(path, message, allowed.map(str::to_owned));
    }

    fn duration(
        &mut self,
        path: &KeyPath,
        text: Option<&str>,
        default: Duration,
        low: Duration,
        high: Duration,
    ) -> Duration {
        let Some(text) = text else { return default };
        match duration(text) {
            Some(value) if value >= low && value <= high => value,
            Some(_) => {
                let range = format!("{} to {}", parse::show_duration(low), parse::show_duration(high));
                self.report(path, "out of range", Some(&range));
                default
            }
            None => {
                self.report(
                    path,
                    "not a duration",
                    Some("a whole number and a unit: 500ms, 30s, 5m, 1h, 7d, 2w"),
                );
                default
            }
        }
    }

    /// A name that becomes a metric label or a key: not empty, no control characters, at most 64 characters.
    fn name(&mut self, path: &KeyPath, name: Option<String>) -> String {
        let name = name.unwrap_or_default();
        let fits = !name.trim().is_empty() && name.chars().count() <= 64 && !name.chars().any(char::is_control);
        if !fits {
            let message = if name.is_empty() { "missing" } else { "not a name" };
            self.report(path, message, Some("1 to 64 characters"));
        }
        name
    }

    fn topic(&mut self, path: &KeyPath, topic: &str) {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = !topic.is_empty() && topic.len() <= 249 && topic.chars().all(legal) && topic != "." && topic != "..";
        if !fits {
            self.report(path, "not a Kafka topic name", Some("1 to 249 of a-z A-Z 0-9 . _ -"));
        }
    }

    pub fn time(&mut self, raw: RawTime) -> TimeConfig {
        let path = self.root("time");
        let zone = match raw.zone.as_deref().map(str::parse::<chrono_tz::Tz>) {
            None => chrono_tz::Asia::Shanghai,
            Some(Ok(zone)) => zone,
            Some(Err(_)) => {
                let names: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
                let near = nearest(raw.zone.as_deref().unwrap_or_default(), &names);
                let message = match near {
                    Some(name) => format!("unknown time zone; did you mean `{name}`?"),
                    None => "unknown time zone".to_owned(),
                };
                self.report(&path.key("zone"), message, Some("an IANA name such as Asia/Shanghai"));
                chrono_tz::Asia::Shanghai
            }
        };
        TimeConfig {
            zone,
            clock: match raw.clock {
                Some(RawClock::Event) => ClockMode::Event,
                Some(RawClock::System) | None => ClockMode::System,
            },
            lateness: self.duration(
                &path.key("lateness"),
                raw.lateness.as_deref(),
                hours(48),
                hours(1),
                days(365),
            ),
        }
    }

    pub fn kafka(&mut self, raw: Option<RawKafka>) -> Option<KafkaConfig> {
        let raw = raw?;
        let path = self.root("kafka");
        let brokers = raw.brokers.unwrap_or_default();
        if brokers.trim().is_empty() {
            self.report(&path.key("brokers"), "missing", Some("host:port,host:port"));
        }
        for (property, value) in &raw.properties {
            let here = path.key("properties").key(property);
            if let Some(instead) = parse::owned_property(property) {
                self.report(&here, format!("set by qingting itself; {instead}"), None);
            } else if let Err(reason) = parse::librdkafka_takes(property, value) {
                self.report(&here, reason, None);
            }
        }
        let group = raw.group.unwrap_or_else(|| "qingting".to_owned());
        if group.trim().is_empty() {
            self.report(&path.key("group"), "must not be empty", None);
        }
        Some(KafkaConfig {
            brokers,
            group,
            properties: raw.properties,
        })
    }

    pub fn sources(&mut self, raw: Vec<RawSource>, zone: chrono_tz::Tz) -> Vec<SourceConfig> {
        let list = self.root("source");
        let mut sources: Vec<SourceConfig> = Vec::new();
        for (index, raw) in raw.into_iter().enumerate() {
            let path = list.index(index);
            let name = self.name(&path.key("name"), raw.name);
            if !name.is_empty() && sources.iter().any(|other| other.name == name) {
                self.report(&path.key("name"), "another source has this name", None);
            }
            let input = self.input(&path, raw.topics, raw.topic_pattern, raw.files);
            let expected_every = raw.expected_every.as_deref().map(|text| {
                self.duration(
                    &path.key("expected_every"),
                    Some(text),
                    hours(24),
                    Duration::from_secs(60),
                    days(400),
                )
            });
            let start = match raw.start.as_ref() {
                None => StartPosition::Earliest,
                Some(value) => start(value, zone).unwrap_or_else(|| {
                    let allowed = "earliest, latest, 2026-01-31, 2026-01-31T08:00:00+08:00, or ms UTC";
                    self.report(&path.key("start"), "not a start position", Some(allowed));
                    StartPosition::Earliest
                }),
            };
            let format = raw.format.unwrap_or_else(|| "auto".to_owned());
            self.format(&path.key("format"), &format);
            sources.push(SourceConfig {
                name,
                input,
                format,
                kind: raw.kind.and_then(text_of),
                platform: raw.platform,
                touchpoint: raw.touchpoint,
                mode: raw.mode.and_then(text_of),
                initiative: raw.initiative.and_then(text_of),
                business_line: raw.business_line,
                expected_every,
                start,
            });
        }
        sources
    }

    fn input(
        &mut self,
        path: &KeyPath,
        topics: Option<Vec<String>>,
        pattern: Option<String>,
        files: Option<Vec<String>>,
    ) -> SourceInput {
        let keys = ["topics", "topic_pattern", "files"];
        let given = [topics.is_some(), pattern.is_some(), files.is_some()];
        match given.iter().filter(|given| **given).count() {
            // A key with a wrong value has its own error already.
            0 if keys.iter().any(|key| self.findings.has_error_at(&path.key(key))) => {}
            0 => self.report(
                path,
                "nothing to read from",
                Some("one of topics, topic_pattern, files"),
            ),
            1 => {}
            _ => self.report(
                path,
                "reads from more than one thing",
                Some("one of topics, topic_pattern, files"),
            ),
        }
        if let Some(topics) = topics {
            if topics.is_empty() {
                self.report(&path.key("topics"), "must not be empty", None);
            }
            for (index, topic) in topics.iter().enumerate() {
                self.topic(&path.key("topics").index(index), topic);
            }
            return SourceInput::Topics(topics);
        }
        if let Some(pattern) = pattern {
            if let Err(error) = parse::anchored(&pattern) {
                self.report(
                    &path.key("topic_pattern"),
                    format!("not a regular expression: {error}"),
                    None,
                );
            }
            return SourceInput::TopicPattern(pattern);
        }
        let files = files.unwrap_or_default();
        for (index, file) in files.iter().enumerate() {
            if let Err(error) = glob::Pattern::new(file) {
                self.report(
                    &path.key("files").index(index),
                    format!("not a path or glob: {}", error.msg),
                    None,
                );
            }
        }
        if files.is_empty() && given[2] {
            self.report(&path.key("files"), "must not be empty", None);
        }
        SourceInput::Files(files)
    }

    /// Preset names are checked where the presets are known: see [`Config::check_files`].
    fn format(&mut self, path: &KeyPath, format: &str) {
        if format.trim().is_empty() {
            self.report(path, "must not be empty", Some("a preset name, item, or auto"));
        }
    }

    pub fn checkpoint(&mut self, raw: RawCheckpoint) -> CheckpointConfig {
        let path = self.root("checkpoint").key("interval");
        let (low, high) = (Duration::from_millis(50), Duration::from_secs(600));
        CheckpointConfig {
            interval: self.duration(&path, raw.interval.as_deref(), Duration::from_secs(1), low, high),
            max_items: raw.max_items.unwrap_or(5000) as usize,
        }
    }

    pub fn model(&mut self, raw: RawModel) -> ModelConfig {
        let path = self.root("model");
        if raw.name.is_some() && raw.dir.is_some() {
            self.report(
                &path.key("dir"),
                "the model is already chosen by `name`",
                Some("one of name, dir"),
            );
        }
        let threads = raw.threads.map(|threads| threads as usize);
        ModelConfig {
            name: raw.dir.unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
            ort_library: raw.ort_library.map(PathBuf::from),
            threads: threads
                .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
                .unwrap_or(1),
        }
    }

    pub fn dead_letter(&mut self, raw: RawDeadLetter) -> DeadLetterConfig {
        let path = self.root("dead_letter");
        if let Some(topic) = &raw.topic {
            self.topic(&path.key("topic"), topic);
        }
        DeadLetterConfig {
            topic: raw.topic,
            file: raw.file.map(PathBuf::from),
            bytes: match raw.bytes {
                Some(RawBytes::None) => DeadLetterBytes::None,
                Some(RawBytes::Raw) => DeadLetterBytes::Raw,
                Some(RawBytes::Masked) | None => DeadLetterBytes::Masked,
            },
        }
    }

    pub fn output(&mut self, raw: RawOutput) -> Option<String> {
        if let Some(topic) = &raw.topic {
            let path = self.root("output").key("topic");
            self.topic(&path, topic);
        }
        raw.topic
    }

    pub fn duplicates(&mut self, raw: RawDuplicates) -> DuplicatesConfig {
        let path = self.root("duplicates").key("window");
        DuplicatesConfig {
            window: self.duration(&path, raw.window.as_deref(), days(30), hours(1), days(400)),
        }
    }

    pub fn search(&mut self, raw: RawSearch) -> SearchConfig {
        let path = self.root("search").key("deadline");
        let (low, high) = (Duration::from_millis(10), Duration::from_secs(60));
        SearchConfig {
            max_depth: raw.max_depth.unwrap_or(32) as usize,
            max_clauses: raw.max_clauses.unwrap_or(256) as usize,
            max_query_bytes: raw.max_query_bytes.unwrap_or(8192) as usize,
            deadline: self.duration(&path, raw.deadline.as_deref(), Duration::from_secs(2), low, high),
            concurrency: raw.concurrency.unwrap_or(4) as usize,
        }
    }

    pub fn owners(&mut self, raw: Vec<RawOwner>, sources: &[SourceConfig]) -> Vec<OwnerRule> {
        let list = self.root("owner");
        let mut owners = Vec::new();
        for (index, raw) in raw.into_iter().enumerate() {
            let path = list.index(index);
            let owner = self.name(&path.key("owner"), raw.owner);
            if let Some(aspect) = &raw.aspect {
                self.one_of(&path.key("aspect"), aspect, &parse::ASPECTS, "aspect");
            }
            if let Some(source) = &raw.source {
                let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
                self.one_of(&path.key("source"), source, &names, "source");
            }
            let RawOwner {
                aspect,
                product,
                region,
                source,
                ..
            } = raw;
            owners.push(OwnerRule {
                aspect,
                product,
                region,
                source,
                owner,
            });
        }
        owners
    }

    /// Reports `value` if it is none of `names`.
    fn one_of(&mut self, path: &KeyPath, value: &str, names: &[&str], what: &str) {
        if names.contains(&value) {
            return;
        }
        let message = match nearest(value, names) {
            Some(name) => format!("unknown {what}; did you mean `{name}`?"),
            None => format!("unknown {what}"),
        };
        self.report(path, message, Some(&names.join(", ")));
    }

    pub fn alerting(&mut self, raw: RawAlerting) -> AlertingConfig {
        AlertingConfig {
            deliver_history: raw.deliver_history.unwrap_or(false),
            sensitivity: match raw.sensitivity {
                Some(RawSensitivity::Fewer) => Sensitivity::Fewer,
                Some(RawSensitivity::More) => Sensitivity::More,
                Some(RawSensitivity::Balanced) | None => Sensitivity::Balanced,
            },
        }
    }

    pub fn receivers(&mut self, raw: Vec<RawReceiver>) -> Vec<ReceiverConfig> {
        let list = self.root("receiver");
        let mut receivers: Vec<ReceiverConfig> = Vec::new();
        for (index, raw) in raw.into_iter().enumerate() {
            let path = list.index(index);
            let name = self.name(&path.key("name"), raw.name);
            if !name.is_empty() && receivers.iter().any(|other| other.name == name) {
                self.report(&path.key("name"), "another receiver has this name", None);
            }
            let url = raw.url.unwrap_or_default();
            let kind = match raw.kind {
                Some(RawReceiverKind::Alertmanager) => {
                    let good = url::Url::parse(&url)
                        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
                    if !good {
                        let message = if url.is_empty() {
                            "missing"
                        } else {
                            "not the URL of an Alertmanager"
                        };
                        self.report(&path.key("url"), message, Some("http://HOST:PORT or https://HOST:PORT"));
                    }
                    if raw.topic.is_some() {
                        self.report(&path.key("topic"), "only receivers of type `kafka` have a topic", None);
                    }
                    ReceiverKind::Alertmanager { url }
                }
                Some(RawReceiverKind::Kafka) => {
                    let key = if raw.topic.is_some() { "topic" } else { "url" };
                    let topic = raw.topic.unwrap_or_else(|| url.trim_start_matches("kafka:").to_owned());
                    self.topic(&path.key(key), &topic);
                    ReceiverKind::Kafka { topic }
                }
                None => {
                    self.report(&path.key("type"), "missing", Some("alertmanager, kafka"));
                    continue;
                }
            };
            receivers.push(ReceiverConfig { name, kind });
        }
        receivers
    }

    pub fn rules(
        &mut self,
        raw: Vec<RawRule>,
        sensitivity: Sensitivity,
        receivers: &[ReceiverConfig],
    ) -> Vec<RuleConfig> {
        let list = self.root("rule");
        let mut rules: Vec<RuleConfig> = Vec::new();
        for (index, raw) in raw.into_iter().enumerate() {
            let path = list.index(index);
            let rule = self.rule(&path, raw, sensitivity, receivers);
            if !rule.name.is_empty() && rules.iter().any(|other| other.name == rule.name) {
                self.report(&path.key("name"), "another rule has this name", None);
            }
            rules.push(rule);
        }
        rules
    }

    fn rule(
        &mut self,
        path: &KeyPath,
        raw: RawRule,
        sensitivity: Sensitivity,
        receivers: &[ReceiverConfig],
    ) -> RuleConfig {
        if raw.kind.is_none() {
            self.report(&path.key("kind"), "missing", Some("spike"));
        }
        let by = raw.by.unwrap_or_default();
        for (index, dimension) in by.iter().enumerate() {
            let here = path.key("by").index(index);
            if LATER_DIMENSIONS.contains(&dimension.as_str()) {
                self.report(
                    &here,
                    "not supported yet in this version",
                    Some(&BY_DIMENSIONS.join(", ")),
                );
            } else if by.iter().take(index).any(|earlier| earlier == dimension) {
                self.report(&here, "named twice", None);
            } else {
                self.one_of(&here, dimension, &BY_DIMENSIONS, "dimension");
            }
        }
        let names: Vec<&str> = receivers.iter().map(|receiver| receiver.name.as_str()).collect();
        let chosen = raw.receivers.unwrap_or_default();
        for (index, receiver) in chosen.iter().enumerate() {
            self.one_of(&path.key("receivers").index(index), receiver, &names, "receiver");
        }
        let window = self.duration(&path.key("window"), raw.window.as_deref(), days(7), hours(1), days(7));
        if ![days(1), days(7)].contains(&window) {
            self.report(&path.key("window"), "not a window that is counted", Some("1d, 7d"));
        }
        let reference = match raw.reference.as_deref() {
            None => Reference::Weeks(8),
            Some(text) => reference(text).unwrap_or_else(|| {
                self.report(
                    &path.key("reference"),
                    "not a reference",
                    Some("weeks:1 to weeks:52, previous"),
                );
                Reference::Weeks(8)
            }),
        };
        let increase = raw.increase.unwrap_or(2.0);
        if !(0.1..=100.0).contains(&increase) {
            self.report(&path.key("increase"), "out of range", Some("0.1 to 100 (2.0 = +200 %)"));
        }
        let (default_p, default_min_current) = sensitivity.defaults();
        let p = raw.p.unwrap_or(default_p);
        if !(p > 0.0 && p <= 0.1) {
            self.report(&path.key("p"), "out of range", Some("more than 0, at most 0.1"));
        }
        if let Some(text) = &raw.where_query
            && text.trim().is_empty()
        {
            self.report(
                &path.key("where"),
                "must not be empty; leave it out to count all items",
                None,
            );
        }
        RuleConfig {
            name: self.name(&path.key("name"), raw.name),
            kind: RuleKind::Spike,
            where_query: raw.where_query,
            by,
            window,
            reference,
            increase,
            min_current: raw.min_current.unwrap_or(default_min_current),
            min_authors: raw.min_authors.unwrap_or(3),
            p,
            for_boundaries: raw.for_boundaries.unwrap_or(1),
            resolve_boundaries: raw.resolve.unwrap_or(6),
            repeat: self.duration(
                &path.key("repeat"),
                raw.repeat.as_deref(),
                hours(24),
                hours(1),
                days(30),
            ),
            severity: raw.severity.and_then(text_of).unwrap_or_else(|| "warning".to_owned()),
            owner: raw.owner,
            receivers: chosen,
        }
    }

    pub fn http(&mut self, raw: RawHttp) -> HttpConfig {
        let listen = raw.listen.unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
        if !listen_address(&listen) {
            let path = self.root("http").key("listen");
            self.report(
                &path,
                "not an address to listen on",
                Some("HOST:PORT, such as 127.0.0.1:7700"),
            );
        }
        HttpConfig { listen }
    }

    pub fn log(&mut self, raw: RawLog) -> LogConfig {
        let level = raw.level.unwrap_or_else(|| "info".to_owned());
        if !crate::telemetry::is_level(&level) {
            let path = self.root("log").key("level");
            self.report(
                &path,
                "not a log level",
                Some("off, error, warn, info, debug, trace, or a filter"),
            );
        }
        LogConfig {
            json: matches!(raw.format, Some(RawLogFormat::Json)),
            level,
        }
    }
}

fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

fn days(count: u64) -> Duration {
    hours(24 * count)
}

/// The name of a unit variant as it is written in the file.
fn text_of<T: serde::Serialize>(value: T) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}
