//! State that all requests share. Receivers keep nothing here that another receiver would miss: any number of them serve
//! one store.

use super::admission::{
    DeviceLogin, DeviceLoginOptions, InFlightLimit, KeyGuesses, ProviderCalls, QueryPermits, QueryThreads,
    RateLimiter, RetrySlots,
};
use super::api_error::ApiError;
use super::connection::{AddressLimit, RefusedAuthentications, TrustedProxies};
use super::memory_budget::MemoryBudget;
use super::metrics::ServerMetrics;
use super::readiness::Readiness;
use crate::receiver::graphql::{self, SyncSchema};
use crate::receiver::limits::{
    BODY_STALL_TIMEOUT, DISCARDED_BODIES_MAX, REQUESTS_IN_FLIGHT_MAX, REQUESTS_PER_MINUTE, WORK_TIMEOUT,
};
use crate::receiver::prices::PriceList;
use crate::receiver::provider::ProviderOptions;
use crate::receiver::store::{Principal, QueryReader, Store};
use crate::receiver::time;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Settings of the operator.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Requests per key and minute.
    pub requests_per_minute: u32,
    /// Requests in flight.
    pub in_flight_max: usize,
    /// Time without a byte of a body until the request is given up.
    pub body_stall_timeout: Duration,
    /// Key that reads `/metrics` beside every user's key.
    pub metrics_key: Option<String>,
    /// Proxies that name their client's address.
    pub trusted_proxies: TrustedProxies,
    /// Device authorizations.
    pub device_login: DeviceLoginOptions,
    /// Provider of sign-ins to the page.
    pub provider: Option<ProviderOptions>,
    /// Prices of language models.
    pub prices: PriceList,
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions {
            requests_per_minute: REQUESTS_PER_MINUTE,
            in_flight_max: REQUESTS_IN_FLIGHT_MAX,
            body_stall_timeout: BODY_STALL_TIMEOUT,
            metrics_key: None,
            trusted_proxies: TrustedProxies::default(),
            device_login: DeviceLoginOptions::default(),
            provider: None,
            prices: PriceList::built_in(),
        }
    }
}

/// Shared state of the handlers.
pub struct AppState {
    pub store: Arc<Store>,
    /// GraphQL schema.
    pub schema: SyncSchema,
    /// Prices of language models.
    pub prices: Arc<PriceList>,
    /// Prometheus metrics.
    pub metrics: ServerMetrics,
    /// Requests per key and minute.
    pub rate_limiter: RateLimiter<String>,
    /// Look-ups of unknown keys, per address.
    pub key_guesses: KeyGuesses,
    /// Device authorizations.
    pub device_login: DeviceLogin,
    /// Provider of sign-ins to the page, if there is one.
    pub provider: Option<Arc<ProviderCalls>>,
    /// Refused authentications on their way to the audit log.
    pub refusals: RefusedAuthentications,
    /// Times at which rejected requests may come again.
    pub retry_slots: RetrySlots,
    /// Readiness to serve requests.
    pub readiness: Readiness,
    /// Requests in flight, in all and per key.
    pub in_flight: InFlightLimit,
    /// GraphQL queries, per key and at work.
    pub queries: QueryPermits,
    /// Threads that execute queries.
    pub query_threads: QueryThreads,
    /// Requests in flight that proxies forward, per address.
    pub by_address: AddressLimit,
    /// See [`ServerOptions::trusted_proxies`].
    pub trusted_proxies: TrustedProxies,
    /// Permits to read what handlers leave unread of bodies.
    pub discards: Semaphore,
    /// Memory of all requests in flight.
    pub memory: MemoryBudget,
    /// See [`ServerOptions::body_stall_timeout`].
    pub body_stall_timeout: Duration,
    /// See [`ServerOptions::metrics_key`].
    pub metrics_key: Option<String>,
}

impl AppState {
    /// Creates the state over a store. Fails if the threads of queries cannot be started.
    pub fn new(store: Store, options: ServerOptions) -> io::Result<AppState> {
        Ok(AppState {
            store: Arc::new(store),
            schema: graphql::schema(),
            prices: Arc::new(options.prices),
            metrics: ServerMetrics::default(),
            rate_limiter: RateLimiter::new(options.requests_per_minute),
            key_guesses: KeyGuesses::default(),
            device_login: DeviceLogin::new(options.device_login),
            provider: options.provider.map(|options| Arc::new(ProviderCalls::new(options))),
            retry_slots: RetrySlots::new(Instant::now()),
            readiness: Readiness::default(),
            refusals: RefusedAuthentications::default(),
            in_flight: InFlightLimit::new(options.in_flight_max),
            queries: QueryPermits::default(),
            query_threads: QueryThreads::start()?,
            by_address: AddressLimit::new(options.in_flight_max),
            trusted_proxies: options.trusted_proxies,
            discards: Semaphore::new(DISCARDED_BODIES_MAX),
            memory: MemoryBudget::default(),
            body_stall_timeout: options.body_stall_timeout,
            metrics_key: options.metrics_key,
        })
    }
}

impl AppState {
    /// A reader of what a user may see.
    pub fn reader(&self, principal: Principal) -> QueryReader {
        QueryReader::new(self.store.clone(), Arc::new(principal), self.prices.clone())
    }

    /// Writes refused authentications to the audit log: those that are due, or all. What cannot be written is logged.
    pub async fn record_refusals(&self, all: bool) {
        let rows = self.refusals.take(time::now_us(), all);
        if rows.is_empty() {
            return;
        }
        let refused: i64 = rows.iter().map(|row| row.count).sum();
        let rows = rows.into_iter().map(|row| (row.address, row.at, row.count)).collect();
        if let Err(error) = self.store.record_refused_authentications(rows).await {
            tracing::warn!(error = %error, refused, "refused authentications could not be written to the audit log");
        }
    }
}

/// Bounds the store's work on one request. A transaction that is dropped is rolled back, and the client tries again.
///
/// tower-http's `TimeoutLayer` would also count the time in which the body arrives, which has limits of its own, and would
/// answer without `{"error", "requestId"}`.
pub fn within_work_timeout<T, E>(
    work: impl Future<Output = Result<T, E>>,
) -> impl Future<Output = Result<T, ApiError>>
where
    ApiError: From<E>,
{
    // The state of the store's work is several kilobytes large. On the heap it takes none of them while the request waits for a
    // permit or for its body.
    within(WORK_TIMEOUT, Box::pin(work))
}

async fn within<T, E>(limit: Duration, work: impl Future<Output = Result<T, E>>) -> Result<T, ApiError>
where
    ApiError: From<E>,
{
    let done = tokio::time::timeout(limit, work).await;
    let late = |_| ApiError::timed_out(format!("the store's work was not done within {} s", limit.as_secs()));
    Ok(done.map_err(late)??)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::store::StoreError;

    #[tokio::test]
    async fn work_that_is_not_done_in_time_counts_as_a_timeout_of_the_store() {
        let endless = std::future::pending::<Result<(), StoreError>>();
        let error = within(Duration::ZERO, endless).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.store_failure()), (503, Some("timed_out")));
        assert!(within_work_timeout(async { Ok::<(), StoreError>(()) }).await.is_ok());
    }
}
