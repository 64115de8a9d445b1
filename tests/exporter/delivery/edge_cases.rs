//! Corners where two promises meet: what one run does to the next, and one refusal to its neighbours.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::exporter_test::ExporterTest;
use crate::support::{Fault, batches};

#[test]
fn session_that_han_does_not_know_sends_nothing_else() {
    let test = ExporterTest::with_sessions(&[2, 2]);
    let (report, _) = test.run_json(&["--session", "unknown"], 0);
    assert_eq!((&report["status"], &report["sessionsSent"]), (&json!("skipped"), &json!(0)), "{report}");
    assert_eq!(test.receiver.alice().message_count(), 0);
    assert_eq!(test.queued("unknown").expect("it is queued")["priority"], "high");
}

#[test]
fn reset_of_a_session_that_was_never_sent_prints_one_document() {
    let test = ExporterTest::with_sessions(&[1]);
    let (report, _) = test.run_json(&["reset", "--session", "unknown"], 0);
    assert_eq!(report["sessionsReset"], 0);
}

#[test]
fn answers_need_no_content_type() {
    let test = ExporterTest::with_sessions(&[2]);
    test.receiver.script(batches().times(1), Fault::none().without_header("content-type"));
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn web_page_of_a_proxy_blames_no_session() {
    let test = ExporterTest::with_sessions(&[2, 2]);
    test.receiver.script(batches().times(1), Fault::html(400));
    let (report, _) = test.run_json(&["--max-seconds", "10"], 0);
    assert_eq!((&report["sessionsRejected"], &report["attempts"]), (&json!(0), &json!(2)), "{report}");
    test.assert_delivered_without_repeats();

    // A size it may speak of: it counts bodies before anybody reads them.
    let test = ExporterTest::with_sessions(&[2, 2]);
    test.receiver.script(batches().with_more_messages_than(1), Fault::html(413));
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn the_receivers_own_trouble_counts_towards_no_failure() {
    let test = ExporterTest::with_sessions(&[2]);
    let refused = test.sessions[0].clone();
    test.receiver.reject(&refused, "PROCESSING_ERROR", 9);
    for _ in 0..9 {
        test.run_json(&["session", &refused, "--max-seconds", "1"], 75);
    }
    test.receiver.reject(&refused, "SESSION_CONFLICT", 1);
    test.run_json(&["session", &refused, "--max-seconds", "1"], 75);
    assert_eq!(test.queued(&refused).expect("it waits")["status"], "pending");
    test.run_json(&["session", &refused], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn hook_leaves_a_dropped_session_alone() {
    let test = ExporterTest::with_sessions(&[2]);
    let dropped = test.sessions[0].clone();
    test.run(&["queue", "--drop", &dropped]).exits(0);
    let input = json!({ "session_id": dropped }).to_string();
    test.run_with_input(&["hook", "--trust-environment"], input.as_bytes()).exits(0);
    test.settle();
    test.run_json(&[], 0);
    assert_eq!(test.queued(&dropped).expect("it stays")["status"], "dropped");
    assert_eq!(test.receiver.alice().message_count(), 0);

    test.add_messages(&dropped, 1);
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn dropped_session_stays_dropped_while_its_owner_is_unknown() {
    let test = ExporterTest::with_sessions(&[2]);
    let dropped = test.sessions[0].clone();
    test.run_json(&["status"], 0);
    test.run(&["queue", "--drop", &dropped]).exits(0);
    for exclusion in ["[\"github.com/**\", \"acme-corp\"]", "[]"] {
        test.set("forceExclude", exclusion);
        test.run_json(&[], 0);
    }
    assert_eq!(test.queued(&dropped).expect("it stays")["status"], "dropped");
    assert_eq!(test.receiver.alice().message_count(), 0);
}

#[test]
fn one_refused_task_withholds_nothing_else() {
    let test = ExporterTest::with_sessions(&[3, 2]);
    let session = test.sessions[0].clone();
    let tasks: Vec<String> = (0..7)
        .map(|_| {
            let task = test.db.make(|maker| maker.task(&session, "none", 0, "pending"));
            test.db.task(&task);
            task.id
        })
        .collect();
    let poison = tasks[4].clone();
    let has_poison = move |request: &crate::support::Request| request.has_task(&poison);
    test.receiver.script(batches().that(has_poison), Fault::status(422));
    test.run_json(&[], 65);
    test.assert_delivered();
    assert_eq!(test.receiver.alice().sessions[&session].tasks.len(), 6);
    assert_eq!(test.queued(&session).expect("it is kept")["status"], "failed");

    test.receiver.clear_script();
    test.run_json(&["all"], 0);
    assert_eq!(test.receiver.alice().sessions[&session].tasks.len(), 7);
    assert_eq!(test.queued(&session), None);
    test.assert_idle();
}

#[test]
fn row_that_stays_refused_blocks_no_other_that_was_refused_with_it() {
    let test = ExporterTest::with_sessions(&[4]);
    let session = test.sessions[0].clone();
    let (first, second) = (test.message(0, 1), test.message(0, 2));
    test.receiver.script(batches().with_message(&first), Fault::status(422));
    test.receiver.script(batches().with_message(&second), Fault::status(422));
    test.run_json(&[], 65);
    assert_eq!(test.receiver.alice().message_count(), 2);

    // The receiver takes the second now, and still not the first.
    test.receiver.clear_script();
    test.receiver.script(batches().with_message(&first), Fault::status(422));
    test.advance(TimeDelta::hours(25));
    test.run_json(&[], 0);
    assert_eq!(test.receiver.alice().message_count(), 3);
    assert_eq!(test.queued(&session).expect("it is kept")["status"], "failed");

    test.receiver.clear_script();
    test.run_json(&["all"], 0);
    test.assert_delivered();
    test.assert_idle();
}

#[test]
fn fields_reach_the_receiver_beside_the_only_message_that_it_refuses() {
    let test = ExporterTest::with_sessions(&[1]);
    let session = test.sessions[0].clone();
    test.receiver.script(batches().with_message(&test.message(0, 0)), Fault::status(400));
    test.run_json(&[], 65);
    assert!(test.receiver.alice().sessions.contains_key(&session));
    // A day later it is refused again, which is no news.
    test.advance(TimeDelta::hours(25));
    test.run_json(&[], 0);
    test.receiver.clear_script();
    test.run_json(&["all"], 0);
    test.assert_delivered();
}

#[test]
fn all_that_was_queued_outlives_a_run_for_one_session() {
    let (test, failed) = ExporterTest::with_failed_session();
    test.add_messages(&test.sessions[1], 1);
    let holder = test.run_into_held_batch(&["--json", "--max-seconds", "3"], 0);
    let (report, _) = test.run_json(&["all"], 0);
    assert_eq!(report["status"], "busy", "{report}");
    test.receiver.script(batches(), Fault::status(503));
    test.receiver.release();
    holder.wait();
    test.receiver.clear_script();
    test.run_json(&["session", &test.sessions[1]], 0);
    test.advance(TimeDelta::minutes(61));
    test.run_json(&[], 0);
    assert_eq!(test.queued(&failed), None, "all was asked for, and failed sessions with it");
    test.assert_delivered();
}

#[test]
fn away_receiver_alarms_nobody_when_nothing_is_due() {
    let test = ExporterTest::with_sessions(&[]);
    test.receiver.script(crate::support::connections(), Fault::reset());
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(report["status"], "backoff", "{report}");
    let status = test.status();
    assert_eq!((&status["successfulRuns"], &status["failedRuns"]), (&json!(0), &json!(1)), "{status}");
    assert!(!status["lastError"].is_null() && !status["nextRetryAt"].is_null(), "{status}");
}

#[test]
fn all_with_nothing_to_do_asks_nobody_and_writes_nothing() {
    let test = ExporterTest::with_sessions(&[2]);
    test.run_json(&[], 0);
    test.advance(TimeDelta::minutes(50));
    let before = (test.receiver.request_count(), test.state_file("sync-state.json"));
    test.run_json(&["all"], 0);
    assert_eq!((test.receiver.request_count(), test.state_file("sync-state.json")), before);
}
