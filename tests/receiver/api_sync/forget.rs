//! `DELETE /api/sync/sessions` and `DELETE /api/sync/tombstones`.

use super::races::{AcceptedBatch, everywhere};
use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use serde_json::{Value, json};

const WEB: &str = "https://github.com/acme-corp/web";

/// Ids of the stored sessions.
fn stored(store: &TestStore) -> Vec<String> {
    let rows = store.query("SELECT session_id FROM sessions ORDER BY session_id");
    rows.into_iter().flatten().map(Option::unwrap_or_default).collect()
}

/// A row of the answer `u`, whose tokens count once in all sessions.
fn shared(id: &str) -> Value {
    with(message(id, 0), json!({"usageId": "u", "outputTokens": 3, "model": "opus"}))
}

fn private(id: &str) -> Value {
    with(session(id, "https://github.com/alice/x", vec![message("m", 0)]), json!({"inclusion": "personal"}))
}

#[test]
fn a_user_forgets_a_session_and_takes_it_back() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let task = json!([{"id": "t", "status": "completed", "subject": "x", "createdAt": "2025-03-01T00:00:00Z",
                           "updatedAt": "2025-03-01T00:00:00Z"}]);
        let both = [
            with(session("gone", ACME, vec![shared("a")]), json!({"tasks": task})),
            session("kept", ACME, vec![shared("b")]),
        ];
        alice.sync(&both);
        let whole =
            store.query("SELECT sum(messages), sum(output_tokens), sum(tasks_completed) FROM metrics");
        let response = alice.delete("/api/sync/sessions/gone");
        assert_eq!((response.status, response.text.as_str()), (204, ""));
        assert_eq!(stored(&store), ["kept"]);
        for table in ["messages", "tasks", "metrics", "usages"] {
            let rows = store.query(&format!("SELECT * FROM {table} WHERE session_id = 'gone'"));
            assert!(rows.is_empty(), "{table}: {rows:?}");
        }
        assert_sums_equal_a_recount(&store);
        let query = r#"{ session(id: "gone") { id } metrics(from: "2020-01-01", to: "2030-01-01", groupBy: [ORGANIZATION]) { sessions messages outputTokens tasksCompleted } }"#;
        let seen = alice.graphql_data(query);
        assert_eq!(
            seen,
            json!({"session": null, "metrics": [{"sessions": 1, "messages": 1, "outputTokens": 3, "tasksCompleted": 0}]})
        );
        // A replay, twice, and from another machine of the user.
        for response in [alice.sync(&both), alice.sync(&both), alice.sync_as("other-machine", &both)] {
            assert_eq!(response.status, 207);
            assert_eq!(response.codes(), [("gone".to_owned(), "FORGOTTEN".to_owned())]);
        }
        assert_eq!(alice.delete("/api/sync/sessions/gone").status, 204, "again");
        assert_eq!(alice.delete("/api/sync/tombstones/gone").status, 204);
        assert_eq!(stored(&store), ["kept"], "undoing brings nothing by itself");
        assert_eq!(alice.sync(&both).status, 200);
        assert_eq!(stored(&store), ["gone", "kept"]);
        assert_sums_equal_a_recount(&store);
        let again =
            store.query("SELECT sum(messages), sum(output_tokens), sum(tasks_completed) FROM metrics");
        assert_eq!(again, whole);
        // A later forget holds again.
        assert_eq!(alice.delete("/api/sync/sessions/gone").status, 204);
        assert_eq!(alice.sync(&both).codes().len(), 1);
    }
}

#[test]
fn a_session_that_was_never_sent_is_forgotten_in_advance() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (alice, bob) = (receiver.client(&team.alice), receiver.client(&team.bob));
        // Ids of any form, as they are in a URL.
        for (path, id) in
            [("later", "later"), ("a%2Fb%20c%C3%A9", "a/b cé"), ("%2E%2E", ".."), ("n%00l", "n\0l")]
        {
            assert_eq!(alice.delete(&format!("/api/sync/sessions/{path}")).status, 204);
            let later = [session(id, ACME, vec![message("m", 0)])];
            assert_eq!(alice.sync(&later).codes(), [(id.to_owned(), "FORGOTTEN".to_owned())]);
            assert_eq!(bob.sync(&later).status, 200, "another user's session of that id");
            assert_eq!(bob.delete(&format!("/api/sync/sessions/{path}")).status, 204);
            assert_eq!(alice.delete(&format!("/api/sync/tombstones/{path}/")).status, 204);
            assert_eq!(alice.sync(&later).status, 200, "{id}");
        }
    }
}

