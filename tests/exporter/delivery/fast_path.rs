//! After a run that left nothing to send, the next one goes by what that one wrote down: it must find everything that is
//! new all the same, and write nothing where nothing is.

use std::collections::BTreeSet;
use std::fs;

use han_sync::exporter::config::{Config, Flags};
use han_sync::exporter::environment::Environment;
use han_sync::exporter::plan::schedule;
use han_sync::exporter::plan::{eligibility::EligibilityFilter, scan::scan_some};
use han_sync::exporter::source::Source;
use han_sync::exporter::state::queue::Queue;
use han_sync::exporter::state::{SourceFingerprint, State};
use serde_json::Value;

use crate::support::exporter_test::ExporterTest;
use crate::support::test_receiver::store::ALICE_KEY;

/// The state's first line, as far as a run with nothing to do reads it.
fn first_line(test: &ExporterTest) -> Value {
    let state = fs::read_to_string(test.state_path()).unwrap();
    let line = state.lines().next().unwrap().trim_end_matches(',').to_owned();
    serde_json::from_str(&format!("{line}}}")).expect("the first line is an object by itself")
}

/// A test at rest: all is sent, and the state says so.
fn at_rest() -> ExporterTest {
    let test = ExporterTest::with_sessions(&[3, 2]);
    let task = test.db.make(|maker| maker.task(&test.sessions[1], "none", 0, "pending"));
    test.db.task(&task);
    test.run_json(&[], 0);
    assert!(first_line(&test)["idle"].is_object());
    test.assert_idle();
    test
}

#[test]
fn every_kind_of_news_is_sent_and_then_nothing() {
    type News = fn(&mut ExporterTest);
    let table: [(&str, News); 9] = [
        ("a message", |test| drop(test.add_messages(&test.sessions[0], 1))),
        ("messages of two sessions", |test| {
            test.add_messages(&test.sessions[0], 2);
            test.add_messages(&test.sessions[1], 1);
        }),
        ("a session", |test| drop(test.add_session(2))),
        ("a session without messages", |test| drop(test.add_session(0))),
        ("a task that is done", |test| {
            let task = test.db.strings("SELECT id FROM native_tasks", []).remove(0);
            test.db.update_task(&task, "completed");
        }),
        ("a status", |test| test.db.set_session_status(&test.sessions[0], Some("archived"))),
        ("a slug", |test| test.db.set_session_slug(&test.sessions[0], Some("another"))),
        ("a repository", |test| {
            let repo = test.db.strings("SELECT id FROM repos", []).remove(0);
            test.db.set_remote(&repo, "https://github.com/acme-corp/renamed");
        }),
        ("a message of a session whose repository is gone", |test| {
            let project = test.db.project_of(&test.sessions[0]).unwrap();
            test.db.unlink_repo(&project);
            // What is sent is the occasion to write down how things are.
            test.add_messages(&test.sessions[1], 1);
            test.run_json(&[], 0);
            test.assert_idle();
            test.add_messages(&test.sessions[0], 1);
        }),
    ];
    for (name, news) in table {
        eprintln!("case: {name}");
        let mut test = at_rest();
        news(&mut test);
        let before = test.receiver.batches().len();
        test.run_json(&[], 0);
        assert_eq!(test.receiver.batches().len(), before + 1);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn what_han_writes_beside_the_sessions_changes_nothing() {
    let test = at_rest();
    test.db.set_metadata("index_version", "99");
    test.assert_idle();
    let stranger = test.db.session_of_remote("https://github.com/stranger/left-pad");
    test.run_json(&[], 0);
    test.add_messages(&stranger, 2);
    test.assert_idle();
}

#[test]
fn another_setting_is_looked_at_though_han_writes_nothing() {
    let mut test = at_rest();
    let personal = test.db.session_of_remote("https://github.com/alice/dotfiles");
    test.add_messages(&personal, 2);
    test.run_json(&[], 0);
    test.age_database();
    test.set("includePersonal", "true");
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 2, "{report}");
    test.sessions.push(personal);
    test.assert_delivered_without_repeats();
}

#[test]
fn state_that_is_broken_behind_its_first_line_is_rebuilt_when_it_is_needed() {
    let test = at_rest();
    let path = test.state_path();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"destinations\":", "\"destinations\"!")).unwrap();
    test.add_messages(&test.sessions[0], 1);
    test.run_json(&[], 0);
    test.assert_delivered();
    test.assert_idle();
}

/// The sessions that a scan finds pending, and the number of cursors after it, where the fast path found news of the
/// first session alone, and `meanwhile` something happened to the state that was read of it, or to the database.
fn scanned(test: &ExporterTest, meanwhile: impl FnOnce(&mut State)) -> (BTreeSet<String>, usize) {
    let environment = Environment { claude_config_dir: Some(test.config_folder()), ..Environment::default() };
    let flags = Flags { database: Some(test.database()), ..Flags::default() };
    let config = Config::load(&flags, &environment).unwrap();
    let found = BTreeSet::from([test.sessions[0].clone()]);
    let destination = (&*test.receiver.endpoint(), ALICE_KEY);
    let (queue, mut warnings) = (Queue::default(), Vec::new());
    let mut state =
        State::load(&test.state_folder(), &environment, &queue, destination, None, &mut warnings).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    meanwhile(&mut state);
    let affiliations = schedule::affiliations(state.destination.identity.as_ref(), test.now());
    let filter = EligibilityFilter { config: &config, affiliations: &affiliations };
    let source = Source::open(&test.database()).unwrap();
    let scan =
        scan_some(&source, filter, &mut state, (&found, &SourceFingerprint::default()), test.now()).unwrap();
    let pending = scan.sessions.iter().filter(|it| it.has_delta).map(|it| it.row.id.clone()).collect();
    (pending, state.destination.sessions.len())
}

#[test]
fn few_sessions_with_news_are_scanned_alone() {
    let test = at_rest();
    test.add_messages(&test.sessions[0], 1);
    assert_eq!(scanned(&test, |_| {}).0, BTreeSet::from([test.sessions[0].clone()]));
}

/// Between the fast path and the scan of the sessions that it found, han may store messages of others.
#[test]
fn news_that_come_between_the_fast_path_and_the_scan_are_scanned_too() {
    let test = at_rest();
    let all = test.sessions.iter().cloned().collect();
    let (pending, _) = scanned(&test, |_| {
        test.sessions.iter().for_each(|session| drop(test.add_messages(session, 1)));
    });
    assert_eq!(pending, all);
}

/// Or it may write all of it anew, so that no cursor holds any more.
#[test]
fn database_that_becomes_another_between_the_fast_path_and_the_scan_is_compared_with_every_cursor() {
    let test = at_rest();
    test.add_messages(&test.sessions[0], 1);
    let (_, cursors) = scanned(&test, |_| {
        test.db.conn().execute("UPDATE messages SET rowid = rowid + 1000", []).unwrap();
    });
    assert_eq!(cursors, test.sessions.len());
}

#[test]
fn session_that_has_lost_its_cursor_is_scanned_with_all_others() {
    let test = at_rest();
    test.add_messages(&test.sessions[0], 1);
    let found =
        scanned(&test, |state| drop(state.destination.sessions.decode_all().remove(&test.sessions[0])));
    assert_eq!(found, (BTreeSet::from([test.sessions[0].clone()]), test.sessions.len()));
}
