//! Points and spans of time as a query writes them.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;

/// A time as written: an instant, or a calendar span that becomes one in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeValue {
    /// ms UTC.
    Instant(i64),
    Year(i32),
    Month(i32, u32),
    Day(NaiveDate),
    /// A local minute or second, and its length in ms.
    Local(NaiveDateTime, i64),
}

/// What a time may look like, for error messages.
pub const TIME_FORMS: &str =
    "a date (2025-11-01), a month (2025-11), a year (2025), a time (2025-11-01T09:30) or milliseconds since 1970";

impl TimeValue {
    pub fn parse(text: &str) -> Option<Self> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return match text.len() {
                0 => None,
                4 => text.parse().ok().filter(|year| *year > 0).map(Self::Year),
                // Fewer digits are a date that was written without dashes, not an instant of the early seventies.
                12..=15 => text.parse().ok().map(Self::Instant),
                _ => (text == "0").then_some(Self::Instant(0)),
            };
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(Self::Day(day)).filter(|_| text.len() <= 10);
        }
        if let Ok(first) = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d") {
            use chrono::Datelike;
            return Some(Self::Month(first.year(), first.month())).filter(|_| text.len() <= 7);
        }
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return Some(Self::Instant(instant.timestamp_millis()));
        }
        if let Ok(local) = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S") {
            return Some(Self::Local(local, 1_000));
        }
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M")
            .ok()
            .map(|local| Self::Local(local, 60_000))
    }

    /// First ms of the span.
    pub fn start_ms(self, zone: Tz) -> i64 {
        match self {
            Self::Instant(ms) => ms,
            Self::Year(year) => day_start(NaiveDate::from_ymd_opt(year, 1, 1), zone),
            Self::Month(year, month) => day_start(NaiveDate::from_ymd_opt(year, month, 1), zone),
            Self::Day(day) => day_start(Some(day), zone),
            Self::Local(local, _) => local_start_ms(local, zone),
        }
    }

    /// First ms after the span.
    pub fn end_ms(self, zone: Tz) -> i64 {
        match self {
            Self::Instant(ms) => ms.saturating_add(1),
            Self::Year(year) => day_start(NaiveDate::from_ymd_opt(year + 1, 1, 1), zone),
            Self::Month(year, 12) => day_start(NaiveDate::from_ymd_opt(year + 1, 1, 1), zone),
            Self::Month(year, month) => day_start(NaiveDate::from_ymd_opt(year, month + 1, 1), zone),
            Self::Day(day) => day_start(day.succ_opt(), zone),
            Self::Local(local, length_ms) => local_start_ms(local, zone).saturating_add(length_ms),
        }
    }
}

fn day_start(day: Option<NaiveDate>, zone: Tz) -> i64 {
    day.map_or(i64::MAX, |day| local_start_ms(day.and_time(NaiveTime::MIN), zone))
}

/// The first instant at or after a local time, ms UTC: the earlier of two when clocks go back, the end of the gap when
/// they go forward.
pub fn local_start_ms(local: NaiveDateTime, zone: Tz) -> i64 {
    let mut candidate = local;
    // A gap is at most a day (zones that crossed the date line); steps of a quarter hour meet every border since 1990.
    for _ in 0..=96 {
        if let Some(instant) = zone.from_local_datetime(&candidate).earliest() {
            return instant.timestamp_millis();
        }
        match candidate.checked_add_signed(Duration::minutes(15)) {
            Some(later) => candidate = later,
            None => break,
        }
    }
    local.and_utc().timestamp_millis()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America::New_York, America::Sao_Paulo, Asia::Shanghai};

    #[test]
    fn spans_are_of_the_configured_zone() {
        let day = TimeValue::parse("2025-11-01").unwrap();
        assert_eq!(day.start_ms(Shanghai), 1_761_926_400_000);
        assert_eq!(day.end_ms(Shanghai), 1_761_926_400_000 + 86_400_000);
        let month = TimeValue::parse("2025-12").unwrap();
        assert_eq!(
            month.end_ms(Shanghai),
            TimeValue::parse("2026").unwrap().start_ms(Shanghai)
        );
        assert_eq!(
            TimeValue::parse("2025-11-02").unwrap().end_ms(New_York)
                - TimeValue::parse("2025-11-02").unwrap().start_ms(New_York),
            25 * 3_600_000
        );
        let local = TimeValue::parse("2025-11-01T00:00").unwrap();
        assert_eq!(local.start_ms(Shanghai), day.start_ms(Shanghai));
        assert_eq!(
            TimeValue::parse("2025-11-01T00:00:00+08:00")
                .unwrap()
                .start_ms(New_York),
            day.start_ms(Shanghai)
        );
    }

    #[test]
    fn a_midnight_that_does_not_exist_starts_at_the_end_of_the_gap() {
        let day = TimeValue::parse("2018-11-04").unwrap();
        assert_eq!(day.end_ms(Sao_Paulo) - day.start_ms(Sao_Paulo), 23 * 3_600_000);
    }

    #[test]
    fn a_date_without_dashes_is_refused_instead_of_read_as_milliseconds() {
        for text in [
            "20251101",
            "",
            "2025-13",
            "2025-11-01T25:00",
            "now",
            "2025-1x",
            "99999999999999999999",
        ] {
            assert_eq!(TimeValue::parse(text), None, "{text}");
        }
        assert_eq!(
            TimeValue::parse("1761926400000"),
            Some(TimeValue::Instant(1_761_926_400_000))
        );
    }
}
