//! Settings and limits of the endpoints of OAuth, which need no key.

use super::rate_limiter::RateLimiter;
use crate::receiver::http::api_error::{ApiError, Limit};
use crate::receiver::http::connection::{ClientNetwork, PeerAddress, PublicUrl, TrustedProxies};
use crate::receiver::limits::{KEY_LIFETIME_US, OAUTH_REQUESTS_PER_MINUTE, WRONG_CODES_PER_MINUTE};
use axum::http::HeaderMap;
use std::net::IpAddr;
use std::time::Instant;

/// Settings of the operator.
#[derive(Debug, Clone)]
pub struct DeviceLoginOptions {
    /// URL at which clients see this receiver, where the requests do not say it.
    pub public_url: Option<PublicUrl>,
    /// Lifetime of a key that a device authorization makes, in microseconds.
    pub key_lifetime_us: i64,
}

impl Default for DeviceLoginOptions {
    fn default() -> DeviceLoginOptions {
        DeviceLoginOptions { public_url: None, key_lifetime_us: KEY_LIFETIME_US }
    }
}

/// Settings and limits that all requests to the endpoints share.
pub struct DeviceLogin {
    pub options: DeviceLoginOptions,
    requests: RateLimiter<ClientNetwork>,
    wrong_codes: RateLimiter<ClientNetwork>,
}

/// The client of a request: its address for people, and the network that limits count.
#[derive(Debug, Clone, Copy)]
pub struct OAuthClient {
    pub address: IpAddr,
    network: ClientNetwork,
}

impl OAuthClient {
    /// The client that a request comes from, or for whom a trusted proxy forwards it.
    pub fn of(peer: PeerAddress, headers: &HeaderMap, trusted: &TrustedProxies) -> OAuthClient {
        let address = trusted.client(peer.0, headers).to_canonical();
        OAuthClient { address, network: address.into() }
    }
}

impl DeviceLogin {
    /// Starts with full token buckets.
    pub fn new(options: DeviceLoginOptions) -> DeviceLogin {
        DeviceLogin {
            options,
            requests: RateLimiter::new(OAUTH_REQUESTS_PER_MINUTE),
            wrong_codes: RateLimiter::new(WRONG_CODES_PER_MINUTE),
        }
    }

    /// Admits a request of a client.
    pub fn admit(&self, client: OAuthClient) -> Result<(), ApiError> {
        let now = Instant::now();
        let taken = self.requests.take(&client.network, now);
        taken.and_then(|()| self.wrong_codes.check(&client.network, now)).map_err(|retry_after_s| {
            ApiError::too_many_requests(
                Limit::Guesses,
                "too many requests or wrong codes from this address",
                retry_after_s,
            )
        })
    }

    /// Counts a wrong code of a client.
    pub fn record_wrong_code(&self, client: OAuthClient) {
        self.wrong_codes.charge(&client.network, Instant::now());
    }
}
