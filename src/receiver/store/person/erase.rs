//! Erasure of a user: everything that names the user goes.

use crate::receiver::store::audit::{AuditEntry, record};
use crate::receiver::store::directory::{TenantKind, remove_tenant, tenant_id};
use crate::receiver::store::error::Result;
use crate::receiver::store::open::Store;
use crate::receiver::store::sql::Value;
use serde::Serialize;

/// Result of an erasure.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// Id of the user, by which the audit log still knows the user.
    pub erased: String,
    /// Sessions deleted.
    pub sessions: i64,
    /// Messages deleted.
    pub messages: i64,
    /// Sums that stay in organizations, without a name.
    pub sums_kept: i64,
    /// Entries of the audit log that stay, with the id alone.
    pub audit_entries_kept: i64,
}

const COUNT_SESSIONS: &str = "SELECT count(*) FROM sessions WHERE user_id = $1";
const COUNT_MESSAGES: &str = "SELECT count(*) FROM messages WHERE user_id = $1";
const COUNT_SUMS: &str = "SELECT count(*) FROM metrics WHERE user_id = $1";
const COUNT_ENTRIES: &str = "\
    SELECT count(*) FROM audit WHERE tenant_id = 'audit' \
    AND (actor = $1 OR ' ' || target || ' ' LIKE '% ' || $1 || ' %')";

impl Store {
    /// Erases a user, once the batches on their way are stored.
    pub async fn erase_user(&self, login: &str) -> Result<Erased> {
        self.operate(async |tx| {
            let user = tenant_id(tx, TenantKind::User, login).await?;
            tx.lock_users(vec![user.clone()]).await?;
            let count = async |sql: &str| {
                tx.query_one(sql, &[Value::from(&user)]).await?.map_or(Ok(0), |row| row.int(0))
            };
            let (sessions, messages) = (count(COUNT_SESSIONS).await?, count(COUNT_MESSAGES).await?);
            remove_tenant(tx, TenantKind::User, &user).await?;
            record(tx, &AuditEntry::command("user.erase", &user)).await?;
            let (sums_kept, audit_entries_kept) = (count(COUNT_SUMS).await?, count(COUNT_ENTRIES).await?);
            Ok(Erased { erased: user.clone(), sessions, messages, sums_kept, audit_entries_kept })
        })
        .await
    }
}
