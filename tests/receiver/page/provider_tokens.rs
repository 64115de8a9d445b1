//! Answers and tokens that the page takes of a provider: answers to its own sign-ins, tokens that hold, and nothing else.

use super::provider::{ATTEMPT, CALLBACK, Federation};
use crate::support::browser::*;
use crate::support::running_receiver::{RunningReceiver, wait_until};
use serde_json::json;

const SESSION: &str = "han_sync_session";

/// Federations with one account.
fn federations() -> impl Iterator<Item = Federation> {
    Federation::each(&["--oidc-create"])
        .inspect(|team| team.provider.account("alice", json!({"preferred_username": "alice"})))
}

/// The query of an address.
fn parameters(address: &str) -> Vec<(String, String)> {
    let query = address.split_once('?').unwrap().1;
    let decode = |text: &str| {
        let bytes = text.replace('+', " ").into_bytes();
        let mut decoded = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at] == b'%' {
                decoded.push(
                    u8::from_str_radix(std::str::from_utf8(&bytes[at + 1..at + 3]).unwrap(), 16).unwrap(),
                );
                at += 3;
            } else {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
        String::from_utf8(decoded).unwrap()
    };
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), decode(value))
    };
    query.split('&').map(pair).collect()
}

#[test]
fn a_sign_in_begins_with_a_link_and_carries_state_nonce_and_a_challenge() {
    for team in federations().take(1) {
        let browser = Browser::new(&team.receiver);
        let page = browser.get("/sign-in?next=/clients");
        assert!(page.text.contains("href=\"/sign-in/oidc?next=%2Fclients\""), "{}", page.text);
        let begun = browser.get("/sign-in/oidc?next=/clients");
        let set = begun.header("set-cookie").unwrap();
        assert!(set.contains("; HttpOnly; SameSite=Lax; Path=/") && set.contains("; Max-Age="), "{set}");
        let sent = parameters(begun.header("location").unwrap());
        let value = |name: &str| {
            let values: Vec<&str> = sent.iter().filter(|it| it.0 == name).map(|it| it.1.as_str()).collect();
            assert_eq!(values.len(), 1, "{name}: {sent:?}");
            values[0].to_owned()
        };
        assert_eq!(value("response_type"), "code");
        assert_eq!(value("scope"), "openid email profile groups");
        assert_eq!(value("code_challenge_method"), "S256");
        assert_eq!(value("redirect_uri"), format!("{}{CALLBACK}", team.receiver.base));
        let cookie = browser.cookie(ATTEMPT).unwrap();
        let secrets = [value("state"), value("nonce"), value("code_challenge")];
        assert!(secrets.iter().all(|secret| secret.len() >= 43 && !cookie.contains(secret)));
        browser.get("/sign-in/oidc");
        assert_ne!(browser.cookie(ATTEMPT).unwrap(), cookie, "each begins with secrets of its own");
        // Without a provider there is no link, and no such path.
        let plain = team.store.serve();
        let browser = Browser::new(&plain);
        assert!(!browser.get("/sign-in").text.contains("/sign-in/oidc"));
        assert_eq!([browser.get("/sign-in/oidc").status, browser.get(CALLBACK).status], [404, 404]);
        // No sign-in leads elsewhere.
        let browser = Browser::new(&team.receiver);
        let begun = browser.get("/sign-in/oidc?next=//evil.example");
        let answer = team.at_provider(begun.header("location").unwrap(), "alice");
        assert_eq!(browser.get(&answer).header("location"), Some("/"));
    }
}

