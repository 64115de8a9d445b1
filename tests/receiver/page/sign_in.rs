//! Signing in with a key, signing out, and the forms that only the page itself can send.

use std::thread;

use crate::support::browser::*;
use crate::support::running_receiver::*;

const SESSION: &str = "han_sync_session";

#[test]
fn a_key_begins_a_session_that_sign_out_ends() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let browser = Browser::new(&receiver);
        let page = browser.get("/clients?user=a%20b");
        assert_eq!(page.status, 303);
        assert_eq!(page.header("location"), Some("/sign-in?next=%2Fclients%3Fuser%3Da%2520b"));
        let form = browser.get(page.header("location").unwrap());
        assert!(form.text.contains("name=\"next\" value=\"/clients?user=a%20b\""), "{}", form.text);

        let response = browser.sign_in(&team.alice);
        assert_eq!((response.status, response.header("location")), (303, Some("/")));
        let set: Vec<&String> =
            response.headers.iter().filter(|it| it.0 == "set-cookie").map(|it| &it.1).collect();
        let session = set.iter().find(|set| set.starts_with(SESSION)).unwrap();
        assert!(session.ends_with("; HttpOnly; SameSite=Lax; Path=/"), "the host is this machine: {session}");
        assert!(browser.get("/").text.contains("alice"));
        // Neither the key nor the secret is anywhere in clear.
        let secret = browser.cookie(SESSION).unwrap();
        let rows = format!("{:?}", store.query("SELECT * FROM page_sessions"));
        assert!(
            !rows.contains(&secret)
                && !receiver.log().contains(&secret)
                && !receiver.log().contains(&team.alice)
        );

        assert_eq!(browser.submit("/keys", "/sign-out", &[]).header("location"), Some("/sign-in"));
        assert_eq!(browser.get("/keys").status, 303);
        browser.set_cookie(SESSION, &secret);
        assert_eq!(browser.get("/keys").status, 303, "the cookie that was kept is worth nothing");
        assert!(store.query("SELECT * FROM page_sessions").is_empty());
    }
}

#[test]
fn a_session_ends_with_its_key_its_user_its_time_and_everywhere() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let key = store.admin("key create alice --label laptop");
        let (laptop, id) = (key["key"].as_str().unwrap(), key["id"].as_str().unwrap());
        let browsers = [Browser::signed_in(&receiver, laptop), Browser::signed_in(&receiver, &team.alice)];
        store.admin(&format!("key revoke {id}"));
        assert_eq!(browsers.each_ref().map(|browser| browser.get("/keys").status), [303, 200]);
        // Of a key that has ended as well.
        store.execute("UPDATE api_keys SET expires_at = 1 WHERE revoked_at IS NULL AND label = ''");
        assert_eq!(browsers[1].get("/keys").status, 303);
        store.execute("UPDATE api_keys SET expires_at = NULL");

        let [one, other] = [&team.alice, &team.alice].map(|key| Browser::signed_in(&receiver, key));
        let bob = Browser::signed_in(&receiver, &team.bob);
        assert_eq!(one.submit("/keys", "/sign-out-everywhere", &[]).status, 303);
        assert_eq!([one.get("/me").status, other.get("/me").status, bob.get("/me").status], [303, 303, 200]);

        store.execute("UPDATE page_sessions SET expires_at = 1");
        assert_eq!(bob.get("/me").status, 303);
        let carol = Browser::signed_in(&receiver, &team.carol);
        store.admin("user remove carol --yes");
        assert_eq!(carol.get("/me").status, 303);
        let actions: Vec<String> = store
            .admin("audit")
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["action"].as_str().unwrap().to_owned())
            .collect();
        for action in ["sign-in", "sign-out-everywhere"] {
            assert!(actions.iter().any(|it| it == action), "{action}: {actions:?}");
        }
    }
}

#[test]
fn a_wrong_key_signs_nobody_in_and_guesses_are_bounded() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let browser = Browser::new(&receiver);
        for key in ["han_wrong", "", "  ", &"x".repeat(4_000)] {
            let response = browser.sign_in(key);
            assert_eq!(response.status, 401, "{}", response.text);
            assert!(response.text.contains("not valid") && response.text.contains("name=\"key\""));
        }
        assert_eq!(browser.sign_in(&team.alice).status, 303);
        // Several guess at once, since a guess a second is allowed.
        let guess = &|guesser: usize| {
            let browser = Browser::new(&receiver);
            (0..70).any(|n| browser.sign_in(&format!("han_{guesser}_{n}")).status == 429)
        };
        let is_refused = thread::scope(|scope| {
            let guessers: Vec<_> = (0..8).map(|guesser| scope.spawn(move || guess(guesser))).collect();
            guessers.into_iter().any(|guesser| guesser.join().unwrap())
        });
        assert!(is_refused);
        let strange = Browser::new(&receiver);
        strange.set_cookie(SESSION, "not-a-session");
        assert_ne!(strange.get("/keys").status, 200);
    }
}

