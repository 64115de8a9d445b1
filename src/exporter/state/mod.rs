//! `sync-state.json`: the client's name, and for each destination what it has acknowledged. A large one may leave what is
//! not new to an earlier one, its base.
//!
//! Cursors move only forward on an acknowledgement, and back to the beginning on `reset` or when the source database is
//! found to be another one. Losing this file costs re-sending, never a lost or doubled message.

pub mod atomic_file;
pub mod lock;
pub mod queue;
mod base;
mod lines;
mod client_id;
mod header;

use crate::exporter::config::project_override::ProjectOverride;
use crate::exporter::state::base::{Base, Unread};
use crate::exporter::state::client_id::{Machine, fingerprint};
pub use crate::exporter::state::header::{IdleSnapshot, SourceFingerprint, StateHeader};

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::exporter::environment::Environment;
use crate::exporter::error::Error;
use crate::exporter::state::atomic_file::{Loaded, Versioned};
use crate::exporter::state::queue::Queue;
use crate::protocol::{Identity, SyncCursor};

/// The format version of the file.
const VERSION: u32 = 1;
const NAME: &str = "sync-state.json";
/// An earlier one that it is written beside, where that is large.
const BASE_NAME: &str = "sync-state.base.json";

/// The whole file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    pub version: u32,
    pub client_id: String,
    /// Key of the content hashes of messages that are sent without content; never leaves the machine.
    pub client_secret: String,
    /// Stands for the machine on which this client lives; a folder copied elsewhere becomes a client of its own.
    pub machine: String,
    /// The file that it was written to. Found in another file, it is a copy, and may be older than what was sent.
    #[serde(default)]
    pub file: Option<String>,
    /// The identity of the base, until it has been read; see [`lines`].
    #[serde(default)]
    base: Option<String>,
    /// There where everything was delivered when the file was written; whoever changes the state states it anew.
    #[serde(skip)]
    pub quiet: Option<IdleSnapshot>,
    /// Narrowings seen in project folders, by folder.
    #[serde(default)]
    pub narrowings: BTreeMap<String, ProjectOverride>,
    /// The last known repository of each session: repository, then sessions. It holds when a folder is gone and han no
    /// longer links it.
    #[serde(default)]
    pub repositories: BTreeMap<String, BTreeSet<String>>,
    /// The same as it stands in the file, where not all of it has been read; see [`State::load_some`].
    #[serde(skip)]
    unread_repositories: Option<Unread>,
    /// The destination of this run; empty until [`State::select_destination`].
    #[serde(skip)]
    pub destination: Destination,
    #[serde(default, rename = "destinations")]
    pub other_destinations: Vec<Destination>,
}

impl Versioned for State {
    fn version(&self) -> u32 {
        self.version
    }
}

/// An endpoint together with the user that the key stands for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    pub endpoint: String,
    /// Tells whether the key is still the one that the identity was learned with.
    pub key_fingerprint: String,
    /// `None` until the identity is learned, and for a receiver that has none.
    #[serde(default)]
    pub user_id: Option<String>,
    #[serde(default)]
    pub identity: Option<LearnedIdentity>,
    #[serde(default)]
    pub backoff: Backoff,
    /// A smaller batch that time-outs or the receiver taught.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned_limit: Option<LearnedLimit>,
    #[serde(default)]
    pub last_error: Option<LastError>,
    #[serde(default)]
    pub statistics: Statistics,
    /// The place of the last acknowledged batch, as the wire shows it.
    #[serde(default)]
    pub cursor: SyncCursor,
    #[serde(default)]
    pub source: SourceMark,
    #[serde(default, skip_serializing)]
    pub sessions: BTreeMap<String, SessionCursor>,
    /// Cursors as they stand in the file, where not all have been read; one that has been stands for its line. See
    /// [`State::load_some`].
    #[serde(skip)]
    unread_sessions: Option<Unread>,
}

impl Destination {
    fn new(endpoint: &str, key_fingerprint: &str) -> Destination {
        Destination {
            endpoint: endpoint.to_owned(),
            key_fingerprint: key_fingerprint.to_owned(),
            ..Destination::default()
        }
    }

    /// True for the empty destination of a state that has none selected.
    fn is_unselected(&self) -> bool {
        self.endpoint.is_empty() && self.key_fingerprint.is_empty()
    }
}

