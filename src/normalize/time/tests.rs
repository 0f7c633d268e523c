use super::*;
use Precision::{Day, Hour, Minute, Month, Second};
use chrono_tz::Asia::Shanghai;

/// 2025-11-06T01:12:04Z, 09:12 in Shanghai.
const REFERENCE_MS: i64 = 1_762_391_524_000;

fn read(text: &str) -> Option<(String, Precision, bool)> {
    let time = from_text(text, REFERENCE_MS, Shanghai)?;
    let utc = DateTime::from_timestamp_millis(time.ms).unwrap();
    Some((
        utc.format("%Y-%m-%dT%H:%M:%S").to_string(),
        time.precision,
        time.inferred,
    ))
}

fn expect(text: &str, utc: &str, precision: Precision, inferred: bool) {
    assert_eq!(read(text), Some((utc.to_owned(), precision, inferred)), "{text}");
}

#[test]
fn reads_every_absolute_spelling() {
    expect("2025-11-03T12:30:00", "2025-11-03T04:30:00", Second, false);
    expect("2025-11-03 12:30:00+08:00", "2025-11-03T04:30:00", Second, false);
    expect("2025-11-03T12:30:00Z", "2025-11-03T12:30:00", Second, false);
    expect("2016-02-17T11:40:31.524Z", "2016-02-17T11:40:31", Second, false);
    expect("2025-11-02T21:12:33-07:00", "2025-11-03T04:12:33", Second, false);
    expect("2025-11-03 12:30:00 +0800", "2025-11-03T04:30:00", Second, false);
    expect("2025/11/3 9:05", "2025-11-03T01:05:00", Minute, false);
    expect("2019/2/28  11:25:05", "2019-02-28T03:25:05", Second, false);
    expect("2025年11月3日", "2025-11-02T16:00:00", Day, false);
    expect("2025年11月03日 12:30", "2025-11-03T04:30:00", Minute, false);
    expect("2025年11月3日 12时30分", "2025-11-03T04:30:00", Minute, false);
    expect("2025.11.02", "2025-11-01T16:00:00", Day, false);
    expect("20251103", "2025-11-02T16:00:00", Day, false);
    expect("20251103123005", "2025-11-03T04:30:05", Second, false);
    expect("Mon Nov 03 12:41:00 +0800 2025", "2025-11-03T04:41:00", Second, false);
    expect("2025-11", "2025-10-31T16:00:00", Month, false);
    expect("2025年11月", "2025-10-31T16:00:00", Month, false);
    expect(
        "2018-09-20 06:48 更新于2018-09-21 10:00",
        "2018-09-19T22:48:00",
        Minute,
        false,
    );
    expect("发布于 2025-11-03", "2025-11-02T16:00:00", Day, false);
}

#[test]
fn tells_units_of_an_epoch_apart_by_magnitude() {
    for text in ["1762144200", "1762144200000", "1762144200000000", "1.7621442E+09"] {
        expect(text, "2025-11-03T04:30:00", Second, false);
    }
    expect("45961.5", "2025-10-31T04:00:00", Minute, false);
    assert_eq!(
        from_integer(1_762_144_200, Shanghai),
        from_integer(1_762_144_200_000, Shanghai)
    );
}

#[test]
fn resolves_relative_times_against_the_collect_time() {
    expect("刚刚", "2025-11-06T01:12:04", Minute, true);
    expect("5分钟前", "2025-11-06T01:07:04", Minute, true);
    expect("半小时前", "2025-11-06T00:42:04", Minute, true);
    expect("3小时前", "2025-11-05T22:12:04", Hour, true);
    expect("昨天 22:10", "2025-11-05T14:10:00", Minute, true);
    expect("昨天", "2025-11-04T16:00:00", Day, true);
    expect("前天", "2025-11-03T16:00:00", Day, true);
    expect("今天 08:00", "2025-11-06T00:00:00", Minute, true);
    expect("2天前", "2025-11-03T16:00:00", Day, true);
    expect("11-05", "2025-11-04T16:00:00", Day, true);
    expect("11-5 22:10", "2025-11-05T14:10:00", Minute, true);
    expect("3月1日", "2025-02-28T16:00:00", Day, true);
}

#[test]
fn a_month_day_later_than_the_reference_is_of_the_year_before() {
    expect("11-29", "2024-11-28T16:00:00", Day, true);
    expect("11月6日 23:00", "2024-11-06T15:00:00", Minute, true);
    expect("2月29日", "2024-02-28T16:00:00", Day, true);
}

#[test]
fn what_is_no_time_is_unknown_not_1970() {
    for text in [
        "",
        "0",
        "-1",
        "1970-01-01 08:00:00",
        "0001-00-00",
        "无",
        "None",
        "2025-13-40",
        "abc",
        "999",
        "３小时前后",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    assert_eq!(from_integer(0, Shanghai), None);
    assert_eq!(from_number(f64::NAN, Shanghai), None);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_fail(text in "\\PC{0,40}", reference in proptest::num::i64::ANY) {
        let _ = from_text(&text, reference, Shanghai);
    }

    #[test]
    fn no_digits_make_the_reader_fail(text in "[0-9年月日前昨今天 :./+TZ-]{0,30}") {
        let _ = from_text(&text, REFERENCE_MS, Shanghai);
    }
}
