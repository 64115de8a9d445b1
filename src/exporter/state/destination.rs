//! A destination: an endpoint together with the user that the API key stands for, and everything that was learned of and
//! acknowledged by it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::json_number::WideInteger;
use super::learned_identity::LearnedIdentity;
use super::sessions::session_cursors::SessionCursors;
use super::sessions::session_folders::{SessionFolder, SessionFolders};
use super::source_position::SourcePosition;
use super::tombstones::ForgetRequests;
use super::verification::Verification;
use crate::protocol::SyncCursor;
use crate::time;

/// An endpoint and its user, with the cursors of every session that was sent there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// URL of `POST …/api/sync`.
    pub endpoint: String,
    /// Fingerprint of the API key that the identity was learned with; empty once the key stands for another user.
    pub key_fingerprint: String,
    /// `None` until the identity is learned, and for a receiver without identities.
    #[serde(default)]
    pub user_id: Option<String>,
    /// Time at which the key last came to stand for this user instead of another one.
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub user_changed_at: Option<DateTime<Utc>>,
    /// True if the last identity was refused, because its user had changed too often.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_user_refused: bool,
    /// Identity of the user, as last fetched.
    #[serde(default)]
    pub identity: Option<LearnedIdentity>,
    /// Backoff of the endpoint.
    #[serde(default)]
    pub backoff: Backoff,
    /// Sessions with a message or task that may be the cause of faults, by session id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub suspects: BTreeMap<String, Suspect>,
    /// A lower limit for batches, learned from timeouts or from the receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned_limit: Option<LearnedLimit>,
    /// Time at which the receiver, or something on the way, last refused zstd.
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub zstd_refused_at: Option<DateTime<Utc>>,
    /// Last error, for `status`.
    #[serde(default)]
    pub last_error: Option<LastError>,
    /// Counts over all runs.
    #[serde(default)]
    pub statistics: Statistics,
    /// The cursor of the last acknowledged batch, as the wire has it.
    #[serde(default, with = "sync_cursor")]
    pub cursor: SyncCursor,
    /// Codes of the conditions after the last scan of all sessions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
    /// Watermark and sampled rows of the source.
    #[serde(default)]
    pub source: SourcePosition,
    /// Requests to forget sessions that the receiver has not answered.
    #[serde(default, skip_serializing_if = "ForgetRequests::is_empty")]
    pub forget_requests: ForgetRequests,
    /// Folders in which sessions began, up to the watermark.
    #[serde(default)]
    pub session_folders: SessionFolders,
    /// Proof of what the receiver holds.
    #[serde(default, skip_serializing_if = "Verification::is_empty")]
    pub verification: Verification,
    /// By session id. The state file has them in a form of their own.
    #[serde(skip)]
    pub sessions: SessionCursors,
}

impl Destination {
    /// Returns the folder in which a session began, as far as it is cached.
    pub fn session_folder(&self, session_id: &str) -> Option<SessionFolder> {
        let of_cursor = self.sessions.get(session_id).and_then(|cursor| cursor.folder);
        self.session_folders.resolve(of_cursor.or_else(|| self.session_folders.record_of(session_id))?)
    }

    /// Records the folder in which a session began.
    pub fn record_session_folder(&mut self, session_id: &str, folder: &SessionFolder) {
        let record = self.session_folders.add(folder);
        match self.sessions.get_mut(session_id) {
            Some(cursor) => cursor.folder = Some(record),
            None => self.session_folders.record(session_id, record),
        }
    }

    /// Records if a session's last known repository was read from its folder.
    pub fn set_folder_origin(&mut self, session_id: &str, is_origin: bool) {
        if let Some(folder) = self.session_folder(session_id).filter(|folder| folder.is_origin != is_origin) {
            self.record_session_folder(session_id, &SessionFolder { is_origin, ..folder });
        }
    }

