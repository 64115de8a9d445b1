//! The hashes of a session's message ids in the source, as the wire counts messages: a row that han has inserted again, a
//! row that the receiver rejected and one from before its retention are none.

use std::collections::HashSet;
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};

use crate::exporter::error::Error;
use crate::exporter::source::connection::Snapshot;
use crate::exporter::state::SessionCursor;
use crate::protocol::MessageDigest;
use crate::time;

/// Hashes of a session's message ids.
#[derive(Debug, Default)]
pub struct SessionHashes {
    /// Of the messages up to the cursor.
    pub acknowledged: HashSet<u64>,
    /// Of the messages after the cursor.
    pub pending: HashSet<u64>,
    /// Row id of the last message, 0 for none.
    pub last_rowid: i64,
}

impl SessionHashes {
    /// Reads the messages of a session. `since`: the time before which the receiver keeps nothing.
    pub fn read(
        snapshot: &Snapshot,
        session_id: &str,
        cursor: &SessionCursor,
        since: Option<DateTime<Utc>>,
    ) -> Result<SessionHashes, Error> {
        let mut hashes = SessionHashes::default();
        let mut retention = Retention { snapshot, session_id, since, last_time: None };
        let mut failure = None;
        snapshot.messages_after(session_id, 0, |row| {
            hashes.last_rowid = row.rowid;
            match retention.keeps(row.rowid, &row.message.timestamp) {
                Ok(true) if !cursor.refused.contains(&row.rowid) => {
                    let is_acknowledged = row.rowid <= cursor.rowid;
                    let id = if row.has_own_id() { row.message.id } else { row.stable_id(session_id) };
                    let hash = MessageDigest::hash(&stored(id));
                    if is_acknowledged {
                        hashes.acknowledged.insert(hash);
                    } else if !hashes.acknowledged.contains(&hash) {
                        hashes.pending.insert(hash);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    failure = Some(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        failure.map_or(Ok(hashes), Err)
    }

    /// Digest of the messages up to the cursor.
    pub fn acknowledged_digest(&self) -> MessageDigest {
        self.acknowledged.iter().copied().collect()
    }

    /// Digest of all messages.
    pub fn digest(&self) -> MessageDigest {
        self.acknowledged.iter().chain(&self.pending).copied().collect()
    }
}

/// An id as a receiver stores it.
fn stored(id: String) -> String {
    if id.contains('\0') { id.replace('\0', "\u{FFFD}") } else { id }
}

/// The retention of a receiver, applied to the rows of a session in their order.
struct Retention<'a> {
    snapshot: &'a Snapshot<'a>,
    session_id: &'a str,
    since: Option<DateTime<Utc>>,
    /// Time of the last row, which stands for one that cannot be parsed.
    last_time: Option<DateTime<Utc>>,
}

impl Retention<'_> {
    fn keeps(&mut self, rowid: i64, timestamp: &str) -> Result<bool, Error> {
        let Some(since) = self.since else { return Ok(true) };
        let is_time = |text: &str| time::parse(text).is_some();
        self.last_time = match time::parse(timestamp).or(self.last_time) {
            Some(at) => Some(at),
            None => {
                let neighbour = self.snapshot.nearest_time(self.session_id, rowid, is_time)?;
                neighbour.and_then(|text| time::parse(&text))
            }
        };
        // A row without any time has the earliest one.
        Ok(self.last_time.is_some_and(|at| at >= since))
    }
}
