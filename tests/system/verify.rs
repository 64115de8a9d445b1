//! Both programs prove what is stored, on both stores: after damage by hand, after a restored backup, with two machines.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::support::han_db::{HanDb, Stream};
use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use crate::support::{Outcome, Sandbox};

/// A developer's machine with sessions of its own, and with a clock that the test sets.
struct ClockedMachine {
    sandbox: Sandbox,
    db: HanDb,
}

impl ClockedMachine {
    fn new(receiver: &RunningReceiver, key: &str) -> ClockedMachine {
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
    fn copy(&self, receiver: &RunningReceiver, key: &str) -> ClockedMachine {
        let other = ClockedMachine::new(receiver, key);
        drop(other.db);
        std::fs::remove_file(other.sandbox.database()).unwrap();
        self.db.copy_to(other.sandbox.database());
        let db = HanDb::open(other.sandbox.database());
        ClockedMachine { sandbox: other.sandbox, db }
    }

    fn connect(&self, receiver: &RunningReceiver) {
        self.sandbox.set("endpoint", &format!("{}/api/sync", receiver.base));
    }

    fn add_messages(&self, session: &str, count: usize) {
        for _ in 0..count {
            let line = self.db.next_line(session, &Stream::Main);
            self.db.message(&self.db.make(|maker| maker.user(session, &Stream::Main, line)));
        }
    }

    fn add_session(&self, messages: usize) -> String {
        let id = self.db.organization_session();
        self.add_messages(&id, messages);
        id
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], exit: i32) -> Outcome {
        self.sandbox.run(arguments).exits(exit)
    }

    /// The findings of `verify`, as session and finding.
    #[track_caller]
    fn verify(&self, arguments: &[&str], exit: i32) -> Vec<(String, String)> {
        let arguments = [&["verify", "--json"], arguments].concat();
        let document: Value = self.run(&arguments, exit).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let sessions = document["sessions"].as_array().unwrap().iter();
        sessions.map(|it| (text(&it["sessionId"]), text(&it["finding"]))).collect()
    }

    fn later(&self, by: TimeDelta) {
        self.sandbox.advance(by);
    }
}

fn count(store: &TestStore, table: &str) -> usize {
    store.query(&format!("SELECT 1 FROM {table}")).len()
}

fn missing(session: &str) -> Vec<(String, String)> {
    vec![(session.to_owned(), "missing".to_owned())]
}

#[test]
fn rows_deleted_by_hand_are_found_by_a_recount_and_sent_again() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let machine = ClockedMachine::new(&receiver, &team.alice);
        let (first, second) = (machine.add_session(5), machine.add_session(3));
        machine.run(&[], 0);
        assert_eq!(machine.verify(&[], 0), []);
        store
            .execute(&format!("DELETE FROM messages WHERE session_id = '{first}' AND line_number IN (1, 2)"));
        assert_eq!(machine.verify(&[], 65), missing(&first));
        assert_eq!(machine.verify(&["--session", &second], 0), []);
        store.admin("check --repair");
        assert_eq!(machine.verify(&["--repair"], 0), missing(&first));
        assert_eq!(count(&store, "messages"), 8);
        assert_sums_equal_a_recount(&store);
        // A whole session with its rows.
        for table in ["messages", "metrics", "usages", "sessions"] {
            store.execute(&format!("DELETE FROM {table} WHERE session_id = '{second}'"));
        }
        assert_eq!(machine.verify(&[], 65), missing(&second));
        assert_eq!(machine.verify(&["--repair"], 0), missing(&second));
        assert_eq!(machine.verify(&[], 0), []);
        assert_sums_equal_a_recount(&store);
    }
}

#[test]
fn kept_digest_that_is_wrong_is_told_and_sends_nothing() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let machine = ClockedMachine::new(&receiver, &team.alice);
        machine.add_session(5);
        machine.run(&[], 0);
        store.execute("UPDATE sessions SET digest = digest + 1");
        assert_eq!(machine.verify(&[], 0), [], "a recount reads the rows");
        machine.later(TimeDelta::days(1));
        let outcome = machine.run(&["--json"], 0);
        assert_eq!(outcome.json()["messagesSent"], 0, "{}", outcome.stdout);
        assert!(outcome.stderr.contains("admin check --repair"), "{}", outcome.stderr);
        assert_eq!(store.try_admin("check").0, 65);
        store.admin("check --repair");
        machine.later(TimeDelta::days(1));
        assert_eq!(machine.run(&[], 0).stderr, "");
        assert_sums_equal_a_recount(&store);
    }
}

#[test]
fn daily_check_mends_what_a_kept_digest_shows() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let machine = ClockedMachine::new(&receiver, &team.alice);
        machine.add_session(4);
        machine.run(&[], 0);
        for table in ["messages", "metrics", "usages", "sessions"] {
            store.execute(&format!("DELETE FROM {table}"));
        }
        machine.later(TimeDelta::days(1));
        machine.run(&[], 0);
        assert_eq!(count(&store, "messages"), 4);
        assert!(machine.sandbox.status()["lastVerifiedAt"].is_string());
        assert_sums_equal_a_recount(&store);
    }
}

