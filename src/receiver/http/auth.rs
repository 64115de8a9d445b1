//! Authentication by API key, as extractors that a handler names in its arguments.
//!
//! Invariants: a handler that takes `Authenticated` or `Admitted` runs for a valid key within its rate limit; a key is
//! compared by its hash and never logged; unknown keys of one address cost a bounded number of look-ups.

use super::access_log::AccessLog;
use super::admission::InFlightPermit;
use super::api_error::{ApiError, Limit};
use super::connection::{ClientNetwork, PeerAddress};
use super::metrics::AuthFailure;
use super::state::AppState;
use crate::receiver::store::Principal;
use crate::receiver::{keys, time};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// Upper bound of a key's length; longer ones are not looked up.
const KEY_BYTES_MAX: usize = 256;

/// The user of the request's key.
pub struct Authenticated(pub Principal);

/// The user of the request's key, with a permit to be in flight.
pub struct Admitted {
    pub principal: Principal,
    pub permit: InFlightPermit,
}

/// Proof that the request may read `/metrics`: by any user's key, since metrics name no tenant, or by the key for metrics.
pub struct MetricsAccess;

impl FromRequestParts<Arc<AppState>> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> Result<Self, ApiError> {
        let principal = lookup(parts, state).await?;
        if let Some(access_log) = parts.extensions.get::<AccessLog>() {
            access_log.set_caller(&principal.user_id, &principal.key_id);
        }
        limit_rate(&principal, state)?;
        Ok(Authenticated(principal))
    }
}

impl FromRequestParts<Arc<AppState>> for Admitted {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> Result<Self, ApiError> {
        // A request for which there is no room costs no look-up.
        state.in_flight.require_room()?;
        let Authenticated(principal) = Authenticated::from_request_parts(parts, state).await?;
        let permit = state.in_flight.acquire(&principal.key_id).await?;
        Ok(Admitted { principal, permit })
    }
}

impl FromRequestParts<Arc<AppState>> for MetricsAccess {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> Result<Self, ApiError> {
        let key = bearer_key(&parts.headers).map(keys::hash);
        if key.is_some() && key == state.metrics_key.as_deref().map(keys::hash) {
            return Ok(MetricsAccess);
        }
        limit_rate(&lookup(parts, state).await?, state)?;
        Ok(MetricsAccess)
    }
}

/// Finds the user of the request's key.
async fn lookup(parts: &Parts, state: &AppState) -> Result<Principal, ApiError> {
    principal_of_key(bearer_key(&parts.headers), client_address(parts, state), state).await
}

/// Finds the user of a key. A refusal is counted for the audit log.
pub async fn principal_of_key(
    key: Option<&str>,
    address: Option<IpAddr>,
    state: &AppState,
) -> Result<Principal, ApiError> {
    let refused = |failure| {
        state.metrics.record_auth_failure(failure);
        state.refusals.add(address, time::now_us());
    };
    let Some(key) = key.filter(|key| is_possible(key)) else {
        refused(AuthFailure::Missing);
        return Err(ApiError::unauthorized());
    };
    let hash = keys::hash(key);
    let client = address.map(ClientNetwork::from);
    if let Some(client) = client {
        state.key_guesses.admit(&hash, client, Instant::now()).map_err(|retry_after_s| {
            refused(AuthFailure::Limited);
            ApiError::too_many_requests(
                Limit::Guesses,
                "too many unknown API keys from this address",
                retry_after_s,
            )
        })?;
    }
    // On the heap, so that its state takes no memory while the request waits for a permit.
    let authenticated = Box::pin(state.store.authenticate(key, time::now_us())).await?;
    if let Some(principal) = authenticated {
        state.key_guesses.record_valid(hash);
        return Ok(Principal { address, ..principal });
    }
    if let Some(client) = client {
        state.key_guesses.record_unknown(&hash, client, Instant::now());
    }
    refused(AuthFailure::Unknown);
    Err(ApiError::unauthorized())
}

/// Address of the client, which a trusted proxy may forward; `None` for a request that comes from memory.
pub fn client_address(parts: &Parts, state: &AppState) -> Option<IpAddr> {
    client_of(parts.extensions.get::<PeerAddress>().copied(), &parts.headers, state)
}

/// As [`client_address`], of the other end of the connection and the headers.
pub fn client_of(peer: Option<PeerAddress>, headers: &HeaderMap, state: &AppState) -> Option<IpAddr> {
    let PeerAddress(peer) = peer?;
    Some(state.trusted_proxies.client(peer, headers))
}

/// Takes a request of a key from its rate limit.
pub fn limit_rate(principal: &Principal, state: &AppState) -> Result<(), ApiError> {
    state.rate_limiter.take(&principal.key_id, Instant::now()).map_err(|retry_after_s| {
        ApiError::too_many_requests(Limit::Rate, "this key has reached its rate limit", retry_after_s)
    })
}

fn bearer_key(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && is_possible(key)).then_some(key)
}

fn is_possible(key: &str) -> bool {
    !key.is_empty() && key.len() <= KEY_BYTES_MAX
}
