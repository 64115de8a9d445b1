//! A configuration that cannot be found or read, or that is mistyped, sends nothing: its exclusions would be void.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::RunningProgram;
use crate::support::exporter_test::{Arrange, ExporterTest};

/// Two sessions of the organization, the second of which the configuration excludes; their ids.
fn excluding() -> (ExporterTest, String, String) {
    let test = ExporterTest::new();
    let sent = test.session("https://github.com/acme-corp/api", 1);
    let excluded = test.session("https://github.com/acme-corp/secret", 1);
    test.set("forceExclude", "[github.com/acme-corp/secret]");
    (test, sent, excluded)
}

/// Gives the settings by environment as well, so that a configuration file that is not read leaves them in force.
fn configure_by_environment(test: &ExporterTest) {
    test.env("HAN_SYNC_ENABLED", "1");
    test.env("HAN_SYNC_ENDPOINT", &test.receiver.endpoint());
    test.env("HAN_SYNC_API_KEY", crate::support::test_receiver::store::ALICE_KEY);
}

/// Moves the database, with its write-ahead log.
fn move_database(from: &Path, to: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let with_suffix = |path: &Path| format!("{}{suffix}", path.display());
        // Without a log there is none to move.
        if Path::new(&with_suffix(from)).exists() {
            fs::rename(with_suffix(from), with_suffix(to)).unwrap();
        }
    }
}

#[test]
fn home_folder_is_expanded_in_variables_and_flags() {
    let (test, sent, _) = excluding();
    configure_by_environment(&test);
    test.env("CLAUDE_CONFIG_DIR", "~/.claude");
    assert_eq!(test.run_and_list_sent(0), [sent.as_str()]);
    assert!(!test.path("~").exists());

    move_database(&test.database(), &test.home().join("other.db"));
    fs::rename(test.config_file(), test.home().join("other.yml")).unwrap();
    test.forget_state();
    for (variable, value) in [("HAN_DB", "~/other.db"), ("HAN_DB", "/nowhere/han.db")] {
        test.env(variable, value);
        let flags: &[&str] = match value {
            "~/other.db" => &["--config=~/other.yml"],
            _ => &["--db=~/other.db", "--config", "~/other.yml"],
        };
        let each = test.json(&[&["explain"], flags].concat());
        assert_eq!(each["counts"]["forced_exclude"], 1, "{each}");
    }
}

#[test]
fn path_that_is_relative_or_not_expanded_is_an_error_that_names_it() {
    for variable in ["CLAUDE_CONFIG_DIR", "HAN_DATA_DIR", "HAN_DB"] {
        for value in [".claude", "./x", "$HOME/x", "/home/${USER}/x", "~alice/x", "C:x"] {
            let (test, ..) = excluding();
            configure_by_environment(&test);
            test.env(variable, value);
            for command in [&[][..], &["all"], &["status"], &["explain"]] {
                test.run(command).exits(78).prints(variable).prints(value);
            }
            test.run_with_input(&["hook"], b"{\"session_id\": \"s\"}").exits(0);
            test.settle();
            assert_eq!(test.receiver.request_count(), 0, "{variable}={value}");
            assert!(!test.path(value).exists(), "{variable}={value}");
        }
    }
}

#[test]
fn database_is_the_first_that_exists_of_the_data_folder_and_the_home_folder() {
    let (test, sent, _) = excluding();
    test.env("HAN_DB", "");
    test.env("HAN_DATA_DIR", test.path("data").to_str().unwrap());
    fs::create_dir_all(test.home().join(".han")).unwrap();
    move_database(&test.database(), &test.home().join(".han/han.db"));
    assert_eq!(test.run_and_list_sent(0), [sent]);
    fs::create_dir(test.path("data")).unwrap();
    move_database(&test.home().join(".han/han.db"), &test.path("data/han.db"));
    test.run(&["status"]).exits(0).prints("data/han.db");
    // A disk that is not mounted is no reason to take another database.
    fs::rename(test.path("data"), test.home().join(".han/data")).unwrap();
    symlink("/nowhere/data", test.path("data")).unwrap();
    test.run(&["--json"]).exits(66);
    fs::remove_file(test.path("data")).unwrap();
    test.run(&["--json"]).exits(66).prints("data/han.db");
}

