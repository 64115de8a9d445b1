//! A line so slow that a batch cannot pass within the time-out.

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
