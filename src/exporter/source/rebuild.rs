//! Rebuild detection: noticing a database that is not the one from which the cursors were taken, because it was rebuilt,
//! restored from an older copy, vacuumed or swapped.
//!
//! Row ids order new after old only within one life of a database. The state therefore keeps the file id and sampled rows:
//! row ids with a hash of the message's id, dense at the end and exponentially sparser before it, and the last acknowledged
//! rows that came after the scan. Where one differs, no cursor is trusted: every session is compared with what was
//! acknowledged of it, and one that holds other messages is sent again from its beginning, which the receiver deduplicates.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::exporter::error::Error;
use crate::exporter::source::connection::Snapshot;
use crate::exporter::state::{Destination, SessionCursor, SourcePosition};
use crate::short_hash;

/// Rows at the end that are all sampled: a rebuilt database most likely differs there.
const DENSE_ROWS: i64 = 16;

/// Reports whether the database is the one from which the sampled rows were taken.
pub fn is_same_database(
    snapshot: &Snapshot,
    position: &SourcePosition,
    file_id: &str,
) -> Result<bool, Error> {
    if position.watermark == 0 && position.sampled_rows.is_empty() {
        return Ok(true);
    }
    if position.file_id != file_id {
        return Ok(false);
    }
    for (rowid, hash) in &position.sampled_rows {
        let found = snapshot.message_at_or_before(*rowid)?;
        if found.is_none_or(|(found_rowid, id)| found_rowid != *rowid || short_hash::of_text(&id) != *hash) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Samples rows up to the last message of the database.
pub fn sample_rows(snapshot: &Snapshot, last_rowid: i64) -> Result<Vec<(i64, u64)>, Error> {
    let mut sampled: Vec<(i64, u64)> = Vec::new();
    let mut rowid = last_rowid;
    let mut step = 1;
    while rowid > 0 {
        let Some((found, id)) = snapshot.message_at_or_before(rowid)? else { break };
        sampled.push((found, short_hash::of_text(&id)));
        if last_rowid - found >= DENSE_ROWS {
            step *= 2;
        }
        rowid = found - step;
    }
    Ok(sampled)
}

/// Compares every session with what was acknowledged of it, and resets the cursors of those that hold anything else.
/// Returns their number.
pub fn compare_sessions(snapshot: &Snapshot, destination: &mut Destination) -> Result<usize, Error> {
    let mut reset = 0;
    for (session_id, cursor) in destination.sessions.decode_all() {
        let (messages, digest) = digest_messages(snapshot, session_id)?;
        let last_rowid = snapshot.last_rowid_of(session_id)?;
        cursor.seen_rowid = last_rowid;
        if cursor.refused.is_empty() && (messages, digest) == (cursor.messages, cursor.digest) {
            cursor.rowid = last_rowid;
        } else {
            reset_messages(cursor);
            reset += 1;
        }
    }
    Ok(reset)
}

/// Number of a session's messages, as the wire counts them, and the sum of the hashes of their ids.
fn digest_messages(snapshot: &Snapshot, session_id: &str) -> Result<(u64, u64), Error> {
    let mut hashes = BTreeSet::new();
    snapshot.messages_after(session_id, 0, |row| {
        let id = if row.has_own_id() { row.message.id } else { row.stable_id(session_id) };
        hashes.insert(short_hash::of_text(&id));
        ControlFlow::Continue(())
    })?;
    Ok((hashes.len() as u64, hashes.iter().fold(0, |sum: u64, hash| sum.wrapping_add(*hash))))
}

/// Resets what a cursor says of messages. Tasks and fields are known by hashes, not by row ids, and stay.
fn reset_messages(cursor: &mut SessionCursor) {
    cursor.rowid = 0;
    cursor.messages = 0;
    cursor.digest = 0;
    cursor.refused.clear();
    cursor.last_synced_lines.clear();
}
