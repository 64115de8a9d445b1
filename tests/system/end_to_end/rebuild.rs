//! The database becomes another one between runs: rebuilt, restored from an older copy, vacuumed, its last rows deleted.

use super::Scene;
use super::store::{Expected, Text, assert_holds};
use crate::support::han_db::{HanDb, conditions};
use crate::support::running_receiver::{TestStore, stores};
use std::path::Path;

/// A change of the database; the path is that of an older copy.
type Change = fn(HanDb, &Path) -> HanDb;

#[test]
fn rebuilt_database_is_sent_once() {
    in_every_place(|db, _| db.rebuild(), Lost::Nothing);
}

#[test]
fn vacuumed_database_is_sent_once() {
    let vacuum: Change = |db, _| {
        db.vacuum();
        db
    };
    in_every_place(vacuum, Lost::Nothing);
}

#[test]
fn renumbered_database_is_sent_once() {
    let renumber: Change = |db, _| {
        // Gaps, of which the receiver has what stood there.
        let gap = "DELETE FROM messages WHERE rowid IN (SELECT rowid FROM messages ORDER BY rowid LIMIT 5 OFFSET 10)";
        db.conn().execute(gap, []).unwrap();
        db.close_rowid_gaps();
        db
    };
    in_every_place(renumber, Lost::Something);
}

#[test]
fn database_restored_from_an_older_copy_is_sent_once() {
    in_every_place(|db, copy| db.restore(copy), Lost::Something);
}

#[test]
fn deleted_last_rows_whose_rowids_are_given_again_are_sent_once() {
    let delete: Change = |db, _| {
        let last =
            "DELETE FROM messages WHERE rowid IN (SELECT rowid FROM messages ORDER BY rowid DESC LIMIT 3)";
        db.conn().execute(last, []).unwrap();
        db
    };
    in_every_place(delete, Lost::Something);
}

#[test]
fn deleted_session_stays_at_the_receiver_and_the_others_go_on() {
    let delete: Change = |db, _| {
        let session = db.sessions()[1].clone();
        db.delete_session(&session);
        db
    };
    in_every_place(delete, Lost::Something);
}

/// True if the change takes anything away that the receiver has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Nothing,
    Something,
}

fn in_every_place(change: Change, lost: Lost) {
    for store in stores() {
        tell(store, change, lost);
    }
}

fn tell(store: TestStore, change: Change, lost: Lost) {
    let scene = Scene::new(store);
    let Scene { store, machine, .. } = &scene;
    let db = HanDb::create(machine.database());
    let sessions: Vec<String> = (0..4).map(|_| db.organization_session()).collect();
    fill(&db, &sessions);
    let copy = machine.path("older.db");
    db.copy_to(&copy);
    machine.run();
    for session in &sessions {
        conditions::more_of_everything(&db, session, 12);
    }
    machine.run();
    let sent = machine.expected();
    assert_holds(store, machine, &sent, &sent, Text::Without);

    let db = change(db, &copy);
    let changed = machine.expected();
    let report = machine.run();
    if lost == Lost::Nothing {
        assert_eq!(report["attempts"], 0, "the same messages are sent again: {report}");
    }
    assert_holds(store, machine, &union(&sent, &changed), &changed, Text::Without);
    machine.run_finds_nothing();

    let grown = db.sessions()[0].clone();
    conditions::more_of_everything(&db, &grown, 12);
    machine.run();
    let source = machine.expected();
    assert_holds(store, machine, &union(&sent, &source), &source, Text::Without);
    machine.run_finds_nothing();
    scene.end();
}

fn fill(db: &HanDb, sessions: &[String]) {
    for (session, condition) in sessions.iter().zip([
        conditions::several_streams,
        conditions::reindexed,
        conditions::rows_without_uuid,
        conditions::shared_line_numbers,
    ]) {
        condition(db, session, 24);
        conditions::tasks(db, session, 4);
    }
}

/// The contents of a receiver from which nothing is taken away.
fn union(before: &Expected, after: &Expected) -> Expected {
    let mut union = before.clone();
    for (id, session) in after {
        let mut session = session.clone();
        if let Some(before) = before.get(id) {
            for (id, message) in &before.messages {
                session.messages.entry(id.clone()).or_insert_with(|| message.clone());
            }
            for (id, task) in &before.tasks {
                let now = session.tasks.entry(id.clone()).or_insert_with(|| task.clone());
                // The later state stands, also when the source goes back.
                if now.updated_at < task.updated_at {
                    now.clone_from(task);
                }
            }
            session.rows = session.rows.max(before.rows);
            // Null never replaces a value.
            session.slug = session.slug.or_else(|| before.slug.clone());
            session.harness = session.harness.or_else(|| before.harness.clone());
        }
        union.insert(id.clone(), session);
    }
    union
}
