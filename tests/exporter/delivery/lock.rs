//! The run lock: a run that hangs is noticed, one that is well is left alone.

use std::fs;

use chrono::TimeDelta;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::exporter_test::ExporterTest;

/// The condition of that code in `status`.
fn condition(test: &ExporterTest, code: &str) -> Option<Value> {
    let status = test.status();
    let conditions = status["conditions"].as_array().expect("a list of conditions");
    conditions.iter().find(|condition| condition["code"] == code).cloned()
}

/// Asserts that a run finds the lock held by a run that is well.
#[track_caller]
fn assert_busy(test: &ExporterTest) {
    let (report, outcome) = test.run_json(&[], 0);
    assert_eq!((&report["status"], &report["errors"]), (&json!("busy"), &json!([])), "{report}");
    outcome.does_not_print("sync.lock");
    assert_eq!(condition(test, "LOCK_STUCK"), None);
}

#[test]
fn run_that_hangs_with_the_lock_is_named_with_its_process_its_age_and_the_remedy() {
    let test = ExporterTest::with_sessions(&[1]);
    let started = test.now();
    let holder = test.run_into_held_batch(&["--json", "--max-seconds", "600"], 0);
    let pid = holder.pid().to_string();
    assert_busy(&test);
    test.advance(TimeDelta::minutes(20));
    assert_busy(&test);

    test.advance(TimeDelta::hours(26));
    for request in [&[][..], &["all"], &["--quiet"]] {
        let (report, outcome) = test.run_json(request, 0);
        assert_eq!((&report["status"], &report["errors"][0]["code"]), (&json!("busy"), &json!("LOCK_STUCK")));
        outcome.prints(&format!("held by process {pid} for 26 hours")).prints(&format!("kill {pid}"));
    }
    let condition = condition(&test, "LOCK_STUCK").expect("a condition");
    assert_eq!(
        (&condition["severity"], &condition["command"]),
        (&json!("warning"), &json!(format!("kill {pid}")))
    );
    assert!(crate::support::time(&condition["since"]) >= started);
    test.run(&["status"]).exits(0).prints("LOCK_STUCK").prints(&pid);

    // The remedy mends it, though the killed run leaves its record behind.
    holder.signal(Signal::KILL);
    holder.wait();
    assert_eq!(self::condition(&test, "LOCK_STUCK"), None);
    test.receiver.clear_script();
    test.receiver.release();
    test.run_json(&[], 0);
    test.assert_delivered();
    test.assert_idle();
}

#[test]
fn lock_without_a_record_is_reported_a_quarter_of_an_hour_after_a_run_has_found_it_held() {
    let test = ExporterTest::with_sessions(&[1]);
    test.run_json(&[], 0);
    for left_behind in ["", "{\"pid\":", "\u{0}\u{1}"] {
        let lock = fs::File::options().write(true).open(test.state_folder().join("sync.lock")).unwrap();
        fs::write(test.state_folder().join("sync.lock"), left_behind).unwrap();
        fs2::FileExt::lock_exclusive(&lock).unwrap();
        assert_busy(&test);
        test.advance(TimeDelta::minutes(14));
        assert_busy(&test);
        test.advance(TimeDelta::minutes(2));
        let (report, outcome) = test.run_json(&[], 0);
        assert_eq!(report["errors"][0]["code"], "LOCK_STUCK", "{report}");
        outcome.prints("held by a han-sync process for 16 minutes").prints("pgrep -a han-sync");
        drop(lock);
        test.add_messages(&test.sessions[0], 1);
        test.run_json(&[], 0);
    }
    test.assert_delivered_without_repeats();
}

#[test]
fn record_of_a_killed_run_blames_no_later_one() {
    let test = ExporterTest::with_sessions(&[1]);
    let killed = test.run_into_held_batch(&["--json"], 0);
    killed.signal(Signal::KILL);
    killed.wait();
    test.receiver.release_once();
    test.receiver.clear_script();
    test.advance(TimeDelta::days(3));
    let holder = test.run_into_held_batch(&["--json"], 0);
    assert_busy(&test);
    test.receiver.release();
    holder.wait().exits(0);
    test.assert_delivered();
}
