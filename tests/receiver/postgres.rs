//! Guarantees of PostgreSQL itself: keys that begin with the tenant, and row-level security.

use crate::support::running_receiver::*;
use crate::support::tls::{Authority, Certificate};
use serde_json::json;
use std::io::Write;

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
fn each_role_is_granted_what_it_uses_and_no_more() {
    let Some(store) = postgres() else { return };
    let _receiver = store.serve();
    let granted = |policy: &str| {
        let sql = format!(
            "SELECT table_name || ' ' || string_agg(left(privilege_type, 1), '' ORDER BY privilege_type) \
             FROM information_schema.role_table_grants WHERE grantee = '{}' GROUP BY table_name ORDER BY table_name",
            store.role(policy)
        );
        texts(&store, &sql)
    };
    // Delete, insert, select, update.
    assert_eq!(
        granted("directory"),
        [
            "api_keys S",
            "audit I",
            "device_codes DIS",
            "directory S",
            "members S",
            "owners S",
            "page_sessions DIS",
            "readiness ISU",
            "tenants S"
        ]
    );
    assert_eq!(
        granted("request"),
        [
            "audit I",
            "clients DISU",
            "members S",
            "messages DISU",
            "metrics DISU",
            "session_locations ISU",
            "sessions DISU",
            "tasks DISU",
            "tenants S",
            "usages DISU"
        ]
    );
    let of_operator = granted("operator");
    let others = of_operator.iter().filter(|table| !table.ends_with(" DISU"));
    assert_eq!(others.collect::<Vec<_>>(), ["audit IS"], "the audit log is append-only");
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
    let role = store.role("request");
    let seen = |settings: &str, table: &str| {
        texts(
            &store,
            &format!(
                "BEGIN; SET LOCAL ROLE {role}; {settings} SELECT session_id FROM {table} ORDER BY 1; COMMIT"
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
                    "BEGIN; SET LOCAL ROLE {role}; {} INSERT INTO tasks (tenant_id, session_id, task_id, user_id, subject, \
                 status, created_at, updated_at, changed_at) VALUES ('{tenant}', 's', 't', '{user}', '', 'pending', '', '', 0); COMMIT",
                    enter(&acme, &alice, "own")
                ),
            )
        });
        assert!(result.is_err());
    }
    let directory = std::panic::catch_unwind(|| {
        sql(&store.url, &format!("BEGIN; SET LOCAL ROLE {role}; SELECT * FROM api_keys; COMMIT"))
    });
    assert!(directory.is_err(), "a request does not read keys");
    let sessions = std::panic::catch_unwind(|| {
        sql(
            &store.url,
            &format!("BEGIN; SET LOCAL ROLE {}; SELECT * FROM sessions; COMMIT", store.role("directory")),
        )
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

/// A login role that owns the database of a store, and the same store with that login.
pub struct Owner<'s> {
    store: &'s TestStore,
    pub name: String,
    pub login: TestStore,
}

impl<'s> Owner<'s> {
    pub fn new(store: &'s TestStore, attributes: &str) -> Owner<'s> {
        let database = database(store);
        let owner = Owner::of_nothing(store, attributes);
        sql(&store.url, &format!("ALTER DATABASE {database} OWNER TO {}", owner.name));
        owner
    }

    fn of_nothing(store: &'s TestStore, attributes: &str) -> Owner<'s> {
        let name = format!("{}_owner", database(store));
        sql(&store.url, &format!("CREATE ROLE {name} LOGIN {attributes} PASSWORD 'pw'"));
        let (_, rest) = store.url.split_once('@').unwrap();
        let login = TestStore::at(&format!("postgres://{name}:pw@{rest}"));
        Owner { store, name, login }
    }

    fn assert_serves(&self) {
        let (team, receiver) = (self.login.create_team(), self.login.serve());
        let response = receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(self.store.query("SELECT count(*) FROM messages"), [[Some("1".to_owned())]]);
    }
}

impl Drop for Owner<'_> {
    fn drop(&mut self) {
        for statement in ["REASSIGN OWNED BY {} TO CURRENT_USER", "DROP OWNED BY {}", "DROP ROLE {}"] {
            sql(&self.store.url, &statement.replace("{}", &self.name));
        }
    }
}

fn database(store: &TestStore) -> String {
    store.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned()
}

/// The statements in what the program says, from `start` on.
pub fn statements<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (from, to) = (text.find(start).unwrap_or_else(|| panic!("{text}")), text.rfind(end).unwrap());
    &text[from..to + end.len()]
}

#[test]
fn an_owner_without_superpowers_is_enough() {
    let Some(store) = postgres() else { return };
    Owner::new(&store, "CREATEROLE").assert_serves();
}

/// Warning in the log of a receiver about its user's powers.
fn warning(receiver: &RunningReceiver) -> Option<String> {
    // The log is written by a thread of its own; this line comes after the warning.
    wait_until("the start is logged", || receiver.log().contains("the store is ready"));
    let lines: Vec<serde_json::Value> =
        receiver.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of_powers = |line: &&serde_json::Value| {
        line["level"] == "WARN" && line["message"].as_str().is_some_and(|text| text.contains("whole server"))
    };
    lines.iter().find(of_powers).map(|line| line["message"].as_str().unwrap().to_owned())
}

#[test]
fn a_user_with_powers_beyond_the_database_is_a_warning_with_the_sql_that_takes_them_away() {
    for attributes in ["CREATEROLE", "SUPERUSER", "SUPERUSER CREATEROLE"] {
        let Some(store) = postgres() else { return };
        let owner = Owner::new(&store, attributes);
        let said = warning(&owner.login.serve()).unwrap_or_else(|| panic!("no warning of {attributes}"));
        store.execute(statements(&said, "ALTER ROLE", ";"));
        assert_eq!(warning(&owner.login.serve()), None, "{attributes}");
        owner.assert_serves();
    }
}

#[test]
fn membership_in_a_role_with_such_powers_is_a_warning_as_well() {
    let Some(store) = postgres() else { return };
    let owner = Owner::new(&store, "");
    let (_, said) = owner.login.refused();
    store.execute(statements(&said, "CREATE ROLE", ";"));
    assert_eq!(warning(&owner.login.serve()), None, "an owner without powers");
    let group = format!("{}_group", owner.name);
    store.execute(&format!("CREATE ROLE {group} CREATEROLE; GRANT {group} TO {}", owner.name));
    let said = warning(&owner.login.serve()).expect("a warning");
    store.execute(statements(&said, "REVOKE", ";"));
    assert_eq!(warning(&owner.login.serve()), None);
    store.execute(&format!("DROP ROLE {group}"));
    owner.assert_serves();
}

#[test]
fn a_store_of_the_servers_first_user_moves_to_one_of_its_own() {
    let Some(store) = postgres() else { return };
    let is_first = "SELECT 1 FROM pg_roles WHERE rolname = current_user AND oid = 10";
    if store.query(is_first).is_empty() {
        return;
    }
    store.admin("org create acme");
    let said = warning(&store.serve()).expect("a warning");
    let own = Owner::of_nothing(&store, "");
    let sql = statements(&said, "CREATE ROLE", ";").replace(" han_sync;", &format!(" {};", own.name));
    let (_, transfer) = sql.split_once(';').unwrap();
    store.execute(transfer);
    assert_eq!(warning(&own.login.serve()), None);
    own.login.admin("org remove acme --yes");
    own.assert_serves();
}

#[test]
fn each_database_of_a_server_has_roles_of_its_own() {
    let (Some(one), Some(other)) = (postgres(), postgres()) else { return };
    let owners = [Owner::new(&one, "CREATEROLE"), Owner::new(&other, "CREATEROLE")];
    owners.iter().for_each(Owner::assert_serves);
    for policy in ["directory", "request", "operator"] {
        assert_ne!(one.role(policy), other.role(policy));
    }
}

#[test]
fn a_store_whose_roles_cannot_be_taken_stops_at_start_and_says_what_to_run() {
    let Some(store) = postgres() else { return };
    let owner = Owner::new(&store, "");
    let (code, said) = owner.login.refused();
    assert_eq!(code, 69, "{said}");
    assert_eq!(owner.login.try_admin("org list").0, 69);
    store.execute(statements(&said, "CREATE ROLE", ";"));
    owner.assert_serves();
    // The same when the roles were there and are not granted any more.
    store.execute(&format!("REVOKE {} FROM {}", store.role("operator"), owner.name));
    let (code, said) = owner.login.refused();
    assert_eq!(code, 69, "{said}");
    assert!(!said.contains("CREATE ROLE"), "{said}");
    store.execute(statements(&said, "GRANT", ";"));
    let receiver = owner.login.serve();
    assert_eq!(receiver.client("").get("/readyz").status, 200);
}

/// The result of statements of this login, in which no error may be hidden.
fn can_run(url: &str, statements: &str) -> bool {
    std::panic::catch_unwind(|| sql(url, statements)).is_ok()
}

#[test]
fn the_owner_of_one_database_reads_nothing_of_another_on_the_same_server() {
    let (Some(one), Some(other)) = (postgres(), postgres()) else { return };
    // Neither may create roles: an administrator creates those of each database, by what the receiver prints.
    let owners = [Owner::new(&one, ""), Owner::new(&other, "")];
    for (owner, store) in owners.iter().zip([&one, &other]) {
        let (_, said) = owner.login.refused();
        store.execute(statements(&said, "CREATE ROLE", ";"));
        owner.assert_serves();
    }
    let stranger = owners[1]
        .login
        .url
        .replace(&database(&other), &database(&one))
        .replace(&format!("{}_owner", database(&one)), &owners[1].name);
    assert!(can_run(&stranger, "SELECT 1"), "the server lets it in");
    for role in ["directory", "request", "operator"] {
        let role = one.role(role);
        assert!(can_run(&owners[0].login.url, &format!("SET ROLE {role}")), "{role}");
        assert!(!can_run(&stranger, &format!("SET ROLE {role}")), "{role}");
        assert!(!can_run(&owners[1].login.url, &format!("GRANT {role} TO CURRENT_USER")), "{role}");
    }
    for table in ["sessions", "messages", "api_keys", "directory"] {
        assert!(!can_run(&stranger, &format!("SELECT * FROM {table}")), "{table}");
    }
}

#[test]
fn a_user_who_may_not_create_tables_is_told_what_to_run() {
    let Some(store) = postgres() else { return };
    store.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let stranger = Owner::of_nothing(&store, "CREATEROLE");
    let (code, said) = stranger.login.refused();
    assert_eq!(code, 69, "{said}");
    store.execute(statements(&said, "ALTER DATABASE", ";"));
    store.execute(&format!("ALTER SCHEMA public OWNER TO {}", stranger.name));
    stranger.assert_serves();
}

#[test]
fn a_database_of_another_encoding_stops_at_start_and_says_what_to_run() {
    let Some(store) = postgres() else { return };
    for encoding in ["WIN1252", "EUC_JP", "LATIN1"] {
        let name = format!("{}_{}", database(&store), encoding.to_lowercase());
        sql(
            &store.url,
            &format!("CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"),
        );
        let odd = TestStore::at(&store.url.replace(&database(&store), &name));
        let (code, said) = odd.refused();
        assert_eq!(code, 69, "{said}");
        assert!(said.contains(encoding), "{said}");
        assert_eq!(odd.try_admin("org list").0, 69);
        sql(&store.url, statements(&said, "CREATE DATABASE", "template0;"));
        let mended = TestStore::at(&odd.url.replace(&name, &format!("{name}_utf8")));
        mended.admin("org create acme --name Ac\u{20ac}\u{3042}");
        for name in [name.clone(), format!("{name}_utf8")] {
            sql(&store.url, &format!("DROP DATABASE {name}"));
        }
    }
}

/// TLS of the server itself, with a certificate of this authority. The other tests go on without TLS.
fn serve_tls(store: &TestStore, authority: &Authority, certificate: Certificate) {
    use std::os::unix::fs::{PermissionsExt, chown};
    let (pem, key) = authority.pem_pair(certificate);
    let folder = store.folder.path();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    for (name, text) in [("server.crt", pem), ("server.key", key)] {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        // A server that is not this user's own: PostgreSQL wants to own its key.
        let ids = std::process::Command::new("id").args(["-u", "postgres"]).output().unwrap();
        if let Ok(id) = String::from_utf8_lossy(&ids.stdout).trim().parse()
            && rustix::process::geteuid().is_root()
        {
            chown(&path, Some(id), None).unwrap();
        }
        let setting = if name.ends_with("key") { "ssl_key_file" } else { "ssl_cert_file" };
        sql(&store.url, &format!("ALTER SYSTEM SET {setting} = '{}'", path.display()));
    }
    sql(&store.url, "ALTER SYSTEM SET ssl = 'on'");
    let started = sql(&store.url, "SELECT pg_conf_load_time()");
    sql(&store.url, "SELECT pg_reload_conf()");
    wait_until("the server to load its certificate", || {
        sql(&store.url, "SELECT pg_conf_load_time()") != started
            && sql(&store.url, "SHOW ssl") == [[Some("on".to_owned())]]
    });
}

/// Makes the server ask clients of this database for a certificate of `ours`, and takes that back at the end.
fn a_certificate_of_the_receiver_is_shown_to_a_server_that_wants_one(
    store: &TestStore,
    ours: &Authority,
    others: &Authority,
) {
    use std::os::unix::fs::PermissionsExt;
    let hba = texts(store, "SHOW hba_file").remove(0);
    let Ok(rules) = std::fs::read_to_string(&hba) else {
        eprintln!("SKIPPED: the server's pg_hba.conf cannot be read");
        return;
    };
    let file = |name: &str, text: &str| {
        let path = store.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        path
    };
    let authority = store.folder.path().join("clients.pem");
    std::fs::write(&authority, ours.pem()).unwrap();
    let reload = |rules: &str| {
        std::fs::write(&hba, rules).unwrap();
        let started = sql(&store.url, "SELECT pg_conf_load_time()");
        sql(&store.url, "SELECT pg_reload_conf()");
        wait_until("the server to load its rules", || {
            sql(&store.url, "SELECT pg_conf_load_time()") != started
        });
    };
    // The server outlives a test that fails.
    let _restored = ServerRules { url: store.url.clone(), hba: hba.clone(), rules: rules.clone() };
    sql(&store.url, &format!("ALTER SYSTEM SET ssl_ca_file = '{}'", authority.display()));
    let name = database(store);
    reload(&format!("hostssl {name} all all scram-sha-256 clientcert=verify-ca\n{rules}"));
    let opened = |words: &str, home: Option<&std::path::Path>| {
        let variables = home.map(|home| [("HOME", home.to_str().unwrap())]);
        TestStore::at(&format!("{}?sslmode=require{words}", store.url))
            .try_admin_in("org list", variables.as_ref().map_or(&[][..], |variables| &variables[..]))
    };
    let home = tempfile::tempdir().unwrap();
    let own = home.path().join(".postgresql");
    std::fs::create_dir(&own).unwrap();
    for (authority, expected) in [(ours, 0), (others, 69)] {
        let (pem, key) = authority.pem_pair(Certificate::Right);
        let (pem, key) = (file("client.crt", &pem), file("client.key", &key));
        let words = format!("&sslcert={}&sslkey={}", pem.display(), key.display());
        assert_eq!(opened(&words, None).0, expected, "{}", opened(&words, None).2);
        for (from, to) in [(&pem, "postgresql.crt"), (&key, "postgresql.key")] {
            std::fs::copy(from, own.join(to)).unwrap();
        }
        assert_eq!(opened("", Some(home.path())).0, expected, "the files of libpq's folder");
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
        let (code, _, said) = opened(&words, None);
        assert!(code == 69 && said.contains("chmod 600"), "{said}");
    }
    let (code, _, said) = opened("&sslcertmode=disable", Some(home.path()));
    assert!(code == 69 && said.contains("certificate"), "{said}");
}

/// The server's rules of authentication, which are restored at the end.
struct ServerRules {
    url: String,
    hba: String,
    rules: String,
}

impl Drop for ServerRules {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.hba, &self.rules);
        sql(&self.url, "ALTER SYSTEM RESET ssl_ca_file");
        sql(&self.url, "SELECT pg_reload_conf()");
    }
}

