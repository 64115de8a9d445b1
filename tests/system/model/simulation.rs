//! A developer's machine with its han, and two receivers: real files, processes and sockets. The simulation applies what a
//! history says, and keeps account of what could be read when.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::action::{Action, File, ProjectOverride, Receiver, Rows, Setting, Taken};
use super::faults::{fault, when};
use super::han::{ROWS, insert, restore_in_place, with_schema};
use super::received::Received;
use super::receiver::{LOGINS, RealReceiver, keys};
use super::reference::{Claims, Config, Contents, Destination, Held, Holding, Knowledge, REMOTES, Reading};
use crate::support::han_db::oracle::expected_session;
use crate::support::han_db::{HanDb, Maker, conditions};
use crate::support::test_receiver::store::{ALICE_KEY, BOB_KEY};
use crate::support::{Sandbox, TestReceiver};
use chrono::{DateTime, TimeDelta, Utc};

/// The violated claim, in words.
pub type Checked<T> = Result<T, String>;

/// A file that is cut off at more than this is whole.
const WHOLE_PERCENT: usize = 100;

pub struct Simulation {
    pub sandbox: Sandbox,
    pub servers: [TestReceiver; 2],
    /// The real receivers, where the servers are the lines to them.
    pub real: Option<[Arc<RealReceiver>; 2]>,
    /// At each of the two.
    pub received: [Received; 2],
    /// Alice's and Bob's.
    pub keys: [String; 2],
    /// han's own connection; `None` while its database is gone.
    pub han: Option<HanDb>,
    maker: Maker,
    repos: Vec<String>,
    projects: Vec<(String, PathBuf)>,
    project_overrides: Vec<ProjectOverride>,
    config: Config,
    pub claims: Claims,
    pub knowledge: Knowledge,
    /// Everything that a run ever knew, for states that come back.
    pub ever: Knowledge,
    pub dropped: BTreeMap<String, Vec<Holding>>,
    /// True if the next run finds the database locked.
    pub locks_next: bool,
    contents: Option<Rc<Contents>>,
    /// Moments at which a run may read that is under way.
    pub readings: Vec<Reading>,
    /// The latest time that the clock ever showed before it was set back.
    pub latest: DateTime<Utc>,
    /// True if a state file was ever lost, or replaced by an older one.
    has_lost_state: bool,
}

impl Simulation {
    pub fn new(seed: u64, receiver: Receiver) -> Simulation {
        let servers = [TestReceiver::start(), TestReceiver::start()];
        let sandbox = Sandbox::new(&servers[0]);
        let (real, keys) = match receiver {
            Receiver::Tests => (None, [ALICE_KEY, BOB_KEY].map(str::to_owned)),
            Receiver::Real => (Some(RealReceiver::behind(&servers, &sandbox)), keys().clone()),
        };
        // Later than every row of han's, as the clock of its machine is.
        sandbox.advance(TimeDelta::days(8));
        sandbox.env("HAN_SYNC_TEST_MACHINE", "a machine of the model");
        let db = HanDb::create_seeded(sandbox.database(), seed);
        let mut simulation = Simulation {
            servers,
            real,
            received: Default::default(),
            keys,
            maker: Maker::new(seed),
            han: None,
            repos: Vec::new(),
            projects: Vec::new(),
            project_overrides: Vec::new(),
            config: Config::default(),
            claims: Claims { acme: true, globex: false },
            knowledge: Knowledge::default(),
            ever: Knowledge::default(),
            dropped: BTreeMap::new(),
            locks_next: false,
            contents: None,
            readings: Vec::new(),
            latest: sandbox.now(),
            has_lost_state: false,
            sandbox,
        };
        db.transaction(|db| {
            simulation.repos = REMOTES.iter().map(|forms| db.repo(forms[0].0)).collect();
            // Two folders of the first repository, and one without any.
            for repo in [Some(0), Some(0), Some(1), Some(2), Some(3), Some(4), None] {
                let folder = simulation.sandbox.path(&format!("work/{}", simulation.projects.len()));
                fs::create_dir_all(&folder).unwrap();
                let repo = repo.map(|repo: usize| simulation.repos[repo].as_str());
                let id = db.project(repo, folder.to_str().unwrap());
                simulation.projects.push((id, folder));
                simulation.project_overrides.push(ProjectOverride::Nothing);
            }
            let session = db.make(|m| m.rng.uuid());
            db.session(&session, Some(&simulation.projects[0].0), Some("active"), None);
            conditions::ordinary(db, &session, ROWS);
        });
        simulation.maker = db.make(|m| m.clone());
        simulation.han = Some(db);
        simulation.wrote();
        simulation
    }

