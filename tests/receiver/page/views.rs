//! The views: what each role sees of them, whatever texts others chose, page by page, and as CSV.

use crate::support::browser::*;
use crate::support::running_receiver::*;
use serde_json::{Value, json};

/// Views that everybody has who is signed in, and those of administrators.
const VIEWS: [&str; 7] = ["/", "/clients", "/sessions", "/me", "/keys", "/device", "/sign-in"];
const DOCUMENTS: [&str; 6] =
    ["/.csv", "/overview.csv?by=repository", "/clients.csv", "/sessions.csv", "/me.csv", "/keys.csv"];
const ADMIN_VIEWS: [&str; 5] = ["/members", "/members.csv", "/audit", "/audit.csv", "/overview.csv?by=user"];

fn today() -> String {
    han_sync::time::format(chrono::Utc::now())
}

/// A message of today, by which views of the last days have something to show.
fn recent(id: &str, members: Value) -> Value {
    with(with(message(id, 0), json!({"timestamp": today()})), members)
}

/// A session of alice's in acme, one in her private space, and one of bob's, of the same branch.
fn fill(receiver: &RunningReceiver, team: &Team) {
    let rows = |id: &str| {
        vec![recent(
            id,
            json!({"gitBranch": "topic", "model": "gpt-5", "inputTokens": 1_000_000, "content": "{\"content\":\"words\"}"}),
        )]
    };
    let task = json!({"id": "t", "subject": "task-subject", "status": "pending", "createdAt": today(), "updatedAt": today()});
    let alice = [
        with(session("of-alice", ACME, rows("a")), json!({"tasks": [task], "prNumber": 7})),
        with(
            session("private-alice", "https://github.com/alice/diary", rows("p")),
            json!({"inclusion": "personal"}),
        ),
    ];
    assert_eq!(receiver.client(&team.alice).sync(&alice).status, 200);
    assert_eq!(
        receiver.client(&team.bob).sync_as("client-b", &[session("of-bob", ACME, rows("b"))]).status,
        200
    );
}

#[test]
fn each_role_sees_its_own_on_every_url() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        fill(&receiver, &team);
        let stranger = Browser::new(&receiver);
        let [alice, bob, carol] =
            [&team.alice, &team.bob, &team.carol].map(|key| Browser::signed_in(&receiver, key));
        let names = ["of-alice", "private-alice", "of-bob", "diary", "acme-corp", "topic", "task-subject"];
        for url in VIEWS.iter().chain(&DOCUMENTS).chain(&ADMIN_VIEWS).chain(&[
            "/sessions/of-alice",
            "/sessions/of-alice.csv",
            "/forget?session=of-alice",
        ]) {
            let page = stranger.get(url);
            let expected: &[u16] = if url.contains(".csv") {
                &[401]
            } else if ["/", "/sign-in", "/device"].contains(url) {
                &[200]
            } else {
                &[303]
            };
            assert!(expected.contains(&page.status), "{url}: {}", page.status);
            assert!(
                names.iter().all(|name| !page.text.contains(name) || url.contains(name)),
                "{url}: {}",
                page.text
            );
        }
        for (browser, is_admin) in [(&alice, false), (&bob, true), (&carol, true)] {
            for url in VIEWS.iter().chain(&DOCUMENTS) {
                assert_eq!(browser.get(url).status, 200, "{url}");
            }
            for url in ADMIN_VIEWS {
                let expected = match (is_admin, url.contains("by=user")) {
                    (true, _) => 200,
                    (false, true) => 400,
                    (false, false) => 403,
                };
                assert_eq!(browser.get(url).status, expected, "{url}");
            }
        }
        // Another organization's admin finds nothing of acme by any name.
        for url in VIEWS.iter().chain(&DOCUMENTS).chain(&ADMIN_VIEWS) {
            let page = carol.get(url);
            assert!(names.iter().all(|name| !page.text.contains(name)), "{url}: {}", page.text);
        }
        for id in ["of-alice", "private-alice", "of-bob"] {
            let (known, unknown) = (carol.get(&format!("/sessions/{id}")), carol.get("/sessions/no-such"));
            assert_eq!((known.status, unknown.status), (404, 404));
            let same = |page: &HttpResponse| page.text.split("request <code>").next().unwrap().to_owned();
            assert_eq!(same(&known), same(&unknown), "{id}");
            assert_eq!(carol.get(&format!("/sessions/{id}.csv")).status, 404);
            assert_eq!(
                carol.get(&format!("/sessions?user=alice&repository={ACME}")).text.matches("<td>").count(),
                0
            );
        }
        // An admin sees the organization's, and nobody's private space; a member the own.
        let seen = |browser: &Browser| -> Vec<String> {
            let list = browser.get("/sessions.csv").text;
            names[..3].iter().filter(|id| list.contains(*id)).map(|id| (*id).to_owned()).collect()
        };
        assert_eq!(seen(&alice), ["of-alice", "private-alice"]);
        assert_eq!(seen(&bob), ["of-alice", "of-bob"]);
        assert_eq!(bob.get("/sessions/private-alice").status, 404);
        assert_eq!(alice.get("/sessions/of-bob").status, 404);
        assert_eq!(alice.get("/forget?session=of-bob").status, 404);
        assert_eq!(bob.get("/forget?session=of-alice").status, 403);
    }
}

