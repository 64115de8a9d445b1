//! `session_locations`: the tenant in which a user's session is stored, and its tombstone.
//!
//! Invariants: a location outlives its session, so that a pruned or forgotten session is not stored again; of forgetting a
//! session and of removing its tombstone the later one holds, whichever arrives first.

use crate::receiver::store::database::Transaction;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::{ColumnType, InsertMany, Row, Rows, SelectByKeys, Value};
use std::collections::HashMap;

/// The location of a user's session.
#[derive(Debug)]
pub struct SessionLocation {
    /// The tenant; `None` if the session is not stored.
    pub tenant_id: Option<String>,
    /// True if the session was forgotten.
    pub has_tombstone: bool,
    /// Time at which a tombstone was last removed.
    pub restored_at: Option<i64>,
}

/// A session that may be forgotten.
#[derive(Debug)]
pub struct ForgettableSession {
    pub id: String,
    /// Empty for a session of which only the location is left.
    pub repository: String,
    pub messages: i64,
}

const SELECT_LOCATIONS: SelectByKeys = SelectByKeys {
    table: "session_locations",
    common: &["tenant_id"],
    keys: &[("session_id", ColumnType::Text)],
    columns: "session_id, stored_in, forgotten_at, restored_at",
    tail: "",
};
/// Locations of sessions that are stored for the first time, or again after a tombstone was removed.
pub const INSERT_LOCATIONS: InsertMany = InsertMany {
    table: "session_locations",
    common: &["tenant_id", "stored_in"],
    columns: &[("session_id", ColumnType::Text)],
    tail: "ON CONFLICT (tenant_id, session_id) DO UPDATE SET stored_in = excluded.stored_in \
           WHERE session_locations.stored_in IS NULL",
};
/// Tombstones of sessions, stored or not. The later of two times stays.
const UPSERT_TOMBSTONES: InsertMany = InsertMany {
    table: "session_locations",
    common: &["tenant_id"],
    columns: &[
        ("session_id", ColumnType::Text),
        ("forgotten_at", ColumnType::Int),
        ("forgotten_repository", ColumnType::Text),
    ],
    tail: "ON CONFLICT (tenant_id, session_id) DO UPDATE SET forgotten_at = \
           {greatest}(coalesce(session_locations.forgotten_at, excluded.forgotten_at), excluded.forgotten_at), \
           forgotten_repository = coalesce(excluded.forgotten_repository, session_locations.forgotten_repository)",
};
/// The location goes with the tombstone: the session is stored again as one that was never stored.
const REMOVE_TOMBSTONE: &str = "\
    INSERT INTO session_locations (tenant_id, session_id, restored_at) VALUES ($1, $2, $3) \
    ON CONFLICT (tenant_id, session_id) DO UPDATE SET \
    restored_at = {greatest}(coalesce(session_locations.restored_at, excluded.restored_at), excluded.restored_at), \
    stored_in = CASE WHEN session_locations.forgotten_at IS NULL THEN session_locations.stored_in END, \
    forgotten_at = NULL, forgotten_repository = NULL \
    WHERE session_locations.forgotten_at IS NULL OR session_locations.forgotten_at <= excluded.restored_at";
const REMOVE_TOMBSTONES: &str = "\
    UPDATE session_locations SET stored_in = NULL, forgotten_at = NULL, forgotten_repository = NULL, restored_at = $2 \
    WHERE tenant_id = $1 AND forgotten_at <= $2 AND ($3 = '' OR forgotten_repository = $3)";
const SELECT_STORED_IN: &str = "\
    SELECT DISTINCT stored_in FROM session_locations \
    WHERE tenant_id = $1 AND stored_in IS NOT NULL AND forgotten_at IS NULL ORDER BY stored_in";
