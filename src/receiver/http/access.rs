//! Who is asking, and how often they may.

use super::answer::Fault;
use super::memory::Wire;
use super::{App, Noted};
use crate::receiver::limits::{BUSY_RETRY_AFTER_S, RATES_MAX, REQUESTS_OF_ONE_KEY};
use crate::receiver::store::Principal;
use crate::receiver::{keys, time};
use hyper::StatusCode;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;

/// Longer than any key.
const KEY_BYTES_MAX: usize = 256;

impl App {
    /// The user of the request's key, within the key's rate.
    pub(super) async fn authenticate(&self, parts: &Parts, noted: &mut Noted) -> Result<Principal, Fault> {
        let key = bearer(parts).ok_or_else(Fault::unauthorized)?;
        let principal = self.store.authenticate(key, time::now_us()).await.map_err(Fault::store)?;
        let principal = principal.ok_or_else(Fault::unauthorized)?;
        noted.user_id = Some(principal.user_id.clone());
        noted.key_id = Some(principal.key_id.clone());
        self.rates.take(&principal.key_id, Instant::now()).map_err(|seconds| {
            Fault::new(StatusCode::TOO_MANY_REQUESTS, "too many requests with this key")
                .with_header("retry-after", seconds.to_string())
        })?;
        Ok(principal)
    }

    /// A place among the requests at work, in all and with this key, until it is dropped.
    pub(super) fn admit(&self, principal: &Principal) -> Result<Place, Fault> {
        let of_key = self.at_work.take(&principal.key_id).ok_or_else(|| {
            Fault::new(StatusCode::TOO_MANY_REQUESTS, "too many requests at work with this key")
                .with_header("retry-after", BUSY_RETRY_AFTER_S.to_string())
        })?;
        let place = self
            .in_flight
            .clone()
            .try_acquire_owned()
            .map_err(|_| Fault::busy("too many requests at work"))?;
        Ok(Place { _place: place, of_key })
    }

    /// Metrics name no tenant; any key will do, or the one made for them.
    pub(super) async fn allow_metrics(&self, parts: &Parts) -> Result<(), Fault> {
        let key = bearer(parts).ok_or_else(Fault::unauthorized)?;
        let own = self.options.metrics_key.as_deref();
        if own.is_some_and(|own| keys::hash(own) == keys::hash(key)) {
            return Ok(());
        }
        self.authenticate(parts, &mut Noted::default()).await.map(|_| ())
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, key) = parts.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let key = key.trim();
    let fits = scheme.eq_ignore_ascii_case("bearer") && !key.is_empty() && key.len() <= KEY_BYTES_MAX;
    fits.then_some(key)
}

/// A place among the requests at work, until it is dropped.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    of_key: KeyPlace,
}

impl Place {
    /// The key's share of the memory for bodies as they come.
    pub fn wire(&self) -> &Wire {
        &self.of_key.wire
    }
}

/// Requests at work, by key; keys without any are not in it.
#[derive(Clone)]
pub struct AtWork {
    per_key_max: usize,
    by_key: Arc<Mutex<HashMap<String, OfKey>>>,
}

/// What is at work with one key.
struct OfKey {
    requests: usize,
    wire: Wire,
}

/// One of a key's places, until it is dropped.
struct KeyPlace {
    at_work: AtWork,
    key_id: String,
    wire: Wire,
}

impl AtWork {
    /// Of so many places in all.
    pub fn new(places: usize) -> AtWork {
        AtWork { per_key_max: (places / REQUESTS_OF_ONE_KEY).max(1), by_key: Arc::default() }
    }

    fn by_key(&self) -> MutexGuard<'_, HashMap<String, OfKey>> {
        self.by_key.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn take(&self, key_id: &str) -> Option<KeyPlace> {
        let mut by_key = self.by_key();
        let of_key =
            by_key.entry(key_id.to_owned()).or_insert_with(|| OfKey { requests: 0, wire: Wire::of_key() });
        if of_key.requests >= self.per_key_max {
            return None;
        }
        of_key.requests += 1;
        Some(KeyPlace { at_work: self.clone(), key_id: key_id.to_owned(), wire: of_key.wire.clone() })
    }
}

impl Drop for KeyPlace {
    fn drop(&mut self) {
        let mut by_key = self.at_work.by_key();
        if let Some(of_key) = by_key.get_mut(&self.key_id) {
            of_key.requests -= 1;
            if of_key.requests == 0 {
                by_key.remove(&self.key_id);
            }
        }
    }
}

/// A bucket of requests for each key, which fills again over a minute. Each receiver counts for itself.
pub struct Rates {
    per_minute: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

struct Bucket {
    left: f64,
    at: Instant,
}

impl Rates {
    pub fn new(per_minute: u32) -> Rates {
        Rates { per_minute: f64::from(per_minute.max(1)), buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one request out of the key's bucket, or says for how many seconds to wait.
    fn take(&self, key_id: &str, now: Instant) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let per_second = self.per_minute / 60.0;
        if buckets.len() >= RATES_MAX && !buckets.contains_key(key_id) {
            // Full again is the same as never seen.
            let full = |bucket: &Bucket| {
                bucket.left + (now - bucket.at).as_secs_f64() * per_second >= self.per_minute
            };
            buckets.retain(|_, bucket| !full(bucket));
        }
        let bucket = buckets.entry(key_id.to_owned()).or_insert(Bucket { left: self.per_minute, at: now });
        let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + elapsed * per_second).min(self.per_minute);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        Err((((1.0 - bucket.left) / per_second).ceil() as u64).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_key_has_its_own_rate_and_gets_it_back() {
        let rates = Rates::new(2);
        let now = Instant::now();
        assert_eq!(rates.take("a", now), Ok(()));
        assert_eq!(rates.take("a", now), Ok(()));
        assert_eq!(rates.take("a", now), Err(30));
        assert_eq!(rates.take("b", now), Ok(()));
        assert_eq!(rates.take("a", now + Duration::from_secs(30)), Ok(()));
    }
}
