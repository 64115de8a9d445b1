//! `Query`: the root of all queries.

use super::context::{Viewer, viewer};
use super::cursor;
use super::error::{bad_request, store_error};
use super::types::connection::{Connection, nodes_max, page_size};
use super::types::date::Date;
use super::types::metric::{MetricGroupEnum, MetricObject};
use super::types::organization::OrganizationObject;
use super::types::session::SessionObject;
use super::types::sync_status::SyncStatusObject;
use super::types::user::UserObject;
use crate::protocol::remote::Remote;
use crate::receiver::ingest::validation::replace_nul;
use crate::receiver::limits::{LOOKUP_COMPLEXITY, METRICS_COMPLEXITY};
use crate::receiver::store::{MetricDimension, SessionQuery};
use crate::receiver::time;
use async_graphql::{Context, ID, Object, Result};

/// Root type.
pub struct Query;

#[Object]
impl Query {
    /// The user of the API key.
    async fn viewer(&self, context: &Context<'_>) -> Result<UserObject> {
        Ok(UserObject::from(viewer(context)?.principal.as_ref()))
    }

    /// The viewer's clients; for an organization's admin also those of its members.
    #[graphql(complexity = "LOOKUP_COMPLEXITY + child_complexity")]
    async fn sync_status(&self, context: &Context<'_>) -> Result<Vec<SyncStatusObject>> {
        let Viewer { store, principal } = viewer(context)?;
        let clients = store.clients(principal, time::now_us()).await.map_err(store_error)?;
        Ok(clients.into_iter().map(SyncStatusObject::from).collect())
    }

    /// The viewer's organizations.
    async fn organizations(&self, context: &Context<'_>) -> Result<Vec<OrganizationObject>> {
        Ok(viewer(context)?.principal.memberships.iter().map(OrganizationObject::from).collect())
    }

    /// Sessions, newest first by when they were first stored: the viewer's own, and an organization's for its admin.
    #[graphql(complexity = "LOOKUP_COMPLEXITY + nodes_max(first) * child_complexity")]
    async fn sessions(
        &self,
        context: &Context<'_>,
        organization: Option<String>,
        repository: Option<String>,
        user: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<SessionObject>> {
        let Viewer { store, principal } = viewer(context)?;
        let first = page_size(first)?;
        let after = after.as_deref().map(cursor::decode_session).transpose()?;
        let filter = SessionQuery {
            organization: organization.map(replace_nul),
            repository: repository.map(normalize_repository).map(replace_nul),
            user: user.map(replace_nul),
        };
        let sessions =
            store.sessions(principal, &filter, first, after.as_ref()).await.map_err(store_error)?;
        Ok(Connection::page(
            sessions,
            first,
            |session| cursor::encode_session(&session.position()),
            |session| SessionObject::new(session, principal),
        ))
    }

    #[graphql(complexity = "LOOKUP_COMPLEXITY + child_complexity")]
    async fn session(&self, context: &Context<'_>, id: ID) -> Result<Option<SessionObject>> {
        let Viewer { store, principal } = viewer(context)?;
        let session = store.session(principal, &replace_nul(id.0)).await.map_err(store_error)?;
        Ok(session.map(|session| SessionObject::new(session, principal)))
    }

    /// Totals of the viewer's organizations and private space, over days of UTC, `from` and `to` included.
    #[graphql(complexity = "METRICS_COMPLEXITY + child_complexity")]
    async fn metrics(
        &self,
        context: &Context<'_>,
        from: Date,
        to: Date,
        group_by: Vec<MetricGroupEnum>,
    ) -> Result<Vec<MetricObject>> {
        if from.0 > to.0 {
            return Err(bad_request("from is after to"));
        }
        let Viewer { store, principal } = viewer(context)?;
        let dimensions: Vec<MetricDimension> = group_by.into_iter().map(MetricDimension::from).collect();
        let rows = store.metrics(principal, from.0, to.0, &dimensions).await.map_err(store_error)?;
        Ok(rows.into_iter().map(MetricObject::from).collect())
    }
}

/// Normalizes a repository that is named in any form that git takes, or without a scheme as people write it.
fn normalize_repository(name: String) -> String {
    let remote = Remote::parse(&name).or_else(|_| Remote::parse(&format!("https://{name}")));
    remote.map(|remote| remote.url()).unwrap_or(name)
}
