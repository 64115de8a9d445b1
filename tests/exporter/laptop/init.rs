//! `init`: what it asks, what it writes and when, and what it leaves alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{provide_crontab, tree};
use crate::support::authorization_server::AuthorizationServer;
use crate::support::exporter_test::ExporterTest;
use crate::support::han_db::conditions;
use crate::support::pseudo_terminal::PseudoTerminal;
use crate::support::test_receiver::store::{ALICE_KEY, BOB_KEY};
use crate::support::{Fault, Sandbox, identities, requests};

/// A machine on which han has run and han-sync has not, with an administrator's key in a file.
fn fresh(sessions: &[usize]) -> (ExporterTest, PathBuf) {
    let test = ExporterTest::with_sessions(sessions);
    fs::remove_file(test.config_file()).unwrap();
    let key = test.path("handed-over.key");
    test.write_private(&key, &format!("{ALICE_KEY}\n"));
    (test, key)
}

fn key_file(sandbox: &Sandbox) -> PathBuf {
    sandbox.state_folder().join("sync.key")
}

fn mode(path: &PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// `init` with every flag.
fn flags<'a>(endpoint: &'a str, key: &'a str, content: &'a str) -> Vec<&'a str> {
    vec!["init", "--endpoint", endpoint, "--key-file", key, "--content", content, "--yes"]
}

#[test]
fn flags_set_a_machine_up_that_sends_from_then_on() {
    let (test, key) = fresh(&[2, 3]);
    test.session("https://github.com/stranger/thing.git", 1);
    let endpoint = test.receiver.endpoint();
    let outcome = test.run(&flags(&endpoint, key.to_str().unwrap(), "no")).exits(0);
    let outcome = outcome.prints("alice").prints("github.com/acme-corp").prints("2 sessions with 5 messages");
    let outcome = outcome.prints("1 stay").prints("github.com/acme-corp/api (2 sessions)").prints("admins");
    outcome.prints("han-sync install").does_not_print(ALICE_KEY);
    let text = fs::read_to_string(test.config_file()).unwrap();
    assert_eq!(text, format!("sync:\n  enabled: true\n  endpoint: {endpoint}\n  includeContent: false\n"));
    assert_eq!(fs::read_to_string(key_file(&test)).unwrap(), format!("{ALICE_KEY}\n"));
    assert_eq!((mode(&key_file(&test)), mode(&test.config_file())), (0o600, 0o600));
    assert!(test.receiver.batches().is_empty(), "init itself sends nothing");
    assert!(!test.home().join(".config").exists(), "--yes installs nothing");

    // Once more: nothing is to be done, and nothing is touched.
    let before = tree(&test, &test.home());
    let (document, _) = test.run_json(&flags(&endpoint, key.to_str().unwrap(), "no"), 0);
    assert_eq!((&document["status"], &document["login"]), (&json!("success"), &json!("alice")), "{document}");
    assert_eq!((&document["eligibleSessions"], &document["excludedSessions"]), (&json!(2), &json!(1)));
    assert_eq!(document["repositories"], json!([{"repository": "github.com/acme-corp/api", "sessions": 2}]));
    assert_eq!((&document["next"], &document["includeContent"]), (&json!("han-sync install"), &json!(false)));
    assert_eq!(tree(&test, &test.home()), before);
    let (document, _) = test.run_json(&["init", "--yes"], 0);
    assert_eq!(document["written"], false, "{document}");

    test.run(&[]).exits(0);
    assert_eq!(test.receiver.alice().sessions.len(), 2);
    // Text is a change of its own, and so is its end.
    test.run(&["init", "--content", "yes"]).exits(0).prints("with text");
    assert!(fs::read_to_string(test.config_file()).unwrap().contains("  includeContent: true\n"));
    test.run(&["init", "--yes"]).exits(0).prints("with text");
    test.run(&["init", "--content", "no", "--yes"]).exits(0).prints("without text");
}

