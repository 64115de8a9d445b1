//! `sync-state.json`: the client id, and for each destination the cursors of what the receiver acknowledged.
//!
//! A cursor advances only on an acknowledgement. Losing the file costs sending again, never a lost or doubled message.
//! The file is read whole and replaced whole; a run with nothing to do reads its header alone.

/// The id of a file itself.
pub mod file_id;
/// Files that are replaced atomically.
pub mod atomic_file;
/// The locks of the state folder.
pub mod lock;
/// Schedule and hooks that were installed for this user.
pub mod install;
mod json_number;
mod client_id;
/// Sessions that are forgotten.
pub mod tombstones;
/// `sync-queue.json`.
pub mod queue;
mod source_position;
mod verification;
mod learned_identity;
mod sessions;
mod destination;
mod header;
mod format;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

pub use self::destination::{Backoff, Destination, LastError, LearnedLimit, Statistics};
pub use self::header::{FormerClient, IdleSnapshot, StateHeader};
pub use self::learned_identity::{LearnedIdentity, NamedOwners, OBJECTION_PERIOD};
pub use self::sessions::repositories::KnownRepositories;
pub use self::sessions::session_cursor::SessionCursor;
pub use self::sessions::session_cursors::SessionCursors;
pub use self::sessions::session_folders::{FolderFinding, SessionFolder, SessionFolders};
pub use self::source_position::{SourceFingerprint, SourcePosition};
pub use self::verification::{PASS_DAYS, Verification};

use self::atomic_file::Loaded;
use self::client_id::{Machine, fingerprint};
use self::format::{StateBody, StateFile};
use self::queue::Queue;
use self::tombstones::Tombstones;
use crate::exporter::backoff;
use crate::exporter::config::project_override::ProjectOverrides;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;
use crate::protocol::{Identity, StoredBatches};

/// The state of a client, with one destination selected.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Id of the client.
    pub client_id: String,
    /// Key of the content hashes of messages that are sent without content; never leaves the machine.
    pub client_secret: String,
    /// Fingerprint of the client's machine; a folder that was copied to another machine gets a client id of its own.
    pub machine: String,
    /// Clients of the machines that the folder was on before.
    pub former_clients: Vec<FormerClient>,
    /// Set by a run that left nothing to send. Never loaded, so that a state that changes loses the snapshot of before.
    pub idle: Option<IdleSnapshot>,
    /// Project overrides seen in project folders, by folder.
    pub project_overrides: ProjectOverrides,
    /// Sessions that are not sent, because the user forgot them.
    pub tombstones: Tombstones,
    /// Last known repositories; see [`State::repository`].
    pub repositories: KnownRepositories,
    /// The destination of this run.
    pub destination: Destination,
    /// Destinations of earlier configurations.
    pub other_destinations: Vec<Destination>,
}

impl State {
    /// Path of the state in its folder.
    pub fn path(folder: &Path) -> PathBuf {
        header::path(folder)
    }

    /// Loads the state of this machine's client, or creates it, with the destination of an endpoint and an API key
    /// selected.
    ///
    /// A file that cannot be read is moved aside by a run, which passes its time as `repair`; a command that only reads
    /// leaves it. Anything unusual is added to `warnings`.
    pub fn load(
        folder: &Path,
        environment: &Environment,
        queue: &Queue,
        (endpoint, api_key): (&str, &str),
        repair: Option<DateTime<Utc>>,
        warnings: &mut Vec<String>,
    ) -> Result<State, Error> {
        let path = State::path(folder);
        let machine = Machine::find(environment, folder);
        let mut file = match atomic_file::load::<StateFile>(&path, header::VERSION)? {
            Loaded::Found(mut file) => {
                if is_copy(&path, &file.header) {
                    warnings.push(forget_fields(&path, &mut file));
                }
                file
            }
            Loaded::Missing => new_file(&machine, folder, queue),
            Loaded::Corrupt(reason) => {
                warnings.push(atomic_file::set_aside(&path, &reason, repair)?);
                new_file(&machine, folder, queue)
            }
            Loaded::Foreign => {
                warnings.push(atomic_file::set_foreign_aside(&path, repair)?);
                new_file(&machine, folder, queue)
            }
        };
        if file.header.machine != machine.fingerprint() {
            warnings.push(
                "the state folder comes from another machine; this machine has a client id of its own"
                    .to_owned(),
            );
            file.header.change_machine(machine.fingerprint(), || machine.client(folder));
        }
        file.project_overrides.recover(&queue.project_overrides);
        Ok(State::from_file(file, endpoint, api_key))
    }

