//! When people speak: the hours of a day, the days of a week, and the three things that happen in this story.
//!
//! All times are ms UTC. The customers live in China, which has one zone without summer time (UTC+8).

pub const HOUR_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 24 * HOUR_MS;
pub const WEEK_MS: i64 = 7 * DAY_MS;
const CHINA_OFFSET_MS: i64 = 8 * HOUR_MS;
/// 1970-01-01 was a Thursday; Monday is 0.
const EPOCH_WEEKDAY: i64 = 3;

/// Share of a day's posts in each local hour, in per mille: a lunch hump and a long evening.
const HOURS: [u16; 24] = [
    24, 12, 7, 5, 4, 6, 13, 26, 41, 50, 54, 52, 57, 51, 46, 46, 48, 50, 55, 66, 80, 87, 75, 45,
];
/// Complaints are written in office hours.
const OFFICE_HOURS: [u16; 24] = [
    14, 7, 4, 3, 3, 5, 10, 25, 58, 80, 85, 72, 52, 60, 76, 78, 72, 60, 44, 42, 46, 44, 36, 24,
];
/// Monday to Sunday, relative to the average day, in per cent.
const WEEKDAYS: [u16; 7] = [90, 88, 90, 93, 100, 120, 119];
const OFFICE_WEEKDAYS: [u16; 7] = [118, 112, 110, 108, 104, 75, 73];

/// Whose rhythm a source follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rhythm {
    Leisure,
    Office,
}

impl Rhythm {
    /// Share of a week's volume that falls into the hour which starts at `hour_start_ms`.
    pub fn share_of_week(self, hour_start_ms: i64) -> f64 {
        let (hours, weekdays) = match self {
            Self::Leisure => (HOURS, WEEKDAYS),
            Self::Office => (OFFICE_HOURS, OFFICE_WEEKDAYS),
        };
        let per_day: u32 = hours.iter().copied().map(u32::from).sum();
        let per_week: u32 = weekdays.iter().copied().map(u32::from).sum();
        let hour = f64::from(hours[hour_of_day(hour_start_ms)]) / f64::from(per_day);
        hour * f64::from(weekdays[weekday(hour_start_ms)]) / f64::from(per_week)
    }
}

pub fn hour_of_day(at_ms: i64) -> usize {
    ((at_ms + CHINA_OFFSET_MS).rem_euclid(DAY_MS) / HOUR_MS) as usize
}

/// Monday is 0.
pub fn weekday(at_ms: i64) -> usize {
    ((at_ms + CHINA_OFFSET_MS).div_euclid(DAY_MS) + EPOCH_WEEKDAY).rem_euclid(7) as usize
}

/// `2026-10-13 14:05:09` in China.
pub fn local_text(at_ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(at_ms + CHINA_OFFSET_MS)
        .map_or_else(String::new, |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// What happens when, counted back from the end of the story.
#[derive(Debug, Clone, Copy)]
pub struct Events {
    /// The first release: harmless.
    pub release_one_ms: i64,
    /// The second release: breaks the login.
    pub release_two_ms: i64,
    pub holiday: Span,
    pub joke: Span,
    /// The crawler gets a new keyword and keeps it.
    pub keyword: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from_ms: i64,
    pub to_ms: i64,
}

impl Span {
    pub fn contains(self, at_ms: i64) -> bool {
        (self.from_ms..self.to_ms).contains(&at_ms)
    }
}

impl Events {
    pub fn before(end_ms: i64) -> Self {
        let span = |from_days: i64, to_days: i64| Span {
            from_ms: end_ms - from_days * DAY_MS,
            to_ms: end_ms - to_days * DAY_MS,
        };
        Self {
            release_one_ms: end_ms - 27 * DAY_MS + 10 * HOUR_MS,
            release_two_ms: end_ms - 6 * DAY_MS + 10 * HOUR_MS,
            holiday: span(18, 11),
            joke: span(10, 8),
            keyword: span(5, 0),
        }
    }

    /// The app version that customers have at `at_ms`.
    pub fn version_at(&self, at_ms: i64) -> &'static str {
        if at_ms >= self.release_two_ms {
            "5.2.0"
        } else if at_ms >= self.release_one_ms {
            "5.1.0"
        } else {
            "5.0.3"
        }
    }

    /// How many times the usual number of login complaints: the update reaches phones over days, and stays broken.
    pub fn login_factor(&self, at_ms: i64) -> f64 {
        const BY_DAY: [f64; 6] = [8.0, 12.0, 13.0, 12.0, 11.0, 10.0];
        let since = at_ms - self.release_two_ms;
        if since < 3 * HOUR_MS {
            return 1.0;
        }
        BY_DAY[((since / DAY_MS) as usize).min(BY_DAY.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday 2026-10-19 00:00 in China.
    const MONDAY: i64 = 1_792_339_200_000;

    #[test]
    fn local_time_is_that_of_china() {
        assert_eq!(local_text(MONDAY), "2026-10-19 00:00:00");
        assert_eq!((weekday(MONDAY), hour_of_day(MONDAY)), (0, 0));
        assert_eq!((weekday(MONDAY - 1), hour_of_day(MONDAY - 1)), (6, 23));
    }

    #[test]
    fn the_shares_of_a_week_sum_to_one() {
        for rhythm in [Rhythm::Leisure, Rhythm::Office] {
            let sum: f64 = (0..168).map(|hour| rhythm.share_of_week(MONDAY + hour * HOUR_MS)).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        }
    }

    #[test]
    fn evenings_and_weekends_are_busier() {
        let share = |hour: i64| Rhythm::Leisure.share_of_week(MONDAY + hour * HOUR_MS);
        assert!(share(21) > 10.0 * share(4));
        assert!(share(5 * 24 + 21) > 1.2 * share(24 + 21));
    }
}