#[test]
fn the_overview_names_costs_and_models_without_a_price_and_persons_to_admins_alone() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        fill(&receiver, &team);
        let odd = vec![recent("o", json!({"model": "odd-model", "inputTokens": 4_321}))];
        receiver.client(&team.alice).sync(&[session("odd", ACME, odd)]);
        let [alice, bob] = [&team.alice, &team.bob].map(|key| Browser::signed_in(&receiver, key));
        let page = bob.get("/").text;
        for text in [
            "$2.50",
            "estimate",
            "tiers and batch discounts cannot be known",
            "odd-model (4,321)",
            "By user",
            "github.com/acme-corp/api",
            "#7",
            ">topic<",
            "as a table",
            "role=\"img\"",
        ] {
            assert!(page.contains(text), "{text}: {page}");
        }
        let page = alice.get("/").text;
        assert!(page.contains("$3.75") && !page.contains("By user") && !page.contains("bob"), "{page}");
        // Branches and pull requests of a member are the own ones.
        let branches = lines(&alice.get("/overview.csv?by=branch"));
        assert_eq!(branches.len(), 3, "{branches:?}");
        let users = lines(&bob.get("/overview.csv?by=user"));
        assert!(
            users[1].starts_with("alice,1.250000,1004321,") && users[2].starts_with("bob,1.250000,1000000,"),
            "{users:?}"
        );
        // Filters in the URL hold for every number and document.
        let filtered = bob.get("/?user=alice&model=gpt-5").text;
        assert!(filtered.contains("$1.25") && !filtered.contains("odd-model"), "{filtered}");
        assert_eq!(lines(&bob.get("/overview.csv?by=model&user=alice")).len(), 3);
        assert_eq!(lines(&bob.get("/overview.csv?by=repository&from=2020-01-01&to=2020-01-31")).len(), 1);
        for query in ["from=x", "pr=0", "from=2025-01-02&to=2025-01-01"] {
            let page = bob.get(&format!("/?{query}"));
            assert_eq!(page.status, 400);
            assert!(page.text.contains("<html"), "an error is a page");
        }
    }
}

/// Markup in every text that others choose.
const ATTACK: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

