//! Bounds of a client without a key: connections, memory, time.

use crate::support::running_receiver::*;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};

/// A receiver that may open so many files.
fn with_open_files(store: &TestStore, files: usize, arguments: &str) -> RunningReceiver {
    with_limits(store, &format!("ulimit -n {files}"), arguments)
}

/// A receiver under limits, as the shell sets them.
fn with_limits(store: &TestStore, limits: &str, arguments: &str) -> RunningReceiver {
    let binary = env!("CARGO_BIN_EXE_han-sync-receiver");
    let script =
        format!("{limits}; exec {binary} serve --listen 127.0.0.1:0 --store '{}' {arguments}", store.url);
    let folder = tempfile::tempdir().unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let child = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    RunningReceiver::ready(child, folder).expect("the receiver starts")
}

/// Connects from one of the loopback addresses.
fn connect_from(receiver: &RunningReceiver, last: u8) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)).into()).unwrap();
    let address: SocketAddr = receiver.base.strip_prefix("http://").unwrap().parse().unwrap();
    socket.connect(&address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    stream
}

/// The status of a request on an open connection; `None` if the receiver has closed the connection.
fn ask(stream: &mut TcpStream) -> Option<String> {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").ok()?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).ok()?;
    Some(String::from_utf8_lossy(&status).into_owned())
}

fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_))
}

#[test]
fn the_limit_of_open_files_is_raised_as_far_as_the_system_permits() {
    let store = sqlite();
    store.create_team();
    for (hard, expected) in [("1000", 1_000), ("19000", 4_096 + 128)] {
        let receiver = with_limits(&store, &format!("ulimit -n {hard} && ulimit -S -n 200"), "");
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", receiver.child.id())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let soft: usize = line.split_whitespace().nth(3).unwrap().parse().unwrap();
        assert_eq!(soft, expected, "{line}");
    }
}

#[test]
fn idle_connections_keep_nobody_out_whatever_the_limit_of_open_files() {
    let store = sqlite();
    let team = store.create_team();
    let receiver = with_open_files(&store, 200, "");
    // More than there are files, from more addresses than have shares.
    let mut idle = Vec::new();
    for last in 1..=10 {
        idle.extend((0..30).map(|_| connect_from(&receiver, last)));
    }
    assert_eq!(receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]).status, 200);
    assert_eq!(ask(&mut connect_from(&receiver, 20)).as_deref(), Some("HTTP/1.1 200"));
    assert!(!receiver.log().contains("accept failed"), "{}", receiver.log());
    assert!(is_closed(&mut idle[0]), "the one that had waited longest");
}

#[test]
fn one_address_has_a_share_of_the_connections_and_a_trusted_proxy_all() {
    let store = sqlite();
    store.create_team();
    for (arguments, is_trusted) in [("", false), ("--trusted-proxy 127.0.0.0/8", true)] {
        let receiver = with_open_files(&store, 200, arguments);
        let mut other = connect_from(&receiver, 2);
        let mut own: Vec<TcpStream> = (0..60).map(|_| connect_from(&receiver, 1)).collect();
        // 100 connections, of which a quarter is one address's.
        assert_eq!(ask(&mut own[59]).as_deref(), Some("HTTP/1.1 200"));
        // A connection that gives way may still answer a request that is there at the same moment.
        wait_until("the first connection", || ask(&mut own[0]).is_some() == is_trusted);
        wait_until("a later connection", || ask(&mut own[30]).is_some() == is_trusted);
        assert_eq!(ask(&mut own[45]).as_deref(), Some("HTTP/1.1 200"));
        assert_eq!(ask(&mut other).as_deref(), Some("HTTP/1.1 200"), "another address is not concerned");
    }
}

#[test]
fn unfinished_heads_take_bounded_memory() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-filler: {}", "x".repeat(60_000));
    let mut unfinished = Vec::new();
    for n in 0..700 {
        let mut stream = connect_from(&receiver, 1 + n as u8 % 10);
        // The receiver may have closed it already.
        let _ = stream.write_all(head.as_bytes());
        unfinished.push(stream);
    }
    assert_eq!(receiver.client(&team.alice).get("/api/sync/identity").status, 200);
    assert!(receiver.peak_kib() < 96 << 10, "{} KiB", receiver.peak_kib());
    let finished = unfinished.iter_mut().filter_map(|stream| {
        stream.write_all(b"\r\n\r\n").ok()?;
        let mut status = [0; 12];
        stream.read_exact(&mut status).ok()
    });
    assert!(finished.count() > 100, "within the budget heads are served");
}

