//! A semaphore for each key, so that one key cannot have all of a resource.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Semaphores by key. One that nobody uses is forgotten at the next call.
pub struct KeyedSemaphore<K> {
    permits: usize,
    by_key: Mutex<HashMap<K, Arc<Semaphore>>>,
}

impl<K: Eq + Hash> KeyedSemaphore<K> {
    /// So many permits for each key.
    pub fn new(permits: usize) -> KeyedSemaphore<K> {
        KeyedSemaphore { permits, by_key: Mutex::default() }
    }

    /// The semaphore of a key. Whoever holds or awaits a permit of it has a reference of its own.
    pub fn of(&self, key: K) -> Arc<Semaphore> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        by_key.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        by_key.entry(key).or_insert_with(|| Arc::new(Semaphore::new(self.permits))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_permits_of_their_own_and_unused_ones_are_forgotten() {
        let semaphores = KeyedSemaphore::new(1);
        let held = semaphores.of("a").try_acquire_owned().unwrap();
        assert!(semaphores.of("a").try_acquire_owned().is_err());
        assert!(semaphores.of("b").try_acquire_owned().is_ok());
        drop(held);
        drop(semaphores.of("c"));
        assert_eq!(semaphores.by_key.lock().unwrap().len(), 1);
        assert!(semaphores.of("a").try_acquire_owned().is_ok());
    }
}
