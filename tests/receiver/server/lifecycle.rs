//! Readiness, signals, idle connections, and the check of a container runtime.

use crate::support::running_receiver::*;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

/// Exit code and output of `healthcheck` for this address.
fn healthcheck(listen: &str) -> (i32, String) {
    let binary = env!("CARGO_BIN_EXE_han-sync-receiver");
    let output = Command::new(binary).args(["healthcheck", "--listen", listen]).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

fn address(receiver: &RunningReceiver) -> &str {
    receiver.base.strip_prefix("http://").unwrap()
}

#[test]
fn after_sigterm_it_is_not_ready_and_still_serves_until_a_second_signal() {
    for signal in ["-TERM", "-INT"] {
        let store = sqlite();
        let (team, mut receiver) = (store.create_team(), store.serve_with(&["--drain-seconds", "600"]));
        let alice = receiver.client(&team.alice);
        assert_eq!((alice.get("/readyz").status, healthcheck(address(&receiver)).0), (200, 0));
        receiver.signal("-TERM");
        wait_until("the receiver to be not ready", || alice.get("/readyz").status == 503);
        let (code, said) = healthcheck(address(&receiver));
        assert_eq!(code, 1, "{said}");
        assert_eq!(alice.get("/healthz").status, 200);
        let response = alice.sync(&[session("s", ACME, vec![message("m", 0)])]);
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(response.header("connection"), Some("close"), "no request meets a closing connection");
        receiver.signal(signal);
        assert!(receiver.child.wait().unwrap().success());
    }
}

#[test]
fn sigint_does_not_wait_and_a_drain_ends_by_itself() {
    let store = sqlite();
    store.create_team();
    for (signal, seconds) in [("-INT", "600"), ("-TERM", "1"), ("-TERM", "0")] {
        let mut receiver = store.serve_with(&["--drain-seconds", seconds]);
        receiver.signal(signal);
        assert!(receiver.child.wait().unwrap().success());
    }
}

#[test]
fn the_first_request_of_a_connection_from_before_the_end_is_answered() {
    let store = sqlite();
    store.create_team();
    // There is a second for it, so that a busy machine may need another attempt.
    wait_until("a response", || {
        let mut receiver = store.serve();
        let mut stream = TcpStream::connect(address(&receiver)).unwrap();
        stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
        receiver.signal("-INT");
        wait_until("the address to be closed", || TcpStream::connect(address(&receiver)).is_err());
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
        let mut response = String::new();
        let _ = stream.read_to_string(&mut response);
        assert!(receiver.child.wait().unwrap().success());
        response.starts_with("HTTP/1.1 200")
    });
}

#[test]
fn sighup_ends_nothing() {
    let store = sqlite();
    store.create_team();
    let mut receiver = store.serve();
    for signal in ["-HUP", "-HUP"] {
        receiver.signal(signal);
    }
    wait_until("the signal to be seen", || receiver.log().contains("SIGHUP"));
    assert_eq!(receiver.client("").get("/readyz").status, 200);
    receiver.signal("-INT");
    assert!(receiver.child.wait().unwrap().success());
}

#[test]
fn a_connection_without_a_request_is_closed_after_the_time_for_it() {
    let store = sqlite();
    store.create_team();
    let receiver = store.serve_with(&["--keep-alive-seconds", "1"]);
    let mut stream = TcpStream::connect(address(&receiver)).unwrap();
    stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    let text = String::from_utf8(response).unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("ok\n"), "{text}");
    assert!(!text.contains("connection: close"), "it was kept until then: {text}");
}

#[test]
fn healthcheck_says_by_its_exit_code_whether_the_receiver_is_ready() {
    let store = sqlite();
    store.create_team();
    let child = Command::new(env!("CARGO_BIN_EXE_han-sync-receiver"))
        .args(["serve", "--listen", "0.0.0.0:0", "--store", &store.url])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let receiver = RunningReceiver::ready(child, tempfile::tempdir().unwrap()).expect("it serves");
    let port = receiver.base.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "0.0.0.0", "localhost"] {
        let (code, said) = healthcheck(&format!("{host}:{port}"));
        assert_eq!((code, said.as_str()), (0, "ready\n"), "{host}");
    }
    for nobody in ["127.0.0.1:1", "no.such.host.invalid:8787", "127.0.0.1"] {
        let (code, said) = healthcheck(nobody);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(nobody), "{said}");
    }
}

