//! Who a key stands for. Reads the directory only, before any tenant is entered.

use super::Store;
use super::db::{DbRole, Result, StoreError, Tx, Value, Visibility};
use crate::protocol::remote::Owner;
use crate::receiver::ingest::routing::Claim;
use crate::receiver::keys;
use crate::receiver::limits::KEY_USE_RESOLUTION_US;
use std::collections::HashMap;
use std::time::Duration;

/// The user that a key stands for, and what is theirs, as it is now.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Id of the key.
    pub key_id: String,
    /// Also the tenant of the user's private space.
    pub user_id: String,
    /// Login name of the user.
    pub login: String,
    /// Own accounts of the user.
    pub accounts: Vec<String>,
    /// Sorted by slug.
    pub memberships: Vec<Membership>,
    /// Microseconds; of the private space.
    pub retained_since: Option<i64>,
}

/// An organization that the user belongs to.
#[derive(Debug, Clone)]
pub struct Membership {
    /// Id of the tenant.
    pub tenant_id: String,
    /// Slug of the organization.
    pub slug: String,
    /// Name of the organization.
    pub name: String,
    /// Role of the user in the organization.
    pub role: Role,
    /// Owners of the organization's repositories.
    pub owners: Vec<String>,
    /// Microseconds; of the organization.
    pub retained_since: Option<i64>,
}

/// What a member may see of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Their own sessions, and totals without persons.
    Member,
    /// Everything.
    Admin,
}

impl Role {
    /// Parses `member` or `admin`.
    pub fn parse(text: &str) -> Option<Role> {
        match text {
            "member" => Some(Role::Member),
            "admin" => Some(Role::Admin),
            _ => None,
        }
    }

    /// Name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Member => "member",
            Role::Admin => "admin",
        }
    }
}

impl Principal {
    /// The membership of the organization that is stored as this tenant.
    pub fn membership(&self, tenant_id: &str) -> Option<&Membership> {
        self.memberships.iter().find(|membership| membership.tenant_id == tenant_id)
    }

    /// What of a tenant's rows this user sees; `None` when the tenant is neither theirs nor one of their organizations.
    pub fn visibility(&self, tenant_id: &str) -> Option<Visibility> {
        if tenant_id == self.user_id {
            return Some(Visibility::Own);
        }
        Some(match self.membership(tenant_id)?.role {
            Role::Admin => Visibility::All,
            Role::Member => Visibility::Own,
        })
    }

    /// The private space and the organizations.
    pub fn tenants(&self) -> Vec<String> {
        let organizations = self.memberships.iter().map(|membership| membership.tenant_id.clone());
        std::iter::once(self.user_id.clone()).chain(organizations).collect()
    }

    /// What no tenant of the user's takes any more. The private space always counts: also someone without accounts sends
    /// sessions there that they forced in.
    pub fn nothing_older_than(&self) -> Option<i64> {
        let organizations = self.memberships.iter().map(|membership| membership.retained_since);
        // `None` is before every time: one tenant that takes everything is enough.
        std::iter::once(self.retained_since).chain(organizations).min().flatten()
    }
}

const KEY: &str = "\
    SELECT k.tenant_id, k.key_id, t.handle, t.retained_since, k.last_used_at FROM directory d \
    JOIN api_keys k ON k.tenant_id = d.subject AND k.hash = d.name \
    JOIN tenants t ON t.tenant_id = k.tenant_id \
    WHERE d.tenant_id = 'directory' AND d.kind = 'key' AND d.name = $1 \
    AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)";
const MEMBERSHIPS: &str = "\
    SELECT m.tenant_id, t.handle, t.title, m.role, t.retained_since FROM members m \
    JOIN tenants t ON t.tenant_id = m.tenant_id WHERE m.user_id = $1 ORDER BY t.handle";
/// The user's own and those of their organizations.
const OWNERS: &str = "\
    SELECT tenant_id, owner FROM owners WHERE tenant_id = $1 \
    OR tenant_id IN (SELECT tenant_id FROM members WHERE user_id = $1) ORDER BY owner";
const CLAIMS: &str = "SELECT name, subject FROM directory WHERE tenant_id = 'directory' AND kind = 'owner' AND name IN {list:$1}";
const USED: &str = "\
    UPDATE api_keys SET last_used_at = $3 WHERE tenant_id = $1 AND key_id = $2 \
    AND (last_used_at IS NULL OR last_used_at < $4)";

/// For marking a key as used, which no request waits for longer.
const MARK_TIMEOUT: Duration = Duration::from_secs(1);

