//! The HTTP server: axum routes and tower layers, behind an accept loop of its own.
//!
//! Invariants: memory and concurrency are bounded, in all and for each key; every response carries a request id, which the
//! request's log line has too; errors are `{"error", "requestId"}`.

/// Errors of the API as responses.
mod api_error;

/// The memory of all requests.
mod memory_budget;

/// Responses: those that count in that memory, and those for people.
mod response;

/// Connections and the addresses that they come from.
mod connection;

/// Requests that are served now, and those that are told to come again.
mod admission;

/// Inflation of bodies.
mod inflate;

/// Request bodies: bounded, inflated.
mod body;

/// Paths and their names.
mod routes;

/// `/metrics`.
mod metrics;

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

pub use admission::DeviceLoginOptions;
pub use app::{App, ListenerRole};
pub use connection::{ConnectionTable, ConnectionTimeouts, PublicUrl, TrustedProxies};
pub use server::serve;
pub use state::ServerOptions;
