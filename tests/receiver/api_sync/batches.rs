//! `POST /api/sync` and `GET /api/sync/identity`: one suite of claims, held to on both stores.

use crate::support::running_receiver::*;
use serde_json::{Value, json};

#[test]
fn a_batch_is_stored_once_however_often_it_comes() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let sessions = [
            session("s1", ACME, vec![message("m1", 0), message("m2", 1)]),
            session("s2", "git@gitlab.com:acme/platform/core.git", vec![message("m1", 0)]),
        ];
        for _ in 0..2 {
            let response = alice.sync(&sessions);
            assert_eq!(response.status, 200, "{}", response.text);
            assert_eq!(response.body["status"], "success");
            assert_eq!(response.body["processed"], 2);
            assert_eq!(response.body["messagesProcessed"], 3);
            assert_eq!(response.body["cursor"]["lastSessionId"], "s2");
        }
        let rows = store.query("SELECT session_id, message_id FROM messages ORDER BY session_id, message_id");
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(rows, [[text("s1"), text("m1")], [text("s1"), text("m2")], [text("s2"), text("m1")]]);
        let repositories = store.query("SELECT repository, message_count FROM sessions ORDER BY session_id");
        assert_eq!(repositories[1], [text("https://gitlab.com/acme/platform/core"), text("1")]);
        let sums = store.query("SELECT CAST(sum(messages) AS BIGINT) FROM metrics");
        assert_eq!(sums, [[text("3")]]);
    }
}

#[test]
fn spellings_of_a_repository_on_an_own_server_are_stored_as_one() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        store.admin("owner add acme git.corp.example/scm/proj");
        let sessions = [
            session("s1", "https://git.corp.example/scm/proj/api.git", vec![message("m", 0)]),
            session("s2", "ssh://git@git.corp.example:7999/proj/api.git", vec![message("m", 0)]),
            session("s3", "https://alice:pw@git.corp.example/bitbucket/scm/proj/api", vec![message("m", 0)]),
        ];
        let response = receiver.client(&team.alice).sync(&sessions);
        assert_eq!((response.status, &response.body["processed"]), (200, &json!(3)), "{}", response.text);
        let repositories = store.query("SELECT DISTINCT repository FROM sessions");
        assert_eq!(repositories, [[Some("https://git.corp.example/proj/api".to_owned())]]);
    }
}

#[test]
fn identity_says_who_the_key_stands_for() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let identity = receiver.client(&team.alice).get("/api/sync/identity");
        assert_eq!(identity.status, 200);
        assert_eq!(identity.body["login"], "alice");
        assert_eq!(identity.body["accounts"], json!(["github.com/alice"]));
        assert_eq!(
            identity.body["organizations"],
            json!([{"slug": "acme", "name": "Acme", "role": "member",
                    "owners": ["github.com/acme-corp", "gitlab.com/acme"]}])
        );
        assert_eq!(identity.body["retainedSince"], json!(null));
        assert!(identity.body["limits"]["maxMessages"].as_u64().unwrap() >= 10_000);
        assert_eq!(
            receiver.client(&team.bob).get("/api/sync/identity").body["organizations"][0]["role"],
            "admin"
        );
    }
}

#[test]
fn each_session_is_stored_or_named_in_errors() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let response = alice.sync(&[
            session("good", ACME, vec![message("m", 0)]),
            session("foreign", GLOBEX, vec![message("m", 0)]),
            with(session("malformed", ACME, vec![]), json!({"messages": [{"id": "m"}]})),
            with(
                session("untyped", ACME, vec![message("m", 0)]),
                json!({"messages": [with(message("m", 0), json!({"messageType": ""}))]}),
            ),
        ]);
        assert_eq!(response.status, 207);
        assert_eq!(response.body["status"], "partial");
        assert_eq!(response.body["processed"], 1);
        let codes = response.codes();
        let codes: Vec<_> = codes.iter().map(|(id, code)| (id.as_str(), code.as_str())).collect();
        assert_eq!(
            codes,
            [
                ("foreign", "REPO_NOT_ACCEPTED"),
                ("malformed", "VALIDATION_ERROR"),
                ("untyped", "VALIDATION_ERROR")
            ]
        );
        let refused = alice.sync(&[session("foreign", GLOBEX, vec![])]);
        assert_eq!((refused.status, &refused.body["status"]), (422, &json!("error")));
        let unknown = alice.sync(&[session("unknown", "https://github.com/nobody/x", vec![])]);
        assert_eq!(unknown.body["errors"][0]["message"], refused.body["errors"][0]["message"]);
    }
}

