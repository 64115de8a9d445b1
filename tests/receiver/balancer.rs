//! Two receivers behind a proxy, as `packaging/proxy` configures it: they are restarted in turn, and no client notices.

use crate::support::running_receiver::*;
use crate::support::tls::{Authority, Certificate};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use ureq::tls::{RootCerts, TlsConfig};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/proxy");
/// Addresses of the receivers in the configurations.
const ADDRESSES: [&str; 2] = ["127.0.0.1:8787", "127.0.0.1:8788"];
/// Time for the proxy to notice that a receiver stops: HAProxy asks every second.
const DRAIN_SECONDS: &str = "3";
/// Requests that a receiver has to answer before the next one is stopped.
const REQUESTS: usize = 20;

/// A running proxy, ended with the test.
struct Balancer {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Balancer {
    /// Starts the program with its sample, in which ports and certificates are those of the test; `None`, said aloud, where it
    /// is not installed.
    fn start(program: &str, receivers: [u16; 2], authority: &Authority) -> Option<Balancer> {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (pem, key) = authority.pem_pair(Certificate::Right);
        for (name, text) in [("team.pem", &pem), ("team.key", &key), ("both.pem", &format!("{pem}{key}"))] {
            std::fs::write(path(name), text).unwrap();
        }
        let sample = match program {
            "nginx" => "nginx.conf",
            "haproxy" => "haproxy.cfg",
            _ => "Caddyfile",
        };
        let mut text = std::fs::read_to_string(Path::new(FOLDER).join(sample)).unwrap();
        let mut replace = |from: &str, to: &str| {
            assert!(text.contains(from), "{sample} has {from}");
            text = text.replace(from, to);
        };
        for (address, port) in ADDRESSES.into_iter().zip(receivers) {
            replace(address, &format!("127.0.0.1:{port}"));
        }
        if program == "haproxy" {
            replace("/etc/ssl/team-with-key.pem", &path("both.pem"));
        } else {
            replace("/etc/ssl/team.pem", &path("team.pem"));
            replace("/etc/ssl/team.key", &path("team.key"));
        }
        let mut command = Command::new(program);
        match program {
            "nginx" => {
                replace("listen 443", &format!("listen 127.0.0.1:{port}"));
                let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|name| format!("{name}_temp_path {};\n", path(name)))
                    .concat();
                let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
                text = format!(
                    "daemon off; pid {}; {user}\nevents {{}}\nhttp {{ access_log off; {temporary}{text} }}\n",
                    path("pid")
                );
                command.args(["-e", "stderr", "-p"]).arg(folder.path()).args(["-c", &path("conf")]);
            }
            "haproxy" => {
                replace("bind :443", &format!("bind 127.0.0.1:{port}"));
                command.args(["-db", "-f", &path("conf")]);
            }
            _ => {
                replace("team.example.com:443", &format!("https://127.0.0.1:{port}"));
                text = format!("{{\nadmin off\nauto_https disable_redirects\nskip_install_trust\n}}\n{text}");
                command.args(["run", "--adapter", "caddyfile", "--config", &path("conf")]);
                command.env("HOME", folder.path()).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
            }
        }
        std::fs::write(path("conf"), text).unwrap();
        let log = std::fs::File::create(path("log")).unwrap();
        let Ok(child) = command.stdout(log.try_clone().unwrap()).stderr(log).spawn() else {
            eprintln!("SKIPPED: {program} is not installed");
            return None;
        };
        let balancer = Balancer { child, port, folder };
        wait_until("the proxy to listen", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        Some(balancer)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // Not by force, which would leave nginx's workers.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("log of the proxy:\n{}", self.log());
        }
    }
}

/// Starts a receiver at this port.
fn serve_at(store: &TestStore, port: u16) -> RunningReceiver {
    let arguments = ["--trusted-proxy", "127.0.0.1", "--drain-seconds", DRAIN_SECONDS, "--rate", "1000000"];
    RunningReceiver::start_at(&store.url, port, &arguments)
}

