//! `HAN_SYNC_TEST_NOW` and `--splay`: waits that a test skips, and a clock that no team's receiver sees.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::support::exporter_test::ExporterTest;
use crate::support::time;

#[test]
fn simulated_clock_counts_only_with_a_receiver_on_this_machine() {
    let test = ExporterTest::with_sessions(&[1]);
    let simulated = test.now();
    test.run_json(&[], 0);
    assert_eq!(time(&test.status()["lastSyncAt"]).date_naive(), simulated.date_naive());

    // Nobody listens there, and the name is none: the run fails by the machine's own clock, an invalid time or not.
    for (now, endpoint) in [
        ("2026-03-02T08:00:00Z", "https://receiver.invalid/api/sync"),
        ("2026-03-02T08:00:00Z", "https://localhost.receiver.invalid/api/sync"),
        ("soon", "https://another.invalid/api/sync"),
    ] {
        test.set("endpoint", endpoint);
        test.env("HAN_SYNC_TEST_NOW", now);
        let before = Utc::now();
        let (report, _) = test.run_json(&["--max-seconds", "1"], 75);
        let next: DateTime<Utc> = time(&report["nextRetryAt"]);
        assert!(next > before, "{now} {endpoint}: {report}");
    }
    test.set("endpoint", &test.receiver.endpoint());
    test.env("HAN_SYNC_TEST_NOW", "soon");
    test.run(&[]).exits(78).prints("HAN_SYNC_TEST_NOW");
}

#[test]
fn scheduled_run_with_something_to_send_waits_a_random_part_of_the_splay_first() {
    let test = ExporterTest::with_sessions(&[1]);
    let mut waited = Vec::new();
    for _ in 0..8 {
        test.add_messages(&test.sessions[0], 1);
        let start = test.now();
        let (report, _) = test.run_json(&["--splay", "1000", "--max-seconds", "5"], 0);
        assert_eq!(report["messagesPending"], 0, "the time budget counts from after the wait: {report}");
        let batches = test.receiver.batches();
        let payload = batches.last().unwrap().payload.as_ref().unwrap();
        let sent_at: DateTime<Utc> = payload.timestamp.parse().unwrap();
        waited.push(sent_at - start);
    }
    let bound = TimeDelta::seconds(1000 + 30);
    assert!(waited.iter().all(|wait| *wait < bound), "{waited:?}");
    waited.sort();
    assert!(waited[7] - waited[0] > TimeDelta::seconds(10), "it is random: {waited:?}");
}

#[test]
fn run_with_nothing_to_do_and_runs_by_hand_never_wait() {
    let test = ExporterTest::with_sessions(&[1]);
    let took = |arguments: &[&str]| {
        let (report, _) = test.run_json(arguments, 0);
        report["durationMs"].as_i64().unwrap()
    };
    let by_hand = took(&["all", "--splay", "86400"]);
    test.add_messages(&test.sessions[0], 1);
    let session = took(&["--session", &test.sessions[0], "--splay=86400"]);
    let idle = took(&["--splay", "86400"]);
    assert!(by_hand.max(session).max(idle) < 60_000, "{by_hand} {session} {idle}");
    test.assert_delivered_without_repeats();
}

#[test]
fn request_by_hand_ends_the_wait_of_a_scheduled_run() {
    // The machine's own clock: the wait is a real one, and far longer than the test.
    let test = ExporterTest::with_sessions(&[1]);
    test.env("HAN_SYNC_TEST_NOW", "");
    let waiting = test.spawn(&["--json", "--splay", "86400"]);
    let record = test.state_folder().join("sync.lock");
    crate::support::wait_until("the run waits", || std::fs::read(&record).is_ok_and(|text| !text.is_empty()));
    let (report, _) = test.run_json(&["all"], 0);
    assert_eq!(report["status"], json!("busy"));
    let report = waiting.wait().exits(0).json();
    assert_eq!(report["messagesSent"], 1, "{report}");
}
