//! The operator's commands on single sessions: list, export, move to another tenant, delete for good.
//!
//! Invariant: a session that leaves a tenant takes its sums along, except those of pruned days, which stay.

use super::database::{DbRole, Transaction};
use super::directory::{TenantKind, tenant_id};
use super::error::{Result, StoreError};
use super::open::Store;
use super::sql::{Row, Value};
use super::tables::{
    delete_location, delete_usages, move_location, session_location, session_messages, session_tasks,
    show_time, usage_messages,
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
}

/// An exported session, in the form of the wire, and the tenant and user it belongs to.
#[derive(Debug, Serialize)]
pub struct ExportedSession {
    /// Slug of the organization; null in a private space.
    pub organization: Option<String>,
    /// Login name of the user.
    pub login: Option<String>,
    /// Session of the row.
    pub session: SyncSession,
}

/// A selection of sessions; an absent field selects all.
#[derive(Debug, Default)]
pub struct SessionFilter {
    /// Id within the tenant.
    pub id: Option<String>,
    /// Slug of the organization; null in a private space.
    pub organization: Option<String>,
    /// Login name of the user.
    pub login: Option<String>,
}

struct FoundSession {
    tenant_id: String,
    info: SessionInfo,
}

const SELECT_SESSIONS: &str = "\
    SELECT s.tenant_id, CASE WHEN t.kind = 'organization' THEN t.handle END, u.handle, s.session_id, \
    s.repository, s.status, s.message_count, s.last_modified FROM sessions s \
    JOIN tenants t ON t.tenant_id = s.tenant_id LEFT JOIN tenants u ON u.tenant_id = s.user_id \
    WHERE ($1 = '' OR s.session_id = $1) AND ($2 = '' OR s.tenant_id = $2) AND ($3 = '' OR s.user_id = $3) \
    ORDER BY t.handle, s.stored_at, s.session_id";
const SELECT_FIELDS: &str = "\
    SELECT repository, status, slug, harness, inclusion, last_modified, modified_at, total_message_count \
    FROM sessions WHERE tenant_id = $1 AND session_id = $2";
const SELECT_USAGE_IDS: &str = "\
    SELECT DISTINCT usage_id FROM messages WHERE tenant_id = $1 AND session_id = $2 AND usage_id IS NOT NULL";
const DELETE_METRICS: &str = "\
    DELETE FROM metrics WHERE tenant_id = $1 AND session_id = $2 AND user_id = $3 AND day >= $4";

impl Store {
    /// The selected sessions.
    pub async fn list_sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionInfo>> {
        let tx = self.db.read(DbRole::Operator).await?;
        let found = find_sessions(&tx, filter).await?;
        tx.commit().await?;
        Ok(found.into_iter().map(|found| found.info).collect())
    }

    /// Passes whole sessions to `write`, one after the other.
    pub async fn export_sessions(
        &self,
        filter: &SessionFilter,
        mut write: impl FnMut(ExportedSession) -> Result<()>,
    ) -> Result<()> {
        let tx = self.db.read(DbRole::Operator).await?;
        for found in find_sessions(&tx, filter).await? {
            let Some(stored) = read_session(&tx, &found.tenant_id, &found.info.id).await? else { continue };
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
            let from = session_location(tx, &user, id).await?;
            let to = match organization {
                Some(slug) => tenant_id(tx, TenantKind::Organization, slug).await?,
                None => user.clone(),
            };
            if from == to {
                return Err(StoreError::refused(format!("the session {id} is there already")));
            }
            lock(tx, &user, &[&from, &to]).await?;
            let session = read_session(tx, &from, id).await?;
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
            let tenant = session_location(tx, &user, id).await?;
            lock(tx, &user, &[&tenant]).await?;
            delete_rows(tx, &tenant, &user, id).await?;
            delete_location(tx, &user, id, now).await
        })
        .await
    }
}

fn exported_message(mut message: DecodedMessage) -> SyncMessage {
    show_time(&mut message);
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

/// Locks the user in these tenants, in the order in which batches lock them.
async fn lock(tx: &Transaction, user: &str, tenants: &[&str]) -> Result<()> {
    let mut tenants = tenants.to_vec();
    tenants.sort_unstable();
    tx.lock(tenants.into_iter().map(|tenant| format!("{tenant}/{user}")).collect()).await
}

/// A stored session in the form of a decoded one.
async fn read_session(tx: &Transaction, tenant: &str, id: &str) -> Result<Option<DecodedSession>> {
    let Some(row) = tx.query_one(SELECT_FIELDS, &[tenant.into(), id.into()]).await? else { return Ok(None) };
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
        messages: session_messages(tx, tenant, id).await?,
        tasks: session_tasks(tx, tenant, id).await?,
    }))
}

/// Deletes a session's rows and sums, and counts the answers again that the session shared with others.
async fn delete_rows(tx: &Transaction, tenant: &str, user: &str, id: &str) -> Result<()> {
    let session = [Value::from(tenant), id.into()];
    let usage_ids = tx.query(SELECT_USAGE_IDS, &session).await?;
    let usage_ids: Vec<String> = usage_ids.iter().map(|row| row.text(0)).collect::<Result<_>>()?;
    for table in ["messages", "tasks", "sessions"] {
        tx.execute(&format!("DELETE FROM {table} WHERE tenant_id = $1 AND session_id = $2"), &session)
            .await?;
    }
    let row =
        tx.query_one("SELECT retained_since FROM tenants WHERE tenant_id = $1", &[tenant.into()]).await?;
    let since = row.map(|row| row.opt_int(0)).transpose()?.flatten().map_or(i64::MIN, time::day);
    tx.execute(DELETE_METRICS, &[tenant.into(), id.into(), user.into(), since.into()]).await?;
    if usage_ids.is_empty() {
        return Ok(());
    }
    Ok(recount_usages(tx, tenant, user, id, usage_ids).await?)
}

/// Counts answers from their remaining rows, after the rows and sums of the session `deleted` are gone.
async fn recount_usages(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    deleted: &str,
    usage_ids: Vec<String>,
) -> Result<(), UpsertError> {
    let aggregates = Aggregates { tx, tenant, user_id: user, assumes_existing: true };
    let mut deltas = MetricsDeltas::new();
    for usage in aggregates.usages(usage_ids.iter().map(String::as_str)).await?.values() {
        // An answer that was counted in the deleted session is gone with its sums.
        if usage.first.session_id != deleted {
            token_usage::count_usage(usage, -1, &mut deltas)?;
        }
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
