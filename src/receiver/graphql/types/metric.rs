//! `Metric`: one row of aggregates.

use super::date::Date;
use crate::receiver::graphql::context::login;
use crate::receiver::store::{MetricDimension, MetricsRow};
use async_graphql::{ComplexObject, Context, Enum, Result, SimpleObject};

#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "MetricGroup", remote = "MetricDimension")]
pub enum MetricGroupEnum {
    Organization,
    Repository,
    User,
    Model,
    Type,
    Day,
    Branch,
    /// With the repository, since numbers repeat.
    PullRequest,
}

/// Sums of one group. A dimension is null unless the query groups by it, and for what has no value there: no organization,
/// no model, no branch, another person.
#[derive(SimpleObject)]
#[graphql(complex, name = "Metric")]
pub struct MetricObject {
    #[graphql(skip)]
    user_id: Option<String>,
    organization: Option<String>,
    repository: Option<String>,
    model: Option<String>,
    #[graphql(name = "type")]
    message_type: Option<String>,
    day: Option<Date>,
    branch: Option<String>,
    /// Number in the repository.
    pull_request: Option<i64>,
    /// Number of sessions with a message.
    sessions: i64,
    messages: i64,
    input_tokens: i64,
    output_tokens: i64,
    cache_read_tokens: i64,
    cache_creation_tokens: i64,
    /// Part of the former that is kept for an hour.
    #[graphql(name = "cacheCreation1hTokens")]
    cache_creation_1h_tokens: i64,
    lines_added: i64,
    lines_removed: i64,
    tasks_completed: i64,
    /// Estimated cost in US dollars times 10^6, of base prices; null where nothing priced is in the group.
    cost_micros: Option<i64>,
    /// Number of tokens of models without a price, and of rows without a model.
    unpriced_tokens: i64,
}

impl From<&MetricsRow> for MetricObject {
    fn from(row: &MetricsRow) -> MetricObject {
        let sums = row.sums;
        let [input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_1h_tokens] =
            sums.tokens;
        let group = row.group.clone();
        MetricObject {
            user_id: group.user_id,
            organization: group.organization,
            repository: group.repository,
            model: group.model,
            message_type: group.message_type,
            day: group.day.map(Date),
            branch: group.branch,
            pull_request: group.pull_request,
            sessions: row.sessions,
            messages: sums.messages,
            input_tokens,
            output_tokens,
            cache_read_tokens,
            cache_creation_tokens,
            cache_creation_1h_tokens,
            lines_added: sums.lines_added,
            lines_removed: sums.lines_removed,
            tasks_completed: sums.tasks_completed,
            cost_micros: row.cost.micros(),
            unpriced_tokens: row.cost.unpriced_tokens(),
        }
    }
}

#[ComplexObject]
impl MetricObject {
    async fn user(&self, context: &Context<'_>) -> Result<Option<String>> {
        match &self.user_id {
            Some(id) => login(context, id).await,
            None => Ok(None),
        }
    }
}
