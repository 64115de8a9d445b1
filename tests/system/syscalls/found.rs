//! Regressions: the findings of earlier fault-injection campaigns.

use crate::home::{Home, Template, assert_fits};
use crate::strace::{self, Children, Fault, Strike};
use crate::support::Outcome;

/// A first run, struck.
fn run(home: &Home, fault: Fault, call: &str, nth: usize) -> Outcome {
    strace::demand();
    let strike = Strike { fault, call: call.to_owned(), nth };
    let run = strace::struck(&home.command(&["--json"]), &home.log(), Children::None, &strike);
    let outcome = home.finish(run);
    assert!(strace::was_injected(&home.log()), "there is no {nth}. {call} any more");
    outcome
}

#[test]
fn lock_that_a_signal_interrupts_is_taken_all_the_same() {
    let template = Template::new();
    for nth in 1..=2 {
        let home = Home::new(&template);
        let outcome = run(&home, Fault::Error("EINTR"), "flock", nth).exits(0);
        home.assert_complete(&outcome);
    }
}

/// The run's thread that waits for signals reads a socket, and so does the one that waits for answers.
#[test]
fn signals_that_cannot_be_waited_for_are_no_reason_to_end() {
    let template = Template::new();
    for nth in 1..=2 {
        let home = Home::new(&template);
        let outcome = run(&home, Fault::Error("EMFILE"), "recvfrom", nth).exits(0);
        home.assert_complete(&outcome);
    }
}

/// A database that could not be looked at for a moment was taken for another one by the next run.
#[test]
fn database_that_cannot_be_looked_at_for_a_moment_is_no_other_database() {
    let template = Template::new();
    // Wherever it is that the run looks at the database.
    for nth in 4..=11 {
        let home = Home::new(&template);
        run(&home, Fault::Error("EIO"), "statx", nth);
        home.assert_next_run_completes();
    }
}

/// The database was reported as no database, or as one to delete.
#[test]
fn disk_that_fails_for_a_moment_is_not_blamed_on_the_database() {
    let template = Template::new();
    for (fault, call, nth, code, words) in [
        ("EIO", "pread64", 8, 66, "if the next run reports it too"),
        ("ENOSPC", "pread64", 8, 75, "the next run tries again"),
    ] {
        let home = Home::new(&template);
        let outcome = run(&home, Fault::Error(fault), call, nth);
        assert_fits(&outcome);
        outcome.exits(code).prints(words).prints("han.db");
        home.assert_next_run_completes();
    }
}

/// A run checks before each batch for new rows, for which SQLite stats its files: a failure was an internal error.
#[test]
fn database_that_cannot_be_looked_at_between_batches_is_read_by_the_next_run() {
    let template = Template::new();
    // Wherever it is that the run asks.
    for nth in 27..=45 {
        let home = Home::new(&template);
        let outcome = run(&home, Fault::Error("EIO"), "newfstatat", nth);
        assert_fits(&outcome);
        home.assert_next_run_completes();
    }
}

/// The state was in place, and the run failed for ever.
#[test]
fn file_system_that_cannot_fsync_is_no_fault() {
    let template = Template::new();
    for error in ["EINVAL", "EOPNOTSUPP", "ENOSYS"] {
        // File and folder of the first state, and of a later one.
        for nth in 1..=4 {
            let home = Home::new(&template);
            let outcome = run(&home, Fault::Error(error), "fsync", nth).exits(0);
            home.assert_complete(&outcome);
        }
        let home = Home::new(&template);
        let strike = Strike { fault: Fault::Error(error), call: "fsync".to_owned(), nth: 2 };
        let verbose = home.command(&["--json", "--verbose"]);
        let run = strace::struck(&verbose, &home.log(), Children::None, &strike);
        home.finish(run).exits(0).prints("cannot fsync").prints(home.state_folder().to_str().unwrap());
    }
    // A disk that fails is another matter.
    for nth in 1..=2 {
        let home = Home::new(&template);
        run(&home, Fault::Error("EIO"), "fsync", nth).exits(75);
        home.assert_next_run_completes();
    }
}

/// The message named neither the reason nor a remedy, and each run tried again.
#[test]
fn file_system_without_locks_is_named_with_the_remedy() {
    let template = Template::new();
    for error in ["ENOLCK", "ENOSYS", "EOPNOTSUPP"] {
        let without_lock = |nth| {
            let home = Home::new(&template);
            let outcome = run(&home, Fault::Error(error), "flock", nth);
            home.assert_next_run_completes();
            outcome
        };
        // The lock of the run, some of the log, which a run does without, and that of the queue.
        let run_lock = without_lock(1);
        let queue_lock =
            (2..=10).map(without_lock).find(|outcome| outcome.code != 0).expect("a lock of the queue");
        for (outcome, name) in [(run_lock, "sync.lock"), (queue_lock, "sync-queue.lock")] {
            outcome.exits(78).prints(name).prints("has no locks").prints("--state-dir");
        }
    }
}
