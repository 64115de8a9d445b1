//! Calls to the provider of sign-ins: few at a time, each on a thread that may block, and few of one address.
//!
//! Invariant: a call has its turn until its thread is done, also where the client is gone, so that no more threads wait for
//! the provider than there are turns.

use super::keyed_semaphore::KeyedSemaphore;
use super::rate_limiter::RateLimiter;
use crate::receiver::http::api_error::{ApiError, Limit};
use crate::receiver::http::connection::ClientNetwork;
use crate::receiver::limits::{
    OAUTH_REQUESTS_PER_MINUTE, PROVIDER_CALLS_MAX, PROVIDER_CALLS_PER_ADDRESS_MAX, PROVIDER_TURN_TIMEOUT,
};
use crate::receiver::provider::{Provider, ProviderError, ProviderOptions};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// The provider, with the limits of its use.
pub struct ProviderCalls {
    provider: Arc<Provider>,
    turns: Arc<Semaphore>,
    by_address: KeyedSemaphore<ClientNetwork>,
    requests: RateLimiter<ClientNetwork>,
}

/// Turn of one call.
pub struct ProviderTurn {
    provider: Arc<Provider>,
    _permits: (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit),
}

impl ProviderCalls {
    /// Starts with full token buckets.
    pub fn new(options: ProviderOptions) -> ProviderCalls {
        ProviderCalls {
            provider: Arc::new(Provider::new(options)),
            turns: Arc::new(Semaphore::new(PROVIDER_CALLS_MAX)),
            by_address: KeyedSemaphore::new(PROVIDER_CALLS_PER_ADDRESS_MAX),
            requests: RateLimiter::new(OAUTH_REQUESTS_PER_MINUTE),
        }
    }

    /// The provider, for what needs no call.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Admits a request of an address.
    pub fn admit(&self, client: Option<ClientNetwork>) -> Result<(), ApiError> {
        let Some(client) = client else { return Ok(()) };
        self.requests.take(&client, Instant::now()).map_err(|retry_after_s| {
            ApiError::too_many_requests(Limit::Guesses, "too many sign-ins from this address", retry_after_s)
        })
    }

    /// Waits for the turn of a call: first among those of its address, then among all.
    pub async fn begin(&self, client: Option<ClientNetwork>) -> Result<ProviderTurn, ApiError> {
        let of_address = client.map(|client| self.by_address.of(client));
        let permits = async {
            let of_address = match of_address {
                Some(of_address) => Some(of_address.acquire_owned().await?),
                None => None,
            };
            Ok::<_, AcquireError>((of_address, self.turns.clone().acquire_owned().await?))
        };
        match timeout(PROVIDER_TURN_TIMEOUT, permits).await {
            Ok(Ok(permits)) => Ok(ProviderTurn { provider: self.provider.clone(), _permits: permits }),
            Ok(Err(_)) | Err(_) => {
                let error = ApiError::unavailable("too many sign-ins wait for the provider: try again later");
                Err(error.of_limit(Limit::InFlight))
            }
        }
    }
}

impl ProviderTurn {
    /// Runs the call. The thread has the turn, which outlasts a client that does not wait for the answer.
    pub async fn run<T: Send + 'static>(
        self,
        call: impl FnOnce(&Provider) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let turn = self;
        let done = spawn_blocking(move || {
            let turn = turn;
            call(&turn.provider)
        });
        done.await.map_err(|_| ProviderError::Unavailable("the call has failed".to_owned()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::provider::GROUPS_CLAIM;
    use futures_util::FutureExt;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::mpsc::channel;

    fn calls() -> ProviderCalls {
        ProviderCalls::new(ProviderOptions {
            issuer: "https://id.example.com".to_owned(),
            client_id: "han-sync".to_owned(),
            client_secret: None,
            creates_users: false,
            groups_claim: GROUPS_CLAIM.to_owned(),
            scopes: None,
        })
    }

    fn client(number: u8) -> Option<ClientNetwork> {
        Some(ClientNetwork::from(IpAddr::from(Ipv4Addr::new(192, 0, 2, number))))
    }

    #[tokio::test]
    async fn an_address_has_few_turns_and_waits_for_them_while_others_are_free() {
        let calls = calls();
        let mut held = Vec::new();
        for _ in 0..PROVIDER_CALLS_PER_ADDRESS_MAX {
            held.push(calls.begin(client(1)).await.ok().unwrap());
        }
        let mut next = Box::pin(calls.begin(client(1)));
        assert!(next.as_mut().now_or_never().is_none());
        assert!(calls.begin(client(2)).now_or_never().unwrap().is_ok());
        held.pop();
        drop(next.now_or_never().unwrap().ok().unwrap());
    }

    #[tokio::test]
    async fn calls_of_all_addresses_take_turns() {
        let calls = calls();
        let mut held = Vec::new();
        for number in 0..PROVIDER_CALLS_MAX as u8 {
            held.push(calls.begin(client(number)).await.ok().unwrap());
        }
        let mut next = Box::pin(calls.begin(client(200)));
        assert!(next.as_mut().now_or_never().is_none());
        held.pop();
        assert!(next.now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_call_has_its_turn_until_its_thread_is_done() {
        let calls = calls();
        let (started, starts) = channel();
        let (end, ended) = channel::<()>();
        let turn = calls.begin(client(1)).await.ok().unwrap();
        let call = turn.run(move |_| {
            started.send(()).unwrap();
            let _ = ended.recv();
            Ok(())
        });
        // The client hangs up: nobody waits for the call any longer.
        assert!(call.now_or_never().is_none());
        starts.recv().unwrap();
        assert_eq!(calls.turns.available_permits(), PROVIDER_CALLS_MAX - 1);
        end.send(()).unwrap();
        let all = calls.turns.acquire_many(PROVIDER_CALLS_MAX as u32).await;
        assert!(all.is_ok());
    }
}
