//! Event times: every spelling that crawlers and exports write, to ms UTC with precision.
//!
//! Never reads a clock: relative and partial times are resolved against the record's own collect time.

use crate::item::Precision;
use chrono::{DateTime, Datelike, Days, LocalResult, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;

/// 2000-01-01T00:00:00Z: whatever claims to be older is a zero epoch or a typing error.
pub const EARLIEST_MS: i64 = 946_684_800_000;
/// 2100-01-01T00:00:00Z.
pub const LATEST_MS: i64 = 4_102_444_800_000;
pub const DAY_MS: i64 = 86_400_000;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime {
    /// ms UTC, within 2000 to 2100.
    pub ms: i64,
    pub precision: Precision,
    /// Resolved from a relative or partial time.
    pub inferred: bool,
}

impl EventTime {
    fn new(ms: i64, precision: Precision, inferred: bool) -> Option<Self> {
        in_range(ms).then_some(Self {
            ms,
            precision,
            inferred,
        })
    }
}

pub fn in_range(ms: i64) -> bool {
    (EARLIEST_MS..LATEST_MS).contains(&ms)
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by magnitude; small values are
/// spreadsheet day numbers. 0, negative and anything before 2000 is unknown.
pub fn from_number(value: f64, zone: Tz) -> Option<EventTime> {
    if !value.is_finite() || value <= 0.0 {
        return None;
    }
    if (20_000.0..80_000.0).contains(&value) {
        return from_spreadsheet_day(value, zone);
    }
    let ms = match value {
        v if v >= 1e17 => v / 1e6,
        v if v >= 1e14 => v / 1e3,
        v if v >= 1e11 => v,
        v => v * 1e3,
    };
    EventTime::new(ms as i64, Precision::Second, false)
}

/// As [`from_number`], exact for integers.
pub fn from_integer(value: i64, zone: Tz) -> Option<EventTime> {
    let ms = match value {
        20_000..80_000 => return from_spreadsheet_day(value as f64, zone),
        19_900_101..=21_001_231 => return from_compact_digits(&value.to_string(), zone),
        100_000_000_000_000_000.. => value / 1_000_000,
        100_000_000_000_000.. => value / 1_000,
        100_000_000_000.. => value,
        1.. => value * 1_000,
        _ => return None,
    };
    EventTime::new(ms, Precision::Second, false)
}

/// Reads a time as text. `reference_ms` is the collect time, against which relative and partial forms are
/// resolved; texts without an offset are in `zone`.
pub fn from_text(text: &str, reference_ms: i64, zone: Tz) -> Option<EventTime> {
    let text = without_prefix(text.trim());
    if text.is_empty() || text.len() > 64 {
        return None;
    }
    let first = text.as_bytes()[0];
    if first.is_ascii_digit() {
        if let Some(time) = from_digits(text, zone) {
            return time;
        }
        let scan = Scan::of(text);
        return full_date(&scan, zone)
            .or_else(|| relative(text, reference_ms, zone))
            .or_else(|| partial_date(&scan, reference_ms, zone));
    }
    if first.is_ascii_alphabetic() {
        return english_date(text, zone);
    }
    relative(text, reference_ms, zone)
}

/// `发布于 2025-11-03`, `2018-09-20 06:48 更新于2018-09-21`: the first time of the two is the publishing.
fn without_prefix(text: &str) -> &str {
    if text.is_ascii() {
        return text;
    }
    const MARKS: [&str; 6] = ["更新于", "发布于", "编辑于", "发表于", "发布时间", "提交于"];
    let mut text = text;
    for mark in MARKS {
        if let Some((before, after)) = text.split_once(mark) {
            let before = before.trim();
            text = if before.is_empty() {
                after.trim_start_matches([':', '：', ' ']).trim()
            } else {
                before
            };
        }
    }
    text
}

/// Outer `None`: not a bare number. Inner `None`: a number that is no time.
fn from_digits(text: &str, zone: Tz) -> Option<Option<EventTime>> {
    let bytes = text.as_bytes();
    if bytes.iter().all(u8::is_ascii_digit) {
        if matches!(bytes.len(), 8 | 12 | 14)
            && (text.starts_with("19") || text.starts_with("20"))
            && let Some(time) = from_compact_digits(text, zone)
        {
            return Some(Some(time));
        }
        return Some(text.parse::<i64>().ok().and_then(|value| from_integer(value, zone)));
    }
    let numeric = bytes
        .iter()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+'));
    if !numeric || bytes.iter().filter(|b| **b == b'.').count() > 1 {
        return None;
    }
    let value = text.parse::<f64>().ok()?;
    // `2025.11` is a month, not a number
    if (1_990.0..2_100.0).contains(&value) && !text.contains(['e', 'E']) {
        return None;
    }
    Some(from_number(value, zone))
}

/// `20251103`, `202511031230`, `20251103123005`.
fn from_compact_digits(text: &str, zone: Tz) -> Option<EventTime> {
    let part = |from: usize, to: usize| text.get(from..to).and_then(|s| s.parse::<u32>().ok());
    let date = NaiveDate::from_ymd_opt(part(0, 4)? as i32, part(4, 6)?, part(6, 8)?)?;
    let (time, precision) = match text.len() {
        8 => (NaiveTime::MIN, Precision::Day),
        12 => (
            NaiveTime::from_hms_opt(part(8, 10)?, part(10, 12)?, 0)?,
            Precision::Minute,
        ),
        _ => (
            NaiveTime::from_hms_opt(part(8, 10)?, part(10, 12)?, part(12, 14)?)?,
            Precision::Second,
        ),
    };
    EventTime::new(to_ms(date.and_time(time), zone)?, precision, false)
}

/// Days since 1899-12-30, as spreadsheets count.
fn from_spreadsheet_day(value: f64, zone: Tz) -> Option<EventTime> {
    let day = NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(value.trunc() as u64))?;
    let seconds = (value.fract() * 86_400.0).round() as u32;
    let precision = if seconds == 0 {
        Precision::Day
    } else {
        Precision::Minute
    };
    let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds.min(86_399), 0)?;
    EventTime::new(to_ms(day.and_time(time), zone)?, precision, false)
}

