//! The request: one batch, as the body of `POST {endpoint}` before compression.

use serde::{Deserialize, Serialize};

use crate::protocol::session::SyncSession;

/// Protocol version in every payload and in `X-Han-Protocol-Version`.
pub const PROTOCOL_VERSION: &str = "1.0";
/// Request header that names the sending client.
pub const CLIENT_ID_HEADER: &str = "X-Han-Client-Id";
/// Request header that names the protocol version.
pub const PROTOCOL_VERSION_HEADER: &str = "X-Han-Protocol-Version";

/// A batch.
///
/// `checksum` is not a member here: [`seal`](crate::protocol::seal) appends it to the serialized payload, so that it is
/// always the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncPayload {
    /// Protocol version.
    pub version: String,
    /// Id of the client.
    pub client_id: String,
    /// From the receiver's identity, else `unknown`; receivers go by the key.
    pub user_id: String,
    /// RFC 3339, the exporter's clock.
    pub timestamp: String,
    /// The cursor before this batch. It informs; it acknowledges nothing.
    pub cursor: SyncCursor,
    /// Sessions, empty in a heartbeat.
    pub sessions: Vec<SyncSession>,
    /// The client's report of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<SyncClient>,
}

/// The client's report of itself: what remains to be sent after this batch, and what keeps it from well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncClient {
    /// Version of the program.
    pub version: String,
    /// Operating system.
    pub os: String,
    /// Eligible sessions that are not delivered.
    pub pending_sessions: u64,
    /// Messages of these sessions that are not delivered.
    pub pending_messages: u64,
    /// RFC 3339; the time at which an earlier run first saw the oldest of them.
    #[serde(default)]
    pub pending_since: Option<String>,
    /// Codes of conditions.
    pub conditions: Vec<String>,
}

/// Position in the stream of batches, for people: acknowledgement goes by session (see
/// [`SyncResponse`](crate::protocol::SyncResponse)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncCursor {
    /// Id of the last session.
    #[serde(default)]
    pub last_session_id: Option<String>,
    /// Highest line of the last session.
    #[serde(default)]
    pub last_message_line_number: i64,
    /// RFC 3339; empty before the first batch.
    #[serde(default)]
    pub last_sync_timestamp: String,
}
