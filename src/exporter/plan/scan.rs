//! Looking over the source: which sessions there are, which of them may leave, and which hold anything new.
//!
//! One snapshot serves eligibility and rows alike. The state that comes in is brought up to date in memory; whether it
//! is kept is the caller's business, so that a run and a mere look see the same.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::exporter::config::Config;
use crate::exporter::config::project_override;
use crate::exporter::error::Error;
use crate::exporter::plan::delta::{self, SessionFields};
use crate::exporter::plan::eligibility::{Affiliations, Eligibility, ExcludedReason, check_sync_eligibility};
use crate::exporter::source::rebuild;
use crate::exporter::source::{SessionRow, Snapshot, Source, TaskRow, file_id};
use crate::exporter::state::{Destination, SessionCursor, SourceFingerprint, SourceMark, State};
use crate::protocol::remote::Remote;

/// A session of the source, and what is to be said of it.
#[derive(Debug)]
pub struct ScannedSession {
    pub row: SessionRow,
    /// The verdict of the privacy filter, narrowings included.
    pub eligibility: Eligibility,
    /// Whether its text may leave too.
    pub with_content: bool,
    /// Whether anything of it is undelivered; only an eligible session is looked at.
    pub pending: bool,
    /// Tells what it holds from what it held before, where it is pending.
    pub data_mark: String,
}

impl ScannedSession {
    pub fn is_eligible(&self) -> bool {
        matches!(self.eligibility, Eligibility::Eligible { .. })
    }

    /// Whether it stays only because nobody knows, or no longer, who the user is at the receiver.
    pub fn waits_for_identity(&self) -> bool {
        matches!(&self.eligibility, Eligibility::Excluded { reason: ExcludedReason::IdentityUnknown, .. })
    }
}

/// All sessions, and what was odd.
#[derive(Debug, Default)]
pub struct Scan {
    pub sessions: Vec<ScannedSession>,
    pub warnings: Vec<String>,
    /// Whether it learned something that keeps sessions here and may not be there to see the next time: a narrowing, or
    /// that a session's repository is another one.
    pub is_to_be_kept: bool,
    /// Whether fields of a session changed.
    pub fields_changed: bool,
    /// How everything but the messages was.
    pub overview: SourceFingerprint,
}

/// What decides about sessions, apart from the sessions themselves.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    pub config: &'a Config,
    pub affiliations: &'a Affiliations,
}

impl Filter<'_> {
    /// The verdict on one session, its narrowings included.
    pub fn decide(&self, row: &SessionRow, last_known: Option<&str>, state: &State) -> (Eligibility, bool) {
        let eligibility = self.by_remote(row.remote.as_deref(), last_known);
        self.narrow(eligibility, row, state)
    }

    /// A remote decides; where han has none any more, the last known repository holds.
    fn by_remote(&self, remote: Option<&str>, last_known: Option<&str>) -> Eligibility {
        let known = last_known.map(url_of);
        check_sync_eligibility(remote.or(known.as_deref()), &self.config.privacy, self.affiliations)
    }

    fn narrow(&self, eligibility: Eligibility, row: &SessionRow, state: &State) -> (Eligibility, bool) {
        let include_content = self.config.include_content.value;
        let Eligibility::Eligible { remote, .. } = &eligibility else { return (eligibility, false) };
        let narrowing = project_override::for_session(
            &state.project_overrides,
            row.project_path.as_deref(),
            Some(remote.path()),
        );
        if narrowing.disabled_by.is_some() {
            let reason = ExcludedReason::DisabledByRepository;
            let remote = Some(remote.clone());
            return (Eligibility::Excluded { reason, remote, matched: None }, false);
        }
        (eligibility, include_content && narrowing.content_disabled_by.is_none())
    }
}

/// A known repository as a remote.
fn url_of(path: &str) -> String {
    format!("https://{path}")
}

