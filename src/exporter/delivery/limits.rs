//! The limits of a batch: the configured ones, those of the receiver's identity, and the learned one.
//!
//! The learned limit is multiplicative: a batch that was too large or too slow halves it, a fast batch of about its size
//! doubles it. Because connections improve, a learned limit expires after a day.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::exporter::backoff;
use crate::exporter::batch::BatchLimits;
use crate::exporter::config::Config;
use crate::exporter::state::{Destination, LearnedLimit};
use crate::protocol::{ContentEncoding, Limits};

/// The size of a payload without its sessions: envelope, cursor, checksum.
const ENVELOPE_BYTES: usize = 1024;
/// The lifetime of a learned limit, and of a refusal of zstd.
const LEARNED_LIMIT_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The limits of the next batch to a destination.
pub fn batch_limits(config: &Config, destination: &Destination, now: DateTime<Utc>) -> BatchLimits {
    let receiver = receiver_limits(destination);
    let inflated_bytes_max = receiver.max_inflated_bytes.map_or(usize::MAX, |bytes| bytes as usize);
    let inflated_bytes_max = inflated_bytes_max.saturating_sub(ENVELOPE_BYTES).max(1);
    let messages_max = receiver.max_messages.map_or(usize::MAX, |messages| messages as usize);
    let learned_max = learned_bytes(destination, now).unwrap_or(usize::MAX);
    BatchLimits {
        sessions: usize::MAX,
        messages: config.batch_messages.min(messages_max),
        tasks: usize::MAX,
        bytes: config.batch_bytes.min(inflated_bytes_max).min(learned_max).max(1),
        bytes_max: inflated_bytes_max,
    }
}

/// The compressed size up to which the receiver accepts a body.
pub fn compressed_bytes_max(destination: &Destination) -> Option<u64> {
    receiver_limits(destination).max_body_bytes
}

/// The encoding of the next batch: zstd where the receiver announces it and has not refused it of late, else gzip.
pub fn encoding(destination: &Destination, now: DateTime<Utc>) -> ContentEncoding {
    let identity = destination.identity.as_ref().and_then(|learned| learned.identity.as_ref());
    let is_announced = identity
        .is_some_and(|identity| identity.encodings.iter().any(|name| name == ContentEncoding::Zstd.name()));
    let forgotten_at = destination.zstd_refused_at.map(|at| backoff::after(at, LEARNED_LIMIT_LIFETIME));
    let is_refused = !backoff::is_due(forgotten_at, now, LEARNED_LIMIT_LIFETIME);
    if is_announced && !is_refused { ContentEncoding::Zstd } else { ContentEncoding::Gzip }
}

/// Learns that the receiver, or something on the way, does not take zstd.
pub fn refuse_zstd(destination: &mut Destination, now: DateTime<Utc>) {
    destination.zstd_refused_at = Some(now);
}

/// Learns that `bytes` were too many for the receiver, or, if `is_slow`, for the connection: halves the next batches. The
/// new limit is at most half of the one in force, which a single message may exceed.
pub fn lower(destination: &mut Destination, bytes: usize, is_slow: bool, now: DateTime<Utc>) {
    let in_force = learned_bytes(destination, now).unwrap_or(usize::MAX);
    let bytes = (bytes.min(in_force) / 2).max(1);
    destination.learned_limit = Some(LearnedLimit { bytes, is_slow, learned_at: Some(now) });
}

/// Marks the learned limit as imposed by a gateway, so that fast batches do not raise it.
pub fn mark_as_gateway_limit(destination: &mut Destination) {
    if let Some(learned) = &mut destination.learned_limit {
        learned.is_slow = false;
    }
}

/// Learns that a batch of about the limit was fast: doubles a limit that a slow connection taught, up to the configured
/// size.
pub fn raise(destination: &mut Destination, configured_bytes_max: usize) {
    let limit = &mut destination.learned_limit;
    if let Some(learned) = limit.as_mut().filter(|learned| learned.is_slow) {
        learned.bytes = learned.bytes.saturating_mul(2);
        if learned.bytes >= configured_bytes_max {
            *limit = None;
        }
    }
}