/// What `GET {endpoint}/identity` said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LearnedIdentity {
    #[serde(with = "crate::time::optional")]
    pub fetched_at: Option<DateTime<Utc>>,
    /// `None`: the receiver has no such endpoint.
    pub identity: Option<Identity>,
}

/// Faults in a row of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backoff {
    pub attempts: u32,
    /// Time-outs among the last faults, in a row, since a batch was last halved for them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub time_outs: u32,
    #[serde(default, with = "crate::time::optional")]
    pub next_retry_at: Option<DateTime<Utc>>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A limit for batches below the configured one, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LearnedLimit {
    /// Uncompressed bytes.
    pub bytes: usize,
    /// The line was too slow for more, rather than the receiver unwilling: a line gets better.
    pub is_slow: bool,
    #[serde(with = "crate::time::optional")]
    pub learned_at: Option<DateTime<Utc>>,
}

/// The last thing that went wrong, until something goes right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    #[serde(with = "crate::time::optional")]
    pub at: Option<DateTime<Utc>>,
    pub message: String,
}

/// Figures for `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Statistics {
    /// The last batch with sessions that was acknowledged.
    #[serde(with = "crate::time::optional")]
    pub last_sync_at: Option<DateTime<Utc>>,
    /// The last answer of the receiver, empty batches included.
    #[serde(with = "crate::time::optional")]
    pub last_contact_at: Option<DateTime<Utc>>,
    pub total_messages_synced: u64,
    pub total_tasks_synced: u64,
    pub successful_runs: u64,
    pub failed_runs: u64,
}

impl Statistics {
    /// Counts what was acknowledged. No count of a damaged file overflows.
    pub fn add(&mut self, messages: u64, tasks: u64) {
        self.total_messages_synced = self.total_messages_synced.saturating_add(messages);
        self.total_tasks_synced = self.total_tasks_synced.saturating_add(tasks);
    }

    /// Counts a run.
    pub fn add_run(&mut self, is_complete: bool) {
        let runs = if is_complete { &mut self.successful_runs } else { &mut self.failed_runs };
        *runs = runs.saturating_add(1);
    }
}

/// Which database the cursors were taken from, and how far it has been looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceMark {
    /// Identity of the file on its file system.
    pub file: String,
    /// Every message up to this rowid has been noted in its session's `seenRowid`, where the session has a cursor.
    pub watermark: i64,
    /// Rowids with a hash of the id of the message there; a database in which one differs is another database.
    pub anchors: Vec<(i64, u64)>,
}

/// How far one session has been acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionCursor {
    /// Every message of the session up to this rowid is acknowledged, but for those in `refused`.
    pub rowid: i64,
    /// The highest rowid of the session that is known.
    pub seen_rowid: i64,
    /// Messages acknowledged, and the sum of the hashes of their ids: what a database is compared with when its rowids
    /// can no longer be trusted.
    pub messages: u64,
    pub digest: u64,
    /// The latest timestamp among the acknowledged messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_at: Option<String>,
    /// For people; what is new is decided by rowid.
    pub streams: BTreeMap<String, StreamCursor>,
    /// Hash of the session's own fields as last seen, since when, and whether they are acknowledged.
    pub fields: String,
    pub fields_seen_at: String,
    pub fields_sent: bool,
    /// Hashes of the tasks that are acknowledged.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tasks: BTreeSet<u64>,
    /// Rowids of messages that the receiver refused each by itself.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub refused: BTreeSet<i64>,
    /// Since when something of the session is undelivered.
    #[serde(with = "crate::time::optional", skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<DateTime<Utc>>,
}

/// The place in one source stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamCursor {
    pub last_synced_line: i64,
}

impl SessionCursor {
    /// Nobody knows which fields the receiver has: they are sent again, as seen now.
    fn forget_fields(&mut self) {
        self.fields.clear();
        self.fields_sent = false;
    }

    /// Back to the beginning: everything of the session is sent again. What was seen stays seen.
    pub fn rewind(&mut self) {
        *self = SessionCursor {
            seen_rowid: self.seen_rowid,
            fields: std::mem::take(&mut self.fields),
            fields_seen_at: std::mem::take(&mut self.fields_seen_at),
            waiting_since: self.waiting_since,
            ..SessionCursor::default()
        };
    }
}

