//! A home folder of its own for the real programs, a clock that the test sets, and what may be said of the outcome.
//!
//! A program sees nothing of the machine's environment. Every wait ends: a program that hangs is killed and reported
//! with what it printed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::han_db;
use super::test_receiver::TestReceiver;
use super::test_receiver::store::{ALICE_KEY, UserStore};

/// A program that runs longer hangs. Generous, for a machine that compiles at the same time.
const RUN_MAX: Duration = Duration::from_secs(60);
/// Interval between two polls of a condition outside this process.
const POLL: Duration = Duration::from_millis(5);
/// Time that passes beside a run's own `durationMs`: its start, its end, and programs that report none.
const TICK: TimeDelta = TimeDelta::milliseconds(20);
/// The start of a sandbox's clock.
const MORNING: &str = "2026-03-02T08:00:00Z";

/// The home folder with everything in it.
pub struct Sandbox {
    root: TempDir,
    settings: RefCell<BTreeMap<String, String>>,
    environment: RefCell<BTreeMap<String, String>>,
    now: Cell<DateTime<Utc>>,
}

impl Sandbox {
    /// Configured for Alice at `server`, with content off and time-outs of a second. There is no database yet.
    pub fn new(server: &TestReceiver) -> Sandbox {
        let sandbox = Sandbox::unconfigured();
        sandbox.set("enabled", "true");
        sandbox.set("endpoint", &server.endpoint());
        sandbox.set("apiKey", ALICE_KEY);
        sandbox.set("timeout", "1");
        sandbox
    }

    pub fn unconfigured() -> Sandbox {
        // In memory where that is possible: the programs wait for the disk after every file they replace.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let root = tempfile::Builder::new().prefix("han-sync-test-").tempdir_in(folder);
        let root = root.expect("a temporary folder");
        fs::create_dir_all(root.path().join("home/.claude")).expect("a home folder");
        let now = MORNING.parse().expect("a time");
        Sandbox { root, settings: RefCell::default(), environment: RefCell::default(), now: Cell::new(now) }
    }

    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    pub fn database(&self) -> PathBuf {
        self.root.path().join("han.db")
    }

    pub fn config_folder(&self) -> PathBuf {
        self.home().join(".claude")
    }

    pub fn state_folder(&self) -> PathBuf {
        self.config_folder().join("han")
    }

    pub fn state_path(&self) -> PathBuf {
        self.state_folder().join("sync-state.json")
    }

    pub fn config_file(&self) -> PathBuf {
        self.config_folder().join("han.yml")
    }

    /// A path of that name in the sandbox, outside the home folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Sets a key of `sync:` in han.yml. The value is YAML.
    pub fn set(&self, key: &str, value: &str) {
        self.settings.borrow_mut().insert(key.to_owned(), value.to_owned());
        self.write_settings();
    }

    pub fn unset(&self, key: &str) {
        self.settings.borrow_mut().remove(key);
        self.write_settings();
    }

    fn write_settings(&self) {
        let lines = self
            .settings
            .borrow()
            .iter()
            .map(|(key, value)| format!("  {key}: {value}\n"))
            .collect::<String>();
        self.write_private(&self.config_file(), &format!("sync:\n{lines}"));
    }

    /// Writes a file that only its owner can read.
    pub fn write_private(&self, path: &Path, text: &str) {
        fs::write(path, text).expect("a file in the sandbox");
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("its mode");
    }

    /// Sets an environment variable of the programs.
    pub fn env(&self, key: &str, value: &str) {
        self.environment.borrow_mut().insert(key.to_owned(), value.to_owned());
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.now.get()
    }

    /// Moves the clock that programs start with; backwards too.
    pub fn advance(&self, by: TimeDelta) {
        self.now.set(self.now.get() + by);
    }

    pub fn set_now(&self, now: DateTime<Utc>) {
        self.now.set(now);
    }

