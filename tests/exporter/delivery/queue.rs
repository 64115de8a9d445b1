//! The queue: who waits, why, until when, and who goes first.

use std::fs;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::exporter_test::ExporterTest;
use crate::support::{Fault, batches, wait_until};

#[test]
fn what_is_asked_for_while_a_run_holds_the_lock_is_picked_up_by_that_run() {
    for holder_arguments in [vec!["--json"], vec!["all", "--json"]] {
        let mut test = ExporterTest::with_sessions(&[2]);
        let holder = test.run_into_held_batch(&holder_arguments, 0);
        let late = test.add_session(3);
        let (report, _) = test.run_json(&["session", &late], 0);
        assert_eq!(report["status"], "busy", "{report}");
        assert_eq!(test.queued(&late).expect("it is queued")["priority"], "high");
        test.run(&["session", &late]).exits(0).prints("queued");
        assert_eq!(test.receiver.alice().message_count(), 0);

        test.receiver.release();
        let report = holder.wait().exits(0).json();
        assert_eq!(report["messagesSent"], 5, "{report}");
        assert_eq!(test.queued(&late), None);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn run_for_one_session_picks_up_what_was_asked_for_meanwhile() {
    let mut test = ExporterTest::with_sessions(&[2]);
    let holder = test.run_into_held_batch(&["session", &test.sessions[0], "--json"], 0);
    let late = test.add_session(3);
    test.run_json(&["session", &late], 0);
    test.receiver.release();
    holder.wait().exits(0);
    test.assert_delivered_without_repeats();
}

#[test]
fn all_that_is_asked_for_while_a_run_holds_the_lock_reaches_failed_sessions_too() {
    let (test, _) = ExporterTest::with_failed_session();
    test.add_messages(&test.sessions[1], 1);
    let holder = test.run_into_held_batch(&["--json"], 0);
    let (report, _) = test.run_json(&["all"], 0);
    assert_eq!(report["status"], "busy", "{report}");
    test.receiver.release();
    holder.wait().exits(0);
    test.assert_delivered_without_repeats();
}

#[test]
fn scheduled_run_that_finds_the_lock_held_leaves_at_once() {
    let test = ExporterTest::with_sessions(&[2]);
    let holder = test.run_into_held_batch(&["--json"], 0);
    let before = test.receiver.request_count();
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(report["status"], "busy", "{report}");
    assert_eq!(test.receiver.request_count(), before);
    test.receiver.release();
    holder.wait().exits(0);
    test.assert_delivered_without_repeats();
}

#[test]
fn lock_of_a_killed_run_holds_up_nobody_and_its_batch_is_sent_again() {
    let test = ExporterTest::with_sessions(&[2, 3]);
    let holder = test.run_into_held_batch(&["--json"], 0);
    holder.signal(rustix::process::Signal::KILL);
    assert_eq!(holder.wait().code, -1);
    test.receiver.release();
    test.run_json(&[], 0);
    test.assert_delivered();
    test.assert_idle();
}

/// Sessions of a batch or of several, in the order in which they were sent.
fn order_sent(test: &ExporterTest) -> Vec<String> {
    test.receiver.batches().iter().flat_map(|it| it.session_ids()).map(str::to_owned).collect()
}

#[test]
fn high_priority_goes_first() {
    let mut test = ExporterTest::with_sessions(&[2, 2]);
    let asked_for = test.add_session(2);
    test.add_session(2);
    test.receiver.script(batches(), Fault::status(503));
    test.run_json(&["session", &asked_for, "--max-seconds", "1"], 75);
    let item = test.queued(&asked_for).expect("it stays queued");
    assert_eq!(item["priority"], "high", "{item}");
    test.receiver.clear_script();
    let before = order_sent(&test).len();
    test.advance(TimeDelta::seconds(3601));
    test.run_json(&[], 0);
    assert_eq!(order_sent(&test)[before], asked_for);
    test.assert_delivered_without_repeats();
}

#[test]
fn session_at_the_head_that_is_refused_lets_the_others_pass() {
    let test = ExporterTest::with_sessions(&[2, 2, 2]);
    test.set("batchSize", "2");
    let head = test.sessions[0].clone();
    test.receiver.reject(&head, "VALIDATION_ERROR", usize::MAX);
    test.run_json(&["session", &head, "--max-seconds", "1"], 75);
    // It waits for its next try, and what is not due does not count.
    let (report, _) = test.run_json(&["--max-seconds", "1"], 0);
    assert_eq!((&report["sessionsSent"], &report["sessionsPending"]), (&json!(2), &json!(1)), "{report}");
    test.assert_delivered_but(&[&head]);
}

#[test]
fn session_asked_for_sends_that_session_alone() {
    for call in ["session", "--session"] {
        let test = ExporterTest::with_sessions(&[2, 3]);
        let (report, _) = test.run_json(&[call, &test.sessions[1]], 0);
        assert_eq!(report["messagesSent"], 3, "{report}");
        test.assert_delivered_but(&[&test.sessions[0]]);
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn queue_shows_who_waits_and_why() {
    let (test, failed) = ExporterTest::with_failed_session();
    let outcome = test.run(&["queue", "--json"]).exits(0);
    let queue = outcome.json();
    assert!(queue["version"].is_number() || queue["version"].is_string(), "{queue}");
    let shown = test.run(&["queue"]).exits(0);
    shown.prints(&failed).prints("failed").prints("422");
    let item = test.queued(&failed).unwrap();
    for field in ["sessionId", "priority", "status", "attempts", "lastError", "nextRetryAt"] {
        assert!(item.get(field).is_some(), "{field}: {item}");
    }
}

#[test]
fn dropped_session_is_left_alone_until_it_has_new_data() {
    for clears_all in [false, true] {
        let (test, failed) = ExporterTest::with_failed_session();
        let arguments: &[&str] =
            if clears_all { &["queue", "--clear-failed"] } else { &["queue", "--drop", &failed] };
        test.run(arguments).exits(0);
        assert_eq!(test.status()["queue"]["failed"], 0);
        test.advance(TimeDelta::days(3));
        test.run_json(&[], 0);
        test.run_json(&["all"], 0);
        test.assert_delivered_but(&[&failed]);
        test.add_messages(&failed, 1);
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn session_that_never_failed_can_be_dropped_and_asked_for_again() {
    let mut test = ExporterTest::with_sessions(&[2]);
    test.run_json(&[], 0);
    let dropped = test.add_session(2);
    test.run(&["queue", "--drop", &dropped]).exits(0);
    test.run_json(&[], 0);
    test.assert_delivered_but(&[&dropped]);
    test.run_json(&["session", &dropped], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn retried_session_is_due_at_once() {
    let (test, failed) = ExporterTest::with_failed_session();
    test.run(&["queue", "--retry", &failed]).exits(0);
    let item = test.queued(&failed).expect("it is queued");
    assert_ne!(item["status"], "failed", "{item}");
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn queue_survives_being_torn_and_says_so() {
    let (test, failed) = ExporterTest::with_failed_session();
    let client = test.status()["clientId"].clone();
    std::fs::write(test.state_folder().join("sync-queue.json"), b"{\"version\":1,\"items\":[{\"se").unwrap();
    test.run(&["--json"]).exits(0).prints("corrupt");
    assert_eq!(test.queued(&failed), None, "what was refused before is tried again");
    assert_eq!(test.status()["clientId"], client);
    test.assert_delivered_without_repeats();
}

#[test]
fn changing_the_queue_does_not_wait_for_a_run() {
    let mut test = ExporterTest::with_sessions(&[2]);
    test.run_json(&[], 0);
    let other = test.add_session(2);
    test.add_session(2);
    let holder = test.run_into_held_batch(&["--json"], 0);
    test.run(&["queue", "--drop", &other]).exits(0);
    test.run(&["queue", "--retry", &other]).exits(0);
    test.run(&["queue"]).exits(0);
    let status: Value = test.status();
    assert_eq!(status["queue"]["failed"], json!(0), "{status}");
    test.receiver.release();
    holder.wait().exits(0);
    test.assert_delivered_without_repeats();
}

/// A request that another process makes after the run has read the queue for the last time.
#[test]
fn request_after_the_last_read_of_the_queue_is_served_after_a_temporary_rejection_too() {
    for (rejection, code) in [(None, 0), (Some("PROCESSING_ERROR"), 75), (Some("SESSION_CONFLICT"), 75)] {
        let mut test = ExporterTest::with_sessions(&[2]);
        test.run_json(&[], 0);
        test.add_messages(&test.sessions[0], 2);
        if let Some(rejection) = rejection {
            test.receiver.reject(&test.sessions[0], rejection, 1);
        }
        let run = test.run_into_held_batch(&["--json"], 0);
        // The run saves its state, and then waits for the lock of the queue.
        let lock = fs::File::create(test.state_folder().join("sync-queue.lock")).unwrap();
        lock.lock().unwrap();
        let before = fs::read(test.state_path()).unwrap();
        test.receiver.release();
        wait_until("the state is saved", || fs::read(test.state_path()).unwrap() != before);
        let late = test.add_session(3);
        let item = json!({
            "sessionId": late, "priority": "high", "status": "pending", "attempts": 0, "lastError": null,
            "enqueuedAt": test.now().to_rfc3339(),
        });
        let queue = json!({ "version": 1, "items": [item] });
        test.write_private(&test.state_folder().join("sync-queue.json"), &queue.to_string());
        drop(lock);
        run.wait().exits(code);
        assert!(test.receiver.alice().sessions.contains_key(&late), "{rejection:?}: left to the next run");
        // Past the hour after which a heartbeat is due, for every response of the run.
        test.advance(TimeDelta::hours(2));
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}
