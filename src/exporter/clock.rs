//! The time, as one object that is handed around: policies take a time, they never read a clock.

use std::cell::Cell;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};

use super::environment::Environment;
use crate::exporter::error::Error;

/// The machine's clock; or, in tests, one that starts at a given time and that waiting moves forward at once.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    simulated: Option<Simulated>,
}

#[derive(Debug)]
struct Simulated {
    start: DateTime<Utc>,
    waited: Cell<Duration>,
}

impl Clock {
    pub fn new(environment: &Environment) -> Result<Clock, Error> {
        let simulated = match &environment.test_now {
            None => None,
            Some(text) => Some(Simulated {
                start: parse(text)
                    .ok_or_else(|| Error::configuration(format!("HAN_SYNC_TEST_NOW: {text:?} is no time")))?,
                waited: Cell::default(),
            }),
        };
        Ok(Clock { started: Instant::now(), simulated })
    }

    /// The time in whole milliseconds, as it is written: a time that was saved and read again is the same.
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &self.simulated {
            None => Utc::now(),
            Some(simulated) => {
                let passed = TimeDelta::from_std(self.elapsed()).unwrap_or_default();
                simulated.start.checked_add_signed(passed).unwrap_or(simulated.start)
            }
        };
        now.trunc_subsecs(3)
    }

    /// Time since the program started, unmoved by changes of the machine's clock.
    pub fn elapsed(&self) -> Duration {
        let waited = self.simulated.as_ref().map_or(Duration::ZERO, |simulated| simulated.waited.get());
        self.started.elapsed() + waited
    }

    /// Whether the time is simulated; then [`Clock::skip`] stands for waiting.
    pub fn is_simulated(&self) -> bool {
        self.simulated.is_some()
    }

    /// Moves simulated time forward.
    pub fn skip(&self, duration: Duration) {
        if let Some(simulated) = &self.simulated {
            simulated.waited.set(simulated.waited.get() + duration);
        }
    }
}

/// Reads a time as han, receivers and people write it: RFC 3339 in any precision, or SQLite's `YYYY-MM-DD HH:MM:SS`.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let text = text.strip_suffix('Z').unwrap_or(text);
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"]
        .iter()
        .find_map(|format| chrono::NaiveDateTime::parse_from_str(text, format).ok())
        .map(|time| time.and_utc())
}

/// A time as this program writes it: RFC 3339, UTC, milliseconds.
pub fn format(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A time with all its digits. Milliseconds are always written: what the clock says is as long now as it was a moment
/// ago, so that batches are cut at the same places.
pub fn exact(time: DateTime<Utc>) -> String {
    let has_more = !time.timestamp_subsec_nanos().is_multiple_of(1_000_000);
    time.to_rfc3339_opts(if has_more { SecondsFormat::AutoSi } else { SecondsFormat::Millis }, true)
}

/// Serde for an optional time that reads leniently: what cannot be read is as good as absent.
pub mod optional {
    use super::*;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_str(&format(*time)),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.as_deref().and_then(parse))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_precision() {
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.000Z",
            "2026-01-02T03:04:05.000000+00:00",
            "2026-01-02T04:04:05+01:00",
            "2026-01-02 03:04:05",
            "2026-01-02T03:04:05",
        ] {
            assert_eq!(parse(text).map(format).as_deref(), Some("2026-01-02T03:04:05.000Z"), "{text}");
        }
        assert_eq!(parse("yesterday"), None);
    }
}