#[test]
fn words_of_libpq_have_its_meaning() {
    let Some(store) = postgres() else { return };
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let file = |name: &str, pem: &str| {
        let path = store.folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    let (ours_pem, others_pem) = (file("ours.pem", ours.pem()), file("others.pem", others.pem()));
    let empty = file("empty.pem", "");
    let opened = |words: &str| {
        let joint = if store.url.contains('?') { '&' } else { '?' };
        TestStore::at(&format!("{}{joint}{words}", store.url)).try_admin("org list")
    };
    for (certificate, right_name) in [(Certificate::Right, true), (Certificate::OtherHost, false)] {
        serve_tls(&store, &ours, certificate);
        for (words, expected) in [
            ("sslmode=disable".to_owned(), true),
            ("sslmode=allow".to_owned(), true),
            ("sslmode=prefer".to_owned(), true),
            ("sslmode=require".to_owned(), true),
            ("sslmode=require&channel_binding=require".to_owned(), true),
            ("sslmode=disable&channel_binding=require".to_owned(), false),
            (format!("sslmode=require&sslrootcert={ours_pem}"), true),
            (format!("sslmode=require&sslrootcert={others_pem}"), false),
            (format!("sslmode=verify-ca&sslrootcert={ours_pem}"), true),
            (format!("sslmode=verify-ca&sslrootcert={others_pem}"), false),
            (format!("sslmode=verify-full&sslrootcert={ours_pem}"), right_name),
            (format!("sslmode=verify-full&sslrootcert={others_pem}"), false),
            (format!("sslrootcert={ours_pem}"), right_name),
            ("sslmode=verify-full".to_owned(), false),
            ("sslrootcert=system".to_owned(), false),
        ] {
            let (code, _, said) = opened(&words);
            assert_eq!(
                (code == 0, code),
                (expected, if expected { 0 } else { 69 }),
                "{certificate:?} {words}: {said}"
            );
        }
    }
    for (words, named) in [
        ("sslcert=/a.pem".to_owned(), "sslcert"),
        ("sslmode=sometimes".to_owned(), "sslmode"),
        ("sslmode=require&sslrootcert=system".to_owned(), "verify-full"),
        (format!("sslmode=verify-full&sslrootcert={empty}"), "no certificate"),
        ("sslmode=verify-full&sslrootcert=/nowhere.pem".to_owned(), "/nowhere.pem"),
    ] {
        let (code, _, said) = opened(&words);
        assert_eq!(code, 69, "{words}: {said}");
        assert!(said.contains(named), "{words}: {said}");
    }
    a_certificate_of_the_receiver_is_shown_to_a_server_that_wants_one(&store, &ours, &others);
    // Words that change nothing here.
    let (code, _, said) = opened("sslmode=allow&application_name=x&keepalives_count=3&gssencmode=prefer");
    assert_eq!(code, 0, "{said}");
    sql(&store.url, "ALTER SYSTEM RESET ssl");
    sql(&store.url, "SELECT pg_reload_conf()");
}

#[test]
fn deadlocks_and_serialization_failures_are_tried_again_inside() {
    let Some(store) = postgres() else { return };
    let (team, receiver) = (store.create_team(), store.serve());
    // A sequence counts on through rollbacks: the first four attempts fail as the server would have them fail.
    let role = store.role("request");
    store.execute(&format!(
        "CREATE SEQUENCE attempts; GRANT USAGE ON attempts TO {role}; \
         CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE attempt BIGINT := nextval('attempts'); BEGIN \
         IF attempt <= 2 THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF; \
         IF attempt <= 4 THEN RAISE EXCEPTION 'serialization' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$; \
         CREATE TRIGGER collide BEFORE INSERT ON metrics FOR EACH ROW EXECUTE FUNCTION collide()",
    ));
    let response = receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(texts(&store, "SELECT last_value FROM attempts"), ["5"]);
    assert_eq!(texts(&store, "SELECT messages FROM metrics"), ["1"]);
}

#[test]
fn content_is_compressed_by_lz4_unless_the_operator_chose_a_method() {
    let Some(store) = postgres() else { return };
    if is_skipped_on_a_cluster("workers compress as they are set") {
        return;
    }
    let choices =
        "SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)";
    if store.query(choices).is_empty() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: this server compresses by pglz alone");
        return;
    }
    let team = store.create_team();
    let method = |session_id: &str| {
        let receiver = store.serve();
        let content = json!({"content": "a text that is long enough to be compressed ".repeat(200)});
        let sent = session(session_id, ACME, vec![with(message(session_id, 0), content)]);
        assert_eq!(receiver.client(&team.alice).sync(&[sent]).status, 200);
        let sql =
            format!("SELECT pg_column_compression(content) FROM messages WHERE session_id = '{session_id}'");
        texts(&store, &sql).concat()
    };
    assert_eq!(method("a"), "lz4");
    store.execute(&format!("ALTER DATABASE {} SET default_toast_compression = 'pglz'", database(&store)));
    assert_eq!(method("b"), "pglz");
    assert_eq!(texts(&store, "SELECT octet_length(content) FROM messages"), ["8800", "8800"]);
}