#[test]
fn a_form_of_another_site_changes_nothing() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = Browser::signed_in(&receiver, &team.alice);
        let bob = Browser::signed_in(&receiver, &team.bob);
        receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
        let begun = receiver
            .client("")
            .post_form("/oauth/device_authorization", &[("client_id", "han-sync"), ("device_name", "x")]);
        let code = begun.body["user_code"].as_str().unwrap().to_owned();
        let key = store.admin("key list alice")[0]["id"].as_str().unwrap().to_owned();
        let revoke = format!("/keys/{key}/revoke");
        let device = [("user_code", code.as_str()), ("decision", "approve")];
        let forms: [(&str, &[(&str, &str)]); 6] = [
            ("/sign-out", &[]),
            ("/sign-out-everywhere", &[]),
            ("/keys", &[("days", "30"), ("label", "x")]),
            (&revoke, &[]),
            ("/device", &device),
            ("/forget", &[("session", "s")]),
        ];
        let of_bob = token(&bob.get("/keys").text);
        for (action, form) in forms {
            for token in ["", "x", &of_bob] {
                let response = alice.post(action, &[&[("token", token)], form].concat());
                assert_eq!(response.status, 403, "{action} {token}: {}", response.text);
                assert!(response.text.contains("<html") && !response.text.contains("han_sync_session"));
            }
            assert_eq!(alice.post(action, form).status, 403, "{action}");
            let json = receiver.client("").post(
                action,
                &[("cookie", &format!("{SESSION}={}", alice.cookie(SESSION).unwrap()))],
                b"{}",
            );
            assert_eq!(json.status, 415, "{action}");
            // A page that another site links to sends no form.
            assert_ne!(alice.get(action).status, 303, "{action}");
        }
        // Signing somebody in as somebody else is a form, too.
        let stranger = Browser::new(&receiver);
        assert_eq!(stranger.post("/sign-in", &[("key", &team.bob)]).status, 403);
        stranger.get("/sign-in");
        assert_eq!(stranger.post("/sign-in", &[("key", &team.bob), ("token", &of_bob)]).status, 403);
        assert_eq!(alice.get("/keys").status, 200);
        assert_eq!(
            store.query("SELECT count(*) FROM api_keys WHERE revoked_at IS NOT NULL")[0][0].as_deref(),
            Some("0")
        );
        assert_eq!(store.query("SELECT count(*) FROM sessions")[0][0].as_deref(), Some("1"));
        assert_eq!(
            store.query("SELECT count(*) FROM device_codes WHERE approved_user IS NULL")[0][0].as_deref(),
            Some("1")
        );
    }
}

#[test]
fn a_new_receiver_names_the_three_commands_and_one_with_users_the_sign_in() {
    for store in stores() {
        let receiver = store.serve();
        let browser = Browser::new(&receiver);
        let page = browser.get("/");
        assert_eq!(page.status, 200);
        for command in ["admin org create", "admin user create", "admin key create", "han-sync init"] {
            assert!(page.text.contains(command), "{command}: {}", page.text);
        }
        store.admin("user create alice");
        let page = browser.get("/");
        assert_eq!(page.status, 200);
        assert!(page.text.contains("name=\"key\"") && !page.text.contains("alice"), "{}", page.text);
        let alice = Browser::signed_in(&receiver, &store.key("alice"));
        assert!(alice.get("/").text.contains("<code>han-sync init</code>"));
    }
}

#[test]
fn cookies_are_secure_where_the_host_is_another_machine() {
    let store = sqlite();
    let receiver = store.serve();
    let request = agent().get(format!("{}/sign-in", receiver.base)).header("host", "team.example.com");
    let response = request.call().unwrap();
    let set = response.headers().get("set-cookie").unwrap().to_str().unwrap().to_owned();
    assert!(set.contains("; Secure"), "{set}");
}

#[test]
fn sign_in_leads_nowhere_else() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    for (next, location) in [
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/sessions?user=x", "/sessions?user=x"),
    ] {
        let browser = Browser::new(&receiver);
        let page = browser.get("/sign-in");
        let response =
            browser.post("/sign-in", &[("token", &token(&page.text)), ("key", &team.alice), ("next", next)]);
        assert_eq!(response.header("location"), Some(location), "{next}");
    }
}
