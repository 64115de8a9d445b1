//! A developer's machine: a home folder, han's database, and the exporter configured for a receiver.

use super::store::Clock;
use crate::support::han_db::expected_wire;
use crate::support::han_db::{ExpectedSession, HanDb};
use crate::support::running_receiver::WAIT_MAX;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub struct Machine {
    folder: tempfile::TempDir,
    settings: BTreeMap<&'static str, String>,
    /// Time of the setup: no session's fields were seen before.
    pub set_up_at: Clock,
}

impl Machine {
    /// Configured for a receiver at this address, without text. There is no database yet.
    pub fn new(base: &str, key: &str) -> Machine {
        let folder = tempfile::Builder::new().prefix("han-sync-test-").tempdir().unwrap();
        fs::create_dir_all(folder.path().join("home/.claude")).unwrap();
        let settings = BTreeMap::from([
            ("enabled", "true".to_owned()),
            ("endpoint", format!("{base}/api/sync")),
            ("apiKey", key.to_owned()),
        ]);
        let machine = Machine { folder, settings, set_up_at: chrono::Utc::now() };
        machine.write_settings();
        machine
    }

    /// Sets a key of `sync:` in han.yml.
    pub fn set(&mut self, key: &'static str, value: impl ToString) {
        self.settings.insert(key, value.to_string());
        self.write_settings();
    }

    /// Removes a key of `sync:` from han.yml.
    pub fn unset(&mut self, key: &str) {
        self.settings.remove(key);
        self.write_settings();
    }

    fn write_settings(&self) {
        let path = self.claude_folder().join("han.yml");
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
        writeln!(file, "sync:").unwrap();
        for (key, value) in &self.settings {
            writeln!(file, "  {key}: {value}").unwrap();
        }
    }

    fn claude_folder(&self) -> PathBuf {
        self.folder.path().join("home/.claude")
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("han.db")
    }

    /// A path beside the database.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_han-sync"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path().join("home"))
            .env("HAN_DB", self.database())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// A run that must end with 0; its report.
    #[track_caller]
    pub fn run(&self) -> Value {
        self.run_with(&["--json", "--max-seconds", "600"])
    }

    /// A command that must end with 0; what it printed as JSON.
    #[track_caller]
    pub fn run_with(&self, arguments: &[&str]) -> Value {
        let Output { status, stdout, stderr } = self.spawn(arguments).wait_with_output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert_eq!(status.code(), Some(0), "{arguments:?}\nstdout {stdout}\nstderr {stderr}");
        serde_json::from_str(&stdout).unwrap_or(Value::Null)
    }

    /// A run that finds nothing to do: it makes no request and leaves every file as it is.
    #[track_caller]
    pub fn run_finds_nothing(&self) {
        let before = self.state_files();
        let report = self.run();
        assert_eq!(report["status"], "success", "{report}");
        for count in ["attempts", "batches", "messagesSent", "tasksSent", "sessionsSent", "sessionsPending"] {
            assert_eq!(report[count], 0, "{count} in {report}");
        }
        assert!(self.state_files() == before, "a run with nothing to do wrote to the state folder");
    }

    /// Every file of the state folder, byte for byte.
    pub fn state_files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = fs::read_dir(self.claude_folder().join("han")).unwrap().map(|file| file.unwrap().path());
        files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    /// Sessions that must be at the receiver: those that are eligible in the database as it is now.
    pub fn expected(&self) -> BTreeMap<String, ExpectedSession> {
        let state = fs::read(self.claude_folder().join("han/sync-state.json")).unwrap_or_default();
        let state: Value = serde_json::from_slice(&state).unwrap_or_default();
        let secret = state["clientSecret"].as_str().unwrap_or_default();
        expected_wire(self.database(), &eligible(&self.database()), secret.as_bytes())
    }

    /// The raw JSON of a row.
    pub fn raw_json(&self) -> BTreeMap<String, Option<String>> {
        let db = Connection::open(self.database()).unwrap();
        let mut statement = db.prepare("SELECT id, raw_json FROM messages").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    pub fn open(&self) -> HanDb {
        HanDb::open(self.database())
    }
}

/// Sessions whose repository, by the fixtures' own tables, belongs to the organization.
fn eligible(database: &Path) -> Vec<String> {
    let db = Connection::open(database).unwrap();
    let mut statement = db
        .prepare(
            "SELECT s.id, r.remote FROM sessions s JOIN projects p ON p.id = s.project_id
             JOIN repos r ON r.id = p.repo_id ORDER BY s.rowid",
        )
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).unwrap();
    let rows = rows.map(Result::unwrap).filter(|(_, remote)| super::store::belongs_to_organization(remote));
    rows.map(|(id, _)| id).collect()
}

/// Waits for a process to end; kills it when it does not.
pub fn wait_or_kill(child: &mut Child) -> std::process::ExitStatus {
    let since = std::time::Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if since.elapsed() > WAIT_MAX {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the process did not end by itself");
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