fn learned_bytes(destination: &Destination, now: DateTime<Utc>) -> Option<usize> {
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
    use crate::exporter::state::LearnedIdentity;
    use crate::protocol::Identity;

    fn at(text: &str) -> DateTime<Utc> {
        crate::time::parse(text).unwrap()
    }

    #[test]
    fn learned_limit_of_a_slow_connection_halves_doubles_and_ends_at_the_configured_size() {
        let mut destination = Destination::default();
        lower(&mut destination, 8_000, true, at("2026-01-01T00:00:00Z"));
        assert_eq!(destination.learned_limit.map(|limit| limit.bytes), Some(4_000));
        raise(&mut destination, 10_000);
        assert_eq!(destination.learned_limit.map(|limit| limit.bytes), Some(8_000));
        raise(&mut destination, 10_000);
        assert_eq!(destination.learned_limit, None);
    }

    #[test]
    fn lower_limit_never_exceeds_the_one_in_force() {
        let mut destination = Destination::default();
        lower(&mut destination, 8_000, true, at("2026-01-01T00:00:00Z"));
        lower(&mut destination, 1_000_000, true, at("2026-01-01T01:00:00Z"));
        assert_eq!(destination.learned_limit.map(|limit| limit.bytes), Some(2_000));
        lower(&mut destination, 1_000_000, true, at("2026-01-03T00:00:00Z"));
        assert_eq!(destination.learned_limit.map(|limit| limit.bytes), Some(500_000), "after its lifetime");
    }

    #[test]
    fn limit_goes_down_to_single_messages() {
        let mut destination = Destination::default();
        for _ in 0..20 {
            lower(&mut destination, 700, true, at("2026-01-01T00:00:00Z"));
        }
        assert_eq!(destination.learned_limit.map(|limit| limit.bytes), Some(1));
    }

    #[test]
    fn learned_limit_of_a_receiver_is_not_raised() {
        let mut destination = Destination::default();
        lower(&mut destination, 8_000, false, at("2026-01-01T00:00:00Z"));
        raise(&mut destination, 10_000);
        assert_eq!(destination.learned_limit.map(|limit| limit.bytes), Some(4_000));
    }

    #[test]
    fn zstd_needs_an_announcement_and_is_tried_again_a_day_after_a_refusal() {
        let mut destination = Destination::default();
        let refused_at = at("2026-01-01T00:00:00Z");
        assert_eq!(encoding(&destination, refused_at), ContentEncoding::Gzip);
        let encodings = ["zstd", "gzip"].map(str::to_owned).to_vec();
        let identity = Some(Identity { encodings, ..Identity::default() });
        destination.identity = Some(LearnedIdentity { fetched_at: None, identity, owners: None });
        assert_eq!(encoding(&destination, refused_at), ContentEncoding::Zstd);
        refuse_zstd(&mut destination, refused_at);
        assert_eq!(encoding(&destination, at("2026-01-01T23:59:59Z")), ContentEncoding::Gzip);
        assert_eq!(encoding(&destination, at("2026-01-02T00:00:00Z")), ContentEncoding::Zstd);
    }

    #[test]
    fn limit_of_a_gateway_is_not_raised() {
        let mut destination = Destination::default();
        lower(&mut destination, 8_000, true, at("2026-01-01T00:00:00Z"));
        mark_as_gateway_limit(&mut destination);
        raise(&mut destination, 10_000);
        assert_eq!(destination.learned_limit.map(|limit| limit.bytes), Some(4_000));
    }

    #[test]
    fn learned_limit_expires_after_a_day() {
        let mut destination = Destination::default();
        lower(&mut destination, 8_000, true, at("2026-01-01T00:00:00Z"));
        assert_eq!(learned_bytes(&destination, at("2026-01-01T23:59:59Z")), Some(4_000));
        assert_eq!(learned_bytes(&destination, at("2026-01-02T00:00:00Z")), None);
    }
}
