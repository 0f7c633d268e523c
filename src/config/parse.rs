//! Small values: durations, references, start positions, patterns, addresses.

use super::{Reference, StartPosition};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone};
use std::time::Duration;

/// Aspect ids of the taxonomy.
pub const ASPECTS: [&str; 16] = [
    "quality",
    "function",
    "performance",
    "effect",
    "authenticity",
    "safety",
    "appearance",
    "response",
    "attitude",
    "after_sales",
    "usability",
    "environment",
    "logistics",
    "packaging",
    "price",
    "billing",
];

/// `500ms` `30s` `5m` `1h` `7d` `2w`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok()?;
    let unit_ms: u64 = match unit.trim() {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

/// In the largest unit that leaves a whole number.
pub(super) fn show_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    for (unit, unit_ms) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if ms > 0 && ms.is_multiple_of(unit_ms) {
            return format!("{}{unit}", ms / unit_ms);
        }
    }
    format!("{ms}ms")
}

/// `weeks:8` or `previous`.
pub(super) fn reference(text: &str) -> Option<Reference> {
    if text == "previous" {
        return Some(Reference::Previous);
    }
    let weeks: u32 = text.strip_prefix("weeks:")?.parse().ok()?;
    (1..=52).contains(&weeks).then_some(Reference::Weeks(weeks))
}

/// `earliest`, `latest`, ms UTC, or a date or time; one without an offset is in `zone`.
pub(super) fn start(value: &serde_json::Value, zone: chrono_tz::Tz) -> Option<StartPosition> {
    if let Some(ms) = value.as_i64() {
        return (ms >= 0).then_some(StartPosition::Timestamp(ms));
    }
    let text = value.as_str()?.trim();
    match text {
        "earliest" => return Some(StartPosition::Earliest),
        "latest" => return Some(StartPosition::Latest),
        _ => {}
    }
    if let Ok(ms) = text.parse::<i64>() {
        return (ms >= 0).then_some(StartPosition::Timestamp(ms));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(StartPosition::Timestamp(time.timestamp_millis()));
    }
    let formats = [
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ];
    let local = formats
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))?;
    zone.from_local_datetime(&local)
        .earliest()
        .map(|time| StartPosition::Timestamp(time.timestamp_millis()))
}

/// The pattern as it is applied: to the whole topic name.
///
/// # Errors
/// If it is not a regular expression.
pub fn anchored(pattern: &str) -> Result<regex::Regex, String> {
    regex::RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(1 << 20)
        .build()
        .map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())
}

/// `HOST:PORT`, where HOST may be a name, an IPv4 address or a bracketed IPv6 address.
pub(super) fn listen_address(text: &str) -> bool {
    if text.parse::<std::net::SocketAddr>().is_ok() {
        return true;
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let name = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    name && port.parse::<u16>().is_ok()
}

/// What to do instead of setting a property that exactly-once rests on.
pub(super) fn owned_property(property: &str) -> Option<&'static str> {
    match property {
        "bootstrap.servers" | "metadata.broker.list" => Some("use kafka.brokers"),
        "group.id" => Some("use kafka.group"),
        "auto.offset.reset" => Some("use `start` of the source"),
        "enable.auto.commit" | "enable.auto.offset.store" | "auto.commit.enable" | "auto.commit.interval.ms" => {
            Some("positions are kept in the checkpoint")
        }
        "enable.partition.eof" | "check.crcs" | "enable.idempotence" | "acks" | "request.required.acks" => {
            Some("exactly once rests on it")
        }
        _ => None,
    }
}

/// Asks librdkafka whether it knows the property and takes the value.
pub(super) fn librdkafka_takes(property: &str, value: &str) -> Result<(), String> {
    let mut client = rdkafka::ClientConfig::new();
    client.set(property, value);
    match client.create_native_config() {
        Ok(_) => Ok(()),
        Err(rdkafka::error::KafkaError::ClientConfig(_, description, _, _)) => {
            Err(format!("refused by librdkafka: {}", description.to_lowercase()))
        }
        Err(error) => Err(format!("refused by librdkafka: {error}")),
    }
}
