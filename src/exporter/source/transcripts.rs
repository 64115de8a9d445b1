//! Transcripts that han has not indexed to their end: their sizes and times against han's last indexed line.
//!
//! Only the files of the last week are looked at, or those that Claude Code deletes within the next one, and each is read
//! only up to the first line that han lacks.

use std::fs;
use std::io::Read;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::exporter::config::small_file;
use crate::exporter::error::Error;
use crate::exporter::report::count;
use crate::exporter::source::connection::Source;
use crate::exporter::source::queries::IndexedTranscript;
use crate::exporter::state::atomic_file;
use crate::time;

/// Age of a transcript up to which it is looked at.
const RECENT: TimeDelta = TimeDelta::days(7);
/// Days for which Claude Code keeps a transcript that nothing is added to, unless its settings say otherwise.
const KEPT_DAYS_DEFAULT: i64 = 30;
/// Time before the deletion of a transcript from which on it is looked at.
const DELETED_WITHIN: TimeDelta = TimeDelta::days(7);
/// Files that are looked at in Claude's folder of projects.
const FILES_MAX: usize = 100_000;
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

/// Finds transcripts that Claude Code deletes within a week and that han has not indexed to their end: a sentence about
/// them. `claude`: Claude's folder.
pub fn expiring(source: &Source, claude: &Path, now: DateTime<Utc>) -> Result<Option<String>, Error> {
    let kept = TimeDelta::try_days(kept_days(claude)).unwrap_or(TimeDelta::MAX);
    let is_expiring = |path: &Path| {
        let modified_at = path.metadata().and_then(|metadata| metadata.modified());
        modified_at.is_ok_and(|at| now - DateTime::<Utc>::from(at) + DELETED_WITHIN >= kept)
    };
    let files: Vec<_> =
        transcript_files(claude).into_iter().filter(|(_, path)| is_expiring(Path::new(path))).collect();
    let snapshot = source.snapshot()?;
    let mut transcripts = Vec::new();
    for (session_id, path) in files {
        let transcript = snapshot.transcript_at(session_id, path)?;
        let (lines, _) = snapshot.indexed_lines(&transcript)?;
        transcripts.push((transcript, lines));
    }
    // As in `stale`.
    drop(snapshot);
    let mut bytes_left = BYTES_MAX;
    let mut has_more = |(transcript, lines): &(IndexedTranscript, i64)| {
        has_more_lines(&transcript.path, *lines, &mut bytes_left)
    };
    let missed: Vec<_> = transcripts.iter().filter(|transcript| has_more(transcript)).collect();
    Ok(missed.first().map(|(first, _)| {
        let example = if missed.len() > 1 { "such as " } else { "" };
        format!(
            "Claude Code deletes {} within a week that han has not indexed to the end ({example}{}); to keep what is in \
             there, run: han reindex",
            count(missed.len(), "transcript"),
            first.path
        )
    }))
}

/// Days for which Claude Code keeps transcripts, by its settings.
fn kept_days(claude: &Path) -> i64 {
    let text = small_file::read(&claude.join("settings.json")).unwrap_or_default();
    let settings: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    settings["cleanupPeriodDays"].as_i64().filter(|days| *days >= 0).unwrap_or(KEPT_DAYS_DEFAULT)
}

/// Main transcripts in Claude's folder: session id and path.
fn transcript_files(claude: &Path) -> Vec<(String, String)> {
    let entries =
        |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = entries(&claude.join("projects")).flat_map(|project| entries(&project));
    let transcripts = files.take(FILES_MAX).filter_map(|path| {
        let session_id = path.file_name()?.to_str()?.strip_suffix(".jsonl")?.to_owned();
        // Those of subagents begin so.
        let is_main = !session_id.starts_with("agent-");
        is_main.then(|| Some((session_id, path.to_str()?.to_owned()))).flatten()
    });
    let mut transcripts: Vec<_> = transcripts.collect();
    transcripts.sort();
    transcripts
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
