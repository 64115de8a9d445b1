//! Many at once, and the worst moments: overlapping clients, several receivers, sudden ends.

use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const SESSIONS: usize = 12;
const MESSAGES: usize = 40;

/// Part `part` of everything: overlapping slices of each session, whose rows share answers across slices.
fn batch(part: usize) -> Vec<Value> {
    (0..SESSIONS)
        .map(|s| {
            // Every client has its own order of sessions.
            let s = if part.is_multiple_of(2) { s } else { SESSIONS - 1 - s };
            let from = (part * 5) % MESSAGES;
            let messages = (from..from + 15).map(|n| {
                let n = n % MESSAGES;
                with(
                    message(&format!("m{n}"), n as i64),
                    json!({"usageId": format!("u{}", (s * MESSAGES + n) / 3), "inputTokens": n, "outputTokens": part % 3,
                           "model": "opus"}),
                )
            });
            session(&format!("s{s}"), ACME, messages.collect())
        })
        .collect()
}

fn assert_all_is_there_once(store: &TestStore) {
    let count = |sql: &str| store.query(sql)[0][0].clone().unwrap();
    assert_eq!(count("SELECT count(*) FROM sessions"), SESSIONS.to_string());
    assert_eq!(count("SELECT count(*) FROM messages"), (SESSIONS * MESSAGES).to_string());
    assert_sums_equal_a_recount(store);
}

/// Sends until it is acknowledged, as an exporter does.
fn deliver(base: &dyn Fn() -> String, key: &str, part: usize) {
    let (since, mut last) = (Instant::now(), String::new());
    // As long as a database may take to start again on a busy machine, whose start is waited for as well.
    while since.elapsed() < WAIT_MAX {
        let base = base();
        let client = HttpClient { base: &base, key };
        match client.try_sync(&batch(part)) {
            Ok(response) if response.status == 200 => {
                assert_eq!(response.body["processed"], SESSIONS, "{}", response.text);
                return;
            }
            Ok(response) => {
                assert!([429, 503, 207, 422].contains(&response.status), "{}", response.text);
                last = response.text;
            }
            Err(error) => last = error.to_string(),
        }
        thread::sleep(Duration::from_millis(10)); // the receiver's own trouble: come again
    }
    panic!("never acknowledged: {last}");
}

#[test]
fn eight_overlapping_clients_and_their_replays_end_in_one_state() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        thread::scope(|scope| {
            for client in 0..8 {
                let (receiver, team) = (&receiver, &team);
                scope.spawn(move || {
                    for part in 0..8 {
                        deliver(&|| receiver.base.clone(), &team.alice, part + client);
                        deliver(&|| receiver.base.clone(), &team.alice, client);
                    }
                });
            }
        });
        assert_all_is_there_once(&store);
    }
}

#[test]
fn a_user_of_each_organization_and_their_private_spaces_do_not_block_each_other_in_a_circle() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        thread::scope(|scope| {
            for (n, key) in [&team.alice, &team.bob, &team.carol, &team.dave].into_iter().enumerate() {
                let receiver = &receiver;
                scope.spawn(move || {
                    let client = receiver.client(key);
                    for round in 0..10 {
                        let mut sessions: Vec<Value> = (0..6)
                            .map(|s| {
                                let remote = if s % 2 == 0 { ACME } else { GLOBEX };
                                with(
                                    session(
                                        &format!("s{s}"),
                                        remote,
                                        vec![message(&format!("m{round}"), round)],
                                    ),
                                    json!({"inclusion": "forced_include"}),
                                )
                            })
                            .collect();
                        sessions.rotate_left((n + round as usize) % 6);
                        let response = client.sync(&sessions);
                        assert!([200, 207, 422].contains(&response.status), "{}", response.text);
                        assert!(
                            response.codes().iter().all(|(_, code)| code == "SESSION_CONFLICT"),
                            "{}",
                            response.text
                        );
                    }
                });
            }
        });
        assert_sums_equal_a_recount(&store);
    }
}

