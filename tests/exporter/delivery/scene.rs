//! What every test of delivery starts from: a receiver, a home folder, and sessions of an organization that wait.

use std::ops::Deref;

use chrono::TimeDelta;
use serde_json::Value;

use crate::support::han_db::{HanDb, Stream};
use crate::support::{Fault, Outcome, RunningProgram, Sandbox, TestReceiver, batches};

/// One line of a table: what happens to a scene before a program runs in it.
pub type Arrange = fn(&Scene);

/// A receiver, and a sandbox that is configured for it.
pub struct Scene {
    pub server: TestReceiver,
    pub sandbox: Sandbox,
    pub db: HanDb,
    /// In the order in which they were made.
    pub sessions: Vec<String>,
}

impl Deref for Scene {
    type Target = Sandbox;
    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Scene {
    /// Sessions with so many messages each.
    pub fn new(messages: &[usize]) -> Scene {
        Scene::with(TestReceiver::start(), messages)
    }

    pub fn with(server: TestReceiver, messages: &[usize]) -> Scene {
        let sandbox = Sandbox::new(&server);
        let db = HanDb::create(sandbox.database());
        let mut scene = Scene { server, sandbox, db, sessions: Vec::new() };
        for &messages in messages {
            scene.add_session(messages);
        }
        scene
    }

    /// Another session; its id.
    pub fn add_session(&mut self, messages: usize) -> String {
        let id = self.db.organization_session();
        self.add_messages(&id, messages);
        self.sessions.push(id.clone());
        id
    }

    /// More messages at the end of a session; their ids.
    pub fn add_messages(&self, session: &str, messages: usize) -> Vec<String> {
        self.db.transaction(|db| {
            (0..messages)
                .map(|_| {
                    let line = db.next_line(session, &Stream::Main);
                    let row = db.make(|maker| maker.user(session, &Stream::Main, line));
                    db.message(&row);
                    row.id
                })
                .collect()
        })
    }

    /// One message with about so many bytes of text at the end of a session; its id.
    pub fn add_large_message(&self, session: &str, text_bytes: usize) -> String {
        let usual = self.db.make(|maker| std::mem::replace(&mut maker.text_bytes, text_bytes));
        let id = self.add_messages(session, 1).remove(0);
        self.db.make(|maker| maker.text_bytes = usual);
        id
    }

    /// Two sessions, of which the receiver has refused the first for good and taken the second; the first one's id.
    pub fn with_failed_session() -> (Scene, String) {
        let scene = Scene::new(&[2, 2]);
        let failed = scene.sessions[0].clone();
        scene.server.script(batches().with_session(&failed), Fault::status(422));
        scene.run_json(&[], 65);
        assert_eq!(scene.queued(&failed).expect("it is kept")["status"], "failed");
        scene.run_json(&[], 0);
        scene.server.clear_script();
        (scene, failed)
    }

    /// Starts a run whose `nth` batch with data, from 0, waits at the receiver for [`TestReceiver::release`], and waits
    /// until it does.
    pub fn run_into_held_batch(&self, arguments: &[&str], nth: usize) -> RunningProgram {
        // The answer takes as long as the test wants: only a signal may end this wait, no time-out.
        self.set("timeout", "600");
        let before = self.server.request_count();
        self.server.script(batches().with_data().skip(nth).times(1), Fault::none().held());
        let run = self.spawn(arguments);
        self.server.wait_until("the batch is under way", |requests| {
            requests[before..].iter().filter(|request| !request.session_ids().is_empty()).count() > nth
        });
        run
    }

    /// Makes the database's files an hour old: as long as they stay so, han has written nothing.
    pub fn age_database(&self) {
        let path = self.database();
        let log = path.with_extension("db-wal");
        for file in [path, log].iter().filter(|file| file.exists()) {
            let file = std::fs::File::options().write(true).open(file).unwrap();
            file.set_modified((self.now() - TimeDelta::hours(1)).into()).unwrap();
        }
    }

    /// The message at that place in a session.
    pub fn message(&self, session: usize, place: usize) -> String {
        self.db.message_ids(&self.sessions[session])[place].clone()
    }

    /// A run of that command line, as JSON, on one line with its exit code: what most tests begin with.
    #[track_caller]
    pub fn run_json(&self, arguments: &[&str], code: i32) -> (Value, Outcome) {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let outcome = self.run(&arguments).exits(code);
        (outcome.json(), outcome)
    }

    /// Asserts that the receiver holds all of it, each message once under its one name, and got nothing against the
    /// protocol.
    #[track_caller]
    pub fn assert_delivered(&self) {
        self.assert_delivered_but(&[]);
    }

    /// The same, without these sessions, of which nothing is there.
    #[track_caller]
    pub fn assert_delivered_but(&self, held_back: &[&str]) {
        self.assert_all_delivered_but(held_back, &self.server.alice());
        assert_eq!(self.server.violations(), Vec::<String>::new());
    }

    /// Asserts that a later run finds nothing to do, asks nobody and writes nothing.
    #[track_caller]
    pub fn assert_quiet(&self) {
        let requests = self.server.request_count();
        let files = self.state_files();
        let (report, _) = self.run_json(&[], 0);
        assert_eq!(self.state_files(), files, "a run with nothing to do writes a file");
        assert_eq!(report["sessionsPending"], 0, "{report}");
        assert_eq!(self.server.request_count(), requests, "a run with nothing to do asks the receiver");
    }

    /// Asserts that everything was delivered, nothing was sent again, and nothing is left to do.
    #[track_caller]
    pub fn assert_delivered_without_repeats(&self) {
        self.assert_delivered();
        assert_eq!(self.server.alice().messages_again, 0, "messages were sent again");
        self.assert_quiet();
    }
}
