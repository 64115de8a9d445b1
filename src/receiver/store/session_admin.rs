//! What an operator does to single sessions: list, export, move to another tenant, forget.
//!
//! Invariant: a session that leaves a tenant takes its sums along, but for days that were pruned, whose sums stay.

use super::admin::{TenantKind, tenant};
use super::db::{DbRole, Result, Row, StoreError, Tx, Value};
use super::ingest::{self, Work};
use super::{Store, with_retries};
use crate::protocol::remote::Remote;
use crate::protocol::{Inclusion, SyncMessage, SyncSession, SyncTask};
use crate::receiver::ingest::decode::{DecodedMessage, DecodedSession, DecodedTask};
use crate::receiver::ingest::token_usage::{self, Deltas, Usage};
use crate::receiver::time;
use serde::Serialize;
use std::collections::HashMap;

/// A session as it is listed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// Slug, or null in a private space.
    pub organization: Option<String>,
    pub login: Option<String>,
    pub id: String,
    pub repository: String,
    pub status: String,
    pub messages: i64,
    pub last_modified: String,
}

/// A session as it is exported: the wire's own form, and where it was.
#[derive(Debug, Serialize)]
pub struct ExportedSession {
    pub organization: Option<String>,
    pub login: Option<String>,
    pub session: SyncSession,
}

/// Sessions by what is given; absent means any.
#[derive(Debug, Default)]
pub struct SessionFilter {
    pub id: Option<String>,
    pub organization: Option<String>,
    pub login: Option<String>,
}

struct Found {
    tenant_id: String,
    info: SessionInfo,
}

const FIND: &str = "\
    SELECT s.tenant_id, CASE WHEN t.kind = 'organization' THEN t.handle END, u.handle, s.session_id, \
    s.repository, s.status, s.message_count, s.last_modified FROM sessions s \
    JOIN tenants t ON t.tenant_id = s.tenant_id LEFT JOIN tenants u ON u.tenant_id = s.user_id \
    WHERE ($1 = '' OR s.session_id = $1) AND ($2 = '' OR s.tenant_id = $2) AND ($3 = '' OR s.user_id = $3) \
    ORDER BY t.handle, s.stored_at, s.session_id";
const FIELDS: &str = "\
    SELECT repository, project_slug, status, slug, harness, inclusion, last_modified, modified_at, total_message_count \
    FROM sessions WHERE tenant_id = $1 AND session_id = $2";
const MESSAGE_COLUMNS: &str = "message_id, at, line_number, stream, message_type, \"timestamp\", content_hash, content, \
    input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, agent_id, parent_id, role, tool_name, model, \
    usage_id, lines_added, lines_removed, files_changed, content_omitted, session_id";
const TASKS: &str = "\
    SELECT task_id, subject, description, status, created_at, updated_at, changed_at FROM tasks \
    WHERE tenant_id = $1 AND session_id = $2 AND NOT pruned ORDER BY created_at, task_id";

impl Store {
    pub async fn list_sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionInfo>> {
        let tx = self.db.read(DbRole::Operator).await?;
        let found = find(&tx, filter).await?;
        tx.commit().await?;
        Ok(found.into_iter().map(|found| found.info).collect())
    }

    /// Gives whole sessions to `write`, one after the other.
    pub async fn export_sessions(
        &self,
        filter: &SessionFilter,
        mut write: impl FnMut(ExportedSession) -> Result<()>,
    ) -> Result<()> {
        let tx = self.db.read(DbRole::Operator).await?;
        for found in find(&tx, filter).await? {
            let Some(part) = read_part(&tx, &found.tenant_id, &found.info.id).await? else { continue };
            let session = SyncSession {
                id: found.info.id,
                project_slug: part.remote.as_ref().map_or("", |remote| remote.repo()).to_owned(),
                repo_remote: found.info.repository,
                status: part.status,
                slug: part.slug,
                messages: part.messages.into_iter().map(|message| message.wire).collect(),
                tasks: part.tasks.into_iter().map(|task| task.wire).collect(),
                last_modified: part.last_modified,
                total_message_count: part.total_message_count,
                inclusion: part.inclusion,
                harness: part.harness,
            };
            write(ExportedSession {
                organization: found.info.organization,
                login: found.info.login,
                session,
            })?;
        }
        tx.commit().await
    }

