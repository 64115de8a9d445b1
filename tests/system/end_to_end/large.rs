//! A database of the size that people have: 60,000 messages in 300 sessions.

use super::Scene;
use super::store::{Expected, Text, assert_holds, assert_sent_exactly_the_difference};
use crate::support::han_db::large::Kind;
use crate::support::han_db::{HanDb, ORGANIZATION_REMOTE, build_large, conditions};
use crate::support::running_receiver::{TestStore, postgres, sqlite};

const MESSAGES: usize = 60_000;
const SESSIONS: usize = 300;
/// Short rows: their number is the point here.
const RAW_BYTES_AVG: usize = 600;
/// Every so manyth session grows.
const GROWING: usize = 25;

#[test]
fn eligible_sessions_arrive_whole_then_nothing_then_exactly_what_is_new() {
    tell(sqlite());
}

#[test]
fn eligible_sessions_arrive_whole_then_nothing_then_exactly_what_is_new_on_postgres() {
    if let Some(store) = postgres() {
        tell(store);
    }
}

fn tell(store: TestStore) {
    let messages = std::env::var("HAN_SYNC_TEST_MESSAGES").map_or(MESSAGES, |text| text.parse().unwrap());
    let scene = Scene::new(store);
    let Scene { store, receiver, machine } = &scene;
    let large = build_large(machine.database(), messages, SESSIONS, RAW_BYTES_AVG, 7);

    let report = machine.run();
    let first = machine.expected();
    let mut organizations = large.sessions_of(Kind::Organization);
    organizations.sort_unstable();
    assert!(first.keys().eq(&organizations), "the organization's sessions and no others are eligible");
    assert_sent_exactly_the_difference(&report, &Expected::new(), &first);
    assert_holds(store, machine, &first, &first, Text::Without);

    let heard = receiver.log();
    machine.run_finds_nothing();
    assert_eq!(receiver.log(), heard, "a run with nothing to do made a request");

    let db = machine.open();
    db.transaction(|db| grow(db, &large.sessions));
    let report = machine.run();
    let grown = machine.expected();
    assert_sent_exactly_the_difference(&report, &first, &grown);
    assert!(grown.len() > first.len() && report["tasksSent"] != 0, "{report}");
    assert_holds(store, machine, &grown, &grown, Text::Without);
    machine.run_finds_nothing();
    scene.end();
}

/// More rows of every kind in some sessions of every kind, a new session, and a re-index of everything.
fn grow(db: &HanDb, sessions: &[(Kind, String)]) {
    for (_, session) in sessions.iter().step_by(GROWING) {
        conditions::more_of_everything(db, session, 24);
    }
    let session = db.session_of_remote(ORGANIZATION_REMOTE);
    conditions::tasks(db, &session, 8);
    db.reindex(None);
}