#[test]
fn a_repository_and_everything_mean_what_is_stored_now() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (alice, bob) = (receiver.client(&team.alice), receiver.client(&team.bob));
        let sessions = [
            session("api-1", ACME, vec![shared("a")]),
            session("api-2", ACME, vec![shared("b")]),
            session("web", WEB, vec![shared("c")]),
            private("private"),
        ];
        alice.sync(&sessions);
        bob.sync(&[session("of-bob", ACME, vec![message("m", 0)])]);
        // Any spelling names the repository.
        let spelled = "/api/sync/sessions?repository=git%40github.com%3AAcme-Corp%2FAPI.git";
        assert_eq!(alice.delete(spelled).status, 204);
        assert_eq!(stored(&store), ["of-bob", "private", "web"]);
        assert_sums_equal_a_recount(&store);
        let later = [session("api-3", ACME, vec![message("m", 0)])];
        assert_eq!(alice.sync(&later).status, 200, "what comes later is stored");
        assert_eq!(alice.sync(&sessions).codes().len(), 2);
        assert_eq!(alice.delete("/api/sync/sessions?all=true").status, 204);
        assert_eq!(stored(&store), ["of-bob"]);
        assert_sums_equal_a_recount(&store);
        assert_eq!(alice.sync(&sessions).status, 422);
        // Undone by repository, then whole.
        assert_eq!(alice.delete(&format!("/api/sync/tombstones?repository={WEB}")).status, 204);
        let codes = alice.sync(&sessions).codes();
        assert_eq!(
            codes.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
            ["api-1", "api-2", "private"]
        );
        assert_eq!(alice.delete("/api/sync/tombstones/?all=true").status, 204);
        assert_eq!(alice.sync(&sessions).status, 200);
        assert_eq!(stored(&store), ["api-1", "api-2", "of-bob", "private", "web"]);
        assert_sums_equal_a_recount(&store);
    }
}

#[test]
fn more_than_one_transaction_takes_is_forgotten_whole() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let many: Vec<Value> =
            (0..1_203).map(|n| session(&format!("s{n}"), ACME, vec![shared(&format!("m{n}"))])).collect();
        assert_eq!(alice.sync(&many).status, 200);
        assert_eq!(alice.delete(&format!("/api/sync/sessions?repository={ACME}")).status, 204);
        assert!(stored(&store).is_empty());
        assert_sums_equal_a_recount(&store);
        assert_eq!(alice.sync(&many).body["errors"].as_array().unwrap().len(), 1_203);
    }
}

#[test]
fn an_unclear_object_deletes_nothing() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        alice.sync(&[session("s", ACME, vec![message("m", 0)])]);
        let long = "x".repeat(257);
        for object in [
            "",
            "/",
            "?",
            "?all",
            "?all=",
            "?all=false",
            "?all=1",
            "?all=True",
            "?all=true&all=true",
            "?all=true&repository=x",
            "?repository=",
            "?repository=%20",
            "?repository=x",
            "?repository=/",
            "?repository=%ff",
            "?repository=github.com/acme-corp/api&repository=github.com/acme-corp/web",
            "?all=true&repositry=x",
            "?age=5",
            "?all=true&age=-1",
            "?all=true&age=x",
            "?all=true&age=1&age=2",
            "/s?all=true",
            "/s?repository=github.com/acme-corp/api",
            "/s?nothing",
            "/%ff",
            &format!("/{long}"),
        ] {
            for kind in ["sessions", "tombstones"] {
                let response = alice.delete(&format!("/api/sync/{kind}{object}"));
                assert_eq!(response.status, 400, "{kind}{object}: {}", response.text);
                assert!(response.body["error"].is_string() && response.body["requestId"].is_string());
            }
        }
        assert_eq!(stored(&store), ["s"]);
        for path in ["sessions", "sessions/s", "tombstones", "tombstones/s"] {
            let response = alice.get(&format!("/api/sync/{path}"));
            assert_eq!((response.status, response.header("allow")), (405, Some("DELETE")), "{path}");
            assert_eq!(receiver.client("").delete(&format!("/api/sync/{path}")).status, 401, "{path}");
        }
        assert_eq!(alice.delete("/api/sync/sessions/a/b").status, 404);
        assert_eq!(stored(&store), ["s"]);
    }
}

