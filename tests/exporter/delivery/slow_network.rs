//! A line so slow that a batch cannot pass within the time-out.

use std::time::Duration;

use chrono::TimeDelta;

use crate::support::exporter_test::ExporterTest;
use crate::support::{Fault, TestReceiver, batches};

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
