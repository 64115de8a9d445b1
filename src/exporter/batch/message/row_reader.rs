//! Reads rows of one session and makes their messages, row by row, on any thread that has a snapshot.
//!
//! Invariant: the messages are in the order of their rows.

use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};

use crate::exporter::batch::context::{BatchContext, BatchLimits, EligibleSession};
use crate::exporter::batch::message::pr_link::{self, PrLink};
use crate::exporter::batch::message::{MadeMessage, MessageMaker};
use crate::exporter::error::Error;
use crate::exporter::plan::delta;
use crate::exporter::source::{MessageRow, Snapshot};
use crate::{short_hash, time};

/// Bytes of messages from which a range is read in parts. Bounds the memory of what waits to be taken.
const PART_BYTES: usize = 1 << 20;
/// Bytes of raw JSON from which a row is not read ahead, because threads would hold several of them in memory.
const LARGE_ROW_BYTES: usize = 256 << 10;

/// Consecutive new rows of a session, by row id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowRange {
    /// Row id before the first row.
    pub after: i64,
    /// Row id of the last row.
    pub last: i64,
}

/// Rows and their messages.
#[derive(Debug, Default)]
pub struct MadeRows {
    /// The messages as JSON, one after the other.
    pub json: Vec<u8>,
    /// The rows.
    pub rows: Vec<MadeRow>,
    /// The part of the range that is not read.
    pub rest: Option<RowRange>,
}

/// A row, and its message. A row without one is skipped.
#[derive(Debug)]
pub struct MadeRow {
    /// Row id.
    pub rowid: i64,
    /// The row as a sampled row, if it came after the scan.
    pub sampled_row: Option<(i64, u64)>,
    /// The message, and what else its row says.
    pub message: Option<(MadeMessage, RowNotes)>,
}

/// Facts of a row that are not in its message.
#[derive(Debug)]
pub struct RowNotes {
    /// Time of the message; `None` if it cannot be parsed.
    pub written_at: Option<DateTime<Utc>>,
    /// True if the time is not the row's own, which cannot be parsed.
    pub has_other_time: bool,
    /// The pull request that the row names.
    pub link: Option<PrLink>,
}

/// Reads the rows of one session.
#[derive(Debug, Clone)]
pub struct RowReader {
    session: Arc<EligibleSession>,
    maker: MessageMaker,
    /// Older messages are skipped.
    retained_since: Option<DateTime<Utc>>,
    /// Highest row id that the scan read.
    watermark: i64,
    /// Bytes of messages from which a range is read in parts.
    part_bytes: usize,
}

impl RowReader {
    /// A reader of a session's rows for a batch with these limits.
    pub fn new(context: &BatchContext, session: &Arc<EligibleSession>, limits: &BatchLimits) -> RowReader {
        RowReader {
            session: session.clone(),
            maker: MessageMaker::new(context.messages, session, limits.bytes_max),
            retained_since: context.retained_since,
            watermark: context.watermark,
            part_bytes: limits.bytes.min(PART_BYTES),
        }
    }

    /// Reads the rows of a range, or its first part, and makes their messages.
    pub fn read(&self, snapshot: &Snapshot, range: RowRange) -> Result<MadeRows, Error> {
        self.read_part(snapshot, range, usize::MAX)
    }

    /// Reads as [`RowReader::read`], on another thread, up to a large row.
    pub fn read_ahead(&self, snapshot: &Snapshot, range: RowRange) -> Result<MadeRows, Error> {
        self.read_part(snapshot, range, LARGE_ROW_BYTES)
    }

    fn read_part(
        &self,
        snapshot: &Snapshot,
        range: RowRange,
        row_bytes_max: usize,
    ) -> Result<MadeRows, Error> {
        let mut last_read = range.after;
        let mut made = MadeRows::default();
        let mut last_time = None;
        let mut read = Ok(());
        snapshot.messages_after(&self.session.fields.id, range.after, |row| {
            let rowid = row.rowid;
            if rowid > range.last {
                return ControlFlow::Break(());
            }
            let is_large = row.raw_json.as_ref().is_some_and(|text| text.len() >= row_bytes_max);
            let is_full = !made.rows.is_empty() && made.json.len() >= self.part_bytes;
            if is_large || is_full {
                made.rest = Some(RowRange { after: last_read, ..range });
                return ControlFlow::Break(());
            }
            read = self.read_row(snapshot, row, &mut last_time, &mut made);
            last_read = rowid;
            if rowid == range.last || read.is_err() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        read.map(|()| made)
    }

    fn read_row(
        &self,
        snapshot: &Snapshot,
        row: MessageRow,
        last_time: &mut Option<String>,
        made: &mut MadeRows,
    ) -> Result<(), Error> {
        let rowid = row.rowid;
        let is_after_scan = rowid > self.watermark;
        let sampled_row = is_after_scan.then(|| (rowid, short_hash::of_text(&row.message.id)));
        let message = self.make(snapshot, row, last_time, &mut made.json)?;
        made.rows.push(MadeRow { rowid, sampled_row, message });
        Ok(())
    }

    /// Makes the message of a row and appends it to `json`. `None` for a row that is skipped: one that han inserted before
    /// under another made-up id, and one that is older than the receiver's retention.
    ///
    /// `last_time`: the time of the row before, in place of one that cannot be parsed.
    pub fn make(
        &self,
        snapshot: &Snapshot,
        mut row: MessageRow,
        last_time: &mut Option<String>,
        json: &mut Vec<u8>,
    ) -> Result<Option<(MadeMessage, RowNotes)>, Error> {
        let session_id = self.session.fields.id.as_str();
        let mut written_at = time::parse(&row.message.timestamp);
        let has_other_time = written_at.is_none();
        if has_other_time {
            row.message.timestamp = match last_time.take() {
                Some(time) => time,
                None => time_of_neighbour(snapshot, session_id, row.rowid)?,
            };
            written_at = time::parse(&row.message.timestamp);
        }
        last_time.get_or_insert_default().clone_from(&row.message.timestamp);
        let stable_id = (!row.has_own_id()).then(|| row.stable_id(session_id));
        if self.is_expired(written_at)
            || (stable_id.is_some() && snapshot.has_earlier_duplicate(session_id, &row)?)
        {
            return Ok(None);
        }
        if let Some(id) = stable_id {
            row.message.id = id;
        }
        let link = pr_link::read(&row.message.message_type, row.raw_json.as_deref());
        let message = self.maker.make(&mut row, json).context("cannot serialize a message")?;
        Ok(Some((message, RowNotes { written_at, has_other_time, link })))
    }

    fn is_expired(&self, written_at: Option<DateTime<Utc>>) -> bool {
        self.retained_since.is_some_and(|since| written_at.is_some_and(|at| at < since))
    }
}

/// The time of the nearest earlier row of the session whose time can be parsed; without one, that of the nearest later
/// row.
fn time_of_neighbour(snapshot: &Snapshot, session_id: &str, rowid: i64) -> Result<String, Error> {
    let neighbour = snapshot.nearest_time(session_id, rowid, |text| time::parse(text).is_some())?;
    Ok(neighbour.unwrap_or_else(|| delta::NO_TIME.to_owned()))
}
