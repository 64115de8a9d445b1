//! The admin commands that change stored data: retention, move, forget, export, directory.

use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use serde_json::{Value, json};

fn texts(store: &TestStore, query: &str) -> Vec<String> {
    store.query(query).into_iter().flatten().map(Option::unwrap_or_default).collect()
}

fn sums(store: &TestStore) -> Vec<String> {
    texts(
        store,
        "SELECT CAST(sum(messages) AS BIGINT), CAST(sum(output_tokens) AS BIGINT), \
         CAST(sum(tasks_completed) AS BIGINT) FROM metrics",
    )
}

/// A message so many days ago.
fn aged(id: &str, days: i64, usage: &str) -> Value {
    let at = chrono::Utc::now() - chrono::Duration::days(days);
    with(message(id, 0), json!({"timestamp": at.to_rfc3339(), "usageId": usage, "outputTokens": 7}))
}

fn old_and_young() -> Vec<Value> {
    let at = |days: i64| (chrono::Utc::now() - chrono::Duration::days(days)).to_rfc3339();
    let task = |id: &str, days| json!({"id": id, "status": "completed", "subject": "x", "createdAt": at(days), "updatedAt": at(days)});
    vec![
        with(
            session("mixed", ACME, vec![aged("old", 500, "u1"), aged("young", 5, "u2")]),
            json!({"tasks": [task("old", 500), task("young", 5)]}),
        ),
        with(
            session("ancient", ACME, vec![aged("a", 600, "u3"), aged("b", 600, "u3")]),
            json!({"lastModified": at(600)}),
        ),
    ]
}

#[test]
fn what_is_pruned_stays_away_and_its_sums_stay() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        assert_eq!(alice.sync(&old_and_young()).status, 200);
        let before = sums(&store);
        assert_eq!(before, ["4", "21", "2"]);
        let pruned = store.admin("prune --older-than 400d");
        assert_eq!((&pruned["messages"], &pruned["sessions"]), (&json!(3), &json!(1)), "{pruned}");
        let state = || {
            let messages = texts(&store, "SELECT message_id FROM messages ORDER BY message_id");
            let sessions = texts(&store, "SELECT session_id || ' ' || message_count FROM sessions");
            (messages, sessions, sums(&store))
        };
        let after = state();
        assert_eq!(after, (vec!["young".to_owned()], vec!["mixed 1".to_owned()], before));
        // A reset sends everything again, and says that it saw the sessions' fields just now.
        alice.sync(&old_and_young());
        let fresh = |session: Value| with(session, json!({"lastModified": chrono::Utc::now().to_rfc3339()}));
        let response = alice.sync(&old_and_young().into_iter().map(fresh).collect::<Vec<_>>());
        assert_eq!((response.status, &response.body["processed"]), (200, &json!(2)), "{}", response.text);
        assert_eq!(alice.sync(&[fresh(session("ancient", ACME, vec![]))]).status, 200);
        assert_eq!(state(), after);
        let tasks = alice.graphql_data(r#"{ session(id: "mixed") { tasks { edges { node { id } } } } }"#);
        assert_eq!(tasks["session"]["tasks"]["edges"], json!([{"node": {"id": "young"}}]));
        let since = alice.get("/api/sync/identity").body["retainedSince"].as_str().unwrap().to_owned();
        assert_eq!(since, pruned["retainedSince"]);
        assert!(since.ends_with("T00:00:00.000Z"), "{since}");
        // A session that goes on after its pruning comes back with what is new.
        alice.sync(&[session("ancient", ACME, vec![aged("c", 1, "u4")])]);
        assert_eq!(texts(&store, "SELECT message_count FROM sessions WHERE session_id = 'ancient'"), ["1"]);
    }
}