    /// Moves a user's session to an organization, or to the user's private space.
    pub async fn move_session(
        &self,
        login: &str,
        id: &str,
        organization: Option<&str>,
        now: i64,
    ) -> Result<()> {
        with_retries(async || {
            let tx = self.db.write(DbRole::Operator).await?;
            let user = tenant(&tx, TenantKind::User, login).await?;
            let from = home(&tx, &user, id).await?;
            let to = match organization {
                Some(slug) => tenant(&tx, TenantKind::Organization, slug).await?,
                None => user.clone(),
            };
            if from == to {
                return Err(StoreError::refused(format!("the session {id} is there already")));
            }
            lock(&tx, &user, &[&from, &to]).await?;
            let part = read_part(&tx, &from, id).await?;
            delete_rows(&tx, &from, &user, id).await?;
            let sql = "UPDATE session_locations SET stored_in = $3 WHERE tenant_id = $1 AND session_id = $2";
            tx.execute(sql, &[Value::from(&user), id.into(), Value::from(&to)]).await?;
            // A pruned session has nothing left to move but its place.
            if let Some(part) = part {
                Work::new(&tx, user, now).assume_existing().restore(&to, id, part).await?;
            }
            tx.commit().await
        })
        .await
    }

    /// Deletes a user's session and keeps it from coming again.
    pub async fn forget_session(&self, login: &str, id: &str, now: i64) -> Result<()> {
        with_retries(async || {
            let tx = self.db.write(DbRole::Operator).await?;
            let user = tenant(&tx, TenantKind::User, login).await?;
            let from = home(&tx, &user, id).await?;
            lock(&tx, &user, &[&from]).await?;
            delete_rows(&tx, &from, &user, id).await?;
            let sql =
                "UPDATE session_locations SET forgotten_at = $3 WHERE tenant_id = $1 AND session_id = $2";
            tx.execute(sql, &[Value::from(&user), id.into(), now.into()]).await?;
            tx.commit().await
        })
        .await
    }
}

async fn find(tx: &Tx, filter: &SessionFilter) -> Result<Vec<Found>> {
    let mut ids = [String::new(), String::new()];
    if let Some(slug) = &filter.organization {
        ids[0] = tenant(tx, TenantKind::Organization, slug).await?;
    }
    if let Some(login) = &filter.login {
        ids[1] = tenant(tx, TenantKind::User, login).await?;
    }
    let [organization, user] = ids;
    let id = filter.id.clone().unwrap_or_default();
    let rows = tx.query(FIND, &[id.into(), organization.into(), user.into()]).await?;
    let read = |row: &Row| {
        Ok(Found {
            tenant_id: row.text(0)?,
            info: SessionInfo {
                organization: row.opt_text(1)?,
                login: row.opt_text(2)?,
                id: row.text(3)?,
                repository: row.text(4)?,
                status: row.text(5)?,
                messages: row.int(6)?,
                last_modified: row.text(7)?,
            },
        })
    };
    rows.iter().map(read).collect()
}

async fn home(tx: &Tx, user: &str, id: &str) -> Result<String> {
    let sql = "SELECT stored_in FROM session_locations WHERE tenant_id = $1 AND session_id = $2";
    match tx.query_one(sql, &[user.into(), id.into()]).await? {
        Some(row) => row.text(0),
        None => Err(StoreError::refused(format!("this user has no session {id}"))),
    }
}

/// As ingest does it: in the order of the tenants.
async fn lock(tx: &Tx, user: &str, tenants: &[&str]) -> Result<()> {
    let mut tenants = tenants.to_vec();
    tenants.sort_unstable();
    tx.lock(tenants.into_iter().map(|tenant| format!("{tenant}/{user}")).collect()).await
}

/// A stored session as one part of a batch.
async fn read_part(tx: &Tx, tenant: &str, id: &str) -> Result<Option<DecodedSession>> {
    let Some(row) = tx.query_one(FIELDS, &[tenant.into(), id.into()]).await? else { return Ok(None) };
    let sql = format!(
        "SELECT {MESSAGE_COLUMNS} FROM messages WHERE tenant_id = $1 AND session_id = $2 \
         ORDER BY at, line_number, message_id"
    );
    let messages = tx.query(&sql, &[tenant.into(), id.into()]).await?;
    let tasks = tx.query(TASKS, &[tenant.into(), id.into()]).await?;
    let inclusion = match row.opt_text(5)?.as_deref() {
        Some("organization") => Some(Inclusion::Organization),
        Some("personal") => Some(Inclusion::Personal),
        Some("forced_include") => Some(Inclusion::ForcedInclude),
        _ => None,
    };
    Ok(Some(DecodedSession {
        remote: Remote::parse(&row.text(0)?).ok(),
        inclusion,
        status: row.text(2)?,
        slug: row.opt_text(3)?,
        harness: row.opt_text(4)?,
        last_modified: row.text(6)?,
        modified_at: row.int(7)?,
        is_arrival: false,
        total_message_count: row.opt_int(8)?,
        messages: messages.iter().map(read_message).collect::<Result<_>>()?,
        tasks: tasks.iter().map(read_task).collect::<Result<_>>()?,
    }))
}

