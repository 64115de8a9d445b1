//! Sign-ins to the page: kept by the hash of the secret in the browser's cookie.
//!
//! Invariants: a sign-in is valid for so long as the key that began it, if one did, and no longer than [`PAGE_SESSION_US`];
//! ending it takes effect with the next request, at every receiver.

use super::principal::Principal;
use crate::receiver::keys;
use crate::receiver::limits::{PAGE_SESSION_US, PAGE_SESSIONS_MAX};
use crate::receiver::store::audit::record;
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::{Store, with_retries};
use crate::receiver::store::sql::Value;
use crate::receiver::time;

const DELETE_EXPIRED: &str = "DELETE FROM page_sessions WHERE tenant_id = 'directory' AND (expires_at <= $1 OR user_id = $2 AND session_hash IN \
     (SELECT session_hash FROM page_sessions WHERE tenant_id = 'directory' AND user_id = $2 ORDER BY began_at DESC, \
     session_hash LIMIT 1000 OFFSET $3))";
const INSERT_SESSION: &str = "\
    INSERT INTO page_sessions (tenant_id, session_hash, user_id, key_id, began_at, expires_at) \
    VALUES ('directory', $1, $2, $3, $4, $5)";
const DELETE_SESSION: &str = "DELETE FROM page_sessions WHERE tenant_id = 'directory' AND session_hash = $1";
const DELETE_SESSIONS: &str = "DELETE FROM page_sessions WHERE tenant_id = 'directory' AND user_id = $1";
const COUNT_USERS: &str =
    "SELECT count(*) FROM (SELECT 1 AS one FROM tenants WHERE kind = 'user' LIMIT 1) AS users";

impl Store {
    /// Begins a sign-in of a user who has shown a key, and returns the secret for the cookie.
    pub async fn begin_page_session(&self, principal: &Principal) -> Result<String> {
        let secret = keys::new_session_secret().map_err(|error| StoreError::Internal(error.to_string()))?;
        with_retries(async || {
            let tx = self.db.write(DbRole::Directory).await?;
            let user = &principal.user_id;
            insert_page_session(&tx, &secret, user, &principal.key_id).await?;
            record(&tx, &principal.audit_entry("sign-in", user.clone(), "done")).await?;
            tx.commit().await
        })
        .await?;
        Ok(secret)
    }

    /// Ends the sign-in with this secret; one that is over already is no error.
    pub async fn end_page_session(&self, principal: &Principal, secret: &str) -> Result<()> {
        let hash = keys::hash(secret);
        with_retries(async || {
            let tx = self.db.write(DbRole::Directory).await?;
            if tx.execute(DELETE_SESSION, &[Value::from(&hash)]).await? > 0 {
                record(&tx, &principal.audit_entry("sign-out", principal.user_id.clone(), "done")).await?;
            }
            tx.commit().await
        })
        .await
    }

    /// Ends all sign-ins of a user.
    pub async fn end_page_sessions(&self, principal: &Principal) -> Result<()> {
        with_retries(async || {
            let tx = self.db.write(DbRole::Directory).await?;
            delete_page_sessions(&tx, &principal.user_id).await?;
            record(&tx, &principal.audit_entry("sign-out-everywhere", principal.user_id.clone(), "done"))
                .await?;
            tx.commit().await
        })
        .await
    }

    /// True if there is a user who could sign in.
    pub async fn has_users(&self) -> Result<bool> {
        let tx = self.db.read(DbRole::Directory).await?;
        let row = tx.query_one(COUNT_USERS, &[]).await?;
        tx.commit().await?;
        Ok(row.map(|row| row.int(0)).transpose()?.unwrap_or(0) > 0)
    }
}

/// Begins a sign-in of a user, by a key or, with an empty id of one, through the provider.
pub async fn insert_page_session(tx: &Transaction, secret: &str, user: &str, key_id: &str) -> Result<()> {
    let (now, others_max) = (time::now_us(), PAGE_SESSIONS_MAX - 1);
    tx.execute(DELETE_EXPIRED, &[now.into(), user.into(), others_max.into()]).await?;
    let ends_at = now.saturating_add(PAGE_SESSION_US);
    let params = [Value::from(keys::hash(secret)), user.into(), key_id.into(), now.into(), ends_at.into()];
    tx.execute(INSERT_SESSION, &params).await.map(|_| ())
}

/// Ends all sign-ins of a user.
pub async fn delete_page_sessions(tx: &Transaction, user: &str) -> Result<()> {
    tx.execute(DELETE_SESSIONS, &[user.into()]).await.map(|_| ())
}
