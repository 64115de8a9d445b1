//! `SyncStatus`: the state of one client.

use crate::receiver::graphql::context::login;
use crate::receiver::graphql::cursor;
use crate::receiver::store::{ClientError, ClientState, ClientStatus};
use crate::receiver::time;
use async_graphql::{ComplexObject, Context, Enum, Result, SimpleObject};

/// State of a client, by the time at which it was last seen and the outcome of its last batch.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "SyncState", remote = "ClientState")]
pub enum SyncStateEnum {
    /// Seen within two intervals.
    Fresh,
    /// Seen within 25 hours.
    Idle,
    /// Not seen for longer.
    Overdue,
    /// Last batch had errors.
    Failing,
}

#[derive(SimpleObject)]
#[graphql(complex, name = "SyncStatus")]
pub struct SyncStatusObject {
    #[graphql(skip)]
    user_id: String,
    client_id: String,
    /// The organization that this row is about, for its admin; null for the viewer's own clients.
    organization: Option<String>,
    state: SyncStateEnum,
    last_seen_at: String,
    last_success_at: Option<String>,
    /// Number of sessions that this client stored first.
    sessions: i64,
    /// Number of messages that this client stored first.
    messages: i64,
    /// Number of batches with errors since the last one without.
    attempts: i64,
    last_errors: Vec<SyncStatusErrorObject>,
    /// Version of the client, as it last said; null for one that says nothing of itself.
    version: Option<String>,
    /// Operating system of the client.
    os: Option<String>,
    /// Number of sessions that the client had not delivered, to whatever tenant.
    pending_sessions: Option<i64>,
    /// Number of messages that the client had not delivered.
    pending_messages: Option<i64>,
    /// Time since when the client has had undelivered data.
    pending_since: Option<String>,
    /// Codes of the conditions that the client reported.
    conditions: Vec<String>,
    /// Position for `after`.
    cursor: String,
}

#[derive(SimpleObject)]
#[graphql(name = "SyncStatusError")]
struct SyncStatusErrorObject {
    session_id: String,
    code: String,
    message: String,
    at: String,
}

impl From<ClientStatus> for SyncStatusObject {
    fn from(client: ClientStatus) -> SyncStatusObject {
        SyncStatusObject {
            cursor: cursor::encode_client(&client.position()),
            user_id: client.user_id,
            client_id: client.client_id,
            organization: client.organization,
            state: client.state.into(),
            last_seen_at: time::rfc3339(client.last_seen_at),
            last_success_at: client.last_success_at.map(time::rfc3339),
            sessions: client.sessions,
            messages: client.messages,
            attempts: client.attempts,
            last_errors: client.last_errors.into_iter().map(SyncStatusErrorObject::from).collect(),
            version: client.report.version,
            os: client.report.os,
            pending_sessions: client.report.pending_sessions,
            pending_messages: client.report.pending_messages,
            pending_since: client.report.pending_since.map(time::rfc3339),
            conditions: client.report.conditions,
        }
    }
}

impl From<ClientError> for SyncStatusErrorObject {
    fn from(error: ClientError) -> SyncStatusErrorObject {
        let ClientError { session_id, code, message, at } = error;
        SyncStatusErrorObject { session_id, code, message, at }
    }
}

#[ComplexObject]
impl SyncStatusObject {
    async fn user(&self, context: &Context<'_>) -> Result<Option<String>> {
        login(context, &self.user_id).await
    }
}
