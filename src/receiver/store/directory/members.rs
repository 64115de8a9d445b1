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
#[serde(rename_all = "camelCase")]
pub struct MemberInfo {
    /// Slug of the organization.
    pub organization: String,
    /// Login name of the user.
    pub login: String,
    /// `member` or `admin`.
    pub role: &'static str,
    /// True if a group of the provider gives the membership, alone or beside an operator. Left out of JSON where it is false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub from_group: bool,
}

const UPSERT_MEMBER: &str = "\
    INSERT INTO members (tenant_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role, group_role = NULL, assigned_role = NULL";
/// Ends a membership.
pub const DELETE_MEMBER: &str = "DELETE FROM members WHERE tenant_id = $1 AND user_id = $2";
/// The operator's role beside that of a group, if there is one.
const ASSIGN_MEMBER: &str = "\
    INSERT INTO members (tenant_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET \
    role = CASE WHEN members.group_role = 'admin' THEN 'admin' ELSE excluded.role END, \
    assigned_role = CASE WHEN members.group_role IS NULL THEN NULL ELSE excluded.role END";
/// Role that an operator gave.
const SELECT_ASSIGNED: &str = "\
    SELECT coalesce(assigned_role, role) FROM members WHERE tenant_id = $1 AND user_id = $2 \
    AND (group_role IS NULL OR assigned_role IS NOT NULL)";
/// Whoever is a member again is let in again.
const LET_IN: &str =
    "UPDATE tenants SET left_groups_at = NULL WHERE tenant_id = $1 AND left_groups_at IS NOT NULL";
/// Users of an organization who have no other, and whose membership of it came from a group alone. `$2`: one user, or empty.
const SHUT_OUT: &str = "\
    UPDATE tenants SET left_groups_at = $3 WHERE kind = 'user' AND left_groups_at IS NULL AND ($2 = '' OR tenant_id = $2) \
    AND tenant_id IN (SELECT user_id FROM members WHERE tenant_id = $1 AND group_role IS NOT NULL AND assigned_role IS NULL) \
    AND NOT EXISTS (SELECT 1 FROM members WHERE user_id = tenants.tenant_id AND tenant_id <> $1)";

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
            shut_out(tx, &organization, &user).await?;
            match tx.execute(DELETE_MEMBER, &[Value::from(&organization), Value::from(&user)]).await? {
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
        let sql = "SELECT o.handle, u.handle, m.role, m.group_role IS NOT NULL FROM members m \
                   JOIN tenants o ON o.tenant_id = m.tenant_id JOIN tenants u ON u.tenant_id = m.user_id \
                   WHERE $1 = '' OR m.tenant_id = $1 ORDER BY o.handle, u.handle";
        let rows = tx.query(sql, &[organization.into()]).await?;
        tx.commit().await?;
        let read = |row: &Row| {
            let role = Role::parse(&row.text(2)?).unwrap_or(Role::Member).as_str();
            Ok(MemberInfo { organization: row.text(0)?, login: row.text(1)?, role, from_group: row.flag(3)? })
        };
        rows.iter().map(read).collect()
    }
}

/// Makes a user a member, or changes a member's role.
pub async fn set_member(tx: &Transaction, slug: &str, login: &str, role: Role) -> Result<()> {
    let organization = tenant_id(tx, TenantKind::Organization, slug).await?;
    let user = tenant_id(tx, TenantKind::User, login).await?;
    upsert(tx, UPSERT_MEMBER, &organization, &user, role).await
}

/// Before memberships of an organization end: the keys of users who have no other, and who had this one from a group alone,
/// are valid no longer. An empty `user` is all of them.
pub async fn shut_out(tx: &Transaction, organization: &str, user: &str) -> Result<()> {
    let params = [Value::from(organization), user.into(), time::now_us().into()];
    tx.execute(SHUT_OUT, &params).await.map(|_| ())
}

/// Makes a user a member in this role by the operator's word, unless that is said already. `None`: in any role. What a group
/// gives stands beside it.
pub async fn ensure_member(tx: &Transaction, slug: &str, login: &str, role: Option<Role>) -> Result<()> {
    let organization = tenant_id(tx, TenantKind::Organization, slug).await?;
    let user = tenant_id(tx, TenantKind::User, login).await?;
    let row = tx.query_one(SELECT_ASSIGNED, &[Value::from(&organization), Value::from(&user)]).await?;
    let current = row.map(|row| row.text(0)).transpose()?;
    match (current, role) {
        (Some(_), None) => Ok(()),
        (Some(current), Some(role)) if current == role.as_str() => Ok(()),
        (_, role) => upsert(tx, ASSIGN_MEMBER, &organization, &user, role.unwrap_or(Role::Member)).await,
    }
}

async fn upsert(tx: &Transaction, sql: &str, organization: &str, user: &str, role: Role) -> Result<()> {
    let params = [Value::from(organization), user.into(), role.as_str().into(), time::now_us().into()];
    tx.execute(sql, &params).await?;
    tx.execute(LET_IN, &[Value::from(user)]).await?;
    let target = format!("{user} of {organization} as {}", role.as_str());
    record(tx, &AuditEntry::command("member.set", target)).await
}
