//! The real receiver as a process on either store, an HTTP client for it, and batches to send.

use super::cluster::Cluster;
use super::recount::{Queries, Rows};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_han-sync-receiver");
/// Nothing here takes this long unless it hangs.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// A store of its own for one test.
pub struct TestStore {
    pub url: String,
    pub folder: tempfile::TempDir,
    /// Databases of the test, each with its server.
    databases: Vec<(String, String)>,
}

/// A folder with an SQLite store that is not there yet.
pub fn sqlite() -> TestStore {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("team.db").display());
    TestStore { url, folder, databases: Vec::new() }
}

/// An empty database of its own on the PostgreSQL server of `HAN_SYNC_TEST_POSTGRES`; `None`, said aloud, without one. With
/// `HAN_SYNC_TEST_DISTRIBUTED`, an empty store on the cluster instead.
pub fn postgres() -> Option<TestStore> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    if is_distributed() {
        return Cluster::shared().map(|cluster| cluster.store());
    }
    let Ok(server) = std::env::var("HAN_SYNC_TEST_POSTGRES") else {
        let _ = writeln!(std::io::stderr(), "SKIPPED on PostgreSQL: HAN_SYNC_TEST_POSTGRES is not set");
        return None;
    };
    let name = format!("han_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    sql(&server, &format!("CREATE DATABASE {name}"));
    let (base, query) = server.split_once('?').map_or((server.as_str(), ""), |(base, query)| (base, query));
    let (root, _) = base
        .rsplit_once('/')
        .filter(|(root, _)| root.contains("//") && !root.ends_with('/'))
        .unwrap_or((base, ""));
    let url = format!("{root}/{name}{}{query}", if query.is_empty() { "" } else { "?" });
    Some(TestStore::of_databases(url, vec![(server, name)]))
}

/// Both stores, as far as they are there; with `HAN_SYNC_TEST_DISTRIBUTED`, the one on the cluster alone.
pub fn stores() -> Vec<TestStore> {
    let embedded = (!is_distributed()).then(sqlite);
    embedded.into_iter().chain(postgres()).collect()
}

/// True if the tests of PostgreSQL use stores on a cluster.
fn is_distributed() -> bool {
    std::env::var_os("HAN_SYNC_TEST_DISTRIBUTED").is_some()
}

/// True, said aloud with the reason, if the tests use a cluster, on which the claim of a test cannot hold.
pub fn is_skipped_on_a_cluster(reason: &str) -> bool {
    if is_distributed() {
        let _ = writeln!(std::io::stderr(), "SKIPPED on a cluster: {reason}");
    }
    is_distributed()
}

/// Writes a store as a file for its owner alone, as the receiver demands.
pub fn write_store(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("a store");
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("its mode");
}

impl TestStore {
    /// A database that somebody else made.
    pub fn at(url: &str) -> TestStore {
        TestStore::of_databases(url.to_owned(), Vec::new())
    }

    /// A store that goes with these databases, each of which has its server beside it.
    pub fn of_databases(url: String, databases: Vec<(String, String)>) -> TestStore {
        TestStore { url, folder: tempfile::tempdir().unwrap(), databases }
    }

    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// Rows of a query on the store itself, all columns as text.
    pub fn query(&self, query: &str) -> Vec<Vec<Option<String>>> {
        if self.is_postgres() {
            return sql(&self.url, query);
        }
        let db = rusqlite::Connection::open(self.url.strip_prefix("sqlite:").unwrap()).unwrap();
        let mut statement = db.prepare(query).unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| {
            (0..width)
                .map(|column| {
                    Ok(match row.get_ref(column)? {
                        rusqlite::types::ValueRef::Null => None,
                        rusqlite::types::ValueRef::Integer(number) => Some(number.to_string()),
                        rusqlite::types::ValueRef::Text(text) => {
                            Some(String::from_utf8_lossy(text).into_owned())
                        }
                        other => Some(format!("{other:?}")),
                    })
                })
                .collect()
        });
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// Name of one of the database's roles: `directory`, `request` or `operator`.
    pub fn role(&self, policy: &str) -> String {
        let sql = format!(
            "SELECT roles[1] FROM pg_policies WHERE tablename = 'tenants' AND policyname = '{policy}'"
        );
        self.query(&sql)[0][0].clone().unwrap()
    }

