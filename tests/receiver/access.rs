//! Grants and policies of row-level security: a store that has lost some serves nobody, and says what brings them back.

use crate::postgres::{Owner, statements};
use crate::support::running_receiver::*;
use std::process::{Command, Stdio};

/// All that row-level security consists of, as text.
fn access(store: &TestStore) -> Vec<Vec<Option<String>>> {
    let roles =
        ["directory", "request", "operator"].map(|policy| format!("'{}'", store.role(policy))).join(", ");
    store.query(&format!(
        "SELECT 'policy', tablename || ' ' || policyname || cmd || roles::text || coalesce(qual, '') || coalesce(with_check, '') \
         FROM pg_policies WHERE schemaname = 'public' \
         UNION ALL SELECT 'table', relname || relrowsecurity || relforcerowsecurity FROM pg_class \
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') \
         UNION ALL SELECT 'grant', table_name || ' ' || grantee || privilege_type FROM information_schema.role_table_grants \
         WHERE grantee IN ({roles}) \
         UNION ALL SELECT 'column', table_name || ' ' || column_name || ' ' || grantee FROM information_schema.column_privileges \
         WHERE grantee IN ({roles}) AND privilege_type = 'UPDATE' \
         UNION ALL SELECT 'function', routine_name || ' ' || grantee FROM information_schema.role_routine_grants \
         WHERE specific_schema = 'public' AND grantee IN ({roles}) \
         UNION ALL SELECT 'schema', rolname || has_schema_privilege(oid, 'public', 'USAGE') FROM pg_roles \
         WHERE rolname IN ({roles}) \
         ORDER BY 1, 2"
    ))
}

/// Takes everything away.
fn strip(store: &TestStore) {
    let roles = ["directory", "request", "operator"].map(|policy| store.role(policy)).join(", ");
    store.execute(&format!(
        "DO $$ DECLARE found record; BEGIN \
         FOR found IN SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public' LOOP \
         EXECUTE format('DROP POLICY %I ON %I', found.policyname, found.tablename); END LOOP; \
         FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP \
         EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', found.tablename); END LOOP; END $$; \
         REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {roles}; \
         REVOKE UPDATE (last_used_at) ON api_keys FROM {roles}; REVOKE UPDATE (polled_at) ON device_codes FROM {roles}; \
         REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {roles}; REVOKE ALL ON SCHEMA public FROM {roles}"
    ));
}

/// Checks that neither `serve` nor a command opens the store, and runs what they say.
fn mend(store: &TestStore, named: &str) {
    let (code, said) = store.refused();
    assert_eq!(code, 69, "{named}: {said}");
    assert!(said.contains(named), "{named}: {said}");
    let (code, _, of_check) = store.try_admin("check");
    assert!(code == 69 && of_check.contains(named), "{named}: {of_check}");
    store.execute(statements(&said, "SET search_path", ";"));
}

#[test]
fn store_that_has_lost_grants_or_policies_is_refused_with_the_statements_that_bring_them_back() {
    let Some(store) = postgres() else { return };
    store.create_team();
    let whole = access(&store);
    let (request, directory, operator) =
        (store.role("request"), store.role("directory"), store.role("operator"));
    for (lost, named) in [
        ("DROP POLICY request_reads ON sessions".to_owned(), "CREATE POLICY request_reads ON sessions"),
        (
            "ALTER POLICY request_reads ON messages USING (true)".to_owned(),
            "CREATE POLICY request_reads ON messages",
        ),
        ("ALTER POLICY operator ON clients TO PUBLIC".to_owned(), "CREATE POLICY operator ON clients"),
        ("ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY".to_owned(), "ALTER TABLE tasks FORCE"),
        ("ALTER TABLE usages DISABLE ROW LEVEL SECURITY".to_owned(), "ALTER TABLE usages ENABLE"),
        (format!("REVOKE DELETE ON metrics FROM {request}"), "DELETE ON metrics"),
        (
            format!("REVOKE UPDATE (last_used_at) ON api_keys FROM {directory}"),
            "UPDATE (last_used_at) ON api_keys",
        ),
        (
            format!(
                "REVOKE USAGE ON SCHEMA public FROM {operator}, {request}; REVOKE USAGE ON SCHEMA public FROM PUBLIC"
            ),
            "GRANT USAGE ON SCHEMA",
        ),
        (format!("REVOKE EXECUTE ON FUNCTION prune_audit FROM {operator}"), "FUNCTION prune_audit"),
    ] {
        store.execute(&lost);
        mend(&store, named);
        assert_eq!(access(&store), whole, "{lost}");
    }
    strip(&store);
    mend(&store, "FORCE ROW LEVEL SECURITY");
    assert_eq!(access(&store), whole, "the list has everything that the migrations make");
    let receiver = store.serve();
    assert_eq!(receiver.client("").get("/readyz").status, 200);
}

#[test]
fn store_without_one_of_its_tables_is_refused_by_the_name_of_the_table() {
    let Some(store) = postgres() else { return };
    store.create_team();
    store.execute("DROP TABLE usages");
    let (code, said) = store.refused();
    assert!(code == 69 && said.contains("usages") && said.contains("admin restore"), "{said}");
}

