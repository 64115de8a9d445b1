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
