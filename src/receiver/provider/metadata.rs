//! IssuerMetadata and keys of the provider, cached.
//!
//! Invariants: one thread asks the provider at a time, and an answer or a failure counts for a while; a key that is not
//! known has the keys fetched again, at most once a minute, so that tokens of others cost bounded requests.

use super::error::{ProviderError, chain};
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
    /// The metadata with the keys. What is in the cache counts when the provider does not answer.
    pub fn get(
        &self,
        issuer: &str,
        transport: &ProviderTransport,
    ) -> Result<Arc<IssuerMetadata>, ProviderError> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, metadata)) = &cached.metadata
            && at.elapsed() < PROVIDER_METADATA_LIFETIME
        {
            return Ok(metadata.clone());
        }
        cached.fetch(issuer, transport)
    }

    /// The metadata with the present keys, for a token whose key is not among those of [`MetadataCache::get`]; `None` if they
    /// were fetched for that reason lately.
    pub fn refresh(
        &self,
        issuer: &str,
        transport: &ProviderTransport,
    ) -> Result<Option<Arc<IssuerMetadata>>, ProviderError> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !may_refresh(cached.refreshed.map(|at| at.elapsed())) {
            return Ok(None);
        }
        cached.refreshed = Some(Instant::now());
        cached.fetch(issuer, transport).map(Some)
    }
}

impl Cached {
    fn fetch(
        &mut self,
        issuer: &str,
        transport: &ProviderTransport,
    ) -> Result<Arc<IssuerMetadata>, ProviderError> {
        if let Some((at, failure)) = &self.failure
            && at.elapsed() < PROVIDER_FAILURE_LIFETIME
        {
            return Err(failure.clone());
        }
        match discover(issuer, transport) {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                self.metadata = Some((Instant::now(), metadata.clone()));
                self.failure = None;
                Ok(metadata)
            }
            Err(failure) => {
                self.failure = Some((Instant::now(), failure.clone()));
                self.metadata.as_ref().map(|(_, metadata)| metadata.clone()).ok_or(failure)
            }
        }
    }
}

fn discover(issuer: &str, transport: &ProviderTransport) -> Result<IssuerMetadata, ProviderError> {
    let wrong = |reason: String| ProviderError::Unavailable(reason);
    let url = IssuerUrl::new(issuer.to_owned()).map_err(|error| wrong(error.to_string()))?;
    // It checks that the metadata is that of this very issuer.
    let metadata = IssuerMetadata::discover(&url, transport).map_err(|error| wrong(chain(&error)))?;
    match metadata.token_endpoint() {
        Some(_) => Ok(metadata),
        None => Err(wrong("the metadata has no token endpoint".to_owned())),
    }
}

/// True if an unknown key may have the keys fetched, so long after it last did.
fn may_refresh(since: Option<Duration>) -> bool {
    since.is_none_or(|since| since >= PROVIDER_KEYS_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_have_the_keys_fetched_once_a_minute() {
        assert!(may_refresh(None) && may_refresh(Some(Duration::from_secs(60))));
        assert!(!may_refresh(Some(Duration::ZERO)) && !may_refresh(Some(Duration::from_secs(59))));
    }
}