/// A client of a proxy with a certificate of this authority.
fn agent_of(authority: &Authority) -> ureq::Agent {
    let root = ureq::tls::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let tls = TlsConfig::builder().root_certs(RootCerts::from(vec![root])).build();
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(WAIT_MAX));
    config.tls_config(tls).build().new_agent()
}

/// Sends a batch and asks for the identity. Returns what went wrong.
fn ask(agent: &ureq::Agent, port: u16, key: &str, id: &str) -> Result<(), String> {
    let url = format!("https://127.0.0.1:{port}/api/sync");
    let bearer = format!("Bearer {key}");
    let body = gzip(&sealed("client-1", &[session(id, ACME, vec![message("m", 0)])]));
    let sent = agent
        .post(&url)
        .header("authorization", &bearer)
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .send(&body[..]);
    let identity = agent.get(format!("{url}/identity")).header("authorization", &bearer).call();
    for (what, response) in [("a batch", sent), ("an identity", identity)] {
        let response = read(response.map_err(|error| format!("{what} {id}: {error}"))?);
        if response.status != 200 {
            return Err(format!("{what} {id}: {} {}", response.status, response.text));
        }
    }
    Ok(())
}

/// Waits until a receiver has answered requests of clients through the proxy.
fn wait_for_requests(receiver: &RunningReceiver) {
    let answered = || receiver.log().lines().filter(|line| line.contains("\"identity\"")).count();
    wait_until("requests through the proxy", || answered() >= REQUESTS);
}

fn restart_in_turn_behind(program: &str) {
    let Some(store) = postgres() else { return };
    let (authority, team) = (Authority::new("ours"), store.create_team());
    let ports = [free_port(), free_port()];
    let mut receivers = ports.map(|port| serve_at(&store, port));
    let Some(balancer) = Balancer::start(program, ports, &authority) else { return };
    let (is_done, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let failures: Vec<String> = thread::scope(|scope| {
        let clients: Vec<_> = [&team.alice, &team.bob, &team.dave, &team.alice]
            .into_iter()
            .enumerate()
            .map(|(client, key)| {
                let (is_done, sent, authority, port) = (&is_done, &sent, &authority, balancer.port);
                scope.spawn(move || {
                    let (mut agent, mut failures) = (agent_of(authority), Vec::new());
                    while !is_done.load(Ordering::SeqCst) {
                        let number = sent.fetch_add(1, Ordering::SeqCst);
                        if client % 2 == 0 {
                            agent = agent_of(authority); // and a connection of its own
                        }
                        failures.extend(ask(&agent, port, key, &format!("s{client}-{number}")).err());
                    }
                    failures
                })
            })
            .collect();
        let restarted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            receivers.iter().for_each(wait_for_requests);
            for (receiver, port) in receivers.iter_mut().zip(ports) {
                receiver.signal("-TERM");
                assert!(receiver.child.wait().unwrap().success());
                *receiver = serve_at(&store, port);
                wait_for_requests(receiver);
            }
        }));
        is_done.store(true, Ordering::SeqCst);
        let failures = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        if let Err(panic) = restarted {
            std::panic::resume_unwind(panic);
        }
        failures
    });
    let sent = sent.into_inner();
    assert!(failures.is_empty(), "{} of {sent} failed: {failures:#?}", failures.len());
    assert_eq!(store.query("SELECT count(*) FROM sessions"), [[Some(sent.to_string())]]);
    let metrics = agent_of(&authority).get(format!("https://127.0.0.1:{}/metrics", balancer.port)).call();
    assert_eq!(metrics.unwrap().status(), 404, "metrics are for the inside");
}

#[test]
fn receivers_behind_nginx_are_restarted_in_turn_and_no_request_fails() {
    restart_in_turn_behind("nginx");
}

#[test]
fn receivers_behind_haproxy_are_restarted_in_turn_and_no_request_fails() {
    restart_in_turn_behind("haproxy");
}

#[test]
fn receivers_behind_caddy_are_restarted_in_turn_and_no_request_fails() {
    restart_in_turn_behind("caddy");
}