#[test]
fn an_empty_batch_is_a_heartbeat() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let response = receiver.client(&team.alice).sync(&[]);
        assert_eq!((response.status, &response.body["processed"]), (200, &json!(0)));
        let clients = store.query("SELECT count(*) FROM clients WHERE last_seen_at > 0");
        assert_eq!(clients, [[Some("2".to_owned())]], "the private space's and the organization's");
    }
}

#[test]
fn status_codes_are_the_contracts() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let sealed = sealed("c", &[]);
        let gz = [("content-encoding", "gzip")];
        let zs = [("content-encoding", "zstd")];
        let mut broken = sealed.clone();
        broken[20] ^= 1;
        for (what, status, response) in [
            ("gzip", 200, alice.post("/api/sync", &gz, &gzip(&sealed))),
            ("plain", 200, alice.post("/api/sync", &[], &sealed)),
            ("identity", 200, alice.post("/api/sync", &[("content-encoding", "identity")], &sealed)),
            (
                "no checksum",
                200,
                alice.post("/api/sync", &[], br#"{"version":"1.0","clientId":"c","sessions":[],"x":{}}"#),
            ),
            (
                "odd cursor",
                200,
                alice.post(
                    "/api/sync",
                    &[],
                    br#"{"version":"1.0","clientId":"c","cursor":[7],"sessions":[]}"#,
                ),
            ),
            ("brotli", 415, alice.post("/api/sync", &[("content-encoding", "br")], &sealed)),
            ("no gzip", 400, alice.post("/api/sync", &gz, &sealed)),
            ("half a gzip", 400, alice.post("/api/sync", &gz, &gzip(&sealed)[..30])),
            ("zstd", 200, alice.post("/api/sync", &zs, &zstd(&[&sealed], 20))),
            (
                "two frames",
                200,
                alice.post(
                    "/api/sync",
                    &zs,
                    &[zstd(&[&sealed[..9]], 20), zstd(&[&sealed[9..]], 23)].concat(),
                ),
            ),
            ("no zstd", 400, alice.post("/api/sync", &zs, &sealed)),
            ("half a zstd", 400, alice.post("/api/sync", &zs, &zstd(&[&sealed], 20)[..30])),
            ("nothing", 400, alice.post("/api/sync", &zs, b"")),
            ("checksum", 400, alice.post("/api/sync", &[], &broken)),
            (
                "version",
                400,
                alice.post("/api/sync", &[], br#"{"version":"2.0","clientId":"c","sessions":[]}"#),
            ),
            ("no version", 400, alice.post("/api/sync", &[], br#"{"clientId":"c","sessions":[]}"#)),
            ("no json", 400, alice.post("/api/sync", &[], b"{")),
            ("deep json", 400, alice.post("/api/sync", &[], "[".repeat(100_000).as_bytes())),
            ("nothing", 400, alice.post("/api/sync", &[], b"")),
            ("header", 400, alice.post("/api/sync", &[("X-Han-Protocol-Version", "2.0")], &sealed)),
            ("key", 401, receiver.client("han_wrong").post("/api/sync", &[], &sealed)),
            ("get", 405, alice.get("/api/sync")),
            ("elsewhere", 404, alice.get("/api/other")),
        ] {
            assert_eq!(response.status, status, "{what}: {}", response.text);
            if status >= 400 {
                assert!(response.body["error"].is_string(), "{what}: {}", response.text);
                let id = response.body["requestId"].as_str().unwrap();
                assert_eq!(response.header("x-request-id"), Some(id));
                wait_until("the log line", || receiver.log().contains(id));
            }
        }
        assert!(!receiver.log().contains(&team.alice));
    }
}

#[test]
fn a_session_belongs_to_whom_the_rules_say() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (alice, bob, dave) =
            (receiver.client(&team.alice), receiver.client(&team.bob), receiver.client(&team.dave));
        let personal = json!({"inclusion": "personal"});
        let forced = json!({"inclusion": "forced_include"});
        let none = json!({"inclusion": null});
        let response = alice.sync(&[
            session("org", "https://user:t0k@GitHub.com:443/Acme-Corp/API.git/", vec![]),
            with(session("personal", "git@github.com:alice/notes.git", vec![]), personal.clone()),
            with(session("raw", "git@github.com:alice/notes.git", vec![]), none.clone()),
            with(session("forced", "/home/alice/secret", vec![]), forced.clone()),
            with(session("stranger", "https://github.com/acme-corp-evil/x", vec![]), none),
        ]);
        assert_eq!(response.codes(), [("stranger".to_owned(), "REPO_NOT_ACCEPTED".to_owned())]);
        let rows = store.query(
            "SELECT s.session_id, t.kind, s.repository, s.project_slug FROM sessions s \
             JOIN tenants t ON t.tenant_id = s.tenant_id ORDER BY s.session_id",
        );
        let rows: Vec<Vec<&str>> =
            rows.iter().map(|row| row.iter().map(|column| column.as_deref().unwrap()).collect()).collect();
        assert_eq!(
            rows,
            [
                ["forced", "user", "", ""],
                ["org", "organization", "https://github.com/acme-corp/api", "api"],
                ["personal", "user", "https://github.com/alice/notes", "notes"],
                ["raw", "user", "https://github.com/alice/notes", "notes"],
            ]
        );
        // An id is a user's own in an organization, and nobody's business elsewhere.
        assert_eq!(bob.sync(&[session("org", ACME, vec![])]).codes()[0].1, "SESSION_CONFLICT");
        assert_eq!(dave.sync(&[session("org", GLOBEX, vec![])]).status, 200);
        assert_eq!(bob.sync(&[with(session("personal", "x", vec![]), forced)]).status, 200);
        // The repository changed hands: it stays where it was first stored.
        let moved = alice.sync(&[with(session("personal", ACME, vec![]), personal)]);
        assert_eq!((moved.status, moved.codes()[0].1.as_str()), (422, "SESSION_MOVED"));
    }
}

