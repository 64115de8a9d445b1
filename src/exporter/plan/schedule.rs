//! The schedule of a run: due sessions, the age of the identity, heartbeats.
//!
//! Pure policies: the time comes in as an argument. A clock that was set back or forward delays nothing for longer
//! than the interval in question.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::exporter::config::Config;
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::plan::eligibility::Affiliations;
use crate::exporter::plan::scan::{Scan, ScannedSession};
use crate::exporter::state::queue::{self, Change, Item, Priority, Queue};
use crate::exporter::state::{Destination, LearnedIdentity};

/// The interval of heartbeats, and of identity requests while there is something to send.
pub const HOURLY: Duration = Duration::from_secs(3600);
/// The age up to which an identity is relied on. After that it only excludes.
const IDENTITY_USABLE: Duration = Duration::from_secs(24 * 3600);

/// The sessions that a run is asked to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Everything pending and due.
    Scheduled,
    /// A single session, regardless of backoff.
    Session(String),
    /// Everything pending, failed sessions included, regardless of backoff.
    All,
}

impl Request {
    /// Reports whether a session is within the request.
    pub fn includes(&self, session_id: &str) -> bool {
        !matches!(self, Request::Session(requested) if requested != session_id)
    }
}

/// Selects the due sessions in the order of sending: high priority first, then the longest waiting. Those that are set aside
/// go last.
pub fn due_sessions(
    scan: &Scan,
    queue: &Queue,
    destination: &Destination,
    request: &Request,
    identity_changed: bool,
    now: DateTime<Utc>,
) -> VecDeque<DueSession> {
    let mut due: Vec<(Priority, Option<DateTime<Utc>>, i64, DueSession)> = Vec::new();
    for session in scan.sessions.iter().filter(|session| session.has_delta) {
        let id = &session.row.id;
        let item = queue.item(id);
        let is_retried = |item: &Item| identity_changed && item.status == queue::Status::Failed;
        let is_due = item.is_none_or(|item| item.is_due(&session.data_fingerprint, now) || is_retried(item));
        let is_requested = match request {
            Request::Scheduled => is_due,
            Request::Session(requested) => requested == id,
            Request::All => is_due || item.is_some_and(|item| item.status != queue::Status::Dropped),
        };
        let Some(cursor) = destination.sessions.get(id).filter(|_| is_requested) else { continue };
        let enqueued_at = item.and_then(|item| item.enqueued_at);
        let priority = item.map_or(Priority::Normal, |item| item.priority);
        let waiting_since = if priority == Priority::High { enqueued_at } else { cursor.waiting_since };
        let mut session = DueSession::new(id.clone(), enqueued_at, session.data_fingerprint.clone());
        if destination.suspects.get(id).is_some_and(|suspect| suspect.is_set_aside) {
            session.set_aside();
        }
        due.push((priority, waiting_since, cursor.seen_rowid, session));
    }
    due.sort_by(|(a_priority, a_since, a_rowid, a), (b_priority, b_since, b_rowid, b)| {
        let a = (a.is_set_aside, a_priority, a_since, a_rowid, &a.session_id);
        a.cmp(&(b.is_set_aside, b_priority, b_since, b_rowid, &b.session_id))
    });
    due.into_iter().map(|(_, _, _, session)| session).collect()
}

/// Selects the queue items without a purpose: their session is delivered, is not eligible, or has been unknown to han
/// for a day.
pub fn obsolete_items(queue: &Queue, scan: &Scan, now: DateTime<Utc>) -> Vec<Change> {
    let sessions: HashMap<&str, &ScannedSession> =
        scan.sessions.iter().map(|session| (session.row.id.as_str(), session)).collect();
    let is_obsolete = |item: &&Item| match sessions.get(item.session_id.as_str()) {
        // A failed or dropped session stays so, for when the session is eligible again.
        Some(session) if !session.is_eligible() => item.status == queue::Status::Pending,
        Some(session) => !session.has_delta,
        None => is_older(item.enqueued_at, queue::UNKNOWN_KEPT, now),
    };
    let obsolete = queue.items.iter().filter(is_obsolete);
    obsolete
        .map(|item| Change::Settled { session_id: item.session_id.clone(), seen: item.enqueued_at })
        .collect()
}

/// Reports whether the identity is younger than an hour.
pub fn identity_is_fresh(destination: &Destination, now: DateTime<Utc>) -> bool {
    destination.identity.as_ref().is_some_and(|known| !is_older(known.fetched_at, HOURLY, now))
}

/// Reports whether the identity is young enough to be relied on.
pub fn identity_is_usable(destination: &Destination, now: DateTime<Utc>) -> bool {
    destination.identity.as_ref().is_some_and(|known| !is_older(known.fetched_at, IDENTITY_USABLE, now))
}

/// Reports whether the run asks for the identity: hourly while there is something to send, and whenever nothing can be
/// sent without. `nothing_due`: no session is due as far as is known.
pub fn wants_identity(
    destination: &Destination,
    request: &Request,
    scan: &Scan,
    nothing_due: bool,
    now: DateTime<Utc>,
) -> bool {
    if destination.identity.is_none() || destination.is_user_refused {
        return true;
    }
    if identity_is_fresh(destination, now) {
        return false;
    }
    // In an outage the batch is the hourly request; but a request by hand means everything that is eligible by now.
    let is_scheduled = *request == Request::Scheduled;
    if is_scheduled && destination.backoff.attempts > 0 && identity_is_usable(destination, now) {
        return false;
    }
    !nothing_due
        || heartbeat_is_due(destination, now)
        || scan.sessions.iter().any(ScannedSession::waits_for_identity)
        || requests_excluded(request, scan)
}

/// Reports whether the requested session is excluded, which a new identity may change.
fn requests_excluded(request: &Request, scan: &Scan) -> bool {
    let Request::Session(id) = request else { return false };
    scan.sessions.iter().any(|session| session.row.id == *id && !session.is_eligible())
}

/// The user's affiliations, as far as the identity is young enough to be relied on.
pub fn affiliations(identity: Option<&LearnedIdentity>, now: DateTime<Utc>) -> Affiliations {
    match identity {
        None => Affiliations::unknown(),
        Some(LearnedIdentity { fetched_at: Some(_), identity: None, .. }) => Affiliations::unsupported(),
        Some(LearnedIdentity { fetched_at: None, identity: None, .. }) => Affiliations::unknown(),
        Some(learned @ LearnedIdentity { fetched_at, identity: Some(identity), .. }) => {
            if is_older(*fetched_at, IDENTITY_USABLE, now) {
                return Affiliations::expired(identity);
            }
            let owners = learned.named_owners().unwrap_or_default();
            Affiliations::known(identity).without_pending(|owner| owners.pending_until(owner, now).is_some())
        }
    }
}

/// Fingerprint of the settings that decide on eligibility and content.
pub fn settings_fingerprint(config: &Config) -> String {
    crate::protocol::content_hash(&format!("{:?} {:?}", config.privacy, config.include_content.value))
}

/// Reports whether the last response of the receiver is an hour old.
pub fn heartbeat_is_due(destination: &Destination, now: DateTime<Utc>) -> bool {
    is_older(destination.statistics.last_contact_at, HOURLY, now)
}

/// Reports whether a time is at least `age` in the past, or as far in the future, where only a clock that was set back
/// can have put it. Small steps of the clock make nothing old. `None` is older than everything.
pub fn is_older(time: Option<DateTime<Utc>>, age: Duration, now: DateTime<Utc>) -> bool {
    let Some(time) = time else { return true };
    let age = TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX);
    (now - time).abs() >= age
}
