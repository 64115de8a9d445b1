//! Settings and places that exist in the environment alone: carried as flags, or named with the line that would hold them.

use std::fs;

use super::tree;
use crate::support::exporter_test::ExporterTest;
use crate::support::test_receiver::store::ALICE_KEY;

#[test]
fn settings_of_the_environment_alone_are_named_with_their_line_and_nothing_is_written() {
    for (variables, removed, lines) in [
        (&[("HAN_SYNC_ENABLED", "1")][..], &["enabled"][..], &["enabled: true"][..]),
        (&[("HAN_SYNC_API_KEY", ALICE_KEY)], &["apiKey"], &["apiKeyFile: "]),
        (&[("HAN_SYNC_API_KEY", "han_another_key")], &[], &["apiKeyFile: "]),
        (&[("HAN_SYNC_INTERVAL", "600")], &[], &["interval: 600"]),
        (&[("HAN_SYNC_BATCH_SIZE", "7")], &[], &["batchSize: 7"]),
        (
            &[("https_proxy", "http://u:secret@proxy.example:3128")],
            &[],
            &["proxy: http://proxy.example:3128"],
        ),
        (&[("ALL_PROXY", "http://proxy.example:3128")], &[], &["proxy: http://proxy.example:3128"]),
        (&[("SSL_CERT_FILE", "/etc/acme.pem")], &[], &["caFile: /etc/acme.pem"]),
        (&[("SSL_CERT_DIR", "/etc/acme")], &[], &["caFile: /etc/acme"]),
        (
            &[("HAN_SYNC_ENABLED", "true"), ("HAN_SYNC_API_KEY", ALICE_KEY)],
            &["enabled", "apiKey"],
            &["enabled: true", "apiKeyFile: "],
        ),
    ] {
        let test = ExporterTest::with_sessions(&[1]);
        removed.iter().for_each(|key| test.unset(key));
        variables.iter().for_each(|(name, value)| test.env(name, value));
        let before = tree(&test, &test.home());
        for arguments in [&["install"][..], &["install", "--print"]] {
            let outcome = test.run(arguments).exits(78).prints("han.yml");
            let outcome = variables.iter().fold(outcome, |outcome, (name, _)| outcome.prints(name));
            let outcome = lines.iter().fold(outcome, |outcome, line| outcome.prints(line));
            outcome.does_not_print(ALICE_KEY).does_not_print("han_another_key").does_not_print("secret");
        }
        assert_eq!(tree(&test, &test.home()), before, "{variables:?}");
        assert!(!test.state_folder().exists(), "{variables:?}");
    }
}

#[test]
fn settings_that_the_file_has_too_need_not_move() {
    let test = ExporterTest::with_sessions(&[1]);
    for (name, value) in [
        ("HAN_SYNC_ENABLED", "true"),
        ("HAN_SYNC_API_KEY", ALICE_KEY),
        ("HAN_SYNC_INTERVAL", "300"),
        ("https_proxy", "http://proxy.example:3128"),
        ("SSL_CERT_FILE", "/etc/acme.pem"),
        ("no_proxy", "127.0.0.1"),
    ] {
        test.env(name, value);
    }
    let authorities = test.path("acme.pem");
    fs::write(&authorities, "").unwrap();
    test.set("caFile", authorities.to_str().unwrap());
    test.run(&["install", "--scheduler", "systemd"]).exits(0);
}

#[test]
fn places_of_variables_flags_and_another_home_are_carried_as_absolute_flags() {
    let test = ExporterTest::with_sessions(&[1]);
    let endpoint = test.receiver.endpoint();
    let line = |arguments: &[&str]| {
        let arguments: Vec<&str> =
            ["install", "--print", "--scheduler", "systemd"].iter().chain(arguments).copied().collect();
        let printed = test.run(&arguments).exits(0).stdout;
        printed.lines().find_map(|line| line.strip_prefix("ExecStart=").map(str::to_owned)).unwrap()
    };
    let words = |flag: &str, path: &std::path::Path| format!(" {flag} {}", path.display());
    let usual = line(&[]);
    for place in [
        words("--db", &test.database()),
        words("--config", &test.config_file()),
        words("--state-dir", &test.state_folder()),
    ] {
        assert!(usual.contains(&place), "{place} in {usual}");
    }
    assert!(!usual.contains("--endpoint"), "han.yml holds it: {usual}");

    // A relative path of a flag, from the working folder.
    fs::copy(test.config_file(), test.path("other.yml")).unwrap();
    let flagged = line(&["--config", "other.yml", "--state-dir", "state", "--endpoint", &endpoint]);
    for place in [
        words("--config", &test.path("other.yml")),
        words("--state-dir", &test.path("state")),
        format!(" --endpoint {endpoint}"),
    ] {
        assert!(flagged.contains(&place), "{place} in {flagged}");
    }

    // Another home folder than that of the user database leads elsewhere, too.
    test.env("CLAUDE_CONFIG_DIR", "");
    assert!(line(&[]).contains(&words("--state-dir", &test.state_folder())));
    test.env("HAN_SYNC_ENDPOINT", &endpoint);
    assert!(line(&[]).contains(&format!(" --endpoint {endpoint}")));
}
