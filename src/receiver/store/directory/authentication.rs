//! Authentication: the principal of a key. Reads the directory only, before any tenant is entered.

use super::owners::owners_by_tenant;
use super::principal::{Membership, Principal, Role};
use crate::protocol::remote::Owner;
use crate::receiver::ingest::routing::OwnerClaim;
use crate::receiver::keys;
use crate::receiver::limits::KEY_USE_RESOLUTION_US;
use crate::receiver::store::database::DbRole;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::Store;
use crate::receiver::store::sql::{Row, Value};
use std::time::Duration;

const SELECT_KEY: &str = "\
    SELECT k.tenant_id, k.key_id, t.handle, t.retained_since, k.last_used_at, k.expires_at FROM directory d \
    JOIN api_keys k ON k.tenant_id = d.subject AND k.hash = d.name \
    JOIN tenants t ON t.tenant_id = k.tenant_id \
    WHERE d.tenant_id = 'directory' AND d.kind = 'key' AND d.name = $1 AND t.left_groups_at IS NULL \
    AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)";
/// As [`SELECT_KEY`], by the hash of a sign-in's secret. A sign-in through the provider has no key.
const SELECT_PAGE_SESSION: &str = "\
    SELECT s.user_id, s.key_id, t.handle, t.retained_since, k.last_used_at, k.expires_at FROM page_sessions s \
    JOIN tenants t ON t.tenant_id = s.user_id \
    LEFT JOIN api_keys k ON k.tenant_id = s.user_id AND k.key_id = s.key_id \
    WHERE s.tenant_id = 'directory' AND s.session_hash = $1 AND s.expires_at > $2 AND t.left_groups_at IS NULL \
    AND (s.key_id = '' OR k.key_id IS NOT NULL AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2))";
const SELECT_MEMBERSHIPS: &str = "\
    SELECT m.tenant_id, t.handle, t.title, m.role, t.retained_since, m.group_role IS NOT NULL FROM members m \
    JOIN tenants t ON t.tenant_id = m.tenant_id WHERE m.user_id = $1 ORDER BY t.handle";
/// Owners of the user and of the user's organizations.
const SELECT_OWNERS: &str = "\
    SELECT tenant_id, owner FROM owners WHERE tenant_id = $1 \
    OR tenant_id IN (SELECT tenant_id FROM members WHERE user_id = $1) ORDER BY owner";
const SELECT_CLAIMS: &str = "SELECT name, subject FROM directory WHERE tenant_id = 'directory' AND kind = 'owner' AND name IN {list:$1}";
const RECORD_USE: &str = "\
    UPDATE api_keys SET last_used_at = $3 WHERE tenant_id = $1 AND key_id = $2 \
    AND (last_used_at IS NULL OR last_used_at < $4)";

/// Timeout of the update of `last_used_at`, which no request waits for longer.
const KEY_USE_TIMEOUT: Duration = Duration::from_secs(1);

impl Store {
    /// The user of a key that is neither expired nor revoked at `now`.
    pub async fn authenticate(&self, key: &str, now: i64) -> Result<Option<Principal>> {
        self.principal_by(SELECT_KEY, key, now).await
    }

    /// The user of a sign-in to the page that has not ended at `now`, and whose key is neither expired nor revoked.
    pub async fn authenticate_page(&self, secret: &str, now: i64) -> Result<Option<Principal>> {
        self.principal_by(SELECT_PAGE_SESSION, secret, now).await
    }

    /// The user whose key a query finds by the hash of a secret.
    async fn principal_by(&self, select: &str, secret: &str, now: i64) -> Result<Option<Principal>> {
        let hash = keys::hash(secret);
        let tx = self.db.read(DbRole::Directory).await?;
        let Some(row) = tx.query_one(select, &[Value::from(hash), now.into()]).await? else {
            tx.commit().await?;
            return Ok(None);
        };
        let mut principal = Principal {
            user_id: row.text(0)?,
            key_id: row.text(1)?,
            login: row.text(2)?,
            retained_since: row.opt_int(3)?,
            key_expires_at: row.opt_int(5)?,
            accounts: Vec::new(),
            memberships: Vec::new(),
            address: None,
            may_make_keys: true,
        };
        let is_through_provider = principal.key_id.is_empty();
        if is_through_provider {
            // Limits count by the key; the sign-ins of one user count together.
            principal.key_id = format!("page_{}", principal.user_id);
        }
        let user = [Value::from(&principal.user_id)];
        let (memberships, owners) = tokio::join!(biased; tx.query(SELECT_MEMBERSHIPS, &user), owners_by_tenant(&tx, SELECT_OWNERS, &user));
        for row in memberships? {
            let role = row.text(3)?;
            principal.may_make_keys &= is_through_provider || !row.flag(5)?;
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
        if !is_through_provider && row.opt_int(4)?.is_none_or(|at| at < now - KEY_USE_RESOLUTION_US) {
            // It only informs the operator: a failed update rejects no request, and the next one tries again.
            match tokio::time::timeout(KEY_USE_TIMEOUT, self.record_use(&principal, now)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(error = %error, "the last use of a key could not be recorded")
                }
                Err(_) => tracing::warn!("recording the last use of a key timed out"),
            }
        }
        Ok(Some(principal))
    }

    async fn record_use(&self, principal: &Principal, now: i64) -> Result<()> {
        let Some(tx) = self.db.write_if_idle(DbRole::Directory).await? else { return Ok(()) };
        let before = now - KEY_USE_RESOLUTION_US;
        let (user, key) = (&principal.user_id, &principal.key_id);
        tx.execute(RECORD_USE, &[user.into(), key.into(), now.into(), before.into()]).await?;
        tx.commit().await
    }

    /// The organizations that claim any of these owners.
    pub async fn claims(&self, owners: Vec<String>) -> Result<Vec<OwnerClaim>> {
        if owners.is_empty() {
            return Ok(Vec::new());
        }
        let tx = self.db.read(DbRole::Directory).await?;
        let rows = tx.query(SELECT_CLAIMS, &[owners.into()]).await?;
        tx.commit().await?;
        let claim = |row: Row| -> Result<OwnerClaim> {
            let owner = Owner::parse(&row.text(0)?)
                .map_err(|_| StoreError::Internal("a stored owner cannot be parsed".to_owned()))?;
            Ok(OwnerClaim { owner, tenant_id: row.text(1)? })
        };
        rows.into_iter().map(claim).collect()
    }
}
