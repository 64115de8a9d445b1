//! The cursor of one session at one destination: the high-water mark of what the receiver acknowledged.
//!
//! A cursor advances only on an acknowledgement, and rewinds only on `reset` and when the source database was rebuilt.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::session_folders::FolderRecord;
use super::synced_lines::SyncedLines;

/// The position up to which one session has been acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionCursor {
    /// High-water mark: every message of the session up to this row id is acknowledged, except those in `refused`.
    pub rowid: i64,
    /// The highest row id of the session that a scan has seen.
    pub seen_rowid: i64,
    /// Count of the acknowledged messages, and the wrapping sum of the hashes of their ids: the content that a rebuilt
    /// database is compared with, in which row ids mean nothing.
    pub messages: u64,
    /// Digest of the acknowledged messages.
    pub digest: u64,
    /// The latest timestamp among the acknowledged messages.
    pub newest_at: Option<DateTime<Utc>>,
    /// The last acknowledged line of each source stream, for people; the delta goes by row id.
    pub last_synced_lines: SyncedLines,
    /// Hash of the session's own fields at the last scan, and the time since when they have been so.
    pub fields: Option<u64>,
    /// Time at which the fields were first seen as they are.
    pub fields_seen_at: Option<DateTime<Utc>>,
    /// True if these fields are acknowledged.
    pub fields_sent: bool,
    /// Hashes of the acknowledged tasks.
    pub tasks: BTreeSet<u64>,
    /// Row ids of messages that the receiver rejected, each by itself.
    pub refused: BTreeSet<i64>,
    /// The time since when data of the session has been undelivered.
    pub waiting_since: Option<DateTime<Utc>>,
    /// The last known repository, by its position in [`KnownRepositories`](super::repositories::KnownRepositories).
    pub repository: Option<u32>,
    /// The folder in which the session began, by its position in [`SessionFolders`](super::session_folders::SessionFolders).
    pub folder: Option<FolderRecord>,
}

impl SessionCursor {
    /// Forgets which fields the receiver has: the fields of the next scan are sent.
    pub fn forget_fields(&mut self) {
        self.fields = None;
        self.fields_sent = false;
    }

    /// Rewinds to the beginning, so that the whole session is sent again. What the scan has seen is kept.
    pub fn rewind(&mut self) {
        *self = SessionCursor {
            seen_rowid: self.seen_rowid,
            fields: self.fields,
            fields_seen_at: self.fields_seen_at,
            waiting_since: self.waiting_since,
            repository: self.repository,
            folder: self.folder,
            ..SessionCursor::default()
        };
    }
}
