//! Device authorization (RFC 8628), its metadata (RFC 8414) and revocation (RFC 7009), on both stores.

use crate::support::running_receiver::*;
use serde_json::{Value, json};

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Begins a device authorization of a machine; returns the response.
fn begin(client: &HttpClient, machine: &str) -> Value {
    let form = [("client_id", "han-sync"), ("device_name", machine)];
    let response = client.post_form("/oauth/device_authorization", &form);
    assert_eq!(response.status, 200, "{}", response.text);
    response.body
}

fn poll(client: &HttpClient, device_code: &str) -> HttpResponse {
    let form = [("grant_type", DEVICE_GRANT), ("device_code", device_code), ("client_id", "han-sync")];
    client.post_form("/oauth/token", &form)
}

#[track_caller]
fn rejects(response: &HttpResponse, status: u16, code: &str) {
    assert_eq!((response.status, &response.body["error"]), (status, &json!(code)), "{}", response.text);
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

#[test]
fn a_machine_gets_one_key_for_one_approved_code() {
    for store in stores() {
        let (_team, receiver) = (store.create_team(), store.serve_with(&["--key-lifetime", "30d"]));
        let client = receiver.client("");
        let metadata = client.get("/.well-known/oauth-authorization-server").body;
        assert_eq!(metadata["issuer"], receiver.base);
        assert_eq!(metadata["token_endpoint"], format!("{}/oauth/token", receiver.base));

        let begun = begin(&client, "alice's laptop");
        assert_eq!((&begun["expires_in"], &begun["interval"]), (&json!(600), &json!(5)));
        let (device_code, user_code) = (text(&begun, "device_code"), text(&begun, "user_code"));
        assert_eq!(text(&begun, "verification_uri"), format!("{}/device", receiver.base));
        assert_eq!(
            text(&begun, "verification_uri_complete"),
            format!("{}/device?user_code={user_code}", receiver.base)
        );
        rejects(&poll(&client, device_code), 400, "authorization_pending");
        rejects(&poll(&client, device_code), 400, "slow_down");

        let listed = store.admin("device list");
        assert_eq!(
            (&listed[0]["machine"], &listed[0]["address"]),
            (&json!("alice's laptop"), &json!("127.0.0.1"))
        );
        let listed = listed.to_string();
        assert!(!listed.contains(user_code) && !listed.contains(device_code), "{listed}");
        let spelled = user_code.replace('-', "").to_lowercase();
        store.admin(&format!("device approve {spelled} --user alice"));
        let (code, _, stderr) = store.try_admin(&format!("device approve {user_code} --user bob"));
        assert!(code != 0 && stderr.contains("decided already"), "{stderr}");

        let token = poll(&client, device_code);
        assert_eq!((token.status, &token.body["token_type"]), (200, &json!("Bearer")), "{}", token.text);
        assert_eq!(token.body["expires_in"], 30 * 86_400);
        assert_eq!(token.header("cache-control"), Some("no-store"));
        rejects(&poll(&client, device_code), 400, "invalid_grant");
        let key = text(&token.body, "access_token").to_owned();
        let identity = receiver.client(&key).get("/api/sync/identity").body;
        assert_eq!(identity["login"], "alice");
        let keys = store.admin("key list alice");
        let made =
            keys.as_array().unwrap().iter().find(|key| key["label"] == "alice's laptop").expect("its key");
        assert_eq!(made["expiresAt"], identity["keyExpiresAt"]);
        assert!(!identity["keyExpiresAt"].is_null());

        assert_eq!(client.post_form("/oauth/revoke", &[("token", &key)]).status, 200);
        assert_eq!(client.post_form("/oauth/revoke", &[("token", "han_unknown")]).status, 200);
        assert_eq!(receiver.client(&key).get("/api/sync/identity").status, 401);
        // No code and no key is in the store in clear.
        for table in ["device_codes", "api_keys"] {
            let rows = format!("{:?}", store.query(&format!("SELECT * FROM {table}")));
            assert!(
                [device_code, user_code, &key].iter().all(|secret| !rows.contains(secret)),
                "{table}: {rows}"
            );
        }
    }
}

#[test]
fn a_code_that_is_denied_or_has_expired_makes_no_key() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let client = receiver.client("");
        let keys = store.admin("key list").as_array().unwrap().len();
        let denied = begin(&client, "denied");
        store.admin(&format!("device deny {}", text(&denied, "user_code")));
        rejects(&poll(&client, text(&denied, "device_code")), 400, "access_denied");
        let (code, ..) =
            store.try_admin(&format!("device approve {} --user alice", text(&denied, "user_code")));
        assert_ne!(code, 0, "a denied code cannot be approved");

        let expired = begin(&client, "expired");
        store.execute("UPDATE device_codes SET expires_at = requested_at + 1");
        rejects(&poll(&client, text(&expired, "device_code")), 400, "expired_token");
        let (code, _, stderr) =
            store.try_admin(&format!("device approve {} --user alice", text(&expired, "user_code")));
        assert!(code != 0 && stderr.contains("han-sync login"), "{stderr}");
        assert_eq!(store.admin("device list"), json!([]));

        let orphaned = begin(&client, "of nobody");
        store.admin("user create dora");
        store.admin(&format!("device approve {} --user dora", text(&orphaned, "user_code")));
        store.admin("user remove dora --yes");
        rejects(&poll(&client, text(&orphaned, "device_code")), 400, "invalid_grant");
        assert_eq!(store.admin("key list").as_array().unwrap().len(), keys);
        assert_eq!(receiver.client(&team.alice).get("/api/sync/identity").status, 200);
    }
}

