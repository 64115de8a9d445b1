//! Sessions, their messages and tasks, in Relay's connections.

use super::loaders::{Budget, ContentOf, LoginOf, TasksOf};
use super::{Viewer, bad_request, cursor, fault, loader, nodes, page_size, viewer};
use crate::protocol::remote::Remote;
use crate::receiver::ingest::decode::replace_nul;
use crate::receiver::store::{MessagePage, SessionQuery, StoredMessage, StoredSession, StoredTask};
use async_graphql::{Context, ID, Object, SimpleObject};

/// Answers `sessions`.
pub async fn list(
    context: &Context<'_>,
    organization: Option<String>,
    repository: Option<String>,
    user: Option<String>,
    first: Option<i32>,
    after: Option<String>,
) -> async_graphql::Result<SessionConnection> {
    let Viewer { store, principal } = viewer(context)?;
    let first = page_size(first)?;
    let after = after.as_deref().map(cursor::session).transpose()?;
    // A repository may be named in any form that git knows, and as people write it.
    let repository = repository.map(|name| {
        let remote = Remote::parse(&name).or_else(|_| Remote::parse(&format!("https://{name}")));
        remote.map(|remote| remote.url()).unwrap_or(name)
    });
    let filter = SessionQuery {
        organization: organization.map(replace_nul),
        repository: repository.map(replace_nul),
        user: user.map(replace_nul),
    };
    let mut rows = store.sessions(principal, &filter, first, after.as_ref()).await.map_err(fault)?;
    let has_next_page = rows.len() > first;
    rows.truncate(first);
    let edges: Vec<SessionEdge> = rows
        .into_iter()
        .map(|row| SessionEdge { cursor: cursor::of_session(&row.position()), node: Session(row) })
        .collect();
    let end_cursor = edges.last().map(|edge| edge.cursor.clone());
    Ok(SessionConnection { edges, page_info: PageInfo { has_next_page, end_cursor } })
}

#[derive(SimpleObject)]
pub struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(SimpleObject)]
pub struct SessionConnection {
    edges: Vec<SessionEdge>,
    page_info: PageInfo,
}

#[derive(SimpleObject)]
pub struct SessionEdge {
    node: Session,
    cursor: String,
}

pub struct Session(pub StoredSession);

#[Object]
impl Session {
    async fn id(&self) -> ID {
        self.0.key.id.clone().into()
    }

    /// `https://host/path`; null for a session without one.
    async fn repository(&self) -> Option<&str> {
        Some(self.0.repository.as_str()).filter(|repository| !repository.is_empty())
    }

    async fn project_slug(&self) -> &str {
        &self.0.project_slug
    }

    /// The organization's slug; null in the viewer's private space.
    async fn organization(&self, context: &Context<'_>) -> async_graphql::Result<Option<String>> {
        let membership = viewer(context)?.principal.membership(&self.0.key.tenant_id);
        Ok(membership.map(|membership| membership.slug.clone()))
    }

    /// The login of the user who sent it.
    async fn user(&self, context: &Context<'_>) -> async_graphql::Result<Option<String>> {
        login(context, &self.0.user_id).await
    }

    async fn status(&self) -> &str {
        &self.0.status
    }

    async fn slug(&self) -> Option<&str> {
        self.0.slug.as_deref()
    }

    async fn harness(&self) -> Option<&str> {
        self.0.harness.as_deref()
    }

    async fn inclusion(&self) -> Option<&str> {
        self.0.inclusion.as_deref()
    }

    /// Messages that are stored.
    async fn message_count(&self) -> i64 {
        self.0.message_count
    }

    /// Messages in the source, stored or not.
    async fn total_message_count(&self) -> Option<i64> {
        self.0.total_message_count
    }

    async fn last_modified(&self) -> &str {
        &self.0.last_modified
    }

