//! The check of the log: the chain of hashes in SQLite, the grants in PostgreSQL.

use super::entry::{HASHED_COLUMNS, hash_of};
use super::prune::{PRUNED, beginning_of};
use crate::receiver::store::database::DbRole;
use crate::receiver::store::error::Result;
use crate::receiver::store::open::Store;
use crate::receiver::store::sql::Value;
use serde::Serialize;

/// Result of a check.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditCheck {
    /// Number of entries.
    pub entries: usize,
    /// Hash of the last entry: kept elsewhere, it shows later that nothing before it has changed. Null in PostgreSQL.
    pub last_hash: Option<String>,
    /// Faults that were found.
    pub faults: Vec<String>,
}

const SELECT_GRANTS: &str = "\
    SELECT CASE WHEN grantee = 0 THEN 'everybody' ELSE pg_catalog.pg_get_userbyid(grantee)::text END || ' may ' \
    || lower(privilege_type) FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) \
    WHERE c.oid = 'audit'::regclass AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE') AND grantee <> c.relowner \
    ORDER BY 1";

impl Store {
    /// Checks that no entry was changed or removed.
    pub async fn check_audit(&self) -> Result<AuditCheck> {
        let tx = self.db.read(DbRole::Operator).await?;
        let sql =
            format!("SELECT {HASHED_COLUMNS}, hash FROM audit WHERE tenant_id = 'audit' ORDER BY entry");
        let rows = tx.query(&sql, &[]).await?;
        let mut check = AuditCheck { entries: rows.len(), ..AuditCheck::default() };
        if !tx.is_sqlite() {
            let grants = tx.query_texts(SELECT_GRANTS, &[]).await?;
            check.faults = grants.into_iter().map(|grant| format!("{grant} the audit log")).collect();
            tx.commit().await?;
            return Ok(check);
        }
        tx.commit().await?;
        let mut expected = None;
        let mut beginning = None;
        for row in &rows {
            let (number, hash) = (row.int(0)?, row.opt_text(8)?.unwrap_or_default());
            let values: Vec<Value> = row.0[1..8].to_vec();
            let before = match expected.take() {
                None => String::new(),
                Some((previous, hash)) if number == previous + 1 => hash,
                Some((previous, hash)) => {
                    check.faults.push(format!("entries are missing between {previous} and {number}"));
                    hash
                }
            };
            // Of the first entry the hash before it is known from the record of the last prune.
            let is_first = beginning.is_none();
            if is_first {
                beginning = Some((number, values.clone(), hash.clone()));
            } else if hash_of(&before, number, &values) != hash {
                check.faults.push(format!("entry {number} was changed, or one before it removed"));
            }
            expected = Some((number, hash));
        }
        check.last_hash = expected.map(|(_, hash)| hash);
        if let Some((number, values, hash)) = beginning {
            let pruned = rows.iter().rev().find(|row| row.text(3).is_ok_and(|action| action == PRUNED));
            let recorded = pruned.map(|row| row.text(4)).transpose()?;
            let before =
                recorded.as_deref().map_or((1, ""), |target| beginning_of(target).unwrap_or((0, "")));
            if before.0 != number || hash_of(before.1, number, &values) != hash {
                check.faults.push(format!("entry {number} was changed, or one before it removed"));
            }
        }
        Ok(check)
    }
}
