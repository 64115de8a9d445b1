//! `sync-state.json` with any content: it is loaded, or moved aside unchanged, or left unchanged; what is written loads as
//! it was, without a number that JavaScript would round, and no content makes the policies panic.

use super::{NOW, environment, files, in_folder};
use han_sync::exporter::error::ExitCode;
use han_sync::exporter::plan::schedule;
use han_sync::exporter::state::queue::Queue;
use han_sync::exporter::state::{State, StateHeader};
use han_sync::protocol::Identity;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The endpoint and the key of the run.
const DESTINATION: (&str, &str) = ("https://a/api/sync", "key");

pub fn run(input: &[u8]) {
    in_folder(|folder| {
        fs::write(State::path(folder), input).expect("the folder can be written");
        load(folder, input);
        for (path, _) in files(folder, "sync-state") {
            fs::remove_file(path).expect("a file of the folder");
        }
    });
}

fn load(folder: &Path, input: &[u8]) {
    let (environment, queue) = (environment(folder), Queue::default());
    let load = |repair, warnings: &mut Vec<String>| {
        State::load(folder, &environment, &queue, DESTINATION, repair, warnings)
    };
    let mut warnings = Vec::new();
    let looked = load(None, &mut warnings);
    assert_eq!(fs::read(State::path(folder)).expect("a look changes nothing"), input);
    warnings.clear();
    let mut state = match load(Some(*NOW), &mut warnings) {
        Ok(state) => state,
        Err(stop) => {
            assert_eq!(stop.exit, ExitCode::Configuration, "{stop}");
            assert_eq!(fs::read(State::path(folder)).expect("it is left alone"), input);
            return;
        }
    };
    assert_eq!(looked.expect("what can be repaired can be looked at"), state);
    if !State::path(folder).exists() {
        let aside = files(folder, "sync-state.json.corrupt-");
        assert_eq!(aside.iter().map(|(_, document)| document.as_slice()).collect::<Vec<_>>(), [input]);
        assert_eq!(warnings.len(), 1);
    }

    // All that is written except the id of the file, which differs each time.
    let saved = |state: &State| {
        state.save(folder).expect("the state can be written");
        let written = fs::read(State::path(folder)).expect("the state was written");
        let mut written: Value = serde_json::from_slice(&written).expect("a state is JSON");
        assert!(written.as_object_mut().and_then(|members| members.remove("file")).is_some());
        written
    };
    let first = saved(&state);
    let mut warnings = Vec::new();
    let again = load(None, &mut warnings).expect("what was written can be read");
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(saved(&again), first);

    let header = StateHeader::load(folder, &environment).expect("what was written has a header");
    assert_eq!(header.client_id, again.client_id);

    use_it(&mut state);
    let used = saved(&state);
    let again = load(None, &mut warnings).expect("what was written can be read");
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(saved(&again), used);
}

/// Does what a run does with a state before and after it sends.
fn use_it(state: &mut State) {
    for destination in state.destinations_mut() {
        let _ = schedule::identity_is_fresh(destination, *NOW);
        let _ = schedule::affiliations(destination.identity.as_ref(), *NOW);
        let _ = schedule::heartbeat_is_due(destination, *NOW);
        destination.statistics.add(1, 1);
        destination.statistics.add_run(true);
        destination.statistics.add_run(false);
    }
    let cursors =
        state.destinations_mut().flat_map(|destination| destination.sessions.decode_all().values_mut());
    for session in cursors {
        let seen = session.seen_rowid;
        session.rewind();
        assert_eq!((session.rowid, session.seen_rowid), (0, seen));
    }
    let known = state.destination.sessions.ids().map(str::to_owned);
    let sessions: Vec<String> = known.chain(["new".to_owned()]).collect();
    for (session, path) in sessions.iter().rev().zip([None, Some("github.com/acme/new"), Some("")]) {
        state.record_repository(session, path);
        assert_eq!(state.repository(session), path);
    }

    // Another user's cursors stay where they are, whoever the key comes to stand for.
    for (user, days) in [("alice", 0), ("bob", 2), ("alice", 4)] {
        let identity = Identity { user_id: user.to_owned(), ..Identity::default() };
        let recorded = state.record_identity(Some(identity), *NOW + chrono::TimeDelta::days(days));
        // A state may say that the user has changed just before.
        if recorded.is_err() {
            continue;
        }
        for _ in 0..2 {
            let destination = &state.destination;
            assert_eq!(destination.user_id.as_deref(), Some(user));
            assert_eq!(destination.endpoint, DESTINATION.0);
            state.select_destination(DESTINATION.0, DESTINATION.1);
        }
    }
}
