//! The most memory that many large requests at once take, and what becomes of them.

use super::bodies::{SESSION, body};
use super::speed::{Sender, UNBOUNDED, users};
use super::support::han_db::text::Rng;
use super::support::running_receiver::postgres;
use super::{Measure, Sizes};
use std::collections::BTreeMap;
use std::thread;

/// Sessions of a large body, and bytes of content of each message: 19 MB, just below what a receiver inflates.
const SESSIONS: usize = 16;
const CONTENT_BYTES: usize = 9_000;

pub fn measure(sizes: &Sizes) -> Vec<Measure> {
    let store = postgres().expect("HAN_SYNC_TEST_POSTGRES");
    let keys = users(&store, sizes.clients.max(1));
    let receiver = store.serve_with(&UNBOUNDED);
    eprintln!("memory: making {} large bodies", sizes.requests);
    let bodies: Vec<Vec<u8>> = (0..sizes.requests)
        .map(|n| body(&mut Rng::new(n as u64), SESSIONS * SESSION, CONTENT_BYTES))
        .collect();
    eprintln!("memory: {} requests at once", sizes.requests);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let sending: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(n, body)| {
                let sender = Sender::new(&receiver, &keys[n % keys.len()]);
                scope.spawn(move || sender.post(body).0)
            })
            .collect();
        sending.into_iter().map(|thread| thread.join().expect("a request ends")).collect()
    });
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for status in statuses {
        *counts.entry(status).or_default() += 1;
    }
    let said: Vec<String> = counts.iter().map(|(status, count)| format!("{count} × {status}")).collect();
    let peak = receiver.peak_kib() / 1024;
    vec![Measure {
        name: format!(
            "memory at its peak, {} requests of 19 MB at once ({})",
            sizes.requests,
            said.join(", ")
        ),
        ours: format!("{peak} MiB"),
        against: "256 MiB".to_owned(),
        ratio: format!("{:.2}", peak as f64 / 256.0),
        target: "< 1".to_owned(),
    }]
}