#[test]
fn ten_receivers_start_at_once_on_an_empty_store() {
    for store in stores() {
        let starting: Vec<_> = (0..10).map(|_| RunningReceiver::spawn(&store.url, &[])).collect();
        let receivers: Vec<_> = starting
            .into_iter()
            .map(|(child, folder)| RunningReceiver::ready(child, folder).expect("it starts"))
            .collect();
        let team = store.create_team();
        for receiver in &receivers {
            assert_eq!(receiver.client(&team.alice).sync(&batch(0)).status, 200);
        }
        let migrations = store.query("SELECT number, count(*) FROM migrations GROUP BY number");
        assert!(migrations.iter().all(|row| row[1].as_deref() == Some("1")), "{migrations:?}");
    }
}

#[test]
fn killed_in_the_middle_of_ingest_it_stores_all_or_nothing() {
    for store in stores() {
        let team = store.create_team();
        let mut receiver = store.serve();
        let base = std::sync::Mutex::new(receiver.base.clone());
        let parts = AtomicUsize::new(0);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let clients: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        while !done.load(Ordering::SeqCst) {
                            let part = parts.fetch_add(1, Ordering::SeqCst);
                            deliver(&|| base.lock().unwrap().clone(), &team.alice, part);
                        }
                    })
                })
                .collect();
            for kill in 1..=kills() {
                // Not at rest: each time some further batch was begun.
                let begun = parts.load(Ordering::SeqCst);
                wait_until("work", || parts.load(Ordering::SeqCst) > begun + kill % 3);
                receiver.child.kill().unwrap();
                receiver.child.wait().unwrap();
                receiver = store.serve();
                *base.lock().unwrap() = receiver.base.clone();
                assert_sums_equal_a_recount_at_rest(&store);
            }
            done.store(true, Ordering::SeqCst);
            for client in clients {
                client.join().unwrap();
            }
        });
        for part in 0..8 {
            deliver(&|| receiver.base.clone(), &team.alice, part);
        }
        assert_all_is_there_once(&store);
    }
}

/// Number of kills, unless `HAN_SYNC_TEST_KILLS` gives another.
fn kills() -> usize {
    std::env::var("HAN_SYNC_TEST_KILLS").map_or(100, |text| text.parse().unwrap())
}

/// While others write, what is compared must be of one moment: SQLite's reads here are of several.
fn assert_sums_equal_a_recount_at_rest(store: &TestStore) {
    let sums = "SELECT (SELECT count(*) FROM messages), (SELECT CAST(coalesce(sum(messages), 0) AS BIGINT) FROM metrics)";
    let row = &store.query(sums)[0];
    assert_eq!(row[0], row[1]);
}

