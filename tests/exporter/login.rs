//! `login` and `logout` against a scripted authorization server: the key file, and servers that are odd or hostile.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::authorization_server::AuthorizationServer;

/// A machine without a key, and the server at its endpoint.
fn machine() -> (AuthorizationServer, Sandbox) {
    let (server, sandbox) = (AuthorizationServer::start(), Sandbox::unconfigured());
    sandbox.set("enabled", "true");
    sandbox.set("endpoint", &format!("{}/api/sync", server.base));
    (server, sandbox)
}

fn key_file(sandbox: &Sandbox) -> PathBuf {
    sandbox.state_folder().join("sync.key")
}

#[test]
fn login_polls_as_told_and_writes_the_key_for_its_owner_alone() {
    let (server, sandbox) = machine();
    let outcome = sandbox.run(&["login", "--json"]).exits(0);
    let outcome = outcome.prints("/device?user_code=BCDF-GHJK").prints("admin device approve BCDF-GHJK");
    let document = outcome.json();
    assert_eq!((&document["status"], &document["login"]), (&json!("success"), &json!("alice")), "{document}");
    assert!(document["expiresAt"].is_string(), "{document}");
    assert_eq!(document["keyFile"], key_file(&sandbox).to_str().unwrap());
    assert!(!format!("{document}{}", outcome.stderr).contains("han_new"), "no key is printed");
    assert_eq!(fs::read_to_string(key_file(&sandbox)).unwrap(), "han_new\n");
    assert_eq!(fs::metadata(key_file(&sandbox)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(server.bodies("/token").len(), 3);
    let begun = server.bodies("/device_authorization");
    assert!(begun[0].contains("client_id=han-sync") && begun[0].contains("device_name="), "{begun:?}");

    // The key that stands in the file counts from now on; a further login replaces and revokes it.
    assert_eq!(sandbox.status()["configured"], true);
    server.change(|script| {
        script.polls = [(200, json!({"access_token": "han_newer"}))].into();
    });
    sandbox.run(&["login"]).exits(0).prints("logged in at").prints("as alice");
    assert_eq!(fs::read_to_string(key_file(&sandbox)).unwrap(), "han_newer\n");
    assert_eq!(server.bodies("/revoke"), ["token=han_new&client_id=han-sync"]);

    sandbox.run(&["logout"]).exits(0).prints("logged out");
    assert_eq!(server.bodies("/revoke")[1], "token=han_newer&client_id=han-sync");
    assert!(!key_file(&sandbox).exists());
    sandbox.run(&["logout"]).exits(0).prints("not logged in");
}

#[test]
fn key_that_would_hide_the_new_one_is_named_before_anything_is_asked() {
    let (server, sandbox) = machine();
    sandbox.set("apiKey", "han_old");
    sandbox.run(&["login"]).exits(78).prints("sync.apiKey").prints("han.yml").does_not_print("han_old");
    sandbox.run(&["logout"]).exits(78).prints("sync.apiKey");
    sandbox.unset("apiKey");
    sandbox.env("HAN_SYNC_API_KEY", "han_old");
    sandbox.run(&["login"]).exits(78).prints("HAN_SYNC_API_KEY").does_not_print("han_old");
    assert!(server.paths().is_empty());
}

#[test]
fn api_key_file_is_the_one_that_is_written() {
    let (_server, sandbox) = machine();
    let path = sandbox.path("team.key");
    sandbox.set("apiKeyFile", path.to_str().unwrap());
    sandbox.run(&["--json"]).exits(78).prints("team.key").prints("han-sync login");
    sandbox.run(&["login"]).exits(0).prints("team.key");
    assert_eq!(fs::read_to_string(&path).unwrap(), "han_new\n");
    assert!(!key_file(&sandbox).exists());
    // A link to nowhere is a mistake, not an absent key.
    fs::remove_file(&path).unwrap();
    symlink(sandbox.path("gone"), &path).unwrap();
    sandbox.run(&["status"]).exits(78).prints("team.key");
}

#[test]
fn addresses_of_another_origin_are_not_used() {
    let elsewhere = "https://evil.example/x";
    for name in ["issuer", "device_authorization_endpoint", "token_endpoint", "revocation_endpoint"] {
        let (server, sandbox) = machine();
        server.change(|script| script.metadata.1[name] = json!(elsewhere));
        sandbox.run(&["login"]).exits(78).prints("evil.example").prints("--public-url");
        assert_eq!(server.paths(), ["/.well-known/oauth-authorization-server"], "{name}");
    }
    for name in ["verification_uri", "verification_uri_complete"] {
        let (server, sandbox) = machine();
        server.change(|script| script.authorization[name] = json!(elsewhere));
        sandbox.run(&["login"]).exits(78).prints("evil.example").does_not_print("Open https");
        assert!(server.bodies("/token").is_empty(), "{name}");
    }
}

#[test]
fn outcome_of_a_login_without_a_key_says_what_to_do() {
    type Change = fn(&AuthorizationServer);
    let cases: [(Change, i32, &str); 8] = [
        (|server| server.change(|script| script.metadata.0 = 404), 78, "has no login"),
        (|server| server.change(|script| script.metadata.0 = 503), 75, "503"),
        (|server| server.change(|script| script.metadata.1 = json!({})), 78, "not of OAuth"),
        (|server| polls(server, 400, json!({"error": "access_denied"})), 77, "denied"),
        (|server| polls(server, 400, json!({"error": "expired_token"})), 75, "han-sync login again"),
        (|server| polls(server, 400, json!({"error": "authorization_pending"})), 75, "nobody approved"),
        (|server| polls(server, 503, json!({})), 75, "503"),
        (|server| polls(server, 200, json!({"access_token": "not a key"})), 78, "characters that no key has"),
    ];
    for (change, exit, said) in cases {
        let (server, sandbox) = machine();
        sandbox.write_private(&sandbox.path("old.key"), "han_old\n");
        sandbox.set("apiKeyFile", sandbox.path("old.key").to_str().unwrap());
        change(&server);
        sandbox.run(&["login"]).exits(exit).prints(said);
        assert_eq!(fs::read_to_string(sandbox.path("old.key")).unwrap(), "han_old\n", "{said}");
        assert!(server.bodies("/revoke").is_empty(), "{said}");
    }
    let (_server, sandbox) = machine();
    sandbox.unset("endpoint");
    sandbox.run(&["login"]).exits(78).prints("--endpoint");
    sandbox.set("endpoint", "http://127.0.0.1:9/sync");
    sandbox.run(&["login"]).exits(78).prints("/api/sync");
    sandbox.set("endpoint", "http://127.0.0.1:9/api/sync");
    sandbox.run(&["login"]).exits(75).prints("127.0.0.1:9");
}

fn polls(server: &AuthorizationServer, status: u16, body: Value) {
    server.change(|script| script.polls = [(status, body)].into());
}

#[test]
fn server_that_fails_for_a_while_costs_no_login() {
    let (server, sandbox) = machine();
    server.change(|script| {
        script.polls = [(503, json!({})), (429, json!({})), (200, json!({"access_token": "han_new"}))].into();
    });
    sandbox.run(&["login"]).exits(0);
    assert_eq!(fs::read_to_string(key_file(&sandbox)).unwrap(), "han_new\n");
}

#[test]
fn key_that_cannot_be_revoked_is_kept() {
    let (server, sandbox) = machine();
    sandbox.run(&["login"]).exits(0);
    server.change(|script| script.revocation_status = 503);
    sandbox.run(&["logout"]).exits(75).prints("rm ");
    assert_eq!(fs::read_to_string(key_file(&sandbox)).unwrap(), "han_new\n");
}

#[test]
fn key_for_another_endpoint_than_the_configured_one_comes_with_the_command_that_uses_it() {
    let (server, sandbox) = machine();
    let endpoint = format!("{}/api/sync", server.base);
    let used = format!("run: han-sync init --endpoint {endpoint}\n");
    sandbox.set("endpoint", &server.base);
    sandbox.run(&["login", "--endpoint", &endpoint]).exits(0).prints(&used);
    sandbox.set("endpoint", "http://127.0.0.1:9/api/sync");
    let key_file = key_file(&sandbox);
    let used = format!("run: han-sync init --endpoint {endpoint} --key-file {}\n", key_file.display());
    sandbox.run(&["login", "--endpoint", &endpoint]).exits(0).prints(&used);
    let begun = server.bodies("/device_authorization").len();
    sandbox
        .run(&["init", "--endpoint", &endpoint, "--key-file", key_file.to_str().unwrap(), "--yes"])
        .exits(0);
    assert_eq!(server.bodies("/device_authorization").len(), begun, "the key of the login is used");
    assert_eq!(fs::read_to_string(&key_file).unwrap(), "han_new\n");
    sandbox.unset("endpoint");
    let used = format!("run: han-sync init --endpoint {endpoint}\n");
    sandbox.run(&["login", "--endpoint", &endpoint]).exits(0).prints(&used);
}

#[test]
fn code_of_a_hostile_server_does_not_reach_the_terminal_as_it_is() {
    let (server, sandbox) = machine();
    server.change(|script| script.authorization["user_code"] = json!("\u{1b}]0;owned\u{7}\u{202e}BCDF"));
    let outcome = sandbox.run(&["login"]).exits(0);
    assert!(
        !outcome.stderr.contains('\u{1b}') && !outcome.stderr.contains('\u{202e}'),
        "{:?}",
        outcome.stderr
    );
}
