//! The ingest of one payload, as far as it is pure: decoding, deduplication, tenant routing, token usage. No I/O.

/// A decoded batch.
pub mod batch;

/// Checks of single fields.
pub mod validation;

/// Two versions of one message.
pub mod merge;

/// Repeated sessions, messages and tasks of one payload.
mod dedup;

/// A message, checked.
mod message;

/// A task, checked.
mod task;

/// Arrays that are counted while they are parsed.
mod bounded;

/// Sessions that do not have the declared types.
mod lenient;

/// A payload, parsed and checked.
pub mod decode;

/// The tenant of a session.
pub mod routing;

/// The contribution of a stored row to the aggregates.
pub mod token_usage;
