//! Sign-in through a real OpenID provider: users, groups, keys, and what ends them.

use crate::support::browser::*;
use crate::support::oidc_provider::OidcProvider;
use crate::support::running_receiver::*;
use serde_json::{Value, json};

/// The page's cookie of a sign-in that has begun.
pub const ATTEMPT: &str = "han_sync_oidc";
pub const CALLBACK: &str = "/sign-in/oidc/callback";
const SESSION: &str = "han_sync_session";

/// A receiver whose people sign in through a provider.
pub struct Federation {
    pub store: TestStore,
    pub receiver: RunningReceiver,
    pub provider: OidcProvider,
}

impl Federation {
    /// On each store; none where there is no provider.
    pub fn each(flags: &[&str]) -> impl Iterator<Item = Federation> {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        stores().into_iter().filter_map(move |store| {
            let provider = OidcProvider::start()?;
            let arguments = [provider.arguments(), flags.clone()].concat();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let receiver = store.serve_with(&arguments);
            provider.control(&json!({"redirectUri": format!("{}{CALLBACK}", receiver.base)}));
            Some(Federation { store, receiver, provider })
        })
    }

    /// Goes to the provider, signs in there, and returns the path of the page to which the provider leads back.
    pub fn answer(&self, browser: &Browser, account: &str) -> String {
        let begun = browser.get("/sign-in/oidc?next=/keys");
        assert_eq!(begun.status, 303, "{}", begun.text);
        self.at_provider(begun.header("location").unwrap(), account)
    }

    /// As [`Federation::answer`], from the address at the provider.
    pub fn at_provider(&self, address: &str, account: &str) -> String {
        let there = Browser::at(&self.provider.issuer);
        let path = |address: &str| address.strip_prefix(&self.provider.issuer).unwrap_or(address).to_owned();
        let choice = there.get(&path(address));
        let choice = path(choice.header("location").unwrap_or_else(|| panic!("{}", choice.text)));
        let resumed = there.post(&choice, &[("login", account)]);
        let resumed = there.get(&path(resumed.header("location").unwrap()));
        let location = resumed.header("location").unwrap_or_else(|| panic!("{}", resumed.text));
        location.strip_prefix(&self.receiver.base).expect("back to the receiver").to_owned()
    }

    /// Signs in, and returns the browser with the page's response.
    pub fn sign_in(&self, account: &str) -> (Browser<'_>, HttpResponse) {
        let browser = Browser::new(&self.receiver);
        let answer = self.answer(&browser, account);
        let response = browser.get(&answer);
        (browser, response)
    }

    fn members(&self) -> Vec<String> {
        let members = self.store.admin("member list");
        let line = |it: &Value| {
            let text = |name: &str| it[name].as_str().unwrap().to_owned();
            format!("{} {} {} {}", text("organization"), text("login"), text("role"), it["fromGroup"] == true)
        };
        members.as_array().unwrap().iter().map(line).collect()
    }

