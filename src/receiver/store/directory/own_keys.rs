//! A user's own keys and machines, as the user manages them at the page.
//!
//! Invariant: nobody but the user and an operator sees, makes or revokes a user's keys.

use super::device_codes::{DeviceInfo, hash_user_code, read_device};
use super::keys::{KeyInfo, NewKey, insert_key, read_key};
use super::page_sessions::record_by;
use super::principal::Principal;
use crate::receiver::store::audit::Actor;
use crate::receiver::store::database::DbRole;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::{Store, with_retries};
use crate::receiver::store::sql::Value;
use crate::receiver::time;

const LIST_OWN: &str = "\
    SELECT k.key_id, t.handle, k.prefix, k.label, k.created_at, k.expires_at, k.revoked_at, k.last_used_at \
    FROM api_keys k JOIN tenants t ON t.tenant_id = k.tenant_id \
    WHERE k.tenant_id = $1 ORDER BY k.created_at DESC, k.key_id";
const REVOKE_OWN: &str =
    "UPDATE api_keys SET revoked_at = $3 WHERE tenant_id = $1 AND key_id = $2 AND revoked_at IS NULL";
const SELECT_PENDING: &str = "\
    SELECT machine, address, requested_at, expires_at, approved_user FROM device_codes \
    WHERE tenant_id = 'directory' AND user_hash = $1 AND expires_at > $2 AND approved_user IS NULL AND NOT is_denied";
const APPROVE: &str = "\
    UPDATE device_codes SET approved_user = $3 WHERE tenant_id = 'directory' AND user_hash = $1 AND expires_at > $2 \
    AND approved_user IS NULL AND NOT is_denied";
const DENY: &str = "\
    UPDATE device_codes SET is_denied = TRUE WHERE tenant_id = 'directory' AND user_hash = $1 AND expires_at > $2 \
    AND approved_user IS NULL AND NOT is_denied";

/// Decision of a person on a machine that asks for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceDecision {
    /// The machine gets a key of the person.
    Approve,
    /// The machine gets none.
    Deny,
}

impl Store {
    /// The keys of a user, newest first.
    pub async fn own_keys(&self, principal: &Principal) -> Result<Vec<KeyInfo>> {
        let tx = self.db.read(DbRole::Directory).await?;
        let rows = tx.query(LIST_OWN, &[Value::from(&principal.user_id)]).await?;
        tx.commit().await?;
        rows.iter().map(read_key).collect()
    }

    /// Creates a key of a user that expires at a time.
    pub async fn create_own_key(
        &self,
        principal: &Principal,
        label: &str,
        expires_at: i64,
    ) -> Result<NewKey> {
        let user = (principal.user_id.as_str(), principal.login.as_str());
        // As `operate` does, whose future cannot be sent between the threads of a server.
        with_retries(async || {
            let tx = self.db.write(DbRole::Operator).await?;
            tx.lock_directory().await?;
            let actor = Actor::User(principal.user_id.clone());
            let key = insert_key(&tx, user, label, Some(expires_at), actor).await?;
            tx.commit().await?;
            Ok(key)
        })
        .await
    }

    /// Revokes a key of a user; false if the user has no such valid key.
    pub async fn revoke_own_key(&self, principal: &Principal, key_id: &str) -> Result<bool> {
        with_retries(async || {
            let tx = self.db.write(DbRole::Operator).await?;
            let user = &principal.user_id;
            let params = [Value::from(user), key_id.into(), time::now_us().into()];
            let is_revoked = tx.execute(REVOKE_OWN, &params).await? > 0;
            if is_revoked {
                record_by(&tx, principal, "key.revoke", format!("{key_id} of {user}")).await?;
            }
            tx.commit().await?;
            Ok(is_revoked)
        })
        .await
    }

    /// The machine that waits with this user code, in any spelling.
    pub async fn pending_device(&self, user_code: &str) -> Result<Option<DeviceInfo>> {
        let tx = self.db.read(DbRole::Directory).await?;
        let params = [Value::from(hash_user_code(user_code)), time::now_us().into()];
        let row = tx.query_one(SELECT_PENDING, &params).await?;
        tx.commit().await?;
        row.as_ref().map(read_device).transpose()
    }

    /// Approves the machine that waits with this user code for the principal, or denies it; false if there is none.
    pub async fn decide_device(
        &self,
        principal: &Principal,
        user_code: &str,
        decision: DeviceDecision,
    ) -> Result<bool> {
        let hash = hash_user_code(user_code);
        with_retries(async || {
            let tx = self.db.write(DbRole::Operator).await?;
            let (user, now) = (&principal.user_id, time::now_us());
            let changed = match decision {
                DeviceDecision::Approve => {
                    tx.execute(APPROVE, &[Value::from(&hash), now.into(), user.into()]).await?
                }
                DeviceDecision::Deny => tx.execute(DENY, &[Value::from(&hash), now.into()]).await?,
            };
            if changed > 1 {
                return Err(StoreError::Internal("two machines have one code".to_owned()));
            }
            let action = match decision {
                DeviceDecision::Approve => "device.approve",
                DeviceDecision::Deny => "device.deny",
            };
            if changed == 1 {
                record_by(&tx, principal, action, user.clone()).await?;
            }
            tx.commit().await?;
            Ok(changed == 1)
        })
        .await
    }
}
