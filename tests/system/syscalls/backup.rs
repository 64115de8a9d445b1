//! `admin backup`, killed at every call and failed at every call, on both stores: the backup is whole or not there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::tokio_gave_up;
use crate::campaign::{each_with, sample};
use crate::strace::{self, Calls, Children, Fault, Strike};
use crate::support::running_receiver::{ACME, TestStore, message, postgres, session, sqlite, with};
use crate::support::{Outcome, RunningProgram};

/// Exit codes of a backup that was not made.
const FITTING: &[i32] = &[65, 69, 70];

/// `PATH` of a machine without `pg_dump`: a backup of PostgreSQL is then lines of JSON.
const WITHOUT_PROGRAMS: &str = "/nonexistent";

/// A kind of backup: the store, and the `PATH` of the command.
#[derive(Clone, Copy)]
struct Form {
    name: &'static str,
    make_store: fn() -> Option<TestStore>,
    path: Option<&'static str>,
    /// Cases of a campaign in the short form.
    short: usize,
}

const SQLITE: Form =
    Form { name: "a backup of SQLite", make_store: || Some(sqlite()), path: None, short: 24 };
const ARCHIVE: Form = Form { name: "a backup of PostgreSQL", make_store: postgres, path: None, short: 12 };
const JSON_LINES: Form = Form {
    name: "a backup of PostgreSQL as lines of JSON",
    make_store: postgres,
    path: Some(WITHOUT_PROGRAMS),
    short: 12,
};

/// A store with rows, and a folder for its backups.
struct Rig {
    store: TestStore,
    path: Option<&'static str>,
    folder: tempfile::TempDir,
    messages: usize,
    next: AtomicUsize,
}

impl Rig {
    fn new(form: Form) -> Rig {
        let store = (form.make_store)().expect("the store was there before");
        let team = store.create_team();
        let receiver = store.serve();
        let rows: Vec<_> =
            (0..5).map(|line| with(message(&format!("m{line}"), line), json!({"content": "text"}))).collect();
        let messages = rows.len();
        assert_eq!(receiver.client(&team.alice).sync(&[session("s", ACME, rows)]).status, 200);
        let folder = tempfile::tempdir().expect("a folder");
        Rig { store, path: form.path, folder, messages, next: AtomicUsize::new(0) }
    }

    fn log(&self) -> PathBuf {
        self.store.folder.path().join("strace.log")
    }

    fn next_path(&self) -> PathBuf {
        self.folder.path().join(format!("backup-{}", self.next.fetch_add(1, Ordering::Relaxed)))
    }

    fn command(&self, path: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_han-sync-receiver"));
        command.args(["--json", "--store", &self.store.url, "admin", "backup"]).arg(path);
        let environment = ["PATH", "HOME"].map(|name| (name, std::env::var_os(name).unwrap_or_default()));
        command.envs(environment).env("TOKIO_WORKER_THREADS", "1");
        command.envs(self.path.map(|path| ("PATH", path)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn finish(&self, mut command: Command) -> Outcome {
        RunningProgram::new(command.spawn().expect("the program")).wait()
    }

    /// Asserts that a backup restores everything.
    #[track_caller]
    fn assert_whole(&self, path: &Path) {
        let other = self.store.another();
        let (code, _, stderr) = other.try_admin(&format!("restore {}", path.display()));
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(other.query("SELECT 1 FROM messages").len(), self.messages);
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("a folder").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

fn recorded(form: Form) -> Calls {
    strace::demand();
    let rig = Rig::new(form);
    let record = || {
        let path = rig.next_path();
        let command = strace::recorded(&rig.command(&path), &rig.log(), Children::LeftAlone);
        let outcome = rig.finish(command).exits(0);
        let is_json = outcome.stdout.contains(r#""format": "ndjson""#);
        assert_eq!(is_json, form.path.is_some(), "{outcome:?}");
        rig.assert_whole(&path);
        strace::calls(&rig.log())
    };
    record().or_more(record())
}

/// Strikes a backup, and makes another. Whether the strike came about.
fn strike(rig: &mut Rig, strike: &Strike) -> bool {
    let path = rig.next_path();
    let outcome = rig.finish(strace::struck(&rig.command(&path), &rig.log(), Children::LeftAlone, strike));
    let struck = strace::came_about(strike, outcome.code, &rig.log());
    if strike.fault != Fault::Kill && !tokio_gave_up(&outcome.stderr) {
        assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
        assert!(outcome.code == 0 || FITTING.contains(&outcome.code), "{outcome:?}");
        assert!(outcome.code == 0 || outcome.stderr.contains("han-sync-receiver: "), "{outcome:?}");
    }
    assert!(outcome.code != 0 || path.exists(), "a backup that was made is there: {outcome:?}");
    if path.exists() {
        rig.assert_whole(&path);
        let _ = fs::remove_file(&path);
    }
    // The next one finds nothing in its way, and leaves nothing of the last behind.
    rig.finish(rig.command(&path)).exits(0);
    rig.assert_whole(&path);
    fs::remove_file(&path).expect("a backup");
    assert_eq!(rig.files(), Vec::<String>::new());
    rig.store.admin("check");
    struck
}

/// But for errors of `epoll_wait` and `write`, which are impossible: a thread wakes another by such a `write`. SQLite's files are
/// written by `pwrite64`, and those of `pg_dump` by that program.
fn faults(calls: &Calls) -> Vec<Strike> {
    let is_possible = |strike: &Strike| match strike.call.as_str() {
        "epoll_wait" => strike.fault == Fault::Error("EINTR"),
        "write" => false,
        _ => true,
    };
    calls.faults().into_iter().filter(is_possible).collect()
}

fn campaign(fault: &str, form: Form, strikes: impl Fn(&Calls) -> Vec<Strike>) {
    if (form.make_store)().is_none() {
        return;
    }
    let calls = recorded(form);
    let cases = sample(strikes(&calls), form.short);
    let what = format!("{} {fault} ({} calls)", form.name, calls.total);
    each_with(&cases, || Rig::new(form), strike).conclude("syscalls", &what);
}

#[test]
fn backup_killed_at_any_call_is_whole_or_not_there() {
    campaign("killed", SQLITE, Calls::kills);
}

#[test]
fn backup_failed_at_any_call_is_whole_or_not_there() {
    campaign("failed", SQLITE, faults);
}

#[test]
fn backup_killed_at_any_call_is_whole_or_not_there_on_postgres() {
    campaign("killed", ARCHIVE, Calls::kills);
}

#[test]
fn backup_failed_at_any_call_is_whole_or_not_there_on_postgres() {
    campaign("failed", ARCHIVE, faults);
}

#[test]
fn backup_as_lines_of_json_killed_at_any_call_is_whole_or_not_there() {
    campaign("killed", JSON_LINES, Calls::kills);
}

#[test]
fn backup_as_lines_of_json_failed_at_any_call_is_whole_or_not_there() {
    campaign("failed", JSON_LINES, faults);
}