#[test]
fn a_store_that_takes_no_write_is_not_ready_until_it_does() {
    for store in stores() {
        store.create_team();
        let receiver = store.serve();
        let nobody = receiver.client("");
        assert_eq!(nobody.get("/readyz").status, 200);
        let (refuse, allow) = if store.is_postgres() {
            let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
                          'BEGIN RAISE EXCEPTION ''could not extend file'' USING ERRCODE = ''53100''; END'; \
                          CREATE TRIGGER refuse BEFORE INSERT ON readiness FOR EACH ROW EXECUTE FUNCTION refuse()";
            (refuse, "DROP TRIGGER refuse ON readiness")
        } else {
            let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON readiness BEGIN \
                          SELECT RAISE(ABORT, 'database or disk is full'); END";
            (refuse, "DROP TRIGGER refuse")
        };
        store.execute(refuse);
        wait_until("the receiver to be not ready", || nobody.get("/readyz").status == 503);
        wait_until("the reason in the log", || {
            receiver.log().contains("full") || receiver.log().contains("extend")
        });
        store.execute(allow);
        wait_until("the receiver to be ready", || nobody.get("/readyz").status == 200);
    }
}

#[test]
fn missing_grants_make_it_not_ready_and_the_log_has_the_statements() {
    let Some(store) = postgres() else { return };
    store.create_team();
    let receiver = store.serve();
    let nobody = receiver.client("");
    let (request, directory) = (store.role("request"), store.role("directory"));
    for (revoked, missing) in [
        (format!("REVOKE INSERT ON messages FROM {request}"), "ON messages TO"),
        (format!("REVOKE ALL ON owners FROM {directory}"), "ON owners TO"),
    ] {
        assert_eq!(nobody.get("/readyz").status, 200);
        store.execute(&revoked);
        wait_until("the receiver to be not ready", || nobody.get("/readyz").status == 503);
        let reason = || {
            let lines: Vec<String> = receiver.log().lines().map(str::to_owned).collect();
            lines.into_iter().rev().find(|line| line.contains(missing))
        };
        wait_until("the reason in the log", || reason().is_some_and(|line| line.ends_with('}')));
        let cause: serde_json::Value = serde_json::from_str(&reason().unwrap()).unwrap();
        let cause = cause["cause"].as_str().unwrap();
        store.execute(&cause[cause.find("GRANT").unwrap()..]);
        wait_until("the receiver to be ready", || nobody.get("/readyz").status == 200);
    }
}

/// Mounts a small file system of its own on a folder; false, said aloud, where that is not permitted.
fn mount_small(folder: &std::path::Path) -> bool {
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
        .arg(folder)
        .stderr(std::process::Stdio::null())
        .status();
    let is_mounted = mount.is_ok_and(|status| status.success());
    if !is_mounted {
        let _ = writeln!(std::io::stderr(), "SKIPPED: no file system can be mounted");
    }
    is_mounted
}

/// A mounted file system, unmounted with the test.
struct Mounted<'f>(&'f std::path::Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy"]).arg(self.0).status();
    }
}

#[test]
fn a_full_disk_makes_it_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    if !mount_small(folder.path()) {
        return;
    }
    let _mounted = Mounted(folder.path());
    let store = TestStore::at(&format!("sqlite:{}", folder.path().join("team.db").display()));
    store.create_team();
    let receiver = store.serve();
    let nobody = receiver.client("");
    assert_eq!(nobody.get("/readyz").status, 200);
    let filler = folder.path().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4_096]).is_ok() {}
    wait_until("the receiver to be not ready", || nobody.get("/readyz").status == 503);
    wait_until("the reason in the log", || receiver.log().contains("is full"));
    drop(file);
    std::fs::remove_file(filler).unwrap();
    wait_until("the receiver to be ready", || nobody.get("/readyz").status == 200);
}
