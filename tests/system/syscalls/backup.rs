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

/// Cases of a campaign in the short form.
const SHORT: usize = 24;
/// Exit codes of a backup that was not made.
const FITTING: &[i32] = &[65, 69, 70];

/// A store with rows, and a folder for its backups.
struct Rig {
    store: TestStore,
    folder: tempfile::TempDir,
    messages: usize,
    next: AtomicUsize,
}

impl Rig {
    fn new(store: TestStore) -> Rig {
        let team = store.create_team();
        let receiver = store.serve();
        let rows: Vec<_> =
            (0..5).map(|line| with(message(&format!("m{line}"), line), json!({"content": "text"}))).collect();
        let messages = rows.len();
        assert_eq!(receiver.client(&team.alice).sync(&[session("s", ACME, rows)]).status, 200);
        Rig { store, folder: tempfile::tempdir().expect("a folder"), messages, next: AtomicUsize::new(0) }
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

fn recorded(make_store: fn() -> TestStore) -> Calls {
    strace::demand();
    let rig = Rig::new(make_store());
    let record = || {
        let path = rig.next_path();
        let command = strace::recorded(&rig.command(&path), &rig.log(), Children::LeftAlone);
        rig.finish(command).exits(0);
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

fn campaign(what: &str, make_store: fn() -> TestStore, strikes: impl Fn(&Calls) -> Vec<Strike>) {
    let calls = recorded(make_store);
    let cases = sample(strikes(&calls), SHORT);
    let what = format!("{what} ({} calls)", calls.total);
    each_with(&cases, || Rig::new(make_store()), strike).conclude("syscalls", &what);
}

fn on_postgres(campaign: impl FnOnce(fn() -> TestStore)) {
    if postgres().is_some() {
        campaign(|| postgres().expect("it was there before"));
    }
}

#[test]
fn backup_killed_at_any_call_is_whole_or_not_there() {
    campaign("a backup of SQLite killed", sqlite, Calls::kills);
}

#[test]
fn backup_failed_at_any_call_is_whole_or_not_there() {
    campaign("a backup of SQLite failed", sqlite, faults);
}

#[test]
fn backup_killed_at_any_call_is_whole_or_not_there_on_postgres() {
    on_postgres(|store| campaign("a backup of PostgreSQL killed", store, Calls::kills));
}

#[test]
fn backup_failed_at_any_call_is_whole_or_not_there_on_postgres() {
    on_postgres(|store| campaign("a backup of PostgreSQL failed", store, faults));
}
