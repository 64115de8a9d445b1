//! Both programs prove what is stored, on both stores: after damage by hand, after a restored backup, with two machines.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::clocked_machine::ClockedMachine;
use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;

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

/// Backs up a store beside a receiver that serves it.
fn backup(store: &TestStore) -> PathBuf {
    let path = store.folder.path().join("backup");
    store.admin(&format!("backup {}", path.display()));
    path
}

/// Restores a backup into another store in place of one that is lost, and serves it to the machines: the address is another
/// one, but the destination is the same to their states.
fn serve_restored(
    lost: &TestStore,
    backup: &Path,
    machines: &[&ClockedMachine],
) -> (TestStore, RunningReceiver) {
    let store = lost.another();
    store.admin(&format!("restore {}", backup.display()));
    store.admin("check");
    let receiver = store.serve();
    for machine in machines {
        machine.move_to(&receiver);
    }
    (store, receiver)
}

#[test]
fn receiver_restored_from_a_backup_is_noticed_and_gets_what_it_lacks_tombstones_included() {
    for lost in stores() {
        let (team, receiver) = (lost.create_team(), lost.serve());
        let machine = ClockedMachine::new(&receiver, &team.alice);
        let (first, forgotten) = (machine.add_session(4), machine.add_session(2));
        machine.run(&[], 0);
        let backup = backup(&lost);
        machine.later(TimeDelta::minutes(5));
        machine.add_messages(&first, 2);
        let second = machine.add_session(3);
        let task = machine.db.make(|maker| maker.task(&first, "none", 0, "completed"));
        machine.db.task(&task);
        machine.run(&[], 0);
        machine.run(&["forget", "--session", &forgotten, "--yes"], 0);
        assert_eq!((count(&lost, "messages"), count(&lost, "tasks")), (9, 1));
        drop(receiver);
        let (store, _receiver) = serve_restored(&lost, &backup, &[&machine]);
        assert_eq!(count(&store, "messages"), 6);
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
}

/// The reason for which a machine does not send a session; `None` if it does.
fn excluded(machine: &ClockedMachine, session: &str) -> Option<String> {
    let explained: Value = machine.run(&["explain", session, "--json"], 0).json();
    let session = &explained["sessions"][0];
    session["reason"].as_str().filter(|_| session["eligible"] == false).map(str::to_owned)
}

/// Two machines of alice with the same session, which the first has sent.
fn two_machines(receiver: &RunningReceiver, key: &str) -> (ClockedMachine, ClockedMachine, String) {
    let one = ClockedMachine::new(receiver, key);
    let session = one.add_session(4);
    one.run(&[], 0);
    let two = one.copy(receiver, key);
    two.run(&[], 0);
    (one, two, session)
}

#[test]
fn what_one_machine_forgets_and_takes_back_reaches_the_others_within_a_day() {
    let forgotten = Some("forgotten".to_owned());
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (one, two, session) = two_machines(&receiver, &team.alice);
        one.run(&["forget", "--session", &session, "--yes"], 0);
        // Without anything new to send, by the daily check.
        two.later(TimeDelta::days(1));
        two.run(&[], 0);
        assert_eq!(excluded(&two, &session), forgotten);
        two.add_messages(&session, 1);
        assert_eq!(two.run(&["--json"], 0).json()["batches"], 0, "nothing is sent that would be refused");
        one.run(&["forget", "--session", &session, "--undo"], 0);
        assert_eq!(count(&store, "messages"), 0);
        two.later(TimeDelta::days(1));
        two.run(&[], 0);
        assert_eq!((excluded(&two, &session), count(&store, "messages")), (None, 5));
        one.run(&[], 0);
        assert_eq!(one.verify(&[], 0), [(session.clone(), "surplus".to_owned())]);
        // A machine that has forgotten it by itself, before the other one takes everything back; and at once, by hand.
        two.run(&["forget", "--session", &session, "--yes"], 0);
        one.run(&["verify"], 0);
        assert_eq!(
            (excluded(&one, &session), excluded(&two, &session)),
            (forgotten.clone(), forgotten.clone())
        );
        one.run(&["forget", "--all", "--undo"], 0);
        two.run(&["verify", "--repair"], 0);
        two.run(&[], 0);
        assert_eq!((excluded(&two, &session), count(&store, "messages")), (None, 5));
        // Of an undo and a later forget the later one holds.
        one.later(TimeDelta::days(2));
        one.run(&["forget", "--session", &session, "--yes"], 0);
        one.run(&["verify"], 0);
        one.later(TimeDelta::days(2));
        one.run(&[], 0);
        assert_eq!((excluded(&one, &session), count(&store, "messages")), (forgotten.clone(), 0));
        assert_sums_equal_a_recount(&store);
    }
}

#[test]
fn tombstone_that_a_restored_receiver_lacks_is_not_taken_for_an_undo() {
    for lost in stores() {
        let (team, receiver) = (lost.create_team(), lost.serve());
        let (one, two, session) = two_machines(&receiver, &team.alice);
        let backup = backup(&lost);
        one.run(&["forget", "--session", &session, "--yes"], 0);
        two.run(&["verify"], 0);
        drop(receiver);
        let (store, _receiver) = serve_restored(&lost, &backup, &[&one, &two]);
        assert_eq!(count(&store, "messages"), 4);
        for _ in 0..2 {
            two.later(TimeDelta::days(1));
            two.run(&["verify", "--repair"], 0);
            assert_eq!(excluded(&two, &session).as_deref(), Some("forgotten"));
        }
        // Once a day.
        for _ in 0..2 {
            one.later(TimeDelta::days(1));
            one.run(&[], 0);
        }
        assert_eq!(count(&store, "messages"), 0, "the machine that forgot it asserts its tombstone again");
    }
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