#[test]
fn later_fields_win_and_content_is_filled_in_but_never_replaced() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let task = |status: &str, at: &str| {
            json!([{"id": "t", "taskId": "t", "subject": "", "description": null, "status": status,
                    "createdAt": "2025-03-01T00:00:00Z", "updatedAt": at}])
        };
        let at = |time: &str, status: &str| json!({"lastModified": time, "status": status});
        let part = |members| with(session("s", ACME, vec![]), members);
        let send = |session| assert_eq!(alice.sync(&[session]).status, 200);
        send(part(at("2025-03-02T00:00:00Z", "second")));
        send(part(at("2025-03-01T00:00:00Z", "first")));
        send(part(json!({"tasks": task("completed", "2025-03-02T00:00:00Z")})));
        send(part(json!({"tasks": task("pending", "2025-03-01T00:00:00Z")})));
        send(part(json!({"messages": [with(message("m", 0), json!({"contentOmitted": true}))]})));
        let with_content = |content: &str, hash: &str| {
            with(message("m", 0), json!({"content": content, "contentHash": hash}))
        };
        send(part(json!({"messages": [with_content("one\u{0}", "1111111111111111")]})));
        send(part(json!({"messages": [with_content("two", "2222222222222222")]})));
        send(part(json!({"messages": [message("m", 0)]})));
        let row = |query: &str| {
            store.query(query).concat().into_iter().map(|c| c.unwrap_or_default()).collect::<Vec<_>>()
        };
        assert_eq!(row("SELECT status FROM sessions"), ["second"]);
        assert_eq!(row("SELECT status FROM tasks"), ["completed"]);
        assert_eq!(
            row("SELECT content, content_hash, content_omitted FROM messages"),
            ["one\u{FFFD}", "1111111111111111", ""]
        );
        assert_eq!(row("SELECT CAST(sum(tasks_completed) AS BIGINT) FROM metrics"), ["1"]);
        // Equal times: the later arrival wins. A time ahead counts as now, and so does not win for ever.
        send(part(at("2025-03-02T00:00:00Z", "equal")));
        assert_eq!(row("SELECT status FROM sessions"), ["equal"]);
        send(part(at("2099-01-01T00:00:00Z", "ahead")));
        send(part(at("2098-01-01T00:00:00Z", "after")));
        assert_eq!(row("SELECT status FROM sessions"), ["after"]);
    }
}