    /// Changes the store itself, beside the program.
    pub fn execute(&self, statements: &str) {
        if self.is_postgres() {
            sql(&self.url, statements);
            return;
        }
        let path = self.url.strip_prefix("sqlite:").unwrap();
        // A new file is private, as the program wants it.
        let file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        drop(file.unwrap());
        let db = rusqlite::Connection::open(path).unwrap();
        db.busy_timeout(WAIT_MAX).unwrap();
        db.execute_batch(statements).unwrap();
    }

    /// True if the installed `pg_dump` reads this store: it refuses a newer server, and finds no rows of a distributed store. False, said
    /// aloud, otherwise.
    pub fn has_pg_dump(&self) -> bool {
        if is_skipped_on_a_cluster("pg_dump reads the coordinator alone") {
            return false;
        }
        let number: u32 = self.query("SHOW server_version_num")[0][0].as_ref().unwrap().parse().unwrap();
        let version = Command::new("pg_dump").arg("--version").output().map(|output| output.stdout);
        let version = String::from_utf8(version.unwrap_or_default()).unwrap();
        let major = version.split([' ', '.']).find_map(|word| word.parse::<u32>().ok());
        let has_it = major.is_some_and(|major| major >= number / 10_000);
        if !has_it {
            let _ = writeln!(std::io::stderr(), "SKIPPED: no pg_dump for this server is installed");
        }
        has_it
    }

    /// A store of the same kind that holds nothing.
    pub fn another(&self) -> TestStore {
        if self.is_postgres() { postgres().expect("the server of this store") } else { sqlite() }
    }

    /// Path of an SQLite store.
    pub fn path(&self) -> &Path {
        Path::new(self.url.strip_prefix("sqlite:").expect("a store on SQLite"))
    }

    /// Runs `admin …`; panics unless it succeeds.
    pub fn admin(&self, arguments: &str) -> Value {
        let (code, stdout, stderr) = self.try_admin(arguments);
        assert_eq!(code, 0, "admin {arguments}: {stderr}");
        serde_json::from_str(&stdout).unwrap_or(Value::Null)
    }

    pub fn try_admin(&self, arguments: &str) -> (i32, String, String) {
        self.try_admin_in(arguments, &[])
    }

