//! Records that come in by HTTP: what a vendor pushes goes to a topic, and from there the way of all others.
//!
//! Comes in: the body of `POST /api/v1/intake/{source}`. Goes out: one Kafka record, acknowledged by all replicas before
//! the caller is told. Can fail: [`IntakeError`], one answer each. No metric but those of HTTP: the record is counted where
//! it is read.
//!
//! # Who may push
//! With `secret_file`: 问卷星 signs its bodies (`sign` = SHA-1 of activity, index and secret, as its documentation of 数据推送
//! has it); whoever else pushes gives the secret as `Authorization: Bearer …` or, where only an address can be entered, as
//! `?token=…`. Without it anybody who reaches the address: it must be the loopback's.

use crate::config::{Config, SourceInput};
use crate::source::kafka::client_config;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use serde_json::Value;
use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Longest wait for the broker, shorter than the longest request.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(20);
const BROKER_TIMEOUT: Duration = Duration::from_secs(5);
/// The preset whose bodies are signed.
const SIGNED_FORMAT: &str = "wjx_push";

#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    #[error("no source `{0}` takes records over http; set `http = true` on one")]
    UnknownSource(String),
    #[error("the secret or signature is missing or wrong")]
    Forbidden,
    #[error("the body is no JSON document: {0}")]
    NotJson(String),
    #[error("the broker did not acknowledge the record: {0}; send it again")]
    Broker(String),
    #[error("{}: {error}", path.display())]
    Secret { path: PathBuf, error: std::io::Error },
    #[error("kafka: {0}")]
    Kafka(#[from] rdkafka::error::KafkaError),
}

impl IntakeError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownSource(_) => "not_found",
            Self::Forbidden => "unauthorized",
            Self::NotJson(_) => "bad_request",
            Self::Broker(_) => "kafka",
            Self::Secret { .. } => "secret",
            Self::Kafka(_) => "kafka",
        }
    }
}

/// What a request says beside its body.
#[derive(Debug, Default, Clone, Copy)]
pub struct Credentials<'a> {
    /// Value of `Authorization`.
    pub authorization: Option<&'a str>,
    /// Value of the query parameter `token`.
    pub token: Option<&'a str>,
}

/// Where an accepted record lies.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Accepted {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// What the user asks for, at most a second less than the caller is kept waiting.
fn delivery_timeout_ms(properties: &BTreeMap<String, String>) -> u64 {
    let longest_ms = ACKNOWLEDGEMENT.as_millis() as u64 - 1_000;
    ["delivery.timeout.ms", "message.timeout.ms"]
        .iter()
        .find_map(|name| properties.get(*name)?.parse().ok())
        .map_or(longest_ms, |asked_ms: u64| asked_ms.clamp(1, longest_ms))
}

struct Receiver {
    topic: String,
    format: String,
    secret: Option<String>,
}

/// All sources with `http = true`, and the producer that they share.
pub struct HttpIntake {
    receivers: BTreeMap<String, Receiver>,
    producer: FutureProducer,
}

