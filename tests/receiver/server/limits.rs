//! The limits of the receiver, and its responses beyond them.

use crate::support::running_receiver::*;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

/// A gzip of `megabytes` of zeros, made without holding them.
fn bomb(megabytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..megabytes {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn a_gzip_bomb_is_refused_in_little_memory() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    // 10 MB that inflate to 10 GB: one member of 200 MB, many times.
    let member = bomb(200);
    let body = member.repeat(10_000_000 / member.len());
    assert!(body.len() > 9_000_000);
    let response = receiver.client(&team.alice).post("/api/sync", &[("content-encoding", "gzip")], &body);
    assert_eq!(response.status, 413, "{}", response.text);
    assert!(receiver.peak_kib() < 64 * 1024, "{} KiB", receiver.peak_kib());
}

#[test]
fn a_zstd_bomb_is_refused_in_little_memory() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = receiver.client(&team.alice);
    let post = |body: &[u8]| alice.post("/api/sync", &[("content-encoding", "zstd")], body);
    // A few hundred KB that inflate to 10 GB: one frame of 200 MB, many times, and one that says so.
    let mebibyte = vec![b' '; 1 << 20];
    let frame = zstd(&vec![&mebibyte[..]; 200], 23);
    for body in [frame.repeat(50), zstd_with_size(&mebibyte.repeat(40))] {
        let response = post(&body);
        assert_eq!(response.status, 413, "{}", response.text);
    }
    assert!(receiver.peak_kib() < 64 * 1024, "{} KiB", receiver.peak_kib());
}

/// A frame that names the size of its content.
fn zstd_with_size(body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(body.len()));
    zstd_safe::compress(&mut frame, body, 1).unwrap();
    frame
}

#[test]
fn a_window_of_more_than_8_mib_is_413() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = receiver.client(&team.alice);
    let body = sealed("c", &[]);
    for (window_log, status) in [(20, 200), (23, 200), (24, 413), (27, 413)] {
        let frame = zstd(&[&body], window_log);
        let response = alice.post("/api/sync", &[("content-encoding", "zstd")], &frame);
        assert_eq!(response.status, status, "{window_log}: {}", response.text);
    }
}

#[test]
fn bodies_of_a_million_small_things_are_refused_in_bounded_memory() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = receiver.client(&team.alice);
    let fill = |head: &str, part: &str, tail: &str| {
        let mut body = head.to_owned();
        while body.len() < (19 << 20) {
            body.push_str(part);
        }
        gzip(format!("{}{tail}", body.trim_end_matches(',')).as_bytes())
    };
    let payload = r#"{"version":"1.0","clientId":"c","sessions":["#;
    let message = r#"{"id":"m","lineNumber":0,"messageType":"a","timestamp":"2025-03-01T00:00:00Z"},"#;
    let one = format!(
        r#"{payload}{{"id":"s","projectSlug":"","repoRemote":"","status":"","slug":null,"tasks":[],"lastModified":"","messages":["#
    );
    for (status, body) in [
        (413, fill(payload, "0,", "]}")),
        (413, fill(&one, message, "]}]}")),
        (400, fill("{", r#""":0,"#, "}")),
        // A client's report of itself rejects nothing.
        (
            200,
            fill(
                r#"{"version":"1.0","clientId":"c","sessions":[],"client":{"conditions":["#,
                r#""A","#,
                "]}}",
            ),
        ),
    ] {
        let response = alice.post("/api/sync", &[("content-encoding", "gzip")], &body);
        assert_eq!(response.status, status, "{}", response.text);
    }
    assert!(receiver.peak_kib() < 96 * 1024, "{} KiB", receiver.peak_kib());
}

#[test]
fn bodies_beyond_the_limits_are_413() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = receiver.client(&team.alice);
    assert_eq!(alice.post("/api/sync", &[], &vec![b' '; 11 << 20]).status, 413);
    assert_eq!(alice.post("/api/sync", &[("content-encoding", "gzip")], &bomb(30)).status, 413);
    let long = alice.sync(&[session(&"x".repeat(300), ACME, vec![]), session("short", ACME, vec![])]);
    assert_eq!((long.status, &long.body["processed"]), (207, &json!(1)));
    assert_eq!(long.codes(), [("x".repeat(300), "VALIDATION_ERROR".to_owned())]);
    let long = alice.sync(&[session("s", ACME, vec![message(&"x".repeat(300), 0)])]);
    assert_eq!(long.codes()[0].1, "VALIDATION_ERROR");
}

