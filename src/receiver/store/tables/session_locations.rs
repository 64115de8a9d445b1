//! `session_locations`: the tenant in which a user's session is stored, and its tombstone.
//!
//! Invariant: a location outlives its session, so that a pruned or deleted session is not stored again.

use crate::receiver::store::database::Transaction;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::{ColumnType, InsertMany, Row, Rows, SelectByKeys, Value};
use std::collections::HashMap;

/// The location of a user's session.
#[derive(Debug)]
pub struct SessionLocation {
    pub tenant_id: String,
    /// True if the operator deleted the session for good.
    pub has_tombstone: bool,
}

const SELECT_LOCATIONS: SelectByKeys = SelectByKeys {
    table: "session_locations",
    common: &["tenant_id"],
    keys: &[("session_id", ColumnType::Text)],
    columns: "session_id, stored_in, forgotten_at",
    tail: "",
};
/// Locations of sessions that are stored for the first time.
pub const INSERT_LOCATIONS: InsertMany = InsertMany {
    table: "session_locations",
    common: &["tenant_id", "stored_in"],
    columns: &[("session_id", ColumnType::Text)],
    tail: "ON CONFLICT (tenant_id, session_id) DO NOTHING",
};

/// The locations of a user's sessions, by session id.
pub async fn session_locations(
    tx: &Transaction,
    user: &str,
    ids: impl Iterator<Item = &str>,
) -> Result<HashMap<String, SessionLocation>> {
    let mut keys = Rows::new(&[user]);
    ids.for_each(|id| keys.push([id.into()]));
    let rows = tx.select_by_keys(&SELECT_LOCATIONS, &keys).await?;
    let read = |row: &Row| {
        let location = SessionLocation { tenant_id: row.text(1)?, has_tombstone: row.opt_int(2)?.is_some() };
        Ok((row.text(0)?, location))
    };
    rows.iter().map(read).collect()
}

/// The location of a user's session. A session that the user never had is an error.
pub async fn session_location(tx: &Transaction, user: &str, id: &str) -> Result<SessionLocation> {
    match session_locations(tx, user, std::iter::once(id)).await?.remove(id) {
        Some(location) => Ok(location),
        None => Err(StoreError::refused(format!("this user has no session {id}"))),
    }
}

/// Moves the location of a user's session to another tenant.
pub async fn move_location(tx: &Transaction, user: &str, id: &str, tenant: &str) -> Result<()> {
    let sql = "UPDATE session_locations SET stored_in = $3 WHERE tenant_id = $1 AND session_id = $2";
    tx.execute(sql, &[user.into(), id.into(), tenant.into()]).await.map(|_| ())
}

/// Makes the location of a user's session a tombstone.
pub async fn set_tombstone(tx: &Transaction, user: &str, id: &str, now: i64) -> Result<()> {
    let sql = "UPDATE session_locations SET forgotten_at = $3 WHERE tenant_id = $1 AND session_id = $2";
    let params = [Value::from(user), id.into(), now.into()];
    tx.execute(sql, &params).await.map(|_| ())
}