#[test]
fn requests_that_are_not_of_the_grant_are_named() {
    for store in stores() {
        let receiver = store.serve();
        let client = receiver.client("");
        rejects(
            &client.post_form("/oauth/device_authorization", &[("client_id", "other")]),
            401,
            "invalid_client",
        );
        rejects(&client.post_form("/oauth/device_authorization", &[]), 401, "invalid_client");
        let known = ("client_id", "han-sync");
        rejects(&client.post_form("/oauth/token", &[known]), 400, "invalid_request");
        rejects(
            &client.post_form("/oauth/token", &[known, ("grant_type", "password")]),
            400,
            "unsupported_grant_type",
        );
        rejects(
            &client.post_form("/oauth/token", &[known, ("grant_type", DEVICE_GRANT)]),
            400,
            "invalid_request",
        );
        let twice = [known, ("grant_type", DEVICE_GRANT), ("device_code", "a"), ("device_code", "b")];
        rejects(&client.post_form("/oauth/token", &twice), 400, "invalid_request");
        rejects(&client.post_form("/oauth/revoke", &[]), 400, "invalid_request");
        assert_eq!(client.post("/oauth/token", &[], b"{}").status, 415);
        let long = "x".repeat(20_000);
        assert_eq!(client.post_form("/oauth/token", &[("device_code", &long)]).status, 413);
        assert_eq!(client.get("/oauth/token").status, 405);
    }
}

#[test]
fn wrong_codes_and_machines_that_wait_are_bounded_for_each_address() {
    for store in stores() {
        let receiver = store.serve_with(&["--trusted-proxy", "127.0.0.1"]);
        let client = receiver.client("");
        for _ in 0..5 {
            rejects(&poll(&client, "wrong"), 400, "invalid_grant");
        }
        let limited = poll(&client, "wrong");
        assert_eq!(limited.status, 429, "{}", limited.text);
        assert!(limited.header("retry-after").is_some());
        let from_elsewhere = |address: &str| {
            let request = agent()
                .post(format!("{}/oauth/device_authorization", receiver.base))
                .header("X-Forwarded-For", address)
                .header("X-Forwarded-Proto", "https")
                .header("X-Forwarded-Host", "team.example.com");
            request.send_form([("client_id", "han-sync"), ("device_name", "laptop")]).unwrap()
        };
        let mut begun = from_elsewhere("192.0.2.1");
        let begun: Value = serde_json::from_str(&begun.body_mut().read_to_string().unwrap()).unwrap();
        assert_eq!(begun["verification_uri"], "https://team.example.com/device");
        for _ in 1..50 {
            assert_eq!(from_elsewhere("192.0.2.1").status(), 200);
        }
        assert_eq!(from_elsewhere("192.0.2.1").status(), 429);
        assert_eq!(from_elsewhere("192.0.2.2").status(), 200);
        let machines = store.admin("device list");
        assert_eq!(machines.as_array().unwrap().len(), 51);
        assert_eq!(machines[0]["address"], "192.0.2.1");
    }
}

#[test]
fn the_public_url_is_the_address_that_machines_are_told() {
    let store = sqlite();
    let receiver = store.serve_with(&["--public-url", "https://team.example.com/han/"]);
    let metadata = receiver.client("").get("/.well-known/oauth-authorization-server").body;
    assert_eq!(metadata["issuer"], "https://team.example.com/han");
    assert_eq!(metadata["revocation_endpoint"], "https://team.example.com/han/oauth/revoke");
    let page = receiver.client("").get("/device?user_code=BCDF-GHJK");
    assert!(page.text.contains("admin device approve BCDF-GHJK --user LOGIN"), "{}", page.text);
    let page = receiver.client("").get("/device?user_code=%3Cscript%3E");
    assert!(!page.text.contains("script"), "{}", page.text);
    for (flag, value) in
        [("--public-url", "team.example.com"), ("--key-lifetime", "long"), ("--key-lifetime", "0d")]
    {
        assert!(RunningReceiver::try_start(&store.url, &[flag, value]).is_none(), "{flag} {value}");
    }
}