#[test]
fn nobody_forgets_what_is_anothers_and_nothing_tells_them_apart() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let [alice, bob, carol] = [&team.alice, &team.bob, &team.carol].map(|key| receiver.client(key));
        alice.sync(&[session("in-acme", ACME, vec![message("m", 0)]), private("in-private")]);
        alice.delete("/api/sync/sessions/forgotten");
        // An admin of the organization, and a stranger.
        for other in [bob, carol] {
            for path in [
                "sessions/in-acme",
                "sessions/in-private",
                "sessions/forgotten",
                "sessions/nonsense",
                "tombstones/in-acme",
                "tombstones/forgotten",
                "tombstones/nonsense",
                "sessions?all=true",
                "tombstones?all=true",
                &format!("sessions?repository={ACME}"),
                &format!("tombstones?repository={ACME}"),
            ] {
                let response = other.delete(&format!("/api/sync/{path}"));
                assert_eq!((response.status, response.text.as_str()), (204, ""), "{path}");
            }
        }
        assert_eq!(stored(&store), ["in-acme", "in-private"]);
        assert_eq!(
            alice.sync(&[session("in-acme", ACME, vec![message("n", 1)]), private("in-private")]).status,
            200
        );
        let forgotten = alice.sync(&[session("forgotten", ACME, vec![])]);
        assert_eq!(forgotten.codes()[0].1, "FORGOTTEN", "a stranger does not undo it");
    }
}

#[test]
fn an_organization_may_forbid_it() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (dave, bob) = (receiver.client(&team.dave), receiver.client(&team.bob));
        assert_eq!(store.try_admin("org set acme").0, 64);
        assert_eq!(store.try_admin("org set acme --members-may-forget maybe").0, 64);
        assert_eq!(store.try_admin("org set nowhere --members-may-forget no").0, 65);
        let set = store.admin("org set acme --members-may-forget no");
        assert_eq!(set, json!({"slug": "acme", "membersMayForget": false}));
        assert_eq!(store.admin("org list")[0]["membersMayForget"], false);
        assert_eq!(store.admin("org list")[1]["membersMayForget"], true);
        let sessions = [
            session("in-acme", ACME, vec![message("m", 0)]),
            session("in-globex", GLOBEX, vec![message("m", 0)]),
        ];
        dave.sync(&sessions);
        bob.sync(&[session("of-admin", ACME, vec![])]);
        for (client, path) in [
            (dave, "sessions/in-acme".to_owned()),
            (dave, format!("sessions?repository={ACME}")),
            (bob, "sessions?all=true".to_owned()),
        ] {
            let response = client.delete(&format!("/api/sync/{path}"));
            assert_eq!(response.status, 403, "{path}");
            let error = response.body["error"].as_str().unwrap();
            assert!(error.contains("acme does not let its members delete sessions"), "{error}");
        }
        assert_eq!(stored(&store), ["in-acme", "in-globex", "of-admin"]);
        let response = dave.delete("/api/sync/sessions?all=true");
        assert_eq!((response.status, &response.body), (207, &json!({"refused": ["acme"]})));
        assert_eq!(stored(&store), ["in-acme", "of-admin"]);
        assert_eq!(dave.sync(&sessions).codes(), [("in-globex".to_owned(), "FORGOTTEN".to_owned())]);
        // Nothing is left but what is refused.
        assert_eq!(dave.delete("/api/sync/sessions?all=true").status, 403);
        assert_eq!(dave.delete("/api/sync/sessions/never-sent").status, 204);
        store.admin("org set acme --members-may-forget yes");
        assert_eq!(dave.delete("/api/sync/sessions/in-acme").status, 204);
        assert_eq!(stored(&store), ["of-admin"]);
        // One who has left writes there no more.
        store.admin("member remove acme bob");
        let response = bob.delete("/api/sync/sessions/of-admin");
        assert!(
            response.body["error"].as_str().unwrap().contains("no longer a member of acme"),
            "{}",
            response.text
        );
        assert_eq!(response.status, 403);
        assert_eq!(bob.delete("/api/sync/sessions?all=true").status, 403);
        assert_eq!(stored(&store), ["of-admin"]);
    }
}

