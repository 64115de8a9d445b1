//! Retention of the log.
//!
//! Invariant: an entry younger than [`AUDIT_DAYS_MIN`] stays, whatever is asked; the prune records where the rest begins.

use super::entry::{AuditEntry, SELECT_LAST, record};
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::error::Result;
use crate::receiver::store::open::{Store, with_retries};
use crate::receiver::time::DAY_US;

/// Days that an entry is kept at least. PostgreSQL's function has the same number.
pub const AUDIT_DAYS_MIN: u64 = 30;
/// Action of a prune.
pub const PRUNED: &str = "audit.prune";

const SELECT_OLD: &str = "SELECT entry FROM audit WHERE tenant_id = 'audit' AND at < $1 LIMIT 1";
const SELECT_FIRST_KEPT: &str = "\
    SELECT k.entry, (SELECT hash FROM audit b WHERE b.tenant_id = 'audit' AND b.entry < k.entry ORDER BY b.entry DESC LIMIT 1) \
    FROM audit k WHERE k.tenant_id = 'audit' AND k.at >= $1 ORDER BY k.entry LIMIT 1";

impl Store {
    /// Deletes entries older than so many days, and returns how many went.
    pub async fn prune_audit(&self, days: u64, now: i64) -> Result<u64> {
        let days = i64::try_from(days.max(AUDIT_DAYS_MIN)).unwrap_or(i64::MAX);
        let before = now.saturating_sub(days.saturating_mul(DAY_US));
        let tx = self.db.read(DbRole::Operator).await?;
        let has_old = tx.query_one(SELECT_OLD, &[before.into()]).await?.is_some();
        tx.commit().await?;
        if !has_old {
            return Ok(0);
        }
        with_retries(async || {
            let tx = self.db.write(DbRole::Operator).await?;
            let gone = match tx.is_sqlite() {
                true => cut_chain(&tx, before).await?,
                false => {
                    let row = tx.query_one("SELECT prune_audit($1)", &[before.into()]).await?;
                    let gone = row.map_or(Ok(0), |row| row.int(0))?.unsigned_abs();
                    record(&tx, &AuditEntry::command(PRUNED, format!("{gone} entries"))).await?;
                    gone
                }
            };
            tx.commit().await?;
            Ok(gone)
        })
        .await
    }
}

/// Deletes the entries before the first one that stays, and records the number of that one and the hash before it.
async fn cut_chain(tx: &Transaction, before: i64) -> Result<u64> {
    let beginning = match tx.query_one(SELECT_FIRST_KEPT, &[before.into()]).await? {
        Some(row) => (row.int(0)?, row.opt_text(1)?),
        // All are old: the record of the prune is the first.
        None => match tx.query_one(SELECT_LAST, &[]).await? {
            Some(row) => (row.int(0)? + 1, row.opt_text(1)?),
            None => return Ok(0),
        },
    };
    let (entry, hash) = beginning;
    let target = format!("entry {entry} {}", hash.unwrap_or_default());
    record(tx, &AuditEntry::command(PRUNED, target)).await?;
    tx.execute("DELETE FROM audit WHERE tenant_id = 'audit' AND entry < $1", &[entry.into()]).await
}

/// The first entry that a prune left, and the hash before it.
pub fn beginning_of(target: &str) -> Option<(i64, &str)> {
    let (entry, hash) = target.strip_prefix("entry ")?.split_once(' ')?;
    Some((entry.parse().ok()?, hash))
}
