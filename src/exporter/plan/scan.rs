//! The scan: reads the sessions of the source, and finds which of them are eligible and have a delta.
//!
//! Eligibility and rows come from one snapshot. A scan updates the state in memory; the caller decides if it is saved, so
//! that a run and a command that changes nothing get the same result.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::exporter::error::Error;
use crate::exporter::plan::delta::{self, SessionFields};
use crate::exporter::plan::eligibility::{Decision, Eligibility, EligibilityFilter, ExcludedReason};
use crate::exporter::plan::folders::project_folders;
use crate::exporter::plan::folders::session_folders::{self, repository_of};
use crate::exporter::plan::pull_request::RepositoryRules;
use crate::exporter::plan::session_repository::{RepositoryOrigin, SessionRepository};
use crate::exporter::plan::source_check::SourceCheck;
use crate::exporter::plan::unmatched_patterns::{UnmatchedPattern, unmatched_patterns};
use crate::exporter::source::{SessionRow, Snapshot, Source, TaskRow};
use crate::exporter::state::{SessionCursor, SourceFingerprint, State};
use crate::protocol::remote::Remote;

/// A session of the source, with the decisions on it.
#[derive(Debug)]
pub struct ScannedSession {
    /// Row of the session.
    pub row: SessionRow,
    /// Repository of the session.
    pub repository: SessionRepository,
    /// The decision of the privacy filter, project overrides included.
    pub eligibility: Eligibility,
    /// True if its content may leave, too.
    pub include_content: bool,
    /// True if it is eligible and has a delta.
    pub has_delta: bool,
    /// Fingerprint of its data; empty where it has no delta.
    pub data_fingerprint: String,
}

impl ScannedSession {
    /// True if the session may leave the machine.
    pub fn is_eligible(&self) -> bool {
        matches!(self.eligibility, Eligibility::Eligible { .. })
    }

    /// True if it is excluded only because the user's identity is unknown or outdated.
    pub fn waits_for_identity(&self) -> bool {
        matches!(&self.eligibility, Eligibility::Excluded { reason: ExcludedReason::IdentityUnknown, .. })
    }
}

/// Result of a scan.
#[derive(Debug, Default)]
pub struct Scan {
    /// Sessions of the source.
    pub sessions: Vec<ScannedSession>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Patterns of the configuration without effect; none after a scan of some sessions alone.
    pub unmatched_patterns: Vec<UnmatchedPattern>,
    /// True if the state has learned something that withholds sessions and may not be visible to the next scan: a project
    /// override, or another repository of a session.
    pub must_save: bool,
    /// True if fields of a session have changed.
    pub fields_changed: bool,
    /// Fingerprint of everything but the messages.
    pub fingerprint: SourceFingerprint,
}

/// Scans all sessions for one destination.
pub fn scan(
    source: &Source,
    filter: EligibilityFilter,
    state: &mut State,
    now: DateTime<Utc>,
) -> Result<Scan, Error> {
    // Every session is looked up.
    state.destination.sessions.decode_all();
    // Folders may lie on a slow disk, and no snapshot may wait for them.
    let own = session_folders::inspect(source, &filter.config.database, None, state)?;
    let mut folders = source.snapshot()?.project_folders()?;
    folders.extend(own.folders);
    let inspection = project_folders::inspect(folders, filter, &mut state.project_overrides);
    let mut scan =
        Scan { warnings: inspection.warnings, must_save: inspection.is_changed, ..Scan::default() };
    scan.fingerprint.folders = inspection.folders;

    let snapshot = &source.snapshot()?;
    let check = SourceCheck::of(snapshot, &state.destination.source, &filter.config.database)?;
    let folders_read_to = if check.is_same_database { own.last_rowid } else { 0 };
    scan.warnings.extend(check.advance(snapshot, &mut state.destination)?);
    let include_content = filter.config.include_content.value;
    scan.fingerprint.sessions = snapshot.sessions_fingerprint()?;
    scan.fingerprint.tasks = snapshot.tasks_fingerprint(include_content)?;
    let rows = snapshot.sessions()?;
    let ids: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    session_folders::update(snapshot, &rows, folders_read_to, &mut state.destination)?;
    state.destination.session_folders.retain(|session_id| ids.contains(session_id));
    let tasks = tasks_by_session(snapshot, include_content)?;

    let mut decisions: HashMap<Option<String>, Eligibility> = HashMap::new();
    for row in rows {
        let repository = repository_of(&row, state);
        let eligibility = match repository.origin {
            RepositoryOrigin::Mismatch => filter.decide_by_repository(&repository),
            _ => decisions
                .entry(repository.remote.clone())
                .or_insert_with(|| filter.decide_by_repository(&repository))
                .clone(),
        };
        scan.must_save |= record_repository(&row.id, repository.origin, eligibility.remote(), state);
        let tasks = tasks.get(&row.id).map_or(&[][..], Vec::as_slice);
        SessionScan { snapshot, filter, now }.add((row, repository), eligibility, tasks, state, &mut scan)?;
    }
    let repositories: Vec<Remote> =
        decisions.values().filter_map(|decision| decision.remote().cloned()).collect();
    scan.unmatched_patterns = unmatched_patterns(filter.config, &repositories);
    Ok(scan)
}