fn to_ms(local: NaiveDateTime, zone: Tz) -> Option<i64> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Some(time.timestamp_millis()),
        // the hour that a switch to summer time leaves out
        LocalResult::None => zone
            .from_local_datetime(&local.checked_add_signed(chrono::TimeDelta::hours(1))?)
            .earliest()
            .map(|time| time.timestamp_millis()),
    }
}

fn local(ms: i64, zone: Tz) -> Option<NaiveDateTime> {
    Some(DateTime::from_timestamp_millis(ms)?.with_timezone(&zone).naive_local())
}

/// The numbers of a text and what stands after each of them.
struct Scan<'a> {
    text: &'a str,
    numbers: [(u64, usize); 8],
    /// First character after each number.
    after: [char; 8],
    /// Byte offset behind each number.
    end: [usize; 8],
    count: usize,
}

impl<'a> Scan<'a> {
    fn of(text: &'a str) -> Self {
        let mut scan = Self {
            text,
            numbers: [(0, 0); 8],
            after: ['\0'; 8],
            end: [0; 8],
            count: 0,
        };
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() && scan.count < 8 {
            if !bytes[at].is_ascii_digit() {
                at += 1;
                continue;
            }
            let from = at;
            let mut value = 0u64;
            while at < bytes.len() && bytes[at].is_ascii_digit() {
                value = value.saturating_mul(10).saturating_add(u64::from(bytes[at] - b'0'));
                at += 1;
            }
            scan.numbers[scan.count] = (value, at - from);
            scan.after[scan.count] = text[at..].chars().next().unwrap_or('\0');
            scan.end[scan.count] = at;
            scan.count += 1;
        }
        scan
    }

    fn number(&self, index: usize) -> Option<u32> {
        (index < self.count).then(|| self.numbers[index].0.min(u64::from(u32::MAX)) as u32)
    }

    /// The text between number `index` and the next one.
    fn between(&self, index: usize) -> &'a str {
        let to = if index + 1 < self.count {
            self.end[index + 1] - self.numbers[index + 1].1
        } else {
            self.text.len()
        };
        &self.text[self.end[index]..to]
    }
}

/// `2025-11-03T12:30:00+08:00` and all its relatives.
fn full_date(scan: &Scan<'_>, zone: Tz) -> Option<EventTime> {
    if scan.count == 0 || scan.numbers[0].1 != 4 || !matches!(scan.after[0], '-' | '/' | '.' | '年') {
        return None;
    }
    let year = scan.number(0)? as i32;
    let month = scan.number(1)?;
    if scan.count < 3 || !matches!(scan.after[1], '-' | '/' | '.' | '月') || scan.numbers[2].1 > 2 {
        // year and month only
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        let whole = scan.count == 2 && matches!(scan.after[1], '\0' | '月');
        return if whole {
            EventTime::new(to_ms(first.and_time(NaiveTime::MIN), zone)?, Precision::Month, false)
        } else {
            None
        };
    }
    let date = NaiveDate::from_ymd_opt(year, month, scan.number(2)?)?;
    let (time, precision, last) = clock_time(scan, 3)?;
    if (last < scan.count || has_offset_mark(scan, last))
        && let Some(offset_ms) = offset(scan, last)
    {
        let utc_ms = date.and_time(time).and_utc().timestamp_millis() - offset_ms;
        return EventTime::new(utc_ms, precision, false);
    }
    EventTime::new(to_ms(date.and_time(time), zone)?, precision, false)
}

