//! Hours, and days of the configured zone.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
pub(super) const DAY_HOURS: u32 = 24;
pub(super) const WEEK_HOURS: u32 = 7 * DAY_HOURS;

/// Whole hours since 1970 in UTC. Times before are hour 0: no usable event time is that old.
pub(super) fn hour_of(at_ms: i64) -> u32 {
    u32::try_from(at_ms.div_euclid(HOUR_MS).max(0)).unwrap_or(u32::MAX)
}

/// Lateness of an item, ms: from its event to the hour of its record. Of two equal copies within an hour the one that came
/// first stays, and which that is depends on the order of partitions: no count may.
pub(super) fn delay_ms(record_time_ms: i64, event_ms: i64) -> i64 {
    hour_start(hour_of(record_time_ms)) - event_ms
}

pub(super) fn hour_start(hour: u32) -> i64 {
    i64::from(hour) * HOUR_MS
}

/// Days of the configured zone, numbered from 1970-01-01. A day begins at local midnight (or the first moment after
/// it that exists). In a zone whose offset is no whole hour, an hour belongs to the day that its start is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calendar {
    zone: Tz,
}

impl Calendar {
    pub fn new(zone: Tz) -> Self {
        Self { zone }
    }

    pub fn day_of(&self, at_ms: i64) -> u32 {
        let utc = DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap_or_default();
        let date = utc.with_timezone(&self.zone).date_naive();
        u32::try_from((date - NaiveDate::default()).num_days().max(0)).unwrap_or(0)
    }

    pub fn day_start(&self, day: u32) -> i64 {
        let Some(date) = NaiveDate::default().checked_add_days(Days::new(u64::from(day))) else {
            return 0;
        };
        let midnight = date.and_time(NaiveTime::MIN);
        for minutes in (0..=180).step_by(15) {
            let local = midnight + chrono::Duration::minutes(minutes);
            if let Some(at) = self.zone.from_local_datetime(&local).earliest() {
                return at.timestamp_millis();
            }
        }
        midnight.and_utc().timestamp_millis()
    }

    /// First day of the week (Monday) that the day is in.
    pub fn week_start_day(&self, day: u32) -> u32 {
        // 1970-01-01 was a Thursday.
        day.saturating_sub((day + 3) % 7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_local_midnight() {
        let calendar = Calendar::new(chrono_tz::Asia::Shanghai);
        let day = calendar.day_of(1_700_000_000_000); // 2023-11-15 06:13 in Shanghai
        assert_eq!(calendar.day_start(day), 1_699_977_600_000);
        assert_eq!(calendar.day_of(calendar.day_start(day)), day);
        assert_eq!(calendar.day_of(calendar.day_start(day) - 1), day - 1);
        assert_eq!(calendar.week_start_day(day), day - 2);
    }

    #[test]
    fn a_skipped_midnight_starts_at_the_first_moment_that_exists() {
        let calendar = Calendar::new(chrono_tz::America::Sao_Paulo);
        let at = 1_541_300_400_000; // 2018-11-04 03:00 UTC = 01:00 local, clocks went from 00:00 to 01:00
        let day = calendar.day_of(at);
        assert_eq!(calendar.day_start(day), at);
    }
}
