//! `metrics`: sums per user, session, day, model and message type, kept up with each batch and added up for readers.
//!
//! Invariant: a member learns the sums of an organization, never those of another person: for a reader who is not an admin
//! all other users are one group without a name.

use crate::receiver::ingest::token_usage::{MetricSums, MetricsDeltas, MetricsKey, SUM_MAX, SumTooLarge};
use crate::receiver::limits::METRICS_ROWS_MAX;
use crate::receiver::store::database::{DbRole, Transaction, Visibility};
use crate::receiver::store::directory::QueryReader;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::{ColumnType, InsertMany, Row, Rows, Value};
use std::collections::{BTreeMap, HashMap};

/// A dimension by which sums are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MetricDimension {
    /// By organization.
    Organization,
    /// By repository.
    Repository,
    /// By user.
    User,
    /// By language model.
    Model,
    /// By message type.
    Type,
    /// By UTC day.
    Day,
}

/// The sums of one group. Dimensions that are not grouped by are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricsRow {
    /// Slug.
    pub organization: Option<String>,
    /// URL of the repository.
    pub repository: Option<String>,
    /// Id of the user.
    pub user_id: Option<String>,
    /// Name of the language model.
    pub model: Option<String>,
    /// Type of the message.
    pub message_type: Option<String>,
    /// UTC day, counted from the epoch.
    pub day: Option<i64>,
    /// Sessions with a message in the range.
    pub sessions: i64,
    /// Sums of the group.
    pub sums: MetricSums,
}

/// A range of days, both included, and the dimensions by which its sums are grouped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricsQuery {
    /// First UTC day, counted from the epoch.
    pub from: i64,
    /// Last UTC day.
    pub to: i64,
    /// Dimensions.
    pub dimensions: Vec<MetricDimension>,
}

/// Adds to stored sums, and returns the largest of each row, so that the caller can check it against its bound.
const ADD_METRICS: InsertMany = InsertMany {
    table: "metrics",
    common: &["tenant_id", "user_id"],
    columns: &[
        ("session_id", ColumnType::Text),
        ("day", ColumnType::Int),
        ("model", ColumnType::Text),
        ("message_type", ColumnType::Text),
        ("repository", ColumnType::Text),
        ("messages", ColumnType::Int),
        ("input_tokens", ColumnType::Int),
        ("output_tokens", ColumnType::Int),
        ("cache_read_tokens", ColumnType::Int),
        ("cache_creation_tokens", ColumnType::Int),
        ("lines_added", ColumnType::Int),
        ("lines_removed", ColumnType::Int),
        ("tasks_completed", ColumnType::Int),
    ],
    tail: "ON CONFLICT (tenant_id, user_id, session_id, day, model, message_type) DO UPDATE SET \
           messages = metrics.messages + excluded.messages, \
           input_tokens = metrics.input_tokens + excluded.input_tokens, \
           output_tokens = metrics.output_tokens + excluded.output_tokens, \
           cache_read_tokens = metrics.cache_read_tokens + excluded.cache_read_tokens, \
           cache_creation_tokens = metrics.cache_creation_tokens + excluded.cache_creation_tokens, \
           lines_added = metrics.lines_added + excluded.lines_added, \
           lines_removed = metrics.lines_removed + excluded.lines_removed, \
           tasks_completed = metrics.tasks_completed + excluded.tasks_completed \
           RETURNING {greatest}(input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, lines_added, \
           lines_removed)",
};
/// Sets the repository of a session's sums.
pub const SET_METRICS_REPOSITORY: &str = "\
    UPDATE metrics SET repository = $4 WHERE tenant_id = $1 AND session_id = $2 AND user_id = $3";

/// The summed columns, in the order of [`read_sums`].
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

/// Divisor that splits a value into a high and a low part. Each part is summed by itself, so that no sum overflows, however
/// many rows there are.
const HALF: i64 = 1 << 31;
/// Position of the first sum in a row of [`grouped_sums`].
const FIRST_SUM: usize = 6;

type GroupKey = (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>, Option<i64>);

/// A user's sums of one tenant from a day on.
pub async fn stored_sums(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    first_day: i64,
) -> Result<MetricsDeltas> {
    let sql = format!(
        "SELECT session_id, day, model, message_type, {} FROM metrics WHERE tenant_id = $1 AND user_id = $2 AND day >= $3",
        SUMS.join(", ")
    );
    let read = |row: &Row| {
        let key = MetricsKey {
            session_id: row.text(0)?,
            day: row.int(1)?,
            model: row.text(2)?,
            message_type: row.text(3)?,
        };
        let sum = |index: usize| row.int(4 + index);
        let sums = MetricSums {
            messages: sum(0)?,
            tokens: [sum(1)?, sum(2)?, sum(3)?, sum(4)?],
            lines_added: sum(5)?,
            lines_removed: sum(6)?,
            tasks_completed: sum(7)?,
        };
        Ok((key, sums))
    };
    let rows = tx.query(&sql, &[tenant.into(), user.into(), first_day.into()]).await?;
    rows.iter().map(read).collect()
}

/// Adds changes to a user's stored sums. `repositories` holds the repositories of sessions that may have new rows; other
/// sessions keep theirs. Returns an error of its own if a sum is too large.
pub async fn add_to_metrics(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    repositories: &HashMap<&str, &str>,
    deltas: &MetricsDeltas,
) -> Result<Option<SumTooLarge>> {
    let mut rows = Rows::new(&[tenant, user]);
    for (key, sums) in deltas.iter().filter(|(_, sums)| **sums != MetricSums::default()) {
        let [input, output, cache_read, cache_creation] = sums.tokens;
        let repository = repositories.get(key.session_id.as_str()).copied().unwrap_or_default();
        rows.push([
            (&key.session_id).into(),
            key.day.into(),
            (&key.model).into(),
            (&key.message_type).into(),
            repository.into(),
            sums.messages.into(),
            input.into(),
            output.into(),
            cache_read.into(),
            cache_creation.into(),
            sums.lines_added.into(),
            sums.lines_removed.into(),
            sums.tasks_completed.into(),
        ]);
    }
    let mut largest = 0;
    for row in tx.insert_many_returning(&ADD_METRICS, &rows).await? {
        largest = row.int(0)?.max(largest);
    }
    Ok((largest > SUM_MAX).then_some(SumTooLarge))
}