#[test]
fn texts_of_others_are_never_markup() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let client = receiver.client(&team.alice);
        let row = recent(
            ATTACK,
            json!({"messageType": ATTACK, "model": ATTACK, "gitBranch": ATTACK, "toolName": ATTACK, "role": ATTACK,
                   "agentId": ATTACK, "stream": ATTACK, "content": json!({"content": ATTACK}).to_string(), "inputTokens": 5}),
        );
        let task = json!({"id": "t", "subject": ATTACK, "description": ATTACK, "status": ATTACK, "createdAt": today(), "updatedAt": today()});
        let attack = with(
            session(ATTACK, &format!("https://github.com/acme-corp/{ATTACK}"), vec![row]),
            json!({"slug": ATTACK, "status": ATTACK, "harness": ATTACK, "teamName": ATTACK, "tasks": [task],
                   "prNumber": 3, "prUrl": format!("https://github.com/acme-corp/api/pull/3?{ATTACK}")}),
        );
        let plain = with(
            session(
                "plain",
                ACME,
                vec![recent("n", json!({"gitBranch": ATTACK, "model": ATTACK, "inputTokens": 7}))],
            ),
            json!({"slug": ATTACK, "prNumber": 3, "prUrl": "javascript:alert(1)"}),
        );
        let mut payload = unsealed(ATTACK, &[attack, plain]);
        payload["client"] = json!({"version": ATTACK, "os": ATTACK, "pendingSessions": 1, "pendingMessages": 1, "pendingSince": null, "conditions": [ATTACK, "OVERDUE"]});
        let response = client.post("/api/sync", &[], payload.to_string().as_bytes());
        assert!([200, 207].contains(&response.status), "{}", response.text);
        client.sync(&[session("refused", &format!("https://github.com/{ATTACK}/x"), vec![])]);
        let begun = client
            .post_form("/oauth/device_authorization", &[("client_id", "han-sync"), ("device_name", ATTACK)]);
        let code = begun.body["user_code"].as_str().unwrap().to_owned();
        let [alice, bob] = [&team.alice, &team.bob].map(|key| Browser::signed_in(&receiver, key));
        assert_eq!(alice.submit("/keys", "/keys", &[("label", ATTACK), ("days", "3")]).status, 200);
        let escaped: String = ATTACK.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let own = [
            format!("/device?user_code={code}"),
            format!("/device?user_code={escaped}"),
            format!("/sessions/{escaped}"),
            "/sessions/plain".to_owned(),
            format!("/forget?session={escaped}"),
            format!("/?branch={escaped}&user={escaped}&organization={escaped}"),
            format!("/sessions?model={escaped}&repository={escaped}&branch={escaped}"),
            format!("/sign-in?next={escaped}"),
            format!("/sessions?after={escaped}"),
            format!("/{escaped}"),
            format!("/?from={escaped}"),
        ];
        let mut shown = 0;
        for browser in [&alice, &bob] {
            for url in
                VIEWS.iter().chain(&ADMIN_VIEWS).map(|url| (*url).to_owned()).chain(own.iter().cloned())
            {
                let page = browser.get(&url);
                if page.header("content-type").is_some_and(|it| it.starts_with("text/html")) {
                    assert!(
                        !page.text.contains("<script") && !page.text.contains("<img"),
                        "{url}: {}",
                        page.text
                    );
                    assert!(!page.text.contains("href=\"javascript"), "{url}");
                    assert!(!page.text.contains(" style="), "the policy forbids it: {url}");
                    shown += page.text.matches("&#60;script&#62;").count();
                }
            }
        }
        assert!(shown > 20, "the texts are shown: {shown}");
    }
}

#[test]
fn every_response_says_that_it_loads_nothing_and_is_framed_nowhere() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = Browser::signed_in(&receiver, &team.alice);
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    for url in VIEWS.iter().chain(&DOCUMENTS).chain(&[
        "/page.css",
        "/page.svg",
        "/members",
        "/sessions/unknown",
        "/clients?after=x",
    ]) {
        let page = alice.get(url);
        assert_eq!(page.header("content-security-policy"), Some(policy), "{url}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{url}");
        assert_eq!(page.header("referrer-policy"), Some("same-origin"), "{url}");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{url}");
        for text in ["<script", "http://", "https://", "@import", "url("] {
            assert!(url.ends_with(".svg") || !page.text.contains(text), "{url} has {text}");
        }
    }
    // An error is a page for a browser, and JSON for a program.
    assert!(alice.get("/nowhere").text.contains("<html"));
    assert!(receiver.client("").get("/nowhere").body["error"].is_string());
    for url in ["/sessions.csv", "/sessions/none.csv", "/sessions/none.csv/", "/sessions/none.csv?table=x"] {
        let page = alice.get(url);
        assert_eq!(page.body["error"].is_string(), page.status != 200, "{url}: {}", page.text);
    }
    assert!(alice.get("/sessions/none").text.contains("<html"));
    // A method that a path refuses is answered with those that it allows.
    for (url, allow) in [
        ("/keys", "GET, HEAD, POST"),
        ("/keys.csv", "GET, HEAD"),
        ("/sessions", "GET, HEAD"),
        ("/sign-out", "POST"),
        ("/keys/k/revoke", "POST"),
    ] {
        let refused = receiver.client("").delete(url);
        assert_eq!((refused.status, refused.header("allow")), (405, Some(allow)), "{url}");
    }
}

