//! A record of what was sent to the real receivers, to compare with what they store: nothing that was not sent, each row once
//! and where it belongs. Whether it was allowed to leave was judged when it did.

use std::collections::{BTreeMap, BTreeSet};

use han_sync::protocol::{Inclusion, SyncMessage, SyncSession, SyncTask, code};
use serde_json::Value;

use super::receiver::{LOGINS, Stored, StoredBySomeone};
use super::reference::{Claims, owns};
use super::simulation::Checked;
use crate::support::Request;
use crate::support::test_receiver::store::{StoredSession, UserStore};

/// The tenant of a session: the one organization, or its user's private space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tenant {
    Organization,
    Private,
}

/// Contract section 7 over the reference's repositories: where a receiver stores a session, `None`: it refuses it.
pub fn tenant_of(path: &str, inclusion: Inclusion, login: &str, claims: Claims) -> Option<Tenant> {
    if owns(&format!("github.com/{login}"), path) {
        Some(Tenant::Private)
    } else if claims.own(path) {
        Some(Tenant::Organization)
    } else {
        (inclusion != Inclusion::Organization).then_some(Tenant::Private)
    }
}

/// Everything that was sent of a user's session, in each form.
#[derive(Debug, Default)]
struct Sent {
    tenants: BTreeSet<Tenant>,
    fields: Vec<SyncSession>,
    messages: BTreeMap<String, Vec<SyncMessage>>,
    tasks: BTreeMap<String, Vec<SyncTask>>,
}

/// Everything that one receiver was sent, by user and session.
#[derive(Debug, Default)]
pub struct Received {
    sent: BTreeMap<(String, String), Sent>,
    /// Sessions that the receiver was told to forget.
    pub forgotten: BTreeSet<(String, String)>,
}

impl Received {
    /// Notes what a user sent, and what the receiver may store it as.
    pub fn note(&mut self, request: &Request, login: &str, claims: Claims) {
        for session in request.payload.iter().flat_map(|payload| &payload.sessions).map(as_stored) {
            let path = session.repo_remote.strip_prefix("https://").unwrap_or_default();
            let tenant = session.inclusion.and_then(|it| tenant_of(path, it, login, claims));
            let sent = self.sent.entry((login.to_owned(), session.id.clone())).or_default();
            sent.tenants.extend(tenant);
            let SyncSession { messages, tasks, .. } = session.clone();
            for message in messages {
                add(sent.messages.entry(message.id.clone()).or_default(), message);
            }
            for task in tasks {
                add(sent.tasks.entry(task.id.clone()).or_default(), task);
            }
            add(&mut sent.fields, without_rows(session));
        }
    }

    /// Checks that the receiver holds nothing but what was sent, each row once, in its tenant.
    pub fn oracle(&self, kept: &Stored) -> Checked<()> {
        let mut locations = BTreeMap::new();
        for location in &kept.locations {
            let key = (location.login.clone(), location.session_id.clone());
            let may = self.sent.get(&key).is_some_and(|sent| sent.tenants.contains(&location.tenant));
            if !may {
                return Err(format!("{key:?} is stored as {:?}, and was never to be", location.tenant));
            }
            if location.is_forgotten != self.forgotten.contains(&key) {
                return Err(format!("{key:?} counts as forgotten: {}", location.is_forgotten));
            }
            if !location.is_forgotten {
                locations.insert(key, location.tenant);
            }
        }
        for stored in &kept.sessions {
            let key = (stored.login.clone(), stored.session.id.clone());
            let why = |why: String| format!("{key:?} is stored: {why}");
            // Found here once: it is forgotten, or stands twice.
            if locations.remove(&key) != Some(stored.tenant()) {
                return Err(why(format!(
                    "in {:?}, which is not its location, or a second time",
                    stored.tenant()
                )));
            }
            let sent = self.sent.get(&key).ok_or_else(|| why("it was never sent".to_owned()))?;
            sent.oracle(&stored.session).map_err(why)?;
        }
        match locations.keys().next() {
            Some(key) => Err(format!("{key:?} has a location and is not there")),
            None => Ok(()),
        }
    }
}