/// Scans some sessions alone. The caller knows from `fingerprint` that nothing but messages of these sessions has changed
/// since a run that left nothing to send; where that does not suffice, all sessions are scanned.
pub fn scan_some(
    source: &Source,
    filter: EligibilityFilter,
    state: &mut State,
    (session_ids, fingerprint): (&BTreeSet<String>, &SourceFingerprint),
    now: DateTime<Utc>,
) -> Result<Scan, Error> {
    let own = session_folders::inspect(source, &filter.config.database, Some(session_ids), state)?;
    // Project overrides are known of the folders in the fingerprint alone.
    if own.folders.iter().any(|(folder, _)| !fingerprint.folders.contains(folder)) {
        return scan(source, filter, state, now);
    }
    // The snapshot ends here, before the full scan begins one.
    let known = (session_ids, fingerprint, own.last_rowid);
    let partial = try_scan_some(&source.snapshot()?, filter, state, known, now)?;
    partial.map_or_else(|| scan(source, filter, state, now), Ok)
}

/// Returns `None` where the other sessions have to be scanned, too. A session without a cursor had nothing to send in the
/// run that left nothing to send, and has nothing now.
fn try_scan_some(
    snapshot: &Snapshot,
    filter: EligibilityFilter,
    state: &mut State,
    (session_ids, fingerprint, folders_read_to): (&BTreeSet<String>, &SourceFingerprint, i64),
    now: DateTime<Utc>,
) -> Result<Option<Scan>, Error> {
    let position = &state.destination.source;
    let check = SourceCheck::of(snapshot, position, &filter.config.database)?;
    let changed = snapshot.sessions_after(position.watermark)?;
    // Another database makes every cursor doubtful; messages of another session came after the caller has looked.
    if !check.is_same_database || changed.iter().any(|(id, _)| !session_ids.contains(id)) {
        return Ok(None);
    }
    let mut rows = Vec::new();
    let mut found = Vec::new();
    for id in session_ids {
        found.extend(snapshot.session(id)?);
    }
    session_folders::update(snapshot, &found, folders_read_to, &mut state.destination)?;
    for row in found {
        let has_cursor = state.destination.sessions.contains(&row.id);
        let repository = repository_of(&row, state);
        let eligibility = filter.decide_by_repository(&repository);
        // The last known repository would decide, or the state lacks a cursor that it should have.
        let is_forgotten = state.tombstones.get(&row.id).is_some();
        let is_unclear = match has_cursor {
            true => !matches!(repository.origin, RepositoryOrigin::Project | RepositoryOrigin::Folder),
            false => matches!(eligibility, Eligibility::Eligible { .. }) && !is_forgotten,
        };
        if is_unclear {
            return Ok(None);
        }
        if has_cursor {
            rows.push((row, repository, eligibility));
        }
    }
    let mut scan = Scan { fingerprint: fingerprint.clone(), ..Scan::default() };
    check.advance(snapshot, &mut state.destination)?;
    let include_content = filter.config.include_content.value;
    for (row, repository, eligibility) in rows {
        scan.must_save |= record_repository(&row.id, repository.origin, eligibility.remote(), state);
        let tasks = snapshot.tasks_of(&row.id, include_content)?;
        let tasks: Vec<TaskHashes> =
            tasks.into_iter().map(|task| TaskHashes::of(task, include_content)).collect();
        SessionScan { snapshot, filter, now }.add(
            (row, repository),
            eligibility,
            &tasks,
            state,
            &mut scan,
        )?;
    }
    Ok(Some(scan))
}

