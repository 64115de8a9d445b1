//! Rows that the views of the page and their documents read in PostgreSQL, by the plans of their queries: no query of a list reads
//! more rows than it returns; sums are read once for an overview.

use crate::support::browser::*;
use crate::support::running_receiver::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Requests for each view: PostgreSQL chooses the plan of a prepared statement for good at the sixth.
const REQUESTS: usize = 7;
/// Tables that are shown as lists.
const LISTS: [&str; 5] = ["audit", "clients", "messages", "sessions", "tasks"];
/// Rows of `metrics`.
const SUMS: f64 = 6_000.0;

/// The server's log from here on, as the plans of this database's statements.
struct PlanLog {
    path: PathBuf,
    offset: usize,
}

impl PlanLog {
    /// Has each statement of new connections explained in the server's log; `None` where the log is out of reach.
    fn start(store: &TestStore) -> Option<PlanLog> {
        let control = PathBuf::from(std::env::var_os("HAN_SYNC_TEST_POSTGRES_CTL")?);
        let path = control.with_file_name("server.log");
        let database = store.url.rsplit('/').next().unwrap().split('?').next().unwrap();
        for (name, value) in [
            ("session_preload_libraries", "auto_explain"),
            ("auto_explain.log_min_duration", "0"),
            ("auto_explain.log_analyze", "on"),
            ("auto_explain.log_timing", "off"),
            ("auto_explain.log_format", "json"),
        ] {
            store.execute(&format!("ALTER DATABASE {database} SET {name} = '{value}'"));
        }
        let offset = std::fs::read(&path).ok()?.len();
        Some(PlanLog { path, offset })
    }

    fn plans(&self) -> Vec<Value> {
        let log = std::fs::read(&self.path).unwrap();
        let text = String::from_utf8_lossy(&log[self.offset..]).into_owned();
        let plan = |entry: &str| {
            let json: Vec<&str> = entry.lines().take_while(|line| line.starts_with('\t')).collect();
            serde_json::from_str(&json.join("\n")).unwrap_or_else(|error| panic!("{error}: {entry}"))
        };
        text.split("plan:\n").skip(1).map(plan).collect()
    }
}

/// Adds the rows that the scans of a plan have read of each table. An average over several loops is rounded to a whole
/// number, so that half a row of each is taken off.
fn rows_read(plan: &Value, read: &mut BTreeMap<String, f64>) {
    let number = |name: &str| plan[name].as_f64().unwrap_or(0.0);
    if let Some(table) = plan["Relation Name"].as_str() {
        let rows = ["Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"].map(number);
        let (rows, loops) = (rows.iter().sum::<f64>(), number("Actual Loops"));
        let rounded = if loops > 1.0 { loops / 2.0 } else { 0.0 };
        *read.entry(table.to_owned()).or_default() += (rows * loops - rounded).max(0.0);
    }
    for child in plan["Plans"].as_array().into_iter().flatten() {
        rows_read(child, read);
    }
}

/// Sessions of alice and bob, many messages and tasks of two, clients, sums, and entries of the audit log.
fn fill(store: &TestStore) {
    store.execute(
        "CREATE TABLE filled AS SELECT o.tenant_id, u.tenant_id AS user_id, n, 'filled-' || lpad(n::text, 4, '0') AS session_id, \
           'https://github.com/acme-corp/repo-' || n % 4 AS repository \
           FROM generate_series(1, 3000) n JOIN tenants o ON o.handle = 'acme' \
           JOIN tenants u ON u.handle = CASE n % 2 WHEN 0 THEN 'alice' ELSE 'bob' END; \
         INSERT INTO sessions (tenant_id, session_id, user_id, repository, project_slug, status, last_modified, modified_at, \
           message_count, stored_at, pr_number) SELECT tenant_id, session_id, user_id, repository, 'api', 'active', \
           '2025-03-01T12:00:00Z', 1740830400000000 + n, 1, 1740830400000000 + n, n % 4 FROM filled; \
         INSERT INTO messages (tenant_id, session_id, message_id, user_id, stream, line_number, message_type, \"timestamp\", at, \
           content_hash, content) SELECT tenant_id, session_id, 'm' || line, user_id, 'main', line, 'assistant', \
           '2025-03-01T12:00:00Z', 1740830400000000 + line, '', '{\"content\":\"words\"}' \
           FROM filled CROSS JOIN generate_series(1, 1000) line WHERE n IN (2998, 3000); \
         INSERT INTO tasks (tenant_id, session_id, task_id, user_id, subject, status, created_at, updated_at, changed_at) \
           SELECT tenant_id, session_id, 't' || task, user_id, '', 'pending', '2025-03-01T12:00:00Z', '2025-03-01T12:00:00Z', \
           task FROM filled CROSS JOIN generate_series(1, 1500) task WHERE n IN (2998, 3000); \
         INSERT INTO metrics (tenant_id, user_id, session_id, day, model, message_type, branch, repository, pull_request, \
           messages, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_1h_tokens, \
           lines_added, lines_removed, tasks_completed) \
           SELECT tenant_id, user_id, session_id, 20148 - n % 90, 'gpt-5', kind, 'topic-' || n % 200, repository, 0, 1, 1, 1, 1, \
           1, 0, 0, 0, 0 FROM filled CROSS JOIN (VALUES ('user'), ('assistant')) AS kinds (kind); \
         INSERT INTO clients (tenant_id, user_id, client_id, last_seen_at, sessions, messages, attempts, last_errors) \
           SELECT tenant_id, user_id, 'c' || n, n, 0, 0, 0, '[]' FROM filled WHERE n <= 800; \
         INSERT INTO clients (tenant_id, user_id, client_id, last_seen_at, sessions, messages, attempts, last_errors) \
           SELECT user_id, user_id, 'c' || n, n, 0, 0, 0, '[]' FROM filled WHERE n <= 800; \
         INSERT INTO audit (entry, at, actor, action, target, outcome, count) \
           SELECT 100000 + n, (extract(epoch FROM now()) * 1000000)::bigint + 3600000000 + n, user_id, 'key.create', user_id, \
           'done', 1 FROM filled; \
         DROP TABLE filled; ANALYZE",
    );
}

