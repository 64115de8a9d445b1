//! `Query`: the root of all queries.

use super::context::{loader, viewer};
use super::cursor;
use super::error::{bad_request, store_error};
use super::types::connection::{Connection, nodes_max, page_size, page_size_within};
use super::types::date::Date;
use super::types::metric::{MetricGroupEnum, MetricObject};
use super::types::organization::OrganizationObject;
use super::types::session::SessionObject;
use super::types::sync_status::SyncStatusObject;
use super::types::user::UserObject;
use crate::protocol::remote::Remote;
use crate::receiver::ingest::validation::replace_nul;
use crate::receiver::limits::{CLIENTS_PAGE_MAX, LOOKUP_COMPLEXITY, METRICS_COMPLEXITY};
use crate::receiver::store::{ClientQuery, MetricDimension, MetricsFilter, MetricsQuery, SessionQuery};
use crate::receiver::time;
use async_graphql::{Context, ID, Object, Result};

/// Root type.
pub struct Query;

#[expect(clippy::too_many_arguments, reason = "a resolver takes the arguments of its field one by one")]
#[Object]
impl Query {
    /// The user of the API key.
    async fn viewer(&self, context: &Context<'_>) -> Result<UserObject> {
        Ok(UserObject::from(viewer(context)?.principal()))
    }

    /// The viewer's clients; for an organization's admin also those of its members. At most 1,000, which is the default as
    /// well; `after` takes the `cursor` of the last one.
    #[graphql(complexity = "LOOKUP_COMPLEXITY + clients_max(first) * child_complexity")]
    async fn sync_status(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Vec<SyncStatusObject>> {
        let first = page_size_within(first, CLIENTS_PAGE_MAX, CLIENTS_PAGE_MAX)?;
        let after = after.as_deref().map(cursor::decode_client).transpose()?;
        let reader = viewer(context)?.reader();
        let clients = reader
            .clients(&ClientQuery::default(), first, after.as_ref(), time::now_us())
            .await
            .map_err(store_error)?;
        Ok(clients.into_iter().map(SyncStatusObject::from).collect())
    }

    /// The viewer's organizations.
    async fn organizations(&self, context: &Context<'_>) -> Result<Vec<OrganizationObject>> {
        Ok(viewer(context)?.principal().memberships.iter().map(OrganizationObject::from).collect())
    }

    /// Sessions, newest first by when they were first stored: the viewer's own, and an organization's for its admin.
    #[graphql(complexity = "LOOKUP_COMPLEXITY + nodes_max(first) * child_complexity")]
    async fn sessions(
        &self,
        context: &Context<'_>,
        organization: Option<String>,
        repository: Option<String>,
        user: Option<String>,
        branch: Option<String>,
        pr: Option<i64>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<SessionObject>> {
        let viewer = viewer(context)?;
        let first = page_size(first)?;
        let after = after.as_deref().map(cursor::decode_session).transpose()?;
        let filter = SessionQuery {
            organization: organization.map(replace_nul),
            repository: repository.map(normalize_repository).map(replace_nul),
            user: user.map(replace_nul),
            branch: branch.map(replace_nul),
            pull_request: pr,
            ..SessionQuery::default()
        };
        let sessions = viewer.reader().sessions(&filter, first, after.as_ref()).await.map_err(store_error)?;
        Ok(Connection::page(
            sessions,
            first,
            |session| cursor::encode_session(&session.position()),
            |session| SessionObject::new(session, viewer.principal()),
        ))
    }

    #[graphql(complexity = "LOOKUP_COMPLEXITY + child_complexity")]
    async fn session(&self, context: &Context<'_>, id: ID) -> Result<Option<SessionObject>> {
        let viewer = viewer(context)?;
        let session = viewer.reader().session(&replace_nul(id.0)).await.map_err(store_error)?;
        Ok(session.map(|session| SessionObject::new(session, viewer.principal())))
    }

    /// Totals of the viewer's organizations and private space, over days of UTC, `from` and `to` included. By branch or pull
    /// request, grouped or filtered, a member sees the own sessions alone.
    #[graphql(complexity = "METRICS_COMPLEXITY + child_complexity")]
    async fn metrics(
        &self,
        context: &Context<'_>,
        from: Date,
        to: Date,
        group_by: Vec<MetricGroupEnum>,
        organization: Option<String>,
        repository: Option<String>,
        user: Option<String>,
        branch: Option<String>,
        pr: Option<i64>,
        model: Option<String>,
    ) -> Result<Vec<MetricObject>> {
        if from.0 > to.0 {
            return Err(bad_request("from is after to"));
        }
        let dimensions = group_by.into_iter().map(MetricDimension::from).collect();
        let filter = MetricsFilter {
            organization: organization.map(replace_nul),
            repository: repository.map(normalize_repository).map(replace_nul),
            user: user.map(replace_nul),
            branch: branch.map(replace_nul),
            pull_request: pr,
            model: model.map(replace_nul),
        };
        let query = MetricsQuery { from: from.0, to: to.0, filter, groupings: vec![dimensions] };
        let rows = loader(context)?.load_one(query).await.map_err(store_error)?.unwrap_or_default();
        Ok(rows.iter().map(MetricObject::from).collect())
    }
}

/// Upper bound of the clients in a response, for its complexity.
fn clients_max(first: Option<i32>) -> usize {
    page_size_within(first, CLIENTS_PAGE_MAX, CLIENTS_PAGE_MAX).unwrap_or(CLIENTS_PAGE_MAX).max(1)
}

/// Normalizes a repository that is named in any form that git takes, or without a scheme as people write it.
fn normalize_repository(name: String) -> String {
    let remote = Remote::parse(&name).or_else(|_| Remote::parse(&format!("https://{name}")));
    remote.map(|remote| remote.url()).unwrap_or(name)
}
