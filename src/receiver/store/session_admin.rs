//! The operator's commands on single sessions: list, export, move to another tenant, delete for good.
//!
//! Invariant: a session that leaves a tenant takes its sums along, except those of pruned days, which stay.

use super::audit::{AuditEntry, record};
use super::database::{DbRole, Transaction};
use super::directory::{TenantKind, tenant_id};
use super::error::{Result, StoreError};
use super::forget::delete_sessions;
use super::open::Store;
use super::sql::Row;
use super::tables::{
    fill_timestamp, move_location, no_session, read_pull_request, rejected_logins, resolving_command,
    session_location, session_messages, session_repository, session_tasks, set_tombstones,
};
use super::write::Upserter;
use crate::protocol::remote::Remote;
use crate::protocol::{Inclusion, SyncMessage, SyncSession};
use crate::receiver::ingest::batch::{DecodedMessage, DecodedSession};
use serde::Serialize;

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
    SELECT repository, status, slug, harness, inclusion, last_modified, modified_at, total_message_count, \
    pr_number, pr_url, team_name FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND session_id = $3";

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
        write: impl FnMut(ExportedSession) -> Result<()>,
    ) -> Result<()> {
        self.record_export(filter).await?;
        let tx = self.db.read(DbRole::Operator).await?;
        export_sessions(&tx, filter, write).await?;
        tx.commit().await
    }

    async fn record_export(&self, filter: &SessionFilter) -> Result<()> {
        self.operate(async |tx| {
            let (organization, user) = tenants_of(tx, filter).await?;
            let id = filter.id.as_ref().map(|id| format!("session {id}"));
            let parts = [id, organization, user].into_iter().flatten().collect::<Vec<_>>();
            let target = if parts.is_empty() { "all sessions".to_owned() } else { parts.join(" of ") };
            record(tx, &AuditEntry::command("session.export", target)).await
        })
        .await
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
            let location = session_location(tx, &user, id).await?.ok_or_else(|| no_session(id))?;
            if location.has_tombstone {
                return Err(StoreError::refused(format!(
                    "the session {id} was forgotten and cannot be moved"
                )));
            }
            let from = location.tenant_id.ok_or_else(|| no_session(id))?;
            let to = match organization {
                Some(slug) => tenant_id(tx, TenantKind::Organization, slug).await?,
                None => user.clone(),
            };
            if from == to {
                return Err(StoreError::refused(format!("the session {id} is there already")));
            }
            let session = read_session(tx, &from, &user, id).await?;
            delete_sessions(tx, &from, &user, &[id.to_owned()]).await?;
            move_location(tx, &user, id, &to).await?;
            // Of a pruned session only the location is left.
            if let Some(session) = session {
                let upserter = Upserter::new(tx, user.clone(), now);
                upserter.assume_existing().restore(&to, id, &session).await?;
            }
            let target = format!("session {id} of {user} from {from} to {to}");
            record(tx, &AuditEntry::command("session.move", target)).await
        })
        .await
    }

    /// Deletes a user's session and leaves a tombstone, so that the session is not stored again.
    pub async fn forget_session(&self, login: &str, id: &str, now: i64) -> Result<()> {
        self.operate(async |tx| {
            let user = tenant_id(tx, TenantKind::User, login).await?;
            tx.lock_users(vec![user.clone()]).await?;
            let location = session_location(tx, &user, id).await?.ok_or_else(|| no_session(id))?;
            let mut repository = None;
            if let Some(tenant) = location.tenant_id {
                repository = session_repository(tx, &tenant, &user, id).await?;
                delete_sessions(tx, &tenant, &user, &[id.to_owned()]).await?;
            }
            set_tombstones(tx, &user, std::iter::once((id, repository.as_deref())), now).await?;
            record(tx, &AuditEntry::command("session.forget", format!("session {id} of {user}"))).await
        })
        .await
    }
}

/// Passes whole sessions to `write`, one after the other.
pub async fn export_sessions(
    tx: &Transaction,
    filter: &SessionFilter,
    mut write: impl FnMut(ExportedSession) -> Result<()>,
) -> Result<()> {
    for found in find_sessions(tx, filter).await? {
        let stored = read_session(tx, &found.tenant_id, &found.user_id, &found.info.id).await?;
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
            pr_number: stored.pull_request.as_ref().map(|request| request.number),
            pr_url: stored.pull_request.and_then(|request| request.url),
            team_name: stored.team_name,
        };
        let (organization, login) = (found.info.organization, found.info.login);
        write(ExportedSession { organization, login, session })?;
    }
    Ok(())
}

fn exported_message(mut message: DecodedMessage) -> SyncMessage {
    fill_timestamp(&mut message);
    message.wire
}

async fn find_sessions(tx: &Transaction, filter: &SessionFilter) -> Result<Vec<FoundSession>> {
    let (organization, user) = tenants_of(tx, filter).await?;
    let (organization, user) = (organization.unwrap_or_default(), user.unwrap_or_default());
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

/// The ids of the organization and the user that a selection names.
async fn tenants_of(tx: &Transaction, filter: &SessionFilter) -> Result<(Option<String>, Option<String>)> {
    let organization = match &filter.organization {
        Some(slug) => Some(tenant_id(tx, TenantKind::Organization, slug).await?),
        None => None,
    };
    let user = match &filter.login {
        Some(login) => Some(tenant_id(tx, TenantKind::User, login).await?),
        None => None,
    };
    Ok((organization, user))
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
        pull_request: read_pull_request(&row, 8)?,
        team_name: row.opt_text(10)?,
        last_modified: row.text(5)?,
        modified_at: row.int(6)?,
        is_arrival: false,
        total_message_count: row.opt_int(7)?,
        messages: session_messages(tx, tenant, user, id).await?,
        tasks: session_tasks(tx, tenant, user, id).await?,
    }))
}