/// The views, and the second page of each list.
fn views(browser: &Browser) -> Vec<String> {
    let repository = "repository=https://github.com/acme-corp/repo-2";
    let mut views: Vec<String> = [
        "/",
        "/?from=2024-01-01&to=2026-01-01",
        "/overview.csv?by=branch&from=2024-01-01&to=2026-01-01",
        "/sessions",
        &format!("/sessions?{repository}"),
        "/sessions?user=alice",
        "/sessions?pr=2",
        "/sessions/filled-3000",
        "/clients",
        "/me",
        "/keys",
        "/members",
        "/audit",
        "/sessions.csv",
        "/sessions/filled-3000.csv",
        "/sessions/filled-3000.csv?table=tasks",
        "/clients.csv",
        "/me.csv",
        "/keys.csv",
        "/members.csv",
    ]
    .map(str::to_owned)
    .into();
    for view in views.clone().iter().filter(|view| !view.contains(".csv")) {
        let text = browser.get(view).text;
        let links = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let next = links.filter(|link| link.contains("after=")).map(|link| link.replace("&amp;", "&"));
        views.extend(next.map(|link| if link.starts_with('/') { link } else { format!("{view}{link}") }));
    }
    views
}

/// Requests for a view; a document is read by many queries anyway.
fn requests(view: &str) -> usize {
    if view.contains(".csv") { 1 } else { REQUESTS }
}

#[test]
fn views_read_no_more_rows_than_they_show() {
    if is_skipped_on_a_cluster("the plans are in the logs of the workers") {
        return;
    }
    let Some(store) = postgres() else { return };
    let team = store.create_team();
    fill(&store);
    let Some(mut log) = PlanLog::start(&store) else { return };
    let receiver = store.serve();
    // What a start reads is not what views read.
    log.offset = std::fs::read(&log.path).unwrap().len();
    let mut overviews = 0;
    for key in [&team.bob, &team.alice] {
        let browser = Browser::signed_in(&receiver, key);
        let views = views(&browser);
        let pages = views.iter().filter(|view| view.contains("after=")).count();
        assert!(pages >= 5, "lists with a second page: {views:?}");
        // Two of them were opened for their links.
        let is_overview =
            |view: &&String| *view == "/" || view.starts_with("/?") || view.starts_with("/overview");
        overviews += 2 + views.iter().filter(is_overview).map(|view| requests(view)).sum::<usize>();
        for view in &views {
            for _ in 0..requests(view) {
                let response = browser.get(view);
                // A member sees no members and no audit log.
                let is_refused = key == &team.alice && response.status == 403;
                assert!(response.status == 200 || is_refused, "{view}: {}", response.text);
            }
        }
        let query = "{ sessions(first: 4) { edges { node { id messages(first: 3) { edges { node { id content } } } \
                     tasks(first: 3) { edges { node { id } } } } } } }";
        let data = receiver.client(key).graphql_data(query);
        assert_eq!(data["sessions"]["edges"].as_array().map(Vec::len), Some(4), "{data}");
    }
    end(&store, receiver);
    let plans = log.plans();
    judge(&plans);
    // A scan in the private space, and one in the organization.
    let is_scan =
        |plan: &&Value| plan["Query Text"].as_str().is_some_and(|sql| sql.contains("FROM metrics WHERE"));
    assert_eq!(plans.iter().filter(is_scan).count(), 2 * overviews);
}

/// Ends the receiver, and waits for its connections: the plan of a statement is in the log once its transaction is over.
fn end(store: &TestStore, receiver: RunningReceiver) {
    drop(receiver);
    let others =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while !store.query(others).is_empty() {
        std::thread::yield_now();
    }
}

fn judge(plans: &[Value]) {
    let (mut tables, mut faults) = (BTreeSet::new(), Vec::new());
    for plan in plans {
        let mut read = BTreeMap::new();
        rows_read(&plan["Plan"], &mut read);
        let returned = plan["Plan"]["Actual Rows"].as_f64().unwrap();
        for (table, rows) in read {
            let rows_max = match LISTS.contains(&table.as_str()) {
                true => returned.max(1.0),
                false => SUMS,
            };
            if rows > rows_max {
                faults.push(format!("{rows} rows of {table} for {returned} that are returned: {plan:#}"));
            }
            tables.insert(table);
        }
    }
    assert!(faults.is_empty(), "{} faults: {}", faults.len(), faults.join("\n"));
    assert!(LISTS.into_iter().all(|table| tables.contains(table)), "{tables:?}");
}