impl Store {
    /// The user of a key that is neither expired nor revoked at `now`.
    pub async fn authenticate(&self, key: &str, now: i64) -> Result<Option<Principal>> {
        let hash = keys::hash(key);
        let tx = self.db.read(DbRole::Directory).await?;
        let Some(row) = tx.query_one(KEY, &[Value::from(hash), now.into()]).await? else {
            tx.commit().await?;
            return Ok(None);
        };
        let mut principal = Principal {
            user_id: row.text(0)?,
            key_id: row.text(1)?,
            login: row.text(2)?,
            retained_since: row.opt_int(3)?,
            accounts: Vec::new(),
            memberships: Vec::new(),
        };
        let user = [Value::from(&principal.user_id)];
        let (memberships, owners) =
            tokio::join!(biased; tx.query(MEMBERSHIPS, &user), owners_of(&tx, OWNERS, &user));
        for row in memberships? {
            let role = row.text(3)?;
            principal.memberships.push(Membership {
                tenant_id: row.text(0)?,
                slug: row.text(1)?,
                name: row.text(2)?,
                role: Role::parse(&role).ok_or_else(|| StoreError::Internal("unknown role".to_owned()))?,
                retained_since: row.opt_int(4)?,
                owners: Vec::new(),
            });
        }
        let mut owners = owners?;
        principal.accounts = owners.remove(&principal.user_id).unwrap_or_default();
        for membership in &mut principal.memberships {
            membership.owners = owners.remove(&membership.tenant_id).unwrap_or_default();
        }
        tx.commit().await?;
        if row.opt_int(4)?.is_none_or(|at| at < now - KEY_USE_RESOLUTION_US) {
            // It informs the operator: a key is as good where this cannot be written, and the next request tries again.
            match tokio::time::timeout(MARK_TIMEOUT, self.mark_used(&principal, now)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(error = %error, "a key could not be marked as used"),
                Err(_) => tracing::warn!("marking a key as used took too long"),
            }
        }
        Ok(Some(principal))
    }

    async fn mark_used(&self, principal: &Principal, now: i64) -> Result<()> {
        let Some(tx) = self.db.write_if_idle(DbRole::Directory).await? else { return Ok(()) };
        let before = now - KEY_USE_RESOLUTION_US;
        let (user, key) = (&principal.user_id, &principal.key_id);
        tx.execute(USED, &[user.into(), key.into(), now.into(), before.into()]).await?;
        tx.commit().await
    }

    /// The organizations that claim any of these owners.
    pub async fn claims(&self, owners: Vec<String>) -> Result<Vec<Claim>> {
        if owners.is_empty() {
            return Ok(Vec::new());
        }
        let tx = self.db.read(DbRole::Directory).await?;
        let rows = tx.query(CLAIMS, &[owners.into()]).await?;
        tx.commit().await?;
        let claim = |row: super::db::Row| -> Result<Claim> {
            let owner = Owner::parse(&row.text(0)?)
                .map_err(|_| StoreError::Internal("a stored owner cannot be parsed".to_owned()))?;
            Ok(Claim { owner, tenant_id: row.text(1)? })
        };
        rows.into_iter().map(claim).collect()
    }
}

impl Store {
    /// The logins of users, by id. For ids that the caller was shown.
    pub async fn logins(&self, ids: Vec<String>) -> Result<HashMap<String, String>> {
        let tx = self.db.read(DbRole::Directory).await?;
        let sql = "SELECT tenant_id, handle FROM tenants WHERE kind = 'user' AND tenant_id IN {list:$1}";
        let rows = tx.query(sql, &[ids.into()]).await?;
        tx.commit().await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
    }

    /// The user of a login. What the caller may see of them is decided where their rows are read.
    pub async fn user_id(&self, login: &str) -> Result<Option<String>> {
        let tx = self.db.read(DbRole::Directory).await?;
        let sql =
            "SELECT subject FROM directory WHERE tenant_id = 'directory' AND kind = 'user' AND name = $1";
        let row = tx.query_one(sql, &[login.into()]).await?;
        tx.commit().await?;
        row.map(|row| row.text(0)).transpose()
    }

    /// Login and role of the members of organizations, by tenant. Only an organization's admin sees others than
    /// themselves.
    pub async fn members_for(
        &self,
        principal: &Principal,
        tenants: &[String],
    ) -> Result<HashMap<String, Vec<(String, Role)>>> {
        let mut members: HashMap<String, Vec<(String, Role)>> = HashMap::new();
        let mut admin_of = Vec::new();
        for membership in
            principal.memberships.iter().filter(|membership| tenants.contains(&membership.tenant_id))
        {
            match membership.role {
                Role::Admin => admin_of.push(membership.tenant_id.clone()),
                Role::Member => {
                    members
                        .insert(membership.tenant_id.clone(), vec![(principal.login.clone(), Role::Member)]);
                }
            }
        }
        if admin_of.is_empty() {
            return Ok(members);
        }
        let tx = self.db.read(DbRole::Directory).await?;
        let sql = "SELECT m.tenant_id, t.handle, m.role FROM members m JOIN tenants t ON t.tenant_id = m.user_id \
                   WHERE m.tenant_id IN {list:$1} ORDER BY t.handle";
        for row in tx.query(sql, &[admin_of.into()]).await? {
            let role = Role::parse(&row.text(2)?).unwrap_or(Role::Member);
            members.entry(row.text(0)?).or_default().push((row.text(1)?, role));
        }
        tx.commit().await?;
        Ok(members)
    }
}

/// The owners that a query names, by tenant.
pub(super) async fn owners_of(
    tx: &Tx,
    query: &str,
    params: &[Value],
) -> Result<HashMap<String, Vec<String>>> {
    let mut owners: HashMap<String, Vec<String>> = HashMap::new();
    for row in tx.query(query, params).await? {
        owners.entry(row.text(0)?).or_default().push(row.text(1)?);
    }
    Ok(owners)
}
