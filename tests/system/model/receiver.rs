//! The real receiver: `han-sync-receiver` as a process on a store of its own, behind a simulation's line. It starts when a
//! request comes, and dies when a history says so.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use han_sync::protocol::{SyncResponse, SyncSession, code};
use serde::Deserialize;

use super::received::Tenant;
use super::simulation::Checked;
use crate::support::running_receiver::{RunningReceiver, TestStore, agent, sqlite, write_store};
use crate::support::test_receiver::fault::{Body, Request, TestResponse};
use crate::support::{Sandbox, TestReceiver};

/// Logins of the users, in the order of the in-memory receiver.
pub const LOGINS: [&str; 2] = ["alice", "bob"];
/// Histories run_history faster than any exporter: a key's rate is not theirs to meet.
const RATE: &[&str] = &["--rate", "1000000"];
/// Codes with which the receiver may reject a session here; any other is a finding.
const REFUSALS: &[&str] =
    &[code::REPO_NOT_ACCEPTED, code::SESSION_CONFLICT, code::SESSION_MOVED, code::FORGOTTEN];
/// No history takes longer, by its own clock.
const HISTORY_MAX: TimeDelta = TimeDelta::days(60);
/// Exit code of `admin` for what is asked of something that is not there.
const CANNOT_BE_DONE: i32 = 65;
/// Headers that are the line's own, and those that the receiver's answer would be encoded by.
const OF_THE_LINE: &[&str] =
    &["host", "connection", "content-length", "transfer-encoding", "accept-encoding", "date"];

/// The store at the start of a history: Alice and Bob in one organization, with a key each.
struct Template {
    store: Vec<u8>,
    keys: [String; 2],
}

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
    let store = sqlite();
    store.admin("org create acme --name Acme --owner github.com/acme-corp --owner gitlab.com/acme");
    let keys = LOGINS.map(|login| {
        store.admin(&format!("user create {login} --org acme --account github.com/{login}"));
        store.key(login)
    });
    let bytes = fs::read(store.folder.path().join("team.db")).expect("a store in one file");
    Template { store: bytes, keys }
});

/// The keys of [`LOGINS`].
pub fn keys() -> &'static [String; 2] {
    &TEMPLATE.keys
}

pub struct RealReceiver {
    pub store: TestStore,
    serving: Mutex<Option<RunningReceiver>>,
    /// At which batch from now it dies, and how long after that came.
    death: Mutex<Option<(usize, Duration)>>,
    kills: AtomicUsize,
    /// True if anybody ever asked it anything.
    has_served: AtomicBool,
    /// Responses that no receiver should give, whatever happens.
    violations_seen: Mutex<Vec<String>>,
}

/// The stored sessions, by the receiver's own export.
#[derive(Default)]
pub struct Stored {
    pub sessions: Vec<StoredBySomeone>,
    pub locations: Vec<SessionLocation>,
}

#[derive(Deserialize)]
pub struct StoredBySomeone {
    organization: Option<String>,
    pub login: String,
    pub session: SyncSession,
}

impl StoredBySomeone {
    pub fn tenant(&self) -> Tenant {
        if self.organization.is_some() { Tenant::Organization } else { Tenant::Private }
    }
}

/// The tenant in which a user's session was first stored.
pub struct SessionLocation {
    pub login: String,
    pub session_id: String,
    pub tenant: Tenant,
    pub is_forgotten: bool,
}

impl RealReceiver {
    /// Receivers on stores of their own at the other ends of two lines, for an exporter that is Alice's.
    pub fn behind(servers: &[TestReceiver; 2], sandbox: &Sandbox) -> [Arc<RealReceiver>; 2] {
        let is_past = sandbox.now() + HISTORY_MAX < Utc::now();
        assert!(
            is_past,
            "histories are of the spring of 2026, and this machine's clock, by which receivers go, is not past it"
        );
        sandbox.set("apiKey", &keys()[0]);
        // It may have to start first, on a busy machine.
        sandbox.set("timeout", "10");
        [0, 1].map(|nth| {
            let folder = sandbox.path(&format!("receiver-{nth}"));
            fs::create_dir_all(&folder).expect("a folder");
            let receiver = RealReceiver::new(&folder);
            let upstream = receiver.clone();
            servers[nth].forward_to(Arc::new(move |request| upstream.answer(request)));
            servers[nth].with_receiver(|it| {
                let users: Vec<String> = it.keys.values().cloned().collect();
                it.keys = keys().iter().cloned().zip(users).collect();
            });
            receiver
        })
    }

    fn new(folder: &Path) -> Arc<RealReceiver> {
        let store = folder.join("team.db");
        write_store(&store, &TEMPLATE.store);
        Arc::new(RealReceiver {
            store: TestStore::at(&format!("sqlite:{}", store.display())),
            serving: Mutex::default(),
            death: Mutex::default(),
            kills: AtomicUsize::new(0),
            has_served: AtomicBool::new(false),
            violations_seen: Mutex::default(),
        })
    }

    /// Dies at the nth batch from now, so long after that came.
    pub fn die_at(&self, nth: usize, after: Duration) {
        *locked(&self.death) = Some((nth, after));
    }

    /// Does not die by itself any more.
    pub fn clear_script(&self) {
        *locked(&self.death) = None;
    }

