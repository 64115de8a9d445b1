//! Connections to PostgreSQL that go silent: nobody waits without a bound, and the log says why.

use crate::support::relay::Relay;
use crate::support::running_receiver::*;
use serde_json::json;
use std::thread;

/// A store that is reached through a relay.
fn through_a_relay() -> Option<(TestStore, Relay, TestStore)> {
    let store = postgres()?;
    let (before, rest) = store.url.split_once('@').expect("a URL with a user");
    let (server, after) = rest.split_once('/').expect("a URL with a database");
    let relay = Relay::to(server);
    let relayed = TestStore::at(&format!("{before}@{}/{after}", relay.address()));
    Some((store, relay, relayed))
}

const SESSIONS: &str = "{ sessions(first: 1) { edges { node { id } } } }";

/// Statuses of every kind of request at once.
fn statuses(client: HttpClient<'_>) -> Vec<(&'static str, u16)> {
    thread::scope(|scope| {
        let asked = [
            ("sync", scope.spawn(move || client.sync(&[session("s", ACME, vec![message("m", 0)])]).status)),
            ("identity", scope.spawn(move || client.get("/api/sync/identity").status)),
            ("graphql", scope.spawn(move || client.graphql(SESSIONS, json!({})).status)),
            (
                "digests",
                scope.spawn(move || client.post("/api/sync/digests", &[], br#"{"sessions":["s"]}"#).status),
            ),
            ("forget", scope.spawn(move || client.delete("/api/sync/sessions/nothing").status)),
            ("page", scope.spawn(move || client.get("/").status)),
            ("readyz", scope.spawn(move || client.get("/readyz").status)),
        ];
        asked.map(|(name, answer)| (name, answer.join().expect("an answer in time"))).to_vec()
    })
}

#[test]
fn silent_connections_hang_no_request_and_are_replaced_when_the_server_is_back() {
    let Some((store, relay, relayed)) = through_a_relay() else { return };
    let (team, mut receiver) = (store.create_team(), relayed.serve());
    let alice = receiver.client(&team.alice);
    for (name, status) in statuses(alice) {
        assert!((200..300).contains(&status), "{name}: {status}");
    }
    relay.silence();
    for (name, status) in statuses(alice) {
        assert_eq!(status, 503, "{name}: {}", receiver.log());
    }
    wait_until("the reason in the log", || receiver.log().contains("did not answer within"));
    assert_eq!(alice.get("/healthz").status, 200);
    relay.resume();
    wait_until("the receiver to be ready", || alice.get("/readyz").status == 200);
    wait_until("every request to succeed", || {
        statuses(alice).iter().all(|(_, status)| (200..300).contains(status))
    });
    relay.silence();
    receiver.signal("-INT");
    assert!(receiver.child.wait().unwrap().success(), "a silent store does not keep it from ending");
}

#[test]
fn a_connection_that_goes_silent_within_a_transaction_is_given_up_and_stores_nothing_twice() {
    let Some((store, relay, relayed)) = through_a_relay() else { return };
    let (team, receiver) = (store.create_team(), relayed.serve());
    let alice = receiver.client(&team.alice);
    let batch = [session("s", ACME, vec![message("m", 0), message("n", 1)])];
    relay.silence_at(b"INSERT INTO messages");
    assert_eq!(alice.sync(&batch).status, 503, "{}", receiver.log());
    relay.resume();
    wait_until("the batch to be stored", || alice.sync(&batch).status == 200);
    assert_eq!(store.query("SELECT count(*) FROM messages"), [[Some("2".to_owned())]]);
    // Both of the queries that may be at work meet silence, and both end.
    relay.silence_at(b"max_parallel_workers_per_gather");
    let refused = |_| alice.graphql(SESSIONS, json!({}));
    assert!(
        [0, 1].map(refused).iter().all(|response| response.status != 200 || response.text.contains("errors"))
    );
    relay.resume();
    wait_until("queries to be answered", || {
        let response = alice.graphql(SESSIONS, json!({}));
        response.status == 200 && !response.text.contains("errors")
    });
}

#[test]
fn responses_of_the_server_that_arrive_in_pieces_hold_nothing_up() {
    let Some((store, relay, relayed)) = through_a_relay() else { return };
    let team = store.create_team();
    relay.pass_in_pieces();
    // Every statement of a new receiver is prepared while responses to earlier ones are on their way.
    let receiver = relayed.serve();
    for (name, status) in statuses(receiver.client(&team.alice)) {
        assert!((200..300).contains(&status), "{name}: {status}");
    }
    assert!(!receiver.log().contains("did not answer"), "{}", receiver.log());
}

#[test]
fn a_store_that_is_silent_at_start_is_named_in_time() {
    let Some((_store, relay, relayed)) = through_a_relay() else { return };
    relay.silence();
    let (code, said) = relayed.refused();
    assert_eq!(code, 69, "{said}");
    relay.resume();
    relay.silence_at(b"pg_is_in_recovery");
    let (code, said) = relayed.refused();
    assert_eq!(code, 69, "{said}");
    assert!(said.contains("did not answer within"), "{said}");
    assert_eq!(relayed.try_admin("org list").0, 69);
}

/// Backends of the receiver at this database.
fn backends(store: &TestStore) -> Vec<String> {
    let sql = "SELECT pid::text FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name = 'han-sync-receiver' ORDER BY pid";
    store.query(sql).into_iter().flatten().flatten().collect()
}

#[test]
fn a_connection_is_replaced_at_its_age() {
    let Some(store) = postgres() else { return };
    let team = store.create_team();
    let receiver =
        RunningReceiver::start_with(&store.url, &[], &[("HAN_SYNC_POOL", "1"), ("HAN_SYNC_POOL_AGE", "1")]);
    let alice = receiver.client(&team.alice);
    assert_eq!(alice.get("/api/sync/identity").status, 200);
    let first = backends(&store);
    wait_until("the connection to be another", || {
        alice.get("/api/sync/identity").status == 200
            && backends(&store).iter().all(|pid| !first.contains(pid))
    });
}

#[test]
fn connections_to_a_server_that_has_become_a_standby_are_given_up_all_at_once() {
    let Some(store) = postgres() else { return };
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = receiver.client(&team.alice);
    let together = |_| alice.sync(&[session("s", ACME, vec![message("m", 0)])]);
    thread::scope(|scope| {
        let sent: Vec<_> = (0..6).map(|n| scope.spawn(move || together(n))).collect();
        sent.into_iter().for_each(|sent| assert_eq!(sent.join().unwrap().status, 200));
    });
    store.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN RAISE EXCEPTION ''read-only'' USING ERRCODE = ''25006''; END'; \
         CREATE TRIGGER refuse BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION refuse()",
    );
    let before = backends(&store);
    let response = alice.sync(&[session("other", ACME, vec![message("m", 0)])]);
    assert_eq!(response.status, 503, "{}", response.text);
    wait_until("none of them to be left", || backends(&store).iter().all(|pid| !before.contains(pid)));
    store.execute("DROP TRIGGER refuse ON sessions");
    assert_eq!(alice.sync(&[session("other", ACME, vec![message("m", 0)])]).status, 200);
}

#[test]
fn a_server_that_takes_no_data_is_refused_at_start_and_not_ready_later() {
    let Some(store) = postgres() else { return };
    let (team, receiver) = (store.create_team(), store.serve());
    let name = store.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    store.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    let (code, said) = store.refused();
    assert!(code == 69 && said.contains("standby"), "{code}: {said}");
    store.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    let alice = receiver.client(&team.alice);
    wait_until("the receiver to be not ready", || alice.get("/readyz").status == 503);
    assert_eq!(alice.sync(&[session("s", ACME, vec![message("m", 0)])]).status, 503);
    store.execute(&format!(
        "BEGIN READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only; COMMIT"
    ));
    wait_until("the receiver to store again", || {
        alice.sync(&[session("s", ACME, vec![message("m", 0)])]).status == 200
    });
}
