//! A machine that does not know what time it is, or where its user lives.

use chrono::{DateTime, TimeDelta, Utc};

use crate::home::{Home, Template};
use crate::support::{Fault, batches, requests};

const WRONG: &[&str] =
    &["1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2100-06-01T12:00:00Z", "9999-12-31T23:59:59Z"];

fn a_session(home: &Home) -> String {
    home.expected().keys().next().expect("a session").clone()
}

fn wrong_clocks() -> impl Iterator<Item = DateTime<Utc>> {
    WRONG.iter().map(|time| time.parse().expect("a time"))
}

#[test]
fn wrong_clock_delivers_like_any_other() {
    for wrong in wrong_clocks() {
        let home = Home::new(&Template::new());
        home.set_now(wrong);
        let outcome = home.run(&["--json"]).exits(0);
        home.assert_complete(&outcome);
    }
}

#[test]
fn wrong_clock_delays_nothing_for_more_than_an_hour_after_it_is_right_again() {
    let troubles: &[fn(&Home)] = &[
        |home| home.receiver.script(requests(), Fault::status(503)),
        |home| home.receiver.script(batches(), Fault::status(503)),
        |home| home.receiver.script(batches(), Fault::status(429).header("Retry-After", "3600")),
        |home| home.receiver.reject(&a_session(home), "SESSION_CONFLICT", 1),
        |home| home.receiver.reject(&a_session(home), "PROCESSING_ERROR", 1),
    ];
    let template = Template::new();
    for wrong in wrong_clocks() {
        for trouble in troubles {
            let home = Home::new(&template);
            let right = home.now();
            home.set_now(wrong);
            trouble(&home);
            home.run(&["--max-seconds", "3"]).exits(75);
            // The clock is right again, and an hour passes.
            home.set_now(right);
            home.assert_next_run_completes();
        }
    }
}

#[test]
fn failed_session_is_tried_again_within_a_day_after_the_clock_is_right_again() {
    for wrong in wrong_clocks() {
        let home = Home::new(&Template::new());
        let session = a_session(&home);
        let right = home.now();
        home.set_now(wrong);
        home.receiver.script(batches().with_session(&session), Fault::status(422));
        home.run(&["--json"]).exits(65);
        home.set_now(right + TimeDelta::hours(24));
        home.assert_next_run_completes();
    }
}

#[test]
fn identity_and_sign_of_life_are_renewed_though_they_are_from_a_wrong_time() {
    for wrong in wrong_clocks() {
        let home = Home::new(&Template::new());
        let right = home.now();
        home.set_now(wrong);
        home.run(&[]).exits(0);
        home.set_now(right);
        home.run(&[]).exits(0);
        let asked = home.receiver.request_count();
        home.advance(TimeDelta::minutes(61));
        home.run(&[]).exits(0);
        assert!(
            home.receiver.request_count() > asked,
            "an hour later the receiver hears of this client ({wrong})"
        );
        home.assert_next_run_completes();
    }
}

#[test]
fn without_a_home_the_user_is_told_what_to_set() {
    let home = Home::new(&Template::new());
    for empty in [false, true] {
        for call in [["--json"].as_slice(), &["status"], &["all"], &["queue"], &["preview"], &["reset"]] {
            let mut command = home.command(call);
            command.env_remove("HOME").env_remove("CLAUDE_CONFIG_DIR");
            if empty {
                command.env("HOME", "").env("CLAUDE_CONFIG_DIR", "");
            }
            home.finish(command).exits(78).prints("HOME is not set").prints("CLAUDE_CONFIG_DIR");
        }
        let mut hook = home.command(&["hook", "--trust-environment"]);
        hook.env_remove("HOME").env_remove("CLAUDE_CONFIG_DIR");
        home.finish(hook).exits(0);
    }
}

#[test]
fn without_a_home_variables_are_enough() {
    let home = Home::new(&Template::new());
    let mut run = home.command(&["--json"]);
    run.env_remove("HOME");
    let outcome = home.finish(run).exits(0);
    home.assert_complete(&outcome);
}

#[test]
fn home_that_does_not_exist_yet_is_made_as_far_as_it_is_needed() {
    let home = Home::new(&Template::new());
    let folder = home.path("new/home/.claude");
    let mut run = home.command(&["--json", "--config", &home.config_file().display().to_string()]);
    run.env("HOME", home.path("new/home")).env("CLAUDE_CONFIG_DIR", &folder);
    home.finish(run).exits(0);
    assert!(folder.join("han/sync-state.json").is_file());
}