#[test]
fn of_forget_and_undo_the_later_one_holds_whichever_arrives_first() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let sessions = [session("s", ACME, vec![message("m", 0)])];
        alice.sync(&sessions);
        // Undone now; a request to forget from an hour ago arrives late.
        alice.delete("/api/sync/tombstones/s");
        for path in ["sessions/s?age=3600", "sessions?all=true&age=3600"] {
            assert_eq!(alice.delete(&format!("/api/sync/{path}")).status, 204);
            assert_eq!(stored(&store), ["s"], "{path}");
        }
        // What was stored after it stays, too, when everything is meant.
        alice.sync(&[session("new", ACME, vec![])]);
        alice.delete("/api/sync/sessions?all=true&age=3600");
        assert_eq!(stored(&store), ["new", "s"]);
        // Forgotten now; an undo from an hour ago arrives late.
        alice.delete("/api/sync/sessions/s");
        for path in ["tombstones/s?age=3600", "tombstones?all=true&age=3600"] {
            assert_eq!(alice.delete(&format!("/api/sync/{path}")).status, 204);
            assert_eq!(alice.sync(&sessions).codes().len(), 1, "{path}");
        }
        // A session by its id is forgotten even if it was stored later: another machine sent it.
        assert_eq!(alice.delete("/api/sync/sessions/new?age=3600").status, 204);
        assert!(stored(&store).is_empty());
        assert_eq!(alice.delete("/api/sync/tombstones/new?age=7200").status, 204);
        assert_eq!(
            alice.sync(&[session("new", ACME, vec![])]).codes().len(),
            1,
            "undone before it was forgotten"
        );
        assert_eq!(alice.delete("/api/sync/tombstones/new?age=60").status, 204);
        assert_eq!(alice.sync(&[session("new", ACME, vec![])]).status, 200);
    }
}

#[test]
fn a_batch_on_its_way_does_not_bring_back_what_is_forgotten_meanwhile() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let accepted = AcceptedBatch::send_head(&receiver, &team.alice, everywhere());
        for id in ["in-acme", "private"] {
            assert_eq!(alice.delete(&format!("/api/sync/sessions/{id}")).status, 204);
        }
        let body = accepted.finish();
        assert_eq!(body.matches("FORGOTTEN").count(), 2, "{body}");
        assert!(stored(&store).is_empty());
        assert!(store.query("SELECT * FROM metrics").is_empty());
    }
}

#[test]
fn a_pruned_session_is_forgotten_and_its_old_sums_stay() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let old =
            [with(session("s", ACME, vec![shared("a")]), json!({"lastModified": "2025-03-01T00:00:00Z"}))];
        alice.sync(&old);
        store.admin("prune --older-than 30d");
        assert!(stored(&store).is_empty());
        assert_eq!(alice.delete("/api/sync/sessions?all=true").status, 204);
        assert_eq!(alice.sync(&old).codes(), [("s".to_owned(), "FORGOTTEN".to_owned())]);
        let sums = "SELECT sum(messages) FROM metrics";
        assert_eq!(store.query(sums), [[Some("1".to_owned())]]);
        alice.delete("/api/sync/tombstones/s");
        assert_eq!(alice.sync(&old).status, 200);
        assert_eq!(store.query(sums), [[Some("1".to_owned())]], "nothing counts twice");
    }
}

#[test]
fn a_session_goes_where_its_repository_belongs_after_its_tombstone() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let dave = receiver.client(&team.dave);
        let sessions = [session("s", ACME, vec![message("m", 0)])];
        dave.sync(&sessions);
        dave.delete("/api/sync/sessions/s");
        store.admin("owner remove acme github.com/acme-corp");
        store.admin("owner add globex github.com/acme-corp");
        dave.delete("/api/sync/tombstones/s");
        assert_eq!(dave.sync(&sessions).status, 200);
        assert_eq!(store.admin("session list --org globex")[0]["id"], "s");
        assert_sums_equal_a_recount(&store);
    }
}
