//! The start of nearly every test of the exporter: a test receiver, a sandbox that is configured for it, and a han
//! database with sessions to send.

use std::fs;
use std::ops::Deref;
use std::path::PathBuf;

use chrono::TimeDelta;
use serde_json::Value;

use super::han_db::{HanDb, Stream};
use super::{Fault, Outcome, Request, RunningProgram, Sandbox, TestReceiver, batches};

/// A row of a table of tests: the change to a test before its program runs.
pub type Arrange = fn(&ExporterTest);

/// A test receiver, a sandbox for it, and the sandbox's han database.
pub struct ExporterTest {
    pub receiver: TestReceiver,
    pub sandbox: Sandbox,
    pub db: HanDb,
    /// Ids in the order of creation.
    pub sessions: Vec<String>,
}

impl Deref for ExporterTest {
    type Target = Sandbox;
    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl ExporterTest {
    /// An empty database, on a machine with a fixed id: the client is the same before and after its first run.
    pub fn new() -> ExporterTest {
        let test = ExporterTest::with_sessions(&[]);
        test.env("HAN_SYNC_TEST_MACHINE", "0123456789abcdef0123456789abcdef");
        test
    }

    /// Sessions of the organization with so many messages each.
    pub fn with_sessions(messages: &[usize]) -> ExporterTest {
        ExporterTest::against(TestReceiver::start(), messages)
    }

    pub fn against(receiver: TestReceiver, messages: &[usize]) -> ExporterTest {
        let sandbox = Sandbox::new(&receiver);
        let db = HanDb::create(sandbox.database());
        let mut test = ExporterTest { receiver, sandbox, db, sessions: Vec::new() };
        for &messages in messages {
            test.add_session(messages);
        }
        test
    }

    /// Two sessions, the first of which the receiver has rejected for good; the first one's id.
    pub fn with_failed_session() -> (ExporterTest, String) {
        let test = ExporterTest::with_sessions(&[2, 2]);
        let failed = test.sessions[0].clone();
        test.receiver.script(batches().with_session(&failed), Fault::status(422));
        test.run_json(&[], 65);
        assert_eq!(test.queued(&failed).expect("the session is kept")["status"], "failed");
        test.run_json(&[], 0);
        test.receiver.clear_script();
        (test, failed)
    }

    /// Adds a session of the organization and returns its id.
    pub fn add_session(&mut self, messages: usize) -> String {
        let id = self.db.organization_session();
        self.add_messages(&id, messages);
        self.sessions.push(id.clone());
        id
    }

    /// Adds a session of a remote and returns its id.
    pub fn session(&self, remote: &str, messages: usize) -> String {
        let id = self.db.session_of_remote(remote);
        self.add_messages(&id, messages);
        id
    }

    /// Adds a session whose project is a folder of the sandbox, and returns its id and the folder.
    pub fn session_in_folder(&self, remote: &str, name: &str, messages: usize) -> (String, PathBuf) {
        let folder = self.path(name);
        fs::create_dir_all(&folder).expect("a folder in the sandbox");
        let repos = self.db.strings("SELECT id FROM repos WHERE remote = ?1", [remote]);
        let repo = repos.first().cloned().unwrap_or_else(|| self.db.repo(remote));
        let project = self.db.project(Some(&repo), folder.to_str().expect("a path in UTF-8"));
        let id = self.db.make(|maker| maker.rng.uuid());
        self.db.session(&id, Some(&project), Some("active"), None);
        self.add_messages(&id, messages);
        (id, folder)
    }

    /// Appends messages to a session and returns their ids.
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

    /// Appends a message whose line names a folder as its own, and returns its id.
    pub fn add_message_in(&self, session: &str, folder: &str) -> String {
        self.db.make(|maker| maker.cwd = Some(folder.to_owned()));
        let id = self.add_messages(session, 1).remove(0);
        self.db.make(|maker| maker.cwd = None);
        id
    }

    /// Appends one message with about so many bytes of text, and returns its id.
    pub fn add_large_message(&self, session: &str, text_bytes: usize) -> String {
        let usual = self.db.make(|maker| std::mem::replace(&mut maker.text_bytes, text_bytes));
        let id = self.add_messages(session, 1).remove(0);
        self.db.make(|maker| maker.text_bytes = usual);
        id
    }

    /// Appends a user's message with that text.
    pub fn say(&self, session: &str, text: &str) {
        let line = self.db.next_line(session, &Stream::Main);
        self.db.message(&self.db.make(|maker| maker.user_saying(session, &Stream::Main, line, text)));
    }

    /// Starts a run, and waits until its `nth` batch with data (from 0) is held at the receiver, which lets the batch go
    /// on [`TestReceiver::release`].
    pub fn run_into_held_batch(&self, arguments: &[&str], nth: usize) -> RunningProgram {
        // Only a signal may end the wait for the response, no timeout.
        self.set("timeout", "600");
        let before = self.receiver.request_count();
        self.receiver.script(batches().with_data().skip(nth).times(1), Fault::none().held());
        let run = self.spawn(arguments);
        self.receiver.wait_until("the batch is in flight", |requests| {
            requests[before..].iter().filter(|request| !request.session_ids().is_empty()).count() > nth
        });
        run
    }

    /// Sets the mtime of the database and of its write-ahead log to an hour ago, as if han had written nothing since.
    pub fn age_database(&self) {
        let path = self.database();
        let log = path.with_extension("db-wal");
        for file in [path, log].iter().filter(|file| file.exists()) {
            let file = fs::File::options().write(true).open(file).expect("the database");
            file.set_modified((self.now() - TimeDelta::hours(1)).into()).expect("its mtime");
        }
    }

    /// Id of the nth message of the nth session, both from 0.
    pub fn message(&self, session: usize, nth: usize) -> String {
        self.db.message_ids(&self.sessions[session])[nth].clone()
    }

    /// Runs a command that exits with 0, and returns its JSON document.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.run_json(arguments, 0).0
    }

