//! API keys. A key is printed once and stored as its hash.

use super::names::{TenantKind, claim_name, tenant_id};
use crate::receiver::store::audit::{Actor, AuditEntry, record};
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::{Store, with_retries};
use crate::receiver::store::sql::{Row, Value};
use crate::receiver::{keys, time};
use serde::Serialize;
use std::net::IpAddr;

/// A key in a list, without the key itself.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    /// Id of the key.
    pub id: String,
    /// Login name of the user.
    pub login: String,
    /// First characters of the key.
    pub prefix: String,
    /// Label that the operator chose.
    pub label: String,
    /// Time of creation.
    pub created_at: String,
    /// End of validity, RFC 3339.
    pub expires_at: Option<String>,
    /// Time of revocation, RFC 3339.
    pub revoked_at: Option<String>,
    /// Time of the last use, RFC 3339.
    pub last_used_at: Option<String>,
}

/// A new key, with the key itself.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewKey {
    /// Key itself, shown once.
    pub key: String,
    /// Id of the key.
    pub id: String,
    /// Login name of the user.
    pub login: String,
    /// First characters of the key.
    pub prefix: String,
    /// Label that the operator chose.
    pub label: String,
    /// End of validity, RFC 3339.
    pub expires_at: Option<String>,
}

const LIST_KEYS: &str = "\
    SELECT k.key_id, t.handle, k.prefix, k.label, k.created_at, k.expires_at, k.revoked_at, k.last_used_at \
    FROM api_keys k JOIN tenants t ON t.tenant_id = k.tenant_id \
    WHERE $1 = '' OR k.tenant_id = $1 ORDER BY t.handle, k.created_at, k.key_id";
const INSERT_KEY: &str = "\
    INSERT INTO api_keys (tenant_id, key_id, hash, prefix, label, created_at, expires_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
/// Revokes a valid key of a user.
pub const REVOKE: &str =
    "UPDATE api_keys SET revoked_at = $3 WHERE tenant_id = $1 AND key_id = $2 AND revoked_at IS NULL";
const SELECT_BY_HASH: &str = "SELECT tenant_id, key_id FROM api_keys WHERE hash = $1";
const REVOKE_BY_HASH: &str = "\
    UPDATE api_keys SET revoked_at = $2 WHERE hash = $1 AND revoked_at IS NULL \
    AND tenant_id = (SELECT subject FROM directory WHERE tenant_id = 'directory' AND kind = 'key' AND name = $1)";

impl Store {
    /// Creates a key that expires after `expires` microseconds, or never.
    pub async fn create_key(&self, login: &str, label: &str, expires: Option<i64>) -> Result<NewKey> {
        let expires_at = expires.map(|span| time::now_us().saturating_add(span));
        self.operate(async |tx| {
            let user = tenant_id(tx, TenantKind::User, login).await?;
            insert_key(tx, (&user, login), label, expires_at, (Actor::operator(), None)).await
        })
        .await
    }

    /// The keys of one user, or of all.
    pub async fn keys(&self, login: Option<&str>) -> Result<Vec<KeyInfo>> {
        let tx = self.db.read(DbRole::Operator).await?;
        let user = match login {
            Some(login) => tenant_id(&tx, TenantKind::User, login).await?,
            None => String::new(),
        };
        let rows = tx.query(LIST_KEYS, &[user.into()]).await?;
        tx.commit().await?;
        rows.iter().map(read_key).collect()
    }

    /// Revokes a key that its holder presents from an address. A key that is unknown or revoked already is no error.
    pub async fn revoke_presented_key(&self, key: &str, address: IpAddr) -> Result<()> {
        let hash = keys::hash(key);
        with_retries(async || {
            let tx = self.db.write(DbRole::Operator).await?;
            if tx.execute(REVOKE_BY_HASH, &[Value::from(&hash), time::now_us().into()]).await? > 0
                && let Some(row) = tx.query_one(SELECT_BY_HASH, &[Value::from(&hash)]).await?
            {
                let user = row.text(0)?;
                let entry = AuditEntry::command("key.revoke", format!("{} of {user}", row.text(1)?));
                let address = Some(address.to_string());
                record(&tx, &AuditEntry { actor: Actor::User(user), address, ..entry }).await?;
            }
            tx.commit().await
        })
        .await
    }

    /// Revokes a key, named by its id or its prefix, and returns its id.
    pub async fn revoke_key(&self, named: &str) -> Result<String> {
        self.operate(async |tx| {
            let sql = "SELECT tenant_id, key_id FROM api_keys WHERE key_id = $1 OR prefix = $1";
            // An operator may paste the whole key.
            let named = if named.starts_with("han_") { keys::visible_prefix(named) } else { named };
            let rows = tx.query(sql, &[named.into()]).await?;
            let [row] = rows.as_slice() else {
                return Err(StoreError::refused(match rows.len() {
                    0 => "there is no such key",
                    _ => "several keys have this prefix: name one by its id",
                }));
            };
            let id = row.text(1)?;
            let user = row.text(0)?;
            tx.execute(REVOKE, &[Value::from(&user), Value::from(&id), time::now_us().into()]).await?;
            record(tx, &AuditEntry::command("key.revoke", format!("{id} of {user}"))).await?;
            Ok(id)
        })
        .await
    }
}

/// Creates a key of a user, made by an actor from an address.
pub async fn insert_key(
    tx: &Transaction,
    (user, login): (&str, &str),
    label: &str,
    expires_at: Option<i64>,
    (actor, address): (Actor, Option<String>),
) -> Result<NewKey> {
    let random = |error: getrandom::Error| StoreError::Internal(error.to_string());
    let key = keys::new_key().map_err(random)?;
    let id = keys::new_id("key").map_err(random)?;
    let hash = keys::hash(&key);
    claim_name(tx, "key", &hash, user).await?;
    let prefix = keys::visible_prefix(&key).to_owned();
    let params = [
        user.into(),
        Value::from(&id),
        hash.into(),
        Value::from(&prefix),
        label.into(),
        time::now_us().into(),
        expires_at.into(),
    ];
    tx.execute(INSERT_KEY, &params).await?;
    let entry = AuditEntry::command("key.create", format!("{id} of {user}"));
    record(tx, &AuditEntry { actor, address, ..entry }).await?;
    Ok(NewKey {
        key,
        id,
        login: login.to_owned(),
        prefix,
        label: label.to_owned(),
        expires_at: expires_at.map(time::rfc3339),
    })
}

/// Reads a row of a list of keys.
pub fn read_key(row: &Row) -> Result<KeyInfo> {
    Ok(KeyInfo {
        id: row.text(0)?,
        login: row.text(1)?,
        prefix: row.text(2)?,
        label: row.text(3)?,
        created_at: time::rfc3339(row.int(4)?),
        expires_at: row.opt_int(5)?.map(time::rfc3339),
        revoked_at: row.opt_int(6)?.map(time::rfc3339),
        last_used_at: row.opt_int(7)?.map(time::rfc3339),
    })
}
