//! Many clients at once: those for whom there is no permit wait their turn instead of being sent away.

use crate::support::running_receiver::*;
use socket2::{Domain, Socket, Type};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Clients that come at once, and permits for them. With `HAN_SYNC_OPERATE=long` as many clients as a large company has, and
/// the permits that a receiver has by default.
const CLIENTS: usize = 240;
const PERMITS: &str = "16";
const CLIENTS_LONG: u16 = 5_000;
const PERMITS_LONG: &str = "256";
/// Messages of each client.
const MESSAGES: usize = 20;
/// Enough for a client's thread, of which there are thousands.
const STACK_BYTES: usize = 512 << 10;

/// Statuses that a client met, and the time in which it was served.
struct Served {
    statuses: Vec<u16>,
    duration: Duration,
}

/// A client at an address of its own, which does what a run of the exporter does: identity, then a batch, on one connection, and
/// again after the time that `Retry-After` says.
struct HerdClient {
    receiver: SocketAddr,
    own: SocketAddr,
    requests: [Vec<u8>; 2],
}

impl HerdClient {
    fn new(receiver: &RunningReceiver, number: usize, key: &str) -> HerdClient {
        let receiver: SocketAddr = receiver.base.strip_prefix("http://").unwrap().parse().unwrap();
        let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
        let head = |line: &str, length: usize| {
            format!(
                "{line} HTTP/1.1\r\nhost: {receiver}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
                 content-encoding: gzip\r\nx-han-client-id: client-{number}\r\ncontent-length: {length}\r\n\r\n"
            )
        };
        let messages = (0..MESSAGES).map(|line| message(&format!("m{line}"), i64::try_from(line).unwrap()));
        let batch = [session(&format!("s{number}"), ACME, messages.collect())];
        let body = gzip(&sealed(&format!("client-{number}"), &batch));
        let mut post = head("POST /api/sync", body.len()).into_bytes();
        post.extend(body);
        let identity = format!(
            "GET /api/sync/identity HTTP/1.1\r\nhost: {receiver}\r\nauthorization: Bearer {key}\r\n\r\n"
        );
        let own = SocketAddr::from((Ipv4Addr::new(127, 1, high, low), 0));
        HerdClient { receiver, own, requests: [identity.into_bytes(), post] }
    }

    /// Sends both requests until both have succeeded.
    fn run(&self) -> Served {
        let (since, mut statuses, mut next, mut backoff_s) = (Instant::now(), Vec::new(), 0, 1);
        while next < self.requests.len() {
            // A connection that is closed without a response counts as an attempt, too.
            let (status, retry_after_s) = match self.connect() {
                Ok(mut stream) => self.send_from(&mut stream, &mut next).unwrap_or((0, None)),
                Err(_) => (0, None),
            };
            statuses.push(status);
            assert!([0, 200, 429, 503].contains(&status), "{status}");
            if next < self.requests.len() {
                thread::sleep(Duration::from_secs(retry_after_s.unwrap_or(backoff_s)));
                backoff_s *= 2;
            }
        }
        Served { statuses, duration: since.elapsed() }
    }

    fn connect(&self) -> std::io::Result<BufReader<TcpStream>> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&self.own.into())?;
        socket.set_read_timeout(Some(WAIT_MAX))?;
        socket.connect(&self.receiver.into())?;
        Ok(BufReader::new(socket.into()))
    }

    /// Sends what is left, until a request fails. Returns the last status, and after how many seconds to try again.
    fn send_from(
        &self,
        stream: &mut BufReader<TcpStream>,
        next: &mut usize,
    ) -> std::io::Result<(u16, Option<u64>)> {
        let mut last = (0, None);
        while let Some(request) = self.requests.get(*next) {
            stream.get_mut().write_all(request)?;
            last = read_head(stream)?;
            if last.0 != 200 {
                break;
            }
            *next += 1;
        }
        Ok(last)
    }
}

