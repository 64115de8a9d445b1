//! The aggregates as they are asked for: added up over a range of days and grouped.
//!
//! Invariant: a member learns an organization's totals, never another person's: without the role `admin` everyone else is
//! one nameless group.

use super::Store;
use super::db::{Result, Scope, Sees, StoreError, Value};
use super::directory::Principal;
use super::read::enter;
use crate::receiver::limits::METRICS_ROWS_MAX;
use std::collections::BTreeMap;

/// What totals can be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    Organization,
    Repository,
    User,
    Model,
    Type,
    Day,
}

/// One row of totals: what it is grouped by is there, the rest is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Total {
    /// Slug.
    pub organization: Option<String>,
    pub repository: Option<String>,
    pub user_id: Option<String>,
    pub model: Option<String>,
    pub message_type: Option<String>,
    pub day: Option<i64>,
    /// Sessions with a message in the range.
    pub sessions: i64,
    /// Messages; tokens as input, output, cache read, cache creation; lines added, removed; tasks completed.
    pub sums: [i64; 8],
}

/// The columns that are summed, in the order of [`Total::sums`].
const SUMS: [&str; 8] = [
    "messages",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_creation_tokens",
    "lines_added",
    "lines_removed",
    "tasks_completed",
];

/// What the halves of a sum are cut by.
const HALF: i64 = 1 << 31;

type Key = (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>, Option<i64>);

impl Store {
    /// Totals over days `from` to `to`, both included, of all tenants of the reader's.
    pub async fn totals(
        &self,
        principal: &Principal,
        from: i64,
        to: i64,
        groups: &[Group],
    ) -> Result<Vec<Total>> {
        let has = |group| groups.contains(&group);
        let mut totals: BTreeMap<Key, Total> = BTreeMap::new();
        let tx = self.db.read(Scope::Request).await?;
        for tenant in principal.tenants() {
            let Some(_) = enter(&tx, principal, &tenant).await? else { continue };
            let user = match principal.sees(&tenant) {
                Some(Sees::All) => "user_id",
                _ => "CASE WHEN user_id = $4 THEN user_id ELSE '' END",
            };
            let dimension = |group, column: &str, none: &str| {
                if has(group) { column.to_owned() } else { none.to_owned() }
            };
            let columns = [
                dimension(Group::Repository, "repository", "''"),
                dimension(Group::User, user, "''"),
                dimension(Group::Model, "model", "''"),
                dimension(Group::Type, "message_type", "''"),
                dimension(Group::Day, "day", "0"),
            ];
            // In two halves, of which neither runs over however many rows there are.
            let sums: Vec<String> = SUMS
                .iter()
                .map(|column| {
                    format!("CAST(sum({column} / {HALF}) AS BIGINT), CAST(sum({column} % {HALF}) AS BIGINT)")
                })
                .collect();
            let sql = format!(
                "SELECT d1, d2, d3, d4, d5, CAST(count(DISTINCT session) AS BIGINT), {} FROM (\
                 SELECT {} AS d1, {} AS d2, {} AS d3, {} AS d4, CAST({} AS BIGINT) AS d5, \
                 CASE WHEN messages > 0 THEN session_id END AS session, {} \
                 FROM activity WHERE tenant_id = $1 AND day BETWEEN $2 AND $3 AND $4 <> '') a \
                 GROUP BY d1, d2, d3, d4, d5 LIMIT {}",
                sums.join(", "),
                columns[0],
                columns[1],
                columns[2],
                columns[3],
                columns[4],
                SUMS.join(", "),
                METRICS_ROWS_MAX + 1,
            );
            let params = [Value::from(&tenant), from.into(), to.into(), Value::from(&principal.user_id)];
            let slug = principal.membership(&tenant).map(|membership| membership.slug.clone());
            for row in tx.query(&sql, &params).await? {
                let named = |column: usize| {
                    Ok::<_, StoreError>(Some(row.text(column)?).filter(|name| !name.is_empty()))
                };
                let mut total = Total {
                    organization: slug.clone().filter(|_| has(Group::Organization)),
                    repository: named(0)?,
                    user_id: named(1)?,
                    model: named(2)?,
                    message_type: named(3)?,
                    day: has(Group::Day).then_some(row.int(4)?),
                    sessions: row.int(5)?,
                    sums: [0; 8],
                };
                for (index, sum) in total.sums.iter_mut().enumerate() {
                    let (high, low) = (row.int(6 + 2 * index)?, row.int(7 + 2 * index)?);
                    *sum = high.saturating_mul(HALF).saturating_add(low);
                }
                // A place that an answer's tokens have left.
                if total.sums == [0; 8] {
                    continue;
                }
                match totals.get_mut(&total.key()) {
                    Some(known) => known.add(&total),
                    None => {
                        totals.insert(total.key(), total);
                    }
                }
                if totals.len() > METRICS_ROWS_MAX {
                    return Err(StoreError::refused(format!(
                        "more than {METRICS_ROWS_MAX} rows: ask for fewer days or groups"
                    )));
                }
            }
        }
        tx.commit().await?;
        if groups.is_empty() && totals.is_empty() {
            return Ok(vec![Total::default()]);
        }
        Ok(totals.into_values().collect())
    }
}

impl Total {
    fn key(&self) -> Key {
        (
            self.organization.clone(),
            self.repository.clone(),
            self.user_id.clone(),
            self.model.clone(),
            self.message_type.clone(),
            self.day,
        )
    }

    fn add(&mut self, other: &Total) {
        self.sessions += other.sessions;
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum = sum.saturating_add(more);
        }
    }
}
