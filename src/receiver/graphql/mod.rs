//! The team's questions: the GraphQL schema over the store.
//!
//! Invariants: every field answers for the key's user, who is in the context of each request and nowhere else; what is
//! not theirs answers as what does not exist; one question costs a bounded number of statements (loaders gather what
//! siblings ask for) and a bounded amount of memory.

mod breadth;
mod cursor;
mod loaders;
mod metric;
mod session;
mod status;

use crate::receiver::ingest::decode::replace_nul;
use crate::receiver::limits::{
    LOOKUP_COMPLEXITY, METRICS_COMPLEXITY, PAGE_DEFAULT, PAGE_MAX, QUERY_BRACES_MAX, QUERY_COMPLEXITY_MAX,
    QUERY_DEPTH_MAX, QUERY_FIELDS_MAX,
};
use crate::receiver::store::{Membership, Principal, Role, Store, StoreError};
use async_graphql::dataloader::DataLoader;
use async_graphql::{
    Context, EmptyMutation, EmptySubscription, Error, ErrorExtensions, ID, Object, Schema, SimpleObject,
};
use loaders::Loads;
use metric::{Date, Metric, MetricGroup};
use session::{Session, SessionConnection};
use status::SyncStatus;
use std::sync::Arc;

pub type SyncSchema = Schema<Query, EmptyMutation, EmptySubscription>;

/// The schema, once for all requests.
pub fn schema() -> SyncSchema {
    Schema::build(Query, EmptyMutation, EmptySubscription)
        .limit_depth(QUERY_DEPTH_MAX)
        .limit_complexity(QUERY_COMPLEXITY_MAX)
        .finish()
}

/// False for a question that would take too long to read, let alone to answer. Comes before anything that walks through it.
pub fn is_within_size_limits(request: &mut async_graphql::Request) -> bool {
    // The parser calls itself for each of them.
    let braces = request.query.bytes().filter(|byte| matches!(byte, b'{' | b'[' | b'(')).count();
    braces <= QUERY_BRACES_MAX
        // What cannot be parsed is answered with where it is wrong.
        && request.parsed_query().map_or(true, |document| breadth::of(document) <= QUERY_FIELDS_MAX)
}

/// A request of this user's.
pub fn for_principal(
    request: async_graphql::Request,
    store: Arc<Store>,
    principal: Arc<Principal>,
) -> async_graphql::Request {
    let loads = Loads { store: store.clone(), principal: principal.clone() };
    request
        .data(Viewer { store, principal })
        .data(loaders::Budget::default())
        .data(DataLoader::new(loads, tokio::spawn).delay(loaders::GATHERING))
}

/// Who asks, and where the answers are.
struct Viewer {
    store: Arc<Store>,
    principal: Arc<Principal>,
}

fn viewer<'a>(context: &Context<'a>) -> async_graphql::Result<&'a Viewer> {
    context.data::<Viewer>()
}

fn loader<'a>(context: &Context<'a>) -> async_graphql::Result<&'a DataLoader<Loads>> {
    context.data::<DataLoader<Loads>>()
}

/// An error for the one who asks; what happened inside goes to the log.
fn fault(error: impl std::borrow::Borrow<StoreError>) -> Error {
    let (code, text) = match error.borrow() {
        StoreError::Refused(text) => ("BAD_REQUEST", text.clone()),
        StoreError::Contended(_) | StoreError::Unavailable(_) | StoreError::Unusable(_) => {
            ("UNAVAILABLE", "the store is not available".to_owned())
        }
        StoreError::Internal(_) | StoreError::Aborted => ("INTERNAL", "internal error".to_owned()),
    };
    if code != "BAD_REQUEST" {
        tracing::error!(error = %error.borrow(), "a question could not be answered");
    }
    Error::new(text).extend_with(|_, extensions| extensions.set("code", code))
}

fn bad_request(text: &str) -> Error {
    fault(StoreError::refused(text))
}

