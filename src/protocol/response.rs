//! The response to a batch, and the body of an error.

use serde::{Deserialize, Serialize};

use crate::protocol::payload::SyncCursor;

/// Result of a batch: the body of 200, 207 and 422.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncResponse {
    /// Status of the batch.
    pub status: ResponseStatus,
    /// Cursor of the last stored session.
    #[serde(default)]
    pub cursor: SyncCursor,
    /// Sessions stored.
    pub processed: u64,
    /// Messages of the stored sessions.
    #[serde(default)]
    pub messages_processed: u64,
    /// Rejected sessions.
    #[serde(default)]
    pub errors: Vec<SyncError>,
    /// Clock of the receiver, RFC 3339.
    #[serde(default)]
    pub server_timestamp: Option<String>,
}

/// Status of a batch: `success` is 200, `partial` 207, `error` 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseStatus {
    /// All sessions are stored.
    Success,
    /// Some sessions are rejected.
    Partial,
    /// All sessions are rejected.
    Error,
}

/// Reason why one session of a batch was not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncError {
    /// Id of the session.
    pub session_id: String,
    /// A constant of [`code`], or a code that only a newer receiver knows.
    pub code: String,
    /// Explanation for people.
    #[serde(default)]
    pub message: String,
}

/// Codes of [`SyncError`].
pub mod code {
    /// The session breaks a rule of the protocol.
    pub const VALIDATION_ERROR: &str = "VALIDATION_ERROR";
    /// An error of the receiver itself; never final.
    pub const PROCESSING_ERROR: &str = "PROCESSING_ERROR";
    /// The owner is none of the user's organizations, and the session is neither personal nor forced.
    pub const REPO_NOT_ACCEPTED: &str = "REPO_NOT_ACCEPTED";
    /// The id belongs to another user of this tenant.
    pub const SESSION_CONFLICT: &str = "SESSION_CONFLICT";
    /// The repository now belongs to another tenant than the one that stored the session.
    pub const SESSION_MOVED: &str = "SESSION_MOVED";
    /// The receiver holds a tombstone of the session; counts as an acknowledgement.
    pub const FORGOTTEN: &str = "FORGOTTEN";
}

/// Body of every response that is neither a [`SyncResponse`] nor an [`Identity`](crate::protocol::Identity).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// Explanation for people.
    pub error: String,
    /// Id of the request, as in the receiver's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}