#[test]
fn one_organization_is_pruned_without_the_others() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let dave = receiver.client(&team.dave);
        dave.sync(&[
            session("a", ACME, vec![aged("m", 500, "u")]),
            session("g", GLOBEX, vec![aged("m", 500, "u")]),
        ]);
        store.admin("prune --older-than 400d --org acme");
        assert_eq!(texts(&store, "SELECT session_id FROM messages"), ["g"]);
        let retained =
            |key: &str| receiver.client(key).get("/api/sync/identity").body["retainedSince"].clone();
        assert_eq!(retained(&team.dave), json!(null), "globex takes everything");
        assert_eq!(retained(&team.bob), json!(null), "and so does bob's private space");
        let old = with(
            session("p", "/home/bob/x", vec![aged("m", 500, "u")]),
            json!({"inclusion": "forced_include"}),
        );
        receiver.client(&team.bob).sync(&[old]);
        assert_eq!(texts(&store, "SELECT session_id FROM messages ORDER BY 1"), ["g", "p"]);
        store.admin("prune --older-than 400d");
        assert!(retained(&team.bob).is_string() && retained(&team.dave).is_string());
    }
}

#[test]
fn a_session_moves_with_its_sums_and_then_belongs_where_it_went() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (alice, bob) = (receiver.client(&team.alice), receiver.client(&team.bob));
        let row = |id: &str, day: i64, output: i64| {
            with(
                message(id, 0),
                json!({"timestamp": format!("2025-03-0{day}T00:00:00Z"), "usageId": "shared",
                 "outputTokens": output, "model": "opus", "content": "x"}),
            )
        };
        let personal = json!({"inclusion": "personal"});
        let task = json!([{"id": "t", "status": "completed", "subject": "", "createdAt": "2025-03-01T00:00:00Z",
                           "updatedAt": "2025-03-01T00:00:00Z"}]);
        alice.sync(&[
            with(
                with(session("goes", "https://github.com/alice/x", vec![row("a", 1, 9)]), personal.clone()),
                json!({"tasks": task}),
            ),
            with(session("stays", "https://github.com/alice/x", vec![row("b", 2, 5)]), personal),
        ]);
        // The repository is given to the organization.
        store.admin("owner add acme github.com/alice");
        store.admin("account remove alice github.com/alice");
        let again = session("goes", "https://github.com/alice/x", vec![row("a", 1, 9)]);
        assert_eq!(
            alice.sync(std::slice::from_ref(&again)).codes(),
            [("goes".to_owned(), "SESSION_MOVED".to_owned())]
        );
        assert!(bob.graphql_data(r#"{ session(id: "goes") { id } }"#)["session"].is_null());
        store.admin("session move goes --user alice --to acme");
        assert_sums_equal_a_recount(&store);
        assert_eq!(alice.sync(&[again]).status, 200);
        assert_sums_equal_a_recount(&store);
        let seen = bob.graphql_data(r#"{ session(id: "goes") { organization user messageCount tasks { edges { node { id } } } messages { edges { node { content } } } } }"#);
        assert_eq!(seen["session"]["organization"], "acme");
        assert_eq!(seen["session"]["messages"]["edges"][0]["node"]["content"], "x");
        assert_eq!(seen["session"]["tasks"]["edges"], json!([{"node": {"id": "t"}}]));
        store.admin("session move goes --user alice --private");
        assert_sums_equal_a_recount(&store);
        assert!(bob.graphql_data(r#"{ session(id: "goes") { id } }"#)["session"].is_null());
    }
}

#[test]
fn a_session_without_rows_moves_too() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (alice, bob) = (receiver.client(&team.alice), receiver.client(&team.bob));
        let bare = session("bare", "https://github.com/alice/x", vec![]);
        alice.sync(std::slice::from_ref(&bare));
        store.admin("session move bare --user alice --to acme");
        let query = r#"{ session(id: "bare") { organization status } }"#;
        assert_eq!(bob.graphql_data(query)["session"], json!({"organization": "acme", "status": "active"}));
        store.admin("owner add acme github.com/alice");
        store.admin("account remove alice github.com/alice");
        let later = json!({"status": "completed", "lastModified": "2025-03-02T00:00:00Z"});
        assert_eq!(alice.sync(&[with(bare, later)]).body["processed"], 1);
        assert_eq!(bob.graphql_data(query)["session"]["status"], "completed");
    }
}

#[test]
fn a_forgotten_session_is_gone_and_does_not_come_again() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let row = |id: &str| with(message(id, 0), json!({"usageId": "u", "outputTokens": 3}));
        let both = [session("forgotten", ACME, vec![row("a")]), session("kept", ACME, vec![row("b")])];
        alice.sync(&both);
        store.admin("session forget forgotten --user alice");
        assert_sums_equal_a_recount(&store);
        let response = alice.sync(&both);
        assert_eq!(
            (response.status, response.codes()),
            (207, vec![("forgotten".to_owned(), "FORGOTTEN".to_owned())])
        );
        assert_eq!(texts(&store, "SELECT session_id FROM sessions"), ["kept"]);
        let clients = alice.graphql_data("{ syncStatus { state } }");
        assert_eq!(clients["syncStatus"][0]["state"], "FRESH", "it is an acknowledgement, not an error");
    }
}

