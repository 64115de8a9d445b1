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
use crate::receiver::time::DAY_US;
use std::collections::{BTreeSet, HashMap};

/// A position in the log, which begins with the newest entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPosition {
    /// Time of the entry, in microseconds.
    pub at: i64,
    /// Number of the entry.
    pub entry: i64,
}

/// A selection of entries; an absent field selects all.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Slug of the organization that they are about, or of whose members they are.
    pub organization: Option<String>,
    /// First and last UTC day.
    pub days: Option<(i64, i64)>,
}

/// `$1` holds the organizations, `$2` and `$3` the position, `$4` the number of rows, `$5` and `$6` the times between which. In LIKE the `_` of an id matches
/// any letter, but no other id has another letter in that place; no id has `%`.
const SELECT_ENTRIES: &str = "\
    SELECT a.at, a.actor, a.action, a.target, a.address, a.outcome, a.count, a.entry FROM audit a WHERE a.tenant_id = 'audit' \
    AND (a.at, a.entry) < ($2, $3) AND a.at >= $5 AND a.at < $6 AND (\
    EXISTS (SELECT 1 FROM tenants o WHERE o.tenant_id IN {list:$1} AND ' ' || a.target || ' ' LIKE '% ' || o.tenant_id || ' %') \
    OR a.action IN ('key.create', 'key.revoke', 'sign-in', 'sign-out', 'sign-out-everywhere', 'device.approve', 'device.deny') \
    AND EXISTS (SELECT 1 FROM members m WHERE m.user_id = a.actor AND m.tenant_id IN {list:$1})) \
    ORDER BY a.at DESC, a.entry DESC LIMIT $4";
/// The names of these (`$2`), as far as they are the organizations, or their members.
const SELECT_HANDLES: &str = "\
    SELECT t.tenant_id, t.handle FROM tenants t WHERE t.tenant_id IN {list:$2} AND (t.tenant_id IN {list:$1} \
    OR EXISTS (SELECT 1 FROM members m WHERE m.user_id = t.tenant_id AND m.tenant_id IN {list:$1}))";

impl QueryReader {
    /// A page of the entries about the organizations whose admin the reader is, newest first, each with its position.
    pub async fn organization_audit(
        &self,
        query: &AuditQuery,
        first: usize,
        after: Option<AuditPosition>,
    ) -> Result<Vec<(AuditPosition, AuditRecord)>> {
        let principal = self.principal();
        let is_selected = |slug: &String| query.organization.as_ref().is_none_or(|selected| selected == slug);
        let admin_of = principal
            .memberships
            .iter()
            .filter(|membership| membership.role == Role::Admin && is_selected(&membership.slug));
        let tenants: Vec<String> = admin_of.map(|membership| membership.tenant_id.clone()).collect();
        if tenants.is_empty() {
            return Ok(Vec::new());
        }
        let AuditPosition { at, entry } = after.unwrap_or(AuditPosition { at: i64::MAX, entry: i64::MAX });
        let limit = i64::try_from(first).unwrap_or(i64::MAX);
        let tx = self.begin(DbRole::Operator).await?;
        let (first_day, last_day) = query.days.unwrap_or((i64::MIN, i64::MAX));
        let begin = first_day.saturating_mul(DAY_US);
        let end = last_day.saturating_add(1).saturating_mul(DAY_US);
        let position = [at, entry, limit, begin, end].map(Value::from);
        let params = [&[Value::from(tenants.clone())], position.as_slice()].concat();
        let rows = tx.query(SELECT_ENTRIES, &params).await?;
        let mut named = BTreeSet::new();
        for row in &rows {
            named.extend(row.opt_text(1)?);
            named.extend(row.text(3)?.split(' ').map(str::to_owned));
        }
        let named: Vec<String> = named.into_iter().collect();
        let handles = tx.query(SELECT_HANDLES, &[tenants.into(), named.into()]).await?;
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
