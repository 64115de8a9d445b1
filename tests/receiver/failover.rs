//! Promotion of a standby under load: with synchronous commit no acknowledged batch is lost, and nobody has to tell the receiver.

use crate::support::load::Load;
use crate::support::relay::Relay;
use crate::support::running_receiver::*;
use serde_json::json;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Batches that are acknowledged before the primary fails, and again after it.
const BATCHES: usize = 100;

/// A PostgreSQL server of a test, stopped with it.
struct Server {
    programs: PathBuf,
    /// User of the server, which must not be root.
    user: Option<u32>,
    folder: tempfile::TempDir,
    port: u16,
}

impl Server {
    /// A folder for a server's data; `None`, said aloud, without PostgreSQL's programs.
    fn new() -> Option<Server> {
        let programs = postgres_program("pg_basebackup")?.parent()?.to_owned();
        let folder = tempfile::tempdir().unwrap();
        let mut user = None;
        if rustix::process::geteuid().is_root() {
            let found = Command::new("id").args(["-u", "postgres"]).output().unwrap();
            let id = String::from_utf8_lossy(&found.stdout).trim().parse().expect("the user postgres");
            chown(folder.path(), Some(id), None).unwrap();
            user = Some(id);
        }
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
        Some(Server { programs, user, folder, port: free_port() })
    }

    /// Runs one of PostgreSQL's programs as the server's user.
    fn run(&self, name: &str, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join(name));
        command.args(arguments).current_dir(self.folder.path()).env("LC_ALL", "C");
        // A server that goes on must not keep the test's own output open.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user);
        }
        let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert!(command.status().unwrap().success(), "{name} {arguments:?}: {}", log());
    }

    fn start(&self) {
        let options = format!(
            "-h 127.0.0.1 -p {} -k {} -c fsync=off -c max_connections=100",
            self.port,
            self.folder.path().display()
        );
        self.run("pg_ctl", &["-w", "-D", "data", "-l", "log", "-o", &options, "start"]);
    }

    fn primary() -> Option<Server> {
        let server = Server::new()?;
        let user =
            ["-D", "data", "-U", "han_sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
        server.run("initdb", &user);
        server.start();
        Some(server)
    }

    /// A standby that follows a primary through a relay.
    fn standby(relay: &Relay) -> Server {
        let server = Server::new().expect("the programs are there");
        let primary = format!("host=127.0.0.1 port={} user=han_sync", relay.address().port());
        let copy = ["-D", "data", "-d", &primary, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"];
        server.run("pg_basebackup", &copy);
        server.start();
        server
    }

    /// Stops at once, as in a crash.
    fn crash(&self) {
        self.run("pg_ctl", &["-w", "-D", "data", "-m", "immediate", "stop"]);
    }

    fn promote(&self) {
        self.run("pg_ctl", &["-w", "-D", "data", "promote"]);
    }

    fn store(&self, database: &str) -> TestStore {
        TestStore::at(&format!("postgres://han_sync@127.0.0.1:{}/{database}", self.port))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut command = Command::new(self.programs.join("pg_ctl"));
        command.args(["-D", "data", "-m", "immediate", "stop"]).current_dir(self.folder.path());
        if let Some(user) = self.user {
            command.uid(user);
        }
        let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// A primary, a relay to it, and a standby that confirms each commit.
fn cluster() -> Option<(Server, Relay, Server)> {
    let primary = Server::primary()?;
    let relay = Relay::to(&format!("127.0.0.1:{}", primary.port));
    let standby = Server::standby(&relay);
    let first = primary.store("postgres");
    first.execute("CREATE DATABASE team");
    for setting in ["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"] {
        first.execute(setting);
    }
    wait_until("the standby to confirm commits", || {
        first.query("SELECT sync_state FROM pg_stat_replication") == [[Some("sync".to_owned())]]
    });
    Some((primary, relay, standby))
}

#[test]
fn promotion_of_a_standby_under_load_loses_no_acknowledged_batch() {
    for is_cut_off_first in [false, true] {
        let Some((primary, relay, standby)) = cluster() else { return };
        let team = primary.store("team").create_team();
        let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port, standby.port);
        let both = TestStore::at(&format!("postgres://han_sync@{hosts}/team"));
        let receiver = both.serve_with(&["--rate", "1000000"]);
        let load = Load::around(&receiver, &team, BATCHES, || {
            if is_cut_off_first {
                // The primary still runs, and commits that nobody confirms are acknowledged to nobody.
                relay.silence();
                standby.promote();
            }
            primary.crash();
            if !is_cut_off_first {
                standby.promote();
            }
        });
        load.assert_stored(&standby.store("team"));
        assert_eq!(both.admin("check")["faults"], json!([]));
        assert_eq!(receiver.client(&team.alice).get("/readyz").status, 200, "{}", receiver.log());
    }
}
