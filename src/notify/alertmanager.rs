//! Alertmanager, API v2: `POST {url}/api/v2/alerts`.
//!
//! Alertmanager knows an alert by its labels and resolves it when it has not heard of it for its `resolve_timeout`
//! (5 minutes by default). So an episode keeps the labels of its first post until it is resolved, and what fires is
//! posted again every minute.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use serde_json::Value;
use ureq::tls::{RootCerts, TlsConfig};

use super::DeliveryError;
use super::queue::{StopSignal, Transport};

/// A fifth of Alertmanager's default `resolve_timeout`: four posts in a row may get lost.
const REFRESH_EVERY: Duration = Duration::from_secs(60);
/// Alerts in one post when what fires is said again.
const ALERTS_A_POST: usize = 100;
/// What is kept of an answer for the log.
const ANSWER_CHARS: usize = 300;

pub(super) struct Alertmanager {
    agent: ureq::Agent,
    endpoint: String,
    /// By episode id: the last post of each alert that fires.
    firing: BTreeMap<String, Post>,
}

/// One alert as API v2 takes it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Post {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
}

impl Alertmanager {
    /// `url`: the base, with the path prefix if it has one.
    pub(super) fn new(url: &str) -> Self {
        // The machine's trust store, so that a company's own certificate authority counts.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .user_agent(concat!("qingting/", env!("CARGO_PKG_VERSION")))
            .max_redirects(0)
            .build()
            .new_agent();
        Self {
            agent,
            endpoint: format!("{}/api/v2/alerts", url.trim_end_matches('/')),
            firing: BTreeMap::new(),
        }
    }

    fn post(&self, posts: &[&Post], limit: Duration) -> Result<(), DeliveryError> {
        let mut answer = self
            .agent
            .post(&self.endpoint)
            .config()
            .timeout_global(Some(limit))
            .build()
            .send_json(posts)
            .map_err(transport_error)?;
        let status = answer.status().as_u16();
        // Read to the end, so that the connection is used again.
        let body = answer
            .body_mut()
            .with_config()
            .limit(64 * 1024)
            .read_to_string()
            .unwrap_or_default();
        if (200..300).contains(&status) {
            return Ok(());
        }
        let body = body
            .chars()
            .take(ANSWER_CHARS)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        Err(DeliveryError::Status { status, body })
    }

    /// The post of an alert, with the labels under which Alertmanager already knows its episode.
    fn post_of(&self, alert: &Value) -> Post {
        let mut post = Post::of(alert);
        if let Some(known) = self.firing.get(text(alert, "id")) {
            post.labels = known.labels.clone();
        }
        post
    }
}

impl Transport for Alertmanager {
    fn deliver(&mut self, alert: &Value, limit: Duration, _stop: &StopSignal) -> Result<(), DeliveryError> {
        let post = self.post_of(alert);
        self.post(&[&post], limit)?;
        match text(alert, "state") {
            "firing" => {
                self.firing.insert(text(alert, "id").to_owned(), post);
            }
            _ => {
                self.firing.remove(text(alert, "id"));
            }
        }
        Ok(())
    }

    fn keep_firing(&mut self, alert: &Value) {
        self.firing.insert(text(alert, "id").to_owned(), Post::of(alert));
    }

    fn refresh_every(&self) -> Option<Duration> {
        (!self.firing.is_empty()).then_some(REFRESH_EVERY)
    }

    fn refresh(&mut self, limit: Duration) -> Result<(), DeliveryError> {
        let posts: Vec<&Post> = self.firing.values().collect();
        posts
            .chunks(ALERTS_A_POST)
            .try_for_each(|chunk| self.post(chunk, limit))
    }
}

impl Post {
    fn of(alert: &Value) -> Self {
        let mut labels = BTreeMap::new();
        let mut label = |name: &str, value: String| {
            // Alertmanager takes an empty label for an absent one.
            if !value.is_empty() {
                labels.insert(name.to_owned(), value);
            }
        };
        for (dimension, value) in alert.get("key").and_then(Value::as_object).into_iter().flatten() {
            match dimension.as_str() {
                // the severity of the key's items is another thing than the severity of the alert
                "severity" => label("key_severity", plain(value)),
                name => label(name, plain(value)),
            }
        }
        let rule = text(alert, "rule");
        label("alertname", if rule.is_empty() { "qingting" } else { rule }.to_owned());
        label("episode", text(alert, "id").to_owned());
        for name in ["severity", "owner", "priority"] {
            label(name, text(alert, name).to_owned());
        }

        let mut annotations = BTreeMap::new();
        let mut annotate = |name: &str, value: String| {
            if !value.is_empty() {
                annotations.insert(name.to_owned(), value);
            }
        };
        if let Some(summary) = alert.get("summary") {
            annotate("summary", text(summary, "zh").to_owned());
            annotate("summary_en", text(summary, "en").to_owned());
        }
        for name in [
            "search",
            "current",
            "reference",
            "increase_pct",
            "authors",
            "annotation",
        ] {
            annotate(name, alert.get(name).map(plain).unwrap_or_default());
        }
        annotate(
            "top_terms",
            joined(alert, "top_terms", |term| text(term, "term").to_owned()),
        );
        annotate("samples", joined(alert, "samples", plain));
        Self {
            labels,
            annotations,
            starts_at: time(alert, "starts_at"),
            ends_at: time(alert, "ends_at"),
        }
    }
}

fn transport_error(error: ureq::Error) -> DeliveryError {
    match error {
        ureq::Error::Timeout(_) => DeliveryError::Timeout,
        other => DeliveryError::Unreachable(other.to_string()),
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A value as a label or an annotation shows it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        // 10.333333333333334 tells nobody more than 10.3
        Value::Number(number) if number.is_f64() => format!("{:.1}", number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

fn joined(alert: &Value, name: &str, show: impl Fn(&Value) -> String) -> String {
    let values = alert
        .get(name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    values.iter().map(show).collect::<Vec<_>>().join(", ")
}

/// ms UTC as RFC 3339; `None` where it is null or no time.
fn time(alert: &Value, name: &str) -> Option<String> {
    let time = DateTime::from_timestamp_millis(alert.get(name)?.as_i64()?)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