/// Messages as a client sends them that knows no limit of messages.
fn many(messages: i64) -> Value {
    let message = |n: i64| json!({"id": n.to_string(), "lineNumber": n, "messageType": "user", "timestamp": "2025-03-01T00:00:00Z", "inputTokens": 1});
    session("s", ACME, (0..messages).map(message).collect())
}

#[test]
fn rows_are_bounded_by_memory_and_not_by_the_advised_number() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let advised = alice.get("/api/sync/identity").body["limits"]["maxMessages"].as_i64().unwrap();
        assert_eq!(advised, 10_000);
        for messages in [advised + 1, 25_000] {
            let response = alice.sync(&[many(messages)]);
            assert_eq!(response.status, 200, "{}", response.text);
            assert_eq!(response.body["messagesProcessed"], messages);
        }
        assert_eq!(store.query("SELECT count(*) FROM messages"), [[Some("25000".to_owned())]]);
        let response = alice.sync(&[many(100_000)]);
        assert_eq!((response.status, response.body["error"].is_string()), (413, true));
        // Sessions, and rows that are no objects, count as well.
        for rows in [r#"{"id":"s"},"#, "0,"] {
            let sessions = rows.repeat(100_000);
            let body = format!(
                r#"{{"version":"1.0","clientId":"c","sessions":[{}]}}"#,
                sessions.trim_end_matches(',')
            );
            assert_eq!(alice.post("/api/sync", &[], body.as_bytes()).status, 413);
        }
    }
}

