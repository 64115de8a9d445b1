//! One user's batches follow one another; so that they wait here, and not each on a connection of its own that others need.
//!
//! Invariant: it only spares the database. What keeps batches apart is the lock there, for there may be other receivers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::OwnedMutexGuard;

/// Who is waiting for whom; users of whom nobody is at work are not in it.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>);

/// A user's turn, until it is dropped.
pub struct Turn {
    turns: Turns,
    user_id: String,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for the batches of this user that came before.
    pub async fn take(&self, user_id: &str) -> Turn {
        // Made before it waits: whoever stops waiting clears up as well.
        let mut turn = Turn { turns: self.clone(), user_id: user_id.to_owned(), guard: None };
        let of_user = self.users().entry(user_id.to_owned()).or_default().clone();
        turn.guard = Some(of_user.lock_owned().await);
        turn
    }

    fn users(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let mut users = self.turns.users();
        // Everyone who waits has one of their own.
        if users.get(&self.user_id).is_some_and(|of_user| Arc::strong_count(of_user) == 1) {
            users.remove(&self.user_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn one_user_waits_and_another_does_not() {
        let turns = Turns::default();
        let first = turns.take("alice").await;
        let mut second = Box::pin(turns.take("alice"));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(turns.take("bob").now_or_never().is_some());
        drop(first);
        assert!(second.now_or_never().is_some());
        assert!(turns.users().is_empty(), "nobody is left");
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_nothing_behind() {
        let turns = Turns::default();
        let first = turns.take("alice").await;
        assert!(turns.take("alice").now_or_never().is_none());
        drop(first);
        assert!(turns.users().is_empty());
    }
}
