//! A pause: scheduled runs and hooks send nothing, runs by hand do.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::exporter_test::ExporterTest;
use crate::support::time;

fn hook(test: &ExporterTest, session: &str) {
    let input = json!({"session_id": session}).to_string();
    test.run_with_input(&["hook", "--trust-environment"], input.as_bytes()).exits(0);
    test.settle();
}

#[test]
fn scheduled_runs_and_hooks_send_nothing_during_a_pause_and_a_hook_still_queues() {
    let test = ExporterTest::with_sessions(&[2, 3]);
    test.run(&["pause"]).exits(0).prints("han-sync resume");
    let (report, outcome) = test.run_json(&[], 0);
    assert_eq!((&report["status"], &report["nextRetryAt"]), (&json!("paused"), &json!(null)));
    assert_eq!(outcome.stderr, "");
    hook(&test, &test.sessions[1]);
    assert_eq!(test.receiver.request_count(), 0);
    assert_eq!(test.queued(&test.sessions[1]).unwrap()["priority"], "high");
    test.advance(TimeDelta::days(400));
    assert_eq!(test.run_json(&[], 0).0["status"], "paused", "it lasts until resume");

    test.run(&["resume"]).exits(0);
    test.run_json(&[], 0);
    assert_eq!(test.receiver.batches()[0].session_ids()[0], test.sessions[1], "high priority goes first");
    test.assert_delivered_without_repeats();
}

#[test]
fn runs_by_hand_send_during_a_pause() {
    let test = ExporterTest::with_sessions(&[2, 3]);
    test.run(&["pause", "--for", "2h"]).exits(0);
    assert_eq!(test.run_json(&["session", &test.sessions[0]], 0).0["status"], "success");
    assert_eq!(test.sent_since(0), [test.sessions[0].clone()]);
    assert_eq!(test.run_json(&["all"], 0).0["status"], "success");
    test.assert_delivered();
    assert_eq!(test.run_json(&[], 0).0["status"], "paused");
}

#[test]
fn pause_with_a_period_ends_by_itself_and_says_when() {
    for (period, length) in [
        ("90s", TimeDelta::seconds(90)),
        ("5m", TimeDelta::minutes(5)),
        ("2h", TimeDelta::hours(2)),
        ("3d", TimeDelta::days(3)),
    ] {
        let test = ExporterTest::with_sessions(&[1]);
        let (document, _) = test.run_json(&["pause", "--for", period], 0);
        let until = time(&document["pausedUntil"]);
        assert!((until - test.now() - length).abs() < TimeDelta::seconds(2), "{document}");
        test.set_now(until - TimeDelta::seconds(1));
        let (report, _) = test.run_json(&[], 0);
        assert_eq!((&report["status"], time(&report["nextRetryAt"])), (&json!("paused"), until));
        test.set_now(until);
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
    let test = ExporterTest::with_sessions(&[1]);
    for wrong in ["2w", "0h", "-1h", "1.5h", "soon", ""] {
        test.run(&["pause", "--for", wrong]).exits(64).prints("30m");
    }
    assert_eq!(test.run_json(&[], 0).0["status"], "success");
}

#[test]
fn idle_run_during_a_pause_writes_no_file() {
    let test = ExporterTest::with_sessions(&[1]);
    test.run_json(&[], 0);
    test.run(&["pause"]).exits(0);
    let files = test.state_files();
    test.advance(TimeDelta::hours(30));
    assert_eq!(test.run_json(&[], 0).0["status"], "paused");
    assert_eq!(test.state_files(), files);
}
