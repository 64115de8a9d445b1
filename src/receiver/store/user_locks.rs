//! One user's batches follow one another; so that they wait here, and not each on a connection of its own that others need.
//!
//! Invariant: it only spares the database. What keeps batches apart is the lock there, for there may be other receivers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::OwnedMutexGuard;

/// Who is waiting for whom; users of whom nobody is at work are not in it.
#[derive(Clone, Default)]
pub struct UserLocks(Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>);

/// A user's lock, until it is dropped.
pub struct UserLock {
    user_locks: UserLocks,
    user_id: String,
    guard: Option<OwnedMutexGuard<()>>,
}

impl UserLocks {
    /// Waits for the batches of this user that came before.
    pub async fn acquire(&self, user_id: &str) -> UserLock {
        // Made before it waits: whoever stops waiting clears up as well.
        let mut lock = UserLock { user_locks: self.clone(), user_id: user_id.to_owned(), guard: None };
        let of_user = self.users().entry(user_id.to_owned()).or_default().clone();
        lock.guard = Some(of_user.lock_owned().await);
        lock
    }

    fn users(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for UserLock {
    fn drop(&mut self) {
        self.guard = None;
        let mut users = self.user_locks.users();
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
        let user_locks = UserLocks::default();
        let first = user_locks.acquire("alice").await;
        let mut second = Box::pin(user_locks.acquire("alice"));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(user_locks.acquire("bob").now_or_never().is_some());
        drop(first);
        assert!(second.now_or_never().is_some());
        assert!(user_locks.users().is_empty(), "nobody is left");
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_nothing_behind() {
        let user_locks = UserLocks::default();
        let first = user_locks.acquire("alice").await;
        assert!(user_locks.acquire("alice").now_or_never().is_none());
        drop(first);
        assert!(user_locks.users().is_empty());
    }
}