#[test]
fn path_below_a_home_folder_that_is_not_known_is_an_error() {
    for flag in ["--state-dir=~/state", "--db=~/han.db", "--config=~/han.yml"] {
        let (test, ..) = excluding();
        configure_by_environment(&test);
        for home in [None, Some(""), Some("home/alice"), Some("$HOME")] {
            let mut command = test.command(&[flag]);
            match home {
                None => command.env_remove("HOME"),
                Some(home) => command.env("HOME", home),
            };
            let outcome = RunningProgram::new(command.spawn().unwrap()).wait();
            outcome.exits(78).prints(flag.split_once('=').unwrap().1).prints("HOME");
            assert!(!test.path("~").exists(), "{flag}");
        }
        assert_eq!(test.receiver.request_count(), 0, "{flag}");
    }
}

#[test]
fn configuration_that_exists_and_cannot_be_read_is_not_no_configuration() {
    let broken: [(&str, Arrange); 6] = [
        ("a link that leads nowhere", |test| {
            fs::remove_file(test.config_file()).unwrap();
            symlink("/nowhere/han.yml", test.config_file()).unwrap();
        }),
        ("a link to itself", |test| {
            fs::remove_file(test.config_file()).unwrap();
            symlink("han.yml", test.config_file()).unwrap();
        }),
        ("a folder that is a link that leads nowhere", |test| {
            fs::rename(test.config_folder(), test.path("disk")).unwrap();
            symlink("/nowhere/claude", test.config_folder()).unwrap();
        }),
        ("a folder", |test| {
            fs::remove_file(test.config_file()).unwrap();
            fs::create_dir(test.config_file()).unwrap();
        }),
        ("a folder in place of which there is a file", |test| {
            fs::remove_dir_all(test.config_folder()).unwrap();
            fs::write(test.config_folder(), "").unwrap();
        }),
        ("a device", |test| {
            fs::remove_file(test.config_file()).unwrap();
            symlink("/dev/zero", test.config_file()).unwrap();
        }),
    ];
    for (name, make) in broken {
        let (test, ..) = excluding();
        configure_by_environment(&test);
        make(&test);
        test.run(&["--json"]).exits(78).prints("han.yml");
        assert_eq!(test.receiver.request_count(), 0, "{name}");
    }
    // No file at all is one way to configure by the environment.
    let (test, ..) = excluding();
    configure_by_environment(&test);
    fs::remove_file(test.config_file()).unwrap();
    assert_eq!(test.run_and_list_sent(0).len(), 2);
}

#[test]
fn mistyped_setting_or_section_is_an_error_that_names_the_right_one() {
    let secret = "[github.com/acme-corp/secret]";
    for (text, hint) in [
        (format!("sync:\n  forceExlude: {secret}\n"), "forceExclude"),
        (format!("sync:\n  forceexclude: {secret}\n"), "forceExclude"),
        (format!("sync:\n  force_exclude: {secret}\n"), "forceExclude"),
        (format!("sync:\n  FORCE-EXCLUDE: {secret}\n"), "forceExclude"),
        ("sync:\n  redactPattern: ['x']\n".to_owned(), "redactPatterns"),
        ("sync:\n  includeContents: false\n".to_owned(), "includeContent"),
        (format!("sync:\nforceExclude: {secret}\n"), "indent"),
        (format!("SYNC:\n  forceExclude: {secret}\n"), "sync:"),
        (format!("snyc:\n  forceExclude: {secret}\n"), "sync:"),
        (format!("name: x\n---\nsync:\n  forceExclude: {secret}\n"), "second YAML document"),
        (format!("sync.forceExclude: {secret}\n"), "sync:"),
        (format!("sync:\n  privacy:\n    forceExclude: {secret}\n"), "directly below sync:"),
        (format!("base: &base {{forceExlude: {secret}}}\nsync:\n  <<: *base\n"), "forceExclude"),
        ("sync:\n  forceExclude: github.com/acme-corp/secret\n".to_owned(), "a list"),
    ] {
        let (test, ..) = excluding();
        configure_by_environment(&test);
        test.write_private(&test.config_file(), &text);
        test.run(&["--json"]).exits(78).prints(hint).prints("han.yml");
        assert_eq!(test.receiver.request_count(), 0, "{text}");
    }
}

