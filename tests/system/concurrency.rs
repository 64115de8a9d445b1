//! Fifty processes of every kind started at once on one state folder, again and again, while han writes.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use crate::size;
use crate::support::han_db::{HanDb, Stream, expected_wire};
use crate::support::{RunningProgram, Sandbox, TestReceiver};

const PROCESSES: usize = 50;
const SESSIONS: usize = 12;
/// Files that may be in the state folder at the end.
const FILES: &[&str] =
    &["sync-queue.json", "sync-queue.lock", "sync-state.json", "sync.lock", "sync.log", "sync.log.1"];

/// A call of a kind, on a session.
type Call = fn(&str) -> Vec<&str>;

/// Commands of people, schedulers, hooks and dashboards, with the exit codes that each may have.
const CALLS: &[(Call, &[i32])] = &[
    (|_| vec!["--json"], &[0, 65, 75]),
    (|id| vec!["--session", id, "--json"], &[0, 65, 75]),
    (|_| vec!["hook", "--trust-environment"], &[0]),
    (|_| vec!["status", "--json"], &[0]),
    (|_| vec!["all", "--json"], &[0, 65, 75]),
    (|_| vec!["hook", "--trust-environment"], &[0]),
    (|_| vec!["queue", "--json"], &[0]),
    // What is not in the queue any more, or waits no more, is named.
    (|id| vec!["queue", "--retry", id], &[0, 64]),
    (|_| vec!["preview", "--json"], &[0]),
    (|_| vec![], &[0, 65, 75]),
    (|id| vec!["queue", "--drop", id], &[0, 64]),
    (|id| vec!["explain", id], &[0]),
    (|_| vec!["queue", "--clear-failed"], &[0]),
    (|_| vec!["--quiet"], &[0, 65, 75]),
];
/// Sends history again: with it each message is stored once, without it each message is sent once.
const RESET: (Call, &[i32]) = (|id| vec!["reset", "--session", id], &[0, 75]);

struct ConcurrencyTest {
    receiver: TestReceiver,
    sandbox: Sandbox,
    han: HanDb,
    sessions: Vec<String>,
    started: usize,
}

impl ConcurrencyTest {
    fn new() -> ConcurrencyTest {
        let receiver = TestReceiver::start();
        let sandbox = Sandbox::new(&receiver);
        sandbox.set("batchSize", "20");
        // A hundred processes on two processors take their time; none of them is lost for it.
        sandbox.set("timeout", "30");
        let han = HanDb::create(sandbox.database());
        let sessions: Vec<String> = (0..SESSIONS).map(|_| han.organization_session()).collect();
        let test = ConcurrencyTest { receiver, sandbox, han, sessions, started: 0 };
        (0..SESSIONS).for_each(|place| test.write(place));
        test.sandbox.run(&[]).exits(0);
        test
    }

    fn session(&self, place: usize) -> &str {
        &self.sessions[place % SESSIONS]
    }

    /// han stores a line of a session.
    fn write(&self, place: usize) {
        let session = self.session(place);
        self.han.transaction(|han| {
            let line = han.next_line(session, &Stream::Main);
            han.message(&han.make(|maker| maker.user(session, &Stream::Main, line)));
            if place.is_multiple_of(10) {
                han.task(&han.make(|maker| maker.task(session, "none", line, "pending")));
            }
        });
    }

    /// Starts all of them, han writing in between, and waits for the last.
    fn start_and_wait(&mut self, calls: &[(Call, &[i32])]) {
        let began = Instant::now();
        let mut running = Vec::new();
        for _ in 0..PROCESSES {
            let place = self.started;
            let (call, codes) = calls[place % calls.len()];
            let session = self.session(place / calls.len());
            let arguments = call(session);
            let mut command = self.sandbox.command(&arguments);
            if arguments.first() == Some(&"hook") {
                let input = self.sandbox.path("input");
                fs::write(&input, format!(r#"{{"session_id":"{session}"}}"#)).expect("the hook's input");
                command.stdin(File::open(input).expect("the hook's input"));
            }
            let label = arguments.join(" ");
            running.push((
                label,
                codes,
                RunningProgram::new(command.spawn().expect("the program under test")),
            ));
            self.write(place);
            self.started += 1;
        }
        for (label, codes, process) in running {
            let outcome = process.wait();
            assert!(codes.contains(&outcome.code), "{label}: {outcome:?}");
            let is_wrong = ["panicked", "base.json"].iter().any(|words| outcome.stderr.contains(words));
            assert!(!is_wrong, "{label}: {outcome:?}");
        }
        self.sandbox.settle();
        self.sandbox.advance(TimeDelta::from_std(began.elapsed()).expect("a short time"));
    }

    /// Everybody is gone: new lines, so that what was dropped is wanted again, and one normal run.
    fn assert_next_run_completes(&self) {
        self.receiver.accept_all();
        (0..SESSIONS).for_each(|place| self.write(place));
        self.sandbox.advance(TimeDelta::hours(25));
        let outcome = self.sandbox.run(&["--json"]).exits(0);
        assert_eq!((outcome.stderr.as_str(), &outcome.json()["status"]), ("", &"success".into()));
        let store = self.receiver.alice();
        self.sandbox.assert_all_delivered_but(&[], &store);
        for (id, expected) in expected_wire(self.sandbox.database(), &self.sessions, b"") {
            let tasks: Vec<&String> = store.sessions[&id].tasks.keys().collect();
            assert_eq!(tasks, expected.tasks.keys().collect::<Vec<_>>(), "tasks of {id}");
        }
        assert_eq!(self.receiver.violations(), Vec::<String>::new());
        assert_eq!(self.receiver.batches_at_once(), 1, "two runs sent at once");
        let files = fs::read_dir(self.sandbox.state_folder()).expect("a state folder").flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        let left: Vec<String> = names.filter(|name| !FILES.contains(&name.as_str())).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        let status = self.sandbox.status();
        assert_eq!((&status["queue"]["items"], &status["pendingMessages"]), (&vec![(); 0].into(), &0.into()));
    }
}

fn run_concurrently(what: &str, calls: &[(Call, &[i32])], refuses: bool) -> ConcurrencyTest {
    let lasts = size::pick(Duration::from_secs(4), Duration::from_secs(300));
    let mut test = ConcurrencyTest::new();
    let began = Instant::now();
    while began.elapsed() < lasts {
        if refuses {
            test.receiver.reject(test.session(test.started), "SESSION_CONFLICT", 1);
        }
        test.start_and_wait(calls);
    }
    test.assert_next_run_completes();
    let ConcurrencyTest { started, .. } = test;
    let lines: usize = test.sandbox.expected().values().map(|ids| ids.len()).sum();
    size::report(
        "concurrency",
        &format!("{what}: {started} processes, {PROCESSES} at once, {lines} messages, 0 findings"),
    );
    test
}

#[test]
fn fifty_processes_at_once_send_each_message_once() {
    let test = run_concurrently("without resets and refusals", CALLS, false);
    assert_eq!(test.receiver.alice().messages_again, 0, "messages were sent again");
}

#[test]
fn fifty_processes_at_once_store_each_message_once_though_history_is_sent_again() {
    let calls: Vec<_> = CALLS.iter().copied().chain([RESET]).collect();
    run_concurrently("with resets and refusals", &calls, true);
}
