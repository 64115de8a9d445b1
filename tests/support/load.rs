//! Deliveries that go on whatever happens to the store.

use super::running_receiver::{
    ACME, HttpClient, RunningReceiver, Team, TestStore, message, session, wait_until,
};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Clients that send at a time.
const SENDERS: usize = 8;

/// Batches that are sent over and over, and the ids of those that were acknowledged.
#[derive(Default)]
pub struct Load {
    acknowledged: Mutex<BTreeSet<String>>,
    is_done: AtomicBool,
}

impl Load {
    /// Runs `fault` while the team sends. So many batches are acknowledged before it, and again after it.
    pub fn around(receiver: &RunningReceiver, team: &Team, batches: usize, fault: impl FnOnce()) -> Load {
        let load = Load::default();
        thread::scope(|scope| {
            let _end = LoadEnd(&load);
            for sender in 0..SENDERS {
                let key = [&team.alice, &team.bob, &team.dave][sender % 3];
                let (load, client) = (&load, receiver.client(key));
                scope.spawn(move || load.send(client, sender));
            }
            load.wait_for_more(batches);
            fault();
            load.wait_for_more(batches);
        });
        load
    }

    /// Asserts that a store holds each acknowledged batch whole. Returns the number of sessions that it holds.
    pub fn assert_stored(&self, store: &TestStore) -> usize {
        let stored = store.query("SELECT session_id FROM messages GROUP BY session_id HAVING count(*) = 2");
        let stored: BTreeSet<String> = stored.into_iter().flatten().flatten().collect();
        let acknowledged = self.acknowledged.lock().unwrap();
        let lost: Vec<&String> = acknowledged.difference(&stored).collect();
        assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
        eprintln!("{} batches were acknowledged, none of them lost", acknowledged.len());
        stored.len()
    }

    fn len(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Sends one session after the other, each until it is acknowledged.
    fn send(&self, client: HttpClient<'_>, sender: usize) {
        for number in 0.. {
            let id = format!("s{sender}-{number}");
            let batch = [session(&id, ACME, vec![message("m", 0), message("n", 1)])];
            wait_until("an acknowledgement", || {
                if self.is_done.load(Ordering::SeqCst) {
                    return true;
                }
                let response = client.sync(&batch);
                assert!([200, 503].contains(&response.status), "{}", response.text);
                let is_stored = response.status == 200;
                assert!(is_stored || response.header("retry-after").is_some(), "{response:?}");
                if is_stored {
                    self.acknowledged.lock().unwrap().insert(id.clone());
                }
                is_stored
            });
            if self.is_done.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    /// Waits until so many more are acknowledged.
    fn wait_for_more(&self, batches: usize) {
        let before = self.len();
        wait_until("more acknowledgements", || self.len() >= before + batches);
    }
}

/// Ends the load however a test ends, so that its senders do.
struct LoadEnd<'l>(&'l Load);

impl Drop for LoadEnd<'_> {
    fn drop(&mut self) {
        self.0.is_done.store(true, Ordering::SeqCst);
    }
}