/// Copies the store's file, as a backup.
fn backup(store: &TestStore) -> PathBuf {
    let path = store.folder.path().join("backup.db");
    store.execute(&format!("VACUUM INTO '{}'", path.display()));
    path
}

#[test]
fn receiver_restored_from_a_backup_is_noticed_and_gets_what_it_lacks_tombstones_included() {
    let store = sqlite();
    let team = store.create_team();
    let receiver = store.serve();
    let machine = ClockedMachine::new(&receiver, &team.alice);
    let (first, forgotten) = (machine.add_session(4), machine.add_session(2));
    machine.run(&[], 0);
    let backup = backup(&store);
    machine.later(TimeDelta::minutes(5));
    machine.add_messages(&first, 2);
    let second = machine.add_session(3);
    let task = machine.db.make(|maker| maker.task(&first, "none", 0, "completed"));
    machine.db.task(&task);
    machine.run(&[], 0);
    machine.run(&["forget", "--session", &forgotten, "--yes"], 0);
    assert_eq!((count(&store, "messages"), count(&store, "tasks")), (9, 1));
    drop(receiver);
    let path = PathBuf::from(store.url.strip_prefix("sqlite:").unwrap());
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    write_store(&path, &std::fs::read(backup).unwrap());
    let receiver = store.serve();
    machine.connect(&receiver);
    // The address is another one, but the destination is the same to the state.
    assert_eq!(count(&store, "messages"), 6);
    rename_endpoint(&machine, &receiver);
    // Noticed at the hourly contact, compared within the hour after it.
    for _ in 0..3 {
        machine.later(TimeDelta::minutes(61));
        machine.run(&[], 0);
    }
    assert_eq!((count(&store, "messages"), count(&store, "tasks")), (9, 1));
    assert_eq!(machine.verify(&[], 0), []);
    let sessions = store.query("SELECT session_id FROM sessions");
    assert!(sessions.contains(&vec![Some(second)]));
    assert!(!sessions.contains(&vec![Some(forgotten)]), "the client asserts its tombstone again");
    assert_sums_equal_a_recount(&store);
    // Once compared, there is nothing left to do.
    machine.later(TimeDelta::minutes(61));
    let report = machine.run(&["--json"], 0).json();
    assert_eq!((&report["messagesSent"], &report["sessionsSent"]), (&0.into(), &0.into()));
}

/// Tells the state that its destination listens at another port now.
fn rename_endpoint(machine: &ClockedMachine, receiver: &RunningReceiver) {
    let path = machine.sandbox.state_path();
    let text = std::fs::read_to_string(&path).unwrap();
    let state: Value = serde_json::from_str(&text).unwrap();
    let endpoint = state["destinations"][0]["endpoint"].as_str().unwrap();
    let renamed = text.replace(endpoint, &format!("{}/api/sync", receiver.base));
    machine.sandbox.write_private(&path, &renamed);
}

#[test]
fn two_machines_of_one_user_verify_what_each_has() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let one = ClockedMachine::new(&receiver, &team.alice);
        let session = one.add_session(4);
        one.run(&[], 0);
        let two = one.copy(&receiver, &team.alice);
        two.add_messages(&session, 3);
        one.add_messages(&session, 2);
        two.run(&[], 0);
        one.run(&[], 0);
        let surplus = vec![(session.clone(), "surplus".to_owned())];
        assert_eq!((one.verify(&[], 0), two.verify(&[], 0)), (surplus.clone(), surplus.clone()));
        // A message that only the first machine has, then one that both have.
        let ids = one.db.message_ids(&session);
        for (id, exits) in [(&ids[5], [65, 0]), (&ids[0], [65, 65])] {
            store.execute(&format!("DELETE FROM messages WHERE message_id = '{id}'"));
            one.verify(&[], exits[0]);
            two.verify(&[], exits[1]);
        }
        one.verify(&["--repair"], 0);
        assert_eq!((one.verify(&[], 0), two.verify(&[], 0)), (surplus.clone(), surplus));
        assert_eq!(count(&store, "messages"), 9);
    }
}

#[test]
fn pruned_and_forgotten_messages_are_no_fault() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let machine = ClockedMachine::new(&receiver, &team.alice);
        let (old, gone) = (machine.add_session(4), machine.add_session(2));
        let recent = machine.db.message_ids(&old)[3].clone();
        let now: DateTime<Utc> = Utc::now();
        machine.db.conn().execute("UPDATE messages SET timestamp = '2020-01-01T00:00:00Z'", []).unwrap();
        let change = "UPDATE messages SET timestamp = ?1 WHERE id = ?2";
        machine.db.conn().execute(change, [now.to_rfc3339(), recent]).unwrap();
        machine.run(&[], 0);
        assert_eq!(machine.verify(&[], 0), []);
        store.admin("prune --older-than 400d --org acme");
        assert_eq!(count(&store, "messages"), 1);
        assert_eq!(machine.verify(&[], 0), []);
        store.admin(&format!("session forget {gone} --user alice"));
        assert_eq!(machine.verify(&["--repair"], 0), [(gone, "forgotten".to_owned())]);
        machine.later(TimeDelta::days(31));
        let report = machine.run(&["--json"], 0).json();
        assert_eq!(report["messagesSent"], 0, "{report}");
        assert!(machine.sandbox.status()["lastVerifiedAt"].is_string());
    }
}