#[test]
fn dump_that_is_restored_to_a_server_without_the_roles_says_what_to_run_and_serves_then() {
    let Some(store) = postgres().filter(TestStore::has_pg_dump) else { return };
    let (Some(pg_dump), Some(psql)) = (postgres_program("pg_dump"), postgres_program("psql")) else { return };
    let team = store.create_team();
    store.serve().client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
    let dump = Command::new(pg_dump).args(["--no-owner", &store.url]).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    // On a server where nobody has made the roles.
    let mut dump = String::from_utf8(dump.stdout).unwrap();
    for policy in ["directory", "request", "operator"] {
        dump = dump.replace(&store.role(policy), &format!("nobody_{policy}"));
    }
    let fresh = store.another();
    let mut restore = Command::new(psql)
        .args(["--quiet", &fresh.url])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut restore.stdin.take().unwrap(), dump.as_bytes()).unwrap();
    restore.wait().unwrap();
    let owner = Owner::new(&fresh, "");
    fresh.execute(&format!(
        "DO $$ DECLARE found record; BEGIN FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP \
         EXECUTE format('ALTER TABLE %I OWNER TO {}', found.tablename); END LOOP; END $$; ALTER FUNCTION prune_audit OWNER TO {}",
        owner.name, owner.name
    ));
    let (code, said) = owner.login.refused();
    assert_eq!(code, 69, "{said}");
    fresh.execute(statements(&said, "CREATE ROLE", ";"));
    let (code, said) = owner.login.refused();
    assert_eq!(code, 69, "{said}");
    owner.login.execute(statements(&said, "SET search_path", ";"));
    let receiver = owner.login.serve();
    let alice = receiver.client(&team.alice);
    assert_eq!(alice.get("/readyz").status, 200, "{}", receiver.log());
    assert_eq!(alice.sync(&[session("t", ACME, vec![message("n", 0)])]).status, 200, "{}", receiver.log());
    let seen =
        |key: &str| receiver.client(key).graphql_data("{ sessions { edges { node { id } } } }").to_string();
    assert!(seen(&team.alice).contains("\"s\"") && seen(&team.alice).contains("\"t\""));
    assert!(!seen(&team.carol).contains("\"s\""), "another organization sees nothing");
}

#[test]
fn partitioned_copy_of_a_table_is_refused_until_it_is_secured() {
    let Some(store) = postgres() else { return };
    let team = store.create_team();
    store.execute(
        "ALTER TABLE messages RENAME TO messages_before; \
         CREATE TABLE messages (LIKE messages_before INCLUDING ALL) PARTITION BY HASH (tenant_id); \
         CREATE TABLE messages_0 PARTITION OF messages FOR VALUES WITH (MODULUS 2, REMAINDER 0); \
         CREATE TABLE messages_1 PARTITION OF messages FOR VALUES WITH (MODULUS 2, REMAINDER 1); DROP TABLE messages_before",
    );
    mend(&store, "ALTER TABLE messages FORCE ROW LEVEL SECURITY");
    let receiver = store.serve();
    let stored = receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
    assert_eq!(stored.status, 200, "{}", stored.text);
    let role = store.role("request");
    let seen = store.query(&format!("BEGIN; SET LOCAL ROLE {role}; SELECT count(*) FROM messages; COMMIT"));
    assert_eq!(seen, [[Some("0".to_owned())]], "nothing without a tenant");
}

#[test]
fn schema_that_is_named_as_the_user_is_no_trouble_before_and_after_the_first_start() {
    for is_before in [true, false] {
        let Some(store) = postgres() else { return };
        let owner = Owner::new(&store, "CREATEROLE");
        let schema = format!("CREATE SCHEMA {} AUTHORIZATION {}", owner.name, owner.name);
        if is_before {
            store.execute(&schema);
        } else {
            store.execute(&format!("ALTER SCHEMA public OWNER TO {}", owner.name));
            owner.login.admin("org list");
            store.execute(&schema);
        }
        let (team, receiver) = (owner.login.create_team(), owner.login.serve());
        let stored = receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
        assert_eq!(stored.status, 200, "{} {}", stored.text, receiver.log());
        let place = if is_before { owner.name.as_str() } else { "public" };
        assert_eq!(store.query(&format!("SELECT count(*) FROM {place}.messages")), [[Some("1".to_owned())]]);
        assert_eq!(owner.login.admin("check")["faults"], serde_json::json!([]));
    }
}

#[test]
fn user_who_may_create_nothing_serves_a_store_that_is_complete() {
    let Some(store) = postgres() else { return };
    let owner = Owner::new(&store, "CREATEROLE");
    store.execute(&format!("ALTER SCHEMA public OWNER TO {}", owner.name));
    let team = owner.login.create_team();
    store.execute(&format!(
        "ALTER SCHEMA public OWNER TO CURRENT_USER; REVOKE CREATE ON SCHEMA public FROM PUBLIC, {0}; \
         GRANT USAGE ON SCHEMA public TO PUBLIC, {0}; REVOKE CREATE ON DATABASE {1} FROM {0}; ALTER ROLE {0} NOCREATEROLE",
        owner.name,
        store.url.rsplit('/').next().unwrap().split('?').next().unwrap()
    ));
    let receiver = owner.login.serve();
    let stored = receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
    assert_eq!(stored.status, 200, "{} {}", stored.text, receiver.log());
}
