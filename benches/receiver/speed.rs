//! First delivery and replay against a bare `COPY` of the same rows, many clients against one, and two batches of one
//! client at once against one after the other.

use super::bodies::{BATCH, CONTENT, bodies};
use super::support::running_receiver::{RunningReceiver, TestStore, postgres};
use super::{Measure, Sizes, median};
use std::thread;
use std::time::Instant;

/// A client that keeps its connection.
pub struct Sender {
    agent: ureq::Agent,
    url: String,
    authorization: String,
}

impl Sender {
    pub fn new(receiver: &RunningReceiver, key: &str) -> Sender {
        Sender {
            // Without a time-out: what waits is measured, however slow the machine.
            agent: ureq::Agent::config_builder().http_status_as_error(false).build().new_agent(),
            url: format!("{}/api/sync", receiver.base),
            authorization: format!("Bearer {key}"),
        }
    }

    /// The response's status and text.
    pub fn post(&self, body: &[u8]) -> (u16, String) {
        let request = self
            .agent
            .post(&self.url)
            .header("authorization", &self.authorization)
            .header("content-type", "application/json")
            .header("content-encoding", "zstd");
        let mut response = request.send(body).expect("the receiver responds");
        (response.status().as_u16(), response.body_mut().read_to_string().expect("a response is text"))
    }

    /// Seconds to deliver all of these, one after the other.
    pub fn deliver(&self, bodies: &[Vec<u8>]) -> f64 {
        let begun = Instant::now();
        for body in bodies {
            let (status, text) = self.post(body);
            assert_eq!(status, 200, "{text}");
        }
        begun.elapsed().as_secs_f64()
    }
}

/// Users of one organization, and the key of each.
pub fn users(store: &TestStore, count: usize) -> Vec<String> {
    store.admin("org create acme --owner github.com/acme-corp");
    (0..count)
        .map(|n| {
            store.admin(&format!("user create user{n} --org acme"));
            store.key(&format!("user{n}"))
        })
        .collect()
}

/// Without the bounds that a benchmark is there to pass.
pub const UNBOUNDED: [&str; 2] = ["--rate", "10000000"];

/// Names and bytes of the contents of messages.
const CONTENTS: [(&str, usize); 2] = [("without content", 0), ("with content", CONTENT)];

pub fn measure(sizes: &Sizes) -> Vec<Measure> {
    let store = postgres().expect("HAN_SYNC_TEST_POSTGRES");
    let keys = users(&store, sizes.clients.max(1));
    let receiver = store.serve_with(&UNBOUNDED);
    let mut table = Vec::new();
    for (name, content) in CONTENTS {
        let messages = if content > 0 { sizes.messages / 2 } else { sizes.messages };
        let sender = Sender::new(&receiver, &keys[0]);
        table.extend(against_copy(&store, &sender, sizes.rounds, messages, name, content));
    }
    let clients: Vec<&str> = keys.iter().map(String::as_str).collect();
    let of_clients = at_once("clients", &receiver, &clients, sizes, CONTENTS[0]);
    table.push(Measure { target: "≥ 1.5".to_owned(), ..of_clients });
    // Decoding one batch is beside storing the other.
    for content in CONTENTS {
        table.push(at_once("batches of one client", &receiver, &[clients[0]; 2], sizes, content));
    }
    table
}