/// Scan of single sessions.
struct SessionScan<'a> {
    snapshot: &'a Snapshot<'a>,
    filter: EligibilityFilter<'a>,
    now: DateTime<Utc>,
}

impl SessionScan<'_> {
    /// Applies project overrides to the decision on a session, finds if it has a delta, and adds it to the scan.
    fn add(
        &self,
        (row, repository): (SessionRow, SessionRepository),
        eligibility: Eligibility,
        tasks: &[TaskHashes],
        state: &mut State,
        scan: &mut Scan,
    ) -> Result<(), Error> {
        let folder = repository.folder.as_deref();
        let Decision { eligibility, include_content, .. } = self
            .filter
            .apply_overrides(eligibility, folder, &state.project_overrides)
            .unless_forgotten(state.tombstones.get(&row.id));
        let mut session = ScannedSession {
            row,
            repository,
            eligibility,
            include_content,
            has_delta: false,
            data_fingerprint: String::new(),
        };
        if let Eligibility::Eligible { remote, inclusion, .. } = &session.eligibility {
            let rules = RepositoryRules { filter: self.filter, overrides: &state.project_overrides };
            let fields = SessionFields::new(&session.row, remote.clone(), *inclusion, &rules).hash();
            let cursor = self.cursor_of(&session.row.id, state)?;
            let tasks = tasks.iter().map(|task| task.of_content(include_content)).collect();
            session.has_delta = delta::has_delta(cursor, fields, &tasks) || !cursor.refused.is_empty();
            scan.fields_changed |= delta::record_fields(cursor, fields, self.now);
            if session.has_delta {
                let last = self.snapshot.message_at_or_before(cursor.seen_rowid)?;
                let last_id = last.as_ref().map(|(_, id)| id.as_str());
                session.data_fingerprint = delta::data_fingerprint(cursor, last_id, fields, &tasks);
                cursor.waiting_since.get_or_insert(self.now);
            }
        }
        scan.sessions.push(session);
        Ok(())
    }

    /// The session's cursor; a new one starts with the highest row id of the session.
    fn cursor_of<'s>(&self, session_id: &str, state: &'s mut State) -> Result<&'s mut SessionCursor, Error> {
        if !state.destination.sessions.contains(session_id) {
            state.add_cursor(session_id, self.snapshot.last_rowid_of(session_id)?);
        }
        Ok(state.destination.sessions.get_or_default(session_id))
    }
}

/// Records the last known repository of a session. A remote that cannot be parsed removes the one before it, which no longer
/// holds, even if the link is gone later. Returns true if a known repository has changed.
fn record_repository(
    session_id: &str,
    origin: RepositoryOrigin,
    remote: Option<&Remote>,
    state: &mut State,
) -> bool {
    if matches!(origin, RepositoryOrigin::LastKnown | RepositoryOrigin::Unknown) {
        return false;
    }
    let path = remote.map(Remote::path);
    let is_origin = origin == RepositoryOrigin::Folder && path.is_some();
    state.destination.set_folder_origin(session_id, is_origin);
    let known = state.repository(session_id);
    if known == path {
        return false;
    }
    let is_changed = known.is_some() && origin != RepositoryOrigin::Mismatch;
    state.record_repository(session_id, path);
    is_changed
}

/// Hashes of a task with and without its content; a project override decides which of them counts.
#[derive(Debug)]
struct TaskHashes {
    with_content: u64,
    without_content: u64,
}

impl TaskHashes {
    fn of(row: TaskRow, include_content: bool) -> TaskHashes {
        let without_content = delta::task_hash(&delta::sync_task(row.clone(), false));
        let with_content = match include_content {
            true => delta::task_hash(&delta::sync_task(row, true)),
            false => without_content,
        };
        TaskHashes { with_content, without_content }
    }

    fn of_content(&self, include_content: bool) -> u64 {
        if include_content { self.with_content } else { self.without_content }
    }
}

fn tasks_by_session(
    snapshot: &Snapshot,
    include_content: bool,
) -> Result<HashMap<String, Vec<TaskHashes>>, Error> {
    let mut tasks: HashMap<String, Vec<TaskHashes>> = HashMap::new();
    snapshot.tasks(include_content, |row| {
        let session = row.session_id.clone();
        tasks.entry(session).or_default().push(TaskHashes::of(row, include_content));
    })?;
    Ok(tasks)
}