#[test]
fn everything_else_in_the_file_stays_byte_for_byte() {
    let (test, key) = fresh(&[1]);
    let before = "# mine\nplugins: {a: 1}  # x\nsync:\n    enabled: false   # not yet\n\n    # ours\n    forceExclude: [acme/x]\nother:\n  - 1\n";
    fs::write(test.config_file(), before).unwrap();
    fs::set_permissions(test.config_file(), fs::Permissions::from_mode(0o644)).unwrap();
    let endpoint = test.receiver.endpoint();
    test.run(&flags(&endpoint, key.to_str().unwrap(), "yes")).exits(0);
    let wanted = format!(
        "# mine\nplugins: {{a: 1}}  # x\nsync:\n    enabled: true   # not yet\n\n    # ours\n    forceExclude: [acme/x]\n    endpoint: {endpoint}\n    includeContent: true\nother:\n  - 1\n"
    );
    assert_eq!(fs::read_to_string(test.config_file()).unwrap(), wanted);
    assert_eq!(mode(&test.config_file()), 0o644);
    // A file of the user's own choice is made where it is missing, and read back.
    let other = test.path("elsewhere/sync.yml");
    let mut arguments = flags(&endpoint, key.to_str().unwrap(), "no");
    arguments.extend(["--config", other.to_str().unwrap()]);
    test.run(&arguments).exits(0).prints("elsewhere/sync.yml");
    assert!(fs::read_to_string(&other).unwrap().contains("enabled: true"));
}

#[test]
fn files_that_must_not_be_replaced_are_explained_and_nothing_is_written() {
    type Arrange = fn(&ExporterTest);
    let cases: [(Arrange, &str); 7] = [
        (|test| fs::create_dir(test.config_file()).unwrap(), "han.yml"),
        (|test| symlink(test.path("gone"), test.config_file()).unwrap(), "han.yml"),
        (
            |test| {
                fs::write(test.path("dotfile"), "a: 1\n").unwrap();
                symlink(test.path("dotfile"), test.config_file()).unwrap();
            },
            "is a link to",
        ),
        (
            |test| {
                fs::write(test.config_file(), "a: 1\n").unwrap();
                fs::set_permissions(test.config_file(), fs::Permissions::from_mode(0o444)).unwrap();
            },
            "read-only",
        ),
        (|test| fs::write(test.config_file(), "sync: [\n").unwrap(), "cannot parse"),
        (|test| fs::write(test.config_file(), [0xff, 0xfe]).unwrap(), "UTF-8"),
        (|test| fs::write(test.config_file(), "sync: {enabled: false}\n").unwrap(), "is written in a form"),
    ];
    for (arrange, said) in cases {
        let (test, key) = fresh(&[1]);
        arrange(&test);
        let before = tree(&test, &test.home());
        let endpoint = test.receiver.endpoint();
        test.run(&flags(&endpoint, key.to_str().unwrap(), "no")).exits(78).prints(said).prints("han.yml");
        assert_eq!(tree(&test, &test.home()), before, "{said}");
        assert!(!test.state_folder().exists(), "{said}");
        assert_eq!(test.receiver.request_count(), 0, "nobody is asked before: {said}");
    }
    // One that holds the settings already needs no change.
    let (test, key) = fresh(&[1]);
    let endpoint = test.receiver.endpoint();
    let text = format!("sync:\n  includeContent: false\n  enabled: true\n  endpoint: {endpoint}\n");
    fs::write(test.path("dotfile"), text).unwrap();
    symlink(test.path("dotfile"), test.config_file()).unwrap();
    test.run(&flags(&endpoint, key.to_str().unwrap(), "no")).exits(0);
    assert!(test.config_file().is_symlink() && key_file(&test).exists());
}

#[test]
fn without_a_terminal_the_flags_that_are_missing_are_named_and_nothing_is_written() {
    let (test, key) = fresh(&[1]);
    let before = tree(&test, &test.home());
    let endpoint = test.receiver.endpoint();
    test.run(&["init"])
        .exits(64)
        .prints("--endpoint")
        .prints("--content")
        .prints("--yes")
        .prints("--key-file");
    test.run(&["init", "--yes"]).exits(64).prints("--endpoint");
    test.run(&["init", "--endpoint", &endpoint, "--key-file", key.to_str().unwrap()])
        .exits(64)
        .prints("--content")
        .does_not_print("--endpoint");
    test.run(&["init", "--content", "maybe"]).exits(64).prints("yes or no");
    let (document, _) = test.run_json(&["init"], 64);
    assert_eq!(document["errors"][0]["code"], "USAGE", "{document}");
    assert_eq!(tree(&test, &test.home()), before);
    assert!(!test.state_folder().exists());
    assert_eq!(test.receiver.request_count(), 0);
}

