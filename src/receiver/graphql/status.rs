//! `syncStatus`: how the clients do.

use super::session::login;
use crate::receiver::store::{ClientError, ClientState, ClientStatus};
use crate::receiver::time;
use async_graphql::{Context, Enum, Object, SimpleObject};

/// How a client does, by when it was last seen and what its last batch said.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum SyncState {
    /// Seen within two intervals.
    Fresh,
    /// Seen within 25 hours.
    Idle,
    /// Not seen for longer.
    Overdue,
    /// Its last batch had errors.
    Failing,
}

impl From<ClientState> for SyncState {
    fn from(state: ClientState) -> SyncState {
        match state {
            ClientState::Fresh => SyncState::Fresh,
            ClientState::Idle => SyncState::Idle,
            ClientState::Overdue => SyncState::Overdue,
            ClientState::Failing => SyncState::Failing,
        }
    }
}

pub struct SyncStatus(ClientStatus);

impl SyncStatus {
    pub fn of(client: ClientStatus) -> SyncStatus {
        SyncStatus(client)
    }
}

#[Object]
impl SyncStatus {
    async fn client_id(&self) -> &str {
        &self.0.client_id
    }

    async fn user(&self, context: &Context<'_>) -> async_graphql::Result<Option<String>> {
        login(context, &self.0.user_id).await
    }

    /// The organization that this row is about, for its admin; null for the viewer's own clients.
    async fn organization(&self) -> Option<&str> {
        self.0.organization.as_deref()
    }

    async fn state(&self) -> SyncState {
        self.0.state.into()
    }

    async fn last_seen_at(&self) -> String {
        time::rfc3339(self.0.last_seen_at)
    }

    async fn last_success_at(&self) -> Option<String> {
        self.0.last_success_at.map(time::rfc3339)
    }

    /// Sessions that this client stored first.
    async fn sessions(&self) -> i64 {
        self.0.sessions
    }

    /// Messages that this client stored first.
    async fn messages(&self) -> i64 {
        self.0.messages
    }

    /// Batches with errors since the last one without.
    async fn attempts(&self) -> i64 {
        self.0.attempts
    }

    async fn last_errors(&self) -> Vec<SyncStatusError> {
        self.0.last_errors.iter().map(SyncStatusError::of).collect()
    }
}

#[derive(SimpleObject)]
struct SyncStatusError {
    session_id: String,
    code: String,
    message: String,
    at: String,
}

impl SyncStatusError {
    fn of(error: &ClientError) -> SyncStatusError {
        SyncStatusError {
            session_id: error.session_id.clone(),
            code: error.code.clone(),
            message: error.message.clone(),
            at: error.at.clone(),
        }
    }
}
