//! The endpoints of OAuth as a test scripts them: metadata, device authorization, and the responses to polls.

use std::collections::VecDeque;
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use super::http::{RequestHead, read_body, read_head, response_head};

/// Responses of the server, changed by the test.
#[derive(Debug, Clone)]
pub struct Script {
    /// Status and body of the metadata.
    pub metadata: (u16, Value),
    /// Body of the device authorization.
    pub authorization: Value,
    /// Status and body of each poll; the last one repeats.
    pub polls: VecDeque<(u16, Value)>,
    pub revocation_status: u16,
    /// Keys that are refused.
    pub refused: Vec<String>,
    /// Ends of keys.
    pub key_ends: Vec<(String, String)>,
}

/// The server. Its threads end with the process.
pub struct AuthorizationServer {
    pub base: String,
    pub script: Arc<Mutex<Script>>,
    requests: Arc<Mutex<Vec<(RequestHead, String)>>>,
}

impl AuthorizationServer {
    /// A server that approves at the third poll.
    pub fn start() -> AuthorizationServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener on a loopback address");
        let base = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let script = Arc::new(Mutex::new(Script {
            metadata: (
                200,
                json!({
                    "issuer": base,
                    "device_authorization_endpoint": format!("{base}/device_authorization"),
                    "token_endpoint": format!("{base}/token"),
                    "revocation_endpoint": format!("{base}/revoke"),
                }),
            ),
            authorization: json!({
                "device_code": "device-code", "user_code": "BCDF-GHJK", "verification_uri": format!("{base}/device"),
                "verification_uri_complete": format!("{base}/device?user_code=BCDF-GHJK"), "expires_in": 600, "interval": 5,
            }),
            polls: VecDeque::from([
                (400, json!({"error": "authorization_pending"})),
                (400, json!({"error": "slow_down"})),
                (200, json!({"access_token": "han_new", "token_type": "Bearer", "expires_in": 7_776_000})),
            ]),
            revocation_status: 200,
            refused: Vec::new(),
            key_ends: Vec::new(),
        }));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let server = AuthorizationServer { base, script, requests };
        let (script, requests) = (Arc::clone(&server.script), Arc::clone(&server.requests));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, requests) = (Arc::clone(&script), Arc::clone(&requests));
                thread::spawn(move || serve(stream, &script, &requests));
            }
        });
        server
    }

    pub fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().expect("no thread fails with the lock"));
    }

    /// Bodies of the requests to a path, in the order of arrival.
    pub fn bodies(&self, path: &str) -> Vec<String> {
        let requests = self.requests.lock().expect("no thread fails with the lock");
        requests.iter().filter(|(head, _)| head.path == path).map(|(_, body)| body.clone()).collect()
    }

    /// Values of a header, in the order of arrival.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let requests = self.requests.lock().expect("no thread fails with the lock");
        requests.iter().filter_map(|(head, _)| head.header(name).map(str::to_owned)).collect()
    }

    /// Paths of all requests.
    pub fn paths(&self) -> Vec<String> {
        let requests = self.requests.lock().expect("no thread fails with the lock");
        requests.iter().map(|(head, _)| head.path.clone()).collect()
    }
}

fn serve(mut stream: TcpStream, script: &Mutex<Script>, requests: &Mutex<Vec<(RequestHead, String)>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    while let Ok(Some(head)) = read_head(&mut reader) {
        let Ok(body) = read_body(&head, &mut reader) else { return };
        let path = head.path.clone();
        let key = head.header("authorization").and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
        let key = key.to_owned();
        let body = String::from_utf8_lossy(&body).into_owned();
        requests.lock().expect("no thread fails with the lock").push((head, body));
        let (status, response) =
            respond(&path, &key, &mut script.lock().expect("no thread fails with the lock"));
        let response = response.to_string();
        let headers = [
            ("content-type".to_owned(), "application/json".to_owned()),
            ("content-length".to_owned(), response.len().to_string()),
        ];
        let written = stream.write_all(&response_head(status, &headers));
        if written.and_then(|()| stream.write_all(response.as_bytes())).is_err() {
            return;
        }
    }
}

fn respond(path: &str, key: &str, script: &mut Script) -> (u16, Value) {
    match path {
        "/.well-known/oauth-authorization-server" => script.metadata.clone(),
        "/device_authorization" => (200, script.authorization.clone()),
        "/token" if script.polls.len() > 1 => script.polls.pop_front().expect("there are some"),
        "/token" => script.polls.front().cloned().expect("the last one stays"),
        "/revoke" => (script.revocation_status, json!({})),
        "/api/sync/identity" if script.refused.iter().any(|refused| refused == key) => {
            (401, json!({"error": "unknown key", "requestId": "1"}))
        }
        "/api/sync/identity" => {
            let end = script.key_ends.iter().find(|(known, _)| known == key).map(|(_, end)| end);
            (200, json!({"userId": "usr_1", "login": "alice", "keyExpiresAt": end}))
        }
        _ => (404, json!({"error": "not found"})),
    }
}
