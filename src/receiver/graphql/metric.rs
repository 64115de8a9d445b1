//! `metrics`: metrics, grouped.

use super::session::login;
use super::{Viewer, bad_request, fault, viewer};
use crate::receiver::store::{MetricDimension, MetricsRow};
use crate::receiver::time;
use async_graphql::{Context, Enum, InputValueError, InputValueResult, Object, Scalar, ScalarType, Value};

/// A day of UTC: `YYYY-MM-DD`.
pub struct Date(i64);

#[Scalar]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        time::parse_date(text).map(Date).ok_or_else(|| InputValueError::custom("a date is YYYY-MM-DD"))
    }

    fn to_value(&self) -> Value {
        Value::String(time::date(self.0))
    }
}

#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum MetricGroup {
    Organization,
    Repository,
    User,
    Model,
    Type,
    Day,
}

impl From<MetricGroup> for MetricDimension {
    fn from(group: MetricGroup) -> MetricDimension {
        match group {
            MetricGroup::Organization => MetricDimension::Organization,
            MetricGroup::Repository => MetricDimension::Repository,
            MetricGroup::User => MetricDimension::User,
            MetricGroup::Model => MetricDimension::Model,
            MetricGroup::Type => MetricDimension::Type,
            MetricGroup::Day => MetricDimension::Day,
        }
    }
}

/// Answers `metrics`.
pub async fn metrics(
    context: &Context<'_>,
    from: Date,
    to: Date,
    group_by: &[MetricGroup],
) -> async_graphql::Result<Vec<Metric>> {
    if from.0 > to.0 {
        return Err(bad_request("from is after to"));
    }
    let Viewer { store, principal } = viewer(context)?;
    let groups: Vec<MetricDimension> = group_by.iter().map(|group| (*group).into()).collect();
    let metrics = store.metrics(principal, from.0, to.0, &groups).await.map_err(fault)?;
    Ok(metrics.into_iter().map(Metric).collect())
}

pub struct Metric(MetricsRow);

/// What it is not grouped by is null; so is what has no name: no organization, no model, another person.
#[Object]
impl Metric {
    async fn organization(&self) -> Option<&str> {
        self.0.organization.as_deref()
    }

    async fn repository(&self) -> Option<&str> {
        self.0.repository.as_deref()
    }

    async fn user(&self, context: &Context<'_>) -> async_graphql::Result<Option<String>> {
        match &self.0.user_id {
            Some(id) => login(context, id).await,
            None => Ok(None),
        }
    }

    async fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    #[graphql(name = "type")]
    async fn message_type(&self) -> Option<&str> {
        self.0.message_type.as_deref()
    }

    async fn day(&self) -> Option<Date> {
        self.0.day.map(Date)
    }

    /// Sessions with a message.
    async fn sessions(&self) -> i64 {
        self.0.sessions
    }

    async fn messages(&self) -> i64 {
        self.0.sums[0]
    }

    async fn input_tokens(&self) -> i64 {
        self.0.sums[1]
    }

    async fn output_tokens(&self) -> i64 {
        self.0.sums[2]
    }

    async fn cache_read_tokens(&self) -> i64 {
        self.0.sums[3]
    }

    async fn cache_creation_tokens(&self) -> i64 {
        self.0.sums[4]
    }

    async fn lines_added(&self) -> i64 {
        self.0.sums[5]
    }

    async fn lines_removed(&self) -> i64 {
        self.0.sums[6]
    }

    async fn tasks_completed(&self) -> i64 {
        self.0.sums[7]
    }
}
