//! A session on its way into the store, with what is stored of it.

use crate::protocol::code;
use crate::receiver::ingest::batch::{DecodedMessage, DecodedSession, DecodedTask};
use crate::receiver::store::sql::Rows;
use crate::receiver::store::tables::{SessionLocation, StoredSessionFields};

use super::outcome::Rejection;

/// A session of a set, before anything of it is written.
pub struct SessionUpsert<'a> {
    /// Position in the set.
    pub index: usize,
    pub id: &'a str,
    pub session: &'a DecodedSession,
    pub retained: RetainedRows<'a>,
    /// The repository as sent.
    pub repository: String,
    pub has_location: bool,
    pub stored: Option<StoredSessionFields>,
    /// True if the transaction inserts the session itself, so that none of its messages can be stored.
    pub is_new: bool,
    /// Messages that are not stored yet.
    pub new_messages: Vec<&'a DecodedMessage>,
}

impl<'a> SessionUpsert<'a> {
    /// True if the user never stored a session with this id.
    pub fn is_first(&self) -> bool {
        !self.has_location && self.stored.is_none()
    }

    /// The session's repository after the upsert.
    pub fn repository_after(&self) -> &str {
        match &self.stored {
            Some(stored) if !self.replaces(stored) => &stored.repository,
            _ => &self.repository,
        }
    }

    /// True if the sent fields replace the stored ones: they are at least as late, and differ.
    pub fn replaces(&self, stored: &StoredSessionFields) -> bool {
        let sent = self.session;
        let is_same = stored.repository == self.repository
            && stored.status == sent.status
            && stored.slug == sent.slug
            && stored.harness == sent.harness
            && stored.inclusion.as_deref() == sent.inclusion.map(|inclusion| inclusion.as_str())
            && stored.total_message_count == sent.total_message_count
            // A time that was ahead becomes the time of arrival, which is later at each replay and must change nothing.
            && (sent.was_ahead || stored.last_modified == sent.last_modified);
        sent.modified_at >= stored.modified_at && !is_same
    }

    /// Adds the session to the rows of an `INSERT`.
    pub fn push_row(&'a self, rows: &mut Rows<'a>, now: i64) {
        let session = self.session;
        rows.push([
            self.id.into(),
            (&self.repository).into(),
            session.remote.as_ref().map_or("", |remote| remote.repo()).into(),
            (&session.status).into(),
            session.slug.as_ref().into(),
            session.harness.as_ref().into(),
            session.inclusion.map(|inclusion| inclusion.as_str()).into(),
            (&session.last_modified).into(),
            session.modified_at.into(),
            session.total_message_count.into(),
            (self.new_messages.len() as i64).into(),
            now.into(),
        ]);
    }
}

/// The rows of a session that are inside the tenant's retention.
pub struct RetainedRows<'a> {
    pub messages: Vec<&'a DecodedMessage>,
    pub tasks: Vec<&'a DecodedTask>,
}

impl RetainedRows<'_> {
    pub fn of(session: &DecodedSession, retained_since: Option<i64>) -> RetainedRows<'_> {
        let since = retained_since.unwrap_or(i64::MIN);
        RetainedRows {
            messages: session.messages.iter().filter(|message| message.at >= since).collect(),
            tasks: session.tasks.iter().filter(|task| task.changed_at >= since).collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.tasks.is_empty()
    }
}

/// The reason why a session with this location cannot be stored in this tenant, if there is one.
pub fn rejection_by_location(location: &SessionLocation, tenant: &str) -> Option<Rejection> {
    if location.has_tombstone {
        let message = "the session was deleted on purpose and is not taken again";
        return Some(Rejection::new(code::FORGOTTEN, message));
    }
    (location.tenant_id != tenant).then(|| {
        let message =
            "the session was stored when its repository belonged elsewhere; an administrator can move it";
        Rejection::new(code::SESSION_MOVED, message)
    })
}