/// Forwards each connection to the next of several addresses.
fn balancer(targets: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (n, stream) in listener.incoming().flatten().enumerate() {
            let Ok(target) = TcpStream::connect(&targets[n % targets.len()]) else { continue };
            for (mut from, mut to) in
                [(stream.try_clone().unwrap(), target.try_clone().unwrap()), (target, stream)]
            {
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    address
}

#[test]
fn three_receivers_on_one_store_are_as_one() {
    for store in stores() {
        let team = store.create_team();
        let receivers: Vec<_> = (0..3).map(|_| store.serve()).collect();
        let targets =
            receivers.iter().map(|receiver| receiver.base.strip_prefix("http://").unwrap().to_owned());
        let base = balancer(targets.collect());
        thread::scope(|scope| {
            for client in 0..6 {
                let (base, team) = (&base, &team);
                scope.spawn(move || {
                    for part in 0..6 {
                        deliver(&|| base.clone(), &team.alice, part * 2 + client);
                    }
                });
            }
        });
        for part in 0..8 {
            deliver(&|| base.clone(), &team.alice, part);
        }
        assert_all_is_there_once(&store);
        // A key that one of them made useless is useless everywhere.
        store.admin(&format!("key revoke {}", &team.alice[..12]));
        for receiver in &receivers {
            assert_eq!(receiver.client(&team.alice).get("/api/sync/identity").status, 401);
        }
    }
}

/// A PostgreSQL of this test's own, which may be stopped without harm to the others.
struct Server {
    folder: tempfile::TempDir,
    port: u16,
    programs: String,
}

impl Server {
    /// `None` where there are no server programs.
    fn start() -> Option<Server> {
        let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
            .ok()?
            .flatten()
            .map(|entry| entry.path().join("bin"))
            .collect();
        versions.sort();
        let programs = versions.pop()?.to_str()?.to_owned();
        let folder = tempfile::Builder::new().prefix("han-pg").tempdir_in("/tmp").unwrap();
        let port = free_port();
        let server = Server { folder, port, programs };
        if is_root() {
            assert!(
                Command::new("chown").arg("postgres").arg(server.folder.path()).status().unwrap().success()
            );
        }
        server.run(&["initdb", "-D", "data", "-A", "trust", "-U", "postgres", "--no-sync"]);
        server.ctl("start");
        Some(server)
    }

    fn run(&self, command: &[&str]) {
        let program = format!("{}/{}", self.programs, command[0]);
        let mut line = if is_root() { Command::new("setpriv") } else { Command::new(&program) };
        if is_root() {
            line.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", &program]);
        }
        let output = line.args(&command[1..]).current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn ctl(&self, action: &str) {
        let options = format!(
            "-h 127.0.0.1 -p {} -k {} -c fsync=off -c max_connections=60",
            self.port,
            self.folder.path().display()
        );
        self.run(&["pg_ctl", "-D", "data", "-o", &options, "-m", "immediate", "-l", "log", "-w", action]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ctl("stop");
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[test]
fn a_database_that_restarts_under_load_loses_nothing_that_was_acknowledged() {
    if std::env::var("HAN_SYNC_TEST_POSTGRES").is_err() {
        eprintln!("SKIPPED on PostgreSQL: HAN_SYNC_TEST_POSTGRES is not set");
        return;
    }
    let Some(server) = Server::start() else {
        eprintln!("SKIPPED: no PostgreSQL programs in /usr/lib/postgresql");
        return;
    };
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port);
    let store = TestStore::at(&url);
    let (team, receiver) = (store.create_team(), store.serve());
    let (parts, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let base = receiver.base.clone();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    deliver(&|| base.clone(), &team.alice, parts.load(Ordering::SeqCst));
                    parts.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for _ in 0..5 {
            let before = parts.load(Ordering::SeqCst);
            wait_until("batches to pass", || parts.load(Ordering::SeqCst) > before + 4);
            server.ctl("restart");
        }
        let before = parts.load(Ordering::SeqCst);
        wait_until("batches to pass again", || parts.load(Ordering::SeqCst) > before + 8);
        done.store(true, Ordering::SeqCst);
    });
    for part in 0..8 {
        deliver(&|| base.clone(), &team.alice, part);
    }
    assert_all_is_there_once(&store);
    assert_eq!(receiver.client(&team.alice).get("/readyz").status, 200);
}

#[test]
fn a_client_that_goes_away_in_the_middle_leaves_nothing_behind() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let receiver = Arc::new(receiver);
        for part in 0..20 {
            let body = sealed("c", &batch(part));
            let mut stream = TcpStream::connect(receiver.base.strip_prefix("http://").unwrap()).unwrap();
            let head = format!(
                "POST /api/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
                team.alice,
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(1 + part as u64))).unwrap();
            let _ = stream.read(&mut [0; 10]); // an acknowledgement that may come too late
        }
        for part in 0..8 {
            deliver(&|| receiver.base.clone(), &team.alice, part);
        }
        assert_all_is_there_once(&store);
    }
}