impl State {
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    /// Where the base lies, if there is one.
    pub fn base_path(folder: &Path) -> PathBuf {
        folder.join(BASE_NAME)
    }

    /// The state of this machine's client; a new one where there is none.
    ///
    /// `repair`: whether a file that cannot be read is moved aside (a run does that, a look does not). What was odd is
    /// added to `warnings`.
    pub fn load(
        folder: &Path,
        environment: &Environment,
        queue: &Queue,
        (endpoint, api_key): (&str, &str),
        repair: Option<DateTime<Utc>>,
        warnings: &mut Vec<String>,
    ) -> Result<State, Error> {
        let path = State::path(folder);
        let machine = Machine::find(environment);
        let mut state = match State::load_whole(folder, repair, warnings)? {
            Loaded::Found(state) => state.checked(&path, warnings),
            Loaded::Missing => State::new(&machine, folder, queue),
            Loaded::Corrupt(why) => {
                warnings.push(set_aside(&path, &why, repair)?);
                State::new(&machine, folder, queue)
            }
        };
        if state.machine != machine.mark() {
            warnings.push(
                "the state folder comes from another machine; this one gets a client id of its own"
                    .to_owned(),
            );
            let fresh = State::new(&machine, folder, &Queue::default());
            state.client_id = fresh.client_id;
            state.client_secret = fresh.client_secret;
            state.machine = fresh.machine;
        }
        state.select_destination(endpoint, api_key);
        Ok(state)
    }

    /// The state with what it leaves to its base.
    fn load_whole(
        folder: &Path,
        repair: Option<DateTime<Utc>>,
        warnings: &mut Vec<String>,
    ) -> Result<Loaded<State>, Error> {
        let path = State::base_path(folder);
        let mut missed = None;
        loop {
            let mut loaded = atomic_file::load::<State>(&State::path(folder), VERSION)?;
            let Loaded::Found(state) = &mut loaded else { return Ok(loaded) };
            let Some(base) = state.base.take() else { return Ok(loaded) };
            let is_read = lines::read_base(state, &path, &base);
            if is_read.map_err(|error| atomic_file::cannot("read", &path, error))? {
                return Ok(loaded);
            }
            // Who looks without the lock may have found the state of before another run, and the base of after it.
            if missed.as_ref() == Some(&base) {
                warnings.push(if path.exists() {
                    set_aside(&path, "it is damaged, or not the base of this state", repair)?
                } else {
                    format!("{} is gone; what only it knew is sent again", path.display())
                });
                return Ok(loaded);
            }
            missed = Some(base);
        }
    }

    /// What is right for a copy too. An older state sends again what messages and tasks came since; but fields that have
    /// come back to what it knows would count as sent, though the receiver has what they were in between.
    fn checked(mut self, path: &Path, warnings: &mut Vec<String>) -> State {
        let Ok(here) = std::fs::metadata(path) else { return self };
        if self.file.as_ref().is_some_and(|file| *file != atomic_file::identity(&here)) {
            warnings.push(format!(
                "{} is a copy, perhaps of an older one; the fields of all sessions are sent again",
                path.display()
            ));
            for destination in &mut self.other_destinations {
                destination.sessions.values_mut().for_each(SessionCursor::forget_fields);
            }
        }
        self
    }

    fn new(machine: &Machine, folder: &Path, queue: &Queue) -> State {
        let (client_id, client_secret) = machine.client(folder);
        let survivor = queue.client.as_ref().filter(|client| client.machine == machine.mark());
        State {
            version: VERSION,
            client_id: survivor.map_or(client_id, |client| client.id.clone()),
            client_secret,
            machine: machine.mark(),
            file: None,
            base: None,
            quiet: None,
            narrowings: BTreeMap::new(),
            repositories: BTreeMap::new(),
            unread_repositories: None,
            destination: Destination::default(),
            other_destinations: Vec::new(),
        }
    }

    /// The state with the cursors of some sessions alone, for a run that concerns no others; everything else is kept as
    /// it stands. `None` where the file is not as [`State::save`] writes it.
    pub fn load_some(
        folder: &Path,
        sessions: &BTreeSet<String>,
        (endpoint, api_key): (&str, &str),
    ) -> Option<State> {
        let mut state = lines::read_some(&State::path(folder), &State::base_path(folder), sessions)?;
        state.select_destination(endpoint, api_key);
        Some(state)
    }

