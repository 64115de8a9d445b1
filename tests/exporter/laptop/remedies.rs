//! Conditions of the receiver, of the key and of the rules, each mended with the very command that its text names; and the
//! proof that every row of the table has its test.

use std::fs;
use std::process::Command;

use chrono::TimeDelta;
use han_sync::exporter::plan::conditions::{FOLDER_PROTECTED, TABLE};

use super::conditions::{doctor, find, holds, is_mended, obey, provide_editor, well};
use crate::support::authorization_server::AuthorizationServer;
use crate::support::exporter_test::ExporterTest;
use crate::support::pseudo_terminal::PseudoTerminal;
use crate::support::test_receiver::store::ALICE_KEY;
use crate::support::tls::{Authority, Certificate};
use crate::support::{Fault, TestReceiver, identities};

/// Runs the command of a condition on a terminal, and answers its questions: the text of each, and the answer.
#[track_caller]
fn is_mended_by_answers(test: &ExporterTest, code: &str, severity: &str, answers: &[(&str, &str)]) {
    let command = holds(test, code, severity);
    let environment = test.command(&[]);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &command]).current_dir(test.path(""));
    shell.envs(environment.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut terminal = PseudoTerminal::start(&shell, 100);
    for (question, answer) in answers {
        terminal.wait_for(question);
        terminal.answer(answer);
    }
    let (exit, shown) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
    let document = doctor(test);
    assert_eq!(find(&document, code), None, "{command}: {document}");
}

#[test]
fn sync_that_is_off_and_a_receiver_that_is_not_named_are_mended_by_init() {
    let test = well();
    test.unset("enabled");
    is_mended_by_answers(&test, "NOT_ENABLED", "warning", &[("[y/N]", "")]);
    let test = well();
    test.unset("endpoint");
    let endpoint = test.receiver.endpoint();
    let answers = [("Address of your team's receiver", endpoint.as_str()), ("[y/N]", "n")];
    is_mended_by_answers(&test, "NO_ENDPOINT", "error", &answers);
}

/// A machine on which all is well but for the key, and the server that gives one.
fn at_authorization_server() -> (ExporterTest, AuthorizationServer) {
    let (test, server) = (well(), AuthorizationServer::start());
    test.unset("apiKey");
    test.set("endpoint", &format!("{}/api/sync", server.base));
    (test, server)
}

#[test]
fn key_that_is_missing_refused_or_about_to_end_is_mended_by_login() {
    let (test, server) = at_authorization_server();
    is_mended(&test, "NO_KEY", "error");
    // The key of the login is refused from now on, and the next one is another.
    server.change(|script| {
        script.refused.push("han_new".to_owned());
        script.polls = [(200, serde_json::json!({"access_token": "han_newer"}))].into();
    });
    is_mended(&test, "KEY_REFUSED", "error");
    let soon = (test.now() + TimeDelta::days(6)).to_rfc3339();
    server.change(|script| {
        script.key_ends.push(("han_newer".to_owned(), soon));
        script.polls = [(200, serde_json::json!({"access_token": "han_newest"}))].into();
    });
    // A run learns the end of the key.
    test.advance(TimeDelta::hours(2));
    test.run(&["all"]);
    is_mended(&test, "KEY_EXPIRES_SOON", "warning");
}

#[test]
fn refused_key_that_hides_a_login_is_mended_where_it_stands() {
    let test = well();
    test.set("apiKey", "han_wrong");
    provide_editor(&test, &format!("s|apiKey: .*|apiKey: {ALICE_KEY}|"));
    test.run(&["all"]).exits(77);
    assert!(find(&test.status(), "KEY_REFUSED").is_some(), "a run has found it, too");
    is_mended(&test, "KEY_REFUSED", "error");
    test.env("HAN_SYNC_API_KEY", "han_wrong");
    assert_eq!(holds(&test, "KEY_REFUSED", "error"), "unset HAN_SYNC_API_KEY && han-sync login");
}

