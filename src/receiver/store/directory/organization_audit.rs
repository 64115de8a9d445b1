//! The log as the admins of organizations see it: entries about their organizations, and about the keys and sign-ins of
//! their members.
//!
//! Invariant: an entry that is about nothing of the reader's organizations is not read, nor is another person's address.

use super::principal::Role;
use super::query_reader::QueryReader;
use crate::receiver::store::audit::{AuditRecord, read_entry};
use crate::receiver::store::database::DbRole;
use crate::receiver::store::error::Result;
use crate::receiver::store::sql::Value;
use std::collections::HashMap;

/// A position in the log, which begins with the newest entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPosition {
    /// Time of the entry, in microseconds.
    pub at: i64,
    /// Number of the entry.
    pub entry: i64,
}

/// `$1` holds the organizations, `$2` and `$3` the position, `$4` the number of rows. In LIKE the `_` of an id matches
/// any letter, but no other id has another letter in that place; no id has `%`.
const SELECT_ENTRIES: &str = "\
    SELECT a.at, a.actor, a.action, a.target, a.address, a.outcome, a.count, a.entry FROM audit a WHERE a.tenant_id = 'audit' \
    AND (a.at < $2 OR a.at = $2 AND a.entry < $3) AND (\
    EXISTS (SELECT 1 FROM tenants o WHERE o.tenant_id IN {list:$1} AND ' ' || a.target || ' ' LIKE '% ' || o.tenant_id || ' %') \
    OR a.action IN ('key.create', 'key.revoke', 'sign-in', 'sign-out', 'sign-out-everywhere', 'device.approve', 'device.deny') \
    AND a.actor IN (SELECT m.user_id FROM members m WHERE m.tenant_id IN {list:$1})) \
    ORDER BY a.at DESC, a.entry DESC LIMIT $4";
/// The names that the entries may have: of the organizations, and of those who are their members.
const SELECT_HANDLES: &str = "\
    SELECT tenant_id, handle FROM tenants WHERE tenant_id IN {list:$1} \
    OR tenant_id IN (SELECT user_id FROM members WHERE tenant_id IN {list:$1})";

impl QueryReader {
    /// A page of the entries about the organizations whose admin the reader is, newest first, each with its position.
    pub async fn organization_audit(
        &self,
        first: usize,
        after: Option<AuditPosition>,
    ) -> Result<Vec<(AuditPosition, AuditRecord)>> {
        let principal = self.principal();
        let admin_of = principal.memberships.iter().filter(|membership| membership.role == Role::Admin);
        let tenants: Vec<String> = admin_of.map(|membership| membership.tenant_id.clone()).collect();
        if tenants.is_empty() {
            return Ok(Vec::new());
        }
        let AuditPosition { at, entry } = after.unwrap_or(AuditPosition { at: i64::MAX, entry: i64::MAX });
        let limit = i64::try_from(first).unwrap_or(i64::MAX);
        let tx = self.begin(DbRole::Operator).await?;
        let params = [Value::from(tenants.clone()), at.into(), entry.into(), limit.into()];
        let rows = tx.query(SELECT_ENTRIES, &params).await?;
        let handles = tx.query(SELECT_HANDLES, &[tenants.into()]).await?;
        tx.commit().await?;
        let handles: HashMap<String, String> =
            handles.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect::<Result<_>>()?;
        let mut records = Vec::with_capacity(rows.len());
        for row in &rows {
            let is_own = row.opt_text(1)?.as_ref() == Some(&principal.user_id);
            let mut record = read_entry(row, &handles)?;
            record.address = record.address.filter(|_| is_own);
            records.push((AuditPosition { at: row.int(0)?, entry: row.int(7)? }, record));
        }
        Ok(records)
    }
}
