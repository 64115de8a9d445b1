//! An HTTP proxy that keeps what it was asked for, and tunnels every `CONNECT` to one address whatever its name.

use std::io::{BufReader, Write, copy};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::http::{RequestHead, read_head};

/// The proxy. Its threads end with the process.
pub struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<RequestHead>>>,
}

impl Proxy {
    /// Tunnels to `target`; `None`: it responds with 502.
    pub fn to(target: Option<SocketAddr>) -> Proxy {
        Proxy::refusing_with(target, "502 Bad Gateway")
    }

    /// Responds with 407, whatever the credentials.
    pub fn wanting_credentials() -> Proxy {
        Proxy::refusing_with(
            None,
            "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"corp\"",
        )
    }

    fn refusing_with(target: Option<SocketAddr>, refusal: &'static str) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener on a loopback address");
        let address = listener.local_addr().expect("a bound listener has an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        thread::spawn({
            let asked = Arc::clone(&asked);
            move || {
                for client in listener.incoming().flatten() {
                    let asked = Arc::clone(&asked);
                    thread::spawn(move || tunnel(client, target, refusal, &asked));
                }
            }
        });
        Proxy { address, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The proxy's url with a user's name and password.
    pub fn url_for(&self, credentials: &str) -> String {
        format!("http://{credentials}@{}", self.address)
    }

    /// Heads of the requests in the order of arrival.
    pub fn asked(&self) -> Vec<RequestHead> {
        self.asked.lock().expect("no thread fails with the lock").clone()
    }
}

fn tunnel(
    client: TcpStream,
    target: Option<SocketAddr>,
    refusal: &str,
    asked: &Mutex<Vec<RequestHead>>,
) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let head = read_head(&mut reader).ok()??;
    asked.lock().ok()?.push(head.clone());
    let mut client = client;
    let server =
        target.filter(|_| head.method == "CONNECT").and_then(|target| TcpStream::connect(target).ok());
    let Some(server) = server else {
        let response = format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n");
        return client.write_all(response.as_bytes()).ok();
    };
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
    let (mut up, mut down) = (server.try_clone().ok()?, server);
    thread::spawn(move || {
        // Whichever side ends first ends the other.
        let _ = copy(&mut reader, &mut up);
        let _ = up.shutdown(Shutdown::Both);
    });
    let _ = copy(&mut down, &mut client);
    client.shutdown(Shutdown::Both).ok()
}
