//! Bad databases: other files, damaged pages, unreadable paths.

use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

use super::mounted;
use crate::campaign::{each, sample};
use crate::home::{Home, Template, add_messages, assert_fits};
use crate::support::Outcome;
use crate::support::han_db::HanDb;

/// Damaged pages in the short form.
const SHORT: usize = 24;
/// Every call that looks into the database, and how it ends without one: `status` has more to say than that.
const CALLS: &[(&str, i32)] = &[("all", 66), ("preview", 66), ("explain", 66), ("status", 0)];

/// Puts something else in the database's store: every call says these words; nothing else happens, and with the database
/// back the next run sends all.
fn in_its_place(put: impl Fn(&Path), words: &str) {
    let template = Template::new();
    let home = Home::new(&template);
    fs::remove_file(home.database()).expect("the database");
    put(&home.database());
    for (call, code) in CALLS {
        home.run(&[call, "--json"]).exits(*code).prints(words).prints(&home.database().display().to_string());
    }
    assert!(home.receiver.alice().sessions.is_empty());
    match home.database() {
        folder if folder.is_dir() => fs::remove_dir(folder),
        file => fs::remove_file(file),
    }
    .expect("what was put there");
    fs::copy(template.database(), home.database()).expect("the database");
    home.assert_next_run_completes();
}

#[test]
fn database_of_another_program_is_no_source() {
    let put = |path: &Path| {
        let db = Connection::open(path).expect("a database");
        db.execute_batch("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x');")
            .expect("a table");
    };
    in_its_place(put, "is no han database");
}

#[test]
fn database_with_half_of_hans_tables_is_no_source() {
    let put = |path: &Path| {
        let db = Connection::open(path).expect("a database");
        db.execute_batch("CREATE TABLE sessions (id TEXT, project_id TEXT);").expect("a table");
    };
    in_its_place(put, "is no han database");
}

#[test]
fn text_in_place_of_the_database_is_no_source() {
    in_its_place(
        |path| fs::write(path, "not a database\n".repeat(500)).expect("a file"),
        "is no SQLite database",
    );
}

#[test]
fn empty_file_in_place_of_the_database_is_no_source() {
    in_its_place(|path| fs::write(path, "").expect("a file"), "is no han database");
}

#[test]
fn folder_in_place_of_the_database_is_no_source() {
    in_its_place(|path| fs::create_dir(path).expect("a folder"), "is no file");
}

#[test]
fn pipe_in_place_of_the_database_holds_up_nobody() {
    in_its_place(make_pipe, "is no file");
}

#[test]
fn link_that_leads_nowhere_in_place_of_the_database_is_no_source() {
    let put = |path: &Path| std::os::unix::fs::symlink("/nowhere/han.db", path).expect("a link");
    in_its_place(put, "no han database at");
}

#[test]
fn pipe_in_place_of_the_configuration_holds_up_nobody() {
    let home = Home::new(&Template::new());
    let pipe = home.path("pipe");
    make_pipe(&pipe);
    let pipe = pipe.display().to_string();
    home.run(&["--config", &pipe]).exits(78).prints("not a regular file").prints(&pipe);
    home.set("caFile", &pipe);
    home.set("endpoint", "https://localhost:1/api/sync");
    home.run(&["--max-seconds", "2"]).exits(78).prints(&pipe);
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

/// A page of the database is not what was written there.
#[derive(Debug, Clone, Copy)]
struct Damage {
    page: usize,
    with: u8,
}

#[test]
fn damaged_page_loses_nothing_and_is_told() {
    const PAGE: usize = 4096;
    let template = Template::new();
    let whole = fs::read(template.database()).expect("the database");
    assert_eq!(whole.len() % PAGE, 0, "the fixture's pages have that size");
    let pages = whole.len() / PAGE;
    let damages = (0..pages).flat_map(|page| [0, 0xFF, 0x41].map(|with| Damage { page, with }));
    let damages = sample(damages.collect(), SHORT);
    let tally = each(&damages, |&Damage { page, with }| {
        let home = Home::new(&template);
        let mut torn = whole.clone();
        torn[page * PAGE..][..PAGE].fill(with);
        fs::write(home.database(), &torn).expect("a damaged database");
        let outcome = home.run(&["--json"]);
        assert_fits(&outcome);
        // A page that the run has no need of goes unnoticed.
        let noticed = outcome.code != 0;
        fs::remove_file(home.database()).expect("the damaged database");
        fs::copy(template.database(), home.database()).expect("the whole one");
        home.assert_next_run_stores_all();
        noticed
    });
    tally.conclude("input", &format!("one of {pages} pages damaged in three ways"));
}

/// A folder with han's database, its log and no shared memory, as a snapshot of a disk has them.
fn snapshot_of_a_disk(home: &Home) -> std::path::PathBuf {
    let disk = home.path("disk");
    fs::create_dir(&disk).expect("a folder");
    let han = HanDb::open(home.database());
    let session = han.sessions()[0].clone();
    han.transaction(|han| add_messages(han, &session, 3));
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        fs::copy(name(&home.database()), name(&disk.join("han.db"))).expect("a copy");
    }
    home.env("HAN_DB", &disk.join("han.db").display().to_string());
    disk
}

#[test]
fn log_without_shared_memory_is_read_where_it_can_be_written_beside() {
    let home = Home::new(&Template::new());
    snapshot_of_a_disk(&home);
    home.assert_next_run_completes();
}

#[test]
fn log_without_shared_memory_on_a_read_only_disk_is_read_or_refused() {
    if !mounted::is_allowed() {
        return;
    }
    let home = Home::new(&Template::new());
    let disk = snapshot_of_a_disk(&home);
    let run = mounted::between(&mounted::read_only(&disk), &home.command(&["--json"]), "");
    let outcome = home.finish(run);
    assert_refused_or_complete(&home, outcome);
    home.assert_next_run_completes();
}

#[test]
fn closed_database_on_a_read_only_disk_is_read_or_refused() {
    if !mounted::is_allowed() {
        return;
    }
    let home = Home::new(&Template::new());
    let disk = home.path("disk");
    fs::create_dir(&disk).expect("a folder");
    fs::copy(home.database(), disk.join("han.db")).expect("a copy");
    home.env("HAN_DB", &disk.join("han.db").display().to_string());
    let run = mounted::between(&mounted::read_only(&disk), &home.command(&["--json"]), "");
    let outcome = home.finish(run);
    assert_refused_or_complete(&home, outcome);
    home.assert_next_run_completes();
}

#[track_caller]
fn assert_refused_or_complete(home: &Home, outcome: Outcome) {
    if outcome.code == 0 {
        home.assert_complete(&outcome);
        return;
    }
    outcome.exits(66).prints("han.db").prints("its folder is not read-only");
    assert!(home.receiver.alice().sessions.is_empty());
}
