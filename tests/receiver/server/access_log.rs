//! The access log: why a request was refused, by whom it came, and under which id a proxy knows it.

use crate::support::running_receiver::*;
use serde_json::Value;

/// The last line of the access log about a route.
fn line(receiver: &RunningReceiver, route: &str, status: u16) -> Value {
    let mut found = Value::Null;
    wait_until("the request in the log", || {
        let log = receiver.log();
        let lines = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut of_route = lines.filter(|line| line["route"] == route && line["status"] == status);
        found = of_route.next().unwrap_or_default();
        !found.is_null()
    });
    found
}

#[test]
fn each_refusal_has_its_reason_and_rejected_sessions_their_codes() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = receiver.client(&team.alice);
    let post = |headers: &[(&str, &str)], body: &[u8]| alice.post("/api/sync", headers, body).status;
    assert_eq!(post(&[], b"[]"), 400);
    let unsupported = post(&[("content-encoding", "br")], b"{}");
    assert_eq!(receiver.client("han_wrong").get("/api/sync/identity").status, 401);
    assert_eq!(alice.get("/nowhere").status, 404);
    assert_eq!(alice.get("/api/sync").status, 405);
    for (route, status) in
        [("sync", 400), ("sync", unsupported), ("identity", 401), ("unknown", 404), ("sync", 405)]
    {
        let found = line(&receiver, route, status);
        assert!(found["reason"].as_str().is_some_and(|reason| reason.len() > 10), "{found}");
        assert_eq!(found["address"], "127.0.0.1", "{found}");
    }
    let rejected = alice.sync(&[
        session("one", "https://github.com/nobody/x", vec![]),
        session("two", "https://github.com/nobody/y", vec![]),
        session("three", ACME, vec![]),
    ]);
    assert_eq!(rejected.status, 207, "{}", rejected.text);
    let found = line(&receiver, "sync", 207);
    assert_eq!(found["rejected"], "REPO_NOT_ACCEPTED=2", "{found}");
    assert_eq!(alice.sync(&[session("three", ACME, vec![])]).status, 200);
    let found = line(&receiver, "sync", 200);
    assert!(found["rejected"].is_null() && found["reason"].is_null(), "{found}");
}

#[test]
fn ids_and_address_of_a_trusted_proxy_are_logged_and_those_of_others_are_not() {
    let store = sqlite();
    let team = store.create_team();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [
        ("x-request-id", "proxy-7"),
        ("traceparent", parent),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-proxy-request-id", "forged"),
    ];
    for is_trusted in [true, false] {
        let arguments: &[&str] = if is_trusted { &["--trusted-proxy", "127.0.0.1"] } else { &[] };
        let receiver = store.serve_with(arguments);
        let response = receiver.client(&team.alice).post("/api/sync", &headers, b"[]");
        assert_ne!(response.header("x-request-id"), Some("proxy-7"), "the receiver's own id");
        let found = line(&receiver, "sync", 400);
        let logged = [&found["proxy_request_id"], &found["traceparent"], &found["address"]];
        if is_trusted {
            assert_eq!(logged, ["proxy-7", parent, "203.0.113.9"]);
        } else {
            assert!(logged[0].is_null() && logged[1].is_null() && logged[2] == "127.0.0.1", "{found}");
        }
    }
    let receiver = store.serve_with(&["--trusted-proxy", "127.0.0.1"]);
    let odd = "a\"b c";
    receiver.client(&team.alice).post("/api/sync", &[("x-request-id", odd)], b"[]");
    assert!(line(&receiver, "sync", 400)["proxy_request_id"].is_null());
}

#[test]
fn metrics_are_there_from_the_start_at_zero_and_count_what_met_a_limit() {
    for store in stores() {
        let team = store.create_team();
        let receiver = store.serve_with(&["--rate", "2"]);
        let metrics = || receiver.client(&team.bob).get("/metrics").text;
        let text = metrics();
        for sample in [
            "han_sync_requests_total{route=\"sync\",status=\"503\"} 0",
            "han_sync_requests_total{route=\"graphql\",status=\"500\"} 0",
            "han_sync_request_seconds_count{route=\"sync\"} 0",
            "han_sync_refusals_total{code=\"SESSION_MOVED\"} 0",
            "han_sync_limits_total{limit=\"rate\"} 0",
            "han_sync_limits_total{limit=\"in_flight\"} 0",
            "han_sync_store_errors_total{kind=\"unavailable\"} 0",
            "han_sync_requests_waiting 0",
            "han_sync_memory_waiting 0",
            "han_sync_store_connections{pool=\"queries\",state=\"waiting\"} 0",
        ] {
            assert!(text.lines().any(|line| line == sample), "{sample} is missing in\n{text}");
        }
        let open = text.lines().find(|line| line.contains("pool=\"batches\",state=\"open\"")).unwrap();
        assert_eq!(open.ends_with(" 0"), !store.is_postgres(), "{open}");
        let alice = receiver.client(&team.alice);
        wait_until("the rate limit", || alice.get("/api/sync/identity").status == 429);
        assert!(metrics().contains("han_sync_limits_total{limit=\"rate\"} 1"));
    }
}
