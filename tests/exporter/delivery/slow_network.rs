//! A line so slow that a batch cannot pass within the time-out.

use super::scene::Scene;
use crate::support::{Fault, TestReceiver, batches};

#[test]
fn backlog_gets_through_at_16_kb_a_second() {
    // More in one batch than passes in the second that there is for it.
    let scene = Scene::with(TestReceiver::slow(16 * 1024), &[500, 100]);
    let (report, _) = scene.run_json(&[], 0);
    assert!(scene.server.batches()[0].wire.len() > 20 * 1024, "too little to be slow: {report}");
    assert_eq!(report["messagesSent"], 600, "{report}");
    scene.assert_delivered();
    scene.assert_quiet();

    // The size that passed is remembered: the next backlog needs no time-out to find it again.
    let before = scene.server.batches().len();
    scene.add_messages(&scene.sessions[0], 200);
    let (report, _) = scene.run_json(&[], 0);
    assert_eq!(report["attempts"], report["batches"], "{report}");
    assert!(scene.server.batches().len() > before);
    scene.assert_delivered();
}

#[test]
fn batches_grow_again_when_the_line_is_well() {
    let scene = Scene::new(&[300]);
    // The receiver hangs: nobody can tell that from a line that is too slow.
    scene.server.script(batches(), Fault::silence());
    scene.run_json(&["--max-seconds", "30"], 75);
    scene.server.clear_script();
    let (report, _) = scene.run_json(&["all"], 0);
    assert!(report["batches"].as_u64().unwrap() > 1, "they were halved: {report}");
    scene.add_messages(&scene.sessions[0], 900);
    let (report, _) = scene.run_json(&[], 0);
    assert!(report["batches"].as_u64().unwrap() <= 4, "and they grow again: {report}");
    scene.assert_delivered_without_repeats();
}

#[test]
fn time_outs_of_several_runs_halve_the_batch_too() {
    let scene = Scene::new(&[100]);
    scene.server.script(batches().with_more_messages_than(40), Fault::silence());
    for _ in 0..4 {
        // Time for one try each.
        scene.run_json(&["all", "--max-seconds", "2"], 75);
    }
    scene.run_json(&["all"], 0);
    scene.assert_delivered_without_repeats();
}
