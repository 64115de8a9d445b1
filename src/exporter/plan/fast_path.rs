//! The fast path of a scheduled run: decides without a full scan that there is nothing to do, or that only a few sessions
//! have new messages.
//!
//! It compares the source with the `IdleSnapshot` of the last run that left nothing to send: first the database's
//! files, then the fingerprint of everything but the messages, then the watermark. Any difference that it cannot
//! attribute leads to a full scan. It never decides what may leave the machine, and writes nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::exporter::backoff;
use crate::exporter::config::project_override::ProjectOverrides;
use crate::exporter::config::{Config, Endpoint};
use crate::exporter::context::Context;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;
use crate::exporter::plan::folders::project_folders;
use crate::exporter::plan::scan::Scan;
use crate::exporter::plan::schedule::{self, HOURLY, is_older};
use crate::exporter::source::rebuild;
use crate::exporter::source::{self, Snapshot, Source};
use crate::exporter::state::queue::Queue;
use crate::exporter::state::{IdleSnapshot, SourceFingerprint, State, StateHeader, Verification};
use crate::short_hash;

/// New messages in more sessions than this lead to a full scan.
const SESSIONS_MAX: usize = 500;

/// More tasks than this are read beside the sessions.
const TASKS_ALONE_MAX: i64 = 2_000;

/// The decision.
#[derive(Debug)]
pub enum FastPath {
    /// Nothing to do.
    Idle,
    /// A few sessions have new messages, and nothing else has changed.
    FewSessions(Box<FewSessions>),
    /// Only a full scan can tell.
    FullScan,
}

/// The sessions with new messages, and what the decision has already loaded.
#[derive(Debug)]
pub struct FewSessions {
    /// Open source.
    pub source: Source,
    /// State, changed in memory.
    pub state: State,
    /// Sessions with new messages.
    pub session_ids: BTreeSet<String>,
    /// Fingerprint of everything but the messages.
    pub fingerprint: SourceFingerprint,
}

/// Decides. `files`: the signature of the database's files.
pub fn decide(
    context: &Context,
    endpoint: Endpoint,
    queue: &Queue,
    files: Option<&str>,
    now: DateTime<Utc>,
) -> Result<FastPath, Error> {
    if !queue.items.is_empty() || queue.all_requested || !queue.project_overrides.is_empty() {
        return Ok(FastPath::FullScan);
    }
    let Some(header) = StateHeader::load(&context.folder, &context.environment) else {
        return Ok(FastPath::FullScan);
    };
    let fingerprint = header.fingerprint(endpoint.key.expose());
    let Some(idle) = header.idle.filter(|idle| holds(idle, context, (endpoint.url, &fingerprint), now))
    else {
        return Ok(FastPath::FullScan);
    };
    if idle.files.is_some() && idle.files.as_deref() == files {
        return Ok(FastPath::Idle);
    }
    let source = Source::open(&context.config.database)?;
    let (folder, environment) = (&context.folder, &context.environment);
    let load_state = || load_state(folder, environment, endpoint, queue);
    let (session_ids, loaded) = thread::scope(|scope| {
        let snapshot = source.snapshot()?;
        let tasks = TasksReader::start(scope, &context.config, &snapshot)?;
        // Decoding the state takes about as long as fingerprinting the source.
        let loading = match snapshot.last_rowid()? > idle.source.watermark {
            true => thread::Builder::new().spawn_scoped(scope, load_state).ok(),
            false => None,
        };
        // Folders may lie on a slow disk, and no snapshot may wait for them.
        drop(snapshot);
        let session_ids = sessions_with_new_messages(context, &source, &idle, tasks)?;
        let loaded = loading.map(|it| it.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        Ok::<_, Error>((session_ids, loaded))
    })?;
    let Some(session_ids) = session_ids else { return Ok(FastPath::FullScan) };
    if session_ids.is_empty() {
        return Ok(FastPath::Idle);
    }
    if idle.check_at.is_some_and(|at| at <= now) {
        return Ok(FastPath::FullScan);
    }
    let Some(state) = loaded.unwrap_or_else(load_state)? else { return Ok(FastPath::FullScan) };
    // A session without a cursor had nothing to send at the snapshot, and new messages alone do not change that, unless they
    // are the first to name its folder.
    let has_folder =
        |id: &str| state.destination.session_folder(id).is_some_and(|folder| folder.path.is_some());
    if !session_ids.iter().any(|id| state.has_cursor(id) || !has_folder(id)) {
        return Ok(FastPath::Idle);
    }
    if session_ids.len() > SESSIONS_MAX {
        return Ok(FastPath::FullScan);
    }
    let fingerprint = idle.fingerprint;
    Ok(FastPath::FewSessions(Box::new(FewSessions { source, state, session_ids, fingerprint })))
}

/// Loads the state; `None` if there is anything unusual about it. A full scan loads the state once more, and repairs it.
fn load_state(
    folder: &Path,
    environment: &Environment,
    endpoint: Endpoint,
    queue: &Queue,
) -> Result<Option<State>, Error> {
    let mut warnings = Vec::new();
    let destination = (endpoint.url, endpoint.key.expose());
    let state = State::load(folder, environment, queue, destination, None, &mut warnings)?;
    Ok(warnings.is_empty().then_some(state))
}

/// Reports whether a snapshot is of this destination and these settings, and neither a heartbeat nor a retry is due.
fn holds(
    idle: &IdleSnapshot,
    context: &Context,
    (endpoint, key_fingerprint): (&str, &str),
    now: DateTime<Utc>,
) -> bool {
    let in_backoff = !backoff::is_due(idle.next_retry_at, now, backoff::CAP);
    idle.endpoint == endpoint
        && idle.key_fingerprint == key_fingerprint
        && idle.settings == schedule::settings_fingerprint(&context.config)
        && (in_backoff || !is_older(idle.last_contact_at, HOURLY, now))
}

/// Returns the sessions that have new messages; `None` if anything else is new.
fn sessions_with_new_messages(
    context: &Context,
    source: &Source,
    idle: &IdleSnapshot,
    tasks: TasksReader,
) -> Result<Option<BTreeSet<String>>, Error> {
    let config = &context.config;
    let folders = idle.fingerprint.folders.iter().map(|folder| (folder.clone(), None)).collect();
    let mut overrides = ProjectOverrides::default();
    let reports = project_folders::refresh(&mut overrides, &folders, config);
    if !overrides.is_empty() || !reports.is_empty() {
        return Ok(None);
    }
    let snapshot = source.snapshot()?;
    let is_same = rebuild::is_same_database(&snapshot, &idle.source, &source::file_id(&config.database)?)?
        && snapshot.sessions_fingerprint()? == idle.fingerprint.sessions
        && tasks.fingerprint(&snapshot)? == idle.fingerprint.tasks;
    if !is_same {
        return Ok(None);
    }
    let rows = snapshot.sessions_after(idle.source.watermark)?;
    Ok(Some(rows.into_iter().map(|(session_id, _)| session_id).collect()))
}

/// The tasks: many are read on a thread and a connection of their own while the run looks at folders and sessions. Its snapshot
/// may be another one, and what changes after either is found by the next run.
struct TasksReader<'scope> {
    include_content: bool,
    reading: Option<ScopedJoinHandle<'scope, Result<u64, Error>>>,
}

