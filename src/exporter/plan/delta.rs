//! The delta: the comparison of a session in the source with the cursor of a destination. Pure.
//!
//! Messages are compared by row id, which rebuild detection makes reliable; a session's own fields and its tasks by a hash
//! of what would be sent. So a change of either is sent even without a new message, and a change that does not show on the
//! wire is not sent.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::exporter::plan::pull_request::{RepositoryRules, SessionPullRequest};
use crate::exporter::source::{SessionRow, TaskRow};
use crate::exporter::state::SessionCursor;
use crate::protocol::message::NAME_BYTES_MAX;
use crate::protocol::remote::Remote;
use crate::protocol::{Inclusion, SyncTask};
use crate::{short_hash, time};

/// Time on the wire of a message or task whose own time cannot be parsed; it sorts before all others.
pub const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// A session's own fields as the wire shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFields {
    /// Id of the session.
    pub id: String,
    /// Repository of the session.
    pub remote: Remote,
    /// Status, as the source has it.
    pub status: String,
    /// Short name of the session, where it has one.
    pub slug: Option<String>,
    /// Coding agent, as han names it.
    pub harness: Option<String>,
    /// Rule that made the session eligible.
    pub inclusion: Inclusion,
    /// Pull request, as han's columns name it; only in sessions of an organization.
    pub pull_request: Option<SessionPullRequest>,
    /// Name of the team; only in sessions of an organization.
    pub team_name: Option<String>,
}

impl SessionFields {
    /// Takes the fields of a row.
    pub fn new(
        row: &SessionRow,
        remote: Remote,
        inclusion: Inclusion,
        rules: &RepositoryRules,
    ) -> SessionFields {
        let is_organization = inclusion == Inclusion::Organization;
        let request = || SessionPullRequest::permitted(row.pr_number, row.pr_url.as_deref(), &remote, rules);
        SessionFields {
            id: row.id.clone(),
            pull_request: is_organization.then(request).flatten(),
            team_name: bounded(&row.team_name).filter(|name| is_organization && !name.is_empty()),
            remote,
            status: bounded(&row.status).unwrap_or_else(|| "active".to_owned()),
            slug: bounded(&row.slug),
            harness: bounded(&row.harness),
            inclusion,
        }
    }

    /// Hash of the fields, to detect a change.
    pub fn hash(&self) -> u64 {
        let mut parts = vec![
            Some(self.remote.path()),
            Some(&self.status),
            self.slug.as_deref(),
            self.harness.as_deref(),
            Some(self.inclusion.as_str()),
        ];
        let number = self.pull_request.as_ref().map(|request| request.number.to_string());
        // Sessions without them keep the hash that they had before these fields existed.
        if self.pull_request.is_some() || self.team_name.is_some() {
            let url = self.pull_request.as_ref().map(|request| request.url.as_str());
            parts.extend([number.as_deref(), url, self.team_name.as_deref()]);
        }
        short_hash::of_fields(&parts)
    }
}

/// A name, or `None` for one that no receiver stores.
fn bounded(name: &Option<String>) -> Option<String> {
    name.clone().filter(|name| name.len() <= NAME_BYTES_MAX)
}

/// Makes the task on the wire. Without content its texts are empty or null.
pub fn sync_task(row: TaskRow, include_content: bool) -> SyncTask {
    // The receiver rejects a session for a status that the protocol does not know.
    let status = match row.status.as_str() {
        known @ ("pending" | "in_progress" | "completed" | "deleted") => known,
        _ => "pending",
    };
    SyncTask {
        task_id: row.id.clone(),
        id: row.id,
        subject: if include_content { row.subject } else { String::new() },
        description: row.description.filter(|_| include_content),
        status: status.to_owned(),
        created_at: first_time(&row.created_at, &row.updated_at),
        updated_at: first_time(&row.updated_at, &row.created_at),
    }
}

/// The time unchanged; if no receiver could parse it, the other one, or else [`NO_TIME`].
fn first_time(time: &str, other: &str) -> String {
    let parsed = [time, other].into_iter().find(|text| time::parse(text).is_some());
    parsed.unwrap_or(NO_TIME).to_owned()
}

/// Hash of a task, to detect a change.
pub fn task_hash(task: &SyncTask) -> u64 {
    short_hash::of_fields(&[
        Some(&task.id),
        Some(&task.subject),
        task.description.as_deref(),
        Some(&task.status),
        Some(&task.created_at),
        Some(&task.updated_at),
    ])
}

