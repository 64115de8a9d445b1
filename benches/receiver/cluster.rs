//! Deliveries and the views of the page on a cluster with Citus, against one server of the same machine.
//!
//! Both are asked in turn, so that what else the machine does meets both. The cluster is a coordinator and two workers, with the
//! shards that `admin distribute` makes by default. Where Citus is not installed, the part is skipped with a word.

use super::bodies::{BATCH, CONTENT, bodies, body};
use super::page::{REQUESTS, fill_organization, views};
use super::speed::{Sender, UNBOUNDED, users};
use super::support::browser::Browser;
use super::support::cluster::Cluster;
use super::support::han_db::text::Rng;
use super::support::running_receiver::{TestStore, postgres};
use super::{Measure, Sizes, median};
use std::thread;
use std::time::Instant;

/// Batches of each kind; the first ones warm up both.
const BATCHES: usize = 25;
const WARM_UP: usize = 5;
/// Messages of a small batch.
const FEW: usize = 20;

/// Milliseconds of both, in pairs.
#[derive(Default)]
struct Pairs {
    cluster: Vec<f64>,
    one_server: Vec<f64>,
}

pub fn measure(sizes: &Sizes) -> Vec<Measure> {
    let Some(cluster) = Cluster::shared() else { return Vec::new() };
    let mut table = deliveries(&cluster, sizes);
    table.extend(shown(&cluster, sizes));
    table
}

/// Batches of an organization: those of one client, and those of all clients at once.
fn deliveries(cluster: &Cluster, sizes: &Sizes) -> Vec<Measure> {
    let stores = [cluster.database(), postgres().expect("HAN_SYNC_TEST_POSTGRES")];
    let keys = stores.each_ref().map(|store| users(store, sizes.clients.max(1)));
    stores[0].admin("distribute");
    let receivers = stores.each_ref().map(|store| store.serve_with(&UNBOUNDED));
    let senders: [Vec<Sender>; 2] =
        [0, 1].map(|side| keys[side].iter().map(|key| Sender::new(&receivers[side], key)).collect());
    let first = [&senders[0][0], &senders[1][0]];
    let mut table = Vec::new();
    for (name, content) in [("without content", 0), ("with content", CONTENT)] {
        let bodies = bodies(&format!("cluster {name}"), BATCHES * BATCH, content);
        table.push(batches(&format!("a batch of {BATCH} messages {name}"), first, &bodies));
        table.push(batches(&format!("the same {name}, replayed"), first, &bodies));
    }
    let mut seeded = Rng::new(FEW as u64);
    let few: Vec<Vec<u8>> = (0..BATCHES).map(|_| body(&mut seeded, FEW, 0)).collect();
    table.push(batches(&format!("a batch of one session of {FEW} messages"), first, &few));
    table.push(clients_at_once(&senders, sizes));
    table
}

fn batches(name: &str, [cluster, one_server]: [&Sender; 2], bodies: &[Vec<u8>]) -> Measure {
    eprintln!("cluster: {name}");
    let mut pairs = Pairs::default();
    for (number, body) in bodies.iter().enumerate() {
        let took = [cluster, one_server].map(|sender| sender.deliver(std::slice::from_ref(body)) * 1_000.0);
        if number >= WARM_UP {
            pairs.push(took);
        }
    }
    pairs.measure(name)
}

/// All clients at once: milliseconds for each batch of all of them.
fn clients_at_once(senders: &[Vec<Sender>; 2], sizes: &Sizes) -> Measure {
    let name = format!("{} clients at once, time to a batch", senders[0].len());
    eprintln!("cluster: {name}");
    let mut pairs = Pairs::default();
    for round in 0..=sizes.rounds {
        let messages = sizes.messages.next_multiple_of(BATCH * senders[0].len());
        let bodies = bodies(&format!("cluster at once {round}"), messages, 0);
        let took = senders.each_ref().map(|senders| {
            let begun = Instant::now();
            thread::scope(|scope| {
                for (sender, share) in senders.iter().zip(bodies.chunks(bodies.len() / senders.len())) {
                    scope.spawn(|| sender.deliver(share));
                }
            });
            begun.elapsed().as_secs_f64() * 1_000.0 / bodies.len() as f64
        });
        if round > 0 {
            pairs.push(took);
        }
    }
    pairs.measure(&name)
}

/// The views of the page for an organization of `--shown` messages.
fn shown(cluster: &Cluster, sizes: &Sizes) -> Vec<Measure> {
    let stores = [cluster.database(), postgres().expect("HAN_SYNC_TEST_POSTGRES")];
    let readers = stores.each_ref().map(|store| fill_organization(store, sizes.shown));
    stores[0].admin("distribute");
    analyze(&stores[0]);
    let receivers = stores.each_ref().map(|store| store.serve_with(&UNBOUNDED));
    let browsers = [0, 1].map(|side| {
        [&readers[side].admin, &readers[side].member].map(|key| Browser::signed_in(&receivers[side], key))
    });
    let [on_cluster, on_one_server] =
        [0, 1].map(|side| views(&stores[side], &browsers[side][0], &browsers[side][1]));
    let in_turn = on_cluster.iter().zip(&on_one_server).map(|(on_cluster, on_one_server)| {
        eprintln!("cluster: {}", on_cluster.name);
        let mut pairs = Pairs::default();
        for _ in 0..REQUESTS {
            pairs.push([on_cluster.open(), on_one_server.open()]);
        }
        pairs.measure(&format!("page: {}", on_cluster.name))
    });
    in_turn.collect()
}

/// Statistics of each shard.
fn analyze(store: &TestStore) {
    store.execute("VACUUM ANALYZE");
    for table in ["session_locations", "sessions", "messages", "tasks", "usages", "metrics", "clients"] {
        store.execute(&format!("VACUUM ANALYZE {table}"));
    }
}

impl Pairs {
    fn push(&mut self, [cluster, one_server]: [f64; 2]) {
        self.cluster.push(cluster);
        self.one_server.push(one_server);
    }

    fn measure(&self, name: &str) -> Measure {
        let milliseconds = |figures: &[f64]| format!("{:.1} ms", median(figures.iter().copied()));
        let ratios =
            self.cluster.iter().zip(&self.one_server).map(|(cluster, one_server)| cluster / one_server);
        Measure {
            name: format!("cluster against one server: {name}"),
            ours: milliseconds(&self.cluster),
            against: milliseconds(&self.one_server),
            ratio: format!("{:.2}", median(ratios)),
            target: "none".to_owned(),
        }
    }
}