    /// Runs a command with `--json` that exits with `code`.
    #[track_caller]
    pub fn run_json(&self, arguments: &[&str], code: i32) -> (Value, Outcome) {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let outcome = self.run(&arguments).exits(code);
        (outcome.json(), outcome)
    }

    /// Ids of the sessions in the batches after the first `before` requests.
    pub fn sent_since(&self, before: usize) -> Vec<String> {
        let requests = self.receiver.requests();
        let ids = requests[before..].iter().flat_map(Request::session_ids).map(str::to_owned);
        let mut ids: Vec<String> = ids.collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Runs the exporter, and returns the ids of the sessions that it sent.
    #[track_caller]
    pub fn run_and_list_sent(&self, code: i32) -> Vec<String> {
        let before = self.receiver.request_count();
        self.run_json(&[], code);
        assert_eq!(self.receiver.violations(), Vec::<String>::new());
        self.sent_since(before)
    }

    /// Asserts that the receiver holds every message once, and got nothing against the protocol.
    #[track_caller]
    pub fn assert_delivered(&self) {
        self.assert_delivered_but(&[]);
    }

    /// Asserts the same, and that nothing of these sessions has arrived.
    #[track_caller]
    pub fn assert_delivered_but(&self, held_back: &[&str]) {
        self.assert_all_delivered_but(held_back, &self.receiver.alice());
        assert_eq!(self.receiver.violations(), Vec::<String>::new());
    }

    /// Asserts that a further run finds nothing to do, sends no request and writes no file.
    #[track_caller]
    pub fn assert_idle(&self) {
        let requests = self.receiver.request_count();
        let files = self.state_files();
        let (report, _) = self.run_json(&[], 0);
        assert_eq!(self.state_files(), files, "a run with nothing to do writes a file");
        assert_eq!(report["sessionsPending"], 0, "{report}");
        assert_eq!(self.receiver.request_count(), requests, "a run with nothing to do asks the receiver");
    }

    /// Asserts that everything was delivered, nothing was sent twice, and nothing is left to do.
    #[track_caller]
    pub fn assert_delivered_without_repeats(&self) {
        self.assert_delivered();
        assert_eq!(self.receiver.alice().messages_again, 0, "messages were sent again");
        self.assert_idle();
    }
}

/// A text of the form of a GitHub token, the same for the same number.
pub fn github_token(number: usize) -> String {
    format!("ghp_{number:04}{}", "aB3dE6gH9jKmNpQrStUvWxYz01234567")
}
