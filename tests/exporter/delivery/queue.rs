//! The queue: who waits, why, until when, and who goes first.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::scene::Scene;
use crate::support::{Fault, batches};

#[test]
fn what_is_asked_for_while_a_run_holds_the_lock_is_picked_up_by_that_run() {
    for holder_arguments in [vec!["--json"], vec!["all", "--json"]] {
        let mut scene = Scene::new(&[2]);
        let holder = scene.run_into_held_batch(&holder_arguments, 0);
        let late = scene.add_session(3);
        let (report, _) = scene.run_json(&["session", &late], 0);
        assert_eq!(report["status"], "busy", "{report}");
        assert_eq!(scene.queued(&late).expect("it is queued")["priority"], "high");
        scene.run(&["session", &late]).exits(0).prints("queued");
        assert_eq!(scene.server.alice().message_count(), 0);

        scene.server.release();
        let report = holder.wait().exits(0).json();
        assert_eq!(report["messagesSent"], 5, "{report}");
        assert_eq!(scene.queued(&late), None);
        scene.assert_delivered_without_repeats();
    }
}

#[test]
fn run_for_one_session_picks_up_what_was_asked_for_meanwhile() {
    let mut scene = Scene::new(&[2]);
    let holder = scene.run_into_held_batch(&["session", &scene.sessions[0], "--json"], 0);
    let late = scene.add_session(3);
    scene.run_json(&["session", &late], 0);
    scene.server.release();
    holder.wait().exits(0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn all_that_is_asked_for_while_a_run_holds_the_lock_reaches_failed_sessions_too() {
    let (scene, _) = Scene::with_failed_session();
    scene.add_messages(&scene.sessions[1], 1);
    let holder = scene.run_into_held_batch(&["--json"], 0);
    let (report, _) = scene.run_json(&["all"], 0);
    assert_eq!(report["status"], "busy", "{report}");
    scene.server.release();
    holder.wait().exits(0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn scheduled_run_that_finds_the_lock_held_leaves_at_once() {
    let scene = Scene::new(&[2]);
    let holder = scene.run_into_held_batch(&["--json"], 0);
    let before = scene.server.request_count();
    let (report, _) = scene.run_json(&[], 0);
    assert_eq!(report["status"], "busy", "{report}");
    assert_eq!(scene.server.request_count(), before);
    scene.server.release();
    holder.wait().exits(0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn lock_of_a_killed_run_holds_up_nobody_and_its_batch_is_sent_again() {
    let scene = Scene::new(&[2, 3]);
    let holder = scene.run_into_held_batch(&["--json"], 0);
    holder.signal(rustix::process::Signal::KILL);
    assert_eq!(holder.wait().code, -1);
    scene.server.release();
    scene.run_json(&[], 0);
    scene.assert_delivered();
    scene.assert_quiet();
}

/// Sessions of a batch or of several, in the order in which they were sent.
fn order_sent(scene: &Scene) -> Vec<String> {
    scene.server.batches().iter().flat_map(|it| it.session_ids()).map(str::to_owned).collect()
}

#[test]
fn high_priority_goes_first() {
    let mut scene = Scene::new(&[2, 2]);
    let asked_for = scene.add_session(2);
    scene.add_session(2);
    scene.server.script(batches(), Fault::status(503));
    scene.run_json(&["session", &asked_for, "--max-seconds", "1"], 75);
    let item = scene.queued(&asked_for).expect("it stays queued");
    assert_eq!(item["priority"], "high", "{item}");
    scene.server.clear_script();
    let before = order_sent(&scene).len();
    scene.advance(TimeDelta::seconds(3601));
    scene.run_json(&[], 0);
    assert_eq!(order_sent(&scene)[before], asked_for);
    scene.assert_delivered_without_repeats();
}

#[test]
fn session_at_the_head_that_is_refused_lets_the_others_pass() {
    let scene = Scene::new(&[2, 2, 2]);
    scene.set("batchSize", "2");
    let head = scene.sessions[0].clone();
    scene.server.reject(&head, "VALIDATION_ERROR", usize::MAX);
    scene.run_json(&["session", &head, "--max-seconds", "1"], 75);
    // It waits for its next try, and what is not due does not count.
    let (report, _) = scene.run_json(&["--max-seconds", "1"], 0);
    assert_eq!((&report["sessionsSent"], &report["sessionsPending"]), (&json!(2), &json!(1)), "{report}");
    scene.assert_delivered_but(&[&head]);
}

#[test]
fn session_asked_for_sends_that_session_alone() {
    for call in ["session", "--session"] {
        let scene = Scene::new(&[2, 3]);
        let (report, _) = scene.run_json(&[call, &scene.sessions[1]], 0);
        assert_eq!(report["messagesSent"], 3, "{report}");
        scene.assert_delivered_but(&[&scene.sessions[0]]);
        scene.run_json(&[], 0);
        scene.assert_delivered_without_repeats();
    }
}

#[test]
fn queue_shows_who_waits_and_why() {
    let (scene, failed) = Scene::with_failed_session();
    let outcome = scene.run(&["queue", "--json"]).exits(0);
    let queue = outcome.json();
    assert!(queue["version"].is_number() || queue["version"].is_string(), "{queue}");
    let shown = scene.run(&["queue"]).exits(0);
    shown.prints(&failed).prints("failed").prints("422");
    let item = scene.queued(&failed).unwrap();
    for field in ["sessionId", "priority", "status", "attempts", "lastError", "nextRetryAt"] {
        assert!(item.get(field).is_some(), "{field}: {item}");
    }
}

#[test]
fn dropped_session_is_left_alone_until_it_has_new_data() {
    for clears_all in [false, true] {
        let (scene, failed) = Scene::with_failed_session();
        let arguments: &[&str] =
            if clears_all { &["queue", "--clear-failed"] } else { &["queue", "--drop", &failed] };
        scene.run(arguments).exits(0);
        assert_eq!(scene.status()["queue"]["failed"], 0);
        scene.advance(TimeDelta::days(3));
        scene.run_json(&[], 0);
        scene.run_json(&["all"], 0);
        scene.assert_delivered_but(&[&failed]);
        scene.add_messages(&failed, 1);
        scene.run_json(&[], 0);
        scene.assert_delivered_without_repeats();
    }
}

#[test]
fn session_that_never_failed_can_be_dropped_and_asked_for_again() {
    let mut scene = Scene::new(&[2]);
    scene.run_json(&[], 0);
    let dropped = scene.add_session(2);
    scene.run(&["queue", "--drop", &dropped]).exits(0);
    scene.run_json(&[], 0);
    scene.assert_delivered_but(&[&dropped]);
    scene.run_json(&["session", &dropped], 0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn retried_session_is_due_at_once() {
    let (scene, failed) = Scene::with_failed_session();
    scene.run(&["queue", "--retry", &failed]).exits(0);
    let item = scene.queued(&failed).expect("it is queued");
    assert_ne!(item["status"], "failed", "{item}");
    scene.run_json(&[], 0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn queue_survives_being_torn_and_says_so() {
    let (scene, failed) = Scene::with_failed_session();
    let client = scene.status()["clientId"].clone();
    std::fs::write(scene.state_folder().join("sync-queue.json"), b"{\"version\":1,\"items\":[{\"se").unwrap();
    scene.run(&["--json"]).exits(0).prints("corrupt");
    assert_eq!(scene.queued(&failed), None, "what was refused before is tried again");
    assert_eq!(scene.status()["clientId"], client);
    scene.assert_delivered_without_repeats();
}

#[test]
fn changing_the_queue_does_not_wait_for_a_run() {
    let mut scene = Scene::new(&[2]);
    scene.run_json(&[], 0);
    let other = scene.add_session(2);
    scene.add_session(2);
    let holder = scene.run_into_held_batch(&["--json"], 0);
    scene.run(&["queue", "--drop", &other]).exits(0);
    scene.run(&["queue", "--retry", &other]).exits(0);
    scene.run(&["queue"]).exits(0);
    let status: Value = scene.status();
    assert_eq!(status["queue"]["failed"], json!(0), "{status}");
    scene.server.release();
    holder.wait().exits(0);
    scene.assert_delivered_without_repeats();
}
