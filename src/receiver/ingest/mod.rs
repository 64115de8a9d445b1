//! The ingest of one payload, as far as it is pure: decoding, tenant routing, token usage.

/// The payload, decoded and validated.
pub mod decode;
/// The tenant of a session.
pub mod routing;
/// The contribution of a stored row to the aggregates.
pub mod token_usage;