    pub(super) fn new(endpoint: &str, key_fingerprint: &str) -> Destination {
        Destination {
            endpoint: endpoint.to_owned(),
            key_fingerprint: key_fingerprint.to_owned(),
            ..Destination::default()
        }
    }
}

/// Serde for the cursor, whose line number may exceed 2^53.
mod sync_cursor {
    use serde::{Deserializer, Serializer};

    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct CursorRecord {
        #[serde(default)]
        last_session_id: Option<String>,
        #[serde(default)]
        last_message_line_number: WideInteger,
        #[serde(default)]
        last_sync_timestamp: String,
    }

    pub fn serialize<S: Serializer>(cursor: &SyncCursor, serializer: S) -> Result<S::Ok, S::Error> {
        let SyncCursor { last_session_id, last_message_line_number, last_sync_timestamp } = cursor.clone();
        let last_message_line_number = WideInteger(last_message_line_number);
        CursorRecord { last_session_id, last_message_line_number, last_sync_timestamp }.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SyncCursor, D::Error> {
        let CursorRecord { last_session_id, last_message_line_number, last_sync_timestamp } =
            CursorRecord::deserialize(deserializer)?;
        let last_message_line_number = last_message_line_number.0;
        Ok(SyncCursor { last_session_id, last_message_line_number, last_sync_timestamp })
    }
}

/// Consecutive faults of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backoff {
    /// Attempts since the last success.
    pub attempts: u32,
    /// Consecutive faults among them that may depend on the body, of batches that can be halved, since the last probe.
    #[serde(default, rename = "timeOuts", skip_serializing_if = "is_zero")]
    pub body_faults: u32,
    /// Time of the next retry.
    #[serde(default, with = "time::optional")]
    pub next_retry_at: Option<DateTime<Utc>>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A session of which a single message or task, alone in a batch, met faults that may depend on the body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Suspect {
    /// Consecutive faults that no probe has explained yet.
    pub faults: u32,
    /// True if the session goes after all others, because the endpoint responds to others.
    pub is_set_aside: bool,
}

/// A limit for batches below the configured one, and the time at which it was learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LearnedLimit {
    /// Uncompressed bytes.
    pub bytes: usize,
    /// True if the connection was too slow for more, which passes; false if the receiver rejected more.
    pub is_slow: bool,
    /// Time at which the limit was learned.
    #[serde(with = "time::optional")]
    pub learned_at: Option<DateTime<Utc>>,
}

/// The last error, until the next success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// Time of the error.
    #[serde(with = "time::optional")]
    pub at: Option<DateTime<Utc>>,
    /// Time of the first of the errors of this code without a success in between.
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Code of the error; empty in a state of an earlier version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Message for people.
    pub message: String,
}

/// Counters and times for `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Statistics {
    /// The last acknowledged batch with sessions.
    #[serde(with = "time::optional")]
    pub last_sync_at: Option<DateTime<Utc>>,
    /// The last response of the receiver, those to empty batches included.
    #[serde(with = "time::optional")]
    pub last_contact_at: Option<DateTime<Utc>>,
    /// Messages acknowledged.
    pub total_messages_synced: u64,
    /// Tasks acknowledged.
    pub total_tasks_synced: u64,
    /// Runs without an error.
    pub successful_runs: u64,
    /// Runs with an error.
    pub failed_runs: u64,
}

impl Statistics {
    /// Counts acknowledged messages and tasks. Saturates, so that no counter of a damaged file overflows.
    pub fn add(&mut self, messages: u64, tasks: u64) {
        self.total_messages_synced = self.total_messages_synced.saturating_add(messages);
        self.total_tasks_synced = self.total_tasks_synced.saturating_add(tasks);
    }

    /// Counts a run.
    pub fn add_run(&mut self, is_complete: bool) {
        let runs = if is_complete { &mut self.successful_runs } else { &mut self.failed_runs };
        *runs = runs.saturating_add(1);
    }
}