    /// Selects the destination after the secret is final, since the secret keys the fingerprint.
    fn from_file(file: StateFile, endpoint: &str, api_key: &str) -> State {
        let StateFile { header, project_overrides, tombstones, repositories, mut destinations } = file;
        let fingerprint = fingerprint(&header.client_secret, api_key);
        let destination = take_destination(&mut destinations, endpoint, &fingerprint);
        State {
            client_id: header.client_id,
            client_secret: header.client_secret,
            machine: header.machine,
            former_clients: header.former_clients,
            idle: None,
            project_overrides,
            tombstones,
            repositories,
            destination,
            other_destinations: destinations,
        }
    }

    /// Replaces the file atomically.
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        let destinations: Vec<&Destination> = self.destinations().collect();
        let body = StateBody {
            project_overrides: &self.project_overrides,
            tombstones: &self.tombstones,
            repositories: &self.repositories,
            destinations: &destinations,
        };
        let header = |file_id| StateHeader {
            version: header::VERSION,
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            machine: self.machine.clone(),
            former_clients: self.former_clients.clone(),
            file: Some(file_id),
            idle: self.idle.clone(),
            rest: None,
        };
        atomic_file::replace_with(&State::path(folder), |file_id| format::encode(header(file_id), &body))
    }

    /// Iterates over all destinations, the current one first.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        std::iter::once(&self.destination).chain(&self.other_destinations)
    }

    /// Iterates over all destinations, the current one first.
    pub fn destinations_mut(&mut self) -> impl Iterator<Item = &mut Destination> {
        std::iter::once(&mut self.destination).chain(&mut self.other_destinations)
    }

    /// Reports whether any destination has a cursor of a session.
    pub fn has_cursor(&self, session_id: &str) -> bool {
        self.destinations().any(|destination| destination.sessions.contains(session_id))
    }

    /// Returns the last known repository of a session.
    pub fn repository(&self, session_id: &str) -> Option<&str> {
        let of_cursor = |destination: &Destination| destination.sessions.get(session_id)?.repository;
        let position = self.destinations().find_map(of_cursor);
        self.repositories.path(position.or_else(|| self.repositories.position(session_id))?)
    }

    /// Adds a cursor for a session that has none, and moves there what is known of the session.
    pub fn add_cursor(&mut self, session_id: &str, seen_rowid: i64) {
        let repository = self.repositories.take(session_id);
        let folder = self.destination.session_folders.take(session_id);
        let cursor = SessionCursor { seen_rowid, repository, folder, ..SessionCursor::default() };
        self.destination.sessions.insert(session_id.to_owned(), cursor);
    }

    /// Records the last known repository of a session; `None` removes the known one.
    pub fn record_repository(&mut self, session_id: &str, path: Option<&str>) {
        let position = path.map(|path| self.repositories.paths.add(path));
        let cursors = self.destinations_mut().filter_map(|it| it.sessions.get_mut(session_id));
        let has_cursor = cursors.map(|cursor| cursor.repository = position).count() > 0;
        self.repositories.record(session_id, position.filter(|_| !has_cursor));
    }

    /// Returns the fingerprint of an API key, which reveals nothing of the key.
    pub fn fingerprint(&self, api_key: &str) -> String {
        fingerprint(&self.client_secret, api_key)
    }

    /// Selects the destination of an endpoint and an API key; creates it if none is known.
    pub fn select_destination(&mut self, endpoint: &str, api_key: &str) {
        let fingerprint = self.fingerprint(api_key);
        if !is_destination(&self.destination, endpoint, &fingerprint) {
            let selected = take_destination(&mut self.other_destinations, endpoint, &fingerprint);
            self.replace_destination(selected);
        }
    }

    /// Selects a destination and keeps the previous one.
    fn replace_destination(&mut self, selected: Destination) {
        let previous = std::mem::replace(&mut self.destination, selected);
        self.other_destinations.push(previous);
    }

    /// Records the user that the key stands for, and selects that user's destination.
    ///
    /// A rotated key finds the user's cursors again; a key that has come to stand for another user leaves the cursors of
    /// the first user unchanged. Returns true if another destination was selected.
    ///
    /// # Errors
    /// The key has come to stand for another user within the last day already: each change sends everything.
    fn select_user(&mut self, user_id: &str, now: DateTime<Utc>) -> Result<bool, String> {
        if self.destination.user_id.as_deref() == Some(user_id) {
            return Ok(false);
        }
        let changed_at = self.destination.user_changed_at;
        if self.destination.user_id.is_some()
            && changed_at.is_some_and(|at| (now - at).abs() < OBJECTION_PERIOD)
        {
            return Err(format!(
                "{} says for the second time within a day that the key stands for another user; ask its administrator, or \
                 set the key of the right user",
                self.destination.endpoint
            ));
        }
        let endpoint = self.destination.endpoint.clone();
        let is_same_user =
            |known: &Destination| known.endpoint == endpoint && known.user_id.as_deref() == Some(user_id);
        let known = self.other_destinations.iter().position(is_same_user);
        if known.is_none() && self.destination.user_id.is_none() {
            self.destination.user_id = Some(user_id.to_owned());
            return Ok(false);
        }
        let fingerprint = std::mem::take(&mut self.destination.key_fingerprint);
        let mut selected = match known {
            Some(known) => self.other_destinations.remove(known),
            None => Destination { user_id: Some(user_id.to_owned()), ..Destination::new(&endpoint, "") },
        };
        selected.key_fingerprint = fingerprint;
        if self.destination.user_id.is_none() {
            self.discard_destination(selected);
        } else {
            selected.user_changed_at = Some(now);
            // The receiver is the same: this is no first contact with it.
            let owners = self.destination.identity.as_ref().and_then(LearnedIdentity::named_owners);
            let is_new = selected.identity.is_none();
            selected.identity =
                selected.identity.or(owners.filter(|_| is_new).map(LearnedIdentity::before_contact));
            self.replace_destination(selected);
        }
        Ok(true)
    }

    /// Selects a destination and discards the previous one, except for the last known repositories of its sessions and the
    /// requests to forget some.
    fn discard_destination(&mut self, selected: Destination) {
        let mut discarded = std::mem::replace(&mut self.destination, selected);
        self.destination.forget_requests.add_all(&discarded.forget_requests);
        for (session_id, cursor) in discarded.sessions.decode_all() {
            if let Some(repository) = cursor.repository.filter(|_| self.repository(session_id).is_none()) {
                let path = self.repositories.path(repository).map(str::to_owned);
                self.record_repository(session_id, path.as_deref());
            }
        }
    }

    /// Records the identity that the receiver reported, `None` for a receiver without such an endpoint, and selects that
    /// user's destination. Returns true if the destination or the identity changed.
    ///
    /// A receiver that once had the endpoint and now reports none has lost it: the known identity is kept and expires.
    ///
    /// # Errors
    /// The user changes for the second time within a day; nothing else is recorded.
    pub fn record_identity(
        &mut self,
        identity: Option<Identity>,
        now: DateTime<Utc>,
    ) -> Result<bool, String> {
        // The receiver's clock and its count of batches are not part of the identity.
        let comparable = |identity: &Option<Identity>| {
            identity.clone().map(|it| Identity {
                server_timestamp: None,
                stored_batches: StoredBatches::Uncounted,
                ..it
            })
        };
        let before = self.destination.identity.as_ref().map(|known| comparable(&known.identity));
        if identity.is_none() && before.as_ref().is_some_and(Option::is_some) {
            return Ok(false);
        }
        let user_id = identity.as_ref().map(|identity| identity.user_id.as_str());
        let selected = user_id.map_or(Ok(false), |user_id| self.select_user(user_id, now));
        self.destination.is_user_refused = selected.is_err();
        let is_other_user = selected?;
        let changed = is_other_user || before != Some(comparable(&identity));
        let named = self.destination.identity.as_ref().and_then(LearnedIdentity::named_owners);
        let owners = identity.as_ref().map(|identity| match named {
            Some(named) => named.and(identity, now),
            None => NamedOwners::first(identity),
        });
        let said = identity.as_ref().map(|identity| identity.stored_batches).unwrap_or_default();
        let has_delivered = self.destination.statistics.last_sync_at.is_some();
        self.destination.verification.record_stored_batches(said, has_delivered, backoff::jitter(), now);
        self.destination.identity = Some(LearnedIdentity { fetched_at: Some(now), identity, owners });
        Ok(changed)
    }
}

