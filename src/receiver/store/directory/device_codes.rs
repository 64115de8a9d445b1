//! Device authorizations (RFC 8628): a machine asks for a key, and a person approves it.
//!
//! Invariants: both codes are stored as hashes; an approved device code makes one key, once; the number of pending
//! authorizations is bounded, in all and per client address.

use super::keys::{NewKey, insert_key};
use super::names::{TenantKind, tenant_id};
use super::principal::Principal;
use crate::receiver::limits::{
    DEVICE_CODE_LIFETIME_US, DEVICE_CODES_MAX, DEVICE_CODES_PER_ADDRESS_MAX, DEVICE_POLL_INTERVAL_US,
};
use crate::receiver::store::audit::{Actor, record};
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::{Store, with_retries};
use crate::receiver::store::sql::{Row, Value};
use crate::receiver::{keys, time};
use serde::Serialize;

/// The two codes of a device authorization.
#[derive(Debug)]
pub struct DeviceCodes {
    /// Code that the machine polls with.
    pub device_code: String,
    /// Code that the person confirms, `BCDF-GHJK`.
    pub user_code: String,
}

/// A pending device authorization in a list, without its codes.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceInfo {
    /// Name of the machine, as the machine says.
    pub machine: String,
    /// Address that the request came from.
    pub address: String,
    /// Time of the request, RFC 3339.
    pub requested_at: String,
    /// End of validity, RFC 3339.
    pub expires_at: String,
    /// Login name of the user for whom it is approved.
    pub approved_for: Option<String>,
}

/// State of a device authorization, as the machine is told.
#[derive(Debug)]
pub enum DevicePoll {
    /// Nobody has decided yet.
    Pending,
    /// The machine polls more often than the interval allows.
    TooFast,
    /// Denied by a person.
    Denied,
    /// The code has expired.
    Expired,
    /// The code is unknown, or was used.
    Unknown,
    /// Approved: the new key.
    Approved(Box<NewKey>),
}

/// Decision of a person on a machine that asks for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceDecision {
    /// The machine gets a key of the person.
    Approve,
    /// The machine gets none.
    Deny,
}

const DELETE_EXPIRED: &str = "DELETE FROM device_codes WHERE tenant_id = 'directory' AND expires_at < $1";
const COUNT_PENDING: &str = "\
    SELECT count(*), coalesce(sum(CASE WHEN address = $1 THEN 1 ELSE 0 END), 0) FROM device_codes \
    WHERE tenant_id = 'directory'";
const INSERT_CODE: &str = "\
    INSERT INTO device_codes (tenant_id, device_hash, user_hash, machine, address, requested_at, expires_at) \
    VALUES ('directory', $1, $2, $3, $4, $5, $6)";
const SELECT_CODE: &str = "\
    SELECT expires_at, is_denied, approved_user, polled_at, machine, address FROM device_codes \
    WHERE tenant_id = 'directory' AND device_hash = $1";
const RECORD_POLL: &str =
    "UPDATE device_codes SET polled_at = $2 WHERE tenant_id = 'directory' AND device_hash = $1";
const DELETE_CODE: &str = "DELETE FROM device_codes WHERE tenant_id = 'directory' AND device_hash = $1";
const APPROVE: &str = "\
    UPDATE device_codes SET approved_user = $3 WHERE tenant_id = 'directory' AND user_hash = $1 AND expires_at > $2 \
    AND approved_user IS NULL AND NOT is_denied";
const DENY: &str = "\
    UPDATE device_codes SET is_denied = TRUE, approved_user = NULL \
    WHERE tenant_id = 'directory' AND user_hash = $1 AND expires_at > $2";
const SELECT_PENDING: &str = "\
    SELECT machine, address, requested_at, expires_at, approved_user FROM device_codes \
    WHERE tenant_id = 'directory' AND user_hash = $1 AND expires_at > $2 AND approved_user IS NULL AND NOT is_denied";
/// Denial by a person, which undoes no approval.
const DENY_PENDING: &str = "\
    UPDATE device_codes SET is_denied = TRUE WHERE tenant_id = 'directory' AND user_hash = $1 AND expires_at > $2 \
    AND approved_user IS NULL AND NOT is_denied";