#[test]
fn receiver_that_does_not_take_the_key_or_does_not_answer_leaves_everything_as_it_was() {
    let (test, key) = fresh(&[1]);
    let (endpoint, key) = (test.receiver.endpoint(), key.to_str().unwrap());
    let before = tree(&test, &test.home());
    for (fault, exit) in [
        (Fault::status(503), 75),
        (Fault::status(401), 77),
        (Fault::redirect(302, "https://sso.example/"), 78),
    ] {
        test.receiver.script(requests(), fault);
        test.run(&flags(&endpoint, key, "no")).exits(exit);
        test.receiver.clear_script();
    }
    test.run(&flags("http://127.0.0.1:9/api/sync", key, "no")).exits(75).prints("127.0.0.1:9");
    test.run(&flags("https://", key, "no")).exits(78);
    test.run(&flags("http://team.example.com", key, "no")).exits(78).prints("https");
    test.run(&flags(&endpoint, "/nowhere", "no")).exits(78).prints("/nowhere");
    fs::write(test.path("bad.key"), "two words\n").unwrap();
    test.run(&flags(&endpoint, test.path("bad.key").to_str().unwrap(), "no")).exits(78).prints("bad.key");
    assert_eq!(tree(&test, &test.home()), before);
    assert!(!test.state_folder().exists());
    // A key that would hide the one of the file is named first.
    test.env("HAN_SYNC_API_KEY", ALICE_KEY);
    test.run(&flags(&endpoint, key, "no")).exits(78).prints("HAN_SYNC_API_KEY");
    assert!(!test.config_file().exists());
}

#[test]
fn machine_without_a_key_logs_in_and_one_whose_key_has_ended_logs_in_again() {
    let (server, sandbox) = (AuthorizationServer::start(), Sandbox::unconfigured());
    let outcome = sandbox.run(&["init", "--endpoint", &server.base, "--yes"]).exits(0);
    outcome.prints("BCDF-GHJK").prints("alice").prints("no han database").does_not_print("han_new");
    assert_eq!(fs::read_to_string(key_file(&sandbox)).unwrap(), "han_new\n");
    let text = fs::read_to_string(sandbox.config_file()).unwrap();
    assert!(
        text.contains(&format!("  endpoint: {}/api/sync\n", server.base)),
        "the usual path is added: {text}"
    );
    let begun = server.bodies("/device_authorization").len();
    sandbox.run(&["init", "--yes"]).exits(0);
    assert_eq!(server.bodies("/device_authorization").len(), begun, "the key is still good");

    // A receiver without a login names the flag.
    let (silent, other) = (AuthorizationServer::start(), Sandbox::unconfigured());
    silent.change(|script| script.metadata.0 = 404);
    other.run(&["init", "--endpoint", &silent.base, "--yes"]).exits(78).prints("--key-file");
    assert!(!other.config_file().exists() && !key_file(&other).exists());
}

#[test]
fn key_goes_to_no_other_receiver_than_the_one_that_it_was_made_for() {
    let (test, key) = fresh(&[1]);
    let endpoint = test.receiver.endpoint();
    test.run(&flags(&endpoint, key.to_str().unwrap(), "no")).exits(0);
    let other = AuthorizationServer::start();
    test.run(&["init", "--endpoint", &other.base, "--yes"]).exits(0);
    assert_eq!(fs::read_to_string(key_file(&test)).unwrap(), "han_new\n");
    let (heads, old) = (other.headers("authorization"), ALICE_KEY);
    assert!(!heads.is_empty() && heads.iter().all(|head| !head.contains(old)), "{heads:?}");
    // And back, with a key of one's own in the file that hides the login's.
    let text = fs::read_to_string(test.config_file()).unwrap();
    fs::write(test.config_file(), text + "  apiKey: han_new\n").unwrap();
    let before = test.receiver.request_count();
    test.run(&["init", "--endpoint", &endpoint, "--yes"]).exits(78).prints("sync.apiKey");
    assert_eq!(test.receiver.request_count(), before);
}

