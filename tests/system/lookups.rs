//! The look-ups of the receiver's name: one in a run, and another one after a failure.

use std::fs;

use crate::home::{Home, Template};
use crate::strace::{self, Children};
use crate::support::{Fault, batches};

/// File that the system's resolver reads at each look-up.
const HOSTS: &str = "\"/etc/hosts\"";

/// Runs the exporter to the receiver under its name, and returns the number of look-ups.
fn look_ups(home: &Home) -> usize {
    home.set("endpoint", &home.receiver.endpoint_at("localhost"));
    let recorded = strace::recorded(&home.command(&["--json"]), &home.log(), Children::None);
    home.finish(recorded).exits(0);
    assert!(home.receiver.batches().len() >= 3, "one look-up serves several requests");
    let log = fs::read_to_string(home.log()).expect("strace's log");
    log.lines().filter(|line| line.contains("open") && line.contains(HOSTS)).count()
}

#[test]
fn name_of_the_receiver_is_looked_up_once_in_a_run() {
    strace::demand();
    assert_eq!(look_ups(&Home::new(&Template::new())), 1);
}

#[test]
fn name_of_the_receiver_is_looked_up_again_after_a_failure() {
    strace::demand();
    let home = Home::new(&Template::new());
    home.receiver.script(batches().with_data().skip(1).times(1), Fault::close());
    assert_eq!(look_ups(&home), 2);
}