/// The two tables are of two tenants, which a cluster does not join, and it takes no outer join under row-level security: the
/// locations come first, and those without a session count as empty ones.
const SELECT_FORGETTABLE: &str = "\
    WITH l AS MATERIALIZED (SELECT session_id FROM session_locations WHERE tenant_id = $1 AND stored_in = $2 \
    AND forgotten_at IS NULL AND (restored_at IS NULL OR restored_at <= $3)) \
    SELECT session_id, max(repository), max(message_count) FROM (\
    SELECT session_id, '' AS repository, CAST(0 AS BIGINT) AS message_count, CAST(0 AS BIGINT) AS stored_at FROM l \
    UNION ALL SELECT session_id, repository, message_count, stored_at FROM sessions \
    WHERE tenant_id = $2 AND user_id = $1 AND session_id IN (SELECT session_id FROM l)) AS found \
    GROUP BY session_id HAVING max(stored_at) <= $3 AND ($4 = '' OR max(repository) = $4) \
    ORDER BY session_id LIMIT $5";

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
        let location = SessionLocation {
            tenant_id: row.opt_text(1)?,
            has_tombstone: row.opt_int(2)?.is_some(),
            restored_at: row.opt_int(3)?,
        };
        Ok((row.text(0)?, location))
    };
    rows.iter().map(read).collect()
}

/// The location of a user's session, or its tombstone; `None` for a session that the user never had.
pub async fn session_location(tx: &Transaction, user: &str, id: &str) -> Result<Option<SessionLocation>> {
    Ok(session_locations(tx, user, std::iter::once(id)).await?.remove(id))
}

/// The error of a session that the user does not have.
pub fn no_session(id: &str) -> StoreError {
    StoreError::refused(format!("this user has no session {id}"))
}

/// Moves the location of a user's session to another tenant.
pub async fn move_location(tx: &Transaction, user: &str, id: &str, tenant: &str) -> Result<()> {
    let sql = "UPDATE session_locations SET stored_in = $3 WHERE tenant_id = $1 AND session_id = $2";
    tx.execute(sql, &[user.into(), id.into(), tenant.into()]).await.map(|_| ())
}

/// The tenants in which sessions of a user are stored.
pub async fn tenants_with_sessions(tx: &Transaction, user: &str) -> Result<Vec<String>> {
    tx.query_texts(SELECT_STORED_IN, &[user.into()]).await
}

/// Up to `count` sessions that a user has stored in a tenant until the time `at`, of one repository unless it is empty.
pub async fn forgettable_sessions(
    tx: &Transaction,
    (user, tenant): (&str, &str),
    repository: &str,
    at: i64,
    count: usize,
) -> Result<Vec<ForgettableSession>> {
    let limit = i64::try_from(count).unwrap_or(i64::MAX);
    let params = [Value::from(user), tenant.into(), at.into(), repository.into(), limit.into()];
    let read = |row: &Row| {
        Ok(ForgettableSession { id: row.text(0)?, repository: row.text(1)?, messages: row.int(2)? })
    };
    tx.query(SELECT_FORGETTABLE, &params).await?.iter().map(read).collect()
}

/// Leaves tombstones of a user's sessions, each with the repository that the session had, if it is known.
pub async fn set_tombstones(
    tx: &Transaction,
    user: &str,
    sessions: impl Iterator<Item = (&str, Option<&str>)>,
    at: i64,
) -> Result<()> {
    let mut rows = Rows::new(&[user]);
    for (id, repository) in sessions {
        let repository = repository.filter(|repository| !repository.is_empty());
        rows.push([id.into(), at.into(), repository.into()]);
    }
    tx.insert_many(&UPSERT_TOMBSTONES, &rows).await.map(|_| ())
}

/// Removes the tombstone of a session, unless it is later than `at`; without one, later requests of before `at` leave none.
pub async fn remove_tombstone(tx: &Transaction, user: &str, id: &str, at: i64) -> Result<()> {
    tx.execute(REMOVE_TOMBSTONE, &[user.into(), id.into(), at.into()]).await.map(|_| ())
}

/// Removes the tombstones of a user that are not later than `at`, of one repository unless it is empty.
pub async fn remove_tombstones(tx: &Transaction, user: &str, repository: &str, at: i64) -> Result<()> {
    tx.execute(REMOVE_TOMBSTONES, &[user.into(), at.into(), repository.into()]).await.map(|_| ())
}