#[test]
fn an_answer_counts_once_and_in_the_browser_that_began_alone() {
    for team in federations() {
        let (victim, other) = (Browser::new(&team.receiver), Browser::new(&team.receiver));
        let answer = team.answer(&victim, "alice");
        // Another browser, with and without a sign-in of its own: the answer is none to it.
        for begins in [false, true] {
            if begins {
                other.get("/sign-in/oidc");
            }
            let response = other.get(&answer);
            assert_eq!(response.status, 400, "{}", response.text);
            assert!(
                response.text.contains("did not begin in this browser") && other.cookie(SESSION).is_none()
            );
        }
        let attempt = victim.cookie(ATTEMPT).unwrap();
        for changed in [
            answer.replace("state=", "state=0"),
            answer.replace("&state=", "&other="),
            answer.replace("code=", "code=&code="),
            format!("{answer}&state=x"),
            CALLBACK.to_owned(),
        ] {
            let browser = Browser::new(&team.receiver);
            browser.set_cookie(ATTEMPT, &attempt);
            assert_eq!(browser.get(&changed).status, 400, "{changed}");
            assert_eq!(
                (browser.cookie(ATTEMPT), browser.cookie(SESSION)),
                (None, None),
                "the cookie is over"
            );
        }
        assert_eq!(victim.get(&answer).status, 303);
        assert!(victim.cookie(ATTEMPT).is_none());
        // The same code again, from a cookie that was kept.
        let replay = Browser::new(&team.receiver);
        replay.set_cookie(ATTEMPT, &attempt);
        let response = replay.get(&answer);
        assert_eq!(response.status, 400, "{}", response.text);
        assert!(
            response.text.contains("took too long, or was used already") && replay.cookie(SESSION).is_none()
        );
        wait_until("the refusals in the audit log", || {
            let entries = team.store.admin("audit");
            entries.as_array().unwrap().iter().any(|it| it["action"] == "authentication")
        });
        wait_until("the reason in the log", || team.receiver.log().contains("invalid_grant"));
        let log = team.receiver.log();
        let code = answer.split("code=").nth(1).unwrap().split('&').next().unwrap();
        assert!(!log.contains(code) && !log.contains(&attempt), "{log}");
    }
}

#[test]
fn a_code_that_has_expired_signs_nobody_in() {
    for team in federations().take(1) {
        let browser = Browser::new(&team.receiver);
        let answer = team.answer(&browser, "alice");
        team.provider.control(&json!({"clockSeconds": 90}));
        let response = browser.get(&answer);
        assert_eq!(response.status, 400, "{}", response.text);
        assert!(response.text.contains("took too long") && browser.cookie(SESSION).is_none());
    }
}

#[test]
fn an_answer_of_another_issuer_is_refused() {
    for team in federations().take(1) {
        let cases = [
            ("another", "iss=http%3A%2F%2Fevil.example"),
            ("none, where the provider names it always", "other=x"),
            ("nearly the same", "iss=http%3A%2F%2F127.0.0.1"),
        ];
        for (case, parameter) in cases {
            let browser = Browser::new(&team.receiver);
            let answer = team.answer(&browser, "alice");
            let at = answer.find("iss=").unwrap();
            let response = browser.get(&format!("{}{parameter}", &answer[..at]));
            assert_eq!(response.status, 403, "{case}: {}", response.text);
            assert!(response.text.contains("could not be verified") && browser.cookie(SESSION).is_none());
        }
        // Metadata of another issuer than the one that is configured: nobody is led there.
        let localhost = team.provider.issuer.replace("127.0.0.1", "localhost");
        let arguments = ["--oidc-issuer", &localhost, "--oidc-client-id", "han-sync"];
        let misled = team.store.serve_with(&arguments);
        assert_eq!(Browser::new(&misled).get("/sign-in/oidc").status, 503);
        wait_until("the reason in the log", || misled.log().contains("issuer"));
    }
}

#[test]
fn a_token_with_another_nonce_or_for_another_client_is_refused() {
    for team in federations().take(1) {
        // A token of another sign-in, which somebody slips in: its nonce is another.
        let browser = Browser::new(&team.receiver);
        let begun = browser.get("/sign-in/oidc");
        let address = begun.header("location").unwrap();
        let nonce = parameters(address).into_iter().find(|it| it.0 == "nonce").unwrap().1;
        let answer = team.at_provider(&address.replace(&nonce, &"0".repeat(64)), "alice");
        let response = browser.get(&answer);
        assert_eq!(response.status, 403, "{}", response.text);
        assert!(browser.cookie(SESSION).is_none());
        wait_until("the reason in the log", || team.receiver.log().contains("nonce"));
        for claims in
            [json!({"nonce": "0"}), json!({"nonce": null}), json!({"azp": "other"}), json!({"at_hash": "x"})]
        {
            team.provider.control(&json!({"claims": claims}));
            let (browser, response) = team.sign_in("alice");
            assert_eq!(response.status, 403, "{claims}: {}", response.text);
            assert!(browser.cookie(SESSION).is_none());
        }
        team.provider.control(&json!({"claims": {"azp": "han-sync"}}));
        assert_eq!(team.sign_in("alice").1.status, 303);
    }
}

