//! The sessions that a command to forget concerns, as far as this client knows them. Pure.
//!
//! A repository and `all` also concern sessions that other machines of the user have sent; only the receiver knows those.

use std::collections::{BTreeSet, HashMap};

use crate::exporter::plan::eligibility::{Eligibility, EligibilityFilter, ExcludedReason};
use crate::exporter::plan::scan::{Scan, ScannedSession};
use crate::exporter::plan::session_repository::SessionRepository;
use crate::exporter::state::tombstones::ForgetObject;
use crate::exporter::state::{SessionCursor, State};
use crate::protocol::Identity;
use crate::protocol::remote::{Owner, Remote};

/// The object of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForgetSelection {
    /// A single session, whether it is known or not.
    Session(String),
    /// The sessions of a repository.
    Repository(Remote),
    /// Sessions that were sent and are not eligible any more.
    Excluded,
    /// Everything.
    All,
}

/// A session that a command concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSession {
    /// Id of the session.
    pub session_id: String,
    /// Path of its repository, where it is known.
    pub repository: Option<String>,
    /// Slug of the organization that owns the repository.
    pub organization: Option<String>,
    /// Acknowledged messages.
    pub messages: u64,
    /// True if the receiver has acknowledged anything of it.
    pub is_sent: bool,
}

/// Plans which sessions get a tombstone, or lose theirs with `is_undo`.
pub fn planned_sessions(
    selection: &ForgetSelection,
    is_undo: bool,
    scan: &Scan,
    filter: EligibilityFilter,
    state: &mut State,
) -> Vec<PlannedSession> {
    state.destination.sessions.decode_all();
    let state = &*state;
    let known: BTreeSet<&str> = match is_undo {
        true => state.tombstones.iter().map(|(id, _)| id).collect(),
        false => {
            let scanned = scan.sessions.iter().map(|session| session.row.id.as_str());
            let all = scanned.chain(state.destination.sessions.ids());
            all.filter(|id| state.tombstones.get(id).is_none()).collect()
        }
    };
    let scanned = scan.sessions.iter().map(|session| (session.row.id.as_str(), session)).collect();
    let planner = Planner { scanned, filter, state };
    let chosen = known.into_iter().filter(|id| planner.is_chosen(selection, is_undo, id));
    let mut sessions: Vec<PlannedSession> = chosen.map(|id| planner.session(id)).collect();
    // A session that is not known is forgotten in advance.
    if let ForgetSelection::Session(id) = selection
        && sessions.is_empty()
    {
        sessions.push(planner.session(id));
    }
    sessions
}

/// The requests by which the receiver learns of a command.
pub fn requested_objects(
    selection: &ForgetSelection,
    is_undo: bool,
    sessions: &[PlannedSession],
) -> Vec<ForgetObject> {
    let by_id = |session: &PlannedSession| ForgetObject::Session(session.session_id.clone());
    match selection {
        ForgetSelection::Session(id) => vec![ForgetObject::Session(id.clone())],
        ForgetSelection::Repository(remote) => {
            // The receiver does not know the repository of a session that was forgotten in advance.
            let unsent = sessions.iter().filter(|session| is_undo && !session.is_sent).map(by_id);
            std::iter::once(ForgetObject::Repository(remote.path().to_owned())).chain(unsent).collect()
        }
        ForgetSelection::Excluded => sessions.iter().map(by_id).collect(),
        ForgetSelection::All => vec![ForgetObject::All],
    }
}

/// True if the receiver has acknowledged anything of a session.
pub fn is_sent(cursor: &SessionCursor) -> bool {
    cursor.messages > 0 || cursor.fields_sent || !cursor.tasks.is_empty()
}

struct Planner<'a> {
    /// Sessions of the source, by id.
    scanned: HashMap<&'a str, &'a ScannedSession>,
    filter: EligibilityFilter<'a>,
    state: &'a State,
}

impl Planner<'_> {
    fn is_chosen(&self, selection: &ForgetSelection, is_undo: bool, id: &str) -> bool {
        match selection {
            ForgetSelection::Session(asked) => asked == id,
            ForgetSelection::Repository(remote) => self.repository(id).as_deref() == Some(remote.path()),
            ForgetSelection::Excluded => (is_undo || self.is_sent(id)) && self.is_excluded(id),
            ForgetSelection::All => true,
        }
    }

    /// True if the rules exclude a session today, whatever its tombstone. Without an identity they exclude for want of one
    /// alone, which says nothing of the session.
    fn is_excluded(&self, id: &str) -> bool {
        let last_known = || {
            let path = self.repository(id)?;
            Some(SessionRepository::of_remote(&format!("https://{path}")))
        };
        let present = self.scanned.get(id).map(|session| session.repository.clone());
        let Some(repository) = present.or_else(last_known) else { return false };
        let decision = self.filter.decide(&repository, &self.state.project_overrides);
        match decision.eligibility {
            Eligibility::Eligible { .. } => false,
            Eligibility::Excluded { reason, .. } => reason != ExcludedReason::IdentityUnknown,
        }
    }

    fn is_sent(&self, id: &str) -> bool {
        self.state.destination.sessions.get(id).is_some_and(|cursor| is_sent(&cursor))
    }

    /// Path of a session's repository: the present one, else the one at the time of its tombstone, else the last known one.
    fn repository(&self, id: &str) -> Option<String> {
        let present = self.scanned.get(id).and_then(|session| session.eligibility.remote()).map(Remote::path);
        let forgotten = || self.state.tombstones.get(id)?.repository.as_deref();
        present.or_else(forgotten).or_else(|| self.state.repository(id)).map(str::to_owned)
    }

    fn session(&self, id: &str) -> PlannedSession {
        let repository = self.repository(id);
        let identity = self.state.destination.identity.as_ref().and_then(|known| known.identity.as_ref());
        let remote = repository.as_ref().and_then(|path| Remote::parse(&format!("https://{path}")).ok());
        PlannedSession {
            session_id: id.to_owned(),
            organization: remote.zip(identity).and_then(|(remote, identity)| organization(&remote, identity)),
            repository,
            messages: self.state.destination.sessions.get(id).map_or(0, |cursor| cursor.messages),
            is_sent: self.is_sent(id),
        }
    }
}

/// Slug of the organization that owns a repository: of several the one with the longest owner.
fn organization(remote: &Remote, identity: &Identity) -> Option<String> {
    let owners = identity.organizations.iter().flat_map(|organization| {
        let owners = organization.owners.iter().filter_map(|owner| Owner::parse(owner).ok());
        owners.map(|owner| (owner, &organization.slug))
    });
    let owning = owners.filter(|(owner, _)| owner.owns(remote));
    owning.max_by_key(|(owner, _)| owner.segments().len()).map(|(_, slug)| slug.clone())
}