#[test]
fn a_key_beyond_its_rate_is_told_when_to_come_again() {
    let store = sqlite();
    let team = store.create_team();
    let receiver = store.serve_with(&["--rate", "3"]);
    let alice = receiver.client(&team.alice);
    let responses: Vec<u16> = (0..4).map(|_| alice.get("/api/sync/identity").status).collect();
    assert_eq!(responses, [200, 200, 200, 429]);
    let wait: u64 = alice.get("/api/sync/identity").header("retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(receiver.client(&team.bob).get("/api/sync/identity").status, 200);
}

/// The status of an identity request with this key, from a client behind a proxy on the loopback address.
fn status_for(receiver: &RunningReceiver, key: &str, forwarded_for: &str) -> (u16, Option<u64>) {
    let request = agent()
        .get(format!("{}/api/sync/identity", receiver.base))
        .header("authorization", format!("Bearer {key}"))
        .header("x-forwarded-for", forwarded_for);
    let response = request.call().unwrap();
    let retry_after = response.headers().get("retry-after");
    (response.status().as_u16(), retry_after.map(|seconds| seconds.to_str().unwrap().parse().unwrap()))
}

/// Sends unknown keys until one is not looked up any more.
fn guess_until_limited(receiver: &RunningReceiver, forwarded_for: &str) {
    let mut guesses = 0;
    loop {
        let (status, retry_after) = status_for(receiver, &format!("han_guess{guesses}"), forwarded_for);
        if status == 429 {
            assert!((1..=60).contains(&retry_after.unwrap()), "{retry_after:?}");
            return;
        }
        assert_eq!(status, 401);
        guesses += 1;
        assert!(guesses < 10_000, "guesses without a bound");
    }
}

#[test]
fn guesses_of_keys_from_one_address_cost_bounded_look_ups_and_keep_nobody_out() {
    for store in stores() {
        let team = store.create_team();
        let receiver = store.serve_with(&["--trusted-proxy", "127.0.0.1"]);
        assert_eq!(status_for(&receiver, &team.alice, "192.0.2.1").0, 200);
        guess_until_limited(&receiver, "192.0.2.1");
        assert_eq!(status_for(&receiver, &team.alice, "192.0.2.1").0, 200, "a key that was valid lately");
        assert_eq!(status_for(&receiver, &team.bob, "192.0.2.2").0, 200, "another address");
        assert_eq!(status_for(&receiver, &team.bob, "192.0.2.1").0, 200, "known by now");
        guess_until_limited(&receiver, "2001:db8::1");
        guess_until_limited(&receiver, "2001:db8::ffff:2, 127.0.0.1");
        assert_eq!(receiver.client("").get("/api/sync/identity").status, 401, "no key is no guess");
        let metrics = receiver.client(&team.alice).get("/metrics").text;
        for reason in ["missing", "unknown", "limited"] {
            let zero = format!("han_sync_auth_failures_total{{reason=\"{reason}\"}} 0");
            assert!(
                metrics.contains("han_sync_auth_failures_total") && !metrics.contains(&zero),
                "{metrics}"
            );
        }
        store.admin(&format!("key revoke {}", &team.alice[..12]));
        assert_ne!(status_for(&receiver, &team.alice, "192.0.2.3").0, 200, "revoked at once");
    }
}

#[test]
fn guesses_on_every_path_with_a_key_count_together() {
    let store = sqlite();
    store.create_team();
    let receiver = store.serve();
    let mut guesses = 0;
    let is_limited = |status: u16| status == 429;
    loop {
        let guess = format!("han_guess{guesses}");
        let client = receiver.client(&guess);
        let statuses = [
            client.sync(&[]).status,
            client.get("/api/sync/identity").status,
            client.get("/metrics").status,
            client.graphql("{ viewer { login } }", json!({})).status,
        ];
        if statuses.into_iter().all(is_limited) {
            break;
        }
        guesses += 1;
        assert!(guesses < 10_000, "guesses without a bound");
    }
    assert!(guesses < 60, "four paths share one bound: {guesses}");
}

/// Opens a request whose body never ends.
fn stalled(receiver: &RunningReceiver, key: &str) -> TcpStream {
    let mut stream = TcpStream::connect(receiver.base.strip_prefix("http://").unwrap()).unwrap();
    let head = format!(
        "POST /api/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: 1000\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// A connection that breaks is no fault of what was sent: the client tries again, and blames no session.
#[test]
fn a_body_that_ends_early_is_408_and_blames_no_session() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let mut cut = stalled(&receiver, &team.alice);
    cut.shutdown(std::net::Shutdown::Write).unwrap();
    let mut response = String::new();
    cut.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
}

#[test]
fn requests_beyond_the_permits_are_503_and_a_slow_body_gives_its_permit_back() {
    let store = sqlite();
    let team = store.create_team();
    let receiver = store.serve_with(&["--in-flight", "1", "--stall-seconds", "2"]);
    let alice = receiver.client(&team.alice);
    let (mut slow, mut busy) = (Vec::new(), None);
    wait_until("the permit to be taken", || {
        // On a slow machine one may have stalled for too long before the next comes.
        slow.push(stalled(&receiver, &team.bob));
        let response = alice.sync(&[]);
        let is_busy = response.status == 503;
        busy = Some(response);
        is_busy
    });
    assert!(busy.unwrap().header("retry-after").is_some());
    assert_eq!(alice.get("/healthz").status, 200);
    wait_until("the permit to be free again", || alice.sync(&[]).status == 200);
    let responses: Vec<String> = slow
        .into_iter()
        .map(|mut stream| {
            let mut response = String::new();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            stream.read_to_string(&mut response).unwrap();
            response
        })
        .collect();
    assert!(responses.iter().any(|response| response.starts_with("HTTP/1.1 408")), "{responses:?}");
}

#[test]
fn slow_uploads_with_one_key_leave_permits_to_others() {
    let store = sqlite();
    let team = store.create_team();
    let receiver = store.serve_with(&["--in-flight", "10", "--stall-seconds", "60"]);
    let (alice, bob) = (receiver.client(&team.alice), receiver.client(&team.bob));
    let mut slow = Vec::new();
    let mut told = None;
    wait_until("the key to have no permit left", || {
        slow.push(stalled(&receiver, &team.bob));
        let response = bob.sync(&[]);
        let has_none = response.status == 429;
        told = Some(response);
        has_none
    });
    assert!(told.unwrap().header("retry-after").is_some());
    assert_eq!(alice.sync(&[]).status, 200);
    drop(slow);
    wait_until("the permits to be free again", || bob.sync(&[]).status == 200);
}

#[test]
fn sigterm_answers_what_was_accepted() {
    for store in stores() {
        let (team, mut receiver) = (store.create_team(), store.serve_with(&["--drain-seconds", "0"]));
        let body = sealed("c", &[session("s", ACME, vec![message("m", 0)])]);
        let mut stream = TcpStream::connect(receiver.base.strip_prefix("http://").unwrap()).unwrap();
        let head = format!(
            "POST /api/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            team.alice,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // It says so when it is at work on the request and wants the body.
        let mut word = [0; 12];
        stream.read_exact(&mut word).unwrap();
        assert_eq!(&word, b"HTTP/1.1 100");
        receiver.signal("-TERM");
        wait_until("the receiver to stop listening", || {
            TcpStream::connect(receiver.base.strip_prefix("http://").unwrap()).is_err()
        });
        stream.write_all(&body).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.contains("HTTP/1.1 200") && response.contains("\"processed\":1"), "{response}");
        assert!(receiver.child.wait().unwrap().success());
        assert_eq!(store.query("SELECT count(*) FROM messages"), [[Some("1".to_owned())]]);
    }
}

#[test]
fn health_readiness_metrics_and_the_page_show_no_data() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve_with(&["--metrics-listen", "127.0.0.1:0"]));
        let (alice, nobody) = (receiver.client(&team.alice), receiver.client(""));
        alice.sync(&[session("secret-session", ACME, vec![message("m", 0)])]);
        assert_eq!((nobody.get("/healthz").status, nobody.get("/readyz").status), (200, 200));
        assert_eq!(nobody.get("/metrics").status, 401);
        let metrics = alice.get("/metrics").text;
        assert!(metrics.contains("han_sync_requests_total{route=\"sync\",status=\"200\"} 1"), "{metrics}");
        let page = nobody.get("/");
        assert_eq!(page.status, 200);
        for text in [metrics, page.text, receiver.log()] {
            assert!(
                !text.contains("secret-session") && !text.contains("alice") && !text.contains(&team.alice)
            );
        }
        for line in receiver.log().lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
        }
    }
}