/// The code with which a receiver of these contents rejects a user's session of this tenant, if it does.
pub fn refusal(kept: &Stored, login: &str, id: &str, tenant: Option<Tenant>) -> Option<&'static str> {
    let Some(tenant) = tenant else { return Some(code::REPO_NOT_ACCEPTED) };
    if let Some(location) = kept.locations.iter().find(|it| it.login == login && it.session_id == id) {
        return match (location.is_forgotten, location.tenant == tenant) {
            (true, _) => Some(code::FORGOTTEN),
            (false, true) => None,
            (false, false) => Some(code::SESSION_MOVED),
        };
    }
    let is_this = |it: &StoredBySomeone| it.session.id == id && it.tenant() == Tenant::Organization;
    let is_taken = tenant == Tenant::Organization && kept.sessions.iter().any(is_this);
    is_taken.then_some(code::SESSION_CONFLICT)
}

impl Sent {
    fn oracle(&self, stored: &SyncSession) -> Checked<()> {
        let mut messages = BTreeSet::new();
        for message in &stored.messages {
            let sent = self.messages.get(&message.id).map_or(&[][..], Vec::as_slice);
            // Text that was absent is filled in from what came later.
            let has_fields = sent.iter().any(|sent| without_text(sent) == without_text(message));
            let text = |it: &SyncMessage| (it.content.clone(), it.content_hash.clone(), it.content_omitted);
            let has_text = sent.iter().any(|sent| text(sent) == text(message));
            if !messages.insert(&message.id) || !has_fields || !has_text {
                return Err(format!("message {message:?}, of which was sent {sent:?}"));
            }
        }
        let mut tasks = BTreeSet::new();
        for task in &stored.tasks {
            let sent = self.tasks.get(&task.id).map_or(&[][..], Vec::as_slice);
            if !tasks.insert(&task.id) || !sent.contains(task) {
                return Err(format!("task {task:?}, of which was sent {sent:?}"));
            }
        }
        let fields = without_rows(stored.clone());
        if !self.fields.contains(&fields) {
            return Err(format!("{fields:?}, of which was sent {:?}", self.fields));
        }
        Ok(())
    }
}

/// A user's stored sessions in the form of the in-memory receiver.
pub fn store_of(kept: &Stored, login: &str) -> UserStore {
    let mut store = UserStore::default();
    for it in kept.sessions.iter().filter(|it| it.login == login) {
        let stored = StoredSession {
            fields: without_rows(it.session.clone()),
            messages: it.session.messages.iter().map(|row| (row.id.clone(), row.clone())).collect(),
            tasks: it.session.tasks.iter().map(|row| (row.id.clone(), row.clone())).collect(),
        };
        store.sessions.insert(it.session.id.clone(), stored);
    }
    store
}

/// Whose key a request carries.
pub fn login_of(request: &Request, keys: &[String; 2]) -> Option<&'static str> {
    let key = request.head.header("authorization")?.strip_prefix("Bearer ")?;
    keys.iter().position(|known| known == key).map(|nth| LOGINS[nth])
}

fn add<T: PartialEq>(forms: &mut Vec<T>, form: T) {
    if !forms.contains(&form) {
        forms.push(form);
    }
}

fn without_rows(session: SyncSession) -> SyncSession {
    SyncSession { messages: Vec::new(), tasks: Vec::new(), ..session }
}

fn without_text(message: &SyncMessage) -> SyncMessage {
    SyncMessage { content: None, content_hash: String::new(), content_omitted: None, ..message.clone() }
}

/// U+0000 is stored as U+FFFD.
fn as_stored(session: &SyncSession) -> SyncSession {
    fn clean(value: &mut Value) {
        match value {
            Value::String(text) => *text = text.replace('\0', "\u{FFFD}"),
            Value::Array(list) => list.iter_mut().for_each(clean),
            Value::Object(members) => members.values_mut().for_each(clean),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(session).expect("a session is JSON");
    clean(&mut value);
    serde_json::from_value(value).expect("it is a session still")
}