    /// All destinations, the one of this run first.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        let selected = (!self.destination.is_unselected()).then_some(&self.destination);
        selected.into_iter().chain(&self.other_destinations)
    }

    /// All destinations, the one of this run first.
    pub fn destinations_mut(&mut self) -> impl Iterator<Item = &mut Destination> {
        let selected = (!self.destination.is_unselected()).then_some(&mut self.destination);
        selected.into_iter().chain(&mut self.other_destinations)
    }

    /// Whether a destination has a cursor of any of these sessions, which have been looked up.
    pub fn knows_any(&self, sessions: &BTreeSet<String>) -> bool {
        let knows = |id| self.destinations().any(|destination| destination.sessions.contains_key(id));
        sessions.iter().any(knows)
    }

    /// Reads what [`State::load_some`] left unread.
    pub fn read_all(&mut self) -> Result<(), Error> {
        let path = self.unread_repositories.as_ref().map(|unread| unread.path().to_owned());
        lines::read_unread(self)
            .map_err(|error| atomic_file::cannot("read", &path.unwrap_or_default(), error))
    }

    /// Replaces the file. What was not read stays where it is, if it is much: in the file of before, kept as the base.
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        let (path, as_base) = (State::path(folder), State::base_path(folder));
        let base = Base::of(self).filter(|base| base.keep(&path, &as_base));
        atomic_file::replace_by(&path, |file, identity| lines::write(self, base, identity, file))?;
        if base.is_none() {
            // Left there, it would be nobody's.
            let _ = std::fs::remove_file(as_base);
        }
        Ok(())
    }

    /// Stands for a key without telling it.
    pub fn fingerprint(&self, key: &str) -> String {
        fingerprint(&self.client_secret, key)
    }

    /// Makes the destination of an endpoint and an API key the current one; creates the destination where none is known.
    pub fn select_destination(&mut self, endpoint: &str, api_key: &str) {
        let fingerprint = self.fingerprint(api_key);
        let is_this =
            |known: &Destination| known.endpoint == endpoint && known.key_fingerprint == fingerprint;
        if is_this(&self.destination) {
            return;
        }
        let known = self.other_destinations.iter().position(is_this);
        let selected = match known {
            Some(known) => self.other_destinations.remove(known),
            None => Destination::new(endpoint, &fingerprint),
        };
        self.replace_destination(selected);
    }

    /// Makes a destination the current one and keeps the one before.
    fn replace_destination(&mut self, selected: Destination) {
        let previous = std::mem::replace(&mut self.destination, selected);
        if !previous.is_unselected() {
            self.other_destinations.push(previous);
        }
    }

    /// Records the user that the key stands for, and makes that user's destination the current one.
    ///
    /// A rotated key finds the user's cursors again; a key that has come to stand for another user leaves the cursors of
    /// the first user unchanged. Returns true if the current destination changed.
    fn select_user(&mut self, user_id: &str) -> bool {
        if self.destination.user_id.as_deref() == Some(user_id) {
            return false;
        }
        let endpoint = self.destination.endpoint.clone();
        let is_same_user =
            |known: &Destination| known.endpoint == endpoint && known.user_id.as_deref() == Some(user_id);
        let known = self.other_destinations.iter().position(is_same_user);
        if known.is_none() && self.destination.user_id.is_none() {
            self.destination.user_id = Some(user_id.to_owned());
            return false;
        }
        let fingerprint = std::mem::take(&mut self.destination.key_fingerprint);
        let mut selected = match known {
            Some(known) => self.other_destinations.remove(known),
            None => Destination { user_id: Some(user_id.to_owned()), ..Destination::new(&endpoint, "") },
        };
        selected.key_fingerprint = fingerprint;
        if self.destination.user_id.is_none() {
            self.destination = selected;
        } else {
            self.replace_destination(selected);
        }
        true
    }

    /// Records the identity that the receiver reported, `None` for a receiver without such an endpoint, and makes that
    /// user's destination the current one. Returns true if the destination or the identity changed.
    ///
    /// A receiver that once had the endpoint and now reports none has lost it: the known identity is kept and expires.
    pub fn learn_identity(&mut self, identity: Option<Identity>, now: DateTime<Utc>) -> bool {
        // The receiver's clock is not part of the identity.
        let comparable = |identity: &Option<Identity>| {
            identity.clone().map(|it| Identity { server_timestamp: None, ..it })
        };
        let before = self.destination.identity.as_ref().map(|known| comparable(&known.identity));
        if identity.is_none() && before.as_ref().is_some_and(Option::is_some) {
            return false;
        }
        let is_other_user = identity.as_ref().is_some_and(|identity| self.select_user(&identity.user_id));
        let changed = is_other_user || before != Some(comparable(&identity));
        self.destination.identity = Some(LearnedIdentity { fetched_at: Some(now), identity });
        changed
    }

    /// Session to last known repository.
    pub fn last_known_repositories(&self) -> HashMap<&str, &str> {
        let pairs = self.repositories.iter();
        pairs
            .flat_map(|(repository, sessions)| {
                sessions.iter().map(|session| (session.as_str(), repository.as_str()))
            })
            .collect()
    }

    /// The last known repository of one session.
    pub fn last_known_repository(&self, session_id: &str) -> Option<&str> {
        let mut pairs = self.repositories.iter();
        pairs.find(|(_, sessions)| sessions.contains(session_id)).map(|(repository, _)| repository.as_str())
    }

    /// Notes the repositories of sessions: session, the one known before, the one now.
    pub fn note_repositories(&mut self, changes: Vec<(String, Option<String>, Option<String>)>) {
        if changes.is_empty() {
            return;
        }
        for (session_id, before, now) in changes {
            if let Some(sessions) = before.and_then(|before| self.repositories.get_mut(&before)) {
                sessions.remove(&session_id);
            }
            if let Some(now) = now {
                self.repositories.entry(now).or_default().insert(session_id);
            }
        }
        self.repositories.retain(|_, sessions| !sessions.is_empty());
    }
}

