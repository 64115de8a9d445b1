//! Admission: the requests that are served now, and those that are told to come again.
//!
//! Invariant: rates and concurrency are bounded, in all, for each key, and for each address that sends unknown keys
//! or asks for one.

/// Rate limits of keys and addresses.
mod rate_limiter;

/// `Retry-After` by load.
mod retry_slots;

/// Look-ups of unknown keys.
mod key_guesses;

/// Settings and limits of the endpoints of OAuth.
mod device_login;

/// A semaphore for each key.
mod keyed_semaphore;

/// Calls to the provider of sign-ins.
mod provider_calls;

/// Concurrency, in all and of each key.
mod permits;

/// GraphQL queries of each key, and of all.
mod query_permits;

/// The threads that queries run on.
mod query_threads;

pub use device_login::{DeviceLogin, DeviceLoginOptions, OAuthClient};
pub use key_guesses::KeyGuesses;
pub use permits::{InFlightLimit, InFlightPermit};
pub use provider_calls::{ProviderCalls, ProviderTurn};
pub use query_permits::QueryPermits;
pub use query_threads::QueryThreads;
pub use rate_limiter::RateLimiter;
pub use retry_slots::RetrySlots;
