//! The two databases behind one interface: opening, migrations, transactions.
//!
//! Invariant: everything above this module is written once for both databases.

mod role;

mod migrate;

mod sqlite;

mod postgres;

mod transaction;

pub use postgres::Postgres;
pub use role::{DbRole, Visibility};
pub use sqlite::Sqlite;
pub use transaction::{Database, Transaction};
