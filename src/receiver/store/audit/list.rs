//! Entries for the operator, with the present names of people and organizations.

use super::entry::REFUSED_AUTHENTICATION;
use crate::receiver::store::database::DbRole;
use crate::receiver::store::error::Result;
use crate::receiver::store::open::Store;
use crate::receiver::store::sql::Row;
use crate::receiver::time::{self, SECOND_US};
use serde::Serialize;
use std::collections::HashMap;

const MINUTE_US: i64 = 60 * SECOND_US;

/// An entry as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// Time of the action, RFC 3339.
    pub at: String,
    /// Login, `operator`, or the id of a user who is gone; null if it is not known.
    pub actor: Option<String>,
    /// Name of the action.
    pub action: String,
    /// Object of the action.
    pub target: String,
    /// Address of the client; null for a command.
    pub address: Option<String>,
    /// `done`, `refused` or `partial`.
    pub outcome: String,
    /// Number of equal actions.
    pub count: i64,
}

const SELECT_ENTRIES: &str = "\
    SELECT at, actor, action, target, address, outcome, count FROM audit \
    WHERE tenant_id = 'audit' AND at >= $1 ORDER BY at, entry";

impl Store {
    /// The entries since a time, oldest first. Refused authentications are one entry for each address and minute.
    pub async fn audit_log(&self, since: i64) -> Result<Vec<AuditRecord>> {
        let tx = self.db.read(DbRole::Operator).await?;
        let rows = tx.query(SELECT_ENTRIES, &[since.into()]).await?;
        let handles = tx.query("SELECT tenant_id, handle FROM tenants", &[]).await?;
        tx.commit().await?;
        let handles: HashMap<String, String> =
            handles.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect::<Result<_>>()?;
        let mut records: Vec<AuditRecord> = Vec::new();
        let mut refused: HashMap<(Option<String>, i64), usize> = HashMap::new();
        for row in &rows {
            let at = row.int(0)?;
            let record = read_entry(row, &handles)?;
            if record.action == REFUSED_AUTHENTICATION {
                let key = (record.address.clone(), at.div_euclid(MINUTE_US));
                if let Some(index) = refused.get(&key) {
                    records[*index].count += record.count;
                    continue;
                }
                refused.insert(key, records.len());
            }
            records.push(record);
        }
        Ok(records)
    }
}

/// Reads a row, with the names that are known in place of their ids.
pub fn read_entry(row: &Row, handles: &HashMap<String, String>) -> Result<AuditRecord> {
    let named = |text: String| {
        let words = text.split(' ').map(|word| handles.get(word).map_or(word, String::as_str));
        words.collect::<Vec<_>>().join(" ")
    };
    Ok(AuditRecord {
        at: time::rfc3339(row.int(0)?),
        actor: row.opt_text(1)?.map(&named),
        action: row.text(2)?,
        target: named(row.text(3)?),
        address: row.opt_text(4)?,
        outcome: row.text(5)?,
        count: row.int(6)?,
    })
}
