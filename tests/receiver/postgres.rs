//! Guarantees of PostgreSQL itself: keys that begin with the tenant, and row-level security.

use crate::support::running_receiver::*;
use serde_json::json;

fn texts(store: &TestStore, query: &str) -> Vec<String> {
    store.query(query).into_iter().flatten().map(Option::unwrap_or_default).collect()
}

#[test]
fn every_primary_key_and_unique_constraint_begins_with_the_tenant() {
    let Some(store) = postgres() else { return };
    let _receiver = store.serve();
    let tables = texts(
        &store,
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname",
    );
    assert!(tables.len() >= 12, "{tables:?}");
    // The first column of every unique index, which is what stands behind each such constraint.
    let first = store.query(
        "SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid \
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
         WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace",
    );
    assert_eq!(first.len(), tables.len() - 1, "all have a key but the list of migrations");
    for row in first {
        assert_eq!(row[1].as_deref(), Some("tenant_id"), "{row:?}");
    }
    let foreign = texts(&store, "SELECT conname FROM pg_constraint WHERE contype = 'f'");
    assert!(foreign.is_empty(), "{foreign:?}");
}

#[test]
fn row_level_security_is_on_and_forced_for_every_table_of_tenants() {
    let Some(store) = postgres() else { return };
    let _receiver = store.serve();
    let open = texts(
        &store,
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
         AND NOT (relrowsecurity AND relforcerowsecurity)",
    );
    assert_eq!(open, ["migrations"]);
    let roles = texts(
        &store,
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'han_sync_%' AND (rolsuper OR rolbypassrls OR rolcanlogin)",
    );
    assert!(
        roles.iter().all(|role| !role.starts_with("han_sync_d") && !role.starts_with("han_sync_r")),
        "{roles:?}"
    );
}

#[test]
fn a_request_sees_only_the_tenant_and_user_that_it_entered() {
    let Some(store) = postgres() else { return };
    let (team, receiver) = (store.create_team(), store.serve());
    receiver.client(&team.alice).sync(&[
        session("of-alice", ACME, vec![message("m", 0)]),
        with(session("private", "x", vec![message("m", 0)]), json!({"inclusion": "personal"})),
    ]);
    receiver.client(&team.bob).sync(&[session("of-bob", ACME, vec![message("m", 0)])]);
    receiver.client(&team.carol).sync(&[session("of-carol", GLOBEX, vec![message("m", 0)])]);
    let id = |handle: &str| {
        texts(&store, &format!("SELECT tenant_id FROM tenants WHERE handle = '{handle}'")).remove(0)
    };
    let (acme, alice) = (id("acme"), id("alice"));
    let seen = |settings: &str, table: &str| {
        texts(
            &store,
            &format!(
                "BEGIN; SET LOCAL ROLE han_sync_request; {settings} SELECT session_id FROM {table} ORDER BY 1; COMMIT"
            ),
        )
    };
    let enter = |tenant: &str, user: &str, sees: &str| {
        format!(
            "SET LOCAL han.tenant = '{tenant}'; SET LOCAL han.\"user\" = '{user}'; SET LOCAL han.visibility = '{sees}';"
        )
    };
    for table in ["sessions", "messages"] {
        assert!(seen("", table).is_empty(), "without a tenant nothing is seen");
        assert_eq!(seen(&enter(&acme, &alice, "own"), table), ["of-alice"]);
        assert_eq!(seen(&enter(&acme, &alice, "all"), table), ["of-alice", "of-bob"]);
        assert_eq!(seen(&enter(&alice, &alice, "own"), table), ["private"]);
    }
    // Writing for another, or elsewhere, fails in the database itself.
    for (tenant, user) in [(&acme, "usr_other"), (&alice, alice.as_str())] {
        let result = std::panic::catch_unwind(|| {
            sql(
                &store.url,
                &format!(
                    "BEGIN; SET LOCAL ROLE han_sync_request; {} INSERT INTO tasks (tenant_id, session_id, task_id, user_id, subject, \
                 status, created_at, updated_at, changed_at) VALUES ('{tenant}', 's', 't', '{user}', '', 'pending', '', '', 0); COMMIT",
                    enter(&acme, &alice, "own")
                ),
            )
        });
        assert!(result.is_err());
    }
    let directory = std::panic::catch_unwind(|| {
        sql(&store.url, "BEGIN; SET LOCAL ROLE han_sync_request; SELECT * FROM api_keys; COMMIT")
    });
    assert!(directory.is_err(), "a request does not read keys");
    let sessions = std::panic::catch_unwind(|| {
        sql(&store.url, "BEGIN; SET LOCAL ROLE han_sync_directory; SELECT * FROM sessions; COMMIT")
    });
    assert!(sessions.is_err(), "finding out who asks does not read sessions");
}

#[test]
fn an_operators_command_may_take_longer_than_a_request() {
    let Some(store) = postgres() else { return };
    let (team, receiver) = (store.create_team(), store.serve());
    receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
    store.query(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN OLD; END'",
    );
    store.query("CREATE TRIGGER dawdle BEFORE DELETE ON messages FOR EACH ROW EXECUTE FUNCTION dawdle()");
    let joint = if store.url.contains('?') { '&' } else { '?' };
    let hasty = TestStore::at(&format!("{}{joint}options=-c%20statement_timeout%3D100ms", store.url));
    assert_eq!(hasty.admin("prune --older-than 1d")["messages"], 1);
}

#[test]
fn an_owner_without_superpowers_is_enough() {
    let Some(store) = postgres() else { return };
    let name = store.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let owner = format!("{name}_owner");
    sql(&store.url, &format!("CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD 'pw'"));
    sql(&store.url, &format!("ALTER DATABASE {name} OWNER TO {owner}"));
    let (_, rest) = store.url.split_once('@').unwrap();
    let theirs = TestStore::at(&format!("postgres://{owner}:pw@{rest}"));
    let (team, receiver) = (theirs.create_team(), theirs.serve());
    let response = receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(store.query("SELECT count(*) FROM messages"), [[Some("1".to_owned())]]);
    drop(receiver);
    sql(&store.url, &format!("REASSIGN OWNED BY {owner} TO CURRENT_USER"));
    sql(&store.url, &format!("DROP OWNED BY {owner}"));
    sql(&store.url, &format!("DROP ROLE {owner}"));
}

#[test]
fn deadlocks_and_serialization_failures_are_tried_again_inside() {
    let Some(store) = postgres() else { return };
    let (team, receiver) = (store.create_team(), store.serve());
    // A sequence counts on through rollbacks: the first four attempts fail as the server would have them fail.
    store.execute(
        "CREATE SEQUENCE attempts; GRANT USAGE ON attempts TO han_sync_request; \
         CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE attempt BIGINT := nextval('attempts'); BEGIN \
         IF attempt <= 2 THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF; \
         IF attempt <= 4 THEN RAISE EXCEPTION 'serialization' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$; \
         CREATE TRIGGER collide BEFORE INSERT ON metrics FOR EACH ROW EXECUTE FUNCTION collide()",
    );
    let response = receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(texts(&store, "SELECT last_value FROM attempts"), ["5"]);
    assert_eq!(texts(&store, "SELECT messages FROM metrics"), ["1"]);
}
