//! Statements as they are sent to PostgreSQL: prepared once for each connection, or unnamed.
//!
//! Invariant: behind a pooler, which may run each transaction on another connection of the server, no statement has a name.

use super::error::store_error;
use crate::receiver::store::error::Result;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

/// Parameter with the type that it is encoded as.
pub type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// Form in which statements are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementForm {
    /// Prepared, and kept with the connection: parsed and planned once.
    Prepared,
    /// Parsed and planned each time.
    Unnamed,
}

/// Runs an unnamed query outside of requests.
pub async fn rows(client: &Client, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
    client.query_typed(sql, params).await.map_err(|error| store_error(&error))
}

/// As [`rows`], for a query that returns one row.
pub async fn row(client: &Client, sql: &str, params: &[Param<'_>]) -> Result<Row> {
    client.query_typed_one(sql, params).await.map_err(|error| store_error(&error))
}