    pub fn server(&self) -> &TestReceiver {
        &self.servers[self.nth()]
    }

    /// The place of the configured destination's receiver among the two.
    pub fn nth(&self) -> usize {
        usize::from(self.config.place.other_endpoint)
    }

    pub fn place(&self) -> Destination {
        self.config.place
    }

    /// The user of the configured destination.
    pub fn login(&self) -> &'static str {
        LOGINS[usize::from(self.config.place.bob)]
    }

    /// The real receiver of the configured destination, where it is one.
    pub fn real_receiver(&self) -> Option<Arc<RealReceiver>> {
        self.real.as_ref().map(|real| real[self.nth()].clone())
    }

    /// The nth of the database's sessions; one that is not there where there is none.
    pub fn session(&self, n: usize) -> String {
        let sessions: Vec<&String> = self.contents.iter().flat_map(|it| it.sessions.keys()).collect();
        if sessions.is_empty() { "no-such-session".to_owned() } else { sessions[n % sessions.len()].clone() }
    }

    /// Notes a moment at which a run that is under way may read.
    pub fn record_reading(&mut self) {
        let contents = match &self.contents {
            Some(contents) => contents.clone(),
            None => {
                let contents = Rc::new(self.han.as_ref().map_or_else(Contents::default, contents_of));
                self.contents = Some(contents.clone());
                contents
            }
        };
        let folders = self.projects.iter().zip(&self.project_overrides);
        let folders = folders.filter(|((_, folder), _)| folder.is_dir());
        let folders = folders.map(|((_, folder), says)| (folder.display().to_string(), *says)).collect();
        let now = self.sandbox.now();
        self.readings.push(Reading { now, contents, config: self.config, folders, claims: self.claims });
    }

    /// han has written: what is known of its database is stale, and its files have the clock's time.
    fn wrote(&mut self) {
        self.contents = None;
        if let Some(db) = &self.han {
            self.maker = db.make(|m| m.clone());
        }
        // han stores nothing from the future.
        let written = self.maker.now().parse().expect("a time");
        if self.sandbox.now() <= written {
            self.sandbox.set_now(written + TimeDelta::seconds(1));
        }
        let since = self.sandbox.now().timestamp_millis() as u64;
        for suffix in ["", "-wal"] {
            let path = PathBuf::from(format!("{}{suffix}", self.sandbox.database().display()));
            if let Ok(file) = fs::File::options().append(true).open(path) {
                let time = UNIX_EPOCH + Duration::from_millis(since);
                file.set_modified(time).expect("a file in the sandbox");
            }
        }
        if !self.readings.is_empty() {
            self.record_reading();
        }
    }

    /// Has han do something, where its database is there.
    fn han(&mut self, does: impl FnOnce(&HanDb, &Simulation)) {
        let Some(db) = self.han.take() else { return };
        does(&db, self);
        self.han = Some(db);
        self.wrote();
    }

    /// Puts another database in the place of han's.
    pub fn replace(&mut self, by: impl FnOnce(HanDb, &Simulation) -> HanDb) {
        let Some(db) = self.han.take() else { return };
        self.han = Some(by(db, self));
        self.wrote();
    }

    /// Opens a database. Ids and times go on where they were: nothing that is new has an old name.
    fn open(&self, path: impl AsRef<Path>) -> HanDb {
        let db = HanDb::open(path);
        db.make(|m| *m = self.maker.clone());
        db
    }

    pub fn apply(&mut self, action: Action) -> Checked<()> {
        match action {
            Action::NewSession(project, rows) => self.han(|db, simulation| {
                let project = &simulation.projects[project % simulation.projects.len()].0;
                let session = db.make(|m| m.rng.uuid());
                db.session(&session, Some(project), Some("active"), None);
                db.transaction(|db| insert(db, &session, rows));
            }),
            Action::Insert(session, rows) => self.insert(session, rows),
            Action::NewTask(session) => self.in_session(session, |db, session| {
                let task = db.make(|m| m.task(session, "none", 0, "pending"));
                db.task(&task);
            }),
            Action::ChangeTask(session) => self.in_session(session, |db, session| {
                let sql = "SELECT id FROM native_tasks WHERE session_id = ?1 ORDER BY id";
                for task in db.strings(sql, [session]).iter().take(2) {
                    let status = db.make(|m| *m.rng.pick(&["pending", "in_progress", "completed"]));
                    db.update_task(task, status);
                }
            }),
            Action::Status(session, which) => self.change(session, which),
            Action::Slug(session, which) => self.in_session(session, |db, session| {
                db.set_session_slug(session, [None, Some("a-slug")][usize::from(which) % 2]);
            }),
            Action::Reindex => self.han(|db, _| drop(db.transaction(|db| db.reindex(None)))),
            Action::Rebuild => self.replace(|db, _| db.rebuild()),
            Action::Vacuum => self.han(|db, _| db.vacuum()),
            Action::CloseGaps => self.han(|db, _| db.close_rowid_gaps()),
            Action::DeleteSession(session) => self.in_session(session, |db, session| {
                if db.count("sessions") > 1 {
                    db.delete_session(session);
                }
            }),
            Action::DeleteLastRows(count) => self.han(|db, _| {
                let last = "DELETE FROM messages WHERE rowid IN (SELECT rowid FROM messages ORDER BY rowid DESC LIMIT ?1)";
                db.conn().execute(last, [count as i64]).unwrap();
            }),
            Action::CopyDatabase => {
                let copy = self.sandbox.path("older.db");
                self.han(|db, _| db.copy_to(&copy));
            }
            Action::RestoreDatabase { in_place } => {
                let copy = self.sandbox.path("older.db");
                if copy.exists() {
                    self.replace(|db, simulation| {
                        let path = if in_place { restore_in_place(db, &copy) } else { db.restore(&copy).close() };
                        simulation.open(path)
                    });
                }
            }
            Action::DatabaseGone => self.hide_database(),
            Action::DatabaseBack => self.bring_database_back(),
            Action::LockDatabase => self.locks_next = true,
            Action::OlderSchema => self.replace(|db, simulation| simulation.open(with_schema(db, true))),
            Action::NewerSchema => self.replace(|db, simulation| simulation.open(with_schema(db, false))),
            Action::Unlink(project) => self.unlink(project),
            Action::Link(project) => self.han(|db, simulation| {
                let place = project % simulation.projects.len();
                let repo = &simulation.repos[place % simulation.repos.len()];
                db.link_repo(&simulation.projects[place].0, Some(repo));
            }),
            Action::Remote(repo, form) => self.remote(repo, form),
            Action::MoveSession(session, project) => {
                let project = self.projects[project % self.projects.len()].0.clone();
                self.in_session(session, |db, session| db.set_session_project(session, Some(&project)));
            }
            Action::Override(project, says) => self.narrow(project, says),
            Action::FolderGone(project) => {
                let place = project % self.projects.len();
                let folder = &self.projects[place].1;
                if folder.is_dir() {
                    fs::remove_dir_all(folder).unwrap();
                }
                self.project_overrides[place] = ProjectOverride::Nothing;
            }
            Action::FolderBack(project) => {
                fs::create_dir_all(&self.projects[project % self.projects.len()].1).unwrap();
            }
            Action::Set(setting) => self.set(setting),
            Action::Identity(claim) => self.claim(claim),
            Action::Fault(route, kind, skip, times) => {
                let when = when(route).skip(skip).times(times);
                self.server().script(when, fault(kind, route));
            }
            Action::Reject(session, code, times) => self.reject(&self.session(session), code, times),
            Action::Forget(session) => self.forget(&self.session(session)),
            Action::ClearFaults => self.clear_script(),
            Action::KillReceiver(nth, hundredths) => {
                if let Some(receiver) = self.real_receiver() {
                    receiver.die_at(nth, Duration::from_micros(hundredths * 10));
                }
            }
            Action::Run(command) => self.run(command)?,
            Action::KillAt(command, route, nth, taken) => self.kill_at(command, route, nth, taken == Taken::Yes)?,
            Action::KillAfter(command, hundredths) => self.kill_after(command, Duration::from_micros(hundredths * 10))?,
            Action::During(command, route, nth, meanwhile) => self.during(command, route, nth, &meanwhile)?,
            Action::Lose(file) => self.lose(file),
            Action::Truncate(file, percent) => self.truncate(file, percent),
            Action::CopyState => {
                for file in self.files(File::All) {
                    if file.exists() {
                        fs::copy(&file, file.with_extension("copy")).unwrap();
                    }
                }
            }
            Action::RestoreState(file) => self.restore_state(file),
            Action::ClockBack(seconds) => {
                self.latest = self.latest.max(self.sandbox.now());
                if !self.has_lost_state {
                    self.sandbox.advance(-TimeDelta::seconds(seconds.into()));
                }
            }
            Action::Pass(seconds) => self.sandbox.advance(TimeDelta::seconds(seconds.into())),
        }
        Ok(())
    }

    /// Has han do something to one of its sessions.
    fn in_session(&mut self, n: usize, does: impl FnOnce(&HanDb, &str)) {
        self.refresh();
        let session = self.session(n);
        self.han(|db, simulation| {
            if simulation.contents.as_ref().is_some_and(|it| it.sessions.contains_key(&session)) {
                does(db, &session);
            }
        });
    }

    /// Reads what the database holds, where that is not known.
    pub fn refresh(&mut self) {
        let readings = self.readings.len();
        self.record_reading();
        self.readings.truncate(readings);
    }

    pub fn insert(&mut self, session: usize, rows: Rows) {
        self.in_session(session, |db, session| db.transaction(|db| insert(db, session, rows)));
    }

    pub fn change(&mut self, session: usize, which: u8) {
        let status = [Some("active"), Some("completed")][usize::from(which) % 2];
        self.in_session(session, |db, session| db.set_session_status(session, status));
    }

    pub fn unlink(&mut self, project: usize) {
        self.han(|db, simulation| {
            db.unlink_repo(&simulation.projects[project % simulation.projects.len()].0)
        });
    }

    pub fn remote(&mut self, repo: usize, form: usize) {
        self.han(|db, simulation| {
            let repo = repo % simulation.repos.len();
            let forms = REMOTES[repo];
            db.set_remote(&simulation.repos[repo], forms[form % forms.len()].0);
        });
    }

    /// han opens its database again.
    pub fn reopen(&mut self) {
        self.han = Some(self.open(self.sandbox.database()));
        self.wrote();
    }

    fn hide_database(&mut self) {
        if let Some(db) = self.han.take() {
            let path = db.close();
            fs::rename(&path, path.with_extension("hidden")).unwrap();
            self.wrote();
        }
    }

    pub fn bring_database_back(&mut self) {
        if self.han.is_none() {
            let path = self.sandbox.database();
            fs::rename(path.with_extension("hidden"), &path).unwrap();
            self.reopen();
        }
    }

    fn narrow(&mut self, project: usize, says: ProjectOverride) {
        let place = project % self.projects.len();
        let folder = &self.projects[place].1;
        if !folder.is_dir() {
            return;
        }
        let text = match says {
            ProjectOverride::Nothing => "sync:\n  batchSize: 5\n",
            ProjectOverride::Disabled => "sync:\n  enabled: false\n",
            ProjectOverride::WithoutContent => "sync:\n  includeContent: false\n",
            ProjectOverride::Unreadable => "sync: [",
        };
        fs::write(folder.join("han.yml"), text).unwrap();
        self.project_overrides[place] = says;
    }

    fn set(&mut self, setting: Setting) {
        let flag = |on: bool, pattern: &str| if on { format!("[{pattern}]") } else { "[]".to_owned() };
        let (key, value) = match setting {
            Setting::ExcludeApi(on) => {
                self.config.exclude_api = on;
                ("forceExclude", flag(on, "github.com/acme-corp/api"))
            }
            Setting::IncludeStranger(on) => {
                self.config.include_stranger = on;
                ("forceInclude", flag(on, "github.com/stranger/**"))
            }
            Setting::IncludePersonal(on) => {
                self.config.include_personal = on;
                ("includePersonal", on.to_string())
            }
            Setting::Globex(on) => {
                self.config.globex = on;
                ("organizations", flag(on, "github.com/globex"))
            }
            Setting::Content(on) => {
                self.config.content = on;
                ("includeContent", on.to_string())
            }
            Setting::BatchSize(messages) => ("batchSize", messages.to_string()),
            Setting::BatchBytes(bytes) => ("batchBytes", bytes.to_string()),
            Setting::Bob(on) => {
                self.config.place.bob = on;
                ("apiKey", self.keys[usize::from(on)].clone())
            }
            Setting::OtherEndpoint(on) => {
                self.config.place.other_endpoint = on;
                ("endpoint", self.server().endpoint())
            }
        };
        self.sandbox.set(key, &value);
    }

    fn files(&self, file: File) -> Vec<PathBuf> {
        let state = self.sandbox.state_path();
        let queue = self.sandbox.state_folder().join("sync-queue.json");
        match file {
            File::State => vec![state],
            File::Queue => vec![queue],
            File::All => vec![state, queue],
        }
    }

    /// Forgets what the state can no longer know without a file.
    fn forget_file(&mut self, file: File) {
        match file {
            File::State | File::All => self.knowledge = Knowledge::default(),
            File::Queue => {}
        }
    }

    /// Of fields that change under a clock set back, nothing but the state knows that they are later than those before:
    /// a history has the one or the other.
    fn set_clock_right(&mut self) {
        self.has_lost_state = true;
        self.sandbox.set_now(self.sandbox.now().max(self.latest));
    }

    fn lose(&mut self, file: File) {
        self.set_clock_right();
        for path in self.files(file) {
            let _ = fs::remove_file(path);
        }
        self.forget_file(file);
    }

    fn truncate(&mut self, file: File, percent: u8) {
        self.set_clock_right();
        for path in self.files(file) {
            if let Ok(text) = fs::read(&path) {
                fs::write(&path, &text[..text.len() * usize::from(percent) / WHOLE_PERCENT]).unwrap();
                self.forget_file(file);
            }
        }
    }

    fn restore_state(&mut self, file: File) {
        self.set_clock_right();
        for path in self.files(file) {
            let copy = path.with_extension("copy");
            if copy.exists() {
                fs::copy(copy, &path).unwrap();
                if file != File::Queue {
                    let ever = self.ever.clone();
                    self.knowledge.or(&ever);
                }
            }
        }
    }
}

/// Everything that the database holds.
fn contents_of(db: &HanDb) -> Contents {
    let folder_of = "SELECT p.path FROM sessions s JOIN projects p ON p.id = s.project_id WHERE s.id = ?1";
    let held = |id: String| {
        let wire = expected_session(db.conn(), &id, b"");
        let folder = db.strings(folder_of, [&id]).pop();
        (id, Held { wire, folder })
    };
    let sql = "SELECT p.path, r.remote FROM projects p LEFT JOIN repos r ON r.id = p.repo_id";
    let mut statement = db.conn().prepare(sql).unwrap();
    let projects = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    Contents {
        sessions: db.sessions().into_iter().map(held).collect(),
        projects: projects.map(Result::unwrap).collect(),
    }
}
