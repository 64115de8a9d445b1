//! After a run that left nothing to send, the next one goes by what that one wrote down: it must find everything that is
//! new all the same, and write nothing where nothing is.

use std::collections::BTreeSet;
use std::fs;

use han_sync::exporter::config::{Config, Flags};
use han_sync::exporter::environment::Environment;
use han_sync::exporter::plan::scan::{Filter, survey_some};
use han_sync::exporter::plan::schedule;
use han_sync::exporter::source::Source;
use han_sync::exporter::state::queue::Queue;
use han_sync::exporter::state::{SourceFingerprint, State};
use serde_json::Value;

use super::scene::Scene;
use crate::support::test_receiver::store::ALICE_KEY;

/// The state's first line, as far as a run with nothing to do reads it.
fn first_line(scene: &Scene) -> Value {
    let state = fs::read_to_string(scene.state_path()).unwrap();
    let line = state.lines().next().unwrap().trim_end_matches(',').to_owned();
    serde_json::from_str(&format!("{line}}}")).expect("the first line is an object by itself")
}

/// A scene at rest: all is sent, and the state says so.
fn at_rest() -> Scene {
    let scene = Scene::new(&[3, 2]);
    let task = scene.db.make(|maker| maker.task(&scene.sessions[1], "none", 0, "pending"));
    scene.db.task(&task);
    scene.run_json(&[], 0);
    assert!(first_line(&scene)["idle"].is_object());
    scene.assert_quiet();
    scene
}

#[test]
fn every_kind_of_news_is_sent_and_then_nothing() {
    type News = fn(&mut Scene);
    let table: [(&str, News); 9] = [
        ("a message", |scene| drop(scene.add_messages(&scene.sessions[0], 1))),
        ("messages of two sessions", |scene| {
            scene.add_messages(&scene.sessions[0], 2);
            scene.add_messages(&scene.sessions[1], 1);
        }),
        ("a session", |scene| drop(scene.add_session(2))),
        ("a session without messages", |scene| drop(scene.add_session(0))),
        ("a task that is done", |scene| {
            let task = scene.db.strings("SELECT id FROM native_tasks", []).remove(0);
            scene.db.update_task(&task, "completed");
        }),
        ("a status", |scene| scene.db.set_session_status(&scene.sessions[0], Some("archived"))),
        ("a slug", |scene| scene.db.set_session_slug(&scene.sessions[0], Some("another"))),
        ("a repository", |scene| {
            let repo = scene.db.strings("SELECT id FROM repos", []).remove(0);
            scene.db.set_remote(&repo, "https://github.com/acme-corp/renamed");
        }),
        ("a message of a session whose repository is gone", |scene| {
            let project = scene.db.project_of(&scene.sessions[0]).unwrap();
            scene.db.unlink_repo(&project);
            // What is sent is the occasion to write down how things are.
            scene.add_messages(&scene.sessions[1], 1);
            scene.run_json(&[], 0);
            scene.assert_quiet();
            scene.add_messages(&scene.sessions[0], 1);
        }),
    ];
    for (name, news) in table {
        eprintln!("case: {name}");
        let mut scene = at_rest();
        news(&mut scene);
        let before = scene.server.batches().len();
        scene.run_json(&[], 0);
        assert_eq!(scene.server.batches().len(), before + 1);
        scene.assert_delivered_without_repeats();
    }
}

#[test]
fn what_han_writes_beside_the_sessions_changes_nothing() {
    let scene = at_rest();
    scene.db.set_metadata("index_version", "99");
    scene.assert_quiet();
    let stranger = scene.db.session_of_remote("https://github.com/stranger/left-pad");
    scene.run_json(&[], 0);
    scene.add_messages(&stranger, 2);
    scene.assert_quiet();
}

#[test]
fn another_setting_is_looked_at_though_han_writes_nothing() {
    let mut scene = at_rest();
    let personal = scene.db.session_of_remote("https://github.com/alice/dotfiles");
    scene.add_messages(&personal, 2);
    scene.run_json(&[], 0);
    scene.age_database();
    scene.set("includePersonal", "true");
    let (report, _) = scene.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 2, "{report}");
    scene.sessions.push(personal);
    scene.assert_delivered_without_repeats();
}

#[test]
fn state_that_is_broken_behind_its_first_line_is_rebuilt_when_it_is_needed() {
    let scene = at_rest();
    let path = scene.state_path();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"destinations\":", "\"destinations\"!")).unwrap();
    scene.add_messages(&scene.sessions[0], 1);
    scene.run_json(&[], 0);
    scene.assert_delivered();
    scene.assert_quiet();
}

/// The sessions that a survey finds pending and how many cursors it then knows, where the first look found news of the
/// first session alone, and `meanwhile` something happened to the state that was read of it, or to the database.
fn surveyed(scene: &Scene, meanwhile: impl FnOnce(&mut State)) -> (BTreeSet<String>, usize) {
    let environment =
        Environment { claude_config_dir: Some(scene.config_folder()), ..Environment::default() };
    let flags = Flags { database: Some(scene.database()), ..Flags::default() };
    let config = Config::load(&flags, &environment).unwrap();
    let found = BTreeSet::from([scene.sessions[0].clone()]);
    let destination = (&*scene.server.endpoint(), ALICE_KEY);
    let (queue, mut warnings) = (Queue::default(), Vec::new());
    let mut state =
        State::load(&scene.state_folder(), &environment, &queue, destination, None, &mut warnings).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    meanwhile(&mut state);
    let affiliations = schedule::affiliations(state.destination.identity.as_ref(), scene.now());
    let filter = Filter { config: &config, affiliations: &affiliations };
    let source = Source::open(&scene.database()).unwrap();
    let survey =
        survey_some(&source, filter, &mut state, (&found, &SourceFingerprint::default()), scene.now())
            .unwrap();
    let pending = survey.sessions.iter().filter(|it| it.pending).map(|it| it.row.id.clone()).collect();
    (pending, state.destination.sessions.len())
}

#[test]
fn few_sessions_with_news_are_surveyed_alone() {
    let scene = at_rest();
    scene.add_messages(&scene.sessions[0], 1);
    assert_eq!(surveyed(&scene, |_| {}).0, BTreeSet::from([scene.sessions[0].clone()]));
}

/// Between the first look and the survey of the sessions that it found, han may store messages of others.
#[test]
fn news_that_come_between_the_first_look_and_the_survey_are_surveyed_too() {
    let scene = at_rest();
    let all = scene.sessions.iter().cloned().collect();
    let (pending, _) = surveyed(&scene, |_| {
        scene.sessions.iter().for_each(|session| drop(scene.add_messages(session, 1)));
    });
    assert_eq!(pending, all);
}

/// Or it may write all of it anew, so that no cursor holds any more.
#[test]
fn database_that_becomes_another_between_the_first_look_and_the_survey_is_compared_with_every_cursor() {
    let scene = at_rest();
    scene.add_messages(&scene.sessions[0], 1);
    let (_, cursors) = surveyed(&scene, |_| {
        scene.db.conn().execute("UPDATE messages SET rowid = rowid + 1000", []).unwrap();
    });
    assert_eq!(cursors, scene.sessions.len());
}

#[test]
fn session_that_has_lost_its_cursor_is_surveyed_with_all_others() {
    let scene = at_rest();
    scene.add_messages(&scene.sessions[0], 1);
    let found = surveyed(&scene, |state| drop(state.destination.sessions.remove(&scene.sessions[0])));
    assert_eq!(found, (BTreeSet::from([scene.sessions[0].clone()]), scene.sessions.len()));
}
