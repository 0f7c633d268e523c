//! Hours, days, weeks and months of the configured zone.

use super::SearchError;
use super::when::local_start_ms;
use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use rustc_hash::FxHashMap;

/// Width of a bucket. Weeks begin on Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketUnit {
    Hour,
    Day,
    Week,
    Month,
}

impl BucketUnit {
    pub const NAMES: [&'static str; 4] = ["hour", "day", "week", "month"];

    pub fn named(name: &str) -> Option<Self> {
        match name {
            "hour" => Some(Self::Hour),
            "day" => Some(Self::Day),
            "week" => Some(Self::Week),
            "month" => Some(Self::Month),
            _ => None,
        }
    }
}

/// Zone offsets are multiples of a quarter of an hour since 1990, the first year of the index: all instants of a
/// quarter are in one bucket.
const QUARTER_MS: i64 = 900_000;
const HOUR_MS: i64 = 3_600_000;
/// More quarters than this are 28 years; beyond, the cache starts anew.
const MAX_CACHED_QUARTERS: usize = 1_000_000;

/// Maps instants to the start of their bucket. Costs a hash look-up an instant once a quarter was seen.
pub struct Buckets {
    zone: Tz,
    unit: BucketUnit,
    starts: FxHashMap<i64, i64>,
}

impl Buckets {
    pub fn new(zone: Tz, unit: BucketUnit) -> Self {
        Self {
            zone,
            unit,
            starts: FxHashMap::default(),
        }
    }

    /// Start of the bucket that `at_ms` is in, ms UTC.
    pub fn start_of(&mut self, at_ms: i64) -> i64 {
        let quarter = at_ms.div_euclid(QUARTER_MS);
        if let Some(start) = self.starts.get(&quarter) {
            return *start;
        }
        let start = self.compute(quarter * QUARTER_MS);
        if self.starts.len() >= MAX_CACHED_QUARTERS {
            self.starts.clear();
        }
        self.starts.insert(quarter, start);
        start
    }

    fn compute(&self, at_ms: i64) -> i64 {
        let Some(local) = local_time(at_ms, self.zone) else {
            return at_ms;
        };
        if self.unit == BucketUnit::Hour {
            return at_ms - i64::from(local.minute()) * 60_000;
        }
        start_of_day(self.first_day(local.date()), self.zone)
    }

    fn first_day(&self, day: NaiveDate) -> NaiveDate {
        match self.unit {
            BucketUnit::Hour | BucketUnit::Day => day,
            BucketUnit::Week => day - Days::new(u64::from(day.weekday().num_days_from_monday())),
            BucketUnit::Month => day.with_day(1).unwrap_or(day),
        }
    }

    /// Start of the bucket after the one that begins at `start_ms`.
    pub fn next(&self, start_ms: i64) -> i64 {
        if self.unit == BucketUnit::Hour {
            return start_ms + HOUR_MS;
        }
        let Some(local) = local_time(start_ms, self.zone) else {
            return start_ms + HOUR_MS;
        };
        let day = local.date();
        let next = match self.unit {
            BucketUnit::Hour | BucketUnit::Day => day.checked_add_days(Days::new(1)),
            BucketUnit::Week => day.checked_add_days(Days::new(7)),
            BucketUnit::Month => self.first_day(day).checked_add_months(Months::new(1)),
        };
        next.map_or(start_ms + HOUR_MS, |next| start_of_day(next, self.zone))
            .max(start_ms + 1)
    }

    /// The first bucket start at or after an instant.
    pub fn first_at_or_after(&mut self, at_ms: i64) -> i64 {
        let start = self.start_of(at_ms);
        if start == at_ms { start } else { self.next(start) }
    }

    /// All bucket starts from the bucket of `first_ms` to that of `last_ms`, at most `limit`.
    pub fn between(&mut self, first_ms: i64, last_ms: i64, limit: usize) -> Result<Vec<i64>, SearchError> {
        let last = self.start_of(last_ms);
        let mut start = self.start_of(first_ms);
        let mut starts = Vec::new();
        while start <= last {
            if starts.len() == limit {
                return Err(SearchError::TooManyBuckets {
                    what: "the histogram".to_owned(),
                    limit,
                });
            }
            starts.push(start);
            start = self.next(start);
        }
        Ok(starts)
    }
}

fn local_time(at_ms: i64, zone: Tz) -> Option<chrono::NaiveDateTime> {
    let instant = Utc.timestamp_millis_opt(at_ms).single()?;
    Some(instant.with_timezone(&zone).naive_local())
}

fn start_of_day(day: NaiveDate, zone: Tz) -> i64 {
    local_start_ms(day.and_time(NaiveTime::MIN), zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::TimeValue;
    use chrono_tz::{America::New_York, Asia::Kolkata, Asia::Shanghai};

    fn at(text: &str, zone: Tz) -> i64 {
        TimeValue::parse(text).unwrap().start_ms(zone)
    }

    #[test]
    fn weeks_begin_on_monday_and_days_at_local_midnight() {
        let moment = at("2025-11-09T23:59", Shanghai);
        for (unit, start) in [
            (BucketUnit::Hour, "2025-11-09T23:00"),
            (BucketUnit::Day, "2025-11-09"),
            (BucketUnit::Week, "2025-11-03"),
            (BucketUnit::Month, "2025-11"),
        ] {
            assert_eq!(
                Buckets::new(Shanghai, unit).start_of(moment),
                at(start, Shanghai),
                "{unit:?}"
            );
        }
        let half = at("2025-11-09T10:20", Kolkata);
        assert_eq!(
            Buckets::new(Kolkata, BucketUnit::Hour).start_of(half),
            at("2025-11-09T10:00", Kolkata)
        );
    }

    #[test]
    fn buckets_follow_each_other_without_gap_over_a_clock_change() {
        for unit in [BucketUnit::Hour, BucketUnit::Day, BucketUnit::Week, BucketUnit::Month] {
            let mut buckets = Buckets::new(New_York, unit);
            let starts = buckets
                .between(at("2025-01-01", New_York), at("2025-12-31", New_York), 10_000)
                .unwrap();
            for pair in starts.windows(2) {
                assert_eq!(buckets.start_of(pair[0]), pair[0]);
                assert_eq!(buckets.start_of(pair[1] - 1), pair[0], "{unit:?}");
            }
        }
        assert!(
            Buckets::new(Shanghai, BucketUnit::Hour)
                .between(0, i64::from(u32::MAX) * 1_000, 100)
                .is_err()
        );
    }
}
