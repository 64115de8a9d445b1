//! Exponential backoff after a fault. Pure: the time comes in as an argument.
//!
//! No retry is ever given up, and no wait is longer than its cap, whatever the machine's clock does in between.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The wait after the first fault.
const FIRST: Duration = Duration::from_secs(1);
/// The cap of every wait of an endpoint or a session.
pub const CAP: Duration = Duration::from_secs(3600);
/// The interval between retries of a session that was rejected for good.
pub const FAILED_RETRY_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// The number of rejections of a single session after which the session counts as failed.
pub const REJECTIONS_MAX: u32 = 10;
/// The share of a wait that jitter takes off at most.
const JITTER_SHARE: f64 = 0.2;

/// The wait after the `attempts`-th fault in a row (from 1): 1, 2, 4… s, at most [`CAP`].
///
/// `jitter`, from 0 to 1, shortens the wait by up to `JITTER_SHARE`, so that clients spread their retries. A wait at
/// the cap has no jitter, so that an outage costs the receiver exactly one request per client and hour.
pub fn backoff(attempts: u32, jitter: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(31);
    let wait = FIRST.saturating_mul(1 << doublings);
    if wait >= CAP {
        return CAP;
    }
    wait.mul_f64(1.0 - JITTER_SHARE * jitter.clamp(0.0, 1.0))
}

/// Reports whether a retry that waits until `next` is due at `now`. A `next` that is further ahead than `cap` was
/// written under another clock setting and delays nothing.
pub fn is_due(next: Option<DateTime<Utc>>, now: DateTime<Utc>, cap: Duration) -> bool {
    let Some(next) = next else { return true };
    let cap = TimeDelta::from_std(cap).unwrap_or(TimeDelta::MAX);
    next <= now || next - now > cap
}

/// The time at the end of a wait that begins `now`.
pub fn after(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait)).unwrap_or(now)
}

/// Parses a `Retry-After` header, in seconds or as an HTTP date, into a wait of at most [`CAP`].
pub fn retry_after(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(header.parse().map_or(CAP, Duration::from_secs).min(CAP));
    }
    let date = DateTime::parse_from_rfc2822(header).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or(Duration::ZERO).min(CAP))
}

/// A random number from 0 to 1.
pub fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        crate::time::parse(text).unwrap()
    }

    #[test]
    fn waits_double_up_to_an_hour_and_never_end() {
        let waits: Vec<u64> = (1..=14).map(|attempts| backoff(attempts, 0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]);
        assert_eq!(backoff(u32::MAX, 1.0), CAP);
    }

    #[test]
    fn jitter_shortens_a_wait_by_a_fifth_at_most() {
        assert_eq!(backoff(4, 1.0), Duration::from_secs_f64(6.4));
    }

    #[test]
    fn clock_set_back_delays_nothing_for_more_than_the_cap() {
        let now = at("2026-01-01T00:00:00Z");
        assert!(is_due(Some(at("2030-01-01T00:00:00Z")), now, CAP));
        assert!(!is_due(Some(at("2026-01-01T00:59:00Z")), now, CAP));
        assert!(is_due(Some(at("2025-12-31T23:59:59Z")), now, CAP));
        assert!(is_due(None, now, CAP));
    }

    #[test]
    fn retry_after_is_parsed_in_both_forms_and_capped() {
        let now = at("2026-10-21T07:28:00Z");
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:29:00 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("Wed, 21 Oct 2020 07:29:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("999999999", now), Some(CAP));
        assert_eq!(retry_after("99999999999999999999999", now), Some(CAP));
        assert_eq!(retry_after("soon", now), None);
    }
}