#[test]
fn pages_join_and_the_csv_has_all_rows() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let client = receiver.client(&team.alice);
        for batch in 0..6 {
            let sessions: Vec<Value> =
                (0..40).map(|n| session(&format!("s{batch}x{n:02}"), ACME, vec![])).collect();
            assert_eq!(client.sync(&sessions).status, 200);
        }
        let rows: Vec<Value> = (0..230).map(|n| message(&format!("m{n:03}"), n)).collect();
        let tasks: Vec<Value> = (0..70)
            .map(|n| json!({"id": format!("t{n:02}"), "subject": format!("task{n:02}"), "status": "pending", "createdAt": "2025-03-01T00:00:00Z", "updatedAt": "2025-03-01T00:00:00Z"}))
            .collect();
        assert_eq!(client.sync(&[with(session("long", ACME, rows), json!({"tasks": tasks}))]).status, 200);
        let alice = Browser::signed_in(&receiver, &team.alice);
        // Follows the links of pages from a view, and counts what `row` marks.
        let walk = |url: &str, link: &str, row: &str| -> Vec<usize> {
            let (mut url, mut counts) = (url.to_owned(), Vec::new());
            loop {
                let page = alice.get(&url).text;
                counts.push(page.matches(row).count());
                let Some(end) = page.find(link) else { return counts };
                let href = page[..end].rsplit("href=\"").next().unwrap().split('"').next().unwrap();
                let next = href.replace("&#38;", "&").replace("&amp;", "&");
                url = if next.starts_with('?') {
                    format!("{}{next}", url.split('?').next().unwrap())
                } else {
                    next
                };
            }
        };
        for url in ["/sessions", "/me"] {
            let counts = walk(url, ">Next page", "href=\"/sessions/");
            assert_eq!(counts.iter().sum::<usize>(), 241, "{url}: {counts:?}");
            assert_eq!(counts.len(), 5, "{url}");
        }
        assert_eq!(lines(&alice.get("/sessions.csv")).len(), 242);
        assert_eq!(lines(&alice.get("/me.csv")).len(), 242);
        let counts = walk("/sessions/long", ">Next messages", "class=\"meta\"");
        assert_eq!(counts, [50, 50, 50, 50, 30]);
        let messages = lines(&alice.get("/sessions/long.csv"));
        assert_eq!(messages.len(), 231);
        assert!(messages[1].starts_with("m000,") && messages[230].starts_with("m229,"), "{messages:?}");
        assert_eq!(walk("/sessions/long", ">Next page", "<td>task"), [50, 20]);
        for url in [
            "/sessions?after=zz",
            "/clients?after=5b5d",
            "/sessions/long?after=x",
            "/sessions/long?tasks_after=x",
        ] {
            assert_eq!(alice.get(url).status, 400, "{url}");
        }
    }
}

#[test]
fn each_list_holds_its_filters_in_its_url() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        fill(&receiver, &team);
        let [alice, bob] = [&team.alice, &team.bob].map(|key| Browser::signed_in(&receiver, key));
        let rows = |browser: &Browser, url: &str| lines(&browser.get(url)).len() - 1;
        for (browser, url, expected) in [
            (&bob, "/clients.csv?user=alice", 1),
            (&bob, "/clients.csv?user=bob", 1),
            (&bob, "/clients.csv?user=carol", 0),
            (&bob, "/clients.csv?organization=acme", 2),
            (&bob, "/clients.csv?organization=acme&user=alice", 1),
            (&bob, "/clients.csv?organization=globex", 0),
            (&alice, "/clients.csv?organization=acme", 1),
            (&alice, "/clients.csv?user=bob", 0),
            (&bob, "/members.csv?organization=acme", 3),
            (&bob, "/members.csv?organization=globex", 0),
            (&bob, "/audit.csv?organization=globex", 0),
            (&bob, "/audit.csv?to=2020-01-01", 0),
            (&bob, "/audit.csv?from=2999-01-01", 0),
            (&alice, &format!("/me.csv?repository={ACME}"), 1),
            (&alice, "/me.csv?repository=github.com/acme-corp/other", 0),
            (&alice, "/me.csv?user=bob", 1),
            (&alice, "/me.csv?branch=topic&pr=7&model=gpt-5&from=2020-01-01", 1),
            (&alice, "/me.csv?to=2020-01-01", 0),
            (&alice, "/sessions.csv?pr=7", 1),
            (&alice, "/sessions.csv?pr=8", 0),
            (&bob, "/sessions.csv?to=2999-01-01", 2),
            (&bob, "/sessions.csv?from=2020-01-01&branch=topic", 2),
            (&bob, "/sessions.csv?to=2020-01-01", 0),
        ] {
            assert_eq!(rows(browser, url), expected, "{url}: {}", browser.get(url).text);
        }
        assert!(rows(&bob, "/audit.csv?organization=acme&from=2020-01-01") > 3);
        // A view keeps its filters in the link to its document.
        for (view, link) in [
            ("/clients?user=alice", "/clients.csv?user=alice"),
            ("/members?organization=acme", "/members.csv?organization=acme"),
            ("/audit?from=2020-01-01", "/audit.csv?from=2020-01-01"),
            ("/sessions?pr=7", "/sessions.csv?pr=7"),
        ] {
            let page = bob.get(view).text;
            assert!(page.contains(&format!("href=\"{link}\"")), "{view}: {page}");
        }
        assert!(alice.get("/me?pr=7").text.contains("href=\"/me.csv?pr=7\""));
    }
}

