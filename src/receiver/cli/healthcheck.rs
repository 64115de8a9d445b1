//! `healthcheck`: asks a receiver on this machine whether it is ready, for container runtimes and service managers.

use super::exit::CliError;
use super::output::ResultOutput;
use argh::FromArgs;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Timeout of connecting, and of each read and write. A container runtime waits for 30 s by default.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a response that are read: the status stands at its beginning.
const RESPONSE_BYTES_MAX: u64 = 4 << 10;

/// ask a receiver on this machine whether it is ready; exit code 0 or 1
#[derive(FromArgs)]
#[argh(subcommand, name = "healthcheck")]
pub struct HealthcheckArgs {
    /// address that the receiver listens on (127.0.0.1:8787)
    #[argh(option, default = "String::from(\"127.0.0.1:8787\")")]
    listen: String,
}

/// Asks `/readyz`. Fails unless it answers 200.
pub fn run(arguments: &HealthcheckArgs, output: &ResultOutput) -> Result<(), CliError> {
    let listen = &arguments.listen;
    let not_ready =
        |reason: String| CliError::NotReady(format!("the receiver at {listen} is not ready: {reason}"));
    let addresses = listen.to_socket_addrs().map_err(|error| not_ready(error.to_string()))?;
    let mut failed = "the name has no address".to_owned();
    for address in addresses.map(reachable) {
        match ask(address) {
            Ok(status) if status == "200" => {
                return output.print(&json!({"ready": true, "listen": listen}), "ready");
            }
            Ok(status) => failed = format!("/readyz answers {status}"),
            Err(error) => failed = error.to_string(),
        }
    }
    Err(not_ready(failed))
}

/// The address to connect to for an address that is listened on: the unspecified one means any.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// The status of the response.
fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(
        format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut response = Vec::new();
    stream.take(RESPONSE_BYTES_MAX).read_to_end(&mut response)?;
    let response = String::from_utf8_lossy(&response);
    let status = response.strip_prefix("HTTP/1.").and_then(|rest| rest.split_whitespace().nth(1));
    status
        .map(str::to_owned)
        .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "what answers speaks no HTTP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receiver_that_listens_on_all_addresses_is_asked_on_the_loopback_one() {
        for (listen, asked) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:2", "[::1]:2"), ("192.0.2.1:3", "192.0.2.1:3")]
        {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
