//! The platform's side. This file is its map, in the order in which a batch flows.

/// The command line: `serve` and `admin`.
pub mod cli;

/// Sockets, routes, bodies, answers.
pub mod http;

/// The ingest of one payload: decoding, tenant routing, token usage. Pure.
pub mod ingest;

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
