//! The first look of a scheduled run: whether there is anything to do at all, and if so, whether it concerns few sessions.
//!
//! It goes by what the last complete run wrote down: how the database's files were, or else what the database said of
//! everything but its messages, and how far these went. Whatever does not match it leaves to a full survey; it decides
//! nothing about what may leave the machine.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::exporter::backoff;
use crate::exporter::config::ApiKey;
use crate::exporter::config::project_override;
use crate::exporter::context::Context;
use crate::exporter::error::Error;
use crate::exporter::plan::scan::Scan;
use crate::exporter::plan::schedule::{self, HOURLY, is_older};
use crate::exporter::source::rebuild;
use crate::exporter::source::{self, Source};
use crate::exporter::state::queue::Queue;
use crate::exporter::state::{IdleSnapshot, SourceFingerprint, State, StateHeader};

/// With news of more sessions than this, all of them are looked at.
const SESSIONS_MAX: usize = 500;

/// What the first look found.
#[derive(Debug)]
pub enum FastPath {
    /// Nothing to do.
    Nothing,
    /// New messages of a few sessions, and nothing else.
    Few(Box<News>),
    /// It takes a full look to tell.
    Unclear,
}

/// What is new where little is.
#[derive(Debug)]
pub struct News {
    pub source: Source,
    /// With cursors for the sessions alone.
    pub state: State,
    pub sessions: BTreeSet<String>,
    pub overview: SourceFingerprint,
}

/// Looks, and changes nothing. `files`: the signature of the database's files.
pub fn glance(
    context: &Context,
    (endpoint, key): (&str, &ApiKey),
    queue: &Queue,
    files: Option<&str>,
    now: DateTime<Utc>,
) -> Result<FastPath, Error> {
    let config = &context.config;
    if !queue.items.is_empty() || queue.all_requested {
        return Ok(FastPath::Unclear);
    }
    let Some(beginning) = StateHeader::load(&context.folder, &context.environment) else {
        return Ok(FastPath::Unclear);
    };
    let Some(quiet) = &beginning.quiet else { return Ok(FastPath::Unclear) };
    let is_this = quiet.endpoint == endpoint
        && quiet.key_fingerprint == beginning.fingerprint(key.expose())
        && quiet.settings == schedule::settings_fingerprint(config);
    let in_backoff = !backoff::is_due(quiet.next_retry_at, now, backoff::CAP);
    if !is_this || (!in_backoff && is_older(quiet.last_contact_at, HOURLY, now)) {
        return Ok(FastPath::Unclear);
    }
    if quiet.files.is_some() && quiet.files.as_deref() == files {
        return Ok(FastPath::Nothing);
    }
    let source = Source::open(&config.database)?;
    let Some(sessions) = sessions_with_news(context, &source, quiet)? else { return Ok(FastPath::Unclear) };
    if sessions.is_empty() {
        return Ok(FastPath::Nothing);
    }
    let Some(state) = State::load_some(&context.folder, &sessions, (endpoint, key.expose())) else {
        return Ok(FastPath::Unclear);
    };
    // A session without a cursor had nothing to send when nothing was left, and nothing has changed about it since.
    if !state.knows_any(&sessions) {
        return Ok(FastPath::Nothing);
    }
    if sessions.len() > SESSIONS_MAX {
        return Ok(FastPath::Unclear);
    }
    let overview = quiet.overview.clone();
    Ok(FastPath::Few(Box::new(News { source, state, sessions, overview })))
}

/// The sessions that have new messages; `None` where anything else is new.
fn sessions_with_news(
    context: &Context,
    source: &Source,
    quiet: &IdleSnapshot,
) -> Result<Option<BTreeSet<String>>, Error> {
    let config = &context.config;
    let folders = quiet.overview.folders.iter().map(|folder| (folder.clone(), None)).collect();
    let mut narrowings = BTreeMap::new();
    let reports = project_override::refresh(&mut narrowings, &folders);
    if !narrowings.is_empty() || !reports.is_empty() {
        return Ok(None);
    }
    let snapshot = source.snapshot()?;
    let is_same = rebuild::is_same_database(&snapshot, &quiet.source, &source::file_id(&config.database)?)?
        && snapshot.sessions_fingerprint()? == quiet.overview.sessions
        && snapshot.tasks_fingerprint(config.include_content.value)? == quiet.overview.tasks;
    if !is_same {
        return Ok(None);
    }
    let news = snapshot.sessions_after(quiet.source.watermark)?;
    Ok(Some(news.into_iter().map(|(session_id, _)| session_id).collect()))
}

/// What the next run may go by, after one that left nothing to send. `files`: the signature of the database's files
/// before the first look inside.
pub fn quiet(context: &Context, state: &State, survey: &Scan, files: Option<String>) -> Option<IdleSnapshot> {
    let destination = &state.destination;
    // What may still be narrowed, or opened by an identity, is looked at again, whether han writes or not.
    let is_open = state.narrowings.is_empty() && !survey.sessions.iter().any(|it| it.waits_for_identity());
    is_open.then(|| IdleSnapshot {
        endpoint: destination.endpoint.clone(),
        key_fingerprint: destination.key_fingerprint.clone(),
        last_contact_at: destination.statistics.last_contact_at,
        next_retry_at: destination.backoff.next_retry_at,
        settings: schedule::settings_fingerprint(&context.config),
        files,
        source: destination.source.clone(),
        overview: survey.overview.clone(),
    })
}
