//! A line so slow that a batch cannot pass within the time-out.

use std::time::Duration;

use chrono::TimeDelta;

use crate::support::exporter_test::ExporterTest;
use crate::support::{Fault, TestReceiver, batches, identities};

#[test]
fn backlog_gets_through_at_16_kb_a_second() {
    // More in one batch than passes in the second that there is for it.
    let test = ExporterTest::against(TestReceiver::slow(16 * 1024), &[500, 100]);
    let (report, _) = test.run_json(&[], 0);
    assert!(test.receiver.batches()[0].wire.len() > 20 * 1024, "too little to be slow: {report}");
    assert_eq!(report["messagesSent"], 600, "{report}");
    test.assert_delivered();
    test.assert_idle();

    // The size that passed is remembered: the next backlog needs no time-out to find it again.
    let before = test.receiver.batches().len();
    test.add_messages(&test.sessions[0], 200);
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(report["attempts"], report["batches"], "{report}");
    assert!(test.receiver.batches().len() > before);
    test.assert_delivered();
}

#[test]
fn batches_grow_again_when_the_line_is_well() {
    let test = ExporterTest::with_sessions(&[300]);
    // The receiver hangs: nobody can tell that from a line that is too slow.
    test.receiver.script(batches(), Fault::silence());
    test.run_json(&["--max-seconds", "30"], 75);
    test.receiver.clear_script();
    let (report, _) = test.run_json(&["all"], 0);
    assert!(report["batches"].as_u64().unwrap() > 1, "they were halved: {report}");
    test.add_messages(&test.sessions[0], 900);
    let (report, _) = test.run_json(&[], 0);
    assert!(report["batches"].as_u64().unwrap() <= 4, "and they grow again: {report}");
    test.assert_delivered_without_repeats();
}

#[test]
fn time_outs_of_several_runs_halve_the_batch_too() {
    let test = ExporterTest::with_sessions(&[100]);
    test.receiver.script(batches().with_more_messages_than(40), Fault::silence());
    for _ in 0..4 {
        // Time for one try each.
        test.run_json(&["all", "--max-seconds", "2"], 75);
    }
    test.run_json(&["all"], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn time_budget_below_the_timeout_halves_the_batch_too() {
    let slow = ExporterTest::against(TestReceiver::slow(8 * 1024), &[800]);
    let silent = ExporterTest::with_sessions(&[800]);
    silent.receiver.script(batches().with_more_messages_than(150), Fault::silence());
    let dripping = ExporterTest::with_sessions(&[800]);
    let drip = Fault::none().dripping(Duration::from_millis(50));
    dripping.receiver.script(batches().with_more_messages_than(150), drip);
    for (test, name) in [(slow, "slow"), (silent, "silent"), (dripping, "dripping")] {
        eprintln!("case: {name}");
        test.set("timeout", "30");
        let (report, outcome) = test.run_json(&["--max-seconds", "3"], 75);
        outcome.prints("TIME_UP").prints("bytes").prints("--max-seconds");
        assert_eq!(report["messagesSent"], 0, "{report}");
        assert!(test.status()["lastError"].to_string().contains("bytes"), "the slow batch is told");
        let mut runs = 1;
        while test.status()["pendingMessages"] != 0 {
            // Each run has its share of the work done, whatever the backoff.
            test.advance(TimeDelta::minutes(5));
            test.run(&["--json", "--max-seconds", "3"]);
            runs += 1;
            assert!(runs < 20, "it never gets through");
        }
        test.assert_delivered();
    }
}

#[test]
fn response_that_is_not_over_by_the_timeout_halves_the_batch() {
    let test = ExporterTest::with_sessions(&[100]);
    // With progress all the time, and still not at its end by the timeout.
    let drip = Fault::none().dripping(Duration::from_millis(100));
    test.receiver.script(batches().with_more_messages_than(40), drip);
    let (_, outcome) = test.run_json(&["--verbose"], 0);
    outcome.prints("timed out during its response");
    test.assert_delivered();
}

#[test]
fn small_batches_do_not_raise_a_limit_that_large_ones_taught() {
    let test = ExporterTest::with_sessions(&[40]);
    test.receiver.script(batches().with_data().times(2), Fault::silence());
    test.run_json(&[], 0);
    for _ in 0..12 {
        test.add_messages(&test.sessions[0], 1);
        test.run_json(&[], 0);
    }
    test.add_messages(&test.sessions[0], 400);
    let before = test.receiver.batches().len();
    test.run_json(&[], 0);
    let first = test.receiver.batches()[before].messages().count();
    assert!(first <= 200, "the first batch holds {first} messages");
    test.assert_delivered();
}

#[test]
fn batch_is_not_begun_in_the_last_moment_of_the_time_budget() {
    let test = ExporterTest::with_sessions(&[2, 2]);
    test.set("batchSize", "2");
    test.set("timeout", "30");
    test.receiver.script(batches().times(1), Fault::none().late(Duration::from_millis(1600)));
    let (report, _) = test.run_json(&["--max-seconds", "2"], 75);
    assert_eq!(test.receiver.batches().len(), 1, "{report}");
    test.receiver.clear_script();
    test.run_json(&["all"], 0);
    test.assert_delivered();
}

#[test]
fn end_of_the_time_budget_is_not_explained_by_a_fault_that_is_over() {
    let test = ExporterTest::with_sessions(&[2]);
    test.set("timeout", "30");
    test.receiver.script(identities().times(1), Fault::status(503).header("Retry-After", "6"));
    test.receiver.script(batches(), Fault::silence());
    // Too little is left for the batch to count as slow.
    let (report, outcome) = test.run_json(&["--max-seconds", "8"], 75);
    outcome.prints("time budget").does_not_print("503 Service");
    assert_eq!(report["errors"][0]["code"], "TIME_UP", "{report}");
}

#[test]
fn fault_of_an_identity_request_ends_with_its_success() {
    let test = ExporterTest::with_sessions(&[]);
    let excluded = test.session("https://github.com/elsewhere/api", 2);
    test.receiver.script(identities().times(1), Fault::status(503));
    let (report, _) = test.run_json(&["session", &excluded], 0);
    assert_eq!((&report["status"], &report["nextRetryAt"]), (&"skipped".into(), &serde_json::Value::Null));
    let status = test.status();
    assert!(status["lastError"].is_null() && status["nextRetryAt"].is_null(), "{status}");
}
