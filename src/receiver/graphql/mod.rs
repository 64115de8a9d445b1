//! The GraphQL API: a schema over the store.
//!
//! Invariants: every field is resolved for the key's user, who is in the context of each request and nowhere else; another
//! tenant's id answers like an id that does not exist; a query costs a bounded number of statements (dataloaders batch
//! what siblings ask for, so that no N+1 queries arise) and a bounded amount of memory.

/// Errors of resolvers.
mod error;

/// The size of a query, before it is executed.
mod query_size;

/// Dataloaders.
mod loaders;

/// The user and the store of a request.
mod context;

/// Cursors of keyset pagination.
pub mod cursor;

/// Object types and enums.
mod types;

/// The root of all queries.
mod query;

/// The schema with its limits.
mod schema;

pub use query_size::is_within_size_limits;
pub use schema::{SyncSchema, for_reader, schema};