fn is_destination(known: &Destination, endpoint: &str, key_fingerprint: &str) -> bool {
    known.endpoint == endpoint && known.key_fingerprint == key_fingerprint
}

/// Removes the destination of an endpoint and a key from a list; creates it if the list has none.
fn take_destination(
    destinations: &mut Vec<Destination>,
    endpoint: &str,
    key_fingerprint: &str,
) -> Destination {
    let known = destinations.iter().position(|known| is_destination(known, endpoint, key_fingerprint));
    known.map_or_else(|| Destination::new(endpoint, key_fingerprint), |known| destinations.remove(known))
}

/// Reports whether the file was copied since it was written: the copy has another file id.
fn is_copy(path: &Path, header: &StateHeader) -> bool {
    let Ok(file_id) = file_id::of_path(path) else { return false };
    header.file.as_ref().is_some_and(|file| *file != file_id)
}

/// Forgets the acknowledged fields of all sessions, and returns the warning for the user.
///
/// The original of a copy may have sent since. Messages and tasks of that time are sent again and deduplicated; but
/// fields that have changed back to what the copy knows would count as sent, while the receiver has those of in between.
fn forget_fields(path: &Path, file: &mut StateFile) -> String {
    for destination in &mut file.destinations {
        destination.sessions.decode_all().values_mut().for_each(SessionCursor::forget_fields);
    }
    format!(
        "{} is a copy, perhaps of an older state; the fields of all sessions are sent again",
        path.display()
    )
}

