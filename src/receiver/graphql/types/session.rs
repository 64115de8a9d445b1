//! `Session`: a stored session, with its messages and tasks.

use super::connection::{Connection, nodes_max, page_size};
use super::message::MessageObject;
use super::task::TaskObject;
use crate::receiver::graphql::context::{loader, login};
use crate::receiver::graphql::cursor;
use crate::receiver::graphql::error::store_error;
use crate::receiver::ingest::batch::PullRequest;
use crate::receiver::store::{MessagePage, Principal, SessionKey, StoredSession, TaskPage};
use async_graphql::{ComplexObject, Context, ID, Result, SimpleObject};

#[derive(SimpleObject)]
#[graphql(complex, name = "Session")]
pub struct SessionObject {
    #[graphql(skip)]
    key: SessionKey,
    #[graphql(skip)]
    user_id: String,
    id: ID,
    /// `https://host/path`; null for a session without a repository.
    repository: Option<String>,
    project_slug: String,
    /// The organization's slug; null in the viewer's private space.
    organization: Option<String>,
    status: String,
    slug: Option<String>,
    harness: Option<String>,
    inclusion: Option<String>,
    /// Number of the session's pull request.
    pr_number: Option<i64>,
    pr_url: Option<String>,
    team_name: Option<String>,
    /// Number of stored messages.
    message_count: i64,
    /// Number of messages in the source, stored or not.
    total_message_count: Option<i64>,
    last_modified: String,
}

impl SessionObject {
    /// Builds the object as `principal` sees it.
    pub fn new(session: StoredSession, principal: &Principal) -> SessionObject {
        let membership = principal.membership(&session.key.tenant_id);
        let (pr_number, pr_url) = match session.pull_request {
            Some(PullRequest { number, url }) => (Some(number), url),
            None => (None, None),
        };
        SessionObject {
            id: session.key.id.clone().into(),
            organization: membership.map(|membership| membership.slug.clone()),
            key: session.key,
            user_id: session.user_id,
            repository: Some(session.repository).filter(|repository| !repository.is_empty()),
            project_slug: session.project_slug,
            status: session.status,
            slug: session.slug,
            harness: session.harness,
            inclusion: session.inclusion,
            pr_number,
            pr_url,
            team_name: session.team_name,
            message_count: session.message_count,
            total_message_count: session.total_message_count,
            last_modified: session.last_modified,
        }
    }
}

#[ComplexObject]
impl SessionObject {
    /// The login of the user who sent the session.
    async fn user(&self, context: &Context<'_>) -> Result<Option<String>> {
        login(context, &self.user_id).await
    }

    /// Messages in order of time.
    #[graphql(complexity = "nodes_max(first) * child_complexity")]
    async fn messages(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<MessageObject>> {
        let first = page_size(first)?;
        let after = after.as_deref().map(cursor::decode_message).transpose()?;
        let page = MessagePage { session: self.key.clone(), first, after };
        let messages = loader(context)?.load_one(page).await.map_err(store_error)?.unwrap_or_default();
        Ok(Connection::page(
            messages,
            first,
            |message| cursor::encode_message(&message.position()),
            MessageObject::from,
        ))
    }

    /// Tasks in order of creation.
    #[graphql(complexity = "nodes_max(first) * child_complexity")]
    async fn tasks(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<TaskObject>> {
        let first = page_size(first)?;
        let after = after.as_deref().map(cursor::decode_task).transpose()?;
        let page = TaskPage { session: self.key.clone(), first, after };
        let tasks = loader(context)?.load_one(page).await.map_err(store_error)?.unwrap_or_default();
        Ok(Connection::page(tasks, first, |task| cursor::encode_task(&task.position()), TaskObject::from))
    }
}
