//! PostgreSQL: pooled connections, and transactions that pipeline their statements.
//!
//! Invariants: role, tenant and user of a transaction are set with `SET LOCAL`, so that a pooled connection carries
//! nothing over; a connection whose transaction did not end is closed, not pooled.

mod statement;

mod roles;
mod access;
mod views;
mod citus;

mod libpq_files;
mod url_words;
mod store_url;
mod tls;

mod connect;
mod libpq;
mod dump;
mod values;

mod transaction;

mod pool;
mod distribution;

pub use distribution::DistributedStore;
pub use dump::{DUMP_MAGIC, DumpRows, dump_version};
pub use pool::{PoolOptions, PoolUse, Postgres};
pub use transaction::PostgresTransaction;
