//! `tasks`: a session's tasks. The later `updatedAt` wins.

use super::sessions::SessionKey;
use crate::protocol::SyncTask;
use crate::receiver::ingest::batch::DecodedTask;
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::directory::Principal;
use crate::receiver::store::error::Result;
use crate::receiver::store::open::Store;
use crate::receiver::store::sql::{ColumnType, InsertMany, Row, Rows, SelectByKeys};
use std::collections::HashMap;

/// A task in a session.
#[derive(Debug, Clone)]
pub struct StoredTask {
    /// Id of the task.
    pub id: String,
    /// Title of the task.
    pub subject: String,
    /// Text of the task.
    pub description: Option<String>,
    /// Status, as the source has it.
    pub status: String,
    /// Time of creation.
    pub created_at: String,
    /// Time of the last change.
    pub updated_at: String,
}

/// The fields of a stored task that an upsert compares.
#[derive(Debug)]
pub struct StoredTaskFields {
    pub status: String,
    pub changed_at: i64,
    pub subject: String,
    pub description: Option<String>,
    pub created_at: String,
}

const SELECT_FIELDS: SelectByKeys = SelectByKeys {
    table: "tasks",
    common: &["tenant_id"],
    keys: &[("session_id", ColumnType::Text), ("task_id", ColumnType::Text)],
    columns: "session_id, task_id, status, changed_at, subject, description, created_at",
    tail: "",
};
/// Inserts tasks, or replaces all of their fields.
pub const UPSERT_TASKS: InsertMany = InsertMany {
    table: "tasks",
    common: &["tenant_id", "user_id"],
    columns: &[
        ("session_id", ColumnType::Text),
        ("task_id", ColumnType::Text),
        ("subject", ColumnType::Text),
        ("description", ColumnType::Text),
        ("status", ColumnType::Text),
        ("created_at", ColumnType::Text),
        ("updated_at", ColumnType::Text),
        ("changed_at", ColumnType::Int),
    ],
    tail: "ON CONFLICT (tenant_id, session_id, task_id) DO UPDATE SET subject = excluded.subject, \
           description = excluded.description, status = excluded.status, created_at = excluded.created_at, \
           updated_at = excluded.updated_at, changed_at = excluded.changed_at, pruned = FALSE",
};
const SELECT_SESSION_TASKS: &str = "\
    SELECT task_id, subject, description, status, created_at, updated_at, changed_at FROM tasks \
    WHERE tenant_id = $1 AND session_id = $2 AND NOT pruned ORDER BY created_at, task_id";
const SELECT_TASKS: &str = "\
    SELECT session_id, task_id, subject, description, status, created_at, updated_at FROM tasks \
    WHERE tenant_id = $1 AND ($2 = '' OR user_id = $2) AND session_id IN {list:$3} AND NOT pruned \
    ORDER BY session_id, created_at, task_id";

/// The stored fields of tasks, by session and task.
pub async fn task_fields<'a>(
    tx: &Transaction,
    tenant: &str,
    tasks: impl Iterator<Item = (&'a str, &'a DecodedTask)>,
) -> Result<HashMap<(String, String), StoredTaskFields>> {
    let mut keys = Rows::new(&[tenant]);
    tasks.for_each(|(session, task)| keys.push([session.into(), (&task.wire.id).into()]));
    let read = |row: &Row| {
        let fields = StoredTaskFields {
            status: row.text(2)?,
            changed_at: row.int(3)?,
            subject: row.text(4)?,
            description: row.opt_text(5)?,
            created_at: row.text(6)?,
        };
        Ok(((row.text(0)?, row.text(1)?), fields))
    };
    tx.select_by_keys(&SELECT_FIELDS, &keys).await?.iter().map(read).collect()
}

/// All tasks of a session that are not pruned.
pub async fn session_tasks(tx: &Transaction, tenant: &str, session: &str) -> Result<Vec<DecodedTask>> {
    let read = |row: &Row| {
        let id = row.text(0)?;
        let wire = SyncTask {
            task_id: id.clone(),
            id,
            subject: row.text(1)?,
            description: row.opt_text(2)?,
            status: row.text(3)?,
            created_at: row.text(4)?,
            updated_at: row.text(5)?,
        };
        Ok(DecodedTask { changed_at: row.int(6)?, was_ahead: false, wire })
    };
    tx.query(SELECT_SESSION_TASKS, &[tenant.into(), session.into()]).await?.iter().map(read).collect()
}

impl Store {
    /// The tasks of several sessions.
    pub async fn tasks(
        &self,
        principal: &Principal,
        sessions: &[SessionKey],
    ) -> Result<HashMap<SessionKey, Vec<StoredTask>>> {
        let mut groups: HashMap<&str, Vec<String>> = HashMap::new();
        for key in sessions {
            groups.entry(&key.tenant_id).or_default().push(key.id.clone());
        }
        let mut found: HashMap<SessionKey, Vec<StoredTask>> = HashMap::new();
        let tx = self.db.read(DbRole::Request).await?;
        for (tenant, ids) in groups {
            let Some(own) = principal.enter(&tx, tenant).await? else { continue };
            for row in tx.query(SELECT_TASKS, &[tenant.into(), own.into(), ids.into()]).await? {
                let key = SessionKey { tenant_id: tenant.to_owned(), id: row.text(0)? };
                found.entry(key).or_default().push(StoredTask {
                    id: row.text(1)?,
                    subject: row.text(2)?,
                    description: row.opt_text(3)?,
                    status: row.text(4)?,
                    created_at: row.text(5)?,
                    updated_at: row.text(6)?,
                });
            }
        }
        tx.commit().await?;
        Ok(found)
    }
}
