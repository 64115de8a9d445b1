//! The test receiver itself: that its faults are what they say, seen from a plain HTTP client.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::test_receiver::fault::TestResponse;
use crate::support::test_receiver::store::ALICE_KEY;
use crate::support::tls::{Authority, Certificate};
use crate::support::{Fault, TestReceiver, batches, connections, http, identities, proxy::Proxy};
use han_sync::protocol::{CLIENT_ID_HEADER, SyncResponse, seal};
use serde_json::{Value, json};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Error};

fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build().into()
}

fn message(id: &str) -> Value {
    json!({"id": id, "lineNumber": 0, "messageType": "user", "timestamp": "2026-03-01T09:00:00Z"})
}

fn session(id: &str, messages: &[&str]) -> Value {
    let messages: Vec<Value> = messages.iter().map(|id| message(id)).collect();
    json!({
        "id": id, "projectSlug": "api", "repoRemote": "https://github.com/acme-corp/api", "status": "active",
        "slug": null, "messages": messages, "tasks": [], "lastModified": "2026-03-01T09:00:00Z",
    })
}

fn post(
    agent: &Agent,
    server: &TestReceiver,
    sessions: &[Value],
) -> Result<ureq::http::Response<Body>, Error> {
    let payload = json!({
        "version": "1.0", "clientId": "c", "userId": "unknown", "timestamp": "2026-03-01T09:00:00Z",
        "cursor": {}, "sessions": sessions,
    });
    let mut body = serde_json::to_vec(&payload).unwrap();
    seal(&mut body);
    agent
        .post(server.endpoint())
        .header("Authorization", format!("Bearer {ALICE_KEY}"))
        .header("Content-Type", "application/json")
        .header("Content-Encoding", "gzip")
        .header(CLIENT_ID_HEADER, "c")
        .send(&http::gzip(&body))
}

fn response(answer: Result<ureq::http::Response<Body>, Error>) -> (u16, SyncResponse) {
    let mut answer = answer.unwrap();
    let body = answer.body_mut().read_to_vec().unwrap();
    (answer.status().as_u16(), serde_json::from_slice(&body).unwrap())
}

#[test]
fn a_batch_that_comes_twice_is_stored_once() {
    let server = TestReceiver::start();
    let agent = agent();
    for _ in 0..2 {
        let (status, response) = response(post(&agent, &server, &[session("s1", &["m1", "m2"])]));
        assert_eq!((status, response.processed, response.messages_processed), (200, 1, 2));
    }
    assert_eq!(server.alice().message_count(), 2);
    assert_eq!(server.alice().messages_again, 2);
    assert_eq!(server.connection_count(), 1, "connections are kept alive");
}

#[test]
fn script_befalls_the_requests_it_names() {
    let server = TestReceiver::start();
    server
        .script(batches().with_session("s2").skip(1).times(1), Fault::status(503).header("Retry-After", "7"));
    let agent = agent();
    let mut statuses = Vec::new();
    for id in ["s1", "s2", "s2", "s2"] {
        let answer = post(&agent, &server, &[session(id, &[])]).unwrap();
        statuses.push((answer.status().as_u16(), answer.headers().get("retry-after").is_some()));
    }
    assert_eq!(statuses, [(200, false), (200, false), (503, true), (200, false)]);
}

#[test]
fn refused_session_is_named_and_the_others_are_stored() {
    let server = TestReceiver::start();
    server.reject("s2", "VALIDATION_ERROR", 1);
    let agent = agent();
    let both = [session("s1", &["m1"]), session("s2", &["m2"])];
    let (status, refused) = response(post(&agent, &server, &both));
    assert_eq!((status, refused.processed, refused.errors[0].session_id.as_str()), (207, 1, "s2"));
    assert!(!server.alice().sessions.contains_key("s2"));
    assert_eq!(response(post(&agent, &server, &both)).0, 200);
}

#[test]
fn resets_leave_the_batch_stored_only_after_the_commit() {
    let server = TestReceiver::start();
    server.script(batches().times(1), Fault::reset().after_commit());
    server.script(batches().times(1), Fault::reset());
    server.script(batches().times(1), Fault::reset().unread());
    server.script(connections().times(1), Fault::reset());
    for stored in [false, false, false, true] {
        match post(&agent(), &server, &[session("s1", &["m1"])]) {
            Err(Error::Io(error)) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            other => panic!("no reset but {other:?}"),
        }
        assert_eq!(server.alice().message_count() == 1, stored);
    }
}