#[test]
fn an_id_that_stands_twice_in_a_batch_counts_twice_and_is_stored_once() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let response = alice.sync(&[
            session("s", ACME, vec![message("a", 0), message("a", 0)]),
            session("s", ACME, vec![message("a", 0), message("b", 1)]),
        ]);
        assert_eq!((response.status, &response.body["processed"]), (200, &json!(2)));
        assert_eq!(store.query("SELECT message_count FROM sessions"), [[Some("2".to_owned())]]);
        let half =
            alice.sync(&[session("x", ACME, vec![]), with(session("x", ACME, vec![]), json!({"tasks": 1}))]);
        assert_eq!((half.status, &half.body["processed"], half.codes().len()), (422, &json!(0), 1));
    }
}

#[test]
fn an_answer_names_sessions_as_they_were_sent() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let stored = alice.sync(&[session("a\u{0}b", ACME, vec![message("m", 0)])]);
        assert_eq!((stored.status, &stored.body["cursor"]["lastSessionId"]), (200, &json!("a\u{0}b")));
        assert_eq!(store.query("SELECT session_id FROM sessions"), [[Some("a\u{FFFD}b".to_owned())]]);
        let refused = alice.sync(&[session("c\u{0}d", GLOBEX, vec![])]);
        assert_eq!(refused.codes(), [("c\u{0}d".to_owned(), "REPO_NOT_ACCEPTED".to_owned())]);
    }
}

#[test]
fn a_key_is_good_while_its_use_cannot_be_written_down() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let writer = (!store.is_postgres())
            .then(|| rusqlite::Connection::open(store.url.strip_prefix("sqlite:").unwrap()).unwrap());
        match &writer {
            Some(writer) => writer.execute_batch("BEGIN IMMEDIATE").unwrap(),
            None => {
                drop(store.query(&format!(
                    "REVOKE UPDATE (last_used_at) ON api_keys FROM {}",
                    store.role("directory")
                )));
            }
        }
        assert_eq!(receiver.client(&team.alice).get("/api/sync/identity").status, 200);
        // Nobody's patience with the writer was in it.
        assert!(store.query("SELECT last_used_at FROM api_keys").concat().iter().all(Option::is_none));
    }
}

/// Exporters compute the hash of content that they do not send in a newer way than they did when they sent the row first.
#[test]
fn a_replay_with_another_hash_and_without_content_changes_nothing() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let with_hash = |hash: &str, content: Value| {
            let fields = json!({"contentHash": hash, "content": content});
            session("s", ACME, vec![with(message("m", 1), fields)])
        };
        let rows = || store.query("SELECT content_hash, content IS NULL, arrived_at FROM messages");
        assert_eq!(alice.sync(&[with_hash("9c196e32dc0175f8", Value::Null)]).status, 200);
        let before = rows();
        assert_eq!(before.len(), 1);
        assert_eq!(alice.sync(&[with_hash("5e74e222d623e86f", Value::Null)]).status, 200);
        assert_eq!(rows(), before);
        // Content that arrives later brings its own hash.
        assert_eq!(alice.sync(&[with_hash("ba7816bf8f01cfea", json!("abc"))]).status, 200);
        assert_ne!(rows(), before);
    }
}