/// Enough requests for their log lines to fill a pipe several times.
const REQUESTS_LOGGED: usize = 1_500;

#[test]
fn a_log_that_nobody_reads_holds_up_nothing() {
    let store = sqlite();
    for is_closed in [false, true] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_han-sync-receiver"))
            .args(["serve", "--listen", "127.0.0.1:0", "--drain-seconds", "0", "--store", &store.url])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let unread = child.stderr.take().filter(|_| !is_closed);
        let mut receiver = RunningReceiver::ready(child, tempfile::tempdir().unwrap()).unwrap();
        let agent = agent();
        for _ in 0..REQUESTS_LOGGED {
            let mut response = agent.get(format!("{}/healthz", receiver.base)).call().unwrap();
            assert_eq!(response.body_mut().read_to_string().unwrap(), "ok\n");
        }
        receiver.signal("-TERM");
        wait_until("the receiver to end", || receiver.child.try_wait().unwrap().is_some());
        assert!(receiver.child.wait().unwrap().success(), "closed: {is_closed}");
        drop(unread);
    }
}

#[test]
fn a_store_that_cannot_be_opened_is_said_without_its_password() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_han-sync-receiver"))
        .args(["serve", "--listen", "127.0.0.1:0", "--store", "postgres://u:s3cret@127.0.0.1:1/x"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}
