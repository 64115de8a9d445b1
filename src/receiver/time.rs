//! Times of the receiver: integers of microseconds since 1970 in UTC, as both databases store them, and RFC 3339 on the wire.
//!
//! The receiver reads the clock here and nowhere else.

use crate::time;
use chrono::{DateTime, NaiveDate};

/// Microseconds of a second.
pub const SECOND_US: i64 = 1_000_000;
/// Microseconds of a day.
pub const DAY_US: i64 = 86_400 * SECOND_US;

/// Bytes of a time as text, which is stored as sent. RFC 3339 with nanoseconds and an offset takes 35.
const TEXT_BYTES_MAX: usize = 64;

/// Current time in microseconds.
pub fn now_us() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// Parses a bounded text by `crate::time::parse`.
pub fn parse(text: &str) -> Option<i64> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    time::parse(text.trim()).map(|time| time.timestamp_micros())
}

/// As [`parse`]; `None` also for a time after `latest`.
pub fn parse_past(text: &str, latest: i64) -> Option<i64> {
    parse(text).filter(|time| *time <= latest)
}

/// Formats as RFC 3339 with milliseconds.
pub fn rfc3339(us: i64) -> String {
    DateTime::from_timestamp_micros(us).map(time::format).unwrap_or_default()
}

/// UTC day of a time, in days since 1970.
pub fn day(us: i64) -> i64 {
    us.div_euclid(DAY_US)
}

/// Formats a day as `YYYY-MM-DD`.
pub fn date(day: i64) -> String {
    DateTime::from_timestamp(day.saturating_mul(86_400), 0)
        .map(|time| time.date_naive().to_string())
        .unwrap_or_default()
}

/// Parses `YYYY-MM-DD`.
pub fn parse_date(text: &str) -> Option<i64> {
    let date = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()?;
    Some(day(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros()))
}

/// Parses a duration of the command line, such as `90d`, `12h`, `30m`, `45s`, into microseconds.
pub fn parse_duration(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at(text.len().checked_sub(1)?);
    let number: i64 = number.parse().ok().filter(|number| *number >= 0)?;
    let unit = match unit {
        "d" => DAY_US,
        "h" => 3_600 * SECOND_US,
        "m" => 60 * SECOND_US,
        "s" => SECOND_US,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_precision_is_the_same_instant() {
        let instant = parse("2025-03-01T12:00:00Z");
        assert!(instant.is_some());
        for text in [
            "2025-03-01T12:00:00.000Z",
            "2025-03-01T12:00:00.000000000Z",
            "2025-03-01T13:00:00+01:00",
            "2025-03-01 12:00:00",
            "2025-03-01 12:00:00.000",
            "2025-03-01T12:00:00.0",
        ] {
            assert_eq!(parse(text), instant, "{text}");
        }
        let long = format!("2025-03-01T12:00:00.{}Z", "0".repeat(1_000));
        for text in [long.as_str(), "", "yesterday", "2025-13-01T00:00:00Z", "1740830400"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_utc_days_before_1970_too() {
        assert_eq!(date(day(-1)), "1969-12-31");
        assert_eq!(parse_date("1970-01-02"), Some(1));
        assert_eq!(date(parse_date("2025-02-28").unwrap_or_default() + 1), "2025-03-01");
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("90d"), Some(90 * DAY_US));
        assert_eq!(parse_duration("0s"), Some(0));
        for text in ["", "d", "90", "-1d", "1w", "9223372036854775807d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
