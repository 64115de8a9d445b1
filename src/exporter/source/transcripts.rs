//! Transcripts that han has not indexed to their end: their sizes and times against han's last indexed line.
//!
//! Only the files of the last week are looked at, and each is read only up to the first line that han lacks.

use std::io::Read;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::exporter::error::Error;
use crate::exporter::source::connection::Source;
use crate::exporter::state::atomic_file;
use crate::time;

/// Age of a transcript up to which it is looked at.
const RECENT: TimeDelta = TimeDelta::days(7);
/// Bytes that are read of all transcripts together.
const BYTES_MAX: u64 = 64 << 20;
/// Bytes of one read.
const CHUNK_BYTES: usize = 64 << 10;

/// Transcripts whose end han has not indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleTranscripts {
    /// Path of the first, and the number of the others.
    pub description: String,
    /// Time at which han last stored a row of the one that has waited for longest.
    pub since: Option<DateTime<Utc>>,
}

/// Finds transcripts whose end han has not indexed: the first of them and the number of the others, and the time at which han last
/// stored a row of the one that has waited for longest.
pub fn stale(source: &Source, now: DateTime<Utc>) -> Result<Option<StaleTranscripts>, Error> {
    let mut transcripts = source.snapshot()?.recent_transcripts()?;
    transcripts.retain(|transcript| is_recent(&transcript.path, now));
    let snapshot = source.snapshot()?;
    let indexed = transcripts.iter().map(|transcript| snapshot.indexed_lines(transcript));
    let indexed = indexed.collect::<Result<Vec<_>, _>>()?;
    // Files may lie on a slow disk, and no snapshot may wait for them.
    drop(snapshot);
    let mut bytes_left = BYTES_MAX;
    let (mut first, mut since, mut others) = (None, None, 0);
    for (transcript, (lines, indexed_at)) in transcripts.into_iter().zip(indexed) {
        if !has_more_lines(&transcript.path, lines, &mut bytes_left) {
            continue;
        }
        // The longest delay decides how long it has lasted.
        since = since.into_iter().chain(indexed_at.as_deref().and_then(time::parse)).min();
        match first {
            None => first = Some(transcript.path),
            Some(_) => others += 1,
        }
    }
    let others = if others > 0 { format!(" and of {others} more transcripts") } else { String::new() };
    Ok(first.map(|path| StaleTranscripts { description: format!("{path}{others}"), since }))
}

fn is_recent(path: &str, now: DateTime<Utc>) -> bool {
    let modified_at = Path::new(path).metadata().and_then(|metadata| metadata.modified());
    modified_at.is_ok_and(|at| now - DateTime::<Utc>::from(at) <= RECENT)
}

/// Reports whether a file has more complete lines than these. Reads no more than `bytes_left`.
fn has_more_lines(path: &str, lines: i64, bytes_left: &mut u64) -> bool {
    let Ok(Some((file, _))) = atomic_file::open_regular(Path::new(path)) else { return false };
    let (mut found, mut file) = (0_i64, file.take(*bytes_left));
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(read) = file.read(&mut chunk)
        && read > 0
    {
        *bytes_left = bytes_left.saturating_sub(read as u64);
        found += memchr::memchr_iter(b'\n', &chunk[..read]).count() as i64;
        if found > lines {
            return true;
        }
    }
    false
}