#[test]
fn key_of_the_environment_is_kept_where_hook_and_schedule_find_it() {
    let (test, _) = fresh(&[1]);
    test.env("HAN_SYNC_API_KEY", BOB_KEY);
    test.env("HAN_SYNC_ENDPOINT", &test.receiver.endpoint());
    test.run(&["init", "--yes"]).exits(0);
    assert_eq!(fs::read_to_string(key_file(&test)).unwrap(), format!("{BOB_KEY}\n"));
    let crontab = provide_crontab(&test, None);
    test.run(&["install", "--scheduler", "cron"]).exits(0);
    assert!(crontab.exists(), "nothing exists in the environment alone");
    // A variable that hides what was written is named.
    test.env("HAN_SYNC_ENABLED", "0");
    test.run(&["init", "--yes"]).exits(0).prints("unset HAN_SYNC_ENABLED");
}

#[test]
fn key_of_the_environment_replaces_that_of_another_endpoint() {
    let (test, key) = fresh(&[1]);
    test.run(&flags(&test.receiver.endpoint(), key.to_str().unwrap(), "no")).exits(0);
    let other = AuthorizationServer::start();
    test.env("HAN_SYNC_API_KEY", BOB_KEY);
    test.run(&["init", "--endpoint", &other.base, "--yes"]).exits(0);
    // The file is all that a scheduled run has.
    assert_eq!(fs::read_to_string(key_file(&test)).unwrap(), format!("{BOB_KEY}\n"));
    // The same key once more is nothing to write.
    assert_eq!(test.run_json(&["init", "--yes"], 0).0["written"], false);

    // One in han.yml would hide the file's.
    let (test, _) = fresh(&[1]);
    test.set("endpoint", &test.receiver.endpoint());
    test.set("apiKey", ALICE_KEY);
    let before = fs::read(test.config_file()).unwrap();
    test.env("HAN_SYNC_API_KEY", BOB_KEY);
    let refused = test.run(&["init", "--endpoint", &other.base, "--yes"]).exits(78);
    refused.prints("sync.apiKey").prints("han.yml").does_not_print(ALICE_KEY);
    assert_eq!(fs::read(test.config_file()).unwrap(), before);
    assert!(!key_file(&test).exists());
}

#[test]
fn key_of_the_environment_leaves_another_key_of_the_same_endpoint_and_is_named() {
    let (test, key) = fresh(&[1]);
    test.run(&flags(&test.receiver.endpoint(), key.to_str().unwrap(), "no")).exits(0);
    test.env("HAN_SYNC_API_KEY", BOB_KEY);
    let before = tree(&test, &test.home());
    let outcome = test.run(&["init", "--yes"]).exits(0).prints("unset HAN_SYNC_API_KEY").prints("sync.key");
    outcome.does_not_print(BOB_KEY).does_not_print(ALICE_KEY);
    assert_eq!(tree(&test, &test.home()), before);
    assert_eq!(test.run_json(&["init", "--yes"], 0).0["written"], false);
    // A schedule would run with the file's key.
    provide_crontab(&test, None);
    test.run(&["install", "--scheduler", "cron"]).exits(78).prints("HAN_SYNC_API_KEY");
    // The same key is not hidden.
    test.env("HAN_SYNC_API_KEY", ALICE_KEY);
    test.run(&["init", "--yes"]).exits(0).does_not_print("HAN_SYNC_API_KEY");
}

#[test]
fn endpoint_without_its_path_is_the_same_endpoint() {
    let (server, sandbox) = (AuthorizationServer::start(), Sandbox::unconfigured());
    sandbox.run(&["init", "--endpoint", &server.base, "--yes"]).exits(0);
    let begun = server.bodies("/device_authorization").len();
    sandbox.set("endpoint", &format!("{}/", server.base));
    sandbox.run(&["init", "--yes"]).exits(0);
    sandbox.set("endpoint", &server.base);
    sandbox.run(&["init", "--endpoint", &format!("{}/api/sync", server.base), "--yes"]).exits(0);
    assert_eq!(server.bodies("/device_authorization").len(), begun, "the key is kept");
}

