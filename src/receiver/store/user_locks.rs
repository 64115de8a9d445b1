//! A lock for each user, so that a user's batches are stored one after the other and wait here instead of on a database
//! connection each, which others need.
//!
//! Invariant: the locks only spare the database. Batches are kept apart by the advisory lock in the database, because
//! other receivers may store batches of the same user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::OwnedMutexGuard;

/// The locks of the users with a batch in process or waiting.
#[derive(Clone, Default)]
pub struct UserLocks(Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>);

/// A user's lock, released when it is dropped.
pub struct UserLock {
    locks: UserLocks,
    user_id: String,
    guard: Option<OwnedMutexGuard<()>>,
}

impl UserLocks {
    /// Waits for the earlier batches of this user.
    pub async fn acquire(&self, user_id: &str) -> UserLock {
        // Made before the wait, so that a cancelled wait cleans up as well.
        let mut lock = UserLock { locks: self.clone(), user_id: user_id.to_owned(), guard: None };
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
        let mut users = self.locks.users();
        // Each waiting batch holds a reference of its own.
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
        let locks = UserLocks::default();
        let first = locks.acquire("alice").await;
        let mut second = Box::pin(locks.acquire("alice"));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(locks.acquire("bob").now_or_never().is_some());
        drop(first);
        assert!(second.now_or_never().is_some());
        assert!(locks.users().is_empty(), "nobody is left");
    }

    #[tokio::test]
    async fn a_cancelled_wait_leaves_no_lock_behind() {
        let locks = UserLocks::default();
        let first = locks.acquire("alice").await;
        assert!(locks.acquire("alice").now_or_never().is_none());
        drop(first);
        assert!(locks.users().is_empty());
    }
}