impl QueryReader {
    /// Sums of all tenants of the reader.
    pub async fn metrics(&self, query: &MetricsQuery) -> Result<Vec<MetricsRow>> {
        let MetricsQuery { from, to, dimensions } = query;
        let principal = self.principal();
        let mut groups: BTreeMap<GroupKey, MetricsRow> = BTreeMap::new();
        let tx = self.begin(DbRole::Request).await?;
        for tenant in principal.tenants() {
            let Some(visibility) = principal.visibility(&tenant) else { continue };
            principal.enter(&tx, &tenant).await?;
            let sql = grouped_sums(dimensions, visibility);
            let params =
                [Value::from(&tenant), (*from).into(), (*to).into(), Value::from(&principal.user_id)];
            let slug = principal.membership(&tenant).map(|membership| &membership.slug);
            for row in tx.query(&sql, &params).await? {
                let group = MetricsRow::read(&row, slug, dimensions)?;
                groups.entry(group.key()).or_insert_with(|| group.without_sums()).add(&group);
                if groups.len() > METRICS_ROWS_MAX {
                    return Err(StoreError::refused(format!(
                        "more than {METRICS_ROWS_MAX} rows: ask for fewer days or groups"
                    )));
                }
            }
        }
        tx.commit().await?;
        if dimensions.is_empty() && groups.is_empty() {
            return Ok(vec![MetricsRow::default()]);
        }
        Ok(groups.into_values().collect())
    }
}

/// The query of one tenant's sums: five dimensions, the number of sessions, then two halves of each sum.
fn grouped_sums(dimensions: &[MetricDimension], visibility: Visibility) -> String {
    let user = match visibility {
        Visibility::All => "user_id",
        Visibility::Own => "CASE WHEN user_id = $4 THEN user_id ELSE '' END",
    };
    let dimension = |dimension, column, none| if dimensions.contains(&dimension) { column } else { none };
    let halves: Vec<String> = SUMS
        .iter()
        .map(|column| {
            format!("CAST(sum({column} / {HALF}) AS BIGINT), CAST(sum({column} % {HALF}) AS BIGINT)")
        })
        .collect();
    // Rows without any sum are left by answers that are now counted in another row.
    let counts: Vec<String> = SUMS.iter().map(|column| format!("max({column}) > 0")).collect();
    format!(
        "SELECT d1, d2, d3, d4, d5, CAST(count(DISTINCT session) AS BIGINT), {} FROM (\
         SELECT {} AS d1, {} AS d2, {} AS d3, {} AS d4, CAST({} AS BIGINT) AS d5, \
         CASE WHEN messages > 0 THEN session_id END AS session, {} \
         FROM metrics WHERE tenant_id = $1 AND day BETWEEN $2 AND $3 AND $4 <> '') a \
         GROUP BY d1, d2, d3, d4, d5 HAVING {} LIMIT {}",
        halves.join(", "),
        dimension(MetricDimension::Repository, "repository", "''"),
        dimension(MetricDimension::User, user, "''"),
        dimension(MetricDimension::Model, "model", "''"),
        dimension(MetricDimension::Type, "message_type", "''"),
        dimension(MetricDimension::Day, "day", "0"),
        SUMS.join(", "),
        counts.join(" OR "),
        METRICS_ROWS_MAX + 1,
    )
}

impl MetricsRow {
    /// Reads a row of [`grouped_sums`].
    fn read(row: &Row, slug: Option<&String>, dimensions: &[MetricDimension]) -> Result<MetricsRow> {
        let named = |column| -> Result<_> { Ok(Some(row.text(column)?).filter(|name| !name.is_empty())) };
        Ok(MetricsRow {
            organization: slug.filter(|_| dimensions.contains(&MetricDimension::Organization)).cloned(),
            repository: named(0)?,
            user_id: named(1)?,
            model: named(2)?,
            message_type: named(3)?,
            day: dimensions.contains(&MetricDimension::Day).then_some(row.int(4)?),
            sessions: row.int(5)?,
            sums: read_sums(row)?,
        })
    }

    fn key(&self) -> GroupKey {
        (
            self.organization.clone(),
            self.repository.clone(),
            self.user_id.clone(),
            self.model.clone(),
            self.message_type.clone(),
            self.day,
        )
    }

    fn without_sums(&self) -> MetricsRow {
        MetricsRow { sessions: 0, sums: MetricSums::default(), ..self.clone() }
    }

    fn add(&mut self, other: &MetricsRow) {
        self.sessions += other.sessions;
        self.sums.add_saturating(&other.sums);
    }
}

fn read_sums(row: &Row) -> Result<MetricSums> {
    let sum = |index: usize| -> Result<i64> {
        let (high, low) = (row.int(FIRST_SUM + 2 * index)?, row.int(FIRST_SUM + 2 * index + 1)?);
        Ok(high.saturating_mul(HALF).saturating_add(low))
    };
    Ok(MetricSums {
        messages: sum(0)?,
        tokens: [sum(1)?, sum(2)?, sum(3)?, sum(4)?],
        lines_added: sum(5)?,
        lines_removed: sum(6)?,
        tasks_completed: sum(7)?,
    })
}