    /// In the order of time.
    #[graphql(complexity = "nodes(first) * child_complexity")]
    async fn messages(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<MessageConnection> {
        let first = page_size(first)?;
        let after = after.as_deref().map(cursor::message).transpose()?;
        let page = MessagePage { session: self.0.key.clone(), first, after };
        let mut rows = loader(context)?.load_one(page).await.map_err(fault)?.unwrap_or_default();
        let has_next_page = rows.len() > first;
        rows.truncate(first);
        let edges: Vec<MessageEdge> = rows
            .into_iter()
            .map(|row| MessageEdge { cursor: cursor::of_message(&row.position()), node: Message(row) })
            .collect();
        let end_cursor = edges.last().map(|edge| edge.cursor.clone());
        Ok(MessageConnection { edges, page_info: PageInfo { has_next_page, end_cursor } })
    }

    async fn tasks(&self, context: &Context<'_>) -> async_graphql::Result<Vec<Task>> {
        let tasks = loader(context)?.load_one(TasksOf(self.0.key.clone())).await.map_err(fault)?;
        Ok(tasks.unwrap_or_default().into_iter().map(Task::of).collect())
    }
}

/// The login behind a user id.
pub async fn login(context: &Context<'_>, user_id: &str) -> async_graphql::Result<Option<String>> {
    let principal = &viewer(context)?.principal;
    if user_id == principal.user_id {
        return Ok(Some(principal.login.clone()));
    }
    loader(context)?.load_one(LoginOf(user_id.to_owned())).await.map_err(fault)
}

#[derive(SimpleObject)]
pub struct MessageConnection {
    edges: Vec<MessageEdge>,
    page_info: PageInfo,
}

#[derive(SimpleObject)]
pub struct MessageEdge {
    node: Message,
    cursor: String,
}

pub struct Message(StoredMessage);

#[Object]
impl Message {
    async fn id(&self) -> ID {
        self.0.id.clone().into()
    }

    async fn line_number(&self) -> i64 {
        self.0.line_number
    }

    async fn stream(&self) -> &str {
        &self.0.stream
    }

    async fn message_type(&self) -> &str {
        &self.0.message_type
    }

    async fn timestamp(&self) -> &str {
        &self.0.timestamp
    }

    async fn content_hash(&self) -> &str {
        &self.0.content_hash
    }

    /// Null unless the user sent it.
    #[graphql(complexity = 5)]
    async fn content(&self, context: &Context<'_>) -> async_graphql::Result<Option<String>> {
        let Some(bytes) = self.0.content_bytes else { return Ok(None) };
        if !context.data::<Budget>()?.take(bytes) {
            return Err(bad_request("the answer's content is larger than 16 MiB: ask for fewer messages"));
        }
        let key = ContentOf(self.0.session.clone(), self.0.id.clone());
        loader(context)?.load_one(key).await.map_err(fault)
    }

    async fn content_omitted(&self) -> bool {
        self.0.content_omitted
    }

    async fn input_tokens(&self) -> Option<i64> {
        self.0.tokens[0]
    }

    async fn output_tokens(&self) -> Option<i64> {
        self.0.tokens[1]
    }

    async fn cache_read_tokens(&self) -> Option<i64> {
        self.0.tokens[2]
    }

    async fn cache_creation_tokens(&self) -> Option<i64> {
        self.0.tokens[3]
    }

    async fn agent_id(&self) -> Option<&str> {
        self.0.agent_id.as_deref()
    }

    async fn parent_id(&self) -> Option<&str> {
        self.0.parent_id.as_deref()
    }

    async fn role(&self) -> Option<&str> {
        self.0.role.as_deref()
    }

    async fn tool_name(&self) -> Option<&str> {
        self.0.tool_name.as_deref()
    }

    async fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    async fn usage_id(&self) -> Option<&str> {
        self.0.usage_id.as_deref()
    }

    async fn lines_added(&self) -> Option<i64> {
        self.0.lines[0]
    }

    async fn lines_removed(&self) -> Option<i64> {
        self.0.lines[1]
    }

    async fn files_changed(&self) -> Option<i64> {
        self.0.lines[2]
    }
}

#[derive(SimpleObject)]
pub struct Task {
    id: ID,
    task_id: String,
    subject: String,
    description: Option<String>,
    status: String,
    created_at: String,
    updated_at: String,
}

impl Task {
    fn of(row: StoredTask) -> Task {
        Task {
            id: row.id.clone().into(),
            task_id: row.id,
            subject: row.subject,
            description: row.description,
            status: row.status,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
