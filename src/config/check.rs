//! From raw to checked: defaults, units, and what keys must agree on. Every function reports and goes on.

use super::document::KeyPath;
use super::parse::{duration, listen_address, start};
use super::raw::*;
use super::structure::Findings;
use super::*;
use crate::format::Formats;
use crate::nearest::did_you_mean;

pub(super) struct Checker {
    pub findings: Findings,
}

impl Checker {
    pub(super) fn root(&self, key: &str) -> KeyPath {
        KeyPath::default().key(key)
    }

    pub fn report(&mut self, path: &KeyPath, message: impl Into<String>, allowed: Option<&str>) {
        self.findings.report(path, message, allowed.map(str::to_owned));
    }

    pub(super) fn duration(
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
    pub(super) fn name(&mut self, path: &KeyPath, name: Option<String>) -> String {
        let name = name.unwrap_or_default();
        let fits = !name.trim().is_empty() && name.chars().count() <= 64 && !name.chars().any(char::is_control);
        if !fits {
            let message = if name.is_empty() { "missing" } else { "not a name" };
            self.report(path, message, Some("1 to 64 characters"));
        }
        name
    }

    pub(super) fn topic(&mut self, path: &KeyPath, topic: &str) {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = !topic.is_empty() && topic.len() <= 249 && topic.chars().all(legal) && topic != "." && topic != "..";
        if !fits {
            self.report(path, "not a Kafka topic name", Some("1 to 249 of a-z A-Z 0-9 . _ -"));
        }
    }

    fn zone(&mut self, path: &KeyPath, name: &str) -> Option<chrono_tz::Tz> {
        let zone = name.parse::<chrono_tz::Tz>().ok();
        if zone.is_none() {
            let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
            let message = format!("unknown time zone{}", did_you_mean(name, names));
            self.report(path, message, Some("an IANA name such as Asia/Shanghai"));
        }
        zone
    }

    pub fn time(&mut self, raw: RawTime) -> TimeConfig {
        let path = self.root("time");
        let zone = raw.zone.and_then(|name| self.zone(&path.key("zone"), &name));
        TimeConfig {
            zone: zone.unwrap_or(chrono_tz::Asia::Shanghai),
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

    pub fn formats(&mut self, raw: RawFormats) -> FormatsConfig {
        FormatsConfig {
            directory: raw.dir.map(std::path::PathBuf::from),
        }
    }

    pub fn sources(&mut self, raw: Vec<RawSource>, zone: chrono_tz::Tz, formats: &FormatsConfig) -> Vec<SourceConfig> {
        let list = self.root("source");
        let mut sources: Vec<SourceConfig> = Vec::new();
        let directory = formats.directory.as_deref();
        let is_asked = !raw.is_empty() || directory.is_some();
        let formats = match is_asked.then(|| Formats::with_directory(directory)) {
            None => None,
            Some(Ok(formats)) => Some(formats),
            Some(Err(error)) => {
                self.report(&self.root("formats").key("dir"), error.to_string(), None);
                None
            }
        };
        for (index, raw) in raw.into_iter().enumerate() {
            let path = list.index(index);
            let name = self.name(&path.key("name"), raw.name);
            if !name.is_empty() && sources.iter().any(|other| other.name == name) {
                self.report(&path.key("name"), "another source has this name", None);
            }
            let http = self.http_input(&path, raw.http, raw.secret_file, raw.topics.as_deref());
            let own_topic = http.as_ref().map(|_| vec![format!("qingting.intake.{name}")]);
            let topics = raw.topics.or(own_topic);
            let input = self.input(&path, topics, raw.topic_pattern, raw.files);
            let start = match raw.start.as_ref() {
                None => StartPosition::Earliest,
                Some(value) => start(value, zone).unwrap_or_else(|| {
                    let allowed = "earliest, latest, 2026-01-31, 2026-01-31T08:00:00+08:00, or ms UTC";
                    self.report(&path.key("start"), "not a start position", Some(allowed));
                    StartPosition::Earliest
                }),
            };
            let format = raw.format.unwrap_or_else(|| "auto".to_owned());
            self.format(&path.key("format"), &format, formats.as_ref());
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
                zone: raw.zone.and_then(|name| self.zone(&path.key("zone"), &name)),
                expected_every: None,
                start,
                http,
            });
        }
        sources
    }

    fn http_input(
        &mut self,
        path: &KeyPath,
        http: Option<bool>,
        secret_file: Option<String>,
        topics: Option<&[String]>,
    ) -> Option<HttpInput> {
        if http != Some(true) {
            if secret_file.is_some() {
                self.report(
                    &path.key("secret_file"),
                    "only what comes in by http has a secret",
                    Some("http = true"),
                );
            }
            return None;
        }
        if topics.is_some_and(|topics| topics.len() != 1) {
            self.report(&path.key("topics"), "what comes in by http goes to one topic", None);
        }
        Some(HttpInput {
            secret_file: secret_file.map(std::path::PathBuf::from),
        })
    }

    /// An address that others reach takes records only from those who know a secret.
    pub fn pushers(&mut self, sources: &[SourceConfig], http: &HttpConfig) {
        let host = http.listen.rsplit_once(':').map_or("", |(host, _)| host);
        let is_loopback = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
        for (index, source) in sources.iter().enumerate() {
            if !is_loopback && source.http.as_ref().is_some_and(|http| http.secret_file.is_none()) {
                let path = self.root("source").index(index).key("secret_file");
                let message = format!("{} is no loopback address: anybody could push records", http.listen);
                self.report(
                    &path,
                    message,
                    Some("a file with a secret, or a loopback address in http.listen"),
                );
            }
        }
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
                Some("one of topics, topic_pattern, files, http = true"),
            ),
            1 => {}
            _ => self.report(
                path,
                "reads from more than one thing",
                Some("one of topics, topic_pattern, files, http = true"),
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

    fn format(&mut self, path: &KeyPath, format: &str, formats: Option<&Formats>) {
        let Some(formats) = formats else { return };
        if !formats.knows(format) {
            let mut names = formats.names();
            names.push("auto");
            self.one_of(path, format, &names, "format");
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
        let name = raw.name.map(|name| match name {
            RawModelName::Fast => "fast".to_owned(),
            RawModelName::Precise => "precise".to_owned(),
            RawModelName::Cascade => "cascade".to_owned(),
        });
        ModelConfig {
            name: raw.dir.or(name).unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
            ort_library: raw.ort_library.map(PathBuf::from),
            runtime: match raw.runtime {
                None | Some(RawRuntime::Onnxruntime) => ModelRuntime::OnnxRuntime,
                Some(RawRuntime::Tract) => ModelRuntime::Tract,
            },
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
    pub(super) fn one_of(&mut self, path: &KeyPath, value: &str, names: &[&str], what: &str) {
        if names.contains(&value) {
            return;
        }
        let message = format!("unknown {what}{}", did_you_mean(value, names.iter().copied()));
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

pub(super) fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

pub(super) fn days(count: u64) -> Duration {
    hours(24 * count)
}

/// The name of a unit variant as it is written in the file.
pub(super) fn text_of<T: serde::Serialize>(value: T) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}
