//! How long to wait after a fault. Pure: the time comes in as an argument.
//!
//! Nothing ever gives up, and nothing waits for longer than its cap, whatever the clock does in between.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The first wait.
const FIRST: Duration = Duration::from_secs(1);
/// No wait of an endpoint or a session is longer.
pub const CAP: Duration = Duration::from_secs(3600);
/// Sessions that were refused for good are tried again this often.
pub const FAILED_AGAIN: Duration = Duration::from_secs(24 * 3600);
/// Refusals of a session by itself after which it counts as failed.
pub const REFUSALS_MAX: u32 = 10;

/// The wait after the `attempts`-th fault in a row (from 1): 1, 2, 4… s, at most [`CAP`].
///
/// `spread`, from 0 to 1, shortens it by up to a fifth, so that many clients do not come back as one. At the cap nothing
/// is shortened: there, once an hour means once an hour.
pub fn backoff(attempts: u32, spread: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(31);
    let wait = FIRST.saturating_mul(1 << doublings);
    if wait >= CAP {
        return CAP;
    }
    wait.mul_f64(1.0 - 0.2 * spread.clamp(0.0, 1.0))
}

/// Whether something that waits until `next` may be tried at `now`. A `next` further ahead than the longest wait that
/// `cap` allows was written under another clock, and delays nothing.
pub fn is_due(next: Option<DateTime<Utc>>, now: DateTime<Utc>, cap: Duration) -> bool {
    let Some(next) = next else { return true };
    let cap = TimeDelta::from_std(cap).unwrap_or(TimeDelta::MAX);
    next <= now || next - now > cap
}

/// `now` plus a wait.
pub fn after(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait)).unwrap_or(now)
}

/// What `Retry-After` asks for, in either form, at most [`CAP`].
pub fn retry_after(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(header.parse().map_or(CAP, Duration::from_secs).min(CAP));
    }
    let date = DateTime::parse_from_rfc2822(header).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or(Duration::ZERO).min(CAP))
}

/// A number from 0 to 1 that differs from process to process and from attempt to attempt.
pub fn spread() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        crate::time::parse(text).unwrap()
    }

    #[test]
    fn waits_double_up_to_an_hour_and_never_switch_off() {
        let waits: Vec<u64> = (1..=14).map(|attempts| backoff(attempts, 0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]);
        assert_eq!(backoff(u32::MAX, 1.0), CAP);
    }

    #[test]
    fn spread_shortens_by_a_fifth_at_most() {
        assert_eq!(backoff(4, 1.0), Duration::from_secs_f64(6.4));
    }

    #[test]
    fn a_clock_set_back_delays_nothing_for_more_than_the_cap() {
        let now = at("2026-01-01T00:00:00Z");
        assert!(is_due(Some(at("2030-01-01T00:00:00Z")), now, CAP));
        assert!(!is_due(Some(at("2026-01-01T00:59:00Z")), now, CAP));
        assert!(is_due(Some(at("2025-12-31T23:59:59Z")), now, CAP));
        assert!(is_due(None, now, CAP));
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_capped() {
        let now = at("2026-10-21T07:28:00Z");
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:29:00 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("Wed, 21 Oct 2020 07:29:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("999999999", now), Some(CAP));
        assert_eq!(retry_after("99999999999999999999999", now), Some(CAP));
        assert_eq!(retry_after("soon", now), None);
    }
}
