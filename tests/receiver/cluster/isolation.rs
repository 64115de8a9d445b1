//! Attacks on the isolation of a cluster: by the coordinator, by a worker, by a shard's own name.

use crate::support::cluster::{Cluster, shards};
use crate::support::running_receiver::*;
use serde_json::json;

/// Tables with rows of a user in a tenant, and a column that tells the rows apart.
const TABLES: [(&str, &str); 5] = [
    ("sessions", "session_id"),
    ("messages", "session_id"),
    ("tasks", "session_id"),
    ("usages", "session_id"),
    ("metrics", "session_id"),
];

/// A distributed store with a session of alice and of bob in acme, of carol in globex, and a private one of alice.
struct Filled {
    cluster: Cluster,
    store: TestStore,
    team: Team,
    receiver: RunningReceiver,
}

impl Filled {
    fn new() -> Option<Filled> {
        let cluster = Cluster::shared()?;
        let store = cluster.store();
        let (team, receiver) = (store.create_team(), store.serve());
        let of = |id: &str, remote: &str| {
            let task = json!([{"id": "t", "status": "completed", "subject": "", "description": null,
                               "createdAt": "2025-03-01T00:00:00Z", "updatedAt": "2025-03-01T00:00:00Z"}]);
            let row = with(message("m", 0), json!({"usageId": id, "outputTokens": 5}));
            with(session(id, remote, vec![row]), json!({"tasks": task}))
        };
        for (key, sent) in [
            (&team.alice, of("of-alice", ACME)),
            (&team.alice, with(of("private", "x"), json!({"inclusion": "personal"}))),
            (&team.bob, of("of-bob", ACME)),
            (&team.carol, of("of-carol", GLOBEX)),
        ] {
            let response = receiver.client(key).sync(&[sent]);
            assert_eq!(response.status, 200, "{}", response.text);
        }
        Some(Filled { cluster, store, team, receiver })
    }

    fn id(&self, handle: &str) -> String {
        let sql = format!("SELECT tenant_id FROM tenants WHERE handle = '{handle}'");
        self.store.query(&sql)[0][0].clone().unwrap()
    }

    /// Values that a request sees at the coordinator after these settings, which are sent one by one as the program does.
    fn seen(&self, settings: &[String], table: &str, column: &str) -> Vec<String> {
        let role = self.store.role("request");
        let mut statements = vec!["BEGIN".to_owned(), format!("SET LOCAL ROLE {role}")];
        statements.push("SET LOCAL citus.propagate_set_commands = 'local'".to_owned());
        statements.extend(settings.iter().cloned());
        statements.push(format!("SELECT DISTINCT {column} FROM {table} ORDER BY 1"));
        rows(&self.store.url, &statements)
    }
}

/// Runs statements one by one on one connection, and returns the rows of the last.
fn rows(url: &str, statements: &[String]) -> Vec<String> {
    try_rows(url, statements).unwrap_or_else(|error| panic!("{statements:?}: {error}"))
}

fn try_rows(url: &str, statements: &[String]) -> Result<Vec<String>, tokio_postgres::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        let mut last = Vec::new();
        for statement in statements {
            last = client.simple_query(statement).await?;
        }
        let text = |message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("").to_owned()),
            _ => None,
        };
        Ok(last.into_iter().filter_map(text).collect())
    })
}

fn set(tenant: &str, user: &str, sees: &str) -> Vec<String> {
    [("han.tenant", tenant), ("han.user", user), ("han.visibility", sees)]
        .map(|(name, value)| format!("SET LOCAL \"{name}\" = '{value}'"))
        .to_vec()
}

#[test]
fn request_sees_only_the_tenant_and_user_that_it_entered_on_every_shard() {
    let Some(filled) = Filled::new() else { return };
    let (acme, alice) = (filled.id("acme"), filled.id("alice"));
    for (table, column) in TABLES {
        let seen = |settings: &[String]| filled.seen(settings, table, column);
        assert!(seen(&[]).is_empty(), "{table}: missing settings show nothing");
        assert_eq!(seen(&set(&acme, &alice, "all")), ["of-alice", "of-bob"], "{table}");
        let own: &[&str] = if table == "metrics" { &["of-alice", "of-bob"] } else { &["of-alice"] };
        assert_eq!(seen(&set(&acme, &alice, "own")), own, "{table}");
        assert_eq!(seen(&set(&alice, &alice, "own")), ["private"], "{table}");
        for odd in ["", " ", "1", "NULL", "{}", "%", &acme.to_uppercase(), &format!("{acme} ")] {
            assert!(seen(&set(odd, &alice, "all")).is_empty(), "{table}: {odd:?}");
        }
        let with_user = |user: &str| seen(&set(&acme, user, "own"));
        if table != "metrics" {
            assert!(with_user("").is_empty() && with_user("0").is_empty(), "{table}: a user that is none");
        }
    }
}

