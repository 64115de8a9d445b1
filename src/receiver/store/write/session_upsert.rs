//! A session on its way into the store, with what is stored of it.

use crate::protocol::{MessageDigest, code};
use crate::receiver::ingest::batch::{DecodedMessage, DecodedSession, DecodedTask};
use crate::receiver::store::sql::Rows;
use crate::receiver::store::tables::{SessionLocation, SessionVersion};

use super::outcome::Rejection;

/// A session of a set, before anything of it is written.
pub struct SessionUpsert<'a> {
    /// Position in the set.
    pub index: usize,
    pub id: &'a str,
    pub session: &'a DecodedSession,
    pub retained: RetainedRows<'a>,
    /// The fields after the upsert.
    pub fields: SessionVersion,
    pub has_location: bool,
    pub stored: Option<SessionVersion>,
    /// Digest of the messages that are stored before the upsert.
    pub stored_digest: i64,
    /// True if the transaction inserts the session itself, so that none of its messages can be stored.
    pub is_new: bool,
    /// Messages that are not stored yet.
    pub new_messages: Vec<&'a DecodedMessage>,
    /// Stored messages that lacked values.
    pub filled_messages: Vec<FilledMessage<'a>>,
}

/// A stored message in which values are filled in.
pub struct FilledMessage<'a> {
    /// As stored, without content.
    pub before: DecodedMessage,
    /// As it will be stored, without content.
    pub after: DecodedMessage,
    /// As sent, with the content that fills an absent one.
    pub sent: &'a DecodedMessage,
}

impl<'a> SessionUpsert<'a> {
    /// True if the user never stored a session with this id.
    pub fn is_first(&self) -> bool {
        !self.has_location && self.stored.is_none()
    }

    /// True if the upsert changes the stored fields.
    pub fn changes(&self, stored: &SessionVersion) -> bool {
        let fields = &self.fields;
        let at_stored_time = SessionVersion {
            modified_at: stored.modified_at,
            last_modified: stored.last_modified.clone(),
            ..fields.clone()
        };
        // A time of arrival is later at each replay and must change nothing by itself.
        at_stored_time != *stored
            || (!self.session.is_arrival && fields.last_modified != stored.last_modified)
    }

    /// Digest of the session's messages with the new ones.
    fn digest(&self) -> i64 {
        let hashes = self.new_messages.iter().map(|message| MessageDigest::hash(&message.wire.id));
        hashes.fold(self.stored_digest, |sum, hash| sum.wrapping_add(hash as i64))
    }

    /// Adds the session to the rows of an `INSERT`.
    pub fn push_row(&'a self, rows: &mut Rows<'a>, now: i64) {
        let fields = &self.fields;
        rows.push([
            self.id.into(),
            (&fields.repository).into(),
            (&fields.project_slug).into(),
            (&fields.status).into(),
            fields.slug.as_ref().into(),
            fields.harness.as_ref().into(),
            fields.inclusion.as_ref().into(),
            (&fields.last_modified).into(),
            fields.modified_at.into(),
            fields.total_message_count.into(),
            (self.new_messages.len() as i64).into(),
            self.digest().into(),
            now.into(),
            fields.pull_request.as_ref().map(|request| request.number).into(),
            fields.pull_request.as_ref().and_then(|request| request.url.as_ref()).into(),
            fields.team_name.as_ref().into(),
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
            messages: session
                .messages
                .iter()
                .filter(|message| message.arrived_at.unwrap_or(message.at) >= since)
                .collect(),
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
    location.tenant_id.as_ref().is_some_and(|stored_in| stored_in != tenant).then(|| {
        let message =
            "the session was stored when its repository belonged elsewhere; an administrator can move it";
        Rejection::new(code::SESSION_MOVED, message)
    })
}