    fn audit(&self) -> Vec<String> {
        let entries = self.store.admin("audit");
        let line = |it: &Value| {
            let text = |name: &str| it[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", text("actor"), text("action"), text("target"), text("outcome"))
        };
        entries.as_array().unwrap().iter().map(line).collect()
    }
}

#[test]
fn groups_of_the_provider_give_memberships_and_roles_and_take_them_back() {
    for team in Federation::each(&["--oidc-create"]) {
        team.store.admin("org create acme --owner github.com/acme-corp");
        team.store.admin("org create globex --owner github.com/globex");
        team.store.admin("org set acme --oidc-group acme-devs --oidc-admin-group acme-leads");
        team.store.admin("org set globex --oidc-group globex");
        let claims =
            |groups: Value| json!({"email": "alice@acme.org", "email_verified": true, "groups": groups});
        team.provider.account("alice", claims(json!(["acme-devs", "other"])));

        let (alice, response) = team.sign_in("alice");
        assert_eq!((response.status, response.header("location")), (303, Some("/keys")), "{}", response.text);
        assert!(alice.get("/keys").text.contains("alice@acme.org"));
        assert_eq!(team.members(), ["acme alice@acme.org member true"]);
        let made = alice.submit("/keys", "/keys", &[("days", "30"), ("label", "laptop")]);
        assert_eq!(made.status, 200, "{}", made.text);
        let at = made.text.find("<code>han_").unwrap() + 6;
        let key = made.text[at..at + 68].to_owned();
        assert_eq!(
            team.receiver.client(&key).get("/api/sync/identity").body["organizations"][0]["slug"],
            "acme"
        );

        // Promoted, and in a second organization; the first session sees it at once.
        team.provider.account("alice", claims(json!(["acme-leads", "globex"])));
        assert_eq!(team.sign_in("alice").1.status, 303);
        assert_eq!(team.members(), ["acme alice@acme.org admin true", "globex alice@acme.org member true"]);
        assert_eq!(alice.get("/members").status, 200);

        // Removed from one group between two sign-ins: that membership and the earlier sign-ins end, the key stays.
        team.provider.account("alice", claims(json!(["globex"])));
        let (again, response) = team.sign_in("alice");
        assert_eq!(response.status, 303);
        assert_eq!((alice.get("/keys").status, again.get("/keys").status), (303, 200));
        assert_eq!(team.members(), ["globex alice@acme.org member true"]);
        assert_eq!(team.receiver.client(&key).get("/api/sync/identity").status, 200);

        // Removed from the last group: nobody is signed in, and the keys answer 401 until a group says it again.
        team.provider.account("alice", claims(json!(["other"])));
        let (browser, response) = team.sign_in("alice");
        assert_eq!(response.status, 403);
        assert!(response.text.contains("None of your groups") && browser.cookie(SESSION).is_none());
        assert_eq!((again.get("/keys").status, team.members()), (303, vec![]));
        assert_eq!(team.receiver.client(&key).get("/api/sync/identity").status, 401);
        team.provider.account("alice", claims(json!(["acme-devs"])));
        assert_eq!(team.sign_in("alice").1.status, 303);
        assert_eq!(team.receiver.client(&key).get("/api/sync/identity").status, 200);

        let audit = team.audit();
        for line in [
            "provider user.create alice@acme.org done",
            "provider member.set alice@acme.org of acme as member done",
            "provider member.set alice@acme.org of acme as admin done",
            "provider member.remove alice@acme.org of globex done",
            "alice@acme.org sign-in alice@acme.org done",
            "alice@acme.org sign-in alice@acme.org refused",
        ] {
            assert!(audit.iter().any(|it| it == line), "{line}: {audit:#?}");
        }
        let entries = team.store.admin("audit");
        let by_provider = entries.as_array().unwrap().iter().filter(|it| it["actor"] == "provider");
        assert!(
            by_provider.clone().count() >= 6 && by_provider.clone().all(|it| it["address"] == "127.0.0.1")
        );
    }
}

#[test]
fn somebody_in_no_group_sees_no_organization_and_what_an_operator_gave_stays() {
    for team in Federation::each(&["--oidc-create"]) {
        let keys = team.store.create_team();
        team.store.admin("org set acme --oidc-group devs --oidc-admin-group leads");
        team.provider.account("zoe", json!({"preferred_username": "zoe"}));
        let (zoe, response) = team.sign_in("zoe");
        assert_eq!(response.status, 303, "{}", response.text);
        assert!(!zoe.get("/").text.contains("acme") && zoe.get("/me").status == 200);
        assert!(!team.members().iter().any(|line| line.contains("zoe")));

        // Alice is a member by hand, with a key: the group adds to it, and its end takes nothing else away.
        team.provider.account("alice", json!({"preferred_username": "alice", "groups": ["leads"]}));
        assert_eq!(team.sign_in("alice").1.status, 303);
        assert!(team.members().contains(&"acme alice admin true".to_owned()));
        team.provider.account("alice", json!({"preferred_username": "alice", "groups": []}));
        assert_eq!(team.sign_in("alice").1.status, 303);
        assert!(team.members().contains(&"acme alice member false".to_owned()));
        assert_eq!(team.receiver.client(&keys.alice).get("/api/sync/identity").status, 200);

        // What an operator says counts at once, until the next sign-in.
        team.provider.account("alice", json!({"preferred_username": "alice", "groups": ["devs"]}));
        assert_eq!(team.sign_in("alice").1.status, 303);
        team.store.admin("member remove acme alice");
        assert!(!team.members().iter().any(|line| line.starts_with("acme alice")));
        assert_eq!(team.receiver.client(&keys.alice).get("/api/sync/identity").status, 200);
        assert_eq!(team.sign_in("alice").1.status, 303);
        assert!(team.members().contains(&"acme alice member true".to_owned()));
        // From the group alone now: with the organization's end nothing is left.
        team.store.admin("org remove acme --yes");
        assert_eq!(team.receiver.client(&keys.alice).get("/api/sync/identity").status, 401);
        team.store.admin("member add globex alice");
        assert_eq!(team.receiver.client(&keys.alice).get("/api/sync/identity").status, 200);
    }
}

#[test]
fn a_member_from_a_group_whom_a_list_imports_stays_without_the_group() {
    for team in Federation::each(&["--oidc-create"]) {
        team.store.admin("org create acme --owner github.com/acme-corp");
        team.store.admin("org set acme --oidc-group devs --oidc-admin-group leads");
        let in_groups = |name: &str, groups: Value| {
            team.provider.account(name, json!({"preferred_username": name, "groups": groups}));
            team.sign_in(name).1.status
        };
        let import = |line: Value| {
            let path = team.store.folder.path().join("users.jsonl");
            std::fs::write(&path, line.to_string()).unwrap();
            team.store.admin(&format!("user import {}", path.display()));
        };
        let sets = || team.store.query("SELECT 1 FROM audit WHERE action = 'member.set'").len();
        let cases = [
            ("al", "devs", json!({}), "member", "member"),
            ("bo", "leads", json!({}), "admin", "member"),
            ("cy", "leads", json!({"role": "member"}), "admin", "member"),
            ("di", "devs", json!({"role": "admin"}), "admin", "admin"),
        ];
        for (login, group, role, with_group, without) in cases {
            assert_eq!(in_groups(login, json!([group])), 303);
            let mut line = json!({"login": login, "organizations": ["acme"]});
            line.as_object_mut().unwrap().extend(role.as_object().unwrap().clone());
            import(line.clone());
            let shown = team.members().into_iter().find(|it| it.contains(login)).unwrap();
            assert_eq!(shown, format!("acme {login} {with_group} true"), "{line}");
            let before = sets();
            import(line.clone());
            assert_eq!(sets(), before, "a second time nothing changes: {line}");
            // The group ends, and what the list gave stays.
            assert_eq!(in_groups(login, json!([])), 303);
            let shown = team.members().into_iter().find(|it| it.contains(login)).unwrap();
            assert_eq!(shown, format!("acme {login} {without} false"), "{line}");
        }
    }
}

#[test]
fn a_verified_address_or_a_name_finds_the_user_and_the_account_stays_with_it() {
    for team in Federation::each(&[]) {
        team.store.admin("user create al@acme.org");
        team.store.admin("user create bob");
        // Unverified, the address finds nobody.
        team.provider.account("al", json!({"email": "al@acme.org", "email_verified": false}));
        let (browser, response) = team.sign_in("al");
        assert_eq!(response.status, 403);
        assert!(response.text.contains("neither a verified e-mail") && browser.cookie(SESSION).is_none());
        team.provider.account("al", json!({"email": "Al@acme.org", "email_verified": true}));
        let (al, _) = team.sign_in("al");
        assert!(al.get("/keys").text.contains("al@acme.org"));
        // Another name at the provider, the same account: the same user.
        team.provider.account("al", json!({"email": "alfred@acme.org", "email_verified": true}));
        assert!(team.sign_in("al").0.get("/keys").text.contains("al@acme.org"));

        // Without --oidc-create a stranger gets no user, and the page says what to run, as text.
        for name in ["mallory", "<script>", "a b; rm"] {
            team.provider.account("m", json!({"preferred_username": name}));
            let (_, response) = team.sign_in("m");
            assert_eq!(response.status, 403);
            let shown = if name == "mallory" { name } else { "LOGIN" };
            assert!(response.text.contains(&format!("admin user create {shown}")), "{}", response.text);
            assert!(!response.text.contains("<script>") && !response.text.contains("; rm"));
        }
        assert_eq!(team.store.admin("user list").as_array().unwrap().len(), 2);
        // Strangers fill no log: they are counted, a row an address and minute or a few, that add up.
        let refused = || {
            let entries = team.store.admin("audit");
            let entries = entries.as_array().unwrap().clone();
            assert!(!entries.iter().any(|it| it["target"] == "provider"), "{entries:#?}");
            let counts = entries.iter().filter(|it| it["action"] == "authentication");
            counts.map(|it| it["count"].as_i64().unwrap()).sum::<i64>()
        };
        wait_until("the refusals in the audit log", || refused() == 4);

        // Whoever takes over bob's former name does not get bob's user, unless an operator says so.
        team.provider.account("bob", json!({"preferred_username": "bob"}));
        let (bob, response) = team.sign_in("bob");
        assert_eq!((response.status, bob.get("/keys").status), (303, 200));
        team.provider.account("thief", json!({"preferred_username": "bob"}));
        let (_, response) = team.sign_in("thief");
        assert_eq!(response.status, 403);
        assert!(response.text.contains("admin user unlink bob"), "{}", response.text);
        team.store.admin("user unlink bob");
        assert_eq!(bob.get("/keys").status, 303, "the former account's sign-ins end");
        assert_eq!(team.sign_in("thief").1.status, 303);
        assert_eq!(team.store.try_admin("user unlink bob2").0, 65);
        // A user who is removed leaves no account behind.
        team.store.admin("user remove bob --yes");
        assert_eq!(team.sign_in("thief").1.status, 403);
    }
}

#[test]
fn keys_of_group_members_are_made_only_after_a_sign_in_through_the_provider() {
    for team in Federation::each(&["--key-lifetime", "30d"]) {
        let keys = team.store.create_team();
        team.store.admin("user create eve");
        team.store.admin("org set acme --oidc-group devs");
        let eves = team.store.key("eve");
        team.provider.account("eve", json!({"preferred_username": "eve", "groups": ["devs"]}));
        assert_eq!(team.sign_in("eve").1.status, 303);
        let by_key = Browser::signed_in(&team.receiver, &eves);
        let shown = by_key.get("/keys");
        assert!(shown.status == 200 && shown.text.contains("sign in through it"), "{}", shown.text);
        assert!(!shown.text.contains("action=\"/keys\""), "no form that is refused: {}", shown.text);
        let refused = by_key.submit("/keys", "/keys", &[("days", "30"), ("label", "x")]);
        assert_eq!(refused.status, 403);
        assert!(refused.text.contains("sign in through it"), "{}", refused.text);
        let begin = || {
            let form = [("client_id", "han-sync"), ("device_name", "laptop")];
            team.receiver.client("").post_form("/oauth/device_authorization", &form).body["user_code"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let decide = |browser: &Browser, code: &str, decision: &str| {
            let page = format!("/device?user_code={code}");
            browser.submit(&page, "/device", &[("user_code", code), ("decision", decision)]).status
        };
        let code = begin();
        assert_eq!(decide(&by_key, &code, "approve"), 403);
        let (eve, _) = team.sign_in("eve");
        assert_eq!(decide(&eve, &code, "approve"), 200);
        assert_eq!(decide(&by_key, &begin(), "deny"), 200, "a refusal renews nothing");
        assert_eq!(eve.submit("/keys", "/keys", &[("days", "31"), ("label", "x")]).status, 400);
        assert_eq!(eve.submit("/keys", "/keys", &[("days", "30"), ("label", "x")]).status, 200);
        // Whose memberships come from no group makes keys as ever.
        let bob = Browser::signed_in(&team.receiver, &keys.bob);
        assert_eq!(bob.submit("/keys", "/keys", &[("days", "30"), ("label", "x")]).status, 200);
    }
}

#[test]
fn a_session_of_the_provider_ends_by_signing_out_everywhere_and_with_its_time_and_user() {
    for team in Federation::each(&["--oidc-create"]) {
        team.provider.account("alice", json!({"preferred_username": "alice"}));
        let [one, other] = [team.sign_in("alice").0, team.sign_in("alice").0];
        let secret = one.cookie(SESSION).unwrap();
        let rows = format!("{:?}{:?}", team.store.query("SELECT * FROM page_sessions"), team.receiver.log());
        assert!(!rows.contains(&secret));
        assert_eq!(one.submit("/keys", "/sign-out", &[]).status, 303);
        assert_eq!([one.get("/me").status, other.get("/me").status], [303, 200]);
        let third = team.sign_in("alice").0;
        assert_eq!(third.submit("/keys", "/sign-out-everywhere", &[]).status, 303);
        assert_eq!([third.get("/me").status, other.get("/me").status], [303, 303]);
        let fourth = team.sign_in("alice").0;
        let lifetime = "SELECT expires_at - began_at FROM page_sessions";
        assert_eq!(team.store.query(lifetime)[0][0].as_deref(), Some("43200000000"), "12 hours");
        team.store.execute("UPDATE page_sessions SET expires_at = 1");
        assert_eq!(fourth.get("/me").status, 303);
        let fifth = team.sign_in("alice").0;
        let export = team.store.try_admin("export --user alice").1;
        assert!(export.contains("\"type\":\"provider-account\"") && export.contains("sub-alice"), "{export}");
        team.store.admin("erase --user alice --yes");
        assert_eq!(fifth.get("/me").status, 303);
        assert_eq!(team.store.query("SELECT count(*) FROM provider_accounts")[0][0].as_deref(), Some("0"));
    }
}

#[test]
fn a_provider_that_does_not_answer_ends_nothing() {
    for mut team in Federation::each(&["--oidc-create"]) {
        team.store.admin("org create acme --owner github.com/acme-corp");
        team.store.admin("org set acme --oidc-group devs");
        team.provider.account("alice", json!({"preferred_username": "alice", "groups": ["devs"]}));
        let signed_in = team.sign_in("alice").0.cookie(SESSION).unwrap();
        let key = team.store.key("alice");
        let answer = {
            let browser = Browser::new(&team.receiver);
            let answer = team.answer(&browser, "alice");
            (answer, browser.cookie(ATTEMPT).unwrap())
        };
        team.provider.stop();
        let browser = Browser::new(&team.receiver);
        browser.set_cookie(ATTEMPT, &answer.1);
        let response = browser.get(&answer.0);
        assert_eq!(response.status, 503, "{}", response.text);
        assert!(response.text.contains("does not answer") && response.text.contains("name=\"key\""));
        browser.set_cookie(SESSION, &signed_in);
        assert_eq!(browser.get("/keys").status, 200);
        assert_eq!(team.receiver.client(&key).get("/api/sync/identity").status, 200);
        assert_eq!(team.members(), ["acme alice member true"]);
        // A receiver that never reached it says so as well, and serves everything else.
        let arguments = team.provider.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let another = team.store.serve_with(&arguments);
        let browser = Browser::new(&another);
        assert_eq!(browser.get("/sign-in/oidc").status, 503);
        assert_eq!(browser.sign_in(&key).status, 303);
    }
}
