//! What these tests start from: a receiver that records, a home folder, and a database with sessions of every kind.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::time::SystemTime;

use chrono::TimeDelta;
use serde_json::Value;

use crate::support::han_db::{HanDb, Stream};
use crate::support::{Outcome, Request, Sandbox, TestReceiver};

pub struct Scene {
    pub server: TestReceiver,
    pub sandbox: Sandbox,
    pub db: HanDb,
}

impl Deref for Scene {
    type Target = Sandbox;
    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Scene {
    /// Configured for Alice, with an empty database.
    pub fn new() -> Scene {
        let server = TestReceiver::start();
        let sandbox = Sandbox::new(&server);
        // The same client before and after the first run, on machines without an id of their own too.
        sandbox.env("HAN_SYNC_TEST_MACHINE", "0123456789abcdef0123456789abcdef");
        let db = HanDb::create(sandbox.database());
        Scene { server, sandbox, db }
    }

    /// A session of a remote with so many messages; its id.
    pub fn session(&self, remote: &str, messages: usize) -> String {
        let id = self.db.session_of_remote(remote);
        self.add_messages(&id, messages);
        id
    }

    /// A session whose project lies in a folder of the sandbox; its id and the folder.
    pub fn session_in_folder(
        &self,
        remote: &str,
        name: &str,
        messages: usize,
    ) -> (String, std::path::PathBuf) {
        let folder = self.path(name);
        fs::create_dir_all(&folder).unwrap();
        let repos = self.db.strings("SELECT id FROM repos WHERE remote = ?1", [remote]);
        let repo = repos.first().cloned().unwrap_or_else(|| self.db.repo(remote));
        let project = self.db.project(Some(&repo), folder.to_str().unwrap());
        let id = self.db.make(|maker| maker.rng.uuid());
        self.db.session(&id, Some(&project), Some("active"), None);
        self.add_messages(&id, messages);
        (id, folder)
    }

    pub fn add_messages(&self, session: &str, messages: usize) {
        self.db.transaction(|db| {
            for _ in 0..messages {
                let line = db.next_line(session, &Stream::Main);
                db.message(&db.make(|maker| maker.user(session, &Stream::Main, line)));
            }
        });
    }

    /// Lets the database look as if han had written nothing for an hour.
    pub fn han_wrote_long_ago(&self) {
        self.db.checkpoint();
        let file = fs::File::options().write(true).open(self.database()).unwrap();
        file.set_modified((self.now() - TimeDelta::hours(1)).into()).unwrap();
    }

    /// A message of a person who says that.
    pub fn say(&self, session: &str, text: &str) {
        let line = self.db.next_line(session, &Stream::Main);
        self.db.message(&self.db.make(|maker| maker.user_saying(session, &Stream::Main, line, text)));
    }

    /// A command with `--json`: its document.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.json_exits(arguments, 0).0
    }

    #[track_caller]
    pub fn json_exits(&self, arguments: &[&str], code: i32) -> (Value, Outcome) {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let outcome = self.run(&arguments).exits(code);
        (outcome.json(), outcome)
    }

    /// Sessions in the batches that arrived since there were `before` requests.
    pub fn sent_since(&self, before: usize) -> Vec<String> {
        let requests = self.server.requests();
        let mut ids: Vec<String> =
            requests[before..].iter().flat_map(Request::session_ids).map(str::to_owned).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// A run, and the sessions that it sent something of.
    #[track_caller]
    pub fn run_and_see(&self, code: i32) -> Vec<String> {
        let before = self.server.request_count();
        self.json_exits(&[], code);
        assert_eq!(self.server.violations(), Vec::<String>::new());
        self.sent_since(before)
    }
}

/// Every file below a folder, with its content and time; empty where there is no folder.
pub fn files(folder: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let time = entry.metadata().unwrap().modified().unwrap();
            found.insert(path.display().to_string(), (fs::read(&path).unwrap(), time));
        }
    }
    found
}

/// Makes what looks like a GitHub token, the same for the same number.
pub fn github_token(number: usize) -> String {
    format!("ghp_{number:04}{}", "aB3dE6gH9jKmNpQrStUvWxYz01234567")
}