#[test]
fn other_keys_are_a_warning_and_those_of_han_are_silent() {
    let (test, sent, _) = excluding();
    test.set("compression", "gzip");
    test.run(&["--json"]).exits(0).does_not_print("compression");
    assert_eq!(test.sent_since(0), [sent]);
    test.set("retentionDays", "3");
    test.run(&["--json"]).exits(0).prints("sync.retentionDays is no setting");
}

#[test]
fn merged_exclusions_exclude() {
    for text in [
        "base: &base {forceExclude: [github.com/acme-corp/secret]}\nsync:\n  <<: *base\n",
        "a: &a {forceExclude: [secret]}\nb: &b {timeout: 2}\nsync: {<<: [*b, *a]}\n",
        "a: &a {forceExclude: []}\nsync: {<<: *a, forceExclude: [acme-corp/secret]}\n",
    ] {
        let (test, sent, _) = excluding();
        configure_by_environment(&test);
        test.write_private(&test.config_file(), text);
        assert_eq!(test.run_and_list_sent(0), [sent], "{text}");
    }
}

#[test]
fn exclusion_of_one_word_matches_owner_subgroup_and_repository() {
    let test = ExporterTest::new();
    test.set("organizations", "[gitlab.com/acme, gitlab.com/web]");
    for remote in
        ["https://gitlab.com/web/api", "https://gitlab.com/acme/web/api", "https://gitlab.com/acme/web"]
    {
        test.session(remote, 1);
    }
    let sent = test.session("https://gitlab.com/acme/webapp", 1);
    test.set("forceExclude", "[web]");
    assert_eq!(test.run_and_list_sent(0), [sent]);
}

#[test]
fn pattern_that_can_never_match_is_an_error_and_one_that_matches_nothing_is_named() {
    for pattern in [
        "https://github.com/acme-corp/secret/tree/main",
        "gitlab.com/acme/api/-/issues",
        "github.com/acme-corp/secret-?",
        "'!acme-corp/secret'",
        "github.com",
        "dev.azure.com/org/project/repo/**",
        "'acme-corp/secret, acme-corp/other'",
    ] {
        let (test, ..) = excluding();
        test.set("forceExclude", &format!("[{pattern}]"));
        test.run(&["--json"]).exits(78).prints("forceExclude").prints("han.yml");
        assert_eq!(test.receiver.request_count(), 0, "{pattern}");
    }
    // No repository can be below one of this host, so that the pattern can only mean the repository itself.
    for pattern in ["github.com/acme-corp/secret/**", "https://github.com/acme-corp/secret/*"] {
        let (test, sent, _) = excluding();
        test.set("forceExclude", &format!("[{pattern}]"));
        assert_eq!(test.run_and_list_sent(0), [sent], "{pattern}");
    }
    let (test, ..) = excluding();
    test.set("forceExclude", "[github.com/acme-corp/secret, acme-corp/sceret]");
    test.set("forceInclude", "[github.com/acme-corp/api, github.com/friend/*]");
    test.run(&["--json"]).exits(0).prints("acme-corp/sceret of forceExclude").prints("github.com/friend/*");
    test.run(&["status"]).exits(0).prints("acme-corp/sceret of forceExclude");
    let document = test.json(&["explain"]);
    assert_eq!(document["unmatchedPatterns"], serde_json::json!(["acme-corp/sceret", "github.com/friend/*"]));
    test.run(&["explain"]).exits(0).prints("acme-corp/sceret").prints("no repository that han knows");
}
