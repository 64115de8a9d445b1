//! Tenants: organizations and users, created, listed, renamed and removed.

use super::members::{set_member, shut_out};
use super::names::{TenantKind, claim_name, release_name, tenant_id};
use super::owners::{add_owner, owners_by_tenant};
use super::principal::Role;
use crate::receiver::store::audit::{AuditEntry, record};
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::Store;
use crate::receiver::store::sql::{Row, Value};
use crate::receiver::{keys, time};
use serde::Serialize;

const SELECT_OWNERS: &str = "SELECT tenant_id, owner FROM owners WHERE tenant_id IN {list:$1} ORDER BY owner";
/// Users are members, or were when they stored sessions; the user of a private space is its only one.
const SELECT_TENANT_USERS: &str = "\
    SELECT user_id FROM members WHERE tenant_id = $1 UNION SELECT user_id FROM sessions WHERE tenant_id = $1 \
    UNION SELECT tenant_id FROM tenants WHERE tenant_id = $1 AND kind = 'user'";

/// The tables whose rows belong to a tenant.
const TENANT_TABLES: [&str; 12] = [
    "owners",
    "members",
    "api_keys",
    "view_readers",
    "session_locations",
    "sessions",
    "messages",
    "tasks",
    "usages",
    "metrics",
    "clients",
    "tenants",
];
const SET_MAY_FORGET: &str = "UPDATE tenants SET members_may_forget = $2 WHERE tenant_id = $1";
const SET_GROUP: &str = "UPDATE tenants SET oidc_group = $2 WHERE tenant_id = $1";
const SET_ADMIN_GROUP: &str = "UPDATE tenants SET oidc_admin_group = $2 WHERE tenant_id = $1";
/// Members may send an organization's sessions again, elsewhere; a tombstone belongs to its user and stays.
const REMOVE_ORGANIZATION_ELSEWHERE: &[&str] =
    &["DELETE FROM session_locations WHERE stored_in = $1 AND forgotten_at IS NULL"];
/// Of a user only sums stay in organizations.
const REMOVE_USER_ELSEWHERE: &[&str] = &[
    "DELETE FROM members WHERE user_id = $1",
    "DELETE FROM sessions WHERE user_id = $1",
    "DELETE FROM messages WHERE user_id = $1",
    "DELETE FROM tasks WHERE user_id = $1",
    "DELETE FROM usages WHERE user_id = $1",
    "DELETE FROM clients WHERE user_id = $1",
    "DELETE FROM page_sessions WHERE user_id = $1",
    "DELETE FROM provider_accounts WHERE user_id = $1",
];

/// An organization or a user in a list.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantInfo {
    /// Id of the tenant.
    pub id: String,
    /// Slug or login.
    pub handle: String,
    /// Name for people.
    pub name: String,
    /// Owners of the organization's repositories.
    pub owners: Vec<String>,
    /// Time of creation.
    pub created_at: String,
    /// Time before which rows are deleted, RFC 3339.
    pub retained_since: Option<String>,
    /// True if members of the organization may delete their sessions; absent for a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members_may_forget: Option<bool>,
    /// Group of the provider whose people are members of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_group: Option<String>,
    /// Group of the provider whose people are its admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_admin_group: Option<String>,
}

/// Settings of an organization that are to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationSettings {
    /// True if members may delete their sessions.
    pub members_may_forget: Option<bool>,
    /// Group of the provider whose people are members; empty for none.
    pub oidc_group: Option<String>,
    /// Group of the provider whose people are admins; empty for none.
    pub oidc_admin_group: Option<String>,
}

impl OrganizationSettings {
    /// The statements, each with its value and the setting as the audit log has it.
    fn updates(&self) -> Vec<(&'static str, Value, String)> {
        let mut updates = Vec::new();
        if let Some(may_forget) = self.members_may_forget {
            let setting = format!("members-may-forget {}", if may_forget { "yes" } else { "no" });
            updates.push((SET_MAY_FORGET, Value::from(may_forget), setting));
        }
        for (sql, name, group) in [
            (SET_GROUP, "oidc-group", &self.oidc_group),
            (SET_ADMIN_GROUP, "oidc-admin-group", &self.oidc_admin_group),
        ] {
            let Some(group) = group else { continue };
            let value = Some(group.clone()).filter(|group| !group.is_empty());
            updates.push((
                sql,
                value.into(),
                format!("{name} {}", if group.is_empty() { "-" } else { group }),
            ));
        }
        updates
    }
}

impl Store {
    /// Creates an organization with its owners, and returns its id.
    pub async fn create_organization(&self, slug: &str, name: &str, owners: &[String]) -> Result<String> {
        check_handle(slug)?;
        self.operate(async |tx| {
            let id = create_tenant(tx, TenantKind::Organization, slug, name).await?;
            for owner in owners {
                add_owner(tx, TenantKind::Organization, &id, owner).await?;
            }
            record(tx, &AuditEntry::command("org.create", &id)).await?;
            Ok(id)
        })
        .await
    }

    /// Creates a user with memberships and accounts, and returns the user's id.
    pub async fn create_user(
        &self,
        login: &str,
        organizations: &[String],
        accounts: &[String],
        role: Role,
    ) -> Result<String> {
        self.operate(async |tx| create_user(tx, login, organizations, accounts, role).await).await
    }