#[test]
fn broken_bodies_are_broken() {
    let server = TestReceiver::start();
    let read = |fault: Fault| {
        server.clear_script();
        server.script(batches(), fault);
        let mut answer = post(&agent(), &server, &[session("s1", &[])]).unwrap();
        answer.body_mut().with_config().limit(1 << 20).read_to_vec()
    };
    assert!(read(Fault::none().cut()).is_err());
    assert!(read(Fault::status(200).blank(Some(100 << 20))).is_err());
    assert!(read(Fault::status(200).blank(None)).is_err());
    assert!(server.response_bytes() < 50 << 20);
    assert!(read(Fault::html(200)).unwrap().starts_with(b"<!doctype"));
    let whole: SyncResponse = serde_json::from_slice(&read(Fault::none().gzipped()).unwrap()).unwrap();
    assert_eq!(whole.processed, 1);
    let dripped = read(Fault::status(200).body("[]").dripping(Duration::from_millis(1)));
    assert_eq!(dripped.unwrap(), b"[]");
    let lie: SyncResponse =
        serde_json::from_slice(&read(Fault::lie(|response| response.processed += 1)).unwrap()).unwrap();
    assert_eq!(lie.processed, 2);
}

#[test]
fn line_passes_on_what_its_faults_let_through() {
    let server = TestReceiver::start();
    let passed = Arc::new(AtomicUsize::new(0));
    server.forward_to(Arc::new({
        let passed = passed.clone();
        move |_| {
            (passed.fetch_add(1, Ordering::Relaxed) < 2)
                .then(|| TestResponse::error(503, "another receiver's"))
        }
    }));
    server.script(batches().times(1), Fault::reset().after_commit());
    server.script(batches().times(1), Fault::status(500));
    let mut statuses = Vec::new();
    for count in [0, 1, 2, 3] {
        let answer = post(&agent(), &server, &[session("s1", &["m1"])]);
        statuses.push(answer.ok().map(|answer| answer.status().as_u16()));
        assert_eq!(passed.load(Ordering::Relaxed), count);
    }
    assert_eq!(statuses, [Some(500), None, Some(503), None], "no answer where the other receiver gives none");
    assert_eq!(server.alice().message_count(), 0);
}

#[test]
fn held_requests_wait_for_their_release() {
    let server = TestReceiver::start();
    server.script(batches(), Fault::none().held());
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| response(post(&agent(), &server, &[session("s1", &["m1"])])));
        server.wait_until("the batch arrives", |requests| !requests.is_empty());
        assert_eq!(server.alice().message_count(), 0);
        server.release();
        assert_eq!(answer.join().unwrap().0, 200);
    });
}

#[test]
fn silence_ends_with_the_server() {
    let server = TestReceiver::start();
    server.script(identities(), Fault::silence());
    std::thread::scope(|scope| {
        let url = format!("{}/identity", server.endpoint());
        let answer = scope.spawn(move || agent().get(url).call());
        server.wait_until("the request arrives", |requests| !requests.is_empty());
        drop(server);
        assert!(answer.join().unwrap().is_err());
    });
}

#[test]
fn https_is_trusted_through_its_authority_only_and_tunnels_through_the_proxy() {
    let authority = Authority::new("test authority");
    let server = TestReceiver::https(authority.server(Certificate::Right));
    let expired = TestReceiver::https(authority.server(Certificate::Expired));
    let other_host = TestReceiver::https(authority.server(Certificate::OtherHost));
    let proxy = Proxy::to(Some(server.address()));
    let agent = |trusts: &Authority, proxy: Option<&Proxy>| -> Agent {
        let root = ureq::tls::Certificate::from_pem(trusts.pem().as_bytes()).unwrap();
        let tls = TlsConfig::builder().root_certs(RootCerts::from(vec![root])).build();
        let proxy = proxy.map(|proxy| ureq::Proxy::new(&proxy.url()).unwrap());
        Agent::config_builder().tls_config(tls).proxy(proxy).build().into()
    };
    let sessions = [session("s1", &["m1"])];
    assert!(post(&agent(&Authority::new("another"), None), &server, &sessions).is_err());
    assert!(post(&agent(&authority, None), &expired, &sessions).is_err());
    assert!(post(&agent(&authority, None), &other_host, &sessions).is_err());
    assert_eq!(server.alice().message_count(), 0);
    assert!(post(&agent(&authority, None), &server, &sessions).is_ok());
    assert!(post(&agent(&authority, Some(&proxy)), &server, &sessions).is_ok());
    let asked = proxy.asked();
    assert_eq!((asked[0].method.as_str(), &asked[0].path), ("CONNECT", &server.address().to_string()));
}