const LIST_PENDING: &str = "\
    SELECT c.machine, c.address, c.requested_at, c.expires_at, t.handle FROM device_codes c \
    LEFT JOIN tenants t ON t.tenant_id = c.approved_user \
    WHERE c.tenant_id = 'directory' AND c.expires_at > $1 AND NOT c.is_denied ORDER BY c.requested_at, c.device_hash";
const SELECT_USER: &str = "SELECT handle FROM tenants WHERE tenant_id = $1";

impl Store {
    /// Begins a device authorization. `None` if too many are pending.
    pub async fn begin_device_authorization(
        &self,
        machine: &str,
        address: &str,
    ) -> Result<Option<DeviceCodes>> {
        let random = |error: getrandom::Error| StoreError::Internal(error.to_string());
        let codes = DeviceCodes {
            device_code: keys::new_device_code().map_err(random)?,
            user_code: keys::new_user_code().map_err(random)?,
        };
        let now = time::now_us();
        with_retries(async || {
            let tx = self.db.write(DbRole::Directory).await?;
            // An expired code is kept as long as a code lives, so that its machine is told that it has expired.
            tx.execute(DELETE_EXPIRED, &[(now - DEVICE_CODE_LIFETIME_US).into()]).await?;
            let count = tx.query_one(COUNT_PENDING, &[address.into()]).await?;
            let (all, of_address) = match &count {
                Some(row) => (row.int(0)?, row.int(1)?),
                None => (0, 0),
            };
            if all >= DEVICE_CODES_MAX || of_address >= DEVICE_CODES_PER_ADDRESS_MAX {
                tx.commit().await?;
                return Ok(false);
            }
            let params = [
                keys::hash(&codes.device_code).into(),
                hash_user_code(&codes.user_code).into(),
                machine.into(),
                address.into(),
                now.into(),
                Value::from(now + DEVICE_CODE_LIFETIME_US),
            ];
            tx.execute(INSERT_CODE, &params).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
        .map(|is_begun| is_begun.then_some(codes))
    }

    /// Reads the state of a device authorization. An approved one makes a key with a lifetime of `key_lifetime_us`, and is
    /// over.
    pub async fn poll_device_authorization(
        &self,
        device_code: &str,
        key_lifetime_us: i64,
    ) -> Result<DevicePoll> {
        let hash = keys::hash(device_code);
        let now = time::now_us();
        let poll = with_retries(async || {
            let tx = self.db.write(DbRole::Directory).await?;
            let poll = poll(&tx, &hash, now).await?;
            tx.commit().await?;
            Ok(poll)
        })
        .await?;
        let Some(poll) = poll else {
            let expires_at = now.saturating_add(key_lifetime_us);
            // As `operate` does, whose future cannot be sent between the threads of a server.
            let key = with_retries(async || {
                let tx = self.db.write(DbRole::Operator).await?;
                tx.lock_directory().await?;
                let key = take_approved(&tx, &hash, expires_at).await?;
                tx.commit().await?;
                Ok(key)
            })
            .await?;
            return Ok(key.map_or(DevicePoll::Unknown, |key| DevicePoll::Approved(Box::new(key))));
        };
        Ok(poll)
    }

    /// Approves the device authorization with this user code, in any spelling, for a user.
    pub async fn approve_device(&self, user_code: &str, login: &str) -> Result<()> {
        let hash = hash_user_code(user_code);
        self.operate(async |tx| {
            let user = tenant_id(tx, TenantKind::User, login).await?;
            let params = [Value::from(&hash), time::now_us().into(), user.into()];
            require_one(tx.execute(APPROVE, &params).await?)
        })
        .await
    }

    /// Denies the device authorization with this user code, in any spelling.
    pub async fn deny_device(&self, user_code: &str) -> Result<()> {
        let hash = hash_user_code(user_code);
        self.operate(async |tx| {
            require_one(tx.execute(DENY, &[Value::from(&hash), time::now_us().into()]).await?)
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
                DeviceDecision::Deny => tx.execute(DENY_PENDING, &[Value::from(&hash), now.into()]).await?,
            };
            if changed > 1 {
                return Err(StoreError::Internal("two machines have one code".to_owned()));
            }
            let action = match decision {
                DeviceDecision::Approve => "device.approve",
                DeviceDecision::Deny => "device.deny",
            };
            if changed == 1 {
                record(&tx, &principal.audit_entry(action, user.clone(), "done")).await?;
            }
            tx.commit().await?;
            Ok(changed == 1)
        })
        .await
    }

    /// The device authorizations that wait for a person or for their machine.
    pub async fn devices(&self) -> Result<Vec<DeviceInfo>> {
        let tx = self.db.read(DbRole::Operator).await?;
        let rows = tx.query(LIST_PENDING, &[time::now_us().into()]).await?;
        tx.commit().await?;
        rows.iter().map(read_device).collect()
    }
}

/// Reads a row of a list of machines.
fn read_device(row: &Row) -> Result<DeviceInfo> {
    Ok(DeviceInfo {
        machine: row.text(0)?,
        address: row.text(1)?,
        requested_at: time::rfc3339(row.int(2)?),
        expires_at: time::rfc3339(row.int(3)?),
        approved_for: row.opt_text(4)?,
    })
}

/// Reads the state of a device authorization; `None` if it is approved.
async fn poll(tx: &Transaction, hash: &str, now: i64) -> Result<Option<DevicePoll>> {
    let Some(row) = tx.query_one(SELECT_CODE, &[hash.into()]).await? else {
        return Ok(Some(DevicePoll::Unknown));
    };
    if row.int(0)? <= now {
        return Ok(Some(DevicePoll::Expired));
    }
    if row.flag(1)? {
        return Ok(Some(DevicePoll::Denied));
    }
    if row.opt_text(2)?.is_some() {
        return Ok(None);
    }
    let is_too_fast = row.opt_int(3)?.is_some_and(|polled_at| now < polled_at + DEVICE_POLL_INTERVAL_US);
    tx.execute(RECORD_POLL, &[hash.into(), now.into()]).await?;
    Ok(Some(if is_too_fast { DevicePoll::TooFast } else { DevicePoll::Pending }))
}

/// Ends an approved device authorization and creates its key. `None` if another request was faster, or the user is removed.
async fn take_approved(tx: &Transaction, hash: &str, expires_at: i64) -> Result<Option<NewKey>> {
    let Some(row) = tx.query_one(SELECT_CODE, &[hash.into()]).await? else { return Ok(None) };
    let (Some(user), machine) = (row.opt_text(2)?, row.text(4)?) else { return Ok(None) };
    tx.execute(DELETE_CODE, &[hash.into()]).await?;
    let Some(named) = tx.query_one(SELECT_USER, &[Value::from(&user)]).await? else { return Ok(None) };
    let login = named.text(0)?;
    let maker = (Actor::User(user.clone()), Some(row.text(5)?));
    insert_key(tx, (&user, &login), &machine, Some(expires_at), maker).await.map(Some)
}

fn require_one(changed: u64) -> Result<()> {
    if changed == 0 {
        return Err(StoreError::refused(
            "no machine waits with this code: it was decided already, or has expired; run `han-sync login` there again",
        ));
    }
    Ok(())
}

/// Hashes a user code as a person may type it: without regard to case, hyphens and blanks.
fn hash_user_code(text: &str) -> String {
    let letters = text.chars().filter(|letter| letter.is_ascii_alphanumeric());
    keys::hash(&letters.map(|letter| letter.to_ascii_uppercase()).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_code_is_found_in_any_spelling() {
        let hash = hash_user_code("BCDF-GHJK");
        for spelling in ["bcdfghjk", " BCDF GHJK ", "bcdf-ghjk\n", "BCDFGHJK"] {
            assert_eq!(hash_user_code(spelling), hash, "{spelling:?}");
        }
        assert_ne!(hash_user_code("BCDF-GHJL"), hash);
    }
}