#[test]
fn schedule_that_init_installs_follows_the_file() {
    for by_variable in [false, true] {
        let (test, key) = fresh(&[1]);
        provide_crontab(&test, None);
        let endpoint = test.receiver.endpoint();
        let base = endpoint.strip_suffix("/api/sync").unwrap();
        let mut arguments = vec!["init", "--key-file", key.to_str().unwrap(), "--content", "no"];
        if by_variable {
            test.env("HAN_SYNC_ENDPOINT", base);
        } else {
            arguments.extend(["--endpoint", base]);
        }
        let mut terminal = PseudoTerminal::start(&test.command(&arguments), 100);
        terminal.wait_for("[Y/n]");
        terminal.answer("y");
        let (code, text) = terminal.finish();
        assert_eq!((code, text.contains("unset HAN_SYNC_ENDPOINT")), (0, by_variable), "{text}");
        let files = tree(&test, &test.home());
        let holds = |text: &str| files.values().any(|content| content.contains(text));
        assert!(holds("--max-seconds 60") && holds("SessionEnd") && !holds("--endpoint"), "{files:?}");
        let settings = fs::read_to_string(test.config_file()).unwrap();
        assert!(settings.contains(&format!("endpoint: {endpoint}\n")), "{settings}");
    }
}

#[test]
fn edit_that_is_made_while_init_asks_stays() {
    let (test, key) = fresh(&[1]);
    let endpoint = test.receiver.endpoint();
    let arguments = ["init", "--endpoint", &endpoint, "--key-file", key.to_str().unwrap()];
    let mut terminal = PseudoTerminal::start(&test.command(&arguments), 100);
    terminal.wait_for("[y/N]");
    fs::write(test.config_file(), "plugins: []\nsync:\n  forceExclude: [acme/x]  # secret\n").unwrap();
    terminal.answer("n");
    terminal.wait_for("[Y/n]");
    terminal.answer("n");
    assert_eq!(terminal.finish().0, 0);
    let text = fs::read_to_string(test.config_file()).unwrap();
    let kept = text.starts_with("plugins: []\nsync:\n  forceExclude: [acme/x]  # secret\n");
    assert!(kept && text.contains("  enabled: true\n"), "{text}");
}

#[test]
fn answers_that_end_change_nothing_and_are_a_no_once_everything_is_written() {
    let (test, key) = fresh(&[1]);
    provide_crontab(&test, None);
    let before = tree(&test, &test.home());
    let endpoint = test.receiver.endpoint();
    let arguments = ["init", "--endpoint", &endpoint, "--key-file", key.to_str().unwrap()];
    let mut terminal = PseudoTerminal::start(&test.command(&arguments), 100);
    terminal.wait_for("[y/N]");
    terminal.end_answers();
    let (code, text) = terminal.finish();
    assert!(code == 64 && text.contains("han.yml was not changed"), "{code} {text}");
    assert_eq!(tree(&test, &test.home()), before);

    let mut terminal = PseudoTerminal::start(&test.command(&arguments), 100);
    terminal.wait_for("[y/N]");
    terminal.answer("");
    terminal.wait_for("[Y/n]");
    terminal.end_answers();
    let (code, text) = terminal.finish();
    assert!(code == 0 && text.contains("next: han-sync install"), "{code} {text}");
    assert!(!text.contains("not changed"), "{text}");
    assert!(fs::read_to_string(test.config_file()).unwrap().contains("enabled: true"));
    assert!(!test.state_folder().join("install.json").exists());
}

#[test]
fn estimated_bytes_are_about_those_of_the_run_that_follows() {
    for (content, text_bytes) in [("no", 200), ("yes", 200), ("yes", 4_000)] {
        let (mut test, key) = fresh(&[]);
        test.db.make(|maker| maker.text_bytes = text_bytes);
        for messages in [200, 30, 30, 3, 3, 3] {
            let id = test.add_session(0);
            conditions::several_streams(&test.db, &id, messages);
        }
        let endpoint = test.receiver.endpoint();
        let (said, _) = test.run_json(&flags(&endpoint, key.to_str().unwrap(), content), 0);
        let (sent, _) = test.run_json(&[], 0);
        let [said, sent] = [&said["bytes"], &sent["bytesUncompressed"]].map(|bytes| bytes.as_u64().unwrap());
        assert!(said < 2 * sent && sent < 2 * said, "{content}, {text_bytes}: {said} said, {sent} sent");
    }
}