/// Reads `h:m[:s[.fraction]]` or `h时m分s秒` from number `index` on; returns the index behind it.
fn clock_time(scan: &Scan<'_>, index: usize) -> Option<(NaiveTime, Precision, usize)> {
    if index >= scan.count || scan.numbers[index].1 > 2 || !matches!(scan.after[index], ':' | '：' | '时' | '点') {
        return Some((NaiveTime::MIN, Precision::Day, index));
    }
    let mut hour = scan.number(index)?;
    let before = scan.between(index - 1);
    if (before.contains("下午") || before.contains("晚上")) && hour < 12 {
        hour += 12;
    }
    let is_minute = index + 1 < scan.count && scan.numbers[index + 1].1 <= 2;
    if !is_minute {
        return Some((NaiveTime::from_hms_opt(hour, 0, 0)?, Precision::Hour, index + 1));
    }
    let minute = scan.number(index + 1)?;
    let has_second = matches!(scan.after[index + 1], ':' | '：' | '分')
        && index + 2 < scan.count
        && scan.numbers[index + 2].1 <= 2
        && scan.between(index + 1).chars().count() == 1;
    if !has_second {
        return Some((NaiveTime::from_hms_opt(hour, minute, 0)?, Precision::Minute, index + 2));
    }
    let second = scan.number(index + 2)?.min(59);
    let mut milli = 0;
    let mut last = index + 3;
    if matches!(scan.after[index + 2], '.' | ',') && last < scan.count {
        let (value, digits) = scan.numbers[last];
        let scaled = (0..3).fold((value as f64) / 10f64.powi(digits as i32), |v, _| v * 10.0);
        milli = (scaled as u32).min(999);
        last += 1;
    }
    Some((
        NaiveTime::from_hms_milli_opt(hour, minute, second, milli)?,
        Precision::Second,
        last,
    ))
}

fn has_offset_mark(scan: &Scan<'_>, index: usize) -> bool {
    let rest = tail(scan, index);
    rest.starts_with(['Z', 'z']) || rest.ends_with("UTC") || rest.ends_with("GMT")
}

fn tail<'a>(scan: &Scan<'a>, index: usize) -> &'a str {
    if index == 0 {
        scan.text
    } else {
        scan.between(index - 1).trim()
    }
}

/// `Z`, `+08:00`, `+0800`, `-7`, in ms; number `index` is its hour.
fn offset(scan: &Scan<'_>, index: usize) -> Option<i64> {
    let mark = tail(scan, index);
    if has_offset_mark(scan, index) {
        return Some(0);
    }
    let sign = match mark
        .trim_start_matches("UTC")
        .trim_start_matches("GMT")
        .chars()
        .next()?
    {
        '+' => 1,
        '-' | '−' => -1,
        _ => return None,
    };
    let (value, digits) = scan.numbers[index];
    let (hours, minutes) = match digits {
        4 => (value / 100, value % 100),
        1 | 2 => (
            value,
            if index + 1 < scan.count {
                scan.numbers[index + 1].0
            } else {
                0
            },
        ),
        _ => return None,
    };
    (hours <= 14 && minutes < 60).then_some(sign * (hours as i64 * HOUR_MS + minutes as i64 * MINUTE_MS))
}