/// Surveys the source for one destination.
///
/// Project folders are looked into between two snapshots: they may lie on a disk that takes its time.
pub fn survey(source: &Source, filter: Filter, state: &mut State, now: DateTime<Utc>) -> Result<Scan, Error> {
    let mut survey = Scan::default();
    let narrowings = state.project_overrides.clone();
    let projects = source.snapshot()?.project_folders()?;
    let folders = folders_to_look_into(projects, filter);
    survey.warnings = project_override::refresh(&mut state.project_overrides, &folders);
    survey.is_to_be_kept = narrowings != state.project_overrides;
    survey.overview.folders = folders.into_iter().map(|(folder, _)| folder).collect();
    survey.overview.folders.dedup();

    let snapshot = &source.snapshot()?;
    let destination = &mut state.destination;
    let origin = Origin::of(snapshot, &destination.source, &filter.config.database)?;
    survey.warnings.extend(note_new_rows(snapshot, origin, &filter.config.database, destination)?);
    let with_text = filter.config.include_content.value;
    survey.overview.sessions = snapshot.sessions_fingerprint()?;
    survey.overview.tasks = snapshot.tasks_fingerprint(with_text)?;
    let sessions = snapshot.sessions()?;
    survey.is_to_be_kept |= note_repositories(&sessions, state);
    let tasks = tasks_by_session(snapshot, with_text)?;
    let lookout = Lookout { snapshot, filter, now };

    let mut verdicts: HashMap<String, Eligibility> = HashMap::new();
    for row in sessions {
        let last_known = state.repositories.get(&row.id);
        let key = row.remote.clone().or_else(|| last_known.map(url_of)).unwrap_or_default();
        let verdict = verdicts
            .entry(key)
            .or_insert_with(|| filter.by_remote(row.remote.as_deref(), last_known))
            .clone();
        let no_tasks = Vec::new();
        let tasks = tasks.get(&row.id).unwrap_or(&no_tasks);
        lookout.look_at(row, verdict, tasks, state, &mut survey)?;
    }
    Ok(survey)
}

/// Surveys a few sessions alone, where the source is known to say the same of all others as it did when nothing of them
/// was left to send; all of them, where it turns out that this is not enough.
pub fn survey_some(
    source: &Source,
    filter: Filter<'_>,
    state: &mut State,
    (sessions, overview): (&BTreeSet<String>, &SourceFingerprint),
    now: DateTime<Utc>,
) -> Result<Scan, Error> {
    let known = (sessions, overview);
    // The snapshot has ended when another one is taken.
    let found = survey_no_others(&source.snapshot()?, filter, state, known, now)?;
    found.map_or_else(|| survey(source, filter, state, now), Ok)
}

/// `None` where others have to be looked at too. Sessions that have no cursor, and had nothing to send when nothing was
/// left, have nothing now.
fn survey_no_others(
    snapshot: &Snapshot,
    filter: Filter<'_>,
    state: &mut State,
    (sessions, overview): (&BTreeSet<String>, &SourceFingerprint),
    now: DateTime<Utc>,
) -> Result<Option<Scan>, Error> {
    let mark = &state.destination.source;
    let origin = Origin::of(snapshot, mark, &filter.config.database)?;
    if !origin.is_same {
        // Every session's cursor is to be compared.
        return Ok(None);
    }
    let news = snapshot.sessions_after(mark.watermark)?;
    if news.iter().any(|(id, _)| !sessions.contains(id)) {
        // han has written since it was found out which sessions have news.
        return Ok(None);
    }
    let mut rows = Vec::new();
    for id in sessions {
        let Some(row) = snapshot.session(id)? else { continue };
        if state.destination.sessions.contains_key(id) {
            rows.push(row);
        } else if matches!(filter.by_remote(row.remote.as_deref(), None), Eligibility::Eligible { .. }) {
            // What may be sent has a cursor once nothing is left to send: the state is not what it should be.
            return Ok(None);
        }
    }
    if rows.iter().any(|row| row.remote.is_none()) {
        // Its last known repository counts, which is not read yet.
        return Ok(None);
    }
    let mut survey = Scan { overview: overview.clone(), ..Scan::default() };
    let lookout = Lookout { snapshot, filter, now };
    note_new_rows(snapshot, origin, &filter.config.database, &mut state.destination)?;
    let with_text = filter.config.include_content.value;
    for row in rows {
        let tasks = snapshot.tasks_of(&row.id, with_text)?;
        let tasks: Vec<TaskHashes> = tasks.into_iter().map(|row| TaskHashes::of(row, with_text)).collect();
        let verdict = filter.by_remote(row.remote.as_deref(), None);
        lookout.look_at(row, verdict, &tasks, state, &mut survey)?;
    }
    Ok(Some(survey))
}

