//! `tasks`: a session's tasks. The later `updatedAt` wins; fields that it lacks are filled in from the other version.

use super::sessions::SessionKey;
use crate::protocol::SyncTask;
use crate::receiver::ingest::batch::DecodedTask;
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::directory::QueryReader;
use crate::receiver::store::error::Result;
use crate::receiver::store::sql::{ColumnType, InsertMany, Row, Rows, SelectByKeys, SelectPages};
use std::collections::HashMap;

/// A position in a session's tasks, which are in the order of creation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskPosition {
    /// Time of creation, as sent.
    pub created_at: String,
    /// Id of the task.
    pub id: String,
}

/// A page of a session's tasks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TaskPage {
    /// Session of the tasks.
    pub session: SessionKey,
    /// Size of the page; the store returns one task more, where there is one.
    pub first: usize,
    /// Position after which the page begins.
    pub after: Option<TaskPosition>,
}

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

/// The fields of a stored task that an upsert merges. An empty text is absent.
#[derive(Debug)]
pub struct TaskFields {
    pub status: String,
    pub changed_at: i64,
    pub subject: String,
    pub description: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

/// A version of a task, as it is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskVersion<'a> {
    pub status: &'a str,
    pub changed_at: i64,
    pub subject: &'a str,
    pub description: Option<&'a str>,
    pub created_at: &'a str,
    pub updated_at: &'a str,
}

impl TaskFields {
    pub fn version(&self) -> TaskVersion<'_> {
        TaskVersion {
            status: &self.status,
            changed_at: self.changed_at,
            subject: &self.subject,
            description: self.description.as_deref(),
            created_at: &self.created_at,
            updated_at: &self.updated_at,
        }
    }
}

impl<'a> TaskVersion<'a> {
    pub fn of(task: &'a DecodedTask) -> TaskVersion<'a> {
        TaskVersion {
            status: &task.wire.status,
            changed_at: task.changed_at,
            subject: &task.wire.subject,
            description: task.wire.description.as_deref(),
            created_at: &task.wire.created_at,
            updated_at: &task.wire.updated_at,
        }
    }

    /// The later of two versions, with the fields that only the other has. Of equal times `sent` is the later one.
    pub fn merged(stored: TaskVersion<'a>, sent: TaskVersion<'a>) -> TaskVersion<'a> {
        let (later, earlier) =
            if sent.changed_at >= stored.changed_at { (sent, stored) } else { (stored, sent) };
        let filled = |text: &'a str, other| if text.is_empty() { other } else { text };
        TaskVersion {
            subject: filled(later.subject, earlier.subject),
            description: later.description.or(earlier.description),
            created_at: filled(later.created_at, earlier.created_at),
            ..later
        }
    }

    /// The version with the times of another.
    pub fn at_times_of(self, other: TaskVersion<'a>) -> TaskVersion<'a> {
        TaskVersion { changed_at: other.changed_at, updated_at: other.updated_at, ..self }
    }
}

const SELECT_FIELDS: SelectByKeys = SelectByKeys {
    table: "tasks",
    common: &["tenant_id"],
    keys: &[("session_id", ColumnType::Text), ("task_id", ColumnType::Text)],
    columns: "session_id, task_id, status, changed_at, subject, description, created_at, updated_at",
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
    WHERE tenant_id = $1 AND user_id = $2 AND session_id = $3 AND NOT pruned ORDER BY created_at, task_id";
/// A page of a session, in the columns of [`StoredTask::read`].
const SELECT_PAGE: SelectPages<'_> = SelectPages {
    of_one: "SELECT session_id, task_id, subject, description, status, created_at, updated_at FROM tasks \
             WHERE tenant_id = $1 AND ($2 = '' OR user_id = $2) AND session_id = {key} AND NOT pruned \
             AND (created_at, task_id) > ($3, $4) ORDER BY created_at, task_id LIMIT $5",
};

/// The stored fields of tasks, by session and task.
pub async fn task_fields<'a>(
    tx: &Transaction,
    tenant: &str,
    tasks: impl Iterator<Item = (&'a str, &'a DecodedTask)>,
) -> Result<HashMap<(String, String), TaskFields>> {
    let mut keys = Rows::new(&[tenant]);
    tasks.for_each(|(session, task)| keys.push([session.into(), (&task.wire.id).into()]));
    let read = |row: &Row| {
        let fields = TaskFields {
            status: row.text(2)?,
            changed_at: row.int(3)?,
            subject: row.text(4)?,
            description: row.opt_text(5)?,
            created_at: row.text(6)?,
            updated_at: row.text(7)?,
        };
        Ok(((row.text(0)?, row.text(1)?), fields))
    };
    tx.select_by_keys(&SELECT_FIELDS, &keys).await?.iter().map(read).collect()
}

/// All tasks of a user's session that are not pruned.
pub async fn session_tasks(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    session: &str,
) -> Result<Vec<DecodedTask>> {
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
        Ok(DecodedTask { changed_at: row.int(6)?, is_arrival: false, wire })
    };
    tx.query(SELECT_SESSION_TASKS, &[tenant.into(), user.into(), session.into()])
        .await?
        .iter()
        .map(read)
        .collect()
}

impl StoredTask {
    /// Position for keyset pagination.
    pub fn position(&self) -> TaskPosition {
        TaskPosition { created_at: self.created_at.clone(), id: self.id.clone() }
    }

    /// Reads a row of [`SELECT_PAGE`].
    fn read(row: &Row) -> Result<StoredTask> {
        Ok(StoredTask {
            id: row.text(1)?,
            subject: row.text(2)?,
            description: row.opt_text(3)?,
            status: row.text(4)?,
            created_at: row.text(5)?,
            updated_at: row.text(6)?,
        })
    }
}

impl QueryReader {
    /// Pages of the tasks of several sessions.
    pub async fn tasks(&self, pages: &[TaskPage]) -> Result<HashMap<TaskPage, Vec<StoredTask>>> {
        let mut groups: HashMap<(&str, usize, &Option<TaskPosition>), Vec<&TaskPage>> = HashMap::new();
        for page in pages {
            groups.entry((&page.session.tenant_id, page.first, &page.after)).or_default().push(page);
        }
        let mut found: HashMap<TaskPage, Vec<StoredTask>> = HashMap::new();
        let principal = self.principal();
        let tx = self.begin(DbRole::Request).await?;
        for ((tenant, first, after), pages) in groups {
            let Some(own) = principal.enter(&tx, tenant).await? else { continue };
            let by_id: HashMap<String, &TaskPage> =
                pages.into_iter().map(|page| (page.session.id.clone(), page)).collect();
            let ids: Vec<String> = by_id.keys().cloned().collect();
            let (created_at, id) =
                after.as_ref().map_or(("", ""), |position| (&position.created_at, &position.id));
            let limit = i64::try_from(first + 1).unwrap_or(i64::MAX);
            let params = [tenant.into(), own.into(), created_at.into(), id.into(), limit.into()];
            for row in tx.select_pages(&SELECT_PAGE, &params, ids).await? {
                if let Some(page) = by_id.get(&row.text(0)?) {
                    found.entry((*page).clone()).or_default().push(StoredTask::read(&row)?);
                }
            }
        }
        tx.commit().await?;
        found.values_mut().for_each(|tasks| tasks.sort_by_cached_key(StoredTask::position));
        Ok(found)
    }
}