/// `刚刚`, `5分钟前`, `半小时前`, `昨天 22:10`, `前天`, `今天 08:00`.
fn relative(text: &str, reference_ms: i64, zone: Tz) -> Option<EventTime> {
    if !in_range(reference_ms) {
        return None;
    }
    if matches!(text, "刚刚" | "刚才" | "现在" | "just now") {
        return EventTime::new(reference_ms, Precision::Minute, true);
    }
    let scan = Scan::of(text);
    if text.ends_with('前') {
        let amount = if scan.count > 0 {
            scan.number(0)?
        } else {
            chinese_amount(text)?
        };
        let amount = i64::from(amount);
        let half = text.starts_with('半');
        if text.contains("秒") {
            return EventTime::new(reference_ms - amount * 1_000, Precision::Second, true);
        }
        if text.contains("分") {
            return EventTime::new(reference_ms - amount * MINUTE_MS, Precision::Minute, true);
        }
        if text.contains("小时") {
            let (back, precision) = if half {
                (30 * MINUTE_MS, Precision::Minute)
            } else {
                (amount * HOUR_MS, Precision::Hour)
            };
            return EventTime::new(reference_ms - back, precision, true);
        }
        let today = local(reference_ms, zone)?.date();
        let (day, precision) = if text.contains("天") || text.contains("日") {
            (today.checked_sub_days(Days::new(amount as u64))?, Precision::Day)
        } else if text.contains("周") || text.contains("星期") {
            (today.checked_sub_days(Days::new(amount as u64 * 7))?, Precision::Day)
        } else if text.contains("月") {
            let months = if half { return None } else { amount as u32 };
            (
                today.checked_sub_months(Months::new(months))?.with_day(1)?,
                Precision::Month,
            )
        } else if text.contains("年") {
            (
                today
                    .checked_sub_months(Months::new((amount as u32).checked_mul(12)?))?
                    .with_day(1)?,
                Precision::Month,
            )
        } else {
            return None;
        };
        return EventTime::new(to_ms(day.and_time(NaiveTime::MIN), zone)?, precision, true);
    }
    let days_back = match text.chars().next()? {
        '今' => 0,
        '昨' => 1,
        '前' => 2,
        _ => return None,
    };
    let day = local(reference_ms, zone)?
        .date()
        .checked_sub_days(Days::new(days_back))?;
    let (time, precision) = if scan.count == 0 {
        (NaiveTime::MIN, Precision::Day)
    } else {
        named_day_time(&scan, text)?
    };
    EventTime::new(to_ms(day.and_time(time), zone)?, precision, true)
}

fn named_day_time(scan: &Scan<'_>, text: &str) -> Option<(NaiveTime, Precision)> {
    let mut hour = scan.number(0)?;
    if (text.contains("下午") || text.contains("晚上")) && hour < 12 {
        hour += 12;
    }
    Some(match (scan.number(1), scan.number(2)) {
        (Some(minute), Some(second)) => (NaiveTime::from_hms_opt(hour, minute, second)?, Precision::Second),
        (Some(minute), None) => (NaiveTime::from_hms_opt(hour, minute, 0)?, Precision::Minute),
        _ => (NaiveTime::from_hms_opt(hour, 0, 0)?, Precision::Hour),
    })
}

fn chinese_amount(text: &str) -> Option<u32> {
    Some(match text.chars().next()? {
        '半' | '一' => 1,
        '两' | '二' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        '十' => 10,
        _ => return None,
    })
}

/// `11-05`, `11-5 22:10`, `3月1日`: the last such day not later than the reference.
fn partial_date(scan: &Scan<'_>, reference_ms: i64, zone: Tz) -> Option<EventTime> {
    if !in_range(reference_ms) || scan.count < 2 || scan.numbers[0].1 > 2 || scan.numbers[1].1 > 2 {
        return None;
    }
    if !matches!(scan.after[0], '-' | '/' | '月' | '.') || !matches!(scan.after[1], '\0' | ' ' | '日' | 'T' | '号') {
        return None;
    }
    let (month, day) = (scan.number(0)?, scan.number(1)?);
    let (time, precision, _) = clock_time(scan, 2)?;
    let reference = local(reference_ms, zone)?;
    // 29 February may lie several years back
    (0..=8).find_map(|back| {
        let date = NaiveDate::from_ymd_opt(reference.year() - back, month, day)?;
        let moment = date.and_time(time);
        let not_later = if precision == Precision::Day {
            date <= reference.date()
        } else {
            moment <= reference
        };
        if !not_later {
            return None;
        }
        EventTime::new(to_ms(moment, zone)?, precision, true)
    })
}

/// `Mon Nov 03 12:41:00 +0800 2025` and RFC 2822.
fn english_date(text: &str, zone: Tz) -> Option<EventTime> {
    if let Ok(time) = DateTime::parse_from_str(text, "%a %b %d %H:%M:%S %z %Y") {
        return EventTime::new(time.timestamp_millis(), Precision::Second, false);
    }
    if let Ok(time) = DateTime::parse_from_rfc2822(text) {
        return EventTime::new(time.timestamp_millis(), Precision::Second, false);
    }
    let naive = NaiveDateTime::parse_from_str(text, "%a %b %d %H:%M:%S %Y").ok()?;
    EventTime::new(to_ms(naive, zone)?, Precision::Second, false)
}

#[cfg(test)]
mod tests;
