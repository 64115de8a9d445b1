//! The platform's side. This file is its map, in the order in which a batch flows.

/// The command line: `serve` and `admin`.
pub mod cli;

/// Sockets, routes, bodies, answers.
pub mod http;

/// A body as the receiver understands it.
pub mod batch;

/// Which tenant a session belongs to.
pub mod tenancy;

/// What a stored row adds to the sums.
pub mod aggregate;

/// What the receiver knows, on SQLite or PostgreSQL.
pub mod store;

/// The team's questions, answered from the store.
pub mod graphql;

/// API keys and ids.
pub mod keys;

/// What the receiver takes at most.
pub mod limits;

/// The clock, and times as text.
pub mod time;
