//! A cluster of PostgreSQL with Citus, and stores on it.

use super::running_receiver::{TestStore, try_sql, wait_until};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Servers that a store of a test is on: the coordinator and two workers. The cluster has one more.
const NODES: usize = 3;
/// Prints where the cluster is, and lasts until nobody listens.
const ANNOUNCE: &str =
    r#"echo "${HAN_SYNC_TEST_CITUS:-}"; echo "${HAN_SYNC_TEST_CITUS_CTL:-}"; cat >/dev/null"#;

/// A running cluster. The test's own one is stopped with it.
pub struct Cluster {
    /// URLs of the servers, the coordinator first.
    urls: Vec<String>,
    ctl: String,
    own: Option<Child>,
}

impl Cluster {
    /// The cluster of `HAN_SYNC_TEST_CITUS`, or one of the test's own; `None`, said aloud, where Citus is not installed.
    pub fn shared() -> Option<Cluster> {
        let Ok(urls) = std::env::var("HAN_SYNC_TEST_CITUS") else { return Cluster::own() };
        let ctl = std::env::var("HAN_SYNC_TEST_CITUS_CTL").unwrap_or_default();
        Some(Cluster { urls: urls.split_whitespace().map(str::to_owned).collect(), ctl, own: None })
    }

    /// A cluster whose servers the test may stop.
    pub fn own() -> Option<Cluster> {
        let mut child = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/with-citus"))
            .args(["sh", "-c", ANNOUNCE])
            .env_remove("HAN_SYNC_TEST_CITUS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/with-citus");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let [urls, ctl] = [(); 2].map(|()| lines.next().unwrap_or_default());
        let cluster =
            Cluster { urls: urls.split_whitespace().map(str::to_owned).collect(), ctl, own: Some(child) };
        if cluster.urls.is_empty() {
            let _ = writeln!(std::io::stderr(), "SKIPPED on a cluster: Citus is not installed");
            return None;
        }
        Some(cluster)
    }

    /// An empty database on the coordinator and two workers, which nobody has distributed.
    pub fn database(&self) -> TestStore {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("han_test_{}_{number}", std::process::id());
        let servers = &self.urls[..NODES];
        for server in servers {
            create_database(server, &name);
        }
        let databases = servers.iter().map(|server| (server.clone(), name.clone())).collect();
        let store =
            TestStore::of_databases(self.urls[0].replace("/postgres", &format!("/{name}")), databases);
        // A test's fault may be a trigger on a distributed table.
        store.execute(&format!("ALTER DATABASE {name} SET citus.enable_unsafe_triggers = on"));
        store
    }

    /// An empty store that is distributed into four shards.
    pub fn store(&self) -> TestStore {
        let store = self.database();
        store.admin("distribute --shards 4");
        store
    }

    /// URL of a store's database on another server.
    pub fn url_on(&self, store: &TestStore, node: usize) -> String {
        let (_, name) = store.url.rsplit_once('/').unwrap();
        self.urls[node].replace("/postgres", &format!("/{name}"))
    }

    /// Name of a server, as `host:port`.
    pub fn server(&self, node: usize) -> &str {
        let (_, rest) = self.urls[node].split_once('@').unwrap();
        rest.trim_end_matches("/postgres")
    }

    /// Makes the waiting server a worker of a store, which has no shards yet.
    pub fn add_worker(&self, store: &TestStore) {
        let (_, name) = store.url.rsplit_once('/').unwrap();
        create_database(&self.urls[NODES], name);
        let (host, port) = self.server(NODES).split_once(':').unwrap();
        store.execute(&format!("SELECT citus_add_node('{host}', {port})"));
    }

    /// Waits until the workers have committed what they had prepared when a server failed, a moment after it is back.
    pub fn wait_for_prepared_transactions(&self, store: &TestStore) {
        for node in 1..NODES {
            let url = self.url_on(store, node);
            wait_until("the workers to commit what they had prepared", || {
                try_sql(&url, "SELECT 1 FROM pg_prepared_xacts").is_ok_and(|rows| rows.is_empty())
            });
        }
    }

    /// Stops a server at once, as in a crash.
    pub fn stop(&self, node: usize) {
        self.control("stop", node);
    }

    pub fn start(&self, node: usize) {
        self.control("start", node);
    }

    fn control(&self, action: &str, node: usize) {
        let status = Command::new(&self.ctl).args([action, &node.to_string()]).status().unwrap();
        assert!(status.success(), "{action} {node}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut child) = self.own.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// Copies the template, while no process of Citus happens to be connected to it.
fn create_database(server: &str, name: &str) {
    let create = format!("CREATE DATABASE {name} TEMPLATE han_citus");
    wait_until("the template to be free", || try_sql(server, &create).is_ok());
}

/// A shard of one of a store's tables: its name, and the number of its server.
pub fn shards(cluster: &Cluster, store: &TestStore, table: &str) -> Vec<(String, usize)> {
    let rows = store.query(&format!(
        "SELECT '{table}_' || s.shardid, n.nodename || ':' || n.nodeport FROM pg_dist_shard s \
         JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n USING (groupid) \
         WHERE s.logicalrelid = '{table}'::regclass ORDER BY s.shardid"
    ));
    let node = |server: &str| (0..=NODES).find(|node| cluster.server(*node) == server).unwrap();
    rows.iter().map(|row| (row[0].clone().unwrap(), node(row[1].as_deref().unwrap()))).collect()
}

/// The shard of an organization.
pub fn shard_of(cluster: &Cluster, store: &TestStore, table: &str, organization: &str) -> (String, usize) {
    let name = store.query(&format!(
        "SELECT '{table}_' || get_shard_id_for_distribution_column('{table}', \
         (SELECT tenant_id FROM tenants WHERE handle = '{organization}'))"
    ));
    let is_of = |shard: &(String, usize)| name[0][0].as_deref() == Some(&shard.0);
    shards(cluster, store, table).into_iter().find(is_of).expect("a shard")
}

/// Statements on a server that Citus would keep from its shards.
pub fn on_shard(url: &str, statements: &str) {
    try_sql(url, &format!("SET citus.enable_manual_changes_to_shards = on; {statements}"))
        .unwrap_or_else(|error| panic!("{statements}: {error}"));
}
