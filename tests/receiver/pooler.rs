//! PostgreSQL behind PgBouncer, in the version that the distribution has and in each of its modes.

use crate::support::running_receiver::*;
use serde_json::json;
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

/// A running PgBouncer, ended with the test.
struct Pooler {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Pooler {
    /// Starts one before the server of a store; `None`, said aloud, where it is not installed.
    fn start(store: &TestStore, settings: &str) -> Option<Pooler> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let (user, rest) = store.url.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let (host, port) = rest.split('/').next().unwrap().rsplit_once(':').unwrap_or((rest, "5432"));
        let own_port = free_port();
        let configuration = folder.path().join("pgbouncer.ini");
        std::fs::write(
            &configuration,
            format!(
                "[databases]\n* = host={host} port={port} user={user} password={password}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
                 listen_port = {own_port}\nunix_socket_dir =\nauth_type = any\ndefault_pool_size = 3\nlogfile = {}\n{settings}\n",
                folder.path().join("pgbouncer.log").display()
            ),
        )
        .unwrap();
        let mut command = Command::new("pgbouncer");
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        let started = command.arg(&configuration).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(child) = started else {
            eprintln!("SKIPPED: pgbouncer is not installed");
            return None;
        };
        wait_until("PgBouncer to listen", || TcpStream::connect((Ipv4Addr::LOCALHOST, own_port)).is_ok());
        Some(Pooler { child, port: own_port, folder })
    }

    /// The store through the pooler.
    fn store(&self, store: &TestStore) -> TestStore {
        let (_, database) = store.url.rsplit_once('/').unwrap();
        TestStore::at(&format!("postgres://anybody:any@127.0.0.1:{}/{database}", self.port))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("pgbouncer.log")).unwrap_or_default()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SESSIONS: &str = "{ sessions(first: 50) { edges { node { id messages { edges { node { id } } } } } } syncStatus { clientId } }";

#[test]
fn every_mode_of_pgbouncer_carries_batches_queries_and_commands_of_two_receivers() {
    for settings in [
        "pool_mode = transaction",
        "pool_mode = transaction\nignore_startup_parameters = options",
        "pool_mode = session\ndefault_pool_size = 60",
        "pool_mode = session\nignore_startup_parameters = options, extra_float_digits\ndefault_pool_size = 60",
    ] {
        let Some(store) = postgres() else { return };
        let Some(pooler) = Pooler::start(&store, settings) else { return };
        let pooled = pooler.store(&store);
        let team = pooled.create_team();
        let receivers = [pooled.serve(), pooled.serve()];
        thread::scope(|scope| {
            for n in 0..8 {
                let (receiver, key) =
                    (&receivers[n % 2], [&team.alice, &team.bob, &team.carol, &team.dave][n % 4]);
                let remote = if n % 4 == 2 { GLOBEX } else { ACME };
                let pooler = &pooler;
                scope.spawn(move || {
                    let client = receiver.client(key);
                    for batch in 0..3 {
                        let id = format!("s{n}-{batch}");
                        let stored =
                            client.sync(&[session(&id, remote, vec![message("m", 0), message("n", 1)])]);
                        assert_eq!(
                            stored.status,
                            200,
                            "{settings}: {}\n{}\n{}",
                            stored.text,
                            receiver.log(),
                            pooler.log()
                        );
                        assert_eq!(client.get("/api/sync/identity").status, 200);
                        assert!(client.graphql(SESSIONS, json!({})).text.contains(&id), "{settings}");
                        let digests = client.post(
                            "/api/sync/digests",
                            &[],
                            json!({"sessions": [id]}).to_string().as_bytes(),
                        );
                        assert_eq!(
                            digests.body["sessions"][0]["messages"], 2,
                            "{settings}: {}",
                            digests.text
                        );
                    }
                    assert_eq!(
                        client.delete(&format!("/api/sync/sessions/s{n}-0")).status,
                        204,
                        "{settings}"
                    );
                    assert_eq!(client.get("/readyz").status, 200, "{settings}: {}", receiver.log());
                });
            }
        });
        assert_eq!(store.query("SELECT count(*) FROM sessions"), [[Some("16".to_owned())]], "{settings}");
        assert_eq!(pooled.admin("check")["faults"], json!([]), "{settings}");
        assert_eq!(pooled.admin("session list").as_array().unwrap().len(), 16, "{settings}");
        let backup = pooled.folder.path().join("backup");
        pooled.admin(&format!("backup {}", backup.display()));
        let restored = store.another();
        restored.admin(&format!("restore {}", backup.display()));
        assert_eq!(restored.query("SELECT count(*) FROM messages"), [[Some("32".to_owned())]], "{settings}");
    }
}

#[test]
fn timeouts_hold_behind_a_pooler_that_keeps_no_settings() {
    let Some(store) = postgres() else { return };
    let Some(pooler) = Pooler::start(&store, "pool_mode = transaction") else { return };
    let pooled = pooler.store(&store);
    let (team, receiver) = (pooled.create_team(), pooled.serve());
    store.execute(
        "CREATE TABLE seen (statement TEXT, locks TEXT, idle TEXT); GRANT INSERT ON seen TO PUBLIC; \
         CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES \
         (current_setting('statement_timeout'), current_setting('lock_timeout'), \
         current_setting('idle_in_transaction_session_timeout')); RETURN NEW; END $$; \
         CREATE TRIGGER see BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION see()",
    );
    let stored = receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
    assert_eq!(stored.status, 200, "{}", stored.text);
    let seen = store.query("SELECT * FROM seen");
    assert_eq!(seen, [["30s", "10s", "1min"].map(|text| Some(text.to_owned()))]);
}