/// Moves a file that cannot be read aside when a run finds it; returns what to tell the user.
pub fn set_aside(path: &Path, why: &str, repair: Option<DateTime<Utc>>) -> Result<String, Error> {
    let name = path.display();
    Ok(match repair {
        Some(now) => {
            let aside = atomic_file::move_aside(path, now)?;
            format!("{name} could not be read ({why}); it is kept as {} and rebuilt", aside.display())
        }
        None => format!("{name} cannot be read ({why}); the next run rebuilds it"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let machine = Machine { id: Some("m".repeat(32)), name: "n".into() };
        State::new(&machine, Path::new("/state"), &Queue::default())
    }

    /// Selects the destination of a key, and learns that the key stands for a user.
    fn identify(state: &mut State, api_key: &str, user_id: &str) {
        state.select_destination("https://a/api/sync", api_key);
        let identity = Identity { user_id: user_id.to_owned(), ..Identity::default() };
        state.learn_identity(Some(identity), DateTime::UNIX_EPOCH);
        assert_eq!(state.destination.user_id.as_deref(), Some(user_id));
    }

    fn has_cursors(state: &State) -> bool {
        state.destination.sessions.contains_key("s")
    }

    /// A state in which the first key stands for Alice, who has one cursor.
    fn state_of_alice() -> State {
        let mut state = state();
        identify(&mut state, "key1", "alice");
        state.destination.sessions.insert("s".into(), SessionCursor::default());
        state
    }

    #[test]
    fn rotated_key_keeps_the_cursors_of_its_user() {
        let mut state = state_of_alice();
        identify(&mut state, "key2", "alice");
        assert!(has_cursors(&state) && state.other_destinations.is_empty());
        state.select_destination("https://a/api/sync", "key2");
        assert!(has_cursors(&state));
    }

    #[test]
    fn key_of_another_user_starts_from_the_beginning_and_keeps_the_cursors_of_the_first_user() {
        let mut state = state_of_alice();
        identify(&mut state, "key2", "bob");
        assert!(!has_cursors(&state));
        state.select_destination("https://a/api/sync", "key1");
        assert!(has_cursors(&state));
    }

    #[test]
    fn key_that_comes_to_stand_for_another_user_moves_no_cursor() {
        let mut state = state_of_alice();
        identify(&mut state, "key1", "bob");
        assert!(!has_cursors(&state) && state.other_destinations[0].sessions.contains_key("s"));
        state.select_destination("https://a/api/sync", "key1");
        assert_eq!(state.destination.user_id.as_deref(), Some("bob"));
    }
}
