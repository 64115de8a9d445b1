//! What is due, and what is known well enough: the decisions of a run that need neither a file nor a wire.
//!
//! The time comes in as an argument. Whatever a clock does in between, nothing is put off for longer than it may be.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::exporter::config::Config;
use crate::exporter::delivery::batcher::PendingSession;
use crate::exporter::plan::eligibility::Affiliations;
use crate::exporter::plan::scan::Scan;
use crate::exporter::state::queue::{self, Item, Priority, Queue};
use crate::exporter::state::{Destination, LearnedIdentity};

/// The identity is refreshed this often while there is something to send, and an empty batch is sent this often while
/// there is not.
pub const HOURLY: Duration = Duration::from_secs(3600);
/// An identity is relied on for this long after it was last learned.
pub const IDENTITY_USABLE: Duration = Duration::from_secs(24 * 3600);

/// What a run is asked to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Everything pending and due.
    Scheduled,
    /// One session, whatever the backoff.
    Session(String),
    /// Everything pending, failed sessions too, whatever the backoff.
    All,
}

impl Request {
    /// Whether a session is within what is asked for.
    pub fn concerns(&self, session_id: &str) -> bool {
        !matches!(self, Request::Session(asked) if asked != session_id)
    }
}

/// What is due, in the order in which it is to be sent: high priority first, then what has waited longest.
pub fn work(
    survey: &Scan,
    queue: &Queue,
    here: &Destination,
    request: &Request,
    identity_changed: bool,
    now: DateTime<Utc>,
) -> VecDeque<PendingSession> {
    let mut due: Vec<(Priority, Option<DateTime<Utc>>, i64, PendingSession)> = Vec::new();
    for session in survey.sessions.iter().filter(|session| session.pending) {
        let id = &session.row.id;
        let item = queue.item(id);
        let retried = |item: &Item| identity_changed && item.status == queue::Status::Failed;
        let is_due = item.is_none_or(|item| item.is_due(&session.data_mark, now) || retried(item));
        let wanted = match request {
            Request::Scheduled => is_due,
            Request::Session(asked) => asked == id,
            Request::All => is_due || item.is_some_and(|item| item.status != queue::Status::Dropped),
        };
        let Some(cursor) = here.sessions.get(id).filter(|_| wanted) else { continue };
        let enqueued_at = item.and_then(|item| item.enqueued_at);
        let priority = item.map_or(Priority::Normal, |item| item.priority);
        let since = if priority == Priority::High { enqueued_at } else { cursor.waiting_since };
        let work = PendingSession::new(id.clone(), enqueued_at, session.data_mark.clone());
        due.push((priority, since, cursor.seen_rowid, work));
    }
    due.sort_by(|a, b| (a.0, a.1, a.2, &a.3.session_id).cmp(&(b.0, b.1, b.2, &b.3.session_id)));
    due.into_iter().map(|(_, _, _, work)| work).collect()
}

/// Whether the identity need not be asked for.
pub fn identity_is_fresh(here: &Destination, now: DateTime<Utc>) -> bool {
    here.identity.as_ref().is_some_and(|known| !is_older(known.fetched_at, HOURLY, now))
}

/// What is known of the user, as far as it may be relied on.
pub fn affiliations(identity: Option<&LearnedIdentity>, now: DateTime<Utc>) -> Affiliations {
    match identity {
        None => Affiliations::unknown(),
        Some(LearnedIdentity { identity: None, .. }) => Affiliations::unsupported(),
        Some(LearnedIdentity { fetched_at, identity: Some(identity) }) => {
            if is_older(*fetched_at, IDENTITY_USABLE, now) {
                Affiliations::expired(identity)
            } else {
                Affiliations::known(identity)
            }
        }
    }
}

/// Stands for the settings that decide what is to be sent.
pub fn settings_mark(config: &Config) -> String {
    crate::protocol::content_hash(&format!("{:?} {:?}", config.privacy, config.include_content.value))
}

/// Whether the receiver has not heard of this client for an hour.
pub fn heartbeat_is_due(here: &Destination, now: DateTime<Utc>) -> bool {
    is_older(here.statistics.last_contact_at, HOURLY, now)
}

/// Whether a time lies further back than `age`, or as far ahead, which only a clock that was set back explains. A clock
/// that steps back a little, as every clock does, makes nothing old.
pub fn is_older(time: Option<DateTime<Utc>>, age: Duration, now: DateTime<Utc>) -> bool {
    let Some(time) = time else { return true };
    let age = TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX);
    (now - time).abs() >= age
}