/// Reports whether an eligible session has a delta.
pub fn has_delta(cursor: &SessionCursor, fields_hash: u64, tasks: &BTreeSet<u64>) -> bool {
    cursor.seen_rowid > cursor.rowid
        || !cursor.fields_sent
        || cursor.fields != Some(fields_hash)
        || tasks.iter().any(|task| !cursor.tasks.contains(task))
}

/// Fingerprint of a session's data, for failed sessions that wait for new data. `last_id`: id of its last message, because
/// another database gives the same row id to another message.
pub fn data_fingerprint(
    cursor: &SessionCursor,
    last_id: Option<&str>,
    fields_hash: u64,
    tasks: &BTreeSet<u64>,
) -> String {
    let tasks = tasks.iter().fold(0, |sum: u64, task| sum.wrapping_add(*task));
    let rows = cursor.seen_rowid.to_string();
    short_hash::to_hex(short_hash::of_fields(&[
        Some(&rows),
        last_id,
        Some(&short_hash::to_hex(fields_hash)),
        Some(&tasks.to_string()),
    ]))
}

/// Records a session's fields and the time since when they have been so. Returns true if other fields were recorded before,
/// sent or not: the state must then be saved before these are sent, or a crash before their acknowledgement would leave a
/// state that does not know that the receiver may have them.
pub fn record_fields(cursor: &mut SessionCursor, fields_hash: u64, now: DateTime<Utc>) -> bool {
    if cursor.fields == Some(fields_hash) {
        return false;
    }
    let before = cursor.fields.replace(fields_hash);
    // The receiver keeps the later of two, so these must not be older than those before, whatever the clock says.
    cursor.fields_seen_at = cursor.fields_seen_at.max(Some(now));
    cursor.fields_sent = false;
    before.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> SessionFields {
        SessionFields {
            id: "s".into(),
            remote: Remote::parse("https://github.com/acme/api").unwrap(),
            status: "active".into(),
            slug: None,
            harness: None,
            inclusion: Inclusion::Organization,
            pull_request: None,
            team_name: None,
        }
    }

    fn delivered() -> SessionCursor {
        SessionCursor {
            rowid: 5,
            seen_rowid: 5,
            fields: Some(fields().hash()),
            fields_sent: true,
            ..SessionCursor::default()
        }
    }

    #[test]
    fn delivered_session_has_no_delta() {
        assert!(!has_delta(&delivered(), fields().hash(), &BTreeSet::new()));
    }

    #[test]
    fn each_kind_of_change_is_a_delta() {
        let hash = fields().hash();
        assert!(has_delta(&SessionCursor { seen_rowid: 6, ..delivered() }, hash, &BTreeSet::new()));
        assert!(has_delta(&delivered(), hash, &BTreeSet::from([7])));
        let closed = SessionFields { status: "closed".into(), ..fields() };
        assert!(has_delta(&delivered(), closed.hash(), &BTreeSet::new()));
        assert!(has_delta(&SessionCursor { fields_sent: false, ..delivered() }, hash, &BTreeSet::new()));
        let request = |number, url: &str| SessionPullRequest { number, url: url.into() };
        let mut hashes = vec![hash];
        for (pull_request, team_name) in [
            (Some(request(7, "a")), None),
            (Some(request(8, "a")), None),
            (Some(request(7, "b")), None),
            (None, Some("a".to_owned())),
        ] {
            hashes.push(SessionFields { pull_request, team_name, ..fields() }.hash());
        }
        assert_eq!(BTreeSet::from_iter(&hashes).len(), hashes.len());
    }

    #[test]
    fn absent_and_empty_fields_differ() {
        let empty = SessionFields { slug: Some(String::new()), ..fields() };
        assert_ne!(empty.hash(), fields().hash());
    }

    #[test]
    fn task_text_changes_the_hash_only_where_it_is_sent() {
        let row = |subject: &str| TaskRow {
            subject: subject.into(),
            status: "pending".into(),
            ..TaskRow::default()
        };
        let hash = |subject, include_content| task_hash(&sync_task(row(subject), include_content));
        assert_eq!(hash("a", false), hash("b", false));
        assert_ne!(hash("a", true), hash("b", true));
    }
}