#[test]
fn a_replay_of_times_ahead_changes_nothing() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let ahead = |status: &str| {
            let task = json!([{"id": "t", "subject": "", "description": null, "status": status,
                               "createdAt": "2025-03-01T00:00:00Z", "updatedAt": "2099-01-01T00:00:00Z"}]);
            with(
                session("s", ACME, vec![]),
                json!({"lastModified": "2099-01-01T00:00:00Z", "status": status, "tasks": task}),
            )
        };
        let state = || {
            store.query(
                "SELECT s.status, s.last_modified, s.modified_at, t.status, t.updated_at, t.changed_at FROM sessions s \
                 JOIN tasks t ON t.tenant_id = s.tenant_id AND t.session_id = s.session_id",
            )
        };
        assert_eq!(alice.sync(&[ahead("completed")]).status, 200);
        let before = state();
        assert_eq!(alice.sync(&[ahead("completed")]).status, 200);
        assert_eq!(state(), before);
        assert_eq!(alice.sync(&[ahead("pending")]).status, 200);
        assert_ne!(state(), before);
    }
}

/// A session may stand in a batch as it will be, by a clock that is ahead, and as it was. Also where two of its ids become
/// one when they are stored.
#[test]
fn a_replay_of_a_session_that_stands_in_a_batch_twice_changes_nothing() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let part = |id: &str, text: &str, at: &str| {
            let task = json!([{"id": "t", "subject": text, "description": null, "status": "completed",
                               "createdAt": "2025-03-01T00:00:00Z", "updatedAt": at}]);
            with(session(id, ACME, vec![]), json!({"lastModified": at, "status": text, "tasks": task}))
        };
        let (past, ahead) = ("2025-03-01T00:00:00Z", "2099-01-01T00:00:00Z");
        let state = || {
            store.query(
                "SELECT s.session_id, s.status, s.modified_at, t.subject, t.changed_at, a.day, a.tasks_completed \
                 FROM sessions s JOIN tasks t ON t.tenant_id = s.tenant_id AND t.session_id = s.session_id JOIN metrics a \
                 ON a.tenant_id = s.tenant_id AND a.session_id = s.session_id WHERE a.tasks_completed > 0 ORDER BY 1",
            )
        };
        for [one, other] in [["s", "s"], ["n\u{0}", "n\u{FFFD}"]] {
            assert_eq!(alice.sync(&[part(one, "one", past)]).status, 200);
            let batch = [part(one, "one", ahead), part(other, "other", past)];
            let response = alice.sync(&batch);
            assert_eq!((response.status, &response.body["processed"]), (200, &json!(2)));
            let before = state();
            assert_eq!(before.last().unwrap()[1], Some("one".to_owned()));
            assert_eq!(alice.sync(&batch).status, 200);
            assert_eq!(state(), before, "{one:?} and {other:?}");
        }
        assert_eq!(state().len(), 2);
    }
}

#[test]
fn keys_expire_and_are_revoked_at_once() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let expired = store.admin("key create alice --expires 0s")["key"].as_str().unwrap().to_owned();
        let response = |key: &str| receiver.client(key).get("/api/sync/identity");
        assert_eq!(response(&expired).status, 401);
        assert_eq!(response(&team.alice).status, 200);
        let keys = store.admin("key list alice");
        assert!(keys[0]["lastUsedAt"].is_string(), "{keys}");
        assert!(!keys.to_string().contains(&team.alice));
        store.admin(&format!("key revoke {}", keys[0]["id"].as_str().unwrap()));
        let revoked = response(&team.alice);
        assert_eq!((revoked.status, &revoked.body["error"]), (401, &response("").body["error"]));
    }
}