#[test]
fn an_export_is_what_was_sent() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let sent = session(
            "s",
            ACME,
            vec![with(message("m", 0), json!({"content": "é\u{1F600}", "stream": "main"}))],
        );
        receiver.client(&team.alice).sync(std::slice::from_ref(&sent));
        let (code, stdout, _) = store.try_admin("session export");
        let line: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!((code, &line["organization"], &line["login"]), (0, &json!("acme"), &json!("alice")));
        assert_eq!(line["session"], with(sent, json!({"projectSlug": "api"})));
        assert_eq!(store.admin("session list --org acme")[0]["messages"], 1);
        assert_eq!(store.admin("sessions list --org acme")[0]["messages"], 1);
        assert_eq!(store.admin("sessions prune --older-than 36500d")["messages"], 0);
    }
}

#[test]
fn the_directory_can_be_listed_renamed_and_removed() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        alice.sync(&[session("s", ACME, vec![message("m", 0)])]);
        for (arguments, code) in [
            ("org create acme --name again", 65),
            ("org create other --owner github.com/acme-corp", 65),
            ("org create other --owner nonsense", 65),
            ("org create other --owner github.com:22/z", 65),
            ("owner add acme github.com:22/z", 65),
            ("account add alice gitlab.com:2222/z", 65),
            ("user create alice", 65),
            ("key create nobody", 65),
            ("key revoke nothing", 65),
            ("member role acme alice owner", 64),
            ("org remove acme", 64),
            ("key create alice --expires soon", 64),
            ("nonsense", 64),
        ] {
            assert_eq!(store.try_admin(arguments).0, code, "{arguments}");
        }
        assert!(store.query("SELECT * FROM tenants WHERE handle = 'other'").is_empty(), "refused whole");
        store.admin("org rename acme umbrella --name Umbrella");
        store.admin("user rename alice alicia");
        store.admin("member role umbrella alicia admin");
        let identity = alice.get("/api/sync/identity").body;
        assert_eq!(
            (&identity["login"], &identity["organizations"][0]["slug"]),
            (&json!("alicia"), &json!("umbrella"))
        );
        assert_eq!(identity["organizations"][0]["role"], "admin");
        assert_eq!(store.admin("member list umbrella").as_array().unwrap().len(), 3);
        store.admin("member remove umbrella alicia");
        assert_eq!(alice.sync(&[session("s", ACME, vec![])]).codes()[0].1, "REPO_NOT_ACCEPTED");
        store.admin("member add umbrella alicia");
        store.admin("org remove umbrella --yes");
        assert!(store.query("SELECT * FROM messages").is_empty());
        assert_eq!(store.admin("org list").as_array().unwrap().len(), 1);
        // The name is free again, and so is the session's id.
        store.admin("org create acme --owner github.com/acme-corp");
        store.admin("member add acme alicia");
        assert_eq!(alice.sync(&[session("s", ACME, vec![message("m", 0)])]).status, 200);
        store.admin("user remove alicia --yes");
        assert_eq!(alice.get("/api/sync/identity").status, 401);
        assert!(store.query("SELECT * FROM messages").is_empty());
    }
}