    /// Runs `admin …` with these variables of the environment.
    pub fn try_admin_in(&self, arguments: &str, variables: &[(&str, &str)]) -> (i32, String, String) {
        let output = Command::new(BINARY)
            .args(["--json", "--store", &self.url, "admin"])
            .args(arguments.split_whitespace())
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// Standard output and error of `admin …` for people.
    pub fn admin_text(&self, arguments: &[&str]) -> (String, String) {
        let mut command = Command::new(BINARY);
        let output = command.args(["--store", &self.url, "admin"]).args(arguments).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// A key of this user.
    pub fn key(&self, login: &str) -> String {
        self.admin(&format!("key create {login}"))["key"].as_str().unwrap().to_owned()
    }

    /// Two organizations; alice is a member of acme, bob its admin, carol of globex; dave of both.
    pub fn create_team(&self) -> Team {
        self.admin("org create acme --name Acme --owner github.com/acme-corp --owner gitlab.com/acme");
        self.admin("org create globex --name Globex --owner github.com/globex");
        self.admin("user create alice --org acme --account github.com/alice");
        self.admin("user create bob --org acme --role admin");
        self.admin("user create carol --org globex --role admin");
        self.admin("user create dave --org acme --org globex");
        let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|login| self.key(login));
        Team { alice, bob, carol, dave }
    }

    /// Runs `serve` on a store that cannot serve, and returns its exit code and what it said.
    pub fn refused(&self) -> (i32, String) {
        let output = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--store", &self.url])
            .output()
            .unwrap();
        assert!(output.stdout.is_empty(), "it does not say that it listens");
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    pub fn serve(&self) -> RunningReceiver {
        self.serve_with(&[])
    }

    pub fn serve_with(&self, arguments: &[&str]) -> RunningReceiver {
        RunningReceiver::start(&self.url, arguments)
    }
}

impl Queries for TestStore {
    fn query(&self, query: &str) -> Rows {
        TestStore::query(self, query)
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        for (server, name) in &self.databases {
            let _ = try_sql(server, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// Keys.
pub struct Team {
    pub alice: String,
    pub bob: String,
    pub carol: String,
    pub dave: String,
}

/// Runs a query on a PostgreSQL server.
pub fn sql(url: &str, query: &str) -> Vec<Vec<Option<String>>> {
    try_sql(url, query).unwrap_or_else(|error| panic!("{query}: {error} {:?}", error.as_db_error()))
}

/// Runs statements on a PostgreSQL server, which may refuse them.
pub fn try_sql(url: &str, query: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        let connection = tokio::spawn(connection);
        let messages = client.simple_query(query).await?;
        drop(client);
        let _ = connection.await;
        let row = |message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        };
        Ok(messages.into_iter().filter_map(row).collect())
    })
}

/// A program of PostgreSQL; `None`, said aloud, where it is not installed.
pub fn postgres_program(name: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let found =
        versions.flatten().map(|version| version.path().join("bin").join(name)).find(|path| path.exists());
    if found.is_none() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: {name} is not installed");
    }
    found
}

/// A port of this machine that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A receiver at work, ended with the test.
pub struct RunningReceiver {
    pub child: Child,
    pub base: String,
    pub log: PathBuf,
    _folder: tempfile::TempDir,
}

impl RunningReceiver {
    pub fn start(store: &str, arguments: &[&str]) -> RunningReceiver {
        RunningReceiver::try_start(store, arguments).expect("the receiver starts")
    }

    pub fn spawn(store: &str, arguments: &[&str]) -> (Child, tempfile::TempDir) {
        RunningReceiver::spawn_with(store, 0, arguments, &[])
    }

    /// Starts with these variables of the environment.
    pub fn start_with(store: &str, arguments: &[&str], variables: &[(&str, &str)]) -> RunningReceiver {
        let (child, folder) = RunningReceiver::spawn_with(store, 0, arguments, variables);
        RunningReceiver::ready(child, folder).expect("the receiver starts")
    }

    /// Starts at this port.
    pub fn start_at(store: &str, port: u16, arguments: &[&str]) -> RunningReceiver {
        let (child, folder) = RunningReceiver::spawn_with(store, port, arguments, &[]);
        RunningReceiver::ready(child, folder).expect("the receiver starts")
    }

    fn spawn_with(
        store: &str,
        port: u16,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> (Child, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(BINARY)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--store", store])
            .args(arguments)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        (child, folder)
    }

    pub fn try_start(store: &str, arguments: &[&str]) -> Option<RunningReceiver> {
        let (child, folder) = RunningReceiver::spawn(store, arguments);
        RunningReceiver::ready(child, folder)
    }

    /// Waits until it says that it listens.
    pub fn ready(mut child: Child, folder: tempfile::TempDir) -> Option<RunningReceiver> {
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next()?.ok()?;
        let base = line.strip_prefix("listening on ")?.to_owned();
        let log = folder.path().join("log");
        Some(RunningReceiver { child, base, log, _folder: folder })
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn client<'a>(&'a self, key: &'a str) -> HttpClient<'a> {
        HttpClient { base: &self.base, key }
    }

    /// The most memory that it ever had.
    pub fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success()
        );
    }
}

impl Drop for RunningReceiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "log of the receiver:\n{}", self.log());
        }
    }
}

/// A response, read whole.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Value,
    pub text: String,
}

impl HttpResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
    }

    /// The codes of the errors, in order.
    pub fn codes(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| (text(&error["sessionId"]), text(&error["code"]))).collect()
    }
}

pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(WAIT_MAX))
        .build()
        .new_agent()
}

/// Speaks to a receiver with one key.
#[derive(Clone, Copy)]
pub struct HttpClient<'a> {
    pub base: &'a str,
    pub key: &'a str,
}

