//! The folders in which sessions began, read from their rows, and the repositories in these folders.
//!
//! Rows are read in a snapshot, folders are inspected outside of any, because they may answer late or never.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use crate::exporter::error::Error;
use crate::exporter::plan::folders::threads;
use crate::exporter::plan::session_repository::{self, RepositoryOrigin, SessionRepository};
use crate::exporter::plan::source_check::SourceCheck;
use crate::exporter::source::{SessionRow, Snapshot, Source, git};
use crate::exporter::state::{Destination, SessionFolder, State};

/// Folders with remotes, and the row id up to which the rows were read for them.
pub(in crate::exporter::plan) struct InspectedSessions {
    /// Own folders of sessions that do not count to their project's, each with its remote where one is known.
    pub(in crate::exporter::plan) folders: Vec<(String, Option<String>)>,
    /// Highest row id of the snapshot; 0 if the database is not that of the cache.
    pub(in crate::exporter::plan) last_rowid: i64,
}

/// Reads the folders of sessions, and inspects those on which a repository depends. `session_ids`: `None` for all.
pub(in crate::exporter::plan) fn inspect(
    source: &Source,
    database: &Path,
    session_ids: Option<&BTreeSet<String>>,
    state: &mut State,
) -> Result<InspectedSessions, Error> {
    let (rows, last_rowid) = read(source, database, session_ids, state)?;
    find_repositories(&rows, &mut state.destination);
    let own_folder = |row: &SessionRow| {
        let repository = repository_of(row, state);
        let is_own = repository.folder != row.project_path && repository.origin != RepositoryOrigin::Mismatch;
        repository.folder.filter(|_| is_own).map(|folder| (folder, repository.remote))
    };
    Ok(InspectedSessions { folders: rows.iter().filter_map(own_folder).collect(), last_rowid })
}

/// Returns the repository of a session as far as the state knows its folder.
pub(in crate::exporter::plan) fn repository_of(row: &SessionRow, state: &State) -> SessionRepository {
    let began_in = state.destination.session_folder(&row.id).unwrap_or_default();
    SessionRepository::find(row, &began_in, &state.destination.session_folders, state.repository(&row.id))
}

/// Returns the repository of a session in a snapshot that may be newer than what the state knows of its folder.
pub fn repository_in(
    snapshot: &Snapshot,
    row: &SessionRow,
    state: &State,
) -> Result<SessionRepository, Error> {
    let destination = &state.destination;
    let began_in = folder_after(snapshot, &row.id, destination, destination.source.watermark)?;
    let folders = &destination.session_folders;
    Ok(SessionRepository::find(row, &began_in, folders, state.repository(&row.id)))
}

fn read(
    source: &Source,
    database: &Path,
    session_ids: Option<&BTreeSet<String>>,
    state: &mut State,
) -> Result<(Vec<SessionRow>, i64), Error> {
    let snapshot = &source.snapshot()?;
    let mut rows = Vec::new();
    match session_ids {
        None => rows = snapshot.sessions()?,
        Some(ids) => {
            for id in ids {
                rows.extend(snapshot.session(id)?);
            }
        }
    }
    let position = &state.destination.source;
    let is_same_database = SourceCheck::of(snapshot, position, database)?.is_same_database;
    let rowid = if is_same_database { position.watermark } else { 0 };
    update(snapshot, &rows, rowid, &mut state.destination)?;
    Ok((rows, if is_same_database { snapshot.last_rowid()? } else { 0 }))
}

/// Updates the folders of sessions that are cached up to a row id; 0 if none of them can be relied on.
pub(in crate::exporter::plan) fn update(
    snapshot: &Snapshot,
    rows: &[SessionRow],
    rowid: i64,
    destination: &mut Destination,
) -> Result<(), Error> {
    let changed: HashSet<String> = match rowid {
        0 => HashSet::new(),
        _ => snapshot.sessions_after(rowid)?.into_iter().map(|(session_id, _)| session_id).collect(),
    };
    for SessionRow { id, .. } in rows {
        let is_known = destination.session_folder(id).is_some();
        if rowid == 0 || !is_known || changed.contains(id) {
            let folder = folder_after(snapshot, id, destination, if is_known { rowid } else { 0 })?;
            destination.record_session_folder(id, &folder);
        }
    }
    Ok(())
}

/// Returns the folder of a session: the cached one, unless an earlier line after the row id names another.
fn folder_after(
    snapshot: &Snapshot,
    session_id: &str,
    destination: &Destination,
    rowid: i64,
) -> Result<SessionFolder, Error> {
    let cached = destination.session_folder(session_id);
    let rowid = if cached.is_some() { rowid } else { 0 };
    let known = cached.clone().filter(|_| rowid > 0).unwrap_or_default();
    let Some((line, path)) = snapshot.session_folder(session_id, rowid, known.line)? else {
        return Ok(known);
    };
    let is_same = |cached: &SessionFolder| cached.path.as_deref() == Some(&path);
    let is_origin = cached.is_some_and(|cached| cached.is_origin && is_same(&cached));
    Ok(SessionFolder { path: Some(path.into()), line, is_origin })
}

/// Inspects the folders on which the repository of a session depends, each once in a run.
fn find_repositories(rows: &[SessionRow], destination: &mut Destination) {
    let mut jobs = BTreeSet::new();
    for row in rows {
        let path = destination.session_folder(&row.id).and_then(|folder| folder.path);
        if let Some(path) = path.filter(|path| session_repository::needs_finding(row, path)) {
            jobs.extend(row.project_path.clone());
            jobs.insert((*path).to_owned());
        }
    }
    let folders = &mut destination.session_folders;
    jobs.retain(|folder| folders.finding(folder).is_none());
    let inspect = |folder: String| (git::inspect(Path::new(&folder)), folder);
    for (finding, folder) in threads::answers(jobs.iter().cloned().collect(), inspect) {
        jobs.remove(&folder);
        folders.record_finding(folder, finding);
    }
    // No other scan of the run waits for them again.
    for folder in jobs {
        folders.record_finding(folder, Default::default());
    }
}
