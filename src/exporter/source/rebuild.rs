//! Noticing a database that is not the one the cursors were taken from: rebuilt, restored from an older copy, vacuumed.
//!
//! Rowids order new after old only within one life of a database. The mark of a source therefore keeps the file's
//! identity and anchors: rowids with a hash of the message there, dense at the end and ever sparser before it, and the
//! last ones that were acknowledged of what came after the survey. When one differs, nothing that is known by rowid is
//! trusted: every session is compared by what it holds, and one that holds other messages than were acknowledged is sent
//! again from its beginning (the receiver stores each once).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::exporter::batch::wire_id;
use crate::exporter::error::Error;
use crate::exporter::source::Snapshot;
use crate::exporter::state::{Destination, SessionCursor, SourceMark};
use crate::short_hash;

/// Rows at the end that are anchored one by one: where a rebuilt database is likeliest to differ.
const DENSE: i64 = 16;

/// Whether the database is still the one that the mark was taken from.
pub fn is_same(snapshot: &Snapshot, mark: &SourceMark, file: &str) -> Result<bool, Error> {
    if mark.watermark == 0 && mark.anchors.is_empty() {
        return Ok(true);
    }
    if mark.file != file {
        return Ok(false);
    }
    for (rowid, hash) in &mark.anchors {
        let found = snapshot.message_at_or_before(*rowid)?;
        if found.is_none_or(|(there, id)| there != *rowid || short_hash::of_text(&id) != *hash) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Anchors up to the last message of the database.
pub fn anchors(snapshot: &Snapshot, last_rowid: i64) -> Result<Vec<(i64, u64)>, Error> {
    let mut anchors: Vec<(i64, u64)> = Vec::new();
    let mut rowid = last_rowid;
    let mut step = 1;
    while rowid > 0 {
        let Some((found, id)) = snapshot.message_at_or_before(rowid)? else { break };
        anchors.push((found, short_hash::of_text(&id)));
        if last_rowid - found >= DENSE {
            step *= 2;
        }
        rowid = found - step;
    }
    Ok(anchors)
}

/// Compares every session with what was acknowledged of it, and rewinds those that hold anything else.
/// Returns how many were rewound.
pub fn compare(snapshot: &Snapshot, destination: &mut Destination) -> Result<usize, Error> {
    let mut rewound = 0;
    for (session_id, cursor) in &mut destination.sessions {
        let held = holdings(snapshot, session_id)?;
        let last_rowid = snapshot.last_rowid_of(session_id)?;
        cursor.seen_rowid = last_rowid;
        if cursor.refused.is_empty() && held == (cursor.messages, cursor.digest) {
            cursor.rowid = last_rowid;
        } else {
            forget_messages(cursor);
            rewound += 1;
        }
    }
    Ok(rewound)
}

/// Number of messages that a session holds, as the wire counts them, and the sum of the hashes of their ids.
fn holdings(snapshot: &Snapshot, session_id: &str) -> Result<(u64, u64), Error> {
    let mut ids = BTreeMap::new();
    snapshot.messages_after(session_id, 0, |row| {
        let id = wire_id(session_id, &row);
        ids.entry(short_hash::of_text(&id)).or_insert(());
        ControlFlow::Continue(())
    })?;
    Ok((ids.len() as u64, ids.keys().fold(0, |sum: u64, hash| sum.wrapping_add(*hash))))
}

/// Messages from the beginning; tasks and fields are known by what they say, not by rowid, and stay.
fn forget_messages(cursor: &mut SessionCursor) {
    cursor.rowid = 0;
    cursor.messages = 0;
    cursor.digest = 0;
    cursor.refused.clear();
    cursor.streams.clear();
}
