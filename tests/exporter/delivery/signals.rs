//! SIGTERM and SIGINT: the batch in flight is finished or given up soon, the state is saved, the exit code is 75.

use std::cell::RefCell;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use rustix::process::Signal;

use crate::support::exporter_test::ExporterTest;
use crate::support::{Fault, batches, identities, wait_until};

const SIGNALS: [Signal; 2] = [Signal::TERM, Signal::INT];

#[test]
fn batch_without_an_answer_is_given_up() {
    for signal in SIGNALS {
        let test = ExporterTest::with_sessions(&[2, 2, 2]);
        test.set("batchSize", "2");
        let run = test.run_into_held_batch(&["--json"], 1);
        run.signal(signal);
        let outcome = run.wait().exits(75);
        let report = outcome.json();
        assert_eq!((&report["messagesSent"], &report["messagesPending"]), (&2.into(), &4.into()), "{report}");
        assert!(test.status()["nextRetryAt"].is_null(), "it was not the endpoint's fault");
        assert_eq!(test.status()["queue"]["failed"], 0);

        test.receiver.clear_script();
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn batch_that_is_answered_in_time_counts_and_no_other_is_begun() {
    // Enough batches that the signal arrives before the last.
    const SESSIONS: usize = 150;
    for signal in SIGNALS {
        let test = ExporterTest::with_sessions(&[2; SESSIONS]);
        test.set("batchSize", "2");
        let run = test.run_into_held_batch(&["--json"], 1);
        run.signal(signal);
        test.receiver.release();
        let report = run.wait().exits(75).json();
        let sent = report["messagesSent"].as_u64().unwrap();
        assert!((4..2 * SESSIONS as u64).contains(&sent), "{report}");
        assert_eq!(test.receiver.alice().message_count() as u64, sent, "what is answered counts: {report}");
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn signal_ends_the_wait_between_two_tries() {
    for signal in SIGNALS {
        let test = ExporterTest::with_sessions(&[2]);
        test.receiver.script(batches(), Fault::status(503).header("Retry-After", "200"));
        // The machine's own clock: this wait is a real one.
        let mut command = test.command(&["--json"]);
        let child = command.env_remove("HAN_SYNC_TEST_NOW").spawn().unwrap();
        let run = crate::support::RunningProgram::new(child);
        test.receiver.wait_until("the batch is refused", |requests| requests.iter().any(|it| it.is_batch()));
        run.signal(signal);
        let report = run.wait().exits(75).json();
        assert_eq!(report["messagesPending"], 2, "{report}");
        assert!(report["nextRetryAt"].is_string(), "{report}");
        test.receiver.clear_script();
        test.run_json(&["all"], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn killed_run_loses_nothing() {
    let test = ExporterTest::with_sessions(&[2, 2, 2]);
    test.set("batchSize", "2");
    let run = test.run_into_held_batch(&["--json"], 1);
    run.signal(Signal::KILL);
    assert_eq!(run.wait().code, -1);
    // The receiver stores it all the same.
    test.receiver.release();
    test.run_json(&[], 0);
    test.assert_delivered();
    assert!(test.receiver.alice().messages_again <= 2, "what was acknowledged before is not sent again");
    test.assert_idle();
}

#[test]
fn signal_after_the_run_ends_the_program() {
    for signal in SIGNALS {
        // A report that no pipe holds, so that the program waits for its reader after the run.
        let test = ExporterTest::with_sessions(&[1; 900]);
        for session in &test.sessions {
            test.receiver.reject(session, "SESSION_CONFLICT", 1);
        }
        let child = test.command(&["--json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lock = test.state_folder().join("sync.lock");
        test.receiver.wait_until("the batch is sent", |requests| requests.iter().any(|it| it.is_batch()));
        wait_until("the run has released its lock", || {
            fs::File::open(&lock).is_ok_and(|lock| lock.try_lock().is_ok())
        });
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        let child = RefCell::new(child);
        wait_until("the program ends", || child.borrow_mut().try_wait().unwrap().is_some());
        let status = child.borrow_mut().wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
    }
}

#[test]
fn signal_ends_a_run_that_finds_every_batch_too_large_to_send() {
    for signal in SIGNALS {
        let test = ExporterTest::with_sessions(&[2; 20]);
        test.receiver.with_identity("user-alice", |alice| alice.limits.max_body_bytes = Some(1));
        test.set("timeout", "600");
        test.receiver.script(identities(), Fault::none().held());
        let run = test.spawn(&["--json"]);
        test.receiver.wait_until("the identity is requested", |requests| !requests.is_empty());
        run.signal(signal);
        test.receiver.release();
        let report = run.wait().exits(75).json();
        assert_eq!(report["sessionsRejected"], 0, "{report}");
    }
}