#[test]
fn endpoint_that_is_no_receiver_is_mended_in_the_file() {
    let test = well();
    let (right, wrong) = (test.receiver.endpoint(), TestReceiver::start());
    wrong.script(identities(), Fault::redirect(302, "https://sso.example/"));
    test.set("endpoint", &wrong.endpoint());
    provide_editor(&test, &format!("s|endpoint: .*|endpoint: {right}|"));
    is_mended(&test, "NOT_A_RECEIVER", "error");
}

#[test]
fn certificate_that_is_not_trusted_is_mended_in_the_file() {
    let authority = Authority::new("team");
    let test = ExporterTest::against(TestReceiver::https(authority.server(Certificate::Right)), &[1]);
    test.set("endpoint", &test.receiver.endpoint_at("localhost"));
    let path = test.path("ca.pem");
    fs::write(&path, authority.pem()).unwrap();
    provide_editor(&test, &format!("s|^sync:|sync:\\n  caFile: {}|", path.display()));
    is_mended(&test, "TLS_UNTRUSTED", "error");
}

#[test]
fn new_owner_is_accepted_by_init() {
    let test = well();
    let session = test.session("https://github.com/newcomer/api.git", 1);
    test.receiver.with_identity("user-alice", |identity| {
        identity.organizations[0].owners.push("github.com/newcomer".to_owned());
    });
    test.advance(TimeDelta::hours(2));
    test.run(&["all"]).exits(0);
    let answers = [("Accept it now? [y/N]", "y"), ("[y/N]", "")];
    is_mended_by_answers(&test, "NEW_OWNER", "warning", &answers);
    test.run(&["all"]).exits(0);
    assert!(test.receiver.alice().sessions.contains_key(&session));
}

#[test]
fn pattern_without_effect_is_mended_in_the_file() {
    let test = well();
    test.set("forceExclude", "[github.com/acme-corp/ipa]");
    provide_editor(&test, "s|/ipa|/api|");
    is_mended(&test, "PATTERN_UNMATCHED", "warning");
}

#[test]
fn delivery_that_was_not_proven_for_a_month_is_proven_by_verify() {
    let test = well();
    test.advance(TimeDelta::days(31));
    is_mended(&test, "UNVERIFIED", "warning");
}

#[test]
fn lock_that_a_run_holds_for_too_long_is_freed_by_the_command() {
    let test = well();
    test.add_messages(&test.sessions[0], 1);
    let holder = test.run_into_held_batch(&["--json", "--max-seconds", "600"], 0);
    test.advance(TimeDelta::hours(26));
    let command = holds(&test, "LOCK_STUCK", "warning");
    obey_and_wait(&test, &command, holder);
    test.receiver.clear_script();
    test.receiver.release();
    assert_eq!(find(&doctor(&test), "LOCK_STUCK"), None);
}

/// Obeys a command that ends a program.
fn obey_and_wait(test: &ExporterTest, command: &str, program: crate::support::RunningProgram) {
    // The shell is done before the program is.
    let waiting = std::thread::spawn(move || program.wait());
    obey(test, command);
    waiting.join().unwrap();
}

#[test]
fn every_condition_of_the_table_has_a_test_that_mends_it() {
    let tests = concat!(include_str!("conditions.rs"), include_str!("remedies.rs"));
    let is_in = |assert: &str, code: &str| tests.contains(&format!("{assert}(&test, \"{code}\", "));
    // The command is not all that these take: their tests do the rest, and then expect no condition.
    let mended_in_steps = [
        "ENDPOINT_UNREACHABLE",
        "CLOCK_SKEW",
        "HOOK_SILENT",
        "NOTHING_ELIGIBLE",
        "FOLDER_UNREADABLE",
        "LOCK_STUCK",
    ];
    let is_tested = |code: &&str| match mended_in_steps.contains(code) {
        true => is_in("holds", code) && tests.contains(&format!("\"{code}\"), None)")),
        false => is_in("is_mended", code) || is_in("is_mended_by_answers", code),
    };
    let missing: Vec<&str> = TABLE.iter().map(|kind| kind.code).filter(|code| !is_tested(code)).collect();
    // macOS alone withholds folders: the tests of that policy are beside it.
    assert_eq!(missing, [FOLDER_PROTECTED.code]);
}
