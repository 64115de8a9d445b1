//! Owners of repositories: those of an organization, and the accounts of a user.
//!
//! Invariant: an owner belongs to at most one organization. An account claims nothing for others.

use super::names::{TenantKind, claim_name, release_name, tenant_id};
use crate::protocol::remote::Owner;
use crate::receiver::store::audit::{AuditEntry, record};
use crate::receiver::store::database::Transaction;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::Store;
use crate::receiver::store::sql::Value;
use std::collections::HashMap;

impl Store {
    /// Adds an owner of an organization or an account of a user.
    pub async fn add_owner(&self, kind: TenantKind, handle: &str, owner: &str) -> Result<()> {
        self.operate(async |tx| {
            let id = tenant_id(tx, kind, handle).await?;
            add_owner(tx, kind, &id, owner).await
        })
        .await
    }

    /// Removes an owner of an organization or an account of a user.
    pub async fn remove_owner(&self, kind: TenantKind, handle: &str, owner: &str) -> Result<()> {
        self.operate(async |tx| {
            let id = tenant_id(tx, kind, handle).await?;
            let owner = normalize(owner)?;
            let sql = "DELETE FROM owners WHERE tenant_id = $1 AND owner = $2";
            if tx.execute(sql, &[Value::from(&id), Value::from(&owner)]).await? == 0 {
                return Err(StoreError::refused(format!("{owner} is not one of {handle}'s")));
            }
            if kind == TenantKind::Organization {
                release_name(tx, "owner", &owner).await?;
            }
            record(tx, &entry(kind, "remove", &id, &owner)).await
        })
        .await
    }
}

/// Adds an owner; one that the tenant has already changes nothing.
pub async fn add_owner(tx: &Transaction, kind: TenantKind, tenant: &str, owner: &str) -> Result<()> {
    let owner = normalize(owner)?;
    let sql =
        "INSERT INTO owners (tenant_id, owner) VALUES ($1, $2) ON CONFLICT (tenant_id, owner) DO NOTHING";
    let added = tx.execute(sql, &[tenant.into(), Value::from(&owner)]).await?;
    if added == 1 && kind == TenantKind::Organization {
        claim_name(tx, "owner", &owner, tenant).await?;
    }
    if added == 1 { record(tx, &entry(kind, "add", tenant, &owner)).await } else { Ok(()) }
}

/// The entry of a change. An account names a person, and is left out.
fn entry(kind: TenantKind, change: &str, tenant: &str, owner: &str) -> AuditEntry {
    match (kind, change) {
        (TenantKind::Organization, "add") => AuditEntry::command("owner.add", format!("{owner} of {tenant}")),
        (TenantKind::Organization, _) => AuditEntry::command("owner.remove", format!("{owner} of {tenant}")),
        (TenantKind::User, "add") => AuditEntry::command("account.add", tenant),
        (TenantKind::User, _) => AuditEntry::command("account.remove", tenant),
    }
}

fn normalize(owner: &str) -> Result<String> {
    if let Some((host, rest)) = owner.split_once(':')
        && let Some((port, path)) = rest.split_once('/')
        && !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        // An SSH address has a path after its colon, and would read the port as the first segment of the owner.
        return Err(StoreError::refused(format!("{owner} names a port: name the owner as {host}/{path}")));
    }
    let owner = Owner::parse(owner).map_err(|error| {
        StoreError::refused(format!("{owner} is no owner such as github.com/acme-corp: {error}"))
    })?;
    Ok(owner.segments().join("/"))
}

/// The owners that a query returns, by tenant.
pub async fn owners_by_tenant(
    tx: &Transaction,
    query: &str,
    params: &[Value],
) -> Result<HashMap<String, Vec<String>>> {
    let mut owners: HashMap<String, Vec<String>> = HashMap::new();
    for row in tx.query(query, params).await? {
        owners.entry(row.text(0)?).or_default().push(row.text(1)?);
    }
    Ok(owners)
}
