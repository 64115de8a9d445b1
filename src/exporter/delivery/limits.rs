//! The limits of a batch: the configured ones, those of the receiver's identity, and the learned one.
//!
//! The learned limit is multiplicative: a batch that was too large or too slow halves it, a fast batch doubles it.
//! Because transports improve, a learned limit expires after a day.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::exporter::backoff;
use crate::exporter::batch::BatchLimits;
use crate::exporter::config::Config;
use crate::exporter::state::{Destination, LearnedLimit};
use crate::protocol::Limits;

/// The size of a payload without its sessions: envelope, cursor, checksum.
const ENVELOPE_BYTES: usize = 1024;
/// The lifetime of a learned limit.
const LEARNED_LIMIT_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The limits of the next batch to a destination.
pub fn batch_limits(config: &Config, destination: &Destination, now: DateTime<Utc>) -> BatchLimits {
    let receiver = receiver_limits(destination);
    let bytes_max = receiver.max_inflated_bytes.map_or(usize::MAX, |bytes| bytes as usize);
    let bytes_max = bytes_max.saturating_sub(ENVELOPE_BYTES).max(1);
    let messages_max = receiver.max_messages.map_or(usize::MAX, |messages| messages as usize);
    let learned_max = learned_bytes(destination, now).unwrap_or(usize::MAX);
    BatchLimits {
        sessions: usize::MAX,
        messages: config.batch_messages.min(messages_max),
        tasks: usize::MAX,
        bytes: config.batch_bytes.min(bytes_max).min(learned_max).max(1),
        bytes_max,
    }
}

/// The compressed size up to which the receiver accepts a body.
pub fn body_bytes_max(destination: &Destination) -> Option<u64> {
    receiver_limits(destination).max_body_bytes
}

/// Learns that `bytes` were too many for the receiver, or, if `is_slow`, for the transport: halves the next batches.
pub fn lower(destination: &mut Destination, bytes: usize, is_slow: bool, now: DateTime<Utc>) {
    let bytes = (bytes / 2).max(ENVELOPE_BYTES);
    destination.learned_limit =
        Some(LearnedLimit { bytes, is_slow, is_cut: false, is_raised: false, learned_at: Some(now) });
}

/// Learns that a connection was cut at `bytes`. A gateway that cuts large bodies looks like an endpoint that is down,
/// so that the limit is raised again; if that is cut too, the limit is the gateway's and stays.
pub fn lower_after_cut(destination: &mut Destination, bytes: usize, now: DateTime<Utc>) {
    let is_confirmed = destination.learned_limit.is_some_and(|learned| learned.is_raised);
    lower(destination, bytes, !is_confirmed, now);
    if let Some(learned) = &mut destination.learned_limit {
        learned.is_cut = true;
    }
}

/// Learns that a batch of `bytes` was fast: doubles a limit that a slow transport taught, up to the configured
/// `bytes_max`. A limit that a cut taught grows to twice of what has passed, so that the next cut shows the gateway's.
pub fn raise(destination: &mut Destination, bytes: usize, bytes_max: usize) {
    let limit = &mut destination.learned_limit;
    if let Some(learned) = limit.as_mut().filter(|learned| learned.is_slow) {
        let before = learned.bytes;
        learned.bytes = if learned.is_cut { before.max(bytes * 2) } else { before.saturating_mul(2) };
        learned.is_raised |= learned.bytes > before;
        if learned.bytes >= bytes_max {
            *limit = None;
        }
    }
}

/// The learned limit, until it expires.
pub fn learned_bytes(destination: &Destination, now: DateTime<Utc>) -> Option<usize> {
    let learned = destination.learned_limit?;
    let expires_at = learned.learned_at.map(|at| backoff::after(at, LEARNED_LIMIT_LIFETIME));
    (!backoff::is_due(expires_at, now, LEARNED_LIMIT_LIFETIME)).then_some(learned.bytes)
}

fn receiver_limits(destination: &Destination) -> Limits {
    let identity = destination.identity.as_ref().and_then(|learned| learned.identity.as_ref());
    identity.map(|identity| identity.limits.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        crate::time::parse(text).unwrap()
    }

    #[test]
    fn learned_limit_of_a_slow_transport_halves_doubles_and_ends_at_the_configured_size() {
        let mut destination = Destination::default();
        lower(&mut destination, 8_000, true, at("2026-01-01T00:00:00Z"));
        assert_eq!(destination.learned_limit.map(|limit| limit.bytes), Some(4_000));
        raise(&mut destination, 4_000, 10_000);
        assert_eq!(destination.learned_limit.map(|limit| limit.bytes), Some(8_000));
        raise(&mut destination, 4_000, 10_000);
        assert_eq!(destination.learned_limit, None);
    }

    #[test]
    fn learned_limit_of_a_receiver_is_not_raised() {
        let mut destination = Destination::default();
        lower(&mut destination, 8_000, false, at("2026-01-01T00:00:00Z"));
        raise(&mut destination, 4_000, 10_000);
        assert_eq!(destination.learned_limit.map(|limit| limit.bytes), Some(4_000));
    }

    #[test]
    fn limit_of_a_gateway_stays_once_a_raised_one_was_cut_again() {
        let mut destination = Destination::default();
        let now = at("2026-01-01T00:00:00Z");
        lower_after_cut(&mut destination, 8_000, now);
        lower_after_cut(&mut destination, 4_000, now);
        raise(&mut destination, 2_000, 10_000);
        assert_eq!(
            destination.learned_limit.map(|limit| limit.bytes),
            Some(4_000),
            "an outage leaves no limit"
        );
        lower_after_cut(&mut destination, 4_000, now);
        raise(&mut destination, 2_000, 10_000);
        assert_eq!(destination.learned_limit.map(|limit| limit.bytes), Some(2_000));
    }

    #[test]
    fn learned_limit_expires_after_a_day() {
        let mut destination = Destination::default();
        lower(&mut destination, 8_000, true, at("2026-01-01T00:00:00Z"));
        assert_eq!(learned_bytes(&destination, at("2026-01-01T23:59:59Z")), Some(4_000));
        assert_eq!(learned_bytes(&destination, at("2026-01-02T00:00:00Z")), None);
    }
}
