//! Keys and machines: what a signed-in user makes, approves and revokes, and what the log says of it.

use crate::support::browser::*;
use crate::support::running_receiver::*;
use serde_json::Value;

#[test]
fn a_user_makes_labels_and_revokes_keys_of_their_own_alone() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve_with(&["--key-lifetime", "30d"]));
        let [alice, bob] = [&team.alice, &team.bob].map(|key| Browser::signed_in(&receiver, key));
        for days in ["0", "31", "-1", "", "x"] {
            assert_eq!(
                alice.submit("/keys", "/keys", &[("label", "x"), ("days", days)]).status,
                400,
                "{days}"
            );
        }
        let page = alice.submit("/keys", "/keys", &[("label", "my laptop"), ("days", "30")]).text;
        let key = page[page.find("<code>han_").unwrap() + 6..].split('<').next().unwrap().to_owned();
        assert_eq!(receiver.client(&key).get("/api/sync/identity").body["login"], "alice");
        let page = alice.get("/keys").text;
        assert!(page.contains("my laptop") && page.contains("began this session") && !page.contains(&key));
        assert!(!bob.get("/keys").text.contains("my laptop"));
        let listed = store.admin("key list alice");
        let made = listed.as_array().unwrap().iter().find(|key| key["label"] == "my laptop").unwrap();
        let revoke = format!("/keys/{}/revoke", made["id"].as_str().unwrap());
        assert!(made["expiresAt"].is_string());
        assert_eq!(bob.submit("/keys", &revoke, &[]).status, 404);
        assert_eq!(receiver.client(&key).get("/api/sync/identity").status, 200);
        assert_eq!(alice.submit("/keys", &revoke, &[]).status, 303);
        assert_eq!(receiver.client(&key).get("/api/sync/identity").status, 401);
        assert_eq!(alice.submit("/keys", &revoke, &[]).status, 404, "it is revoked already");
    }
}

#[test]
fn a_machine_is_approved_by_the_person_who_is_signed_in() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let client = receiver.client("");
        let begin = |name: &str| {
            client
                .post_form("/oauth/device_authorization", &[("client_id", "han-sync"), ("device_name", name)])
                .body
        };
        let poll = |begun: &Value| {
            let grant = "urn:ietf:params:oauth:grant-type:device_code";
            client
                .post_form(
                    "/oauth/token",
                    &[
                        ("grant_type", grant),
                        ("device_code", begun["device_code"].as_str().unwrap()),
                        ("client_id", "han-sync"),
                    ],
                )
                .body
        };
        let (one, other) = (begin("alice's laptop"), begin("a thief's"));
        let [code, bad] = [&one, &other].map(|begun| begun["user_code"].as_str().unwrap());
        let stranger = Browser::new(&receiver);
        let page = stranger.get(&format!("/device?user_code={code}"));
        assert!(
            page.text.contains(&format!("admin device approve {code} --user LOGIN"))
                && !page.text.contains("laptop")
        );
        assert_eq!(stranger.post("/device", &[("user_code", code), ("decision", "approve")]).status, 303);

        let alice = Browser::signed_in(&receiver, &team.alice);
        let url = format!("/device?user_code={}", code.to_lowercase().replace('-', ""));
        let page = alice.get(&url).text;
        assert!(page.contains("alice&#39;s laptop") && page.contains("127.0.0.1"), "{page}");
        let approved = alice.submit(&url, "/device", &[("user_code", code), ("decision", "approve")]);
        assert!(approved.text.contains("Approved"), "{}", approved.text);
        let key = poll(&one)["access_token"].as_str().unwrap().to_owned();
        assert_eq!(receiver.client(&key).get("/api/sync/identity").body["login"], "alice");
        assert!(alice.get("/keys").text.contains("alice&#39;s laptop"));
        let denied = alice.submit(
            &format!("/device?user_code={bad}"),
            "/device",
            &[("user_code", bad), ("decision", "deny")],
        );
        assert!(denied.text.contains("Denied"), "{}", denied.text);
        assert_eq!(poll(&other)["error"], "access_denied");
        assert_eq!(alice.get(&format!("/device?user_code={bad}")).status, 404);
        let statuses: Vec<u16> = (0..6).map(|_| alice.get("/device?user_code=XXXX-XXXX").status).collect();
        assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    }
}

#[test]
fn no_key_outlives_the_lifetime_of_keys() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve_with(&["--key-lifetime", "12h"]));
    let alice = Browser::signed_in(&receiver, &team.alice);
    let before = chrono::Utc::now();
    assert_eq!(alice.submit("/keys", "/keys", &[("label", "short"), ("days", "1")]).status, 200);
    let listed = store.admin("key list alice");
    let made = listed.as_array().unwrap().iter().find(|key| key["label"] == "short").unwrap();
    let expires_at: chrono::DateTime<chrono::Utc> = made["expiresAt"].as_str().unwrap().parse().unwrap();
    let (made_in, lifetime) = (chrono::Utc::now() - before, chrono::Duration::hours(12));
    assert!(expires_at >= before + lifetime - chrono::Duration::seconds(1), "{expires_at}");
    assert!(expires_at <= before + made_in + lifetime, "{expires_at}");
}

#[test]
fn the_log_says_from_where_keys_were_made_and_revoked() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (alice, client) = (Browser::signed_in(&receiver, &team.alice), receiver.client(""));
        assert_eq!(alice.submit("/keys", "/keys", &[("label", "page"), ("days", "3")]).status, 200);
        let begun = client
            .post_form("/oauth/device_authorization", &[("client_id", "han-sync"), ("device_name", "laptop")])
            .body;
        let code = begun["user_code"].as_str().unwrap();
        alice.submit("/device", "/device", &[("user_code", code), ("decision", "approve")]);
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        let device_code = begun["device_code"].as_str().unwrap();
        let form = [("grant_type", grant), ("device_code", device_code), ("client_id", "han-sync")];
        let key = client.post_form("/oauth/token", &form).body["access_token"].as_str().unwrap().to_owned();
        assert_eq!(client.post_form("/oauth/revoke", &[("token", &key)]).status, 200);
        let log = store.admin("audit");
        let entries = log.as_array().unwrap().iter().filter(|entry| entry["actor"] == "alice");
        let addresses: Vec<(&str, &Value)> =
            entries.map(|entry| (entry["action"].as_str().unwrap(), &entry["address"])).collect();
        let of = |action: &str| addresses.iter().filter(|entry| entry.0 == action).count();
        assert_eq!([of("key.create"), of("device.approve"), of("key.revoke")], [2, 1, 1], "{addresses:?}");
        assert!(addresses.iter().all(|entry| entry.1 == "127.0.0.1"), "{addresses:?}");
        // The command of an operator comes from no address.
        store.admin("key create alice");
        assert!(store.admin("audit").as_array().unwrap().last().unwrap()["address"].is_null());
    }
}
