//! The operator's command line: names that colleagues and clients chose are printed escaped, JSON keeps them as they are; a
//! mistyped word names the nearest one; a store that others may read is refused.

use crate::support::man_page;
use crate::support::running_receiver::*;
use han_sync::printable::printable;
use serde_json::json;
use std::process::Command;

const ESCAPE: &str = "\u{1b}]0;owned\u{7}";
const REVERSED: &str = "user\u{202e}gpj\u{200b}";
const FORGED: &str = "x\nacme\tforged";

/// Runs `admin …` for people, and asserts that a terminal obeys nothing in its output.
fn admin_text(store: &TestStore, arguments: &[&str]) -> String {
    let (stdout, stderr) = store.admin_text(arguments);
    for line in stdout.lines().chain(stderr.lines()) {
        for cell in line.split('\t') {
            assert_eq!(printable(cell), cell, "{arguments:?}");
        }
        assert!(!line.starts_with("acme\tforged"), "a forged line in {stdout}");
    }
    format!("{stdout}{stderr}")
}

#[test]
fn names_of_sessions_organizations_and_keys_are_escaped() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        for (number, hostile) in [ESCAPE, REVERSED, FORGED].into_iter().enumerate() {
            let id = format!("{hostile}{number}");
            alice.sync(&[session(&id, ACME, vec![])]);
            let escaped = printable(&id).into_owned();
            let stored = store.admin("session list").to_string();
            if stored.contains("owned") || stored.contains("gpj") || stored.contains("forged") {
                assert!(admin_text(&store, &["session", "list"]).contains(&escaped));
            }
            let escaped = printable(hostile).into_owned();
            admin_text(&store, &["org", "create", &format!("org{number}"), "--name", hostile]);
            let listed = admin_text(&store, &["org", "list"]);
            assert!(listed.contains(&escaped));
            assert!(listed.lines().all(|line| line.matches('\t').count() == 2), "three columns: {listed}");
            admin_text(&store, &["key", "create", "alice", "--label", hostile]);
            assert!(admin_text(&store, &["key", "list"]).contains(&escaped));
            admin_text(&store, &["org", "remove", hostile, "--yes"]);
            assert!(admin_text(&store, &["owner", "list", hostile]).contains(&escaped), "in an error, too");
        }
        let names = store.admin("org list").to_string();
        assert!(names.contains("\\u001b]0;owned"), "JSON keeps them: {names}");
    }
}

#[test]
fn mistyped_command_or_flag_names_the_nearest_one() {
    let store = sqlite();
    for (arguments, nearest) in [
        (["ogr", "list"].as_slice(), "org"),
        (&["org", "creat", "acme"], "create"),
        (&["key", "create", "alice", "--lable", "x"], "--label"),
        (&["sesion", "list"], "session"),
        (&["org", "list", "--jsno"], "--json"),
        (&["org", "list", "--stor=x"], "--store"),
    ] {
        let (_, stderr) = store.admin_text(arguments);
        assert!(stderr.contains(&format!("did you mean {nearest}?")), "{arguments:?}: {stderr}");
    }
    let (_, stderr) = store.admin_text(&["frobnicate"]);
    assert!(stderr.contains("frobnicate") && !stderr.contains("did you mean"), "{stderr}");
}

#[test]
fn a_store_that_everyone_may_read_is_refused_with_the_command_that_mends_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it's the store.db");
    let store = TestStore::at(&format!("sqlite:{}", path.display()));
    store.admin("org create acme");
    let set = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    for mode in [0o644, 0o604, 0o602] {
        set(mode);
        let (code, _, stderr) = store.try_admin("org list");
        assert_eq!(code, 69, "{mode:o}: {stderr}");
        assert_eq!(store.refused().0, 69);
        let command = &stderr[stderr.find("chmod").unwrap()..];
        assert!(
            std::process::Command::new("sh").args(["-c", command]).status().unwrap().success(),
            "{command}"
        );
        assert_eq!(store.admin("org list").as_array().unwrap().len(), 1);
    }
    set(0o640);
    assert_eq!(store.admin("org list"), json!([store.admin("org list")[0]]), "its group may read it");
}

#[test]
fn manual_page_of_the_receiver_is_made_of_its_help() {
    let help = |path: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_han-sync-receiver")).args(path).arg("--help").output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    man_page::assert_current("han-sync-receiver", &help);
}
