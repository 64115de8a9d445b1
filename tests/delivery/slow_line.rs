//! A line so slow that a batch cannot pass within the time-out.

use crate::scene::Scene;
use crate::support::FaultServer;

#[test]
fn backlog_gets_through_at_16_kb_a_second() {
    // More in one batch than passes in the second that there is for it.
    let scene = Scene::with(FaultServer::slow(16 * 1024), &[500, 100]);
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
