//! Timestamps as text: the one RFC 3339 parser and formatter of both programs. Reads no clock.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};

/// Forms without an offset, as SQLite and some tools write them; both are UTC.
const FORMS_WITHOUT_OFFSET: [&str; 2] = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];

/// Parses RFC 3339 in any precision, or SQLite's `YYYY-MM-DD HH:MM:SS[.fff]`.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let text = text.strip_suffix('Z').unwrap_or(text);
    FORMS_WITHOUT_OFFSET
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|time| time.and_utc())
}

/// Formats as RFC 3339 in UTC with milliseconds.
pub fn format(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Formats as RFC 3339 in UTC without losing precision: milliseconds, or more digits where the time has them.
/// The length of a time with whole milliseconds is constant, so that the size of a batch does not depend on the clock.
pub fn format_exact(time: DateTime<Utc>) -> String {
    let has_more = !time.timestamp_subsec_nanos().is_multiple_of(1_000_000);
    time.to_rfc3339_opts(if has_more { SecondsFormat::AutoSi } else { SecondsFormat::Millis }, true)
}

/// Serde for an optional timestamp; an unreadable one deserializes as absent.
pub mod optional {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    /// Serializes as RFC 3339 with milliseconds, or null.
    pub fn serialize<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_str(&super::format(*time)),
            None => serializer.serialize_none(),
        }
    }

    /// Deserializes leniently, so that one unreadable timestamp does not cost the whole file.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.as_deref().and_then(super::parse))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_precision_and_offset_is_the_same_instant() {
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.000Z",
            "2026-01-02T03:04:05.000000000Z",
            "2026-01-02T03:04:05.000000+00:00",
            "2026-01-02T04:04:05+01:00",
            "2026-01-02 03:04:05",
            "2026-01-02 03:04:05.000",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05.0",
        ] {
            assert_eq!(parse(text).map(format).as_deref(), Some("2026-01-02T03:04:05.000Z"), "{text}");
        }
        for text in ["", "yesterday", "2025-13-01T00:00:00Z", "1740830400"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn exact_format_keeps_microseconds() {
        let exact = |text| parse(text).map(format_exact).unwrap();
        assert_eq!(exact("2026-01-02T03:04:05.123456Z"), "2026-01-02T03:04:05.123456Z");
        assert_eq!(exact("2026-01-02T03:04:05Z"), "2026-01-02T03:04:05.000Z");
    }
}
