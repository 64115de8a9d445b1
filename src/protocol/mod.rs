//! Protocol 1.0: the wire types, and the derivations on which both ends must agree.
//!
//! Members are written in the order of the fields; a member that one end does not know is ignored. Nothing here reads a
//! file, a clock or a socket.

/// Ids and hashes that both ends derive alike.
mod ids;
/// The checksum of a payload.
mod checksum;
/// Repository remotes, owners, and patterns of repositories.
pub mod remote;
/// A message, with the declaration of its columns.
pub mod message;
/// A session and its tasks.
mod session;
/// Content encodings of a request's body.
mod content_encoding;
/// The request.
mod payload;
/// The response.
mod response;
/// The receiver's identity.
mod identity;
/// Digests of stored sessions.
mod digests;

pub use checksum::{Checksum, ChecksumError, seal, sealed_end};
pub use content_encoding::{ContentEncoding, ENCODINGS, ZSTD_WINDOW_LOG_MAX};
pub use digests::{
    DIGESTS_SESSIONS_MAX, DigestsRequest, DigestsResponse, ListedTombstones, MessageDigest, SessionDigest,
};
pub use identity::{Identity, IdentityOrganization, Limits, StoredBatches};
pub use ids::{EMPTY_HASH16, content_hash, guarded_content_hash, stable_message_id, stream_name, usage_id};
pub use message::SyncMessage;
pub use payload::{
    CLIENT_ID_HEADER, PROTOCOL_VERSION, PROTOCOL_VERSION_HEADER, SyncClient, SyncCursor, SyncPayload,
};
pub use response::{ErrorBody, ResponseStatus, SyncError, SyncResponse, code};
pub use session::{Inclusion, SyncSession, SyncTask};