#[test]
fn worker_and_shard_show_a_request_no_more_than_the_coordinator() {
    let Some(filled) = Filled::new() else { return };
    let (acme, alice, globex) = (filled.id("acme"), filled.id("alice"), filled.id("globex"));
    let role = filled.store.role("request");
    for (table, column) in TABLES {
        let mut seen = [Vec::new(), Vec::new(), Vec::new()];
        for (shard, node) in shards(&filled.cluster, &filled.store, table) {
            let url = filled.cluster.url_on(&filled.store, node).replace("han_sync@", &format!("{role}@"));
            let select = |settings: Vec<String>| {
                let mut statements = vec!["BEGIN".to_owned()];
                statements.extend(settings);
                statements.push(format!("SELECT DISTINCT {column} FROM {shard}"));
                rows(&url, &statements)
            };
            assert!(select(Vec::new()).is_empty(), "{shard} without settings");
            assert!(select(set("", &alice, "all")).is_empty(), "{shard} with an empty tenant");
            seen[0].extend(select(set(&acme, &alice, "own")));
            seen[1].extend(select(set(&globex, &alice, "own")));
            seen[2].extend(select(set(&alice, &alice, "own")));
            // Neither the role's own powers nor Citus' undo the policies.
            for escape in
                ["SET row_security = off", "SET SESSION AUTHORIZATION han_sync", "SET ROLE han_sync"]
            {
                let statements = [escape.to_owned(), format!("SELECT DISTINCT {column} FROM {shard}")];
                assert!(try_rows(&url, &statements).map_or(true, |rows| rows.is_empty()), "{escape} {shard}");
            }
            let other = [
                "BEGIN".to_owned(),
                format!("SET LOCAL \"han.tenant\" = '{globex}'"),
                format!("SET LOCAL \"han.user\" = '{alice}'"),
                format!("UPDATE {shard} SET user_id = '{alice}' RETURNING user_id"),
            ];
            assert!(try_rows(&url, &other).map_or(true, |rows| rows.is_empty()), "{shard} takes no change");
        }
        seen.iter_mut().for_each(|rows| rows.sort());
        let of_acme: &[&str] = if table == "metrics" { &["of-alice", "of-bob"] } else { &["of-alice"] };
        let of_globex: &[&str] = if table == "metrics" { &["of-carol"] } else { &[] };
        assert_eq!(seen[0], of_acme, "{table}");
        assert_eq!(seen[1], of_globex, "{table}: the sums of an organization are its settings' own");
        assert_eq!(seen[2], ["private"], "{table}");
    }
}

#[test]
fn request_writes_nothing_for_another_user_or_elsewhere() {
    let Some(filled) = Filled::new() else { return };
    let (acme, alice, globex) = (filled.id("acme"), filled.id("alice"), filled.id("globex"));
    let role = filled.store.role("request");
    for (tenant, user) in [(&acme, "usr_other"), (&globex, alice.as_str()), (&alice, alice.as_str())] {
        let mut statements = vec!["BEGIN".to_owned(), format!("SET LOCAL ROLE {role}")];
        statements.push("SET LOCAL citus.propagate_set_commands = 'local'".to_owned());
        statements.extend(set(&acme, &alice, "all"));
        statements.push(format!(
            "INSERT INTO tasks (tenant_id, session_id, task_id, user_id, subject, status, created_at, updated_at, changed_at) \
             VALUES ('{tenant}', 's', 'x', '{user}', '', 'pending', '', '', 0)"
        ));
        let error = try_rows(&filled.store.url, &statements).expect_err("another's row");
        assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{tenant} {user}: {error}");
    }
    let before = filled.store.query("SELECT * FROM tasks ORDER BY tenant_id, session_id");
    for statement in ["UPDATE tasks SET subject = 'x'", "DELETE FROM tasks"] {
        let mut statements = vec!["BEGIN".to_owned(), format!("SET LOCAL ROLE {role}")];
        statements.push("SET LOCAL citus.propagate_set_commands = 'local'".to_owned());
        statements.extend(set(&globex, &alice, "all"));
        statements.extend([statement.to_owned(), "COMMIT".to_owned()]);
        rows(&filled.store.url, &statements);
        assert_eq!(
            filled.store.query("SELECT * FROM tasks ORDER BY tenant_id, session_id"),
            before,
            "{statement}"
        );
    }
}

#[test]
fn settings_of_a_transaction_are_gone_in_the_next_one_on_the_same_connections() {
    let Some(filled) = Filled::new() else { return };
    let (acme, alice) = (filled.id("acme"), filled.id("alice"));
    let role = filled.store.role("request");
    for end in ["COMMIT", "ROLLBACK"] {
        let mut statements = vec!["BEGIN".to_owned(), format!("SET LOCAL ROLE {role}")];
        statements.push("SET LOCAL citus.propagate_set_commands = 'local'".to_owned());
        statements.extend(set(&acme, &alice, "all"));
        statements.extend(["SELECT count(*) FROM messages".to_owned(), end.to_owned()]);
        statements.extend(["BEGIN".to_owned(), format!("SET LOCAL ROLE {role}")]);
        statements.push("SELECT session_id FROM messages".to_owned());
        assert!(rows(&filled.store.url, &statements).is_empty(), "after {end}");
    }
}

#[test]
fn users_of_one_pooled_connection_read_and_write_their_own_alone() {
    let Some(filled) = Filled::new() else { return };
    let receiver = RunningReceiver::start_with(&filled.store.url, &[], &[("HAN_SYNC_POOL", "2")]);
    let ids = |key: &str| {
        let data = receiver.client(key).graphql_data("{ sessions { edges { node { id } } } }");
        let edges = data["sessions"]["edges"].as_array().unwrap().clone();
        let mut ids: Vec<String> =
            edges.iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let team = &filled.team;
    for _ in 0..3 {
        assert_eq!(ids(&team.alice), ["of-alice", "private"]);
        assert_eq!(ids(&team.carol), ["of-carol"]);
        assert_eq!(ids(&team.bob), ["of-alice", "of-bob"]);
        assert!(ids(&team.dave).is_empty());
        // The id is another user's in acme, and no one's in globex.
        let response = receiver.client(&team.dave).sync(&[session("of-alice", ACME, vec![message("x", 9)])]);
        assert_eq!(response.codes(), [("of-alice".to_owned(), "SESSION_CONFLICT".to_owned())]);
    }
    let lookup = filled.receiver.client(&team.carol).graphql_data("{ session(id: \"of-alice\") { id } }");
    assert!(lookup["session"].is_null(), "{lookup}");
}
