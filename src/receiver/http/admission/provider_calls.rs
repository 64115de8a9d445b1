//! Calls to the provider of sign-ins: few at a time, each on a thread that may block, and few of one address.

use super::rate_limiter::RateLimiter;
use crate::receiver::http::api_error::{ApiError, Limit};
use crate::receiver::http::connection::ClientNetwork;
use crate::receiver::limits::{OAUTH_REQUESTS_PER_MINUTE, PROVIDER_CALLS_MAX};
use crate::receiver::provider::{Provider, ProviderError, ProviderOptions};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The provider, with the limits of its use.
pub struct ProviderCalls {
    provider: Arc<Provider>,
    turns: Semaphore,
    requests: RateLimiter<ClientNetwork>,
}

impl ProviderCalls {
    /// Starts with full token buckets.
    pub fn new(options: ProviderOptions) -> ProviderCalls {
        ProviderCalls {
            provider: Arc::new(Provider::new(options)),
            turns: Semaphore::new(PROVIDER_CALLS_MAX),
            requests: RateLimiter::new(OAUTH_REQUESTS_PER_MINUTE),
        }
    }

    /// Settings of the provider.
    pub fn options(&self) -> &ProviderOptions {
        &self.provider.options
    }

    /// Admits a request of an address.
    pub fn admit(&self, client: Option<ClientNetwork>) -> Result<(), ApiError> {
        let Some(client) = client else { return Ok(()) };
        self.requests.take(&client, Instant::now()).map_err(|retry_after_s| {
            ApiError::too_many_requests(Limit::Guesses, "too many sign-ins from this address", retry_after_s)
        })
    }

    /// Runs a call. One for which there is no turn fails at once: those before it wait for a provider that is slow.
    pub async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Provider) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let unavailable = |cause: &str| ProviderError::Unavailable(cause.to_owned());
        let _turn = self.turns.try_acquire().map_err(|_| unavailable("many sign-ins wait for it already"))?;
        let provider = self.provider.clone();
        let done = spawn_blocking(move || call(&provider)).await;
        done.map_err(|_| unavailable("the call has failed"))?
    }
}
