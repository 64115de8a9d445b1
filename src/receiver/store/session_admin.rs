//! The operator's commands on single sessions: list, export, move to another tenant, delete for good.
//!
//! Invariant: a session that leaves a tenant takes its sums along, except those of pruned days, which stay.

use super::database::{DbRole, Transaction};
use super::directory::{TenantKind, tenant_id};
use super::error::{Result, StoreError};
use super::open::Store;
use super::sql::{Row, Value};
use super::tables::{
    delete_usages, fill_timestamp, move_location, rejected_logins, resolving_command, session_location,
    session_messages, session_tasks, set_tombstone, usage_messages,
};
use super::write::{Aggregates, UpsertError, Upserter};
use crate::protocol::remote::Remote;
use crate::protocol::{Inclusion, SyncMessage, SyncSession};
use crate::receiver::ingest::batch::{DecodedMessage, DecodedSession};
use crate::receiver::ingest::token_usage::{self, MetricsDeltas, TokenUsage};
use crate::receiver::time;
use serde::Serialize;
use std::collections::HashMap;

/// A session in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// Slug, or null in a private space.
    pub organization: Option<String>,
    /// Login name of the user.
    pub login: Option<String>,
    /// Id within the tenant.
    pub id: String,
    /// URL of the repository.
    pub repository: String,
    /// Status, as the source has it.
    pub status: String,
    /// Stored messages.
    pub messages: i64,
    /// Time of the last change, RFC 3339.
    pub last_modified: String,
    /// Users whose sessions were rejected because of this one's id.
    pub conflicts: Vec<SessionConflict>,
}

/// A rejection because of a session's id, and the remedy.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionConflict {
    /// Login of the user whose session was rejected.
    pub login: String,
    /// Command that frees the id.
    pub command: String,
}

/// An exported session, in the form of the wire, and the tenant and user it belongs to.
#[derive(Debug, Serialize)]
pub struct ExportedSession {
    /// Slug of the organization; null in a private space.
    pub organization: Option<String>,
    /// Login name of the user.
    pub login: Option<String>,
    /// The session with its messages and tasks.
    pub session: SyncSession,
}

/// A selection of sessions; an absent field selects all.
#[derive(Debug, Default)]
pub struct SessionFilter {
    /// Id within the tenant.
    pub id: Option<String>,
    /// Slug of the organization.
    pub organization: Option<String>,
    /// Login name of the user.
    pub login: Option<String>,
}

struct FoundSession {
    tenant_id: String,
    user_id: String,
    info: SessionInfo,
}

const SELECT_SESSIONS: &str = "\
    SELECT s.tenant_id, CASE WHEN t.kind = 'organization' THEN t.handle END, u.handle, s.session_id, \
    s.repository, s.status, s.message_count, s.last_modified, s.user_id FROM sessions s \
    JOIN tenants t ON t.tenant_id = s.tenant_id LEFT JOIN tenants u ON u.tenant_id = s.user_id \
    WHERE ($1 = '' OR s.session_id = $1) AND ($2 = '' OR s.tenant_id = $2) AND ($3 = '' OR s.user_id = $3) \
    ORDER BY t.handle, s.stored_at, s.session_id";
const SELECT_FIELDS: &str = "\
    SELECT repository, status, slug, harness, inclusion, last_modified, modified_at, total_message_count \
    FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND session_id = $3";
const SELECT_USAGE_IDS: &str = "\
    SELECT DISTINCT usage_id FROM messages WHERE tenant_id = $1 AND user_id = $2 AND session_id = $3 \
    AND usage_id IS NOT NULL";
const DELETE_METRICS: &str = "\
    DELETE FROM metrics WHERE tenant_id = $1 AND user_id = $2 AND session_id = $3 AND day >= $4";

impl Store {
    /// The selected sessions.
    pub async fn list_sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionInfo>> {
        let tx = self.db.read(DbRole::Operator).await?;
        let found = find_sessions(&tx, filter).await?;
        let rejected = rejected_logins(&tx).await?;
        tx.commit().await?;
        let with_conflicts = |FoundSession { tenant_id, mut info, .. }: FoundSession| {
            if let (Some(logins), Some(holder)) = (rejected.get(&(tenant_id, info.id.clone())), &info.login) {
                let command = resolving_command(&info.id, holder);
                let conflict =
                    |login: &String| SessionConflict { login: login.clone(), command: command.clone() };
                info.conflicts = logins.iter().map(conflict).collect();
            }
            info
        };
        Ok(found.into_iter().map(with_conflicts).collect())
    }

