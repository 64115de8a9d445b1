//! A decoded batch: the sessions of one payload, checked and ready to be stored.
//!
//! Invariant: everything in a batch can be stored. A session that cannot is represented by its error.

use crate::protocol::remote::Remote;
use crate::protocol::{Inclusion, SyncCursor, SyncMessage, SyncTask};
use std::collections::HashSet;

/// The content of one POST.
#[derive(Debug)]
pub struct DecodedBatch {
    /// Id of the client.
    pub client_id: String,
    /// The client's report of itself, if the payload has one.
    pub client: Option<DecodedClient>,
    /// Cursor of the request.
    pub cursor: SyncCursor,
    /// In payload order, each id once.
    pub sessions: Vec<SessionEntry>,
}

/// The client's report of itself. A member that cannot be stored is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecodedClient {
    /// Version of the program.
    pub version: Option<String>,
    /// Operating system.
    pub os: Option<String>,
    /// Sessions that are not delivered.
    pub pending_sessions: Option<i64>,
    /// Messages that are not delivered.
    pub pending_messages: Option<i64>,
    /// Time since when data has been pending, in microseconds since the epoch.
    pub pending_since: Option<i64>,
    /// Codes of conditions, each once.
    pub conditions: Vec<String>,
}

/// All occurrences of one session id in a payload.
#[derive(Debug)]
pub struct SessionEntry {
    /// The id as sent: the response names it, and the sender knows no other.
    pub id: String,
    /// The id as stored.
    pub stored_id: String,
    /// Number of occurrences; `processed` in the response counts each.
    pub occurrences: u64,
    /// The occurrences, or the reason why none of them can be stored.
    pub parts: Result<Vec<DecodedSession>, String>,
}

/// Session of a payload, or the merged occurrences of one id.
#[derive(Debug, Clone)]
pub struct DecodedSession {
    /// `None` if the remote cannot be parsed; the text is dropped, because it may hold credentials.
    pub remote: Option<Remote>,
    /// Rule that made the session eligible.
    pub inclusion: Option<Inclusion>,
    /// Status, as the source has it.
    pub status: String,
    /// Short name of the session, where it has one.
    pub slug: Option<String>,
    /// Coding agent, as han names it.
    pub harness: Option<String>,
    /// Pull request of the session.
    pub pull_request: Option<PullRequest>,
    /// Name of the team that the session belongs to.
    pub team_name: Option<String>,
    /// Time of the last change, RFC 3339.
    pub last_modified: String,
    /// Time of the last change, in microseconds since the epoch.
    pub modified_at: i64,
    /// True if the time was ahead of the clock or unreadable and was replaced by the time of arrival, which differs at each
    /// replay.
    pub is_arrival: bool,
    /// Messages of the session in the source.
    pub total_message_count: Option<i64>,
    /// Each id once.
    pub messages: Vec<DecodedMessage>,
    /// Each id once.
    pub tasks: Vec<DecodedTask>,
}

/// A pull request, or what another platform calls a merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Number in its repository.
    pub number: i64,
    /// Address without credentials.
    pub url: Option<String>,
}

/// A message and its time.
#[derive(Debug, Clone)]
pub struct DecodedMessage {
    /// Time of the message, in microseconds since the epoch: the time of arrival where `wire.timestamp` is empty.
    pub at: i64,
    /// Time of arrival, where the message's own time is ahead of it; the message is pruned by it.
    pub arrived_at: Option<i64>,
    /// Message as received; its timestamp is empty if it was absent or unreadable.
    pub wire: SyncMessage,
}

/// A task and the time of its last change, which is never in the future.
#[derive(Debug, Clone)]
pub struct DecodedTask {
    /// Time of the last change, in microseconds since the epoch.
    pub changed_at: i64,
    /// As in [`DecodedSession`].
    pub is_arrival: bool,
    /// Task as received; `created_at` is empty if it was absent or unreadable.
    pub wire: SyncTask,
}

impl DecodedBatch {
    /// True if a session occurs more than once, by its id as stored.
    pub fn has_repeats(&self) -> bool {
        let mut seen = HashSet::new();
        !self.sessions.iter().all(|entry| entry.occurrences == 1 && seen.insert(&entry.stored_id))
    }
}

impl DecodedSession {
    /// True if the session has neither messages nor tasks.
    pub fn has_no_rows(&self) -> bool {
        self.messages.is_empty() && self.tasks.is_empty()
    }
}