    /// `han-sync` with these arguments, in this sandbox.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_han-sync"));
        command
            .args(arguments)
            .current_dir(self.root.path())
            .env_clear()
            .env("SANDBOX", self.root.path())
            .env("HOME", self.home())
            .env("CLAUDE_CONFIG_DIR", self.config_folder())
            .env("HAN_DB", self.database())
            .env("HAN_SYNC_TEST_NOW", self.now.get().to_rfc3339_opts(SecondsFormat::Millis, true))
            .envs(self.environment.borrow().iter())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs to the end, and moves the clock by as long as the run says that it took, waiting included.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.spawn(arguments).wait();
        self.pass_time_of(&outcome);
        outcome
    }

    /// The next program starts after this one: a clock that steps back between them is a test of its own.
    fn pass_time_of(&self, outcome: &Outcome) {
        let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_default();
        let took_ms = report["durationMs"].as_i64().unwrap_or(0);
        self.advance(TimeDelta::milliseconds(took_ms) + TICK);
    }

    /// Runs with that text on standard input, and the end of it.
    pub fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("the program under test");
        let mut stdin = child.stdin.take().expect("it is piped");
        let input = input.to_vec();
        // The program may well not read all of it.
        let writer = thread::spawn(move || stdin.write_all(&input));
        let outcome = RunningProgram::new(child).wait();
        let _ = writer.join();
        self.pass_time_of(&outcome);
        outcome
    }

    pub fn spawn(&self, arguments: &[&str]) -> RunningProgram {
        RunningProgram::new(self.command(arguments).spawn().expect("the program under test"))
    }

    /// The `--json` of `han-sync status`.
    pub fn status(&self) -> Value {
        self.run(&["status", "--json"]).exits(0).json()
    }

    /// The queue's item of a session, as `status` shows it.
    pub fn queued(&self, session_id: &str) -> Option<Value> {
        let status = self.status();
        let items = status["queue"]["items"].as_array().expect("a list of items");
        items.iter().find(|item| item["sessionId"] == session_id).cloned()
    }

    /// The time of the next retry in a run's report, which `status` repeats for as long as it is
    /// ahead.
    #[track_caller]
    pub fn retry_at(&self, report: &Value) -> DateTime<Utc> {
        let next = time(&report["nextRetryAt"]);
        let now = self.now();
        self.set_now(next - TimeDelta::milliseconds(1));
        assert_eq!(self.status()["nextRetryAt"], report["nextRetryAt"], "the next try is kept");
        self.set_now(now);
        next
    }

    /// A file of the state folder, parsed.
    pub fn state_file(&self, name: &str) -> Value {
        let text = fs::read(self.state_folder().join(name)).expect("a state file");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// Names of the files in the state folder, and when each was written.
    pub fn state_files(&self) -> BTreeMap<PathBuf, SystemTime> {
        let files = fs::read_dir(self.state_folder()).expect("a state folder").flatten();
        files
            .map(|file| (file.path(), file.metadata().and_then(|it| it.modified()).expect("a time")))
            .collect()
    }

    /// Makes the next program the first one here.
    pub fn forget_state(&self) {
        // There is none before the first program.
        let _ = fs::remove_dir_all(self.state_folder());
    }

    /// Processes of this sandbox, detached ones included.
    pub fn processes(&self) -> Vec<u32> {
        let mark = format!("SANDBOX={}", self.root.path().display());
        let program = fs::canonicalize(env!("CARGO_BIN_EXE_han-sync")).expect("the program under test");
        let processes = fs::read_dir("/proc").expect("a process table");
        let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &u32| {
            // A process that is gone, or another user's, has no environment to read.
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            // While the kernel executes a program, its environment is empty: it may be this sandbox's.
            let is_starting = || fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|path| path == program);
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
                || (environment.is_empty() && is_starting())
        })
        .collect()
    }

    /// Waits until no process of this sandbox is left.
    pub fn settle(&self) {
        wait_until("the detached runs end", || self.processes().is_empty());
    }

    /// Ids on the wire of what the database holds, by session.
    pub fn expected(&self) -> BTreeMap<String, BTreeSet<String>> {
        let database = Connection::open(self.database()).expect("the sandbox's database");
        let mut sessions = database.prepare("SELECT id FROM sessions").expect("a sessions table");
        let ids = sessions.query_map([], |row| row.get::<_, String>(0)).expect("sessions");
        let ids: Vec<String> = ids.collect::<Result<_, _>>().expect("their ids");
        let expected = han_db::expected_wire(self.database(), &ids, b"");
        expected.into_iter().map(|(id, session)| (id, session.messages.into_keys().collect())).collect()
    }

    /// Asserts that the receiver holds all that the database holds, once and under its name, but for these sessions,
    /// of which nothing is there.
    #[track_caller]
    pub fn assert_all_delivered_but(&self, held_back: &[&str], store: &UserStore) {
        let mut expected = self.expected();
        expected.retain(|session, _| !held_back.contains(&session.as_str()));
        for (session, ids) in &expected {
            let Some(stored) = store.sessions.get(session) else { panic!("session {session} is lost") };
            let stored: BTreeSet<String> = stored.messages.keys().cloned().collect();
            let lost: Vec<_> = ids.difference(&stored).collect();
            let extra: Vec<_> = stored.difference(ids).collect();
            assert!(lost.is_empty(), "session {session}: lost {} of {}: {lost:?}", lost.len(), ids.len());
            assert!(extra.is_empty(), "session {session}: stored under other names: {extra:?}");
        }
        let strangers: Vec<_> = store.sessions.keys().filter(|id| !expected.contains_key(*id)).collect();
        assert!(strangers.is_empty(), "stored, and not to be: {strangers:?}");
    }
}