/// The size of the page for what was asked.
fn page_size(first: Option<i32>) -> async_graphql::Result<usize> {
    match first.map(usize::try_from) {
        None => Ok(PAGE_DEFAULT),
        Some(Ok(first)) => Ok(first.min(PAGE_MAX)),
        Some(Err(_)) => Err(bad_request("first must not be negative")),
    }
}

/// For the complexity of a connection: what it may hold.
fn nodes(first: Option<i32>) -> usize {
    page_size(first).unwrap_or(PAGE_MAX).max(1)
}

pub struct Query;

#[Object]
impl Query {
    /// Who the key stands for.
    async fn viewer(&self, context: &Context<'_>) -> async_graphql::Result<User> {
        let principal = &viewer(context)?.principal;
        let organizations = principal.memberships.iter().map(UserOrganization::of);
        Ok(User {
            id: principal.user_id.clone().into(),
            login: principal.login.clone(),
            organizations: organizations.collect(),
        })
    }

    /// The viewer's clients; for an organization's admin also those of its members.
    #[graphql(complexity = "LOOKUP_COMPLEXITY + child_complexity")]
    async fn sync_status(&self, context: &Context<'_>) -> async_graphql::Result<Vec<SyncStatus>> {
        let Viewer { store, principal } = viewer(context)?;
        let clients = store.clients(principal, crate::receiver::time::now_us()).await.map_err(fault)?;
        Ok(clients.into_iter().map(SyncStatus::of).collect())
    }

    /// The viewer's organizations.
    async fn organizations(&self, context: &Context<'_>) -> async_graphql::Result<Vec<Organization>> {
        Ok(viewer(context)?.principal.memberships.iter().cloned().map(Organization).collect())
    }

    /// Sessions, newest first by when they were first stored: the viewer's own, and an organization's for its admin.
    #[graphql(complexity = "LOOKUP_COMPLEXITY + nodes(first) * child_complexity")]
    async fn sessions(
        &self,
        context: &Context<'_>,
        organization: Option<String>,
        repository: Option<String>,
        user: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<SessionConnection> {
        session::list(context, organization, repository, user, first, after).await
    }

    #[graphql(complexity = "LOOKUP_COMPLEXITY + child_complexity")]
    async fn session(&self, context: &Context<'_>, id: ID) -> async_graphql::Result<Option<Session>> {
        let Viewer { store, principal } = viewer(context)?;
        let row = store.session(principal, &replace_nul(id.0)).await.map_err(fault)?;
        Ok(row.map(Session))
    }

    /// Totals of the viewer's organizations and private space, over days of UTC, `from` and `to` included.
    #[graphql(complexity = "METRICS_COMPLEXITY + child_complexity")]
    async fn metrics(
        &self,
        context: &Context<'_>,
        from: Date,
        to: Date,
        group_by: Vec<MetricGroup>,
    ) -> async_graphql::Result<Vec<Metric>> {
        metric::metrics(context, from, to, &group_by).await
    }
}

#[derive(SimpleObject)]
struct User {
    id: ID,
    login: String,
    organizations: Vec<UserOrganization>,
}

#[derive(SimpleObject)]
struct UserOrganization {
    slug: String,
    name: String,
    role: &'static str,
}

impl UserOrganization {
    fn of(membership: &Membership) -> UserOrganization {
        UserOrganization {
            slug: membership.slug.clone(),
            name: membership.name.clone(),
            role: membership.role.as_str(),
        }
    }
}

struct Organization(Membership);

#[Object]
impl Organization {
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    async fn owners(&self) -> &[String] {
        &self.0.owners
    }

    /// For an admin all; a member sees only themselves.
    async fn members(&self, context: &Context<'_>) -> async_graphql::Result<Vec<OrganizationMember>> {
        let key = loaders::MembersOf(self.0.tenant_id.clone());
        let members = loader(context)?.load_one(key).await.map_err(fault)?.unwrap_or_default();
        Ok(members
            .into_iter()
            .map(|(login, role)| OrganizationMember { login, role: Role::as_str(role) })
            .collect())
    }
}

#[derive(SimpleObject)]
struct OrganizationMember {
    login: String,
    role: &'static str,
}
