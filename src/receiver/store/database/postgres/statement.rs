//! Statements as they are sent to PostgreSQL, prepared once for each connection or unnamed, and the errors that come back.
//!
//! Invariant: behind a pooler, which may run each transaction on another connection of the server, no statement has a name.

use crate::receiver::store::error::{Result, StoreError};
use std::error::Error as _;
use tokio_postgres::error::SqlState;
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

/// True for an error that every other connection to the same server would meet: it shuts down or has become a standby. A
/// transaction that was to be read-only has itself to blame for a write.
pub fn is_of_server(error: &tokio_postgres::Error, read_only: bool) -> bool {
    match error.code() {
        Some(&SqlState::ADMIN_SHUTDOWN | &SqlState::CRASH_SHUTDOWN | &SqlState::CANNOT_CONNECT_NOW) => true,
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => !read_only,
        _ => false,
    }
}

/// Sorts an error by what can be done about it. Only the code and the server's main message are kept, because details
/// quote the row.
pub fn store_error(error: &tokio_postgres::Error) -> StoreError {
    let Some(database) = error.as_db_error() else {
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        let connection_is_gone = error.is_closed()
            || error.source().is_some_and(|source| source.is::<std::io::Error>())
            || error.to_string().contains("connect");
        let text = format!("{error}{cause}");
        return if connection_is_gone { StoreError::Unavailable(text) } else { StoreError::Internal(text) };
    };
    let text = format!("{} ({})", database.message(), database.code().code());
    match *database.code() {
        SqlState::IN_FAILED_SQL_TRANSACTION => StoreError::Aborted,
        SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::LOCK_NOT_AVAILABLE => StoreError::Contended(text),
        SqlState::QUERY_CANCELED => StoreError::TimedOut(text),
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::TOO_MANY_CONNECTIONS
        | SqlState::DISK_FULL
        | SqlState::OUT_OF_MEMORY
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        | SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::Unavailable(text),
        ref code if code.code().starts_with("08") => StoreError::Unavailable(text),
        _ => StoreError::Internal(text),
    }
}