/// A time in a JSON document.
#[track_caller]
pub fn time(value: &Value) -> DateTime<Utc> {
    let text = value.as_str().unwrap_or_else(|| panic!("no time but {value}"));
    text.parse().expect("RFC 3339")
}

/// A program under way.
pub struct RunningProgram {
    pid: Pid,
    output: mpsc::Receiver<Output>,
}

impl RunningProgram {
    pub fn new(child: Child) -> RunningProgram {
        let pid = Pid::from_child(&child);
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            // The test has failed, and said so, when nobody listens.
            let _ = sender.send(child.wait_with_output().expect("a child to wait for"));
        });
        RunningProgram { pid, output }
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("a process that runs");
    }

    pub fn wait(self) -> Outcome {
        let output = self.output.recv_timeout(RUN_MAX).unwrap_or_else(|_| {
            // Its output, where it is alone to hold it, says where it hangs.
            let _ = kill_process(self.pid, Signal::KILL);
            let output = self.output.recv_timeout(POLL * 100).map(|output| format!("{output:?}"));
            panic!("the program hangs, or left its output to a child: {output:?}");
        });
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("text on stdout"),
            stderr: String::from_utf8(output.stderr).expect("text on stderr"),
        }
    }
}

/// Exit code and output of a program.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// -1: by a signal.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    #[track_caller]
    pub fn exits(self, code: i32) -> Outcome {
        assert_eq!(self.code, code, "exit code; stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Asserts that the user is told so, on stderr or, for a person, on stdout. Case does not matter.
    #[track_caller]
    pub fn prints(self, text: &str) -> Outcome {
        let said = format!("{}\n{}", self.stdout, self.stderr).to_lowercase();
        assert!(said.contains(&text.to_lowercase()), "nobody says {text:?} in:\n{said}");
        self
    }

    #[track_caller]
    pub fn does_not_print(self, text: &str) -> Outcome {
        let said = format!("{}\n{}", self.stdout, self.stderr);
        assert!(!said.contains(text), "{text:?} is said in:\n{said}");
        self
    }

    /// Standard output as the one JSON document that it must be.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in stdout {:?}, stderr {:?}", self.stdout, self.stderr))
    }
}

/// Waits for what another process does.
#[track_caller]
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < RUN_MAX, "waited in vain until {what}");
        thread::sleep(POLL);
    }
}

/// Every file below a folder, with its content and mtime; empty where there is no folder.
pub fn files(folder: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let time = entry.metadata().and_then(|it| it.modified()).expect("a time");
            found.insert(path.display().to_string(), (fs::read(&path).expect("a file"), time));
        }
    }
    found
}

/// Everything below a folder but what is left out: modes and texts of files, targets of links, folders.
pub fn tree(folder: &Path, left_out: &[&Path]) -> BTreeMap<PathBuf, String> {
    let mut tree = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if left_out.contains(&path.as_path()) {
                continue;
            }
            let text = if kind.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else if kind.is_dir() {
                folders.push(path.clone());
                "/".to_owned()
            } else {
                let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
                format!("{mode:o} {}", String::from_utf8_lossy(&fs::read(&path).unwrap()))
            };
            tree.insert(path, text);
        }
    }
    tree
}
