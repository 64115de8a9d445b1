//! Corners where two promises meet: what one run does to the next, and one refusal to its neighbours.

use chrono::TimeDelta;
use serde_json::json;

use super::scene::Scene;
use crate::support::{Fault, batches};

#[test]
fn session_that_han_does_not_know_sends_nothing_else() {
    let scene = Scene::new(&[2, 2]);
    let (report, _) = scene.run_json(&["--session", "unknown"], 0);
    assert_eq!((&report["status"], &report["sessionsSent"]), (&json!("skipped"), &json!(0)), "{report}");
    assert_eq!(scene.server.alice().message_count(), 0);
    assert_eq!(scene.queued("unknown").expect("it is queued")["priority"], "high");
}

#[test]
fn reset_of_a_session_that_was_never_sent_prints_one_document() {
    let scene = Scene::new(&[1]);
    let (report, _) = scene.run_json(&["reset", "--session", "unknown"], 0);
    assert_eq!(report["sessionsReset"], 0);
}

#[test]
fn answers_need_no_content_type() {
    let scene = Scene::new(&[2]);
    scene.server.script(batches().times(1), Fault::none().without_header("content-type"));
    scene.run_json(&[], 0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn web_page_of_a_proxy_blames_no_session() {
    let scene = Scene::new(&[2, 2]);
    scene.server.script(batches().times(1), Fault::html(400));
    let (report, _) = scene.run_json(&["--max-seconds", "10"], 0);
    assert_eq!((&report["sessionsRejected"], &report["attempts"]), (&json!(0), &json!(2)), "{report}");
    scene.assert_delivered_without_repeats();

    // A size it may speak of: it counts bodies before anybody reads them.
    let scene = Scene::new(&[2, 2]);
    scene.server.script(batches().with_more_messages_than(1), Fault::html(413));
    scene.run_json(&[], 0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn the_receivers_own_trouble_counts_towards_no_failure() {
    let scene = Scene::new(&[2]);
    let refused = scene.sessions[0].clone();
    scene.server.reject(&refused, "PROCESSING_ERROR", 9);
    for _ in 0..9 {
        scene.run_json(&["session", &refused, "--max-seconds", "1"], 75);
    }
    scene.server.reject(&refused, "VALIDATION_ERROR", 1);
    scene.run_json(&["session", &refused, "--max-seconds", "1"], 75);
    assert_eq!(scene.queued(&refused).expect("it waits")["status"], "pending");
    scene.run_json(&["session", &refused], 0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn hook_leaves_a_dropped_session_alone() {
    let scene = Scene::new(&[2]);
    let dropped = scene.sessions[0].clone();
    scene.run(&["queue", "--drop", &dropped]).exits(0);
    let input = json!({ "session_id": dropped }).to_string();
    scene.run_with_input(&["hook"], input.as_bytes()).exits(0);
    scene.settle();
    scene.run_json(&[], 0);
    assert_eq!(scene.queued(&dropped).expect("it stays")["status"], "dropped");
    assert_eq!(scene.server.alice().message_count(), 0);

    scene.add_messages(&dropped, 1);
    scene.run_json(&[], 0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn dropped_session_stays_dropped_while_its_owner_is_unknown() {
    let scene = Scene::new(&[2]);
    let dropped = scene.sessions[0].clone();
    scene.run_json(&["status"], 0);
    scene.run(&["queue", "--drop", &dropped]).exits(0);
    for exclusion in ["[\"github.com/**\", \"acme-corp\"]", "[]"] {
        scene.set("forceExclude", exclusion);
        scene.run_json(&[], 0);
    }
    assert_eq!(scene.queued(&dropped).expect("it stays")["status"], "dropped");
    assert_eq!(scene.server.alice().message_count(), 0);
}

#[test]
fn one_refused_task_withholds_nothing_else() {
    let scene = Scene::new(&[3, 2]);
    let session = scene.sessions[0].clone();
    let tasks: Vec<String> = (0..7)
        .map(|_| {
            let task = scene.db.make(|maker| maker.task(&session, "none", 0, "pending"));
            scene.db.task(&task);
            task.id
        })
        .collect();
    let poison = tasks[4].clone();
    let has_poison = move |request: &crate::support::Request| request.has_task(&poison);
    scene.server.script(batches().that(has_poison), Fault::status(422));
    scene.run_json(&[], 65);
    scene.assert_delivered();
    assert_eq!(scene.server.alice().sessions[&session].tasks.len(), 6);
    assert_eq!(scene.queued(&session).expect("it is kept")["status"], "failed");

    scene.server.clear_script();
    scene.run_json(&["all"], 0);
    assert_eq!(scene.server.alice().sessions[&session].tasks.len(), 7);
    assert_eq!(scene.queued(&session), None);
    scene.assert_quiet();
}

#[test]
fn row_that_stays_refused_blocks_no_other_that_was_refused_with_it() {
    let scene = Scene::new(&[4]);
    let session = scene.sessions[0].clone();
    let (first, second) = (scene.message(0, 1), scene.message(0, 2));
    scene.server.script(batches().with_message(&first), Fault::status(422));
    scene.server.script(batches().with_message(&second), Fault::status(422));
    scene.run_json(&[], 65);
    assert_eq!(scene.server.alice().message_count(), 2);

    // The receiver takes the second now, and still not the first.
    scene.server.clear_script();
    scene.server.script(batches().with_message(&first), Fault::status(422));
    scene.advance(TimeDelta::hours(25));
    scene.run_json(&[], 0);
    assert_eq!(scene.server.alice().message_count(), 3);
    assert_eq!(scene.queued(&session).expect("it is kept")["status"], "failed");

    scene.server.clear_script();
    scene.run_json(&["all"], 0);
    scene.assert_delivered();
    scene.assert_quiet();
}

#[test]
fn fields_reach_the_receiver_beside_the_only_message_that_it_refuses() {
    let scene = Scene::new(&[1]);
    let session = scene.sessions[0].clone();
    scene.server.script(batches().with_message(&scene.message(0, 0)), Fault::status(400));
    scene.run_json(&[], 65);
    assert!(scene.server.alice().sessions.contains_key(&session));
    // A day later it is refused again, which is no news.
    scene.advance(TimeDelta::hours(25));
    scene.run_json(&[], 0);
    scene.server.clear_script();
    scene.run_json(&["all"], 0);
    scene.assert_delivered();
}

#[test]
fn all_that_was_queued_outlives_a_run_for_one_session() {
    let (scene, failed) = Scene::with_failed_session();
    scene.add_messages(&scene.sessions[1], 1);
    let holder = scene.run_into_held_batch(&["--json", "--max-seconds", "3"], 0);
    let (report, _) = scene.run_json(&["all"], 0);
    assert_eq!(report["status"], "busy", "{report}");
    scene.server.script(batches(), Fault::status(503));
    scene.server.release();
    holder.wait();
    scene.server.clear_script();
    scene.run_json(&["session", &scene.sessions[1]], 0);
    scene.advance(TimeDelta::minutes(61));
    scene.run_json(&[], 0);
    assert_eq!(scene.queued(&failed), None, "all was asked for, and failed sessions with it");
    scene.assert_delivered();
}

#[test]
fn away_receiver_alarms_nobody_when_nothing_is_due() {
    let scene = Scene::new(&[]);
    scene.server.script(crate::support::connections(), Fault::reset());
    let (report, _) = scene.run_json(&[], 0);
    assert_eq!(report["status"], "backoff", "{report}");
    let status = scene.status();
    assert_eq!((&status["successfulRuns"], &status["failedRuns"]), (&json!(0), &json!(1)), "{status}");
    assert!(!status["lastError"].is_null() && !status["nextRetryAt"].is_null(), "{status}");
}

#[test]
fn all_with_nothing_to_do_asks_nobody_and_writes_nothing() {
    let scene = Scene::new(&[2]);
    scene.run_json(&[], 0);
    scene.advance(TimeDelta::minutes(50));
    let before = (scene.server.request_count(), scene.state_file("sync-state.json"));
    scene.run_json(&["all"], 0);
    assert_eq!((scene.server.request_count(), scene.state_file("sync-state.json")), before);
}
