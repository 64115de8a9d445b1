//! Programs that may open few files at once.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::resource_limits::limited;
use crate::campaign::each;
use crate::home::{Home, Template, assert_fits};
use crate::support::RunningProgram;
use crate::support::running_receiver::sqlite;

/// File descriptors that the loader needs: one for a library at a time, beside the three that are open.
const FIRST: usize = 4;

#[test]
fn exporter_that_may_open_few_files_says_so_and_the_next_run_completes() {
    let template = Template::new();
    let limits: Vec<usize> = (FIRST..=24).collect();
    let tally = each(&limits, |limit| {
        let home = Home::new(&template);
        let outcome = home.finish(limited(&home.command(&["--json"]), &format!("--nofile={limit}")));
        assert_fits(&outcome);
        let struck = outcome.code != 0;
        home.assert_no_cursor_ahead();
        home.assert_next_run_completes();
        struck
    });
    tally.conclude("input", "an exporter that may open few files");
}

#[test]
fn receiver_that_may_open_few_files_says_so_or_serves() {
    let limits: Vec<usize> = (FIRST..=80).step_by(4).collect();
    let tally = each(&limits, |limit| {
        let store = sqlite();
        let mut serve = Command::new(env!("CARGO_BIN_EXE_han-sync-receiver"));
        serve.args(["serve", "--listen", "127.0.0.1:0", "--store", &store.url]);
        let mut child =
            limited(&serve, &format!("--nofile={limit}")).stdin(Stdio::null()).spawn().expect("a shell");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a pipe to read from");
        let serves = line.starts_with("listening on ");
        child.kill().expect("a child that is not waited for");
        let outcome = RunningProgram::new(child).wait();
        assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
        assert!(serves || outcome.code == 69, "{outcome:?}");
        assert!(serves || outcome.stderr.contains("ulimit -n"), "{outcome:?}");
        !serves
    });
    tally.conclude("input", "a receiver that may open few files");
}