    /// All organizations or all users.
    pub async fn tenants(&self, kind: TenantKind) -> Result<Vec<TenantInfo>> {
        let tx = self.db.read(DbRole::Operator).await?;
        let sql = "SELECT tenant_id, handle, title, created_at, retained_since, members_may_forget, oidc_group, oidc_admin_group FROM tenants \
                   WHERE kind = $1 ORDER BY handle";
        let rows = tx.query(sql, &[kind.as_str().into()]).await?;
        let ids = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>>>()?;
        let mut owners = owners_by_tenant(&tx, SELECT_OWNERS, &[ids.into()]).await?;
        tx.commit().await?;
        let read = |row: &Row| {
            let id = row.text(0)?;
            Ok(TenantInfo {
                owners: owners.remove(&id).unwrap_or_default(),
                id,
                handle: row.text(1)?,
                name: row.text(2)?,
                created_at: time::rfc3339(row.int(3)?),
                retained_since: row.opt_int(4)?.map(time::rfc3339),
                members_may_forget: (kind == TenantKind::Organization).then_some(row.flag(5)?),
                oidc_group: row.opt_text(6)?,
                oidc_admin_group: row.opt_text(7)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Gives an organization or a user another slug or login, and another name where one is given.
    pub async fn rename(&self, kind: TenantKind, from: &str, to: &str, name: Option<&str>) -> Result<()> {
        check_handle(to)?;
        self.operate(async |tx| {
            let id = tenant_id(tx, kind, from).await?;
            if from != to {
                release_name(tx, kind.as_str(), from).await?;
                claim_name(tx, kind.as_str(), to, &id).await?;
            }
            let sql = "UPDATE tenants SET handle = $2, title = coalesce($3, title) WHERE tenant_id = $1";
            let title = name.map(str::to_owned).or((kind == TenantKind::User).then(|| to.to_owned()));
            tx.execute(sql, &[Value::from(&id), to.into(), title.into()]).await?;
            let action = match kind {
                TenantKind::Organization => "org.rename",
                TenantKind::User => "user.rename",
            };
            record(tx, &AuditEntry::command(action, id)).await
        })
        .await
    }

    /// Changes the settings of an organization that are named.
    pub async fn set_organization(&self, slug: &str, settings: &OrganizationSettings) -> Result<()> {
        self.operate(async |tx| {
            let id = tenant_id(tx, TenantKind::Organization, slug).await?;
            for (sql, value, setting) in settings.updates() {
                tx.execute(sql, &[Value::from(&id), value]).await?;
                record(tx, &AuditEntry::command("org.set", format!("{id} {setting}"))).await?;
            }
            Ok(())
        })
        .await
    }

    /// Removes an organization or a user with everything that is stored in it, once the batches on their way are stored.
    pub async fn remove(&self, kind: TenantKind, handle: &str) -> Result<()> {
        self.operate(async |tx| {
            let id = tenant_id(tx, kind, handle).await?;
            remove_tenant(tx, kind, &id).await?;
            let action = match kind {
                TenantKind::Organization => "org.remove",
                TenantKind::User => "user.remove",
            };
            record(tx, &AuditEntry::command(action, id)).await
        })
        .await
    }
}

/// Removes a tenant with everything that is stored in it, once the batches on their way are stored.
pub async fn remove_tenant(tx: &Transaction, kind: TenantKind, id: &str) -> Result<()> {
    // A batch locks its user and then looks up the user's tenants again, so that none comes after the removal.
    tx.lock_users(tenant_users(tx, id).await?).await?;
    if kind == TenantKind::Organization {
        shut_out(tx, id, "").await?;
    }
    let sql = "DELETE FROM directory WHERE tenant_id = 'directory' AND subject = $1";
    tx.execute(sql, &[Value::from(id)]).await?;
    for table in TENANT_TABLES {
        tx.execute(&format!("DELETE FROM {table} WHERE tenant_id = $1"), &[Value::from(id)]).await?;
    }
    let elsewhere = match kind {
        TenantKind::Organization => REMOVE_ORGANIZATION_ELSEWHERE,
        TenantKind::User => REMOVE_USER_ELSEWHERE,
    };
    for sql in elsewhere {
        tx.execute(sql, &[Value::from(id)]).await?;
    }
    Ok(())
}

/// All users who may be storing a batch in a tenant, or have stored one there.
pub async fn tenant_users(tx: &Transaction, tenant: &str) -> Result<Vec<String>> {
    tx.query_texts(SELECT_TENANT_USERS, &[tenant.into()]).await
}

/// Creates a user with memberships and accounts, and returns the user's id.
pub async fn create_user(
    tx: &Transaction,
    login: &str,
    organizations: &[String],
    accounts: &[String],
    role: Role,
) -> Result<String> {
    check_handle(login)?;
    let id = create_tenant(tx, TenantKind::User, login, login).await?;
    for slug in organizations {
        set_member(tx, slug, login, role).await?;
    }
    for account in accounts {
        add_owner(tx, TenantKind::User, &id, account).await?;
    }
    record(tx, &AuditEntry::command("user.create", &id)).await?;
    Ok(id)
}

/// Creates a tenant without owners.
pub async fn create_tenant(tx: &Transaction, kind: TenantKind, handle: &str, name: &str) -> Result<String> {
    let id = keys::new_id(kind.id_prefix()).map_err(|error| StoreError::Internal(error.to_string()))?;
    claim_name(tx, kind.as_str(), handle, &id).await?;
    let sql = "INSERT INTO tenants (tenant_id, kind, handle, title, created_at) VALUES ($1, $2, $3, $4, $5)";
    let params = [Value::from(&id), kind.as_str().into(), handle.into(), name.into(), time::now_us().into()];
    tx.execute(sql, &params).await?;
    Ok(id)
}

/// Checks a slug or login, which is part of URLs, arguments and responses.
pub fn check_handle(handle: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+');
    if handle.is_empty() || handle.len() > 100 || handle.starts_with('-') || !handle.chars().all(fits) {
        return Err(StoreError::refused(format!(
            "{handle:?} cannot be a slug or login: 1 to 100 of letters, digits and -_.@+"
        )));
    }
    Ok(())
}
