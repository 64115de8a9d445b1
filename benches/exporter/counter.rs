//! A receiver that only counts: it inflates each batch, counts its sessions and messages, and acknowledges them. It announces the
//! encodings that it is told to.
//!
//! The receiver's processor time is part of every figure, since an exporter is not measured without a receiver.

use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use regex::bytes::Regex;
use serde_json::json;

use crate::support::http::{RequestHead, gunzip, read_body, read_head, unzstd};

/// Requests since the last call.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub requests: u64,
    pub messages: u64,
    /// Bytes of the bodies, as they were on the wire.
    pub bytes: u64,
}

/// Encodings that a receiver announces.
pub type Encodings = &'static [&'static str];

/// As han-sync-receiver announces them.
pub const ZSTD: Encodings = &["zstd", "gzip"];
/// As a receiver of another make may.
pub const GZIP: Encodings = &["gzip"];

pub struct Counter {
    port: u16,
    counts: Arc<Mutex<Counts>>,
    encodings: Arc<Mutex<Encodings>>,
}

impl Counter {
    /// Listens on a loopback port until the benchmark ends.
    pub fn start() -> Counter {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let counts = Arc::new(Mutex::new(Counts::default()));
        let encodings = Arc::new(Mutex::new(ZSTD));
        thread::spawn({
            let (counts, encodings) = (Arc::clone(&counts), Arc::clone(&encodings));
            move || {
                for stream in listener.incoming().flatten() {
                    let (counts, encodings) = (Arc::clone(&counts), Arc::clone(&encodings));
                    // A client that hangs up is at its end.
                    thread::spawn(move || serve(&stream, &counts, &encodings).ok());
                }
            }
        });
        Counter { port, counts, encodings }
    }

    /// Announces these encodings from now on.
    pub fn announce(&self, encodings: Encodings) {
        *self.encodings.lock().expect("no thread panics while it reads") = encodings;
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/api/sync", self.port)
    }

    /// Requests since the last call.
    pub fn take(&self) -> Counts {
        std::mem::take(&mut self.counts.lock().expect("no thread panics while it counts"))
    }
}

fn serve(stream: &TcpStream, counts: &Mutex<Counts>, encodings: &Mutex<Encodings>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Quotes inside strings are escaped: these occur once in each session and once in each message.
    let session = Regex::new(r#""projectSlug":"#).expect("a pattern");
    let message = Regex::new(r#""lineNumber":"#).expect("a pattern");
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader)? {
        let wire = read_body(&head, &mut reader)?;
        let response = if head.method == "GET" {
            identity(*encodings.lock().expect("no thread panics while it reads"))
        } else {
            let body = match head.header("content-encoding") {
                Some("zstd") => unzstd(&wire)?,
                _ => gunzip(&wire)?,
            };
            let (sessions, messages) = (session.find_iter(&body).count(), message.find_iter(&body).count());
            acknowledgement(sessions, messages)
        };
        let mut counts = counts.lock().expect("no thread panics while it counts");
        counts.requests += 1;
        counts.bytes += wire.len() as u64;
        if !is_identity(&head) {
            counts.messages += response["messagesProcessed"].as_u64().unwrap_or(0);
        }
        drop(counts);
        let body = response.to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        (&mut &*stream).write_all((head + &body).as_bytes())?;
    }
    Ok(())
}

fn is_identity(head: &RequestHead) -> bool {
    head.method == "GET"
}

fn identity(encodings: Encodings) -> serde_json::Value {
    json!({
        "userId": "user-1", "login": "alice", "accounts": ["github.com/alice"],
        "organizations": [{
            "slug": "acme", "name": "Acme", "role": "member", "owners": ["github.com/acme-corp", "gitlab.com/acme"],
        }],
        "protocolVersions": ["1.0"], "encodings": encodings,
        "limits": { "maxBodyBytes": 64 << 20, "maxInflatedBytes": 256 << 20, "maxMessages": 10_000 },
        "retainedSince": null, "serverTimestamp": "2026-01-01T00:00:00Z",
    })
}

fn acknowledgement(sessions: usize, messages: usize) -> serde_json::Value {
    json!({
        "status": "success",
        "cursor": { "lastSessionId": null, "lastMessageLineNumber": 0, "lastSyncTimestamp": "2026-01-01T00:00:00Z" },
        "processed": sessions, "messagesProcessed": messages, "errors": [], "serverTimestamp": "2026-01-01T00:00:00Z",
    })
}
