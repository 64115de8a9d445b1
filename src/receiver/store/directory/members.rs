//! Memberships of users in organizations.

use super::names::{TenantKind, tenant_id};
use super::principal::Role;
use crate::receiver::store::audit::{AuditEntry, record};
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::Store;
use crate::receiver::store::sql::{Row, Value};
use crate::receiver::time;
use serde::Serialize;
use std::collections::HashMap;

/// A membership in a list.
#[derive(Debug, Clone, Serialize)]
pub struct MemberInfo {
    /// Slug of the organization.
    pub organization: String,
    /// Login name of the user.
    pub login: String,
    /// `member` or `admin`.
    pub role: &'static str,
}

const UPSERT_MEMBER: &str = "\
    INSERT INTO members (tenant_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role";

const SELECT_CURRENT_TENANTS: &str = "\
    SELECT tenant_id, retained_since FROM tenants WHERE tenant_id = $1 UNION ALL \
    SELECT t.tenant_id, t.retained_since FROM members m JOIN tenants t ON t.tenant_id = m.tenant_id \
    WHERE m.user_id = $1";

/// The tenants in which a user may store sessions, each with the start of its retention (`None`: everything is retained).
pub type CurrentTenants = HashMap<String, Option<i64>>;

/// Reads a user's tenants as they are under the user's lock. A user who was removed is an error.
pub async fn current_tenants(tx: &Transaction, user: &str) -> Result<CurrentTenants> {
    let rows = tx.query(SELECT_CURRENT_TENANTS, &[user.into()]).await?;
    let tenants: CurrentTenants =
        rows.iter().map(|row| Ok((row.text(0)?, row.opt_int(1)?))).collect::<Result<_>>()?;
    if tenants.contains_key(user) { Ok(tenants) } else { Err(StoreError::UserRemoved) }
}

impl Store {
    /// Makes a user a member, or changes a member's role.
    pub async fn set_member(&self, slug: &str, login: &str, role: Role) -> Result<()> {
        self.operate(async |tx| set_member(tx, slug, login, role).await).await
    }

    /// Ends a membership. Batches that were accepted before are stored before.
    pub async fn remove_member(&self, slug: &str, login: &str) -> Result<()> {
        self.operate(async |tx| {
            let organization = tenant_id(tx, TenantKind::Organization, slug).await?;
            let user = tenant_id(tx, TenantKind::User, login).await?;
            tx.lock_users(vec![user.clone()]).await?;
            let sql = "DELETE FROM members WHERE tenant_id = $1 AND user_id = $2";
            match tx.execute(sql, &[Value::from(&organization), Value::from(&user)]).await? {
                0 => Err(StoreError::refused(format!("{login} is no member of {slug}"))),
                _ => {
                    record(tx, &AuditEntry::command("member.remove", format!("{user} of {organization}")))
                        .await
                }
            }
        })
        .await
    }

    /// Members of one organization, or of all.
    pub async fn members(&self, slug: Option<&str>) -> Result<Vec<MemberInfo>> {
        let tx = self.db.read(DbRole::Operator).await?;
        let organization = match slug {
            Some(slug) => tenant_id(&tx, TenantKind::Organization, slug).await?,
            None => String::new(),
        };
        let sql = "SELECT o.handle, u.handle, m.role FROM members m \
                   JOIN tenants o ON o.tenant_id = m.tenant_id JOIN tenants u ON u.tenant_id = m.user_id \
                   WHERE $1 = '' OR m.tenant_id = $1 ORDER BY o.handle, u.handle";
        let rows = tx.query(sql, &[organization.into()]).await?;
        tx.commit().await?;
        let read = |row: &Row| {
            let role = Role::parse(&row.text(2)?).unwrap_or(Role::Member).as_str();
            Ok(MemberInfo { organization: row.text(0)?, login: row.text(1)?, role })
        };
        rows.iter().map(read).collect()
    }
}

/// Makes a user a member, or changes a member's role.
pub async fn set_member(tx: &Transaction, slug: &str, login: &str, role: Role) -> Result<()> {
    let organization = tenant_id(tx, TenantKind::Organization, slug).await?;
    let user = tenant_id(tx, TenantKind::User, login).await?;
    let params = [Value::from(&organization), (&user).into(), role.as_str().into(), time::now_us().into()];
    tx.execute(UPSERT_MEMBER, &params).await?;
    let target = format!("{user} of {organization} as {}", role.as_str());
    record(tx, &AuditEntry::command("member.set", target)).await
}

/// Makes a user a member in this role, unless the user is one already. `None`: in any role.
pub async fn ensure_member(tx: &Transaction, slug: &str, login: &str, role: Option<Role>) -> Result<()> {
    let organization = tenant_id(tx, TenantKind::Organization, slug).await?;
    let user = tenant_id(tx, TenantKind::User, login).await?;
    let sql = "SELECT role FROM members WHERE tenant_id = $1 AND user_id = $2";
    let row = tx.query_one(sql, &[Value::from(&organization), Value::from(&user)]).await?;
    let current = row.map(|row| row.text(0)).transpose()?;
    match (current, role) {
        (Some(_), None) => Ok(()),
        (Some(current), Some(role)) if current == role.as_str() => Ok(()),
        (_, role) => set_member(tx, slug, login, role.unwrap_or(Role::Member)).await,
    }
}