fn read_message(row: &Row) -> Result<DecodedMessage> {
    let wire = SyncMessage {
        id: row.text(0)?,
        line_number: row.int(2)?,
        stream: Some(row.text(3)?),
        message_type: row.text(4)?,
        timestamp: row.text(5)?,
        content_hash: row.text(6)?,
        content: row.opt_text(7)?,
        input_tokens: row.opt_int(8)?,
        output_tokens: row.opt_int(9)?,
        cache_read_tokens: row.opt_int(10)?,
        cache_creation_tokens: row.opt_int(11)?,
        agent_id: row.opt_text(12)?,
        parent_id: row.opt_text(13)?,
        role: row.opt_text(14)?,
        tool_name: row.opt_text(15)?,
        model: row.opt_text(16)?,
        usage_id: row.opt_text(17)?,
        lines_added: row.opt_int(18)?,
        lines_removed: row.opt_int(19)?,
        files_changed: row.opt_int(20)?,
        content_omitted: row.flag(21)?.then_some(true),
    };
    Ok(DecodedMessage { at: row.int(1)?, wire })
}

fn read_task(row: &Row) -> Result<DecodedTask> {
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
}

/// Deletes a session's rows and their sums, and counts anew the answers that it shared with other sessions.
async fn delete_rows(tx: &Tx, tenant: &str, user: &str, id: &str) -> Result<()> {
    let session = [Value::from(tenant), id.into()];
    let sql = "SELECT DISTINCT usage_id FROM messages WHERE tenant_id = $1 AND session_id = $2 AND usage_id IS NOT NULL";
    let shared: Vec<String> =
        tx.query(sql, &session).await?.iter().map(|row| row.text(0)).collect::<Result<_>>()?;
    for table in ["messages", "tasks", "sessions"] {
        tx.execute(&format!("DELETE FROM {table} WHERE tenant_id = $1 AND session_id = $2"), &session)
            .await?;
    }
    let row =
        tx.query_one("SELECT retained_since FROM tenants WHERE tenant_id = $1", &[tenant.into()]).await?;
    let since = row.map(|row| row.opt_int(0)).transpose()?.flatten().map_or(i64::MIN, time::day);
    let sql = "DELETE FROM metrics WHERE tenant_id = $1 AND session_id = $2 AND user_id = $3 AND day >= $4";
    tx.execute(sql, &[tenant.into(), id.into(), user.into(), since.into()]).await?;
    if shared.is_empty() {
        return Ok(());
    }
    let work = Work::new(tx, user.to_owned(), 0).assume_existing();
    let mut deltas = Deltas::new();
    for usage in work.usages(tenant, shared.iter().map(String::as_str)).await?.values() {
        // What was counted in the session itself is gone with its sums.
        if usage.first.session_id != id {
            token_usage::count_usage(usage, -1, &mut deltas).map_err(ingest::Stop::from)?;
        }
    }
    let sql = "DELETE FROM usages WHERE tenant_id = $1 AND user_id = $2 AND usage_id IN {list:$3}";
    work.tx.execute(sql, &[tenant.into(), user.into(), shared.clone().into()]).await?;
    let sql = format!(
        "SELECT {MESSAGE_COLUMNS} FROM messages WHERE tenant_id = $1 AND user_id = $2 AND usage_id IN {{list:$3}}"
    );
    let mut usages: HashMap<String, Usage> = HashMap::new();
    for row in work.tx.query(&sql, &[tenant.into(), user.into(), shared.into()]).await? {
        token_usage::merge_usage(&row.text(22)?, &read_message(&row)?, &mut usages);
    }
    for usage in usages.values() {
        token_usage::count_usage(usage, 1, &mut deltas).map_err(ingest::Stop::from)?;
    }
    Ok(work.store_sums(tenant, &HashMap::new(), &HashMap::new(), &usages, deltas).await?)
}
