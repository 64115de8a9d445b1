//! The receiver, in the order in which its modules build on each other.

/// API keys and ids.
pub mod keys;

/// The clock, and times as text.
pub mod time;

/// Limits of the receiver, in one place.
pub mod limits;

/// The ingest of one payload: decoding, tenant routing, token usage. Pure.
pub mod ingest;

/// Prices of language models, and the estimated cost of tokens. Pure.
pub mod prices;

/// Sign-in through a provider (OpenID Connect).
pub mod provider;

/// The store of the team's data, on SQLite or PostgreSQL.
pub mod store;

/// The GraphQL API over the store.
pub mod graphql;

/// The page: views of a team's data as HTML.
mod page;

/// The HTTP server.
pub mod http;

/// The command line: `serve` and `admin`.
pub mod cli;
