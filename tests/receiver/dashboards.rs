//! The views for dashboards on real PostgreSQL, and the dashboard over them: a role reads its organization alone.

use crate::postgres::{Owner, statements};
use crate::support::recount::Rows;
use crate::support::running_receiver::*;
use serde_json::{Value, json};

const DASHBOARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/monitoring/team-dashboard.json");

/// A store on one server: a cluster's workers do not know the owner of the views.
fn store_with_views() -> Option<TestStore> {
    if is_skipped_on_a_cluster("there are no views for dashboards") { None } else { postgres() }
}

/// A role that can log in, dropped with the test.
struct Reader<'s> {
    store: &'s TestStore,
    name: String,
    url: String,
}

impl<'s> Reader<'s> {
    fn new(store: &'s TestStore, name: &str) -> Reader<'s> {
        let database = store.url.rsplit('/').next().unwrap().split('?').next().unwrap();
        let name = format!("{database}_{name}");
        store.execute(&format!("CREATE ROLE {name} LOGIN PASSWORD 'pw'"));
        Reader::at(store, &name)
    }

    /// A role of the server in another database.
    fn at(store: &'s TestStore, name: &str) -> Reader<'s> {
        let (_, rest) = store.url.split_once('@').unwrap();
        Reader { store, name: name.to_owned(), url: format!("postgres://{name}:pw@{rest}") }
    }

    fn ask(&self, query: &str) -> Rows {
        sql(&self.url, query)
    }

    /// Values of a query for one column.
    fn texts(&self, query: &str) -> Vec<String> {
        self.ask(query).into_iter().flatten().flatten().collect()
    }

    fn can(&self, statement: &str) -> bool {
        try_sql(&self.url, statement).is_ok()
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let _ = try_sql(&self.store.url, &format!("DROP OWNED BY {0}; DROP ROLE {0}", self.name));
    }
}

/// A message with tokens on a branch.
fn spent(id: &str, line: i64) -> Value {
    let members = json!({"model": "claude-sonnet-4-5", "inputTokens": 10 + line, "outputTokens": 2, "gitBranch": "main",
                         "cacheReadTokens": 5, "cacheCreationTokens": 3, "usageId": id, "linesAdded": 4, "linesRemoved": 1});
    with(message(id, line), members)
}

/// Sessions of two organizations and of a private space.
fn fill(store: &TestStore, receiver: &RunningReceiver) -> Team {
    let team = store.create_team();
    let of_pr = json!({"prNumber": 7, "prUrl": "https://github.com/acme-corp/api/pull/7"});
    receiver.client(&team.alice).sync(&[
        with(session("of-alice", ACME, vec![spent("a", 0), spent("b", 1500)]), of_pr),
        with(session("private", "x", vec![spent("p", 0)]), json!({"inclusion": "personal"})),
    ]);
    receiver.client(&team.bob).sync(&[session("of-bob", ACME, vec![spent("c", 2), message("d", 3)])]);
    receiver.client(&team.carol).sync(&[session("of-carol", GLOBEX, vec![spent("e", 0)])]);
    team
}

#[test]
fn a_role_reads_the_views_of_its_organization_alone() {
    let Some(store) = store_with_views() else { return };
    let receiver = store.serve();
    fill(&store, &receiver);
    let reader = Reader::new(&store, "reader");
    let organizations = || {
        let views = ["daily", "sessions"].map(|view| format!("SELECT organization FROM han_team.{view}"));
        reader.texts(&format!(
            "SELECT DISTINCT organization FROM ({}) AS all_rows ORDER BY 1",
            views.join(" UNION ALL ")
        ))
    };
    store.admin(&format!("reader add acme {}", reader.name));
    store.admin(&format!("reader add acme {}", reader.name));
    assert_eq!(organizations(), ["acme"]);
    assert_eq!(store.admin("reader list"), json!([{"organization": "acme", "role": reader.name}]));
    let other = Reader::new(&store, "other");
    assert!(!other.can("SELECT * FROM han_team.daily"), "a role that nobody has named");
    store.admin(&format!("reader add globex {}", other.name));
    assert_eq!(other.texts("SELECT session FROM han_team.sessions"), ["of-carol"]);
    // The views name no person and have no text.
    let columns = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'han_team'";
    let columns = format!("{:?}", store.query(columns));
    for left_out in ["user", "login", "person", "content", "title", "slug", "subject"] {
        assert!(columns.contains("repository") && !columns.contains(left_out), "{columns}");
    }

    store.admin(&format!("reader add globex {}", reader.name));
    assert_eq!(organizations().len(), 2);
    store.admin(&format!("reader remove acme {}", reader.name));
    assert_eq!(organizations(), ["globex"]);
    store.admin("org remove globex --yes");
    assert!(organizations().is_empty());
    assert_eq!(store.try_admin(&format!("reader remove acme {}", reader.name)).0, 65);
    let audit = store.admin("audit").to_string();
    assert!(audit.contains("reader.add") && audit.contains("reader.remove"), "{audit}");
    // The receiver that was there before goes on.
    assert_eq!(receiver.client("").get("/readyz").status, 200, "{}", receiver.log());
}

#[test]
fn a_role_that_is_created_under_the_name_of_a_former_one_reads_nothing() {
    let Some(store) = store_with_views() else { return };
    fill(&store, &store.serve());
    let name = {
        let former = Reader::new(&store, "reader");
        store.admin(&format!("reader add acme {}", former.name));
        former.name.clone()
    };
    let reader = Reader::new(&store, "reader");
    assert_eq!(reader.name, name);
    assert!(!reader.can("SELECT * FROM han_team.sessions"));
    store.admin(&format!("reader add globex {name}"));
    assert_eq!(reader.texts("SELECT DISTINCT organization FROM han_team.sessions"), ["globex"]);
    store.admin(&format!("reader remove globex {name}"));
    assert!(!reader.can("SELECT * FROM han_team.sessions"));
}

#[test]
fn a_reader_gets_at_nothing_beside_and_behind_the_views() {
    let Some(store) = store_with_views() else { return };
    fill(&store, &store.serve());
    let reader = Reader::new(&store, "reader");
    store.admin(&format!("reader add acme {}", reader.name));
    store.execute("ANALYZE");
    for table in [
        "sessions",
        "messages",
        "tasks",
        "usages",
        "metrics",
        "tenants",
        "directory",
        "members",
        "api_keys",
        "clients",
        "view_readers",
        "audit",
        "page_sessions",
        "migrations",
    ] {
        assert!(!reader.can(&format!("SELECT * FROM public.{table}")), "{table}");
        assert!(!reader.can(&format!("DELETE FROM public.{table}")), "{table}");
    }
    let roles = ["directory", "request", "operator", "views"].map(|policy| store.role(policy));
    for role in &roles {
        assert!(!reader.can(&format!("SET ROLE {role}")), "{role}");
        assert!(!reader.can(&format!("SELECT set_config('role', '{role}', false)")), "{role}");
        assert!(!reader.can(&format!("SET SESSION AUTHORIZATION {role}")), "{role}");
        assert!(!reader.can(&format!("GRANT {role} TO CURRENT_USER")), "{role}");
    }
    for statement in [
        "INSERT INTO public.view_readers SELECT tenant_id, current_user FROM public.view_readers",
        "INSERT INTO han_team.sessions (session) VALUES ('x')",
        "UPDATE han_team.sessions SET status = 'x'",
        "DELETE FROM han_team.daily",
        "TRUNCATE han_team.daily",
        "CREATE TABLE han_team.mine (x int)",
        "CREATE OR REPLACE VIEW han_team.daily AS SELECT 1 AS organization",
        "ALTER VIEW han_team.daily RESET (security_barrier)",
        "ALTER VIEW han_team.daily OWNER TO CURRENT_USER",
        "CREATE POLICY mine ON public.sessions USING (true)",
        "ALTER TABLE public.sessions DISABLE ROW LEVEL SECURITY",
        "SELECT public.prune_audit(0)",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ] {
        assert!(!reader.can(statement), "{statement}");
    }
    // PostgreSQL only warns of this one.
    let _ = reader.can("GRANT SELECT ON han_team.daily TO PUBLIC");
    let public = "SELECT has_table_privilege('public', 'han_team.daily', 'SELECT')::text";
    assert_eq!(store.query(public), [[Some("false".to_owned())]]);
    assert!(reader.ask("SELECT * FROM pg_stats WHERE schemaname = 'public'").is_empty());
    let tenants = store.query("SELECT tenant_id FROM tenants WHERE handle IN ('globex', 'alice')");
    for tenant in tenants.into_iter().flatten().flatten() {
        let entered = format!(
            "SET han.tenant = '{tenant}'; SET han.\"user\" = '{tenant}'; SET han.visibility = 'all'; \
             SELECT session FROM han_team.sessions ORDER BY 1"
        );
        assert_eq!(reader.texts(&entered), OF_ACME, "{tenant}");
    }
    let unsecured =
        try_sql(&reader.url, "SET row_security = off; SELECT session FROM han_team.sessions ORDER BY 1");
    assert!(unsecured.is_err(), "{unsecured:?}");
}

/// Sessions of the organization, in their order.
const OF_ACME: [&str; 2] = ["of-alice", "of-bob"];

#[test]
fn functions_and_operators_of_a_reader_are_shown_no_rows_of_others() {
    let Some(store) = store_with_views() else { return };
    fill(&store, &store.serve());
    let reader = Reader::new(&store, "reader");
    store.admin(&format!("reader add acme {}", reader.name));
    let seen = reader.ask(
        "CREATE TEMP TABLE seen (text text); \
         CREATE FUNCTION pg_temp.look(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS \
           'BEGIN INSERT INTO seen VALUES (value); RETURN true; END'; \
         CREATE FUNCTION pg_temp.look_at(value text, other int) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS \
           'BEGIN INSERT INTO seen VALUES (value); RETURN true; END'; \
         CREATE OPERATOR pg_temp.<<< (LEFTARG = text, RIGHTARG = int, FUNCTION = pg_temp.look_at, RESTRICT = eqsel); \
         SELECT count(*) FROM han_team.sessions WHERE pg_temp.look(session) AND session OPERATOR(pg_temp.<<<) 1; \
         SELECT count(*) FROM han_team.daily WHERE pg_temp.look(repository) AND repository OPERATOR(pg_temp.<<<) 1; \
         SELECT count(*) FROM han_team.sessions WHERE 1 / (CASE WHEN session = 'of-carol' THEN 0 ELSE 1 END) = 1; \
         SELECT text FROM seen",
    );
    let seen = format!("{seen:?}");
    assert!(seen.contains("of-alice") && seen.contains("acme-corp"), "{seen}");
    for other in ["carol", "globex", "private"] {
        assert!(!seen.contains(other), "{seen}");
    }
}

#[test]
fn row_level_security_confines_a_view_that_forgets_its_condition() {
    for attributes in [None, Some("CREATEROLE"), Some("")] {
        let Some(store) = store_with_views() else { return };
        // The tables belong to a superuser, to one that may create roles, and to one that may not.
        let owner = attributes.map(|attributes| Owner::new(&store, attributes));
        let login = owner.as_ref().map_or(&store, |owner| &owner.login);
        let reader = Reader::new(&store, "reader");
        if attributes == Some("") {
            let (_, said) = login.refused();
            store.execute(statements(&said, "CREATE ROLE", ";"));
            login.admin("org create first");
            let (code, _, said) = login.try_admin(&format!("reader add first {}", reader.name));
            assert_eq!(code, 69, "{said}");
            assert!(!login.admin("org list").is_null(), "the store is open without the owner of views");
            store.execute(statements(&said, "CREATE ROLE", ";"));
        }
        fill(login, &login.serve());
        login.admin(&format!("reader add acme {}", reader.name));
        assert_eq!(reader.texts("SELECT session FROM han_team.sessions ORDER BY 1"), OF_ACME);
        let views = store.role("views");
        let careless_view = |table: &str, columns: &str| {
            let view = format!("han_team.careless_{table}");
            store.execute(&format!(
                "CREATE VIEW {view} AS SELECT {columns} FROM public.{table}; ALTER VIEW {view} OWNER TO {views}; \
                 GRANT SELECT ON {view} TO PUBLIC"
            ));
            view
        };
        for (table, column) in [("sessions", "session_id"), ("metrics", "session_id"), ("tenants", "handle")]
        {
            let view = careless_view(table, &format!("DISTINCT {column} AS shown"));
            let shown = reader.texts(&format!("SELECT shown FROM {view} ORDER BY 1"));
            let expected = if table == "tenants" { &["acme"][..] } else { &OF_ACME[..] };
            assert_eq!(shown, expected, "{attributes:?} {table}");
        }
        for table in ["messages", "tasks", "api_keys", "members"] {
            let view = careless_view(table, "*");
            assert!(!reader.can(&format!("SELECT * FROM {view}")), "{attributes:?} {table}");
        }
        login.admin(&format!("reader remove acme {}", reader.name));
        store.execute(&format!("GRANT USAGE ON SCHEMA han_team TO {}", reader.name));
        assert_eq!(reader.ask("SELECT * FROM han_team.careless_sessions"), Rows::new());
    }
}

#[test]
fn a_role_that_can_more_than_read_is_refused() {
    let Some(store) = store_with_views() else { return };
    store.create_team();
    let reader = Reader::new(&store, "reader");
    let add = |role: &str| {
        let (code, _, said) = store.try_admin(&format!("reader add acme {role}"));
        (code, said)
    };
    let (code, said) = add("nobody_of_this_name");
    assert!(code == 65 && said.contains("CREATE ROLE \"nobody_of_this_name\""), "{said}");
    assert_eq!(store.try_admin(&format!("reader add nowhere {}", reader.name)).0, 65);
    for role in ["directory", "request", "operator"].map(|policy| store.role(policy)) {
        assert_eq!(add(&role).0, 65, "{role}");
        store.execute(&format!("GRANT {role} TO {}", reader.name));
        let (code, said) = add(&reader.name);
        assert!(code == 65 && said.contains("more than the views"), "{said}");
        store.execute(&format!("REVOKE {role} FROM {}", reader.name));
    }
    for power in ["SUPERUSER", "BYPASSRLS"] {
        store.execute(&format!("ALTER ROLE {} {power}", reader.name));
        assert_eq!(add(&reader.name).0, 65, "{power}");
        store.execute(&format!("ALTER ROLE {} NO{power}", reader.name));
    }
    store.execute("GRANT CREATE ON SCHEMA public TO PUBLIC");
    let (code, said) = add(&reader.name);
    assert_eq!(code, 65, "{said}");
    store.execute(statements(&said, "GRANT CREATE", ";"));
    assert_eq!(add(&reader.name).0, 0);
    assert_eq!(reader.ask("SELECT * FROM han_team.daily"), Rows::new());
}

#[test]
fn a_schema_of_that_name_that_is_anothers_is_refused_and_left_alone() {
    let Some(store) = store_with_views() else { return };
    store.create_team();
    let reader = Reader::new(&store, "reader");
    let add = || store.try_admin(&format!("reader add acme {}", reader.name));
    store.execute("CREATE SCHEMA han_team; CREATE TABLE han_team.kept (x int)");
    let (code, _, said) = add();
    assert_eq!(code, 65, "{said}");
    store.execute(statements(&said, "ALTER SCHEMA", ";"));
    store.execute("CREATE TABLE han_team.daily (x int)");
    let (code, _, said) = add();
    assert!(code == 65 && said.contains("drop or rename"), "{said}");
    store.execute("DROP TABLE han_team.daily");
    assert_eq!(add().0, 0);
    assert_eq!(store.query("SELECT count(*) FROM han_team.kept"), [[Some("0".to_owned())]]);
}

#[test]
fn an_owner_that_may_not_create_a_schema_is_told_the_statement() {
    let Some(store) = store_with_views() else { return };
    let owner = Owner::new(&store, "CREATEROLE");
    owner.login.create_team();
    let reader = Reader::new(&store, "reader");
    let database = store.query("SELECT current_database()").remove(0).remove(0).unwrap();
    store.execute(&format!(
        "ALTER DATABASE {database} OWNER TO CURRENT_USER; GRANT CREATE ON SCHEMA public TO {}",
        owner.name
    ));
    let (code, _, said) = owner.login.try_admin(&format!("reader add acme {}", reader.name));
    assert_eq!(code, 65, "{said}");
    store.execute(statements(&said, "CREATE SCHEMA", ";"));
    owner.login.admin(&format!("reader add acme {}", reader.name));
    assert_eq!(reader.ask("SELECT * FROM han_team.daily"), Rows::new());
}

#[test]
fn views_that_have_lost_their_owner_or_its_policies_are_refused_with_the_statements_that_bring_them_back() {
    let Some(store) = store_with_views() else { return };
    fill(&store, &store.serve());
    let reader = Reader::new(&store, "reader");
    store.admin(&format!("reader add acme {}", reader.name));
    let views = store.role("views");
    for (lost, named) in [
        ("ALTER POLICY views ON sessions USING (true)".to_owned(), "CREATE POLICY views ON sessions"),
        ("ALTER POLICY views ON view_readers USING (true)".to_owned(), "CREATE POLICY views ON view_readers"),
        ("DROP POLICY views ON metrics".to_owned(), "CREATE POLICY views ON metrics"),
        (format!("REVOKE SELECT ON metrics FROM {views}"), "GRANT SELECT ON metrics"),
        (
            "ALTER VIEW han_team.sessions OWNER TO CURRENT_USER".to_owned(),
            "ALTER VIEW han_team.sessions OWNER TO",
        ),
        // As after a restore to a server without the role.
        (
            format!("REASSIGN OWNED BY {views} TO CURRENT_USER; DROP OWNED BY {views}; DROP ROLE {views}"),
            "ALTER SCHEMA han_team OWNER TO",
        ),
    ] {
        store.execute(&lost);
        let (code, said) = store.refused();
        assert!(code == 69 && said.contains(named), "{lost}: {said}");
        store.execute(statements(&said, "SET search_path", ";"));
        store.admin(&format!("reader add acme {}", reader.name));
        assert_eq!(reader.texts("SELECT session FROM han_team.sessions ORDER BY 1"), OF_ACME, "{lost}");
    }
}

#[test]
fn a_restored_store_has_no_readers_until_they_are_added_again() {
    let Some(store) = store_with_views() else { return };
    fill(&store, &store.serve());
    let reader = Reader::new(&store, "reader");
    store.admin(&format!("reader add acme {}", reader.name));
    let backup = store.folder.path().join("backup");
    store.admin(&format!("backup {}", backup.display()));
    let restored = store.another();
    restored.admin(&format!("restore {}", backup.display()));
    assert_eq!(restored.admin("reader list"), json!([]));
    let there = Reader::at(&restored, &reader.name);
    assert!(!there.can("SELECT * FROM han_team.sessions"));
    restored.admin(&format!("reader add acme {}", reader.name));
    assert_eq!(there.texts("SELECT session FROM han_team.sessions ORDER BY 1"), OF_ACME);
    restored.admin(&format!("reader remove acme {}", reader.name));
}

#[test]
fn sqlite_has_no_readers() {
    let store = sqlite();
    store.create_team();
    for command in ["add acme somebody", "remove acme somebody", "list"] {
        let (code, _, said) = store.try_admin(&format!("reader {command}"));
        assert!(code == 65 && said.contains("PostgreSQL"), "{command}: {said}");
    }
}

#[test]
fn sums_of_the_views_are_those_of_graphql() {
    let Some(store) = store_with_views() else { return };
    let receiver = store.serve();
    let team = fill(&store, &receiver);
    let reader = Reader::new(&store, "reader");
    store.admin(&format!("reader add acme {}", reader.name));
    let data = receiver.client(&team.bob).graphql_data(
        "{ metrics(from: \"2020-01-01\", to: \"2030-01-01\", organization: \"acme\", groupBy: [DAY, BRANCH, MODEL, PULL_REQUEST]) { \
           day repository pullRequest branch model sessions messages inputTokens outputTokens cacheReadTokens \
           cacheCreationTokens linesAdded linesRemoved } }",
    );
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim_start_matches("https://").to_owned(),
        other => other.to_string(),
    };
    let names = [
        "day",
        "repository",
        "pullRequest",
        "branch",
        "model",
        "sessions",
        "messages",
        "inputTokens",
        "outputTokens",
        "cacheReadTokens",
        "cacheCreationTokens",
        "linesAdded",
        "linesRemoved",
    ];
    let mut asked: Vec<Vec<String>> = data["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| names.iter().map(|name| text(&row[*name])).collect())
        .collect();
    let mut read: Vec<Vec<String>> = reader
        .ask(
            "SELECT day, replace(repository, 'https://', ''), pull_request, branch, model, sessions, messages, input_tokens, \
             output_tokens, cache_read_tokens, cache_creation_tokens, lines_added, lines_removed FROM han_team.daily",
        )
        .into_iter()
        .map(|row| row.into_iter().map(Option::unwrap_or_default).collect())
        .collect();
    asked.sort();
    read.sort();
    assert!(read.len() >= 3, "{read:?}");
    assert_eq!(read, asked);
    let of_session = "SELECT messages, input_tokens, lines_added, pull_request FROM han_team.sessions WHERE session = 'of-alice'";
    let expected = ["2", "1520", "8", "7"].map(|text| Some(text.to_owned()));
    assert_eq!(reader.ask(of_session), [expected]);
}

#[test]
fn each_query_of_the_dashboard_shows_one_organization() {
    let Some(store) = store_with_views() else { return };
    let receiver = store.serve();
    fill(&store, &receiver);
    let reader = Reader::new(&store, "reader");
    store.admin(&format!("reader add acme {}", reader.name));
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(DASHBOARD).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 8);
    let mut ids: Vec<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), panels.len());
    for panel in panels {
        let title = &panel["title"];
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().unwrap() {
            let query = expanded(target["rawSql"].as_str().unwrap());
            let rows = reader.ask(&query);
            assert!(!rows.is_empty(), "{title}: {query}");
            let text = format!("{rows:?}");
            assert!(!text.contains("globex") && !text.contains("carol"), "{title}: {text}");
            if panel["type"] == "timeseries" {
                assert!(query.contains(" AS time"), "{title}");
            }
        }
    }
}

/// A query with Grafana's macros replaced, as Grafana does for a range of ten years.
fn expanded(query: &str) -> String {
    let mut query = query.to_owned();
    while let Some(start) = query.find("$__timeFilter(") {
        let open = start + "$__timeFilter(".len();
        let close = open + query[open..].find(')').unwrap();
        let column = query[open..close].to_owned();
        let range = format!("{column} BETWEEN '2020-01-01T00:00:00Z' AND '2030-01-01T00:00:00Z'");
        query.replace_range(start..=close, &range);
    }
    assert!(!query.contains("$__"), "a macro that this test does not know: {query}");
    query
}