#[test]
fn an_idle_connection_is_closed_also_after_a_request_that_took_its_time() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve_with(&["--keep-alive-seconds", "1"]));
    let mut stream = connect_from(&receiver, 1);
    let body = r#"{"query": "{ sessions { edges { cursor } } }"}"#;
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
        team.alice,
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("the receiver closes the connection");
    assert!(response.starts_with("HTTP/1.1 200") && response.contains("\"sessions\""), "{response}");
}

#[test]
fn a_client_that_reads_no_response_gets_no_further_ones() {
    let store = sqlite();
    let receiver = store.serve_with(&["--write-seconds", "2"]);
    let mut stream = connect_from(&receiver, 1);
    let requests = "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1_000);
    stream.set_write_timeout(Some(WAIT_MAX)).unwrap();
    // The receiver stops reading, and then closes the connection.
    let mut sent = 0;
    while stream.write_all(requests.as_bytes()).is_ok() {
        sent += 1;
        assert!(sent < 10_000, "it reads on and on");
    }
    assert!(receiver.peak_kib() < 64 << 10, "{} KiB", receiver.peak_kib());
    assert_eq!(ask(&mut connect_from(&receiver, 1)).as_deref(), Some("HTTP/1.1 200"));
}

/// The head of a request that a proxy forwards for this address.
fn forwarded_head(key: &str, address: &str) -> String {
    format!(
        "POST /api/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nx-forwarded-for: {address}\r\n\
         content-length: 10\r\n"
    )
}

/// A forwarded request in flight, whose body never comes.
fn in_flight(receiver: &RunningReceiver, key: &str, address: &str) -> TcpStream {
    let mut stream = connect_from(receiver, 1);
    let head = format!("{}expect: 100-continue\r\n\r\n", forwarded_head(key, address));
    stream.write_all(head.as_bytes()).unwrap();
    // The receiver asks for the body.
    assert_eq!(first_status(&mut stream), "HTTP/1.1 100");
    stream
}

/// The status of a forwarded request whose body is no batch.
fn status_of_forwarded(receiver: &RunningReceiver, key: &str, address: &str) -> String {
    let mut stream = connect_from(receiver, 1);
    stream.write_all(format!("{}\r\n[1,2,3,4,5", forwarded_head(key, address)).as_bytes()).unwrap();
    first_status(&mut stream)
}

fn first_status(stream: &mut TcpStream) -> String {
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    String::from_utf8_lossy(&status).into_owned()
}

#[test]
fn bounds_count_the_address_that_a_trusted_proxy_forwards() {
    let store = sqlite();
    store.create_team();
    let keys: Vec<String> = (0..3).map(|_| store.key("alice")).collect();
    let arguments = ["--in-flight", "8", "--stall-seconds", "60"];
    let receiver = store.serve_with(&[arguments.as_slice(), &["--trusted-proxy", "127.0.0.1"]].concat());
    // A quarter of eight is one address's.
    let held = [
        in_flight(&receiver, &keys[0], "192.0.2.1"),
        in_flight(&receiver, &keys[1], "198.51.100.7, 192.0.2.1"),
    ];
    assert_eq!(status_of_forwarded(&receiver, &keys[2], "192.0.2.1"), "HTTP/1.1 429");
    assert_eq!(status_of_forwarded(&receiver, &keys[2], "198.51.100.7, 192.0.2.1"), "HTTP/1.1 429");
    assert_eq!(status_of_forwarded(&receiver, &keys[2], "192.0.2.2"), "HTTP/1.1 400");
    drop(held);
    wait_until("the address to be free again", || {
        status_of_forwarded(&receiver, &keys[2], "192.0.2.1") == "HTTP/1.1 400"
    });
    // Without a trusted proxy the header says nothing.
    let receiver = store.serve_with(&arguments);
    let _held: Vec<TcpStream> = keys.iter().map(|key| in_flight(&receiver, key, "192.0.2.1")).collect();
    assert_eq!(status_of_forwarded(&receiver, &keys[2], "192.0.2.1"), "HTTP/1.1 400");
}

#[test]
fn a_proxy_that_is_no_network_is_refused_at_start() {
    let store = sqlite();
    for network in ["proxy.example", "10.0.0.0/33"] {
        let output = Command::new(env!("CARGO_BIN_EXE_han-sync-receiver"))
            .args(["serve", "--listen", "127.0.0.1:0", "--store", &store.url, "--trusted-proxy", network])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(network), "{said}");
    }
}
