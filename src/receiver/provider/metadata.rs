//! Metadata and keys of the provider, cached.
//!
//! Invariants: one thread asks the provider at a time, and an answer or a failure counts for a while; a key that is not
//! known has the keys fetched again, at most once a minute, so that tokens of others cost bounded requests.

use super::error::{ProviderError, chain};
use super::options::is_private;
use super::transport::ProviderTransport;
use super::types::IssuerMetadata;
use crate::receiver::limits::{
    PROVIDER_FAILURE_LIFETIME, PROVIDER_KEYS_INTERVAL, PROVIDER_METADATA_LIFETIME,
};
use openidconnect::IssuerUrl;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Cache of one provider's metadata.
#[derive(Default)]
pub struct MetadataCache(Mutex<Cached>);

#[derive(Default)]
struct Cached {
    metadata: Option<(Instant, Arc<IssuerMetadata>)>,
    failure: Option<(Instant, ProviderError)>,
    /// Time at which an unknown key last had the keys fetched.
    refreshed: Option<Instant>,
}

impl MetadataCache {
    /// The metadata that is fresh, without a wait.
    pub fn fresh(&self, now: Instant) -> Option<Arc<IssuerMetadata>> {
        self.0.try_lock().ok()?.fresh(now)
    }

    /// The metadata with the keys: that of the cache, else what `discover` returns. An older one counts while the provider does
    /// not answer.
    pub fn get(
        &self,
        clock: impl Fn() -> Instant,
        discover: impl FnOnce() -> Result<IssuerMetadata, ProviderError>,
    ) -> Result<Arc<IssuerMetadata>, ProviderError> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metadata) = cached.fresh(clock()) {
            return Ok(metadata);
        }
        let fetched = cached.fetch(clock, discover);
        fetched.or_else(|failure| cached.metadata.as_ref().map(|(_, it)| it.clone()).ok_or(failure))
    }

    /// The metadata with the present keys, for a token whose key is not among those of [`MetadataCache::get`]; `None` if they
    /// were fetched for that reason lately.
    pub fn refresh(
        &self,
        clock: impl Fn() -> Instant,
        discover: impl FnOnce() -> Result<IssuerMetadata, ProviderError>,
    ) -> Result<Option<Arc<IssuerMetadata>>, ProviderError> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !may_refresh(cached.refreshed.map(|at| clock().saturating_duration_since(at))) {
            return Ok(None);
        }
        let metadata = cached.fetch(&clock, discover)?;
        cached.refreshed = Some(clock());
        Ok(Some(metadata))
    }
}

impl Cached {
    fn fresh(&self, now: Instant) -> Option<Arc<IssuerMetadata>> {
        let (at, metadata) = self.metadata.as_ref()?;
        (now.saturating_duration_since(*at) < PROVIDER_METADATA_LIFETIME).then(|| metadata.clone())
    }

    fn fetch(
        &mut self,
        clock: impl Fn() -> Instant,
        discover: impl FnOnce() -> Result<IssuerMetadata, ProviderError>,
    ) -> Result<Arc<IssuerMetadata>, ProviderError> {
        if let Some((at, failure)) = &self.failure
            && clock().saturating_duration_since(*at) < PROVIDER_FAILURE_LIFETIME
        {
            return Err(failure.clone());
        }
        // The times are those of the answer: a provider that is slow has taken a while.
        match discover() {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                self.metadata = Some((clock(), metadata.clone()));
                self.failure = None;
                Ok(metadata)
            }
            Err(failure) => {
                self.failure = Some((clock(), failure.clone()));
                Err(failure)
            }
        }
    }
}

/// Fetches the metadata and the keys.
pub fn discover(issuer: &str, transport: &ProviderTransport) -> Result<IssuerMetadata, ProviderError> {
    let wrong = |reason: String| ProviderError::Unavailable(reason);
    let url = IssuerUrl::new(issuer.to_owned()).map_err(|error| wrong(error.to_string()))?;
    // It checks that the metadata is that of this very issuer.
    let metadata = IssuerMetadata::discover(&url, transport).map_err(|error| wrong(chain(&error)))?;
    check(&metadata)?;
    Ok(metadata)
}