fn against_copy(
    store: &TestStore,
    sender: &Sender,
    rounds: usize,
    messages: usize,
    name: &str,
    content: usize,
) -> Vec<Measure> {
    store.execute("DROP TABLE IF EXISTS copied; CREATE TABLE copied (LIKE messages INCLUDING ALL)");
    let (mut first, mut replay, mut copy) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        eprintln!("speed {name}: round {round} of {rounds}");
        let bodies = bodies(&format!("{name} {round}"), messages, content);
        let before: usize = count(store);
        let delivered = sender.deliver(&bodies);
        let rows = count(store) - before;
        assert_eq!(rows, bodies.len() * BATCH);
        let replayed = sender.deliver(&bodies);
        let copied = copy_new_rows(store);
        // The first round warms up both.
        if round > 0 {
            first.push(rows as f64 / delivered);
            replay.push(rows as f64 / replayed);
            copy.push(rows as f64 / copied);
        }
    }
    let speed = |figures: &[f64]| format!("{:.0} rows/s", median(figures.iter().copied()));
    let ratio = |a: &[f64], b: &[f64]| format!("{:.2}", median(a.iter().zip(b).map(|(a, b)| a / b)));
    vec![
        Measure {
            name: format!("first delivery, {name}, against COPY"),
            ours: speed(&first),
            against: speed(&copy),
            ratio: ratio(&first, &copy),
            target: if content > 0 { "≥ 0.75" } else { "≥ 0.55" }.to_owned(),
        },
        Measure {
            name: format!("replay, {name}, against first delivery"),
            ours: speed(&replay),
            against: speed(&first),
            ratio: ratio(&replay, &first),
            target: "≥ 1".to_owned(),
        },
    ]
}

fn count(store: &TestStore) -> usize {
    store.query("SELECT count(*) FROM messages")[0][0].as_deref().unwrap_or("0").parse().expect("a count")
}

/// Copies into `copied` what is only in `messages`, and says how many seconds the `COPY` itself took.
fn copy_new_rows(store: &TestStore) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        use futures_util::{SinkExt, StreamExt};
        let (client, connection) =
            tokio_postgres::connect(&store.url, tokio_postgres::NoTls).await.expect("PostgreSQL");
        tokio::spawn(connection);
        // In the order in which they were stored.
        let new = "COPY (SELECT m.* FROM messages m LEFT JOIN copied c USING (tenant_id, session_id, message_id) \
                   WHERE c.tenant_id IS NULL ORDER BY m.ctid) TO STDOUT";
        let chunks: Vec<bytes::Bytes> = client
            .copy_out(new)
            .await
            .expect("COPY TO")
            .map(|chunk| chunk.expect("a row"))
            .collect()
            .await;
        let data: Vec<bytes::Bytes> = chunks.chunks(256).map(|rows| rows.concat().into()).collect();
        let begun = Instant::now();
        let sink = client.copy_in("COPY copied FROM STDIN").await.expect("COPY FROM");
        let mut sink = std::pin::pin!(sink);
        for rows in data {
            sink.send(rows).await.expect("rows are taken");
        }
        sink.finish().await.expect("COPY ends");
        begun.elapsed().as_secs_f64()
    })
}

/// Senders with these keys at once against the first alone, the same number of messages in all.
fn at_once(
    what: &str,
    receiver: &RunningReceiver,
    keys: &[&str],
    sizes: &Sizes,
    (content_name, content): (&str, usize),
) -> Measure {
    let senders: Vec<Sender> = keys.iter().map(|key| Sender::new(receiver, key)).collect();
    let name = format!("{} {what} at once, {content_name}, against one", senders.len());
    let messages = sizes.messages.next_multiple_of(BATCH * senders.len());
    let (mut one, mut all) = (Vec::new(), Vec::new());
    for round in 0..sizes.rounds {
        eprintln!("{name}: round {} of {}", round + 1, sizes.rounds);
        let bodies_of_one = bodies(&format!("{name}, one {round}"), messages, content);
        one.push(messages as f64 / senders[0].deliver(&bodies_of_one));
        let bodies_of_all = bodies(&format!("{name}, all {round}"), messages, content);
        let shares = bodies_of_all.chunks(bodies_of_all.len() / senders.len());
        let begun = Instant::now();
        thread::scope(|scope| {
            for (sender, share) in senders.iter().zip(shares) {
                scope.spawn(|| sender.deliver(share));
            }
        });
        all.push(messages as f64 / begun.elapsed().as_secs_f64());
    }
    Measure {
        name,
        ours: format!("{:.0} rows/s", median(all.iter().copied())),
        against: format!("{:.0} rows/s", median(one.iter().copied())),
        ratio: format!("{:.2}", median(all.iter().zip(&one).map(|(all, one)| all / one))),
        target: String::new(),
    }
}
