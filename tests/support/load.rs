//! Deliveries that go on whatever happens to the store.

use super::running_receiver::{ACME, HttpClient, message, session, wait_until};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

/// Batches that are sent over and over, and the ids of those that were acknowledged.
#[derive(Default)]
pub struct Load {
    acknowledged: Mutex<BTreeSet<String>>,
    is_done: AtomicBool,
}

impl Load {
    /// Ids of the sessions that were acknowledged.
    pub fn acknowledged(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.acknowledged.lock().unwrap()
    }

    pub fn len(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Sends one session after the other, each until it is acknowledged.
    pub fn send(&self, client: HttpClient<'_>, sender: usize) {
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
    pub fn wait_for_more(&self, batches: usize) {
        let before = self.len();
        wait_until("more acknowledgements", || self.len() >= before + batches);
    }
}

/// Ends the load however a test ends, so that its senders do.
pub struct LoadEnd<'l>(pub &'l Load);

impl Drop for LoadEnd<'_> {
    fn drop(&mut self) {
        self.0.is_done.store(true, Ordering::SeqCst);
    }
}