/// Reads a response. Returns its status and the seconds of `Retry-After`.
fn read_head(stream: &mut BufReader<TcpStream>) -> std::io::Result<(u16, Option<u64>)> {
    let (mut status, mut length, mut retry_after_s, mut line) = (0, 0, None, String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().unwrap_or(0);
        } else if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap_or(0);
        } else if let Some(value) = line.strip_prefix("retry-after: ") {
            retry_after_s = value.parse().ok();
        } else if line.is_empty() {
            std::io::copy(&mut stream.take(length), &mut std::io::sink())?;
            return Ok((status, retry_after_s));
        }
    }
}

/// Lets this process and the receivers that it starts open as many files as the system permits.
fn open_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

#[test]
fn clients_that_come_at_once_are_served_one_after_the_other() {
    let is_long = std::env::var("HAN_SYNC_OPERATE").is_ok_and(|form| form == "long");
    let (count, permits) =
        if is_long { (usize::from(CLIENTS_LONG), PERMITS_LONG) } else { (CLIENTS, PERMITS) };
    open_many_files();
    for store in stores() {
        store.admin("org create acme --owner github.com/acme-corp");
        let lines: String = (0..count)
            .map(|n| format!("{{\"login\": \"user-{n}\", \"organizations\": [\"acme\"], \"key\": {{}}}}\n"))
            .collect();
        let list = store.folder.path().join("users.jsonl");
        std::fs::write(&list, lines).unwrap();
        let imported = store.admin(&format!("user import {}", list.display()));
        let keys: Vec<String> = keys_of(&imported);
        assert_eq!(keys.len(), count, "{imported}");
        let receiver = store.serve_with(&["--in-flight", permits]);
        let clients: Vec<HerdClient> =
            keys.iter().enumerate().map(|(number, key)| HerdClient::new(&receiver, number, key)).collect();
        let served: Vec<Served> = thread::scope(|scope| {
            let run = |client| {
                let thread = thread::Builder::new().stack_size(STACK_BYTES);
                thread.spawn_scoped(scope, move || HerdClient::run(client)).unwrap()
            };
            let running: Vec<_> = clients.iter().map(run).collect();
            running.into_iter().map(|running| running.join().unwrap()).collect()
        });
        let refused = served.iter().filter(|served| served.statuses != [200]).count();
        let last = served.iter().map(|served| served.duration).max().unwrap();
        let tries = served.iter().map(|served| served.statuses.len()).max().unwrap();
        eprintln!(
            "{count} clients, {}: {refused} were sent away, {tries} tries at most, the last one served after {:.1} s, \
             {} MiB at most",
            if store.is_postgres() { "PostgreSQL" } else { "SQLite" },
            last.as_secs_f64(),
            receiver.peak_kib() >> 10
        );
        assert!(refused * 20 <= count, "{refused} of {count} were sent away");
        assert!(receiver.peak_kib() < 256 << 10, "{} KiB", receiver.peak_kib());
        let messages = count * MESSAGES;
        assert_eq!(store.query("SELECT count(*) FROM messages"), [[Some(messages.to_string())]]);
    }
}

/// Connections for which a busy receiver's queue has room, as far as the system allows.
const QUEUED: usize = 3_000;

#[test]
fn clients_that_come_while_the_receiver_is_busy_wait_in_the_queue_of_the_system() {
    open_many_files();
    let system = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let count = QUEUED.min(system.trim().parse().unwrap());
    let store = sqlite();
    let team = store.create_team();
    let receiver = store.serve();
    let address: SocketAddr = receiver.base.strip_prefix("http://").unwrap().parse().unwrap();
    receiver.signal("-STOP");
    // A connection beyond the queue is not made until the client has tried again, and again.
    let connections: Vec<TcpStream> =
        (0..count).map(|_| TcpStream::connect_timeout(&address, WAIT_MAX).unwrap()).collect();
    receiver.signal("-CONT");
    drop(connections);
    assert_eq!(receiver.client(&team.alice).get("/healthz").status, 200);
}

/// All keys in a document.
fn keys_of(document: &serde_json::Value) -> Vec<String> {
    match document {
        serde_json::Value::String(text) if text.starts_with("han_") && text.len() > 20 => vec![text.clone()],
        serde_json::Value::Array(values) => values.iter().flat_map(keys_of).collect(),
        serde_json::Value::Object(members) => members.values().flat_map(keys_of).collect(),
        _ => Vec::new(),
    }
}
