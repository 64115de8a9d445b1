//! `sync-queue.json` with anything in it: read or set aside, never a panic, and what is written reads as it was.

use super::{NOW, files, in_folder};
use han_sync::exporter::config::project_override::ProjectOverrides;
use han_sync::exporter::error::ExitCode;
use han_sync::exporter::state::queue::{Change, Client, Permanence, Queue, StateCopy};
use han_sync::exporter::state::tombstones::Tombstones;
use std::fs;

pub fn run(input: &[u8]) {
    in_folder(|folder| {
        fs::write(Queue::path(folder), input).expect("the folder can be written");
        load(folder, input);
        for (path, _) in files(folder, "sync-queue") {
            fs::remove_file(path).expect("a file of the folder");
        }
    });
}

fn load(folder: &std::path::Path, input: &[u8]) {
    let mut warnings = Vec::new();
    let looked = Queue::load(folder, None, &mut warnings);
    assert_eq!(fs::read(Queue::path(folder)).expect("a look changes nothing"), input);
    let client = Client { id: "client".to_owned(), machine: "machine".to_owned() };
    let copy = StateCopy {
        client,
        project_overrides: ProjectOverrides::default(),
        tombstones: Tombstones::default(),
    };
    let queue = match Queue::update(folder, Some(copy), &changes(input), *NOW, &mut warnings) {
        Ok(queue) => queue,
        Err(stop) => {
            // A newer version: left alone.
            assert_eq!(stop.exit, ExitCode::Configuration, "{stop}");
            assert_eq!(fs::read(Queue::path(folder)).expect("it is left alone"), input);
            return;
        }
    };
    let looked = looked.expect("what can be repaired can be looked at");
    if !warnings.is_empty() {
        let aside = files(folder, "sync-queue.json.corrupt-");
        assert_eq!(aside.len(), 1, "{warnings:?}");
        assert_eq!(aside[0].1, input);
        assert_eq!(looked, Queue::default());
    }
    for item in &queue.items {
        let _ = (item.is_due("mark", *NOW), item.is_waiting("mark", *NOW), queue.item(&item.session_id));
    }
    let _ = queue.asked_since(&looked).count();

    // What was written reads the same, and writes the same again.
    let written = fs::read(Queue::path(folder)).expect("the changes were written");
    let mut warnings = Vec::new();
    let again = Queue::load(folder, None, &mut warnings).expect("what was written can be read");
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(serde_json::to_vec(&again).expect("a queue is JSON"), written);
}

/// Every kind of change, to the first session of the file and to one that is not in it.
fn changes(input: &[u8]) -> Vec<Change> {
    let document = serde_json::from_slice::<Queue>(input).unwrap_or_default();
    let first = document.items.first().map(|item| item.session_id.clone());
    let mut changes = vec![Change::RequestAll, Change::TakeAll, Change::HookRan];
    for session_id in first.into_iter().chain(["new".to_owned()]) {
        let seen = document.item(&session_id).and_then(|item| item.enqueued_at);
        let refused = |code: &str, permanence| Change::Rejected {
            session_id: session_id.clone(),
            code: code.to_owned(),
            message: "words".to_owned(),
            data_mark: "mark".to_owned(),
            permanence,
        };
        changes.extend([
            refused("VALIDATION_ERROR", Permanence::Temporary),
            refused("PROCESSING_ERROR", Permanence::Temporary),
            refused("HTTP_400", Permanence::Permanent),
            Change::Request { session_id: session_id.clone(), at_once: false },
            Change::Request { session_id: session_id.clone(), at_once: true },
            Change::Drop { session_id: session_id.clone(), data_mark: "mark".to_owned() },
            Change::Settled { session_id: session_id.clone(), seen },
            refused("VALIDATION_ERROR", Permanence::Temporary),
        ]);
    }
    changes.push(Change::Retry { session_id: "another".to_owned() });
    changes
}
