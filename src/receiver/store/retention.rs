//! Retention: deletes messages that are older than an operator wants to keep, and rejects them from then on.
//!
//! Invariants: sums stay; a tenant remembers the start of its retention (`retained_since`), so that a reset or a replay
//! brings nothing back and counts nothing twice. Days are pruned whole, so that the sums of a day are either those of all
//! its rows or frozen.

use super::audit::{AuditEntry, record};
use super::database::DbRole;
use super::digests::{count_messages, set_digest};
use super::directory::{TenantKind, tenant_id, tenant_users};
use super::error::Result;
use super::open::{Store, with_retries};
use super::sql::Value;
use crate::receiver::time::{self, DAY_US};
use serde::Serialize;

/// Time by which the tokens of an answer outlive its rows: an answer may have rows on both sides of the limit, minutes
/// apart.
pub const USAGE_MARGIN_US: i64 = 2 * DAY_US;

/// Result of a prune.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pruned {
    /// Time before which rows are deleted, RFC 3339.
    pub retained_since: String,
    /// Tenants that were pruned.
    pub tenants: u64,
    /// Sessions deleted.
    pub sessions: u64,
    /// Messages deleted.
    pub messages: u64,
    /// Tasks deleted.
    pub tasks: u64,
}

const RETAIN_SINCE: &str = "\
    UPDATE tenants SET retained_since = $2 WHERE tenant_id = $1 AND (retained_since IS NULL OR retained_since < $2)";
/// A message whose own time is ahead of its arrival goes by its arrival: its own time may be centuries away.
const DELETE_MESSAGES: &str = "\
    DELETE FROM messages WHERE tenant_id = $1 AND (at < $3 OR arrived_at < $3) AND session_id IN \
    (SELECT session_id FROM sessions WHERE tenant_id = $1 AND user_id = $2)";
const SELECT_PRUNED_SESSIONS: &str = "\
    SELECT DISTINCT session_id FROM messages WHERE tenant_id = $1 AND (at < $3 OR arrived_at < $3) AND session_id IN \
    (SELECT session_id FROM sessions WHERE tenant_id = $1 AND user_id = $2)";
const STRIP_TASKS: &str = "\
    UPDATE tasks SET subject = '', description = NULL, pruned = TRUE \
    WHERE tenant_id = $1 AND user_id = $2 AND changed_at < $3 AND NOT pruned";
const DELETE_USAGES: &str = "DELETE FROM usages WHERE tenant_id = $1 AND user_id = $2 AND last_at < $3";
const DELETE_SESSIONS: &str = "\
    DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND modified_at < $3 AND message_count = 0";

const SELECT_UNPRUNED: &str =
    "SELECT 1 FROM tenants WHERE retained_since IS NULL OR retained_since < $1 LIMIT 1";

impl Store {
    /// As [`Store::prune`] in all tenants, unless each has been pruned up to that day. A prune that was cut off goes on with the
    /// next day.
    pub async fn prune_once_a_day(&self, span: i64, now: i64) -> Result<Option<Pruned>> {
        let tx = self.db.read(DbRole::Operator).await?;
        let unpruned = tx.query_one(SELECT_UNPRUNED, &[start_of_retention(span, now).into()]).await?;
        tx.commit().await?;
        match unpruned {
            Some(_) => self.prune(span, None, now).await.map(Some),
            None => Ok(None),
        }
    }

    /// Deletes what is older than `span` microseconds before `now`, in one organization or in all tenants.
    pub async fn prune(&self, span: i64, organization: Option<&str>, now: i64) -> Result<Pruned> {
        let since = start_of_retention(span, now);
        let tenants = self
            .operate(async |tx| {
                let tenants = match organization {
                    Some(slug) => vec![tenant_id(tx, TenantKind::Organization, slug).await?],
                    None => tx.query_texts("SELECT tenant_id FROM tenants ORDER BY tenant_id", &[]).await?,
                };
                for tenant in &tenants {
                    tx.execute(RETAIN_SINCE, &[Value::from(tenant), since.into()]).await?;
                }
                let whose = organization.and(tenants.first()).map_or("all", String::as_str);
                let target = format!("{whose} before {}", time::rfc3339(since));
                record(tx, &AuditEntry::command("prune", target)).await?;
                Ok(tenants)
            })
            .await?;
        let mut pruned = Pruned { retained_since: time::rfc3339(since), ..Pruned::default() };
        for tenant in &tenants {
            pruned.tenants += 1;
            // Batches that begin now store nothing older. Those that began before hold their user's lock.
            let tx = self.db.read(DbRole::Operator).await?;
            let users = tenant_users(&tx, tenant).await?;
            tx.commit().await?;
            for user in &users {
                let [messages, tasks, sessions] =
                    with_retries(async || self.prune_user(tenant, user, since).await).await?;
                pruned.messages += messages;
                pruned.tasks += tasks;
                pruned.sessions += sessions;
            }
        }
        Ok(pruned)
    }

    async fn prune_user(&self, tenant: &str, user: &str, since: i64) -> Result<[u64; 3]> {
        let tx = self.db.write(DbRole::Operator).await?;
        tx.lock_users(vec![user.to_owned()]).await?;
        let params = [Value::from(tenant), user.into(), since.into()];
        let pruned = tx.query_texts(SELECT_PRUNED_SESSIONS, &params).await?;
        let messages = tx.execute(DELETE_MESSAGES, &params).await?;
        for session in &pruned {
            let digest = count_messages(&tx, tenant, user, session, |_| {}).await?;
            set_digest(&tx, tenant, session, digest).await?;
        }
        let tasks = tx.execute(STRIP_TASKS, &params).await?;
        tx.execute(DELETE_USAGES, &[tenant.into(), user.into(), (since - USAGE_MARGIN_US).into()]).await?;
        let sessions = tx.execute(DELETE_SESSIONS, &params).await?;
        tx.commit().await?;
        Ok([messages, tasks, sessions])
    }
}

/// The start of the day that is `span` microseconds before `now`.
fn start_of_retention(span: i64, now: i64) -> i64 {
    now.saturating_sub(span).div_euclid(DAY_US) * DAY_US
}
