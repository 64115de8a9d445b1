//! Names that are unique across tenants: slugs, logins, owners, key hashes.

use crate::receiver::store::database::Transaction;
use crate::receiver::store::error::{Result, StoreError};

/// The two kinds of tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantKind {
    /// Organization.
    Organization,
    /// Private space of a user.
    User,
}

impl TenantKind {
    /// Name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            TenantKind::Organization => "organization",
            TenantKind::User => "user",
        }
    }

    /// First characters of a tenant's id.
    pub fn id_prefix(self) -> &'static str {
        match self {
            TenantKind::Organization => "org",
            TenantKind::User => "usr",
        }
    }
}

const SELECT_SUBJECT: &str =
    "SELECT subject FROM directory WHERE tenant_id = 'directory' AND kind = $1 AND name = $2";
const CLAIM_NAME: &str = "\
    INSERT INTO directory (tenant_id, kind, name, subject) VALUES ('directory', $1, $2, $3) \
    ON CONFLICT (tenant_id, kind, name) DO NOTHING";
const RELEASE_NAME: &str = "DELETE FROM directory WHERE tenant_id = 'directory' AND kind = $1 AND name = $2";

/// The id of the tenant with this slug or login.
pub async fn tenant_id(tx: &Transaction, kind: TenantKind, handle: &str) -> Result<String> {
    let id = find_tenant(tx, kind, handle).await?;
    id.ok_or_else(|| StoreError::refused(format!("there is no {} {handle}", kind.as_str())))
}

/// The id of the tenant with this slug or login, if there is one.
pub async fn find_tenant(tx: &Transaction, kind: TenantKind, handle: &str) -> Result<Option<String>> {
    let row = tx.query_one(SELECT_SUBJECT, &[kind.as_str().into(), handle.into()]).await?;
    row.map(|row| row.text(0)).transpose()
}

/// Claims a name in the directory. A name that is taken is an error.
pub async fn claim_name(tx: &Transaction, kind: &str, name: &str, subject: &str) -> Result<()> {
    match tx.execute(CLAIM_NAME, &[kind.into(), name.into(), subject.into()]).await? {
        0 => Err(StoreError::refused(format!("the {kind} {name} exists already"))),
        _ => Ok(()),
    }
}

/// Releases a name in the directory.
pub async fn release_name(tx: &Transaction, kind: &str, name: &str) -> Result<()> {
    tx.execute(RELEASE_NAME, &[kind.into(), name.into()]).await.map(|_| ())
}