#[test]
fn no_cell_of_a_csv_is_a_formula() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        for (n, text) in ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "a,\"b\"\nc"].into_iter().enumerate() {
            let row = recent(&format!("{text}{n}"), json!({"gitBranch": text, "content": text}));
            let sent =
                with(session(&format!("s{n}"), ACME, vec![row]), json!({"slug": text, "status": text}));
            assert_eq!(receiver.client(&team.alice).sync(&[sent]).status, 200);
        }
        let alice = Browser::signed_in(&receiver, &team.alice);
        for url in
            ["/sessions.csv", "/me.csv", "/overview.csv?by=branch", "/sessions/s0.csv", "/sessions/s4.csv"]
        {
            let text = alice.get(url).text;
            for cell in text.split(['\n', ',']).map(|cell| cell.trim_start_matches('"').trim_start()) {
                let is_formula = cell.starts_with(['=', '+', '@'])
                    || cell.starts_with('-') && cell.parse::<f64>().is_err();
                assert!(!is_formula, "{url}: {cell:?} in {text}");
            }
        }
        assert!(alice.get("/sessions.csv").text.contains("\"a,\"\"b\"\"\nc\""));
    }
}

#[test]
fn what_others_see_of_me_can_be_forgotten_unless_the_organization_forbids_it() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        fill(&receiver, &team);
        let alice = Browser::signed_in(&receiver, &team.alice);
        let page = alice.get("/me").text;
        for text in ["of-alice", "bob", "the organization owns its repository", "Forget"] {
            assert!(page.contains(text), "{text}: {page}");
        }
        assert!(!page.contains("private-alice"), "nobody else sees it");
        store.admin("org set acme --members-may-forget no");
        let refused = alice.submit("/forget?session=of-alice", "/forget", &[("session", "of-alice")]);
        assert_eq!(refused.status, 403);
        assert!(refused.text.contains("acme does not let its members delete sessions"), "{}", refused.text);
        store.admin("org set acme --members-may-forget yes");
        assert_eq!(
            alice
                .submit("/forget?session=of-alice", "/forget", &[("session", "of-alice")])
                .header("location"),
            Some("/me")
        );
        assert_eq!(alice.get("/sessions/of-alice").status, 404);
        let bob = Browser::signed_in(&receiver, &team.bob);
        assert!(!bob.get("/sessions").text.contains("of-alice"));
        let again = receiver.client(&team.alice).sync(&[session("of-alice", ACME, vec![message("a", 0)])]);
        assert_eq!(again.codes()[0].1, "FORGOTTEN");
    }
}

#[test]
fn admins_read_members_clients_and_the_log_of_their_organization() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        fill(&receiver, &team);
        receiver.client(&team.alice).sync(&[session("bad", ACME, vec![message("", 0)])]);
        let bob = Browser::signed_in(&receiver, &team.bob);
        let members = lines(&bob.get("/members.csv"));
        assert_eq!(members.len(), 4, "{members:?}");
        assert!(members[1..].iter().all(|line| line.starts_with("acme,")), "{members:?}");
        let (own, of_bob) =
            (Browser::signed_in(&receiver, &team.alice).get("/clients").text, bob.get("/clients").text);
        for text in ["failing", "VALIDATION_ERROR", "han-sync queue"] {
            assert!(own.contains(text) && !of_bob.contains(text), "a session without a tenant: {text}");
        }
        assert!(of_bob.contains("<td>alice</td>"), "{of_bob}");
        let carol = Browser::signed_in(&receiver, &team.carol);
        let log = bob.get("/audit.csv").text;
        assert!(log.contains("member.set,alice of acme as member") && log.contains("sign-in,bob"), "{log}");
        assert!(!log.contains("carol") && !log.contains("globex"), "{log}");
        let log = carol.get("/audit.csv").text;
        assert!(log.contains("dave of globex") && !log.contains("acme") && !log.contains("alice"), "{log}");
    }
}