impl HttpClient<'_> {
    pub fn get(&self, path: &str) -> HttpResponse {
        let request = agent()
            .get(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.key));
        read(request.call().unwrap())
    }

    pub fn delete(&self, path: &str) -> HttpResponse {
        let request = agent()
            .delete(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.key));
        read(request.call().unwrap())
    }

    /// Posts bytes as they are.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> HttpResponse {
        self.try_post(path, headers, body).unwrap()
    }

    pub fn try_post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<HttpResponse, ureq::Error> {
        let mut request = agent()
            .post(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(read(request.send(body)?))
    }

    /// Posts a form, without the key.
    pub fn post_form(&self, path: &str, form: &[(&str, &str)]) -> HttpResponse {
        read(agent().post(format!("{}{path}", self.base)).send_form(form.iter().copied()).unwrap())
    }

    /// Sends sessions as one sealed and compressed batch.
    pub fn sync(&self, sessions: &[Value]) -> HttpResponse {
        self.try_sync(sessions).unwrap()
    }

    pub fn try_sync(&self, sessions: &[Value]) -> Result<HttpResponse, ureq::Error> {
        self.try_post("/api/sync", &[("content-encoding", "gzip")], &gzip(&sealed("client-1", sessions)))
    }

    pub fn sync_as(&self, client_id: &str, sessions: &[Value]) -> HttpResponse {
        self.post("/api/sync", &[("content-encoding", "gzip")], &gzip(&sealed(client_id, sessions)))
    }

    /// Asks GraphQL; panics on errors.
    pub fn graphql_data(&self, query: &str) -> Value {
        let response = self.graphql(query, json!({}));
        assert!(response.body["errors"].is_null(), "{query}: {}", response.text);
        response.body["data"].clone()
    }

    pub fn graphql(&self, query: &str, variables: Value) -> HttpResponse {
        self.post("/graphql", &[], json!({"query": query, "variables": variables}).to_string().as_bytes())
    }
}

/// Reads a response whole.
pub fn read(mut response: ureq::http::Response<ureq::Body>) -> HttpResponse {
    let headers = response.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned())).collect();
    let status = response.status().as_u16();
    let text = response.body_mut().with_config().limit(1 << 30).read_to_string().unwrap();
    HttpResponse { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
}

/// A batch without a checksum, to which a test may add members.
pub fn unsealed(client_id: &str, sessions: &[Value]) -> Value {
    json!({
        "version": "1.0", "clientId": client_id, "userId": "unknown", "timestamp": "2025-06-01T00:00:00Z",
        "cursor": {"lastSessionId": null, "lastMessageLineNumber": 0, "lastSyncTimestamp": ""}, "sessions": sessions,
    })
}

pub fn sealed(client_id: &str, sessions: &[Value]) -> Vec<u8> {
    let mut body = unsealed(client_id, sessions).to_string().into_bytes();
    han_sync::protocol::seal(&mut body);
    body
}

pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// Compresses into one frame with a window of at most 2^`window_log` bytes, which does not name the size of its content.
pub fn zstd(parts: &[&[u8]], window_log: u32) -> Vec<u8> {
    let mut context = zstd_safe::CCtx::create();
    for parameter in [
        zstd_safe::CParameter::CompressionLevel(1),
        zstd_safe::CParameter::WindowLog(window_log),
        zstd_safe::CParameter::ContentSizeFlag(false),
    ] {
        context.set_parameter(parameter).unwrap();
    }
    let length = parts.iter().map(|part| part.len()).sum();
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(length));
    let mut output = zstd_safe::OutBuffer::around(&mut frame);
    for part in parts {
        let mut input = zstd_safe::InBuffer::around(part);
        while input.pos() < part.len() {
            context.compress_stream(&mut output, &mut input).unwrap();
        }
    }
    while context.end_stream(&mut output).unwrap() > 0 {}
    frame
}

pub const ACME: &str = "https://github.com/acme-corp/api";
pub const GLOBEX: &str = "https://github.com/globex/web";

/// A session of a repository, with these messages and no tasks.
pub fn session(id: &str, remote: &str, messages: Vec<Value>) -> Value {
    json!({
        "id": id, "projectSlug": "ignored", "repoRemote": remote, "status": "active", "slug": format!("slug of {id}"),
        "messages": messages, "tasks": [], "lastModified": "2025-03-01T12:00:00.000Z", "totalMessageCount": 7,
        "inclusion": "organization", "harness": "claude-code",
    })
}

/// A message at a line, a minute later than the line before.
pub fn message(id: &str, line: i64) -> Value {
    json!({
        "id": id, "lineNumber": line, "messageType": "assistant", "contentHash": "e3b0c44298fc1c14",
        "timestamp": format!("2025-03-01T{:02}:{:02}:00.000Z", line / 60 % 24, line % 60),
        "inputTokens": null, "outputTokens": null, "cacheReadTokens": null, "cacheCreationTokens": null,
    })
}

/// The value with these members over its own.
pub fn with(mut value: Value, members: Value) -> Value {
    for (name, member) in members.as_object().unwrap() {
        value[name] = member.clone();
    }
    value
}

/// Waits until `condition` holds.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < WAIT_MAX, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
