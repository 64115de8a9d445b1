//! The two databases behind one interface: opening, migrations, transactions.
//!
//! Invariant: everything above this module is written once for both databases.

mod role;

mod migrate;

mod private_file;

mod sqlite_statement;
mod sqlite;
mod sqlite_copy;

mod postgres;

mod transaction;

pub use migrate::{RESTORED_TABLES, newest, require_current};
pub use postgres::{
    DUMP_MAGIC, DistributedStore, DumpRows, PoolOptions, PoolUse, Postgres, PostgresTransaction, dump_version,
};
pub use private_file::require_private;
pub use role::{DbRole, Visibility};
pub use sqlite::Sqlite;
pub use sqlite_copy::{MAGIC as SQLITE_MAGIC, check as check_sqlite_copy, seal as seal_sqlite_copy};
pub use transaction::{Database, Transaction};