#[test]
fn a_session_that_the_store_cannot_take_does_not_sink_the_others() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        // The fault is the database's own: it refuses one session's rows.
        if store.is_postgres() {
            store.execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF NEW.session_id = 'bad' THEN RAISE EXCEPTION 'SECRET'; END IF; RETURN NEW; END $$",
            );
            store.execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION refuse()",
            );
        } else {
            store.execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON messages WHEN NEW.session_id = 'bad' \
                 BEGIN SELECT RAISE(ABORT, 'SECRET'); END",
            );
        }
        // So much that on PostgreSQL further parts of the rows have been sent when the first one fails.
        let content = json!({"content": "text ".repeat(80_000)});
        let messages: Vec<Value> =
            (0..4).map(|line| with(message(&format!("m{line}"), line), content.clone())).collect();
        let sessions = ["a", "bad", "c"].map(|id| session(id, ACME, messages.clone()));
        let response = alice.sync(&sessions);
        assert_eq!((response.status, &response.body["processed"]), (207, &json!(2)), "{}", response.text);
        assert_eq!(response.codes(), [("bad".to_owned(), "PROCESSING_ERROR".to_owned())]);
        assert!(!response.text.contains("SECRET"));
        let ids = store.query("SELECT session_id FROM sessions ORDER BY session_id");
        assert_eq!(ids, [[Some("a".to_owned())], [Some("c".to_owned())]], "nothing of it is left");
        assert_eq!(store.query("SELECT count(*) FROM session_locations"), [[Some("2".to_owned())]]);
        assert_eq!(store.query("SELECT count(*) FROM messages"), [[Some("8".to_owned())]]);
        store.execute(if store.is_postgres() {
            "DROP TRIGGER refuse ON messages"
        } else {
            "DROP TRIGGER refuse"
        });
        assert_eq!(alice.sync(&sessions).status, 200);
    }
}

#[test]
fn a_row_that_is_there_though_its_session_is_not_is_stored_once() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        // As a restore of some tables, or an operator's own hand, may leave it.
        store.execute(
            "INSERT INTO messages (tenant_id, user_id, session_id, message_id, stream, line_number, message_type, \"timestamp\", \
             at, content_hash) SELECT o.tenant_id, u.tenant_id, 's', 'm', 'main', 0, 'user', '', 0, '' \
             FROM tenants o CROSS JOIN tenants u WHERE o.handle = 'acme' AND u.handle = 'alice'",
        );
        let response =
            receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0), message("n", 1)])]);
        assert_eq!((response.status, &response.body["processed"]), (200, &json!(1)), "{}", response.text);
        assert_eq!(store.query("SELECT count(*) FROM messages"), [[Some("2".to_owned())]]);
    }
}

#[test]
fn a_replay_writes_no_task_again() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let task = |id: &str, members: Value| {
            let whole = json!({"id": id, "taskId": id, "subject": "do", "description": "it", "status": "completed",
                               "createdAt": "2025-03-01T00:00:00Z", "updatedAt": "2025-03-01T00:00:00Z"});
            with(whole, members)
        };
        let tasks = json!([
            task("whole", json!({})),
            task("bare", json!({"subject": "", "description": null, "createdAt": "", "updatedAt": ""})),
            task("empty", json!({"description": ""})),
            task("ahead", json!({"createdAt": "2199-01-01T00:00:00Z", "updatedAt": "2199-01-01T00:00:00Z"})),
            task("nul", json!({"subject": "a\u{0}b", "status": "x\u{0}"})),
            task("blank", json!({"updatedAt": " 2025-03-01T00:00:00Z "})),
            task("long", json!({"subject": "x".repeat(300 << 10), "status": "y".repeat(2_000)})),
        ]);
        let batch = [with(session("s", ACME, vec![]), json!({"tasks": tasks}))];
        assert_eq!(alice.sync(&batch).status, 200);
        if store.is_postgres() {
            store.execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'written again'; END $$",
            );
            store.execute(
                "CREATE TRIGGER refuse BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION refuse()",
            );
        } else {
            store.execute(
                "CREATE TRIGGER refuse BEFORE UPDATE ON tasks BEGIN SELECT raise(ABORT, 'written again'); END",
            );
        }
        let response = alice.sync(&batch);
        assert_eq!((response.status, &response.body["processed"]), (200, &json!(1)), "{}", response.text);
    }
}
