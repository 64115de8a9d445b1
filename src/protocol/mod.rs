//! Protocol 1.0: the types on the wire, in the order in which their members are written.
//!
//! Both ends use these; a member that one end does not know is ignored. Nothing here reads a file, a clock or a socket.

mod checksum;
mod ids;
pub mod remote;

pub use checksum::{Checksum, ChecksumError, seal, sealed_end};
pub use ids::{EMPTY_HASH16, content_hash, guarded_content_hash, stable_message_id, stream_name, usage_id};

use serde::{Deserialize, Serialize};

/// The protocol version in every payload and in `X-Han-Protocol-Version`.
pub const PROTOCOL_VERSION: &str = "1.0";
/// Request header that names the sending client.
pub const CLIENT_ID_HEADER: &str = "X-Han-Client-Id";
/// Request header that names the protocol version.
pub const PROTOCOL_VERSION_HEADER: &str = "X-Han-Protocol-Version";

/// One batch: the body of `POST {endpoint}` before compression.
///
/// `checksum` is not a member here: [`seal`] appends it to the serialized document, so that it is always the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncPayload {
    pub version: String,
    pub client_id: String,
    /// From the receiver's identity, else `unknown`; receivers go by the key.
    pub user_id: String,
    /// RFC 3339, the exporter's clock.
    pub timestamp: String,
    /// The exporter's place before this batch. It informs; it acknowledges nothing.
    pub cursor: SyncCursor,
    pub sessions: Vec<SyncSession>,
}

/// A place in the stream of batches, for people: acknowledgement goes by session (see [`SyncResponse`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncCursor {
    #[serde(default)]
    pub last_session_id: Option<String>,
    #[serde(default)]
    pub last_message_line_number: i64,
    /// RFC 3339; empty before the first batch.
    #[serde(default)]
    pub last_sync_timestamp: String,
}

/// A session, or the part of one that is new.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncSession {
    pub id: String,
    /// The last segment of the repository; never han's own slug, which is a local path.
    pub project_slug: String,
    /// `https://host/owner/repo`, normalized and without credentials when it comes from this exporter.
    pub repo_remote: String,
    pub status: String,
    pub slug: Option<String>,
    pub messages: Vec<SyncMessage>,
    pub tasks: Vec<SyncTask>,
    /// RFC 3339: the latest of the newest message's time, the newest task's `updatedAt`, and when the exporter first
    /// saw the session's fields as they are.
    pub last_modified: String,
    /// Messages of the session in the source, sent or not.
    #[serde(default)]
    pub total_message_count: Option<i64>,
    /// Why the session may leave the machine. Clients of other makes do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusion: Option<Inclusion>,
    /// The coding agent, as han names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<String>,
}

/// The rule of the privacy filter that let a session through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inclusion {
    Organization,
    Personal,
    ForcedInclude,
}

impl Inclusion {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Inclusion::Organization => "organization",
            Inclusion::Personal => "personal",
            Inclusion::ForcedInclude => "forced_include",
        }
    }
}

/// One row of han's `messages`, reduced to what the team may see.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncMessage {
    pub id: String,
    pub line_number: i64,
    pub message_type: String,
    /// As han has it: RFC 3339 in more than one precision.
    pub timestamp: String,
    #[serde(default)]
    pub content_hash: String,
    /// The message's raw JSON, redacted; only with `includeContent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    #[serde(default)]
    pub input_tokens: Option<i64>,
    #[serde(default)]
    pub output_tokens: Option<i64>,
    #[serde(default)]
    pub cache_read_tokens: Option<i64>,
    #[serde(default)]
    pub cache_creation_tokens: Option<i64>,
    /// The numbering that `line_number` belongs to: `main`, `agent:a1b2`, `han_events`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// `message.model` of the raw JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Shared by the rows of one answer, whose tokens count once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines_added: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines_removed: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_changed: Option<i64>,
    /// True when the message was too large for the receiver and was sent without its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_omitted: Option<bool>,
}

/// One row of han's `native_tasks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncTask {
    pub id: String,
    /// The same as `id`.
    #[serde(default)]
    pub task_id: String,
    /// Empty without `includeContent`.
    #[serde(default)]
    pub subject: String,
    #[serde(default)]
    pub description: Option<String>,
    /// `pending`, `in_progress` or `completed`.
    pub status: String,
    pub created_at: String,
    pub updated_at: String,
}

/// How a batch ended: the body of 200, 207 and 422.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncResponse {
    pub status: SyncStatus,
    #[serde(default)]
    pub cursor: SyncCursor,
    /// Sessions stored.
    pub processed: u64,
    #[serde(default)]
    pub messages_processed: u64,
    #[serde(default)]
    pub errors: Vec<SyncError>,
    #[serde(default)]
    pub server_timestamp: Option<String>,
}

/// `success` is 200, `partial` 207, `error` 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncStatus {
    Success,
    Partial,
    Error,
}

/// Why one session of a batch was not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncError {
    pub session_id: String,
    /// One of [`code`], or one that a newer receiver knows.
    pub code: String,
    #[serde(default)]
    pub message: String,
}

/// The codes of [`SyncError`].
pub mod code {
    pub const VALIDATION_ERROR: &str = "VALIDATION_ERROR";
    /// The receiver's own trouble; never final.
    pub const PROCESSING_ERROR: &str = "PROCESSING_ERROR";
    /// The owner is no organization of this user's, and the session is neither personal nor forced.
    pub const REPO_NOT_ACCEPTED: &str = "REPO_NOT_ACCEPTED";
    /// The id is another user's in this tenant.
    pub const SESSION_CONFLICT: &str = "SESSION_CONFLICT";
    /// The repository now belongs to another tenant than the one that stored the session.
    pub const SESSION_MOVED: &str = "SESSION_MOVED";
    /// Deleted on purpose at the receiver; counts as an acknowledgement.
    pub const FORGOTTEN: &str = "FORGOTTEN";
}

/// Who a key stands for: the body of `GET {endpoint}/identity`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    pub user_id: String,
    #[serde(default)]
    pub login: String,
    /// The user's own accounts: `github.com/alice`.
    #[serde(default)]
    pub accounts: Vec<String>,
    #[serde(default)]
    pub organizations: Vec<IdentityOrganization>,
    #[serde(default)]
    pub protocol_versions: Vec<String>,
    /// Content encodings that the receiver takes, in the order it prefers them.
    #[serde(default)]
    pub encodings: Vec<String>,
    #[serde(default)]
    pub limits: Limits,
    /// RFC 3339: older messages are neither sent nor accepted.
    #[serde(default)]
    pub retained_since: Option<String>,
    #[serde(default)]
    pub server_timestamp: Option<String>,
}

/// An organization that the user belongs to, and the owners whose repositories are its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityOrganization {
    pub slug: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub role: String,
    #[serde(default)]
    pub owners: Vec<String>,
}

/// What a receiver takes in one request; absent means unsaid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Bytes of the body as sent.
    #[serde(default)]
    pub max_body_bytes: Option<u64>,
    /// Bytes of the body inflated.
    #[serde(default)]
    pub max_inflated_bytes: Option<u64>,
    #[serde(default)]
    pub max_messages: Option<u64>,
}

/// The body of every answer that is neither a [`SyncResponse`] nor an [`Identity`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    pub error: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}