#[test]
fn commands_on_a_users_session_leave_alone_whose_id_it_is_now() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (alice, bob) = (receiver.client(&team.alice), receiver.client(&team.bob));
        // Bob stores sessions whose ids were alice's until they were pruned.
        let at = (chrono::Utc::now() - chrono::Duration::days(600)).to_rfc3339();
        let ids = ["forgotten", "moved"];
        let old = |id| with(session(id, ACME, vec![aged("a", 600, "u")]), json!({"lastModified": at}));
        assert_eq!(alice.sync(&ids.map(old)).status, 200);
        store.admin("prune --older-than 400d");
        assert_eq!(bob.sync(&ids.map(|id| session(id, ACME, vec![aged("b", 1, "u")]))).status, 200);
        let state = || {
            let bobs = "SELECT tenant_id, user_id, session_id, messages, output_tokens FROM metrics \
                        WHERE day > 0 AND user_id = (SELECT tenant_id FROM tenants WHERE handle = 'bob') ORDER BY session_id";
            let messages = "SELECT session_id, message_id, user_id FROM messages ORDER BY session_id";
            (
                store.query(messages),
                store.query(bobs),
                store.query("SELECT session_id FROM sessions ORDER BY 1"),
            )
        };
        let before = state();
        assert_eq!((before.0.len(), before.2.len()), (2, 2));
        store.admin("session forget forgotten --user alice");
        store.admin("session move moved --user alice --private");
        assert_eq!(state(), before);
        let (_, exported, _) = store.try_admin("session export --user alice");
        assert_eq!(exported, "");
        let response = alice.sync(&[session("forgotten", ACME, vec![])]);
        assert_eq!(response.codes(), [("forgotten".to_owned(), "FORGOTTEN".to_owned())]);
    }
}

#[test]
fn a_forgotten_session_cannot_be_moved_and_outlives_its_organization() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let both = [session("forgotten", ACME, vec![message("m", 0)]), session("kept", ACME, vec![])];
        alice.sync(&both);
        store.admin("session forget forgotten --user alice");
        let (code, _, stderr) = store.try_admin("session move forgotten --user alice --private");
        assert_eq!(code, 65, "{stderr}");
        assert!(stderr.contains("forgotten was forgotten"), "{stderr}");
        store.admin("org remove acme --yes");
        store.admin("org create acme --owner github.com/acme-corp");
        store.admin("member add acme alice");
        let response = alice.sync(&both);
        assert_eq!(response.codes(), [("forgotten".to_owned(), "FORGOTTEN".to_owned())]);
        assert_eq!(response.body["processed"], 1);
    }
}

/// Sums by session and whether the day is before the retention.
fn output_by_session(store: &TestStore, since: i64) -> Vec<String> {
    texts(
        store,
        &format!(
            "SELECT session_id || ' ' || CASE WHEN is_pruned THEN 'pruned' ELSE 'kept' END || ' ' || tokens FROM \
             (SELECT session_id, day < {since} AS is_pruned, CAST(sum(output_tokens) AS BIGINT) AS tokens FROM metrics \
             GROUP BY session_id, day < {since}) AS sums WHERE tokens <> 0 ORDER BY 1"
        ),
    )
}

