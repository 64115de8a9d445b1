//! The receiver, killed at every call and failed at every call from its start to the last batch that it stores, on both
//! stores; then it is started anew, and the exporter's next run brings the rest.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use chrono::TimeDelta;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::tokio_gave_up;
use crate::campaign::{each_with, sample};
use crate::home::{add_messages, add_task};
use crate::strace::{self, Calls, Children, Fault, Strike};
use crate::support::han_db::{HanDb, expected_wire};
use crate::support::running_receiver::{TestStore, postgres, sqlite, wait_until};
use crate::support::{Outcome, RunningProgram, Sandbox};

/// Cases of a campaign in the short form.
const SHORT: usize = 24;
/// Below the ports that the system hands out, so that the receiver finds its own again.
const FIRST_PORT: u16 = 15_000;
/// Exit codes of a receiver that cannot serve: the store or the address is not available, or a fault that it names.
const FITTING: &[i32] = &[0, 69, 70];
/// A receiver on one thread makes its calls in the same order each time, or nearly.
const ONE_THREAD: (&str, &str) = ("TOKIO_WORKER_THREADS", "1");

/// A store, a receiver's address, and a developer's machine that sends there.
struct Rig {
    store: TestStore,
    port: u16,
    sandbox: Sandbox,
    han: HanDb,
    /// Rows in the store.
    messages: usize,
    tasks: usize,
}

impl Rig {
    fn new(store: TestStore) -> Rig {
        store.admin("org create acme --name Acme --owner github.com/acme-corp");
        store.admin("user create alice --org acme");
        let key = store.key("alice");
        let port = free_port();
        let sandbox = Sandbox::unconfigured();
        for (name, value) in [("enabled", "true"), ("timeout", "1"), ("batchSize", "3"), ("apiKey", &key)] {
            sandbox.set(name, value);
        }
        sandbox.set("endpoint", &format!("http://127.0.0.1:{port}/api/sync"));
        let han = HanDb::create(sandbox.database());
        Rig { store, port, sandbox, han, messages: 0, tasks: 0 }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_han-sync-receiver"));
        command
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port), "--store", &self.store.url])
            .env(ONE_THREAD.0, ONE_THREAD.1)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    /// Path of strace's log.
    fn log(&self) -> PathBuf {
        self.store.folder.path().join("strace.log")
    }

    fn start(&self, command: Command) -> Serving {
        Serving::start(command, self.port, self.store.folder.path().join("stderr"))
    }

    /// Two sessions that nobody has yet; several batches.
    fn write_more(&mut self) -> [String; 2] {
        let sessions = self.han.transaction(|han| {
            [4, 3].map(|messages| {
                let session = han.organization_session();
                add_messages(han, &session, messages);
                add_task(han, &session);
                session
            })
        });
        self.messages += 7;
        self.tasks += 2;
        sessions
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        RunningProgram::new(self.sandbox.command(arguments).spawn().expect("the exporter")).wait()
    }

    /// A receiver under strace, and a run of the exporter meanwhile.
    fn run_against(&self, traced: Command) -> Ended {
        let serving = self.start(traced);
        let run = serving.listens.then(|| self.run(&["--json", "--max-seconds", "3"]));
        // strace knows the receiver's own id.
        let log = read(&self.log());
        let id = log.split_whitespace().next().and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
        let died = id.is_some_and(|id| test_kill_process(id).is_err());
        Ended { receiver: serving.end(id), died, run }
    }

    /// A receiver that is left alone, and the exporter's next run; then all is there, once.
    #[track_caller]
    fn assert_next_run_completes(&self, sessions: &[String]) {
        self.sandbox.advance(TimeDelta::minutes(61));
        let serving = self.start(self.command());
        assert!(serving.listens, "the receiver starts again: {:?}", serving.end(None));
        let run = self.run(&["--json"]);
        let pid = serving.pid();
        let receiver = serving.end(Some(pid));
        assert_eq!(run.code, 0, "{run:?} against {receiver:?}");
        for (id, expected) in expected_wire(self.sandbox.database(), sessions, b"") {
            let stored = self.ids("message_id", "messages", &id);
            assert_eq!(stored, expected.messages.keys().cloned().collect(), "messages of {id}");
            let stored = self.ids("task_id", "tasks", &id);
            assert_eq!(stored, expected.tasks.keys().cloned().collect(), "tasks of {id}");
        }
        let count = |table: &str| self.store.query(&format!("SELECT count(*) FROM {table}"))[0][0].clone();
        let counts = (count("messages"), count("tasks"));
        assert_eq!(counts, (Some(self.messages.to_string()), Some(self.tasks.to_string())), "rows in all");
        crate::support::recount::assert_sums_equal_a_recount(&self.store);
    }

    fn ids(&self, column: &str, table: &str, session: &str) -> BTreeSet<String> {
        let rows = self.store.query(&format!("SELECT {column} FROM {table} WHERE session_id = '{session}'"));
        rows.into_iter().map(|row| row[0].clone().expect("an id")).collect()
    }
}

