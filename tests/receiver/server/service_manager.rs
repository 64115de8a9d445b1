//! The service manager's protocol: readiness, watchdog, end, passed sockets.

use crate::support::running_receiver::*;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_han-sync-receiver");

/// Starts `serve` by a shell script that execs its arguments, and waits until it listens.
fn start(
    store: &TestStore,
    script: &str,
    stdin: Stdio,
    variables: &[(&str, &str)],
    flags: &[&str],
) -> RunningReceiver {
    let folder = tempfile::tempdir().unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", script, BINARY, "serve", "--store", &store.url]).args(flags);
    command.envs(variables.iter().copied()).stdin(stdin).stdout(Stdio::piped()).stderr(log);
    RunningReceiver::ready(command.spawn().unwrap(), folder).expect("it serves")
}

const EXEC: &str = r#"exec "$0" "$@""#;
/// Makes stdin the first passed socket.
const EXEC_WITH_SOCKET: &str = r#"exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" "$@""#;

/// Waits for a message with a line.
fn heard(manager: &UnixDatagram, line: &str) {
    let mut buffer = [0; 1024];
    loop {
        let length = manager.recv(&mut buffer).unwrap_or_else(|error| panic!("{line} never came: {error}"));
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.lines().any(|said| said == line) {
            return;
        }
    }
}

#[test]
fn manager_hears_of_readiness_life_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let name = format!("han-sync-test-{}", std::process::id());
    let sockets = [
        (UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap().to_owned()),
        (
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap(),
            format!("@{name}"),
        ),
    ];
    for (manager, address) in sockets {
        manager.set_read_timeout(Some(WAIT_MAX)).unwrap();
        let store = sqlite();
        store.create_team();
        let variables = [("NOTIFY_SOCKET", address.as_str()), ("WATCHDOG_USEC", "20000")];
        let flags = ["--listen", "127.0.0.1:0", "--drain-seconds", "0"];
        let mut receiver = start(&store, EXEC, Stdio::null(), &variables, &flags);
        for line in ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"] {
            heard(&manager, line);
        }
        assert_eq!(receiver.client("").get("/healthz").status, 200, "it is ready when it says so");
        receiver.signal("-TERM");
        heard(&manager, "STOPPING=1");
        assert!(receiver.child.wait().unwrap().success());
    }
}

#[test]
fn manager_that_is_gone_or_means_another_process_changes_nothing() {
    let store = sqlite();
    let team = store.create_team();
    for variables in [
        &[("NOTIFY_SOCKET", "/nowhere/notify"), ("WATCHDOG_USEC", "soon")][..],
        &[("NOTIFY_SOCKET", ""), ("WATCHDOG_USEC", "0")],
        &[("LISTEN_PID", "1"), ("LISTEN_FDS", "1")],
    ] {
        let receiver = start(&store, EXEC, Stdio::null(), variables, &["--listen", "127.0.0.1:0"]);
        assert_eq!(receiver.client(&team.alice).get("/api/sync/identity").status, 200);
    }
}

#[test]
fn passed_socket_takes_the_place_of_the_address() {
    let store = sqlite();
    let team = store.create_team();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Connections that come before the program wait in the socket.
    let early = std::net::TcpStream::connect(address).unwrap();
    let stdin = Stdio::from(OwnedFd::from(listener));
    let receiver = start(&store, EXEC_WITH_SOCKET, stdin, &[], &["--listen", "192.0.2.1:1"]);
    assert_eq!(receiver.base, format!("http://{address}"));
    assert_eq!(receiver.client(&team.alice).get("/api/sync/identity").status, 200);
    drop(early);
}

#[test]
fn socket_named_metrics_serves_metrics_without_a_key() {
    let store = sqlite();
    store.create_team();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stdin = Stdio::from(OwnedFd::from(listener));
    let names = [("LISTEN_FDNAMES", "metrics")];
    let receiver = start(&store, EXEC_WITH_SOCKET, stdin, &names, &["--listen", "127.0.0.1:0"]);
    let metrics = format!("http://{address}");
    let client = HttpClient { base: &metrics, key: "" };
    wait_until("the metrics", || client.get("/metrics").status == 200);
    assert_eq!(client.get("/api/sync/identity").status, 404);
    assert_eq!(receiver.client("").get("/metrics").status, 401);
}

#[test]
fn descriptors_that_are_no_sockets_are_refused() {
    let store = sqlite();
    store.create_team();
    for (script, said) in [
        (EXEC_WITH_SOCKET, "descriptor 3 is no TCP socket"),
        (r#"export LISTEN_PID=$$ LISTEN_FDS=3; exec "$0" "$@""#, "LISTEN_FDS: 3"),
        (r#"export LISTEN_PID=$$ LISTEN_FDS=-1; exec "$0" "$@""#, "LISTEN_FDS: -1"),
    ] {
        let output = Command::new("sh")
            .args(["-c", script, BINARY, "serve", "--listen", "127.0.0.1:0", "--store", &store.url])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(69) && stderr.contains(said), "{stderr}");
    }
}
