//! The aggregates as they are asked for: added up over a range of days and grouped.
//!
//! Invariant: a member learns an organization's metrics, never another person's: without the role `admin` everyone else is
//! one nameless group.

use super::Store;
use super::db::{DbRole, Result, StoreError, Value, Visibility};
use super::directory::Principal;
use super::read::enter;
use crate::receiver::limits::METRICS_ROWS_MAX;
use std::collections::BTreeMap;

/// What metrics can be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MetricDimension {
    Organization,
    Repository,
    User,
    Model,
    Type,
    Day,
}

/// One row of metrics: what it is grouped by is there, the rest is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricsRow {
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

/// The columns that are summed, in the order of [`MetricsRow::sums`].
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
    pub async fn metrics(
        &self,
        principal: &Principal,
        from: i64,
        to: i64,
        groups: &[MetricDimension],
    ) -> Result<Vec<MetricsRow>> {
        let has = |group| groups.contains(&group);
        let mut metrics: BTreeMap<Key, MetricsRow> = BTreeMap::new();
        let tx = self.db.read(DbRole::Request).await?;
        for tenant in principal.tenants() {
            let Some(_) = enter(&tx, principal, &tenant).await? else { continue };
            let user = match principal.visibility(&tenant) {
                Some(Visibility::All) => "user_id",
                _ => "CASE WHEN user_id = $4 THEN user_id ELSE '' END",
            };
            let dimension = |group, column: &str, none: &str| {
                if has(group) { column.to_owned() } else { none.to_owned() }
            };
            let columns = [
                dimension(MetricDimension::Repository, "repository", "''"),
                dimension(MetricDimension::User, user, "''"),
                dimension(MetricDimension::Model, "model", "''"),
                dimension(MetricDimension::Type, "message_type", "''"),
                dimension(MetricDimension::Day, "day", "0"),
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
                 FROM metrics WHERE tenant_id = $1 AND day BETWEEN $2 AND $3 AND $4 <> '') a \
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
                let mut total = MetricsRow {
                    organization: slug.clone().filter(|_| has(MetricDimension::Organization)),
                    repository: named(0)?,
                    user_id: named(1)?,
                    model: named(2)?,
                    message_type: named(3)?,
                    day: has(MetricDimension::Day).then_some(row.int(4)?),
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
                match metrics.get_mut(&total.key()) {
                    Some(known) => known.add(&total),
                    None => {
                        metrics.insert(total.key(), total);
                    }
                }
                if metrics.len() > METRICS_ROWS_MAX {
                    return Err(StoreError::refused(format!(
                        "more than {METRICS_ROWS_MAX} rows: ask for fewer days or groups"
                    )));
                }
            }
        }
        tx.commit().await?;
        if groups.is_empty() && metrics.is_empty() {
            return Ok(vec![MetricsRow::default()]);
        }
        Ok(metrics.into_values().collect())
    }
}

impl MetricsRow {
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

    fn add(&mut self, other: &MetricsRow) {
        self.sessions += other.sessions;
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum = sum.saturating_add(more);
        }
    }
}
