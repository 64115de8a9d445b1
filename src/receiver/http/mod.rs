//! The HTTP server: axum routes and tower layers, behind an accept loop of its own.
//!
//! Invariants: memory and concurrency are bounded, in all and for each key; every response carries a request id, which the
//! request's log line has too; errors are `{"error", "requestId"}`.

/// Errors of the API as responses.
mod api_error;

/// Rate limits of keys and addresses.
mod rate_limiter;

/// The memory of all requests.
mod memory_budget;

/// Responses that count in that memory.
mod response;

/// Connections and the addresses that they come from.
mod connection;

/// `Retry-After` by load.
mod retry_slots;

/// Look-ups of unknown keys.
mod key_guesses;

/// Concurrency, in all and of each key.
mod permits;

/// GraphQL queries of each key, and of all.
mod query_permits;

/// The threads that queries run on.
mod query_threads;

/// Request bodies: bounded, inflated.
mod body;

/// `/metrics`.
mod metrics;

/// Paths and their names.
mod routes;

/// Readiness: what the store can do.
mod readiness;

/// State that all requests share.
mod state;

/// The access log, and the last step of every response.
mod access_log;

/// Extractors that authenticate.
mod auth;

/// Handlers, one for each route.
mod handlers;

/// Routes and layers.
mod app;

/// The accept loop.
mod server;

pub use app::{App, ListenerRole};
pub use connection::{ConnectionTable, ConnectionTimeouts, TrustedProxies};
pub use server::serve;
pub use state::ServerOptions;