impl HttpIntake {
    /// `None` where no source takes records over HTTP. Makes the topics that are missing.
    pub fn start(config: &Config) -> Result<Option<Self>, IntakeError> {
        let mut receivers = BTreeMap::new();
        for source in &config.sources {
            let (Some(http), SourceInput::Topics(topics)) = (&source.http, &source.input) else {
                continue;
            };
            let receiver = Receiver {
                topic: topics.first().cloned().unwrap_or_default(),
                format: source.format.clone(),
                secret: http.secret_file.as_deref().map(read_secret).transpose()?,
            };
            receivers.insert(source.name.clone(), receiver);
        }
        let Some(kafka) = config.kafka.as_ref().filter(|_| !receivers.is_empty()) else {
            return Ok(None);
        };
        let mut client = client_config(kafka);
        // another name of the delivery timeout; of two that are set either may win
        client.remove("message.timeout.ms");
        let producer: FutureProducer = client
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "0")
            .set(
                "delivery.timeout.ms",
                delivery_timeout_ms(&kafka.properties).to_string(),
            )
            .create()?;
        let intake = Self { receivers, producer };
        intake.make_topics(client_config(kafka).create()?);
        Ok(Some(intake))
    }

    /// A topic that is there already is left as it is; a broker that is away is tried again by the first record.
    fn make_topics(&self, admin: AdminClient<DefaultClientContext>) {
        let topics: Vec<NewTopic<'_>> = self
            .receivers
            .values()
            .map(|receiver| NewTopic::new(&receiver.topic, -1, TopicReplication::Fixed(-1)))
            .collect();
        let options = AdminOptions::new().request_timeout(Some(BROKER_TIMEOUT));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let made = match &runtime {
            Ok(runtime) => runtime.block_on(admin.create_topics(&topics, &options)),
            Err(error) => return tracing::warn!(%error, "the topics of http sources were not made"),
        };
        match made {
            Ok(results) => {
                for (topic, error) in results.into_iter().filter_map(Result::err) {
                    if error != rdkafka::types::RDKafkaErrorCode::TopicAlreadyExists {
                        tracing::warn!(%topic, %error, "the topic of an http source was not made");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "the topics of http sources were not made"),
        }
    }

    /// Checks a body and hands it to the broker; done when that has it.
    pub async fn accept(&self, source: &str, body: &[u8], who: Credentials<'_>) -> Result<Accepted, IntakeError> {
        let receiver = self
            .receivers
            .get(source)
            .ok_or_else(|| IntakeError::UnknownSource(source.to_owned()))?;
        let parsed = serde_json::from_slice(body);
        if !receiver.knows(who, parsed.as_ref().ok()) {
            return Err(IntakeError::Forbidden);
        }
        parsed.map_err(|error| IntakeError::NotJson(error.to_string()))?;
        let record: FutureRecord<'_, (), [u8]> = FutureRecord::to(&receiver.topic).payload(body);
        let delivered = self.producer.send(record, ACKNOWLEDGEMENT).await;
        let delivery = delivered.map_err(|(error, _)| IntakeError::Broker(error.to_string()))?;
        Ok(Accepted {
            topic: receiver.topic.clone(),
            partition: delivery.partition,
            offset: delivery.offset,
        })
    }
}

impl Drop for HttpIntake {
    fn drop(&mut self) {
        // whoever waits has been cut off with the server
        let _ = self.producer.flush(BROKER_TIMEOUT);
    }
}

impl Receiver {
    fn knows(&self, who: Credentials<'_>, body: Option<&Value>) -> bool {
        let Some(secret) = &self.secret else { return true };
        let bearer = who.authorization.and_then(|value| value.strip_prefix("Bearer "));
        let is_given = |given: Option<&str>| given.is_some_and(|given| is_equal(given.trim(), secret));
        if is_given(bearer) || is_given(who.token) {
            return true;
        }
        self.format == SIGNED_FORMAT
            && body.is_some_and(|body| {
                let signed = body["sign"].as_str().unwrap_or_default();
                is_equal(&signed.to_ascii_lowercase(), &wjx_signature(body, secret))
            })
    }
}

/// 问卷星's `sign`: SHA-1, in hex, of `activity`, `index` and the secret, one behind the other.
fn wjx_signature(body: &Value, secret: &str) -> String {
    let text = |key: &str| match &body[key] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    hex::encode(Sha1::digest(format!("{}{}{secret}", text("activity"), text("index"))))
}

/// In a time that does not tell how much of it was right.
fn is_equal(given: &str, wanted: &str) -> bool {
    Sha256::digest(given) == Sha256::digest(wanted)
}

fn read_secret(path: &std::path::Path) -> Result<String, IntakeError> {
    let failed = |error| IntakeError::Secret {
        path: path.to_owned(),
        error,
    };
    let secret = std::fs::read_to_string(path).map_err(failed)?;
    let secret = secret.trim();
    if secret.is_empty() {
        return Err(failed(std::io::Error::other("empty; write the secret into it")));
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn receiver(format: &str) -> Receiver {
        Receiver {
            topic: "t".to_owned(),
            format: format.to_owned(),
            secret: Some("秘密".to_owned()),
        }
    }

    fn token(token: &str) -> Credentials<'_> {
        Credentials {
            token: Some(token),
            ..Credentials::default()
        }
    }

    #[test]
    fn a_push_without_the_secret_is_refused() {
        let receiver = receiver("jinshuju_entry");
        let bearer = |value| Credentials {
            authorization: Some(value),
            token: None,
        };
        assert!(receiver.knows(bearer("Bearer 秘密"), None) && receiver.knows(token("秘密"), None));
        for who in [bearer("Bearer 秘"), bearer("秘密"), token(""), Credentials::default()] {
            assert!(!receiver.knows(who, Some(&json!({"sign": "秘密"}))), "{who:?}");
        }
        let open = Receiver {
            secret: None,
            ..receiver
        };
        assert!(open.knows(Credentials::default(), None));
    }

    #[test]
    fn a_signed_push_is_known_by_its_signature_and_a_changed_one_is_not() {
        let mut body = json!({"activity": "1234567", "index": "7", "q1": "登录失败"});
        // sha1("12345677秘密"), by sha1sum
        body["sign"] = "E404EE97BE944E68022135615BEFC4ADD7FF6942".into();
        assert!(receiver("wjx_push").knows(Credentials::default(), Some(&body)));
        assert!(!receiver("jinshuju_entry").knows(Credentials::default(), Some(&body)));
        body["index"] = 8.into();
        assert!(!receiver("wjx_push").knows(Credentials::default(), Some(&body)));
    }
}