/// What sessions are looked at with.
struct Lookout<'a> {
    snapshot: &'a Snapshot<'a>,
    filter: Filter<'a>,
    now: DateTime<Utc>,
}

impl Lookout<'_> {
    /// Narrows the verdict on a session, and tells whether anything of it is undelivered.
    fn look_at(
        &self,
        row: SessionRow,
        verdict: Eligibility,
        tasks: &[TaskHashes],
        state: &mut State,
        survey: &mut Scan,
    ) -> Result<(), Error> {
        let (eligibility, with_content) = self.filter.narrow(verdict, &row, state);
        let mut surveyed =
            ScannedSession { row, eligibility, with_content, pending: false, data_mark: String::new() };
        if let Eligibility::Eligible { remote, inclusion, .. } = &surveyed.eligibility {
            let fields = SessionFields::new(&surveyed.row, remote.clone(), *inclusion);
            let cursors = &mut state.destination.sessions;
            let cursor = cursor_of(cursors, self.snapshot, &fields.id)?;
            let hash = fields.hash();
            let tasks = tasks.iter();
            let tasks: BTreeSet<u64> =
                tasks.map(|task| if with_content { task.with_text } else { task.without_text }).collect();
            surveyed.pending = delta::is_pending(cursor, hash, &tasks) || !cursor.refused.is_empty();
            survey.fields_changed |= delta::note_fields(cursor, hash, self.now);
            if surveyed.pending {
                let last = self.snapshot.message_at_or_before(cursor.seen_rowid)?;
                let last_id = last.as_ref().map(|(_, id)| id.as_str());
                surveyed.data_mark = delta::data_mark(cursor, last_id, hash, &tasks);
                cursor.waiting_since.get_or_insert(self.now);
            }
        }
        survey.sessions.push(surveyed);
        Ok(())
    }
}

/// The cursor of a session; a new one knows how far the session goes.
fn cursor_of<'a>(
    cursors: &'a mut std::collections::BTreeMap<String, SessionCursor>,
    snapshot: &Snapshot,
    session_id: &str,
) -> Result<&'a mut SessionCursor, Error> {
    if !cursors.contains_key(session_id) {
        let seen_rowid = snapshot.last_rowid_of(session_id)?;
        cursors.insert(session_id.to_owned(), SessionCursor { seen_rowid, ..SessionCursor::default() });
    }
    Ok(cursors.entry(session_id.to_owned()).or_default())
}

/// The database of a snapshot, against the one that cursors were taken from.
struct Origin {
    /// Identity of its file.
    file: String,
    is_same: bool,
}

impl Origin {
    fn of(snapshot: &Snapshot, mark: &SourceMark, database: &Path) -> Result<Origin, Error> {
        let file = file_id(database)?;
        let is_same = rebuild::is_same_database(snapshot, mark, &file)?;
        Ok(Origin { file, is_same })
    }
}

