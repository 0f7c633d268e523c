//! From raw to checked, the alerting part: receivers, rules and what a rule names.

use super::check::{Checker, days, hours, text_of};
use super::document::KeyPath;
use super::parse::reference;
use super::raw::*;
use super::*;
use crate::item::{Token, Tokens};
use crate::search::{Query, Tokenize};
use crate::trend::Dimension;

/// Dimensions whose values are open and come with the analysis that fills them.
const LATER_DIMENSIONS: [&str; 3] = ["term", "phrase", "topic"];

impl Checker {
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
        search: &SearchConfig,
    ) -> Vec<RuleConfig> {
        let list = self.root("rule");
        let mut rules: Vec<RuleConfig> = Vec::new();
        for (index, raw) in raw.into_iter().enumerate() {
            let path = list.index(index);
            let rule = self.rule(&path, raw, sensitivity, receivers, search);
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
        search: &SearchConfig,
    ) -> RuleConfig {
        if raw.kind.is_none() {
            self.report(&path.key("kind"), "missing", Some("spike"));
        }
        let by = raw.by.unwrap_or_default();
        let dimensions = Dimension::ALL.map(Dimension::name);
        for (index, dimension) in by.iter().enumerate() {
            let here = path.key("by").index(index);
            if LATER_DIMENSIONS.contains(&dimension.as_str()) {
                self.report(&here, "not supported yet in this version", Some(&dimensions.join(", ")));
            } else if by.iter().take(index).any(|earlier| earlier == dimension) {
                self.report(&here, "named twice", None);
            } else {
                self.one_of(&here, dimension, &dimensions, "dimension");
            }
        }
        let names: Vec<&str> = receivers.iter().map(|receiver| receiver.name.as_str()).collect();
        let chosen = raw.receivers.unwrap_or_default();
        for (index, receiver) in chosen.iter().enumerate() {
            self.one_of(&path.key("receivers").index(index), receiver, &names, "receiver");
        }
        let window = self.duration(&path.key("window"), raw.window.as_deref(), days(7), hours(1), days(28));
        if !window.as_secs().is_multiple_of(3600) {
            self.report(
                &path.key("window"),
                "not a whole number of hours",
                Some("1h to 28d, such as 1d or 7d"),
            );
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
        if let Some(text) = &raw.where_query {
            self.query(&path.key("where"), text, search);
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

    /// Parsed as the rule will be, and bound with one token a run of letters: the dictionary is not loaded to check a file.
    fn query(&mut self, path: &KeyPath, text: &str, limits: &SearchConfig) {
        if text.trim().is_empty() {
            return self.report(path, "must not be empty; leave it out to count all items", None);
        }
        let bound = Query::parse(text, limits).and_then(|query| query.bind(&Runs, chrono_tz::UTC));
        if let Err(error) = bound {
            let place = error.at().map(|at| format!(" at character {at}")).unwrap_or_default();
            let suggestion = error.suggestion().map(|what| format!("; {what}")).unwrap_or_default();
            self.report(path, format!("{error}{place}{suggestion}"), None);
        }
    }
}

/// A token is a run of letters and digits.
struct Runs;

impl Tokenize for Runs {
    fn tokens(&self, text: &str) -> Tokens {
        let text = text.to_lowercase();
        let runs = text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty());
        runs.enumerate()
            .map(|(position, text)| Token {
                text,
                from: 0,
                to: 0,
                position: position as u32,
            })
            .collect()
    }

    fn query_tokens(&self, text: &str) -> Tokens {
        self.tokens(text)
    }
}