#[test]
fn clocks_may_differ_by_five_minutes() {
    for team in federations().take(1) {
        // Tokens are valid for a minute.
        for (seconds, is_taken) in [(0, true), (300, true), (390, false), (-300, true), (-420, false)] {
            team.provider.control(&json!({"clockSeconds": seconds}));
            let (browser, response) = team.sign_in("alice");
            assert_eq!(browser.cookie(SESSION).is_some(), is_taken, "{seconds}: {}", response.text);
            if !is_taken {
                assert_eq!(response.status, 403);
                assert!(response.text.contains("clocks") && response.text.contains("five minutes"));
            }
        }
    }
}

#[test]
fn tokens_are_signed_by_a_key_pair_of_the_provider_whose_keys_may_change() {
    for team in federations().take(1) {
        for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
            team.provider.control(&json!({"algorithm": algorithm}));
            // A receiver of its own, so that each knows other keys.
            let plain = team.provider.arguments();
            let arguments: Vec<&str> = plain.iter().map(String::as_str).chain(["--oidc-create"]).collect();
            let team = Restarted { team: &team, receiver: team.store.serve_with(&arguments) };
            team.sign_in(303, algorithm);
        }
        // By the secret that the receiver has as well: it could make such a token itself.
        team.provider.control(&json!({"algorithm": "HS256"}));
        let (browser, response) = team.sign_in("alice");
        assert_eq!(response.status, 403, "{}", response.text);
        assert!(browser.cookie(SESSION).is_none());

        // New keys: they are fetched for the token that names one, once a minute.
        team.provider.control(&json!({"algorithm": "RS256"}));
        assert_eq!(team.sign_in("alice").1.status, 303);
        let fetched = || team.provider.control(&json!({}))["requests"]["/jwks"].as_i64().unwrap();
        let before = fetched();
        team.provider.control(&json!({"keys": 1}));
        assert_eq!(team.sign_in("alice").1.status, 403, "they were fetched a moment ago");
        assert_eq!(fetched(), before);
    }
}

/// Another receiver beside a federation's, to which the provider leads back.
struct Restarted<'t> {
    team: &'t Federation,
    receiver: RunningReceiver,
}

impl Restarted<'_> {
    fn sign_in(&self, status: u16, case: &str) {
        let provider = &self.team.provider;
        provider.control(&json!({"redirectUri": format!("{}{CALLBACK}", self.receiver.base)}));
        let browser = Browser::new(&self.receiver);
        let begun = browser.get("/sign-in/oidc");
        let there = Browser::at(&provider.issuer);
        let path = |address: &str| address.replace(&provider.issuer, "");
        let choice = path(there.get(&path(begun.header("location").unwrap())).header("location").unwrap());
        let resumed = path(there.post(&choice, &[("login", "alice")]).header("location").unwrap());
        let back = there.get(&resumed);
        let response = browser.get(&back.header("location").unwrap().replace(&self.receiver.base, ""));
        assert_eq!(response.status, status, "{case}: {}", response.text);
        provider.control(&json!({"redirectUri": format!("{}{CALLBACK}", self.team.receiver.base)}));
    }
}

