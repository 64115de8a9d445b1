//! The exporter is killed between batches, again and again.

use super::Scene;
use super::gate::{Gate, Moment};
use super::store::{Text, assert_equals_source};
use crate::support::han_db::text::Rng;
use crate::support::han_db::{build_large, conditions};
use crate::support::running_receiver::{TestStore, WAIT_MAX, postgres, sqlite};
use std::time::{Duration, Instant};

const KILLS: usize = 50;
/// Rows arrive before every so manyth run, so that there is always something to send.
const GROWTH_EVERY: usize = 5;
const MESSAGES: usize = 3_000;
const SESSIONS: usize = 40;
/// Some ninety batches for the first run, were it left alone.
const BATCH_SIZE: usize = 20;
const SEED: u64 = 50;
/// Interval between two polls of a run that may end without reaching its moment.
const POLL: Duration = Duration::from_millis(5);

#[test]
fn exporter_killed_fifty_times_loses_nothing_and_doubles_nothing() {
    tell(sqlite());
}

#[test]
fn exporter_killed_fifty_times_loses_nothing_and_doubles_nothing_on_postgres() {
    if let Some(store) = postgres() {
        tell(store);
    }
}

fn tell(store: TestStore) {
    let mut scene = Scene::new(store);
    let gate = Gate::before(&scene.receiver.base);
    scene.machine.set("endpoint", format!("{}/api/sync", gate.base));
    scene.machine.set("batchSize", BATCH_SIZE);
    let large = build_large(scene.machine.database(), MESSAGES, SESSIONS, 600, SEED);
    let mut rng = Rng::new(SEED);
    let mut killed = 0;
    let mut run = 0;
    while killed < KILLS {
        if run % GROWTH_EVERY == GROWTH_EVERY - 1 {
            let db = scene.machine.open();
            for _ in 0..2 {
                let (_, session) = rng.pick(&large.sessions);
                db.transaction(|db| conditions::more_of_everything(db, session, 60));
            }
        }
        run += 1;
        assert!(run < KILLS * 4, "only {killed} of {run} runs had enough to send");
        let moment = *rng.pick(&[Moment::Sent, Moment::Committed, Moment::Answered]);
        killed += usize::from(is_killed(&scene, &gate, 1 + rng.below(4), moment));
    }
    gate.open();
    scene.machine.run();
    assert_equals_source(&scene.store, &scene.machine, Text::Without);
    scene.machine.run_finds_nothing();
    let clients = scene.store.query("SELECT DISTINCT client_id FROM clients");
    assert_eq!(clients.len(), 1, "a client that was killed came back under another name: {clients:?}");
    scene.end();
}

/// Runs the exporter until it is killed at that moment of its `nth` batch. Whether it came to that.
fn is_killed(scene: &Scene, gate: &Gate, nth: usize, moment: Moment) -> bool {
    gate.stop_at(nth, moment);
    let mut exporter = scene.machine.spawn(&["--json"]);
    let since = Instant::now();
    loop {
        if gate.stops_within(POLL) {
            exporter.kill().unwrap();
            exporter.wait().unwrap();
            return true;
        }
        if exporter.try_wait().unwrap().is_some() {
            // It may have come to its end just after its last answer.
            return gate.stops_within(Duration::ZERO);
        }
        assert!(since.elapsed() < WAIT_MAX, "the exporter hangs");
    }
}