    /// Number of kills.
    pub fn kills(&self) -> usize {
        self.kills.load(Ordering::Relaxed)
    }

    pub fn violations_seen(&self) -> Vec<String> {
        locked(&self.violations_seen).clone()
    }

    /// Answers a request as it came over the line; `None` where it died over it.
    pub fn answer(&self, request: &Request) -> Option<TestResponse> {
        self.has_served.store(true, Ordering::Relaxed);
        let base = locked(&self.serving)
            .get_or_insert_with(|| RunningReceiver::start(&self.store.url, RATE))
            .base
            .clone();
        let death = if request.is_batch() { self.count_down() } else { None };
        let answer = thread::scope(|scope| {
            if let Some(after) = death {
                let base = &base;
                scope.spawn(move || {
                    // The place of the kill is left to chance; whatever it is, the same must hold.
                    thread::sleep(after);
                    self.kill(base);
                });
            }
            forward(&base, request)
        });
        match answer {
            Ok(answer) => {
                if let Err(why) = check_response(request, &answer) {
                    self.complain(why);
                }
                Some(answer)
            }
            Err(error) => {
                let log =
                    locked(&self.serving).as_ref().filter(|it| it.base == base).map(RunningReceiver::log);
                if let Some(log) = log {
                    self.complain(format!("the receiver gives no answer: {error}; its log: {log}"));
                }
                None
            }
        }
    }

    fn complain(&self, why: String) {
        locked(&self.violations_seen).push(why);
    }

    /// Delay until the scheduled kill, if this batch triggers it.
    fn count_down(&self) -> Option<Duration> {
        let mut death = locked(&self.death);
        let (left, after) = death.as_mut()?;
        *left -= 1;
        let after = (*left == 0).then_some(*after)?;
        *death = None;
        Some(after)
    }

    /// Kills the process that listens there.
    fn kill(&self, base: &str) {
        let killed = locked(&self.serving).take_if(|it| it.base == base);
        self.kills.fetch_add(usize::from(killed.is_some()), Ordering::Relaxed);
    }

    /// Changes the owners of the organization.
    pub fn set_owner(&self, owner: &str, owned: bool) {
        self.store.admin(&format!("owner {} acme {owner}", if owned { "add" } else { "remove" }));
    }

    /// Deletes a user's session for good. Whether there was one.
    pub fn forget(&self, login: &str, session: &str) -> bool {
        let (code, _, stderr) = self.store.try_admin(&format!("session forget {session} --user {login}"));
        assert!(code == 0 || code == CANNOT_BE_DONE, "session forget: {code}: {stderr}");
        code == 0
    }

    pub fn kept(&self) -> Stored {
        if !self.has_served.load(Ordering::Relaxed) {
            return Stored::default();
        }
        let (code, stdout, stderr) = self.store.try_admin("session export");
        assert_eq!(code, 0, "session export: {stderr}");
        let session = |line| serde_json::from_str(line).expect("an exported session");
        let locations = self.store.query(
            "SELECT u.handle, h.session_id, t.kind = 'organization', h.forgotten_at IS NOT NULL FROM session_locations h \
             JOIN tenants u ON u.tenant_id = h.tenant_id JOIN tenants t ON t.tenant_id = h.stored_in",
        );
        let location = |row: Vec<Option<String>>| {
            let [login, session_id, in_organization, is_forgotten] =
                <[_; 4]>::try_from(row).expect("four columns").map(Option::unwrap_or_default);
            let tenant = if in_organization == "1" { Tenant::Organization } else { Tenant::Private };
            SessionLocation { login, session_id, tenant, is_forgotten: is_forgotten == "1" }
        };
        Stored {
            sessions: stdout.lines().map(session).collect(),
            locations: locations.into_iter().map(location).collect(),
        }
    }
}

/// A panic with the lock is told already.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request as it came, and the answer to it.
fn forward(base: &str, request: &Request) -> Result<TestResponse, ureq::Error> {
    let url = format!("{base}{}", request.head.path);
    let passes = |name: &str| !OF_THE_LINE.contains(&name.to_ascii_lowercase().as_str());
    let headers = request.head.headers.iter().filter(|(name, _)| passes(name));
    let mut response = if request.is_batch() {
        headers.fold(agent().post(url), |it, (name, value)| it.header(name, value)).send(&request.wire)?
    } else {
        headers.fold(agent().get(url), |it, (name, value)| it.header(name, value)).call()?
    };
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers().iter().filter(|(name, _)| passes(name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
    let status = response.status().as_u16();
    Ok(TestResponse { status, headers, body: Body::Whole(response.body_mut().read_to_vec()?) })
}

/// True if a receiver that is well may say that.
fn check_response(request: &Request, answer: &TestResponse) -> Checked<()> {
    let Body::Whole(body) = &answer.body else { return Ok(()) };
    let said = || format!("the receiver says {}: {}", answer.status, String::from_utf8_lossy(body));
    if !matches!(answer.status, 200 | 207 | 422) {
        return Err(said());
    }
    if !request.is_batch() {
        return Ok(());
    }
    let response: SyncResponse = serde_json::from_slice(body).map_err(|_| said())?;
    if response.errors.iter().any(|error| !REFUSALS.contains(&error.code.as_str())) {
        return Err(said());
    }
    Ok(())
}