#[test]
fn claims_may_be_in_the_token_or_at_the_userinfo_endpoint_and_too_many_groups_change_nothing() {
    for team in federations().take(1) {
        team.store.admin("org create acme --owner github.com/acme-corp");
        team.store.admin("org set acme --oidc-group devs");
        team.provider.account("alice", json!({"preferred_username": "alice", "groups": ["devs"]}));
        let requests = |path: &str| team.provider.control(&json!({}))["requests"][path].as_i64().unwrap_or(0);
        assert_eq!(team.sign_in("alice").1.status, 303);
        assert_eq!(requests("/me"), 1);
        let members = || team.store.admin("member list").as_array().unwrap().len();
        assert_eq!(members(), 1);
        // More groups than the provider lists: it is not known whether the membership holds, so nothing changes.
        team.provider
            .account("alice", json!({"preferred_username": "alice", "_claim_names": {"groups": "src1"}}));
        let (browser, response) = team.sign_in("alice");
        assert_eq!(response.status, 403, "{}", response.text);
        assert!(response.text.contains("more groups") && browser.cookie(SESSION).is_none());
        assert_eq!(members(), 1);
        // An address and its verification are of one source: not an address of the token with the endpoint's verification.
        team.provider.control(&json!({"claims": {"email": "boss@acme.org"}}));
        team.provider.account("carol", json!({"email": "carol@acme.org", "email_verified": true}));
        let (browser, response) = team.sign_in("carol");
        assert_eq!(response.status, 303, "{}", response.text);
        assert!(browser.get("/keys").text.contains("carol@acme.org"));
        let users = team.store.admin("user list").to_string();
        assert!(users.contains("carol@acme.org") && !users.contains("boss@acme.org"), "{users}");
        team.provider.account("alice", json!({"preferred_username": "alice", "groups": ["devs"]}));
        team.provider.control(&json!({"claims": {}, "inToken": true}));
        let before = requests("/me");
        assert_eq!(team.sign_in("alice").1.status, 303);
        assert_eq!(requests("/me"), before, "the token has everything");
    }
}

#[test]
fn a_provider_on_this_machine_is_reached_without_the_proxy_of_the_environment() {
    for team in federations().take(1) {
        let arguments = team.provider.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--oidc-create"]).collect();
        // Nobody listens there.
        let proxy = "http://127.0.0.1:1";
        let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
        let mut variables = names.map(|name| (name, proxy)).to_vec();
        variables.extend([("NO_PROXY", ""), ("no_proxy", "")]);
        let receiver = RunningReceiver::start_with(&team.store.url, &arguments, &variables);
        Restarted { team: &team, receiver }.sign_in(303, "with a proxy");
    }
}

#[test]
fn a_sign_in_that_the_store_cannot_take_is_over_as_well() {
    for team in federations() {
        let browser = Browser::new(&team.receiver);
        let answer = team.answer(&browser, "alice");
        team.store.execute("ALTER TABLE provider_accounts RENAME TO gone");
        let response = browser.get(&answer);
        assert_eq!(response.status, 500, "{}", response.text);
        assert_eq!((browser.cookie(ATTEMPT), browser.cookie(SESSION)), (None, None));
        team.store.execute("ALTER TABLE gone RENAME TO provider_accounts");
        assert_eq!(team.sign_in("alice").1.status, 303);
    }
}

#[test]
fn a_sign_in_that_the_provider_declines_is_said_in_the_pages_own_words() {
    for team in federations().take(1) {
        let browser = Browser::new(&team.receiver);
        let answer = team.answer(&browser, "");
        assert!(answer.contains("error=access_denied"), "{answer}");
        let response = browser.get(&answer);
        assert_eq!(response.status, 403);
        assert!(response.text.contains("cancelled, or you may not") && !response.text.contains("<b>"));
        let cancelled = Browser::new(&team.receiver);
        let begun = cancelled.get("/sign-in/oidc");
        let state =
            parameters(begun.header("location").unwrap()).into_iter().find(|it| it.0 == "state").unwrap().1;
        let forged = format!(
            "{CALLBACK}?state={state}&error=%3Cscript%3Ealert(1)%3C%2Fscript%3E&error_description=%0Aforged%1B%5B2J"
        );
        let response = cancelled.get(&forged);
        assert_eq!(response.status, 403);
        assert!(!response.text.contains("<script>") && !response.text.contains("forged"));
        wait_until("the reason in the log", || team.receiver.log().contains("forged"));
        let log = team.receiver.log();
        let raw = log.chars().find(|letter| letter.is_control() && *letter != '\n');
        assert_eq!(raw, None, "{log:?}");
        assert!(!log.lines().any(|line| line.starts_with("forged")), "{log}");
    }
}
