//! The check of a store: the integrity of its file, and everything that is kept beside the rows against a recount of the
//! rows: number and digest of each session's messages, the tokens of answers, the sums.
//!
//! Invariants: sums whose rows are gone are left alone, which are those of pruned days and of removed users; a repair
//! changes what is counted, never a row that was stored.

use super::recount::{Recount, RecountScope, StoreFault};
use crate::receiver::store::database::{Database, DbRole};
use crate::receiver::store::directory::tenant_users;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::{Store, with_retries};
use crate::receiver::store::sql::Value;
use serde::Serialize;

/// Result of a check.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreCheck {
    /// Sessions that were counted.
    pub sessions: u64,
    /// Messages that were counted.
    pub messages: u64,
    /// Differences.
    pub faults: Vec<StoreFault>,
}

const SELECT_TENANTS: &str =
    "SELECT tenant_id, kind, handle, retained_since FROM tenants ORDER BY kind, handle, tenant_id";
const SELECT_LOGIN: &str = "SELECT handle FROM tenants WHERE tenant_id = $1 AND kind = 'user'";
const CHECK_INTEGRITY: &str = "PRAGMA integrity_check(20)";

impl Store {
    /// Checks the store, and with `repairs` sets right what is counted wrong.
    pub async fn check(&self, repairs: bool) -> Result<StoreCheck> {
        let mut check = StoreCheck { faults: self.check_integrity().await?, ..StoreCheck::default() };
        let tx = self.db.read(DbRole::Operator).await?;
        let tenants = tx.query(SELECT_TENANTS, &[]).await?;
        let mut scopes = Vec::new();
        for row in &tenants {
            let (tenant, is_organization) = (row.text(0)?, row.text(1)? == "organization");
            for user in tenant_users(&tx, &tenant).await? {
                // Of a user who was removed only sums are left.
                let Some(login) = tx.query_one(SELECT_LOGIN, &[Value::from(&user)]).await? else { continue };
                scopes.push(RecountScope {
                    tenant: tenant.clone(),
                    user,
                    retained_since: row.opt_int(3)?,
                    organization: is_organization.then(|| row.text(2)).transpose()?,
                    login: login.text(0)?,
                });
            }
        }
        tx.commit().await?;
        for scope in &scopes {
            let recount = with_retries(async || self.recount(scope, repairs).await).await?;
            check.sessions += recount.sessions;
            check.messages += recount.messages;
            check.faults.extend(recount.faults);
        }
        Ok(check)
    }

    /// Recounts the rows of a user in a tenant: in a snapshot, or under the user's lock, so that no batch comes between rows
    /// and sums.
    async fn recount(&self, scope: &RecountScope, repairs: bool) -> Result<Recount> {
        let tx = if repairs {
            self.db.write(DbRole::Operator).await?
        } else {
            self.db.read(DbRole::Operator).await?
        };
        if repairs {
            tx.lock_users(vec![scope.user.clone()]).await?;
        }
        let recount = Recount::of(&tx, scope, repairs).await?;
        tx.commit().await?;
        Ok(recount)
    }

    /// Lists the defects of the file, or the shards of a cluster without the access to their table. PostgreSQL checks its files
    /// by itself.
    async fn check_integrity(&self) -> Result<Vec<StoreFault>> {
        if let Database::Postgres(db) = &self.db {
            let (_, faults) = db.check_shards().await?;
            return Ok(faults.into_iter().map(|fault| of_store("access", fault.message)).collect());
        }
        let tx = self.db.read(DbRole::Operator).await?;
        let lines = match tx.query_texts(CHECK_INTEGRITY, &[]).await {
            // SQLite gives up where a page cannot be read at all.
            Err(StoreError::Unavailable(text)) => vec![text],
            lines => lines?,
        };
        let defects = lines.into_iter().filter(|line| line != "ok");
        Ok(defects.map(|message| of_store("integrity", format!("{message}; restore a backup"))).collect())
    }
}

/// A fault of the store as a whole, which a recount does not repair.
fn of_store(kind: &'static str, message: String) -> StoreFault {
    StoreFault { kind, organization: None, login: None, session: None, message, repaired: false }
}