/// Rejects metadata by which nobody can sign in. Addresses that this program itself sends requests to are checked by the
/// transport.
fn check(metadata: &IssuerMetadata) -> Result<(), ProviderError> {
    let wrong = |reason: &str| Err(ProviderError::Unavailable(reason.to_owned()));
    if metadata.token_endpoint().is_none() {
        return wrong("the metadata has no token endpoint");
    }
    match is_private(metadata.authorization_endpoint().as_str()) {
        true => Ok(()),
        false => wrong("the metadata's authorization endpoint is neither https: nor on this machine"),
    }
}

/// True if an unknown key may have the keys fetched, so long after it last did.
fn may_refresh(since: Option<Duration>) -> bool {
    since.is_none_or(|since| since >= PROVIDER_KEYS_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(issuer: &str, authorization_endpoint: &str) -> IssuerMetadata {
        serde_json::from_value(json!({
            "issuer": issuer,
            "authorization_endpoint": authorization_endpoint,
            "token_endpoint": "https://id.example.com/token",
            "jwks_uri": "https://id.example.com/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }))
        .unwrap()
    }

    fn answer(issuer: &str) -> Result<IssuerMetadata, ProviderError> {
        Ok(metadata(issuer, "https://id.example.com/authorize"))
    }

    fn failure() -> Result<IssuerMetadata, ProviderError> {
        Err(ProviderError::Unavailable("down".to_owned()))
    }

    fn issuer(metadata: &IssuerMetadata) -> &str {
        metadata.issuer().as_str()
    }

    #[test]
    fn metadata_that_has_expired_counts_while_the_provider_does_not_answer() {
        let (cache, start) = (MetadataCache::default(), Instant::now());
        let at = |seconds: u64| move || start + Duration::from_secs(seconds);
        assert!(cache.get(at(0), failure).is_err());
        assert!(cache.get(at(1), || panic!("it has just failed")).is_err());
        assert_eq!(issuer(&cache.get(at(2), || answer("https://old")).unwrap()), "https://old");
        assert!(cache.fresh(at(3_601)()).is_some() && cache.fresh(at(3_602)()).is_none());
        assert_eq!(issuer(&cache.get(at(3_602), failure).unwrap()), "https://old");
        let again = cache.get(at(3_603), || panic!("it has just failed")).unwrap();
        assert_eq!(issuer(&again), "https://old");
        assert_eq!(issuer(&cache.get(at(3_604), || answer("https://new")).unwrap()), "https://new");
    }

    #[test]
    fn a_fetch_of_the_keys_that_fails_is_an_error_and_leaves_the_next_one_free() {
        let (cache, start) = (MetadataCache::default(), Instant::now());
        let at = |seconds: u64| move || start + Duration::from_secs(seconds);
        assert!(cache.get(at(0), || answer("https://old")).is_ok());
        assert!(cache.refresh(at(10), failure).is_err());
        assert!(cache.refresh(at(11), || panic!("it has just failed")).is_err());
        let fetched = cache.refresh(at(12), || answer("https://new")).unwrap().unwrap();
        assert_eq!(issuer(&fetched), "https://new");
        assert!(cache.refresh(at(71), || panic!("too early")).unwrap().is_none());
        assert!(cache.refresh(at(72), || answer("https://new")).unwrap().is_some());
    }

    #[test]
    fn people_are_led_to_an_address_that_is_private_alone() {
        for endpoint in ["https://id.example.com/authorize", "http://127.0.0.1:9/authorize"] {
            assert_eq!(check(&metadata("https://id.example.com", endpoint)), Ok(()));
        }
        assert!(check(&metadata("https://id.example.com", "http://id.example.com/authorize")).is_err());
    }

    #[test]
    fn unknown_keys_have_the_keys_fetched_once_a_minute() {
        assert!(may_refresh(None) && may_refresh(Some(Duration::from_secs(60))));
        assert!(!may_refresh(Some(Duration::ZERO)) && !may_refresh(Some(Duration::from_secs(59))));
    }
}