/// The content of a new file. The client id and the tombstones survive the loss of the state if the queue still has them.
fn new_file(machine: &Machine, folder: &Path, queue: &Queue) -> StateFile {
    let (client_id, client_secret) = machine.client(folder);
    let survivor = queue.client.as_ref().filter(|client| client.machine == machine.fingerprint());
    StateFile {
        header: StateHeader {
            version: header::VERSION,
            client_id: survivor.map_or(client_id, |client| client.id.clone()),
            client_secret,
            machine: machine.fingerprint(),
            former_clients: Vec::new(),
            file: None,
            idle: None,
            rest: None,
        },
        project_overrides: ProjectOverrides::default(),
        tombstones: queue.tombstones.clone(),
        repositories: KnownRepositories::default(),
        destinations: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: &str = "https://a/api/sync";

    fn new_state() -> State {
        let machine = Machine { id: Some("m".repeat(32)), folder: None };
        State::from_file(new_file(&machine, Path::new("/state"), &Queue::default()), ENDPOINT, "key1")
    }

    /// Selects the destination of a key, and learns that the key stands for a user.
    fn identify(state: &mut State, api_key: &str, user_id: &str) {
        state.select_destination(ENDPOINT, api_key);
        let identity = Identity { user_id: user_id.to_owned(), ..Identity::default() };
        state.record_identity(Some(identity), DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(state.destination.user_id.as_deref(), Some(user_id));
    }

    #[test]
    fn repository_of_a_session_outlives_its_cursor_and_a_new_one() {
        let mut state = new_state();
        state.record_repository("s", Some("github.com/acme/api"));
        assert_eq!((state.repository("s"), state.has_cursor("s")), (Some("github.com/acme/api"), false));
        state.add_cursor("s", 7);
        assert_eq!(state.repository("s"), Some("github.com/acme/api"));
        state.discard_destination(Destination::default());
        assert_eq!((state.repository("s"), state.has_cursor("s")), (Some("github.com/acme/api"), false));
        state.add_cursor("s", 7);
        state.record_repository("s", Some("github.com/acme/web"));
        assert_eq!(state.repository("s"), Some("github.com/acme/web"));
        state.record_repository("s", None);
        assert_eq!(state.repository("s"), None);
    }

    fn has_cursors(state: &State) -> bool {
        state.destination.sessions.contains("s")
    }

    /// A state in which the first key stands for Alice, who has one cursor.
    fn state_of_alice() -> State {
        let mut state = new_state();
        identify(&mut state, "key1", "alice");
        state.destination.sessions.insert("s".into(), SessionCursor::default());
        state
    }

    #[test]
    fn rotated_key_keeps_the_cursors_of_its_user() {
        let mut state = state_of_alice();
        identify(&mut state, "key2", "alice");
        assert!(has_cursors(&state) && state.other_destinations.is_empty());
        state.select_destination(ENDPOINT, "key2");
        assert!(has_cursors(&state));
    }

    #[test]
    fn key_of_another_user_starts_from_the_beginning_and_keeps_the_cursors_of_the_first_user() {
        let mut state = state_of_alice();
        identify(&mut state, "key2", "bob");
        assert!(!has_cursors(&state));
        state.select_destination(ENDPOINT, "key1");
        assert!(has_cursors(&state));
    }

    #[test]
    fn key_that_comes_to_stand_for_another_user_moves_no_cursor() {
        let mut state = state_of_alice();
        identify(&mut state, "key1", "bob");
        assert!(!has_cursors(&state) && state.other_destinations[0].sessions.contains("s"));
        state.select_destination(ENDPOINT, "key1");
        assert_eq!(state.destination.user_id.as_deref(), Some("bob"));
    }
}
