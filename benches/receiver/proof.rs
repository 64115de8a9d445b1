//! Proving what is stored: `verify` of a whole database against sending it, and the hashing for the digests against the
//! delivery that it is part of.

use super::bodies::{BATCH, bodies};
use super::speed::{Sender, UNBOUNDED, users};
use super::support::Sandbox;
use super::support::han_db::{Mix, large};
use super::support::running_receiver::{RunningReceiver, TestStore, postgres, sqlite};
use super::{Measure, Sizes, median};
use chrono::TimeDelta;
use han_sync::protocol::MessageDigest;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// Bytes of a message's raw JSON: nothing of it is read to verify, but the pages that hold it are.
const RAW_BYTES: usize = 700;
/// Everything leaves the machine.
const MIX: Mix = Mix { organization: 1.0, personal: 0.0, unknown: 0.0 };

pub fn measure(sizes: &Sizes) -> Vec<Measure> {
    let mut table = vec![hashing(sizes)];
    for store in [postgres().expect("HAN_SYNC_TEST_POSTGRES"), sqlite()] {
        table.push(verification(sizes, &store));
    }
    table
}

/// The share of the delivery that the hashes of the message ids take. What else there is of a digest is a column of a row that
/// is written anyway.
fn hashing(sizes: &Sizes) -> Measure {
    let store = postgres().expect("HAN_SYNC_TEST_POSTGRES");
    let keys = users(&store, 1);
    let receiver = store.serve_with(&UNBOUNDED);
    let sender = Sender::new(&receiver, &keys[0]);
    let (mut delivered, mut hashed) = (Vec::new(), Vec::new());
    for round in 0..=sizes.rounds {
        eprintln!("proof: hashing, round {round} of {}", sizes.rounds);
        let bodies = bodies(&format!("hashed {round}"), sizes.messages, 0);
        let seconds = sender.deliver(&bodies);
        let limit = bodies.len() * BATCH;
        let ids = store.query(&format!("SELECT message_id FROM messages LIMIT {limit}"));
        let begun = Instant::now();
        for id in &ids {
            black_box(MessageDigest::hash(black_box(id[0].as_deref().expect("an id"))));
        }
        let hashing = begun.elapsed().as_secs_f64();
        // The first round warms up both.
        if round > 0 {
            delivered.push(seconds / limit as f64);
            hashed.push(hashing / ids.len() as f64);
        }
    }
    let each = |figures: &[f64]| format!("{:.2} µs/message", median(figures.iter().copied()) * 1e6);
    Measure {
        name: "hashing for the digests, against first delivery, without content".to_owned(),
        ours: each(&hashed),
        against: each(&delivered),
        ratio: format!("{:.4}", median(hashed.iter().zip(&delivered).map(|(a, b)| a / b))),
        target: "≤ 0.03".to_owned(),
    }
}

/// Delivers a database, and verifies it.
fn verification(sizes: &Sizes, store: &TestStore) -> Measure {
    let kind = if store.is_postgres() { "PostgreSQL" } else { "SQLite" };
    let (messages, sessions) = (sizes.verified, sizes.verified_sessions);
    eprintln!("proof: {messages} messages in {sessions} sessions, {kind}");
    let keys = users(store, 1);
    let receiver = store.serve_with(&UNBOUNDED);
    store.admin("owner add acme gitlab.com/acme");
    let line = CountedLine::to(&receiver);
    let sandbox = Sandbox::unconfigured();
    for (name, value) in [("enabled", "true"), ("apiKey", &keys[0]), ("timeout", "600")] {
        sandbox.set(name, value);
    }
    sandbox.set("endpoint", &line.endpoint());
    // The sandbox is in memory.
    let folder = tempfile::tempdir().expect("a folder on the disk");
    let database = folder.path().join("han.db");
    sandbox.env("HAN_DB", database.to_str().expect("a path"));
    large::build_large_mixed(&database, messages, sessions, RAW_BYTES, 7, MIX);
    let seconds = |arguments: &[&str]| {
        let begun = Instant::now();
        // Not by the sandbox's own way to run a program, which takes one of minutes for one that hangs.
        let status = sandbox.command(arguments).stdout(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "{arguments:?}");
        let took = begun.elapsed();
        sandbox.advance(TimeDelta::from_std(took).expect("a time of minutes"));
        took.as_secs_f64()
    };
    let sent = seconds(&["all", "--max-seconds", "86400", "--quiet"]);
    line.take();
    let mut measured = Vec::new();
    let mut traffic = (0, 0);
    for _ in 0..sizes.rounds.clamp(1, 3) {
        measured.push(seconds(&["verify", "--max-seconds", "86400", "--json"]));
        traffic = line.take();
    }
    let verified = median(measured.iter().copied());
    Measure {
        name: format!(
            "verify of {messages} messages in {sessions} sessions on {kind}, {} requests, {:.1} MB, against sending them",
            traffic.0,
            traffic.1 as f64 / 1e6
        ),
        ours: format!("{verified:.1} s"),
        against: format!("{sent:.1} s"),
        ratio: format!("{:.3}", verified / sent),
        target: "≤ 0.2".to_owned(),
    }
}

/// A TCP connection to a receiver, of which requests and bytes are counted.
struct CountedLine {
    port: u16,
    requests: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl CountedLine {
    fn to(receiver: &RunningReceiver) -> CountedLine {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let port = listener.local_addr().expect("an address").port();
        let upstream = receiver.base.trim_start_matches("http://").to_owned();
        let (requests, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let line = CountedLine { port, requests: requests.clone(), bytes: bytes.clone() };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(&upstream).expect("the receiver");
                let pair = |from: &TcpStream, to: &TcpStream| {
                    (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"))
                };
                let (there, back) = (pair(&client, &server), pair(&server, &client));
                let (requests, bytes) = (requests.clone(), bytes.clone());
                let count = bytes.clone();
                thread::spawn(move || pass(there.0, there.1, &bytes, Some(&requests)));
                thread::spawn(move || pass(back.0, back.1, &count, None));
            }
        });
        line
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/api/sync", self.port)
    }

    /// Requests and bytes since the last call.
    fn take(&self) -> (u64, u64) {
        (self.requests.swap(0, Ordering::SeqCst), self.bytes.swap(0, Ordering::SeqCst))
    }
}

/// Copies until the end. A request begins with the method, which a client writes by itself.
fn pass(mut from: TcpStream, mut to: TcpStream, bytes: &AtomicU64, requests: Option<&AtomicU64>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let part = &buffer[..length];
        bytes.fetch_add(length as u64, Ordering::SeqCst);
        let begins = [b"POST /".as_slice(), b"GET /"].iter().any(|method| part.starts_with(method));
        if let Some(requests) = requests.filter(|_| begins) {
            requests.fetch_add(1, Ordering::SeqCst);
        }
        if to.write_all(part).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
