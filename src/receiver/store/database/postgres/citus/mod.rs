//! Citus, the extension of PostgreSQL that distributes tables over the servers of a cluster.
//!
//! Invariant: clients of a cluster talk to its coordinator alone; the tables of tenants lie on the workers, the directory on the
//! coordinator.

/// Statements that a cluster needs in another form.
mod statements;

/// The tables that are distributed.
mod tables;

/// The servers of a cluster.
mod cluster;

/// Row-level security on every shard.
mod shards;

/// The distribution of a store.
mod distribute;

pub use cluster::{has_citus, prepare, require_logins, require_one_server, silent_workers, workers};
pub use distribute::{DistributedTable, distribute_table, isolate_tenant, secure_table, truncate_local};
pub use shards::{ShardFault, check as check_shards};
pub use statements::{Distribution, Scope};
pub use tables::DISTRIBUTED_TABLES;
