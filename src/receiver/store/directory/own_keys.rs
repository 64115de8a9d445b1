//! A user's own keys, as the user manages them at the page.
//!
//! Invariant: nobody but the user and an operator sees, makes or revokes a user's keys.

use super::keys::{KeyInfo, NewKey, REVOKE, insert_key, read_key};
use super::principal::Principal;
use crate::receiver::store::audit::{Actor, record};
use crate::receiver::store::database::DbRole;
use crate::receiver::store::error::Result;
use crate::receiver::store::open::{Store, with_retries};
use crate::receiver::store::sql::Value;
use crate::receiver::time;

const LIST_OWN: &str = "\
    SELECT k.key_id, t.handle, k.prefix, k.label, k.created_at, k.expires_at, k.revoked_at, k.last_used_at \
    FROM api_keys k JOIN tenants t ON t.tenant_id = k.tenant_id \
    WHERE k.tenant_id = $1 ORDER BY k.created_at DESC, k.key_id";

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
            let address = principal.address.map(|address| address.to_string());
            let maker = (Actor::User(principal.user_id.clone()), address);
            let key = insert_key(&tx, user, label, Some(expires_at), maker).await?;
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
            let is_revoked = tx.execute(REVOKE, &params).await? > 0;
            if is_revoked {
                let target = format!("{key_id} of {user}");
                record(&tx, &principal.audit_entry("key.revoke", target, "done")).await?;
            }
            tx.commit().await?;
            Ok(is_revoked)
        })
        .await
    }
}