    /// Passes whole sessions to `write`, one after the other.
    pub async fn export_sessions(
        &self,
        filter: &SessionFilter,
        mut write: impl FnMut(ExportedSession) -> Result<()>,
    ) -> Result<()> {
        let tx = self.db.read(DbRole::Operator).await?;
        for found in find_sessions(&tx, filter).await? {
            let stored = read_session(&tx, &found.tenant_id, &found.user_id, &found.info.id).await?;
            let Some(stored) = stored else { continue };
            let session = SyncSession {
                id: found.info.id,
                project_slug: stored.remote.as_ref().map_or("", |remote| remote.repo()).to_owned(),
                repo_remote: found.info.repository,
                status: stored.status,
                slug: stored.slug,
                messages: stored.messages.into_iter().map(exported_message).collect(),
                tasks: stored.tasks.into_iter().map(|task| task.wire).collect(),
                last_modified: stored.last_modified,
                total_message_count: stored.total_message_count,
                inclusion: stored.inclusion,
                harness: stored.harness,
            };
            let (organization, login) = (found.info.organization, found.info.login);
            write(ExportedSession { organization, login, session })?;
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
        self.operate(async |tx| {
            let user = tenant_id(tx, TenantKind::User, login).await?;
            tx.lock_users(vec![user.clone()]).await?;
            let location = session_location(tx, &user, id).await?;
            if location.has_tombstone {
                return Err(StoreError::refused(format!(
                    "the session {id} was forgotten and cannot be moved"
                )));
            }
            let (from, to) = match organization {
                Some(slug) => (location.tenant_id, tenant_id(tx, TenantKind::Organization, slug).await?),
                None => (location.tenant_id, user.clone()),
            };
            if from == to {
                return Err(StoreError::refused(format!("the session {id} is there already")));
            }
            let session = read_session(tx, &from, &user, id).await?;
            delete_rows(tx, &from, &user, id).await?;
            move_location(tx, &user, id, &to).await?;
            // Of a pruned session only the location is left.
            if let Some(session) = session {
                Upserter::new(tx, user, now).assume_existing().restore(&to, id, &session).await?;
            }
            Ok(())
        })
        .await
    }

    /// Deletes a user's session and leaves a tombstone, so that the session is not stored again.
    pub async fn forget_session(&self, login: &str, id: &str, now: i64) -> Result<()> {
        self.operate(async |tx| {
            let user = tenant_id(tx, TenantKind::User, login).await?;
            tx.lock_users(vec![user.clone()]).await?;
            let location = session_location(tx, &user, id).await?;
            delete_rows(tx, &location.tenant_id, &user, id).await?;
            set_tombstone(tx, &user, id, now).await
        })
        .await
    }
}

fn exported_message(mut message: DecodedMessage) -> SyncMessage {
    fill_timestamp(&mut message);
    message.wire
}

async fn find_sessions(tx: &Transaction, filter: &SessionFilter) -> Result<Vec<FoundSession>> {
    let organization = match &filter.organization {
        Some(slug) => tenant_id(tx, TenantKind::Organization, slug).await?,
        None => String::new(),
    };
    let user = match &filter.login {
        Some(login) => tenant_id(tx, TenantKind::User, login).await?,
        None => String::new(),
    };
    let id = filter.id.clone().unwrap_or_default();
    let rows = tx.query(SELECT_SESSIONS, &[id.into(), organization.into(), user.into()]).await?;
    let read = |row: &Row| {
        Ok(FoundSession {
            tenant_id: row.text(0)?,
            user_id: row.text(8)?,
            info: SessionInfo {
                organization: row.opt_text(1)?,
                login: row.opt_text(2)?,
                id: row.text(3)?,
                repository: row.text(4)?,
                status: row.text(5)?,
                messages: row.int(6)?,
                last_modified: row.text(7)?,
                conflicts: Vec::new(),
            },
        })
    };
    rows.iter().map(read).collect()
}

/// A user's stored session in the form of a decoded one; `None` if only its location is left, or if the id is now another
/// user's.
async fn read_session(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    id: &str,
) -> Result<Option<DecodedSession>> {
    let key = [tenant.into(), user.into(), id.into()];
    let Some(row) = tx.query_one(SELECT_FIELDS, &key).await? else { return Ok(None) };
    let inclusion = match row.opt_text(4)?.as_deref() {
        Some("organization") => Some(Inclusion::Organization),
        Some("personal") => Some(Inclusion::Personal),
        Some("forced_include") => Some(Inclusion::ForcedInclude),
        _ => None,
    };
    Ok(Some(DecodedSession {
        remote: Remote::parse(&row.text(0)?).ok(),
        inclusion,
        status: row.text(1)?,
        slug: row.opt_text(2)?,
        harness: row.opt_text(3)?,
        last_modified: row.text(5)?,
        modified_at: row.int(6)?,
        is_arrival: false,
        total_message_count: row.opt_int(7)?,
        messages: session_messages(tx, tenant, user, id).await?,
        tasks: session_tasks(tx, tenant, user, id).await?,
    }))
}

/// Deletes the rows and sums of a user's session, and counts the answers again that the session shared with others.
async fn delete_rows(tx: &Transaction, tenant: &str, user: &str, id: &str) -> Result<()> {
    let session = [Value::from(tenant), user.into(), id.into()];
    let usage_ids = tx.query_texts(SELECT_USAGE_IDS, &session).await?;
    for table in ["messages", "tasks", "sessions"] {
        let sql = format!("DELETE FROM {table} WHERE tenant_id = $1 AND user_id = $2 AND session_id = $3");
        tx.execute(&sql, &session).await?;
    }
    let row =
        tx.query_one("SELECT retained_since FROM tenants WHERE tenant_id = $1", &[tenant.into()]).await?;
    let first_day = row.map(|row| row.opt_int(0)).transpose()?.flatten().map_or(i64::MIN, time::day);
    tx.execute(DELETE_METRICS, &[tenant.into(), user.into(), id.into(), first_day.into()]).await?;
    if usage_ids.is_empty() {
        return Ok(());
    }
    let deleted = DeletedSession { tx, tenant, user, id, first_day };
    Ok(deleted.recount_usages(usage_ids).await?)
}

/// A session whose rows and sums are gone.
struct DeletedSession<'a> {
    tx: &'a Transaction,
    tenant: &'a str,
    user: &'a str,
    id: &'a str,
    /// The first day whose sums are not frozen by a prune.
    first_day: i64,
}