/// The ends of a receiver and of a run.
struct Ended {
    receiver: Outcome,
    /// True if the receiver ended before the run did.
    died: bool,
    /// `None`: the receiver never listened.
    run: Option<Outcome>,
}

/// A receiver that was started, until it listens, ends or gives up.
struct Serving {
    child: Child,
    listens: bool,
    stderr: PathBuf,
}

impl Serving {
    /// The line on stdout is not waited for: writing it may fail, and the receiver serves nevertheless.
    fn start(mut command: Command, port: u16, stderr: PathBuf) -> Serving {
        command.stderr(File::create(&stderr).expect("a file for what it says"));
        let mut child = command.spawn().expect("the receiver");
        let mut listens = false;
        wait_until("the receiver to listen or end", || {
            listens = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            listens || child.try_wait().expect("a child").is_some() || tokio_gave_up(&read(&stderr))
        });
        Serving { child, listens, stderr }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Kills the receiver, where it is still there, and says how it ended. With strace, if it is not known, dies what
    /// strace traces.
    fn end(mut self, receiver: Option<Pid>) -> Outcome {
        if self.child.try_wait().expect("a child").is_none() {
            // It may end just now.
            let _ = kill_process(receiver.unwrap_or(self.pid()), Signal::KILL);
        }
        Outcome { stderr: read(&self.stderr), ..RunningProgram::new(self.child).wait() }
    }
}

fn read(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
}

fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = FIRST_PORT + (std::process::id() % 10_000) as u16;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed) % 1000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn recorded(make_place: fn() -> TestStore) -> Calls {
    strace::demand();
    let mut rig = Rig::new(make_place());
    let mut record = || {
        let sessions = rig.write_more();
        let traced = strace::recorded(&rig.command(), &rig.log(), Children::None);
        rig.run_against(traced).run.expect("it listens").exits(0);
        rig.assert_next_run_completes(&sessions);
        strace::calls(&rig.log())
    };
    record().or_more(record()).or_more(record())
}

/// Strikes a receiver, and lets the exporter go on with the next. Whether the strike came about.
fn strike(rig: &mut Rig, strike: &Strike) -> bool {
    let sessions = rig.write_more();
    let traced = strace::struck(&rig.command(), &rig.log(), Children::None, strike);
    let Ended { receiver, died, run } = rig.run_against(traced);
    let served = run.is_some();
    if let Some(run) = run {
        assert!(matches!(run.code, 0 | 75), "{run:?} against {receiver:?}");
    }
    let struck = match strike.fault {
        Fault::Kill => died,
        _ => strace::was_injected(&rig.log()),
    };
    if strike.fault != Fault::Kill && !tokio_gave_up(&receiver.stderr) {
        assert!(!receiver.stderr.contains("panicked"), "{}", receiver.stderr);
        assert!(served || FITTING.contains(&receiver.code), "{receiver:?}");
        assert!(served || receiver.stderr.contains("han-sync-receiver: "), "{receiver:?}");
    }
    rig.assert_next_run_completes(&sessions);
    struck
}

/// But for errors of `epoll_wait`, which are impossible too, and hundreds; and for a `write` of nothing: a thread wakes
/// another by it, and that write is of eight bytes or fails.
fn faults(calls: &Calls) -> Vec<Strike> {
    let is_possible = |strike: &Strike| match strike.call.as_str() {
        "epoll_wait" => strike.fault == Fault::Error("EINTR"),
        "write" => strike.fault != Fault::WritesNothing,
        _ => true,
    };
    calls.faults().into_iter().filter(is_possible).collect()
}

fn campaign(what: &str, make_place: fn() -> TestStore, strikes: impl Fn(&Calls) -> Vec<Strike>) {
    let calls = recorded(make_place);
    let cases = sample(strikes(&calls), SHORT);
    let what = format!("{what} ({} calls)", calls.total);
    each_with(&cases, || Rig::new(make_place()), strike).conclude("syscalls", &what);
}

/// On the PostgreSQL that the tests are given, if any.
fn on_postgres(campaign: impl FnOnce(fn() -> TestStore)) {
    if postgres().is_some() {
        campaign(|| postgres().expect("it was there before"));
    }
}

#[test]
fn receiver_killed_at_any_call_stores_each_message_once() {
    campaign("a receiver on SQLite killed", sqlite, Calls::kills);
}

#[test]
fn receiver_failed_at_any_call_stores_each_message_once() {
    campaign("a receiver on SQLite failed", sqlite, faults);
}

#[test]
fn receiver_killed_at_any_call_stores_each_message_once_on_postgres() {
    on_postgres(|store| campaign("a receiver on PostgreSQL killed", store, Calls::kills));
}

#[test]
fn receiver_failed_at_any_call_stores_each_message_once_on_postgres() {
    on_postgres(|store| campaign("a receiver on PostgreSQL failed", store, faults));
}