impl<'scope> TasksReader<'scope> {
    fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        config: &'env Config,
        snapshot: &Snapshot,
    ) -> Result<TasksReader<'scope>, Error> {
        let include_content = config.include_content.value;
        let is_worth_a_thread = snapshot.last_task()? > TASKS_ALONE_MAX
            && thread::available_parallelism().is_ok_and(|processors| processors.get() > 1);
        let read = move || Source::open(&config.database)?.snapshot()?.tasks_fingerprint(include_content);
        let reading = match is_worth_a_thread {
            true => thread::Builder::new().spawn_scoped(scope, read).ok(),
            false => None,
        };
        Ok(TasksReader { include_content, reading })
    }

    /// The fingerprint, which is read here where no thread reads it.
    fn fingerprint(self, snapshot: &Snapshot) -> Result<u64, Error> {
        match self.reading {
            Some(reading) => reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            None => snapshot.tasks_fingerprint(self.include_content),
        }
    }
}

/// Time of the next check of a client that always has something to send; one without checks after a contact, which comes
/// hourly. Clients are spread over that hour.
fn check_at(verification: &Verification, client_id: &str) -> Option<DateTime<Utc>> {
    let spread = short_hash::of_text(client_id) % HOURLY.as_secs();
    Some(backoff::after(verification.next_part_at()?, Duration::from_secs(spread)))
}

/// Takes the snapshot for the next run, after a run that left nothing to send. `files`: the signature of the database's
/// files before the first read.
///
/// Returns `None` while a project override or an unknown identity keeps sessions back: their next scan depends on more
/// than the snapshot holds. Returns `None` as well while a restored receiver is to be compared.
pub fn idle_snapshot(
    context: &Context,
    state: &State,
    scan: &Scan,
    files: Option<String>,
) -> Option<IdleSnapshot> {
    let destination = &state.destination;
    let waits_for_identity = scan.sessions.iter().any(|session| session.waits_for_identity());
    let verification = &destination.verification;
    let is_complete =
        state.project_overrides.is_empty() && !waits_for_identity && verification.compare_at.is_none();
    is_complete.then(|| IdleSnapshot {
        endpoint: destination.endpoint.clone(),
        key_fingerprint: destination.key_fingerprint.clone(),
        last_contact_at: destination.statistics.last_contact_at,
        next_retry_at: destination.backoff.next_retry_at,
        check_at: check_at(verification, &state.client_id),
        settings: schedule::settings_fingerprint(&context.config),
        files,
        source: destination.source.clone(),
        fingerprint: scan.fingerprint.clone(),
    })
}