/// Notes in the cursors what han stored since the last look, at the cost of what is new; or compares everything, when
/// the database is not the one that the cursors were taken from, and says so.
fn note_new_rows(
    snapshot: &Snapshot,
    Origin { file, is_same }: Origin,
    database: &Path,
    destination: &mut Destination,
) -> Result<Option<String>, Error> {
    let last_rowid = snapshot.last_rowid()?;
    let watermark = destination.source.watermark;
    let mut warning = None;
    if !is_same {
        let rewound = rebuild::compare_sessions(snapshot, destination)?;
        warning = Some(format!(
            "{} is not the database of the last run (rebuilt, restored or vacuumed); {rewound} sessions differ and are sent again",
            database.display()
        ));
    } else if watermark == 0 {
        for (session_id, cursor) in &mut destination.sessions {
            cursor.seen_rowid = snapshot.last_rowid_of(session_id)?;
        }
    } else {
        for (session_id, rowid) in snapshot.sessions_after(watermark)? {
            if let Some(cursor) = destination.sessions.get_mut(&session_id) {
                cursor.seen_rowid = cursor.seen_rowid.max(rowid);
            }
        }
    }
    let mark = &mut destination.source;
    if mark.watermark != last_rowid || mark.file != file {
        mark.anchors = rebuild::sample_rows(snapshot, last_rowid)?;
    }
    mark.watermark = last_rowid;
    mark.file = file;
    Ok(warning)
}

/// Keeps the last known repository of every session that has one. A remote that cannot be read counts as a change too:
/// the repository before it holds no longer, also when the link is gone later. Returns whether one was known before.
fn note_repositories(sessions: &[SessionRow], state: &mut State) -> bool {
    let mut parsed: HashMap<&str, Option<Remote>> = HashMap::new();
    let mut was_known = false;
    for row in sessions {
        let Some(raw) = row.remote.as_deref() else { continue };
        let remote = parsed.entry(raw).or_insert_with(|| Remote::parse(raw).ok());
        let now = remote.as_ref().map(Remote::path);
        let before = state.repositories.get(&row.id);
        if before != now {
            was_known |= before.is_some();
            state.repositories.record(&row.id, now);
        }
    }
    was_known
}

/// The folders that may narrow what is sent: of every repository whose sessions could be sent, and of every project whose
/// link is gone, for it may still narrow its own sessions. Each with its repository.
fn folders_to_look_into(
    projects: Vec<(String, Option<String>)>,
    filter: Filter,
) -> BTreeSet<(String, Option<String>)> {
    let mut eligible: HashMap<String, Option<String>> = HashMap::new();
    let mut path_of = |remote: &str| {
        let verdict =
            eligible.entry(remote.to_owned()).or_insert_with(|| match filter.by_remote(Some(remote), None) {
                Eligibility::Eligible { remote, .. } => Some(remote.path().to_owned()),
                Eligibility::Excluded { .. } => None,
            });
        verdict.clone()
    };
    let mut folders = BTreeSet::new();
    for (folder, remote) in projects {
        match remote.map(|remote| path_of(&remote)) {
            Some(Some(path)) => folders.insert((folder, Some(path))),
            Some(None) => continue,
            None => folders.insert((folder, None)),
        };
    }
    folders
}

/// The two hashes of a task, of which one counts.
#[derive(Debug)]
struct TaskHashes {
    with_text: u64,
    without_text: u64,
}

impl TaskHashes {
    fn of(row: TaskRow, with_text: bool) -> TaskHashes {
        let without_text = delta::task_hash(&delta::wire_task(row.clone(), false));
        let with_text = if with_text { delta::task_hash(&delta::wire_task(row, true)) } else { without_text };
        TaskHashes { with_text, without_text }
    }
}

fn tasks_by_session(snapshot: &Snapshot, with_text: bool) -> Result<HashMap<String, Vec<TaskHashes>>, Error> {
    let mut tasks: HashMap<String, Vec<TaskHashes>> = HashMap::new();
    snapshot.tasks(with_text, |row| {
        let session = row.session_id.clone();
        tasks.entry(session).or_default().push(TaskHashes::of(row, with_text));
    })?;
    Ok(tasks)
}
