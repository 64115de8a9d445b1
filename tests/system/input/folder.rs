//! Bad state folders: a link, a file, a disk that is read-only or full.

use std::fs;
use std::os::unix::fs::symlink;

use chrono::TimeDelta;

use super::mounted;
use super::resource_limits::limited;
use crate::campaign::{each, sample};
use crate::home::{Home, Template};

/// Sizes of the disk in the short form.
const SHORT: usize = 24;

#[test]
fn state_folder_behind_a_link_is_as_good_as_any() {
    let home = Home::new(&Template::new());
    let target = home.path("elsewhere");
    fs::create_dir(&target).expect("a folder");
    symlink(&target, home.state_folder()).expect("a link");
    home.assert_next_run_completes();
    assert!(target.join("sync-state.json").is_file());
    assert!(home.state_folder().is_symlink(), "the link stays");
}

#[test]
fn state_folder_that_cannot_be_made_is_named_with_a_way_out() {
    let home = Home::new(&Template::new());
    let folder = home.state_folder();
    symlink("/nowhere/han", &folder).expect("a link");
    for call in [["--json"].as_slice(), &["all"], &["reset"]] {
        home.run(call).exits(78).prints(&folder.display().to_string()).prints("CLAUDE_CONFIG_DIR");
    }
    fs::remove_file(&folder).expect("the link");
    fs::write(&folder, "a file").expect("a file in its store");
    home.run(&["--json"]).exits(78).prints(&folder.display().to_string()).prints("CLAUDE_CONFIG_DIR");
    home.run_with_input(&["hook", "--trust-environment"], br#"{"session_id":"x"}"#)
        .exits(0)
        .prints(&folder.display().to_string());
    fs::remove_file(&folder).expect("the file");
    home.settle();
    home.assert_next_run_completes();
}

#[test]
fn read_only_state_folder_is_named_with_a_way_out() {
    if !mounted::is_allowed() {
        return;
    }
    let home = Home::in_use(&Template::new());
    let before = home.state_files();
    let folder = home.state_folder();
    for call in [["--json"].as_slice(), &["all"], &["reset"]] {
        let run = mounted::between(&mounted::read_only(&folder), &home.command(call), "");
        let said = home.finish(run).exits(78);
        said.prints("read-only").prints(&folder.display().to_string()).prints("CLAUDE_CONFIG_DIR");
    }
    // Who only looks needs to write nothing.
    for call in [["status"].as_slice(), &["queue"], &["preview"], &["explain"]] {
        home.finish(mounted::between(&mounted::read_only(&folder), &home.command(call), "")).exits(0);
    }
    assert_eq!(home.state_files(), before);
    home.assert_next_run_completes();
}

#[test]
fn home_without_a_state_folder_on_a_read_only_disk_is_named_with_a_way_out() {
    if !mounted::is_allowed() {
        return;
    }
    let home = Home::new(&Template::new());
    let run = mounted::between(&mounted::read_only(&home.config_folder()), &home.command(&["--json"]), "");
    home.finish(run).exits(78).prints("read-only").prints("CLAUDE_CONFIG_DIR");
    home.assert_next_run_completes();
}

#[test]
fn full_disk_keeps_the_state_that_there_was() {
    const PAGE: usize = 4096;
    if !mounted::is_allowed() {
        return;
    }
    let template = Template::new();
    // How many pages the disk still has.
    let rooms: Vec<usize> = (0..8).collect();
    let tally = each(&rooms, |room| {
        let home = Home::in_use(&template);
        let (folder, kept) = (home.state_folder(), home.path("kept"));
        let (folder, kept) = (folder.display(), kept.display());
        let before = format!(
            "mkdir {kept}; cp -a {folder}/. {kept}\nmount -t tmpfs -o size=128k tmpfs {folder}\ncp -a {kept}/. {folder}\n\
             head -c 1M /dev/zero >{folder}/filler || true\ntruncate -s -{} {folder}/filler",
            room * PAGE
        );
        let after = format!("rm {folder}/filler\nrm -r {kept}\nmkdir {kept}\ncp -a {folder}/. {kept}");
        let run = mounted::between(&before, &home.command(&["--json"]), &after);
        let outcome = home.finish(run);
        let full = outcome.stderr.contains("No space left on device (os error 28); nothing is lost");
        // With room enough it ends as it would anyway: one session is refused.
        assert!(full || outcome.json()["sessionsRejected"] == 1, "{outcome:?}");
        let outcome = outcome.exits(75);
        fs::remove_dir_all(home.state_folder()).expect("the folder");
        fs::rename(home.path("kept"), home.state_folder()).expect("the disk's content");
        assert!(!outcome.stderr.contains("corrupt"));
        home.assert_tidy();
        home.assert_no_cursor_ahead();
        // What is left of the disk is a copy, and the next run says so.
        home.receiver.clear_script();
        home.receiver.accept_all();
        home.advance(TimeDelta::minutes(61));
        home.run(&["--json"]).exits(0).prints("is a copy");
        home.assert_next_run_completes();
        full
    });
    tally.conclude("input", "a disk that is full but for some pages");
}

#[test]
fn file_that_may_not_grow_keeps_the_state_that_there_was() {
    let template = Template::new();
    let largest = {
        let home = Home::in_use(&template);
        home.run(&[]).exits(75);
        fs::metadata(home.state_path()).expect("the state").len() as usize
    };
    // Writes are cut short at that byte, and the next one fails.
    let limits = sample((0..largest + 64).step_by(8).collect(), SHORT);
    let tally = each(&limits, |limit| {
        let home = Home::in_use(&template);
        let han_sync = home.command(&["--json"]);
        let outcome = home.finish(limited(&han_sync, &format!("--fsize={limit}")));
        let short = outcome.stderr.contains("File too large (os error 27); nothing is lost");
        assert!(short || outcome.json()["sessionsRejected"] == 1, "{outcome:?}");
        outcome.exits(75);
        home.assert_tidy();
        home.assert_no_cursor_ahead();
        home.assert_next_run_completes();
        short
    });
    tally.conclude("input", "files cut short");
}

#[test]
fn output_that_cannot_be_written_is_told_and_no_reason_to_fail() {
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").expect("a device that is always full");
    let template = Template::new();
    for deaf in [false, true] {
        let home = Home::new(&template);
        let mut run = home.command(&["--json"]);
        run.stdout(full());
        if deaf {
            run.stderr(full());
        }
        let outcome = home.finish(run).exits(0);
        assert_eq!(outcome.stderr.contains("cannot write the result to stdout: No space left"), !deaf);
        home.assert_next_run_completes();
    }
}