#[test]
fn an_answer_of_a_pruned_day_counts_there_once_when_its_sessions_go() {
    for store in stores() {
        for (goes, command) in [
            ("first", "session forget first --user alice"),
            ("second", "session forget second --user alice"),
            ("second", "session move second --user alice --private"),
        ] {
            let store = if store.is_postgres() { postgres().unwrap() } else { sqlite() };
            let (team, receiver) = (store.create_team(), store.serve());
            let midnight =
                (chrono::Utc::now() - chrono::Duration::days(10)).date_naive().and_hms_opt(0, 0, 0);
            let midnight = midnight.unwrap().and_utc();
            let row = |id: &str, seconds: i64| {
                let at = (midnight + chrono::Duration::seconds(seconds)).to_rfc3339();
                with(message(id, 0), json!({"timestamp": at, "usageId": "u", "outputTokens": 7}))
            };
            let response = receiver.client(&team.alice).sync(&[
                session("first", ACME, vec![row("a", -60), row("b", 60)]),
                session("second", ACME, vec![row("c", 70)]),
                session("third", ACME, vec![row("d", 80)]),
            ]);
            assert_eq!(response.status, 200);
            store.admin("prune --older-than 10d");
            let since = midnight.timestamp() / 86_400;
            let before = output_by_session(&store, since);
            assert_eq!(before, ["first pruned 7"]);
            store.admin(command);
            let acme =
                store.query("SELECT tenant_id FROM tenants WHERE handle = 'acme'")[0][0].clone().unwrap();
            store.execute(&format!("DELETE FROM metrics WHERE tenant_id <> '{acme}'"));
            assert_eq!(output_by_session(&store, since), before, "{goes}: {command}");
        }
    }
}

#[test]
fn a_message_from_a_clock_that_is_ahead_is_pruned_by_its_arrival() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let ahead = |id: &str| with(message(id, 0), json!({"timestamp": "2199-01-01T00:00:00Z"}));
        let rows = vec![ahead("came-early"), ahead("came-late"), aged("young", 5, "u")];
        assert_eq!(receiver.client(&team.alice).sync(&[session("s", ACME, rows)]).status, 200);
        let arrived = "SELECT count(*) FROM messages WHERE arrived_at IS NOT NULL";
        assert_eq!(texts(&store, arrived), ["2"], "a message in time needs no second time");
        store.execute(
            "UPDATE messages SET arrived_at = arrived_at - 500 * 86400000000 WHERE message_id = 'came-early'",
        );
        assert_eq!(store.admin("prune --older-than 400d")["messages"], 1);
        let left = texts(&store, "SELECT message_id FROM messages ORDER BY message_id");
        assert_eq!(left, ["came-late", "young"]);
        assert_eq!(texts(&store, "SELECT message_count FROM sessions"), ["2"]);
    }
}

#[test]
fn a_store_of_a_newer_receiver_is_rejected_with_the_next_step() {
    for store in stores() {
        store.admin("org create acme");
        store.execute("INSERT INTO migrations (number, name, applied_at) VALUES (99, 'later', 0)");
        let (code, _, stderr) = store.try_admin("org list");
        assert_eq!(code, 69, "{stderr}");
        let (code, said) = store.refused();
        assert_eq!(code, 69, "{said}");
        assert!(said.contains("install a newer han-sync-receiver"), "{said}");
    }
}

#[test]
fn a_store_of_an_unreleased_form_is_rejected_with_the_next_step() {
    if is_skipped_on_a_cluster("no store of such a form is distributed") {
        return;
    }
    // Any sign is enough: a table that was renamed since, or a former name of the first migration.
    let signs = [
        "CREATE TABLE homes (tenant_id TEXT NOT NULL, session_id TEXT NOT NULL)",
        "CREATE TABLE migrations (number BIGINT NOT NULL, name TEXT NOT NULL, applied_at BIGINT NOT NULL); \
         INSERT INTO migrations VALUES (1, 'schema', 0), (2, 'isolation', 0)",
        "CREATE TABLE migrations (number BIGINT NOT NULL, name TEXT NOT NULL, applied_at BIGINT NOT NULL); \
         INSERT INTO migrations VALUES (1, 'first', 0)",
    ];
    for sign in signs {
        for store in stores() {
            store.execute(sign);
            let (code, stdout, stderr) = store.try_admin("org list");
            assert_eq!((code, stdout.as_str()), (69, ""), "{stderr}");
            let (mut child, folder) = RunningReceiver::spawn(&store.url, &[]);
            assert_eq!(child.wait().unwrap().code(), Some(69));
            let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
            for output in [stderr, log] {
                assert!(
                    output.contains("unreleased version") && output.contains("name an empty store"),
                    "{output}"
                );
                assert_eq!(output.trim_end().lines().count(), 1, "{output}");
            }
        }
    }
}