#[test]
fn person_who_is_asked_has_seen_what_would_leave() {
    for flag in ["--quiet", "--json"] {
        let (test, key) = fresh(&[2]);
        let endpoint = test.receiver.endpoint();
        let arguments = ["init", "--endpoint", &endpoint, "--key-file", key.to_str().unwrap(), flag];
        let mut terminal = PseudoTerminal::start(&test.command(&arguments), 100);
        let shown = terminal.wait_for("Send the text of messages, too");
        for wanted in ["alice", "1 session with 2 messages", "readers: "] {
            assert!(shown.contains(wanted), "{flag}, {wanted}: {shown}");
        }
        terminal.interrupt();
        terminal.finish();
    }
    // Nobody is asked: --quiet is quiet, and stdout holds the document alone.
    let (test, key) = fresh(&[2]);
    let endpoint = test.receiver.endpoint();
    let mut arguments = flags(&endpoint, key.to_str().unwrap(), "no");
    arguments.push("--quiet");
    let outcome = test.run(&arguments).exits(0);
    assert_eq!(format!("{}{}", outcome.stdout, outcome.stderr), "");
}

#[test]
fn own_accounts_are_proposed_and_a_new_owner_is_accepted_at_once() {
    let (test, key) = fresh(&[1]);
    let hosts = test.home().join(".config/gh/hosts.yml");
    fs::create_dir_all(hosts.parent().unwrap()).unwrap();
    fs::write(hosts, "github.com:\n    user: alice\n    users:\n        Alice-Work:\n").unwrap();
    let endpoint = test.receiver.endpoint();
    let session = test.session("https://github.com/newcomer/api.git", 1);
    test.run(&flags(&endpoint, key.to_str().unwrap(), "no")).exits(0);
    let text = fs::read_to_string(test.config_file()).unwrap();
    assert!(
        text.ends_with("  accounts:\n    - github.com/alice-work\n"),
        "the receiver knows the other one: {text}"
    );
    test.run(&[]).exits(0);
    test.receiver.with_identity("user-alice", |identity| {
        identity.organizations[0].owners.push("github.com/newcomer".to_owned());
    });
    test.advance(chrono::TimeDelta::hours(2));
    test.run(&["all"]).exits(0).prints("github.com/newcomer");
    assert!(!test.receiver.alice().sessions.contains_key(&session));
    test.run(&["init", "--yes"]).exits(0);
    assert!(
        fs::read_to_string(test.config_file())
            .unwrap()
            .contains("  organizations:\n    - github.com/newcomer\n")
    );
    test.run(&["all"]).exits(0);
    assert!(test.receiver.alice().sessions.contains_key(&session));
}

#[test]
fn questions_on_a_terminal_are_answered_one_by_one() {
    let (test, key) = fresh(&[2]);
    provide_crontab(&test, None);
    let before = tree(&test, &test.home());
    let address = test.receiver.endpoint();
    let command = test.command(&["init", "--key-file", key.to_str().unwrap()]);
    let mut terminal = PseudoTerminal::start(&command, 100);
    terminal.wait_for("Address of your team's receiver");
    terminal.answer("http://team.example.com");
    terminal.wait_for("https");
    terminal.wait_for("Address of your team's receiver");
    terminal.answer(&address);
    let shown = terminal.wait_for("Send the text of messages, too");
    assert!(shown.contains("1 session with 2 messages") && shown.contains("alice"), "{shown}");
    terminal.wait_for("[y/N]");
    // Ctrl-C at a question leaves everything as it was.
    terminal.interrupt();
    assert_eq!(terminal.finish().0, -1);
    assert_eq!(tree(&test, &test.home()), before);

    let mut terminal = PseudoTerminal::start(&command, 40);
    terminal.wait_for("receiver (https");
    terminal.answer(&address);
    terminal.wait_for("[y/N]");
    terminal.answer("perhaps");
    terminal.wait_for("write y or n");
    terminal.answer("y");
    terminal.wait_for("[Y/n]");
    terminal.answer("n");
    let (code, text) = terminal.finish();
    assert!(code == 0 && text.contains("next: han-sync install"), "{code} {text}");
    assert!(fs::read_to_string(test.config_file()).unwrap().contains("includeContent: true"));

    let mut terminal = PseudoTerminal::start(&test.command(&["init"]), 80);
    terminal.wait_for("[Y/n]");
    terminal.answer("");
    terminal.wait_for("[Y/n]");
    terminal.answer("");
    let (code, text) = terminal.finish();
    assert!(code == 0 && text.contains("SessionEnd and SessionStart hooks"), "{code} {text}");
    let document: Value = test.run(&["init", "--yes", "--json"]).exits(0).json();
    assert_eq!(document["next"], Value::Null, "installed");
    test.receiver.script(identities(), Fault::status(503));
    test.run(&["init", "--yes"]).exits(75);
}
