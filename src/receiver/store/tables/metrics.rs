//! `metrics`: sums per user, session, day, model, message type and branch, kept up with each batch.
//!
//! Invariant: a stored sum is that of the stored rows, whatever the order in which they came.

use crate::protocol::remote::{Remote, repository_of_pull_request};
use crate::receiver::ingest::batch::PullRequest;
use crate::receiver::ingest::token_usage::{MetricSums, MetricsDeltas, MetricsKey, SUM_MAX, SumTooLarge};
use crate::receiver::store::database::Transaction;
use crate::receiver::store::error::Result;
use crate::receiver::store::sql::{ColumnType, InsertMany, Row, Rows};
use std::collections::HashMap;

/// Fields of a session that its sums have as well, to be grouped and filtered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionLabels<'a> {
    /// URL of the repository.
    pub repository: &'a str,
    /// Number of the pull request in that repository; 0 for none.
    pub pull_request: i64,
}

impl<'a> SessionLabels<'a> {
    /// Labels of a session's sums. A pull request of another repository is none there: its number would be taken for one of the
    /// session's repository.
    pub fn of(repository: &'a str, pull_request: Option<&PullRequest>) -> SessionLabels<'a> {
        let is_own = |request: &&PullRequest| {
            let other = request.url.as_deref().and_then(repository_of_pull_request);
            let other = other.and_then(|address| Remote::parse(address).ok());
            other.is_none_or(|other| other.url() == repository)
        };
        let request = pull_request.filter(|_| !repository.is_empty()).filter(is_own);
        SessionLabels { repository, pull_request: request.map_or(0, |request| request.number) }
    }
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
        ("branch", ColumnType::Text),
        ("repository", ColumnType::Text),
        ("pull_request", ColumnType::Int),
        ("messages", ColumnType::Int),
        ("input_tokens", ColumnType::Int),
        ("output_tokens", ColumnType::Int),
        ("cache_read_tokens", ColumnType::Int),
        ("cache_creation_tokens", ColumnType::Int),
        ("cache_creation_1h_tokens", ColumnType::Int),
        ("lines_added", ColumnType::Int),
        ("lines_removed", ColumnType::Int),
        ("tasks_completed", ColumnType::Int),
    ],
    tail: "ON CONFLICT (tenant_id, user_id, session_id, day, model, message_type, branch) DO UPDATE SET \
           messages = metrics.messages + excluded.messages, \
           input_tokens = metrics.input_tokens + excluded.input_tokens, \
           output_tokens = metrics.output_tokens + excluded.output_tokens, \
           cache_read_tokens = metrics.cache_read_tokens + excluded.cache_read_tokens, \
           cache_creation_tokens = metrics.cache_creation_tokens + excluded.cache_creation_tokens, \
           cache_creation_1h_tokens = metrics.cache_creation_1h_tokens + excluded.cache_creation_1h_tokens, \
           lines_added = metrics.lines_added + excluded.lines_added, \
           lines_removed = metrics.lines_removed + excluded.lines_removed, \
           tasks_completed = metrics.tasks_completed + excluded.tasks_completed \
           RETURNING {greatest}(input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, \
           cache_creation_1h_tokens, lines_added, lines_removed)",
};
/// Sets the labels of a session's sums.
pub const SET_METRICS_LABELS: &str = "\
    UPDATE metrics SET repository = $4, pull_request = $5 WHERE tenant_id = $1 AND session_id = $2 AND user_id = $3";

/// The summed columns, in the order of [`MetricSums`]'s fields.
pub const SUMS: [&str; 9] = [
    "messages",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_creation_tokens",
    "cache_creation_1h_tokens",
    "lines_added",
    "lines_removed",
    "tasks_completed",
];

/// Reads sums, of which `sum` returns the one at a position in [`SUMS`].
pub fn read_sums(sum: impl Fn(usize) -> Result<i64>) -> Result<MetricSums> {
    Ok(MetricSums {
        messages: sum(0)?,
        tokens: [sum(1)?, sum(2)?, sum(3)?, sum(4)?, sum(5)?],
        lines_added: sum(6)?,
        lines_removed: sum(7)?,
        tasks_completed: sum(8)?,
    })
}

/// A user's sums of one tenant from a day on.
pub async fn stored_sums(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    first_day: i64,
) -> Result<MetricsDeltas> {
    let sql = format!(
        "SELECT session_id, day, model, message_type, branch, {} FROM metrics \
         WHERE tenant_id = $1 AND user_id = $2 AND day >= $3",
        SUMS.join(", ")
    );
    let read = |row: &Row| {
        let key = MetricsKey {
            session_id: row.text(0)?,
            day: row.int(1)?,
            model: row.text(2)?,
            message_type: row.text(3)?,
            branch: row.text(4)?,
        };
        Ok((key, read_sums(|index| row.int(5 + index))?))
    };
    let rows = tx.query(&sql, &[tenant.into(), user.into(), first_day.into()]).await?;
    rows.iter().map(read).collect()
}

/// Adds changes to a user's stored sums. `labels` holds the labels of sessions that may have new rows; other sessions keep
/// theirs. Returns an error of its own if a sum is too large.
pub async fn add_to_metrics(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    labels: &HashMap<&str, SessionLabels<'_>>,
    deltas: &MetricsDeltas,
) -> Result<Option<SumTooLarge>> {
    let mut rows = Rows::new(&[tenant, user]);
    for (key, sums) in deltas.iter().filter(|(_, sums)| **sums != MetricSums::default()) {
        let [input, output, cache_read, cache_creation, cache_creation_1h] = sums.tokens;
        let labels = labels.get(key.session_id.as_str()).copied().unwrap_or_default();
        rows.push([
            (&key.session_id).into(),
            key.day.into(),
            (&key.model).into(),
            (&key.message_type).into(),
            (&key.branch).into(),
            labels.repository.into(),
            labels.pull_request.into(),
            sums.messages.into(),
            input.into(),
            output.into(),
            cache_read.into(),
            cache_creation.into(),
            cache_creation_1h.into(),
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
