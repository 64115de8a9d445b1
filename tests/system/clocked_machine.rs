//! A developer's machine in front of a real receiver, with a clock that the test sets.

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use crate::support::han_db::{HanDb, Stream};
use crate::support::running_receiver::RunningReceiver;
use crate::support::{Outcome, Sandbox};

/// A developer's machine with sessions of its own, and with a clock that the test sets.
pub struct ClockedMachine {
    pub sandbox: Sandbox,
    pub db: HanDb,
}

impl ClockedMachine {
    pub fn new(receiver: &RunningReceiver, key: &str) -> ClockedMachine {
        let sandbox = Sandbox::unconfigured();
        for (name, value) in [("enabled", "true"), ("apiKey", key), ("timeout", "30")] {
            sandbox.set(name, value);
        }
        sandbox.set_now(Utc::now());
        let db = HanDb::create(sandbox.database());
        let machine = ClockedMachine { sandbox, db };
        machine.connect(receiver);
        machine
    }

    /// A machine with the same database.
    pub fn copy(&self, receiver: &RunningReceiver, key: &str) -> ClockedMachine {
        let other = ClockedMachine::new(receiver, key);
        drop(other.db);
        std::fs::remove_file(other.sandbox.database()).unwrap();
        self.db.copy_to(other.sandbox.database());
        let db = HanDb::open(other.sandbox.database());
        ClockedMachine { sandbox: other.sandbox, db }
    }

    pub fn connect(&self, receiver: &RunningReceiver) {
        self.sandbox.set("endpoint", &format!("{}/api/sync", receiver.base));
    }

    /// Goes over to a receiver at another address, which is the same destination to the state.
    pub fn move_to(&self, receiver: &RunningReceiver) {
        self.connect(receiver);
        let path = self.sandbox.state_path();
        let Ok(text) = std::fs::read_to_string(&path) else { return };
        let state: Value = serde_json::from_str(&text).unwrap();
        let Some(endpoint) = state["destinations"][0]["endpoint"].as_str() else { return };
        let renamed = text.replace(endpoint, &format!("{}/api/sync", receiver.base));
        self.sandbox.write_private(&path, &renamed);
    }

    pub fn add_messages(&self, session: &str, count: usize) {
        for _ in 0..count {
            let line = self.db.next_line(session, &Stream::Main);
            self.db.message(&self.db.make(|maker| maker.user(session, &Stream::Main, line)));
        }
    }

    pub fn add_session(&self, messages: usize) -> String {
        let id = self.db.organization_session();
        self.add_messages(&id, messages);
        id
    }

    #[track_caller]
    pub fn run(&self, arguments: &[&str], exit: i32) -> Outcome {
        self.sandbox.run(arguments).exits(exit)
    }

    /// The findings of `verify`, as session and finding.
    #[track_caller]
    pub fn verify(&self, arguments: &[&str], exit: i32) -> Vec<(String, String)> {
        let arguments = [&["verify", "--json"], arguments].concat();
        let document: Value = self.run(&arguments, exit).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let sessions = document["sessions"].as_array().unwrap().iter();
        sessions.map(|it| (text(&it["sessionId"]), text(&it["finding"]))).collect()
    }

    pub fn later(&self, by: TimeDelta) {
        self.sandbox.advance(by);
    }
}