impl DeletedSession<'_> {
    /// Counts answers of which the session had rows from their remaining rows. An answer that counts on a pruned day stays
    /// as it is, because the sums of that day stay.
    async fn recount_usages(&self, mut usage_ids: Vec<String>) -> Result<(), UpsertError> {
        let DeletedSession { tx, tenant, user, .. } = *self;
        let aggregates = Aggregates { tx, tenant, user_id: user, assumes_existing: true };
        let mut stored = aggregates.usages(usage_ids.iter().map(String::as_str)).await?;
        let is_frozen = |usage: &TokenUsage| time::day(usage.first.at) < self.first_day;
        usage_ids.retain(|id| !stored.get(id).is_some_and(is_frozen));
        stored.retain(|_, usage| !is_frozen(usage));
        let mut deltas = MetricsDeltas::new();
        // The sums of an answer that counted in the session are gone with the session's.
        for usage in stored.values().filter(|usage| usage.first.session_id != self.id) {
            token_usage::count_usage(usage, -1, &mut deltas)?;
        }
        delete_usages(tx, tenant, user, usage_ids.clone()).await?;
        let mut usages: HashMap<String, TokenUsage> = HashMap::new();
        for (session, message) in usage_messages(tx, tenant, user, usage_ids).await? {
            token_usage::merge_usage(&session, &message, &mut usages);
        }
        for usage in usages.values() {
            token_usage::count_usage(usage, 1, &mut deltas)?;
        }
        aggregates.upsert(&HashMap::new(), &HashMap::new(), &usages, &deltas).await
    }
}
