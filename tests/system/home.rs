//! A developer's machine in miniature, for thousands of runs: few rows, tiny batches, everything in memory.

use std::fs;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use rusqlite::Connection;
use serde_json::Value;

use crate::support::han_db::{HanDb, Stream, expected_wire};
use crate::support::{Fault, Outcome, RunningProgram, Sandbox, TestReceiver, batches};

/// Exit codes of the contract that a fault may end in: 64 would blame the user, 70 the program.
const FITTING: &[i32] = &[0, 65, 66, 75, 77, 78];

/// Delay of a response that makes a run save its state after every batch, since saving may take a tenth of the time.
const LATE: Duration = Duration::from_millis(20);

/// The database at the start of a case.
pub struct Template {
    folder: tempfile::TempDir,
}

impl Template {
    pub fn database(&self) -> PathBuf {
        self.folder.path().join("han.db")
    }

    /// Three sessions with a task each; their messages fill several batches.
    pub fn new() -> Template {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = HanDb::create(folder.path().join("han.db"));
        db.transaction(|db| {
            for _ in 0..3 {
                let session = db.organization_session();
                add_messages(db, &session, 4);
                add_task(db, &session);
            }
        });
        db.close();
        Template { folder }
    }
}

pub fn add_messages(db: &HanDb, session: &str, count: usize) {
    for _ in 0..count {
        let line = db.next_line(session, &Stream::Main);
        let row = match line % 2 {
            0 => db.make(|maker| maker.user(session, &Stream::Main, line)),
            _ => db.make(|maker| maker.without_uuid(session, &Stream::Main, line)),
        };
        db.message(&row);
    }
}

pub fn add_task(db: &HanDb, session: &str) {
    let task = db.make(|maker| maker.task(session, "none", 0, "pending"));
    db.task(&task);
}

/// A more message of the second session.
fn add_message_of_second(home: &Home) {
    let han = home.han.as_ref().expect("han runs");
    add_messages(han, &han.sessions()[1], 1);
}

/// The machine, and a receiver that behaves.
pub struct Home {
    pub receiver: TestReceiver,
    pub sandbox: Sandbox,
    /// han, while it runs.
    pub han: Option<HanDb>,
}

