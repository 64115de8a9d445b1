//! The source against the position that a destination has in it: rebuild detection, and the advance of the watermark.
//!
//! After an advance, every cursor knows the highest row id of its session, at the cost of the new rows; the position is that
//! of the snapshot.

use std::path::{Path, PathBuf};

use crate::exporter::error::Error;
use crate::exporter::source::{Snapshot, file_id, rebuild};
use crate::exporter::state::{Destination, SourcePosition};

/// Comparison of the database of a snapshot with the one from which the cursors were taken.
pub(super) struct SourceCheck {
    database: PathBuf,
    file_id: String,
    pub(super) is_same_database: bool,
}

impl SourceCheck {
    pub(super) fn of(
        snapshot: &Snapshot,
        position: &SourcePosition,
        database: &Path,
    ) -> Result<SourceCheck, Error> {
        let file_id = file_id(database)?;
        let is_same_database = rebuild::is_same_database(snapshot, position, &file_id)?;
        Ok(SourceCheck { database: database.to_owned(), file_id, is_same_database })
    }

    /// Advances the destination's watermark to the end of the snapshot, and the cursors with it. Compares every session if
    /// the database is another one, and returns a warning.
    pub(super) fn advance(
        self,
        snapshot: &Snapshot,
        destination: &mut Destination,
    ) -> Result<Option<String>, Error> {
        let last_rowid = snapshot.last_rowid()?;
        let watermark = destination.source.watermark;
        let mut warning = None;
        if !self.is_same_database {
            let reset = rebuild::compare_sessions(snapshot, destination)?;
            warning = Some(format!(
                "{} is not the database of the last run (rebuilt, restored or vacuumed); {reset} sessions differ and \
                 are sent again",
                self.database.display()
            ));
        } else if watermark == 0 {
            for (session_id, cursor) in destination.sessions.decode_all() {
                cursor.seen_rowid = snapshot.last_rowid_of(session_id)?;
            }
        } else {
            for (session_id, rowid) in snapshot.sessions_after(watermark)? {
                if let Some(cursor) = destination.sessions.get_mut(&session_id) {
                    cursor.seen_rowid = cursor.seen_rowid.max(rowid);
                }
            }
        }
        let position = &mut destination.source;
        if position.watermark != last_rowid || position.file_id != self.file_id {
            position.sampled_rows = rebuild::sample_rows(snapshot, last_rowid)?;
        }
        position.watermark = last_rowid;
        position.file_id = self.file_id;
        Ok(warning)
    }
}