impl Deref for Home {
    type Target = Sandbox;
    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Home {
    /// With a copy of the template's database, and no state yet.
    pub fn new(template: &Template) -> Home {
        let receiver = TestReceiver::start();
        let sandbox = Sandbox::new(&receiver);
        sandbox.set("batchSize", "3");
        fs::copy(template.database(), sandbox.database()).expect("a copy of the database");
        Home { receiver, sandbox, han: None }
    }

    /// A sandbox in use: a first run has delivered everything, han has written more since, and the receiver will reject one
    /// session once: the next run rewrites state and queue, and the receiver takes so long to answer that the state is
    /// saved after each batch.
    pub fn in_use(template: &Template) -> Home {
        let mut home = Home::new(template);
        home.run(&[]).exits(0);
        let han = HanDb::open(home.database());
        let sessions = han.sessions();
        han.transaction(|han| {
            for session in &sessions {
                add_messages(han, session, 3);
            }
            add_task(han, &sessions[1]);
            let fresh = han.organization_session();
            add_messages(han, &fresh, 2);
        });
        home.han = Some(han);
        home.receiver.reject(&sessions[0], "SESSION_CONFLICT", 1);
        home.receiver.script(batches(), Fault::none().late(LATE));
        home
    }

    /// Home in which a first run has delivered everything, and han has written one more message since.
    pub fn at_rest(template: &Template) -> Home {
        let mut home = Home::new(template);
        home.run(&[]).exits(0);
        home.han = Some(HanDb::open(home.database()));
        add_message_of_second(&home);
        home
    }

    /// Path of strace's log.
    pub fn log(&self) -> PathBuf {
        self.path("strace.log")
    }

    /// Ends the wait for a program that must end.
    pub fn finish(&self, mut command: std::process::Command) -> Outcome {
        RunningProgram::new(command.spawn().expect("strace")).wait()
    }

    /// Asserts that what the state says is acknowledged is at the receiver.
    #[track_caller]
    pub fn assert_no_cursor_ahead(&self) {
        let Ok(text) = fs::read(self.state_path()) else { return };
        let state: Value = serde_json::from_slice(&text).expect("a state that was replaced whole");
        let db = Connection::open(self.database()).expect("the database");
        let known: Vec<String> = self.expected().into_keys().collect();
        let store = self.receiver.alice();
        for destination in state["destinations"].as_array().into_iter().flatten() {
            for (session, cursor) in destination["sessions"].as_object().into_iter().flatten() {
                if !known.contains(session) {
                    continue;
                }
                let expected = &expected_wire(self.database(), &[session], b"")[session];
                let acknowledged = acknowledged_rows(&db, session, cursor["rowid"].as_i64().unwrap_or(0));
                for message in expected.messages.values() {
                    let claimed = message.source_ids.iter().any(|id| acknowledged.contains(id));
                    let is_there =
                        store.sessions.get(session).is_some_and(|it| it.messages.contains_key(&message.id));
                    assert!(
                        !claimed || is_there,
                        "{} of {session} counts as delivered and is not",
                        message.id
                    );
                }
            }
        }
    }

    /// A normal run, when whatever was to wait has waited; then all is there, once, and nothing is left to do.
    #[track_caller]
    pub fn assert_next_run_completes(&self) {
        self.receiver.clear_script();
        self.receiver.accept_all();
        self.advance(TimeDelta::minutes(61));
        let outcome = self.run(&["--json"]).exits(0);
        self.assert_complete(&outcome);
        let report = self.run(&["--json"]).exits(0).json();
        assert_eq!((&report["sessionsSent"], &report["sessionsPending"]), (&0.into(), &0.into()), "{report}");
    }

    /// The same where something that never was in the database has reached the receiver before.
    #[track_caller]
    pub fn assert_next_run_stores_all(&self) {
        self.advance(TimeDelta::minutes(61));
        self.run(&["--json"]).exits(0);
        let store = self.receiver.alice();
        for (session, ids) in self.expected() {
            let lost =
                |id: &&String| !store.sessions.get(&session).is_some_and(|it| it.messages.contains_key(*id));
            let lost: Vec<&String> = ids.iter().filter(lost).collect();
            assert!(lost.is_empty(), "session {session}: lost {lost:?}");
        }
        self.assert_tidy();
    }

    #[track_caller]
    pub fn assert_complete(&self, outcome: &Outcome) {
        assert_eq!(outcome.stderr, "", "a normal run has nothing to complain of");
        assert_eq!(outcome.json()["status"], "success", "{}", outcome.stdout);
        let store = self.receiver.alice();
        self.assert_all_delivered_but(&[], &store);
        let sessions: Vec<String> = store.sessions.keys().cloned().collect();
        for (id, expected) in expected_wire(self.database(), &sessions, b"") {
            let tasks: Vec<&String> = store.sessions[&id].tasks.keys().collect();
            assert_eq!(tasks, expected.tasks.keys().collect::<Vec<_>>(), "tasks of {id}");
        }
        assert_eq!(self.receiver.violations(), Vec::<String>::new());
        self.assert_tidy();
    }

    /// Asserts that both state files are whole and none was given up.
    #[track_caller]
    pub fn assert_tidy(&self) {
        for file in fs::read_dir(self.state_folder()).expect("a state folder").flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            assert!(!name.contains(".corrupt"), "{name} was given up");
            if name.ends_with(".json") {
                let text = fs::read(file.path()).expect("a state file");
                assert!(serde_json::from_slice::<Value>(&text).is_ok(), "{name} is torn");
            }
        }
    }
}

/// Asserts that a run with `--json` that met a fault says so as the contract wants it.
#[track_caller]
pub fn assert_fits(outcome: &Outcome) {
    let Outcome { code, stdout, stderr } = outcome;
    assert!(FITTING.contains(code), "exit code {code}; stdout: {stdout}\nstderr: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    if *code != 0 {
        let report: Value = serde_json::from_str(stdout).unwrap_or_default();
        let told = report["errors"].as_array().is_some_and(|errors| !errors.is_empty());
        let said = stderr.contains("han-sync: error: ");
        assert!(told || said, "exit code {code} without a word; stdout: {stdout}\nstderr: {stderr}");
    }
}

fn acknowledged_rows(db: &Connection, session: &str, rowid: i64) -> Vec<String> {
    let mut statement =
        db.prepare("SELECT id FROM messages WHERE session_id = ?1 AND rowid <= ?2").expect("han's table");
    let rows = statement.query_map(rusqlite::params![session, rowid], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("an id")).collect()
}
