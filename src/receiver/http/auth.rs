//! Authentication by API key, as extractors that a handler names in its arguments.
//!
//! Invariant: a handler that takes `Authenticated` or `Admitted` runs for a valid key within its rate limit; a key is
//! compared by its hash and never logged.

use super::access_log::AccessLog;
use super::api_error::ApiError;
use super::permits::InFlightPermit;
use super::state::AppState;
use crate::receiver::store::Principal;
use crate::receiver::{keys, time};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
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
        let principal = lookup(&parts.headers, state).await?;
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
        let Authenticated(principal) = Authenticated::from_request_parts(parts, state).await?;
        let permit = state.in_flight.acquire(&principal.key_id)?;
        Ok(Admitted { principal, permit })
    }
}

impl FromRequestParts<Arc<AppState>> for MetricsAccess {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> Result<Self, ApiError> {
        let key = bearer_key(&parts.headers).ok_or_else(ApiError::unauthorized)?;
        let metrics_key = state.metrics_key.as_deref();
        if metrics_key.is_some_and(|metrics_key| keys::hash(metrics_key) == keys::hash(key)) {
            return Ok(MetricsAccess);
        }
        limit_rate(&lookup(&parts.headers, state).await?, state)?;
        Ok(MetricsAccess)
    }
}

/// Finds the user of the request's key.
async fn lookup(headers: &HeaderMap, state: &AppState) -> Result<Principal, ApiError> {
    let key = bearer_key(headers).ok_or_else(ApiError::unauthorized)?;
    let principal = state.store.authenticate(key, time::now_us()).await?;
    principal.ok_or_else(ApiError::unauthorized)
}

fn limit_rate(principal: &Principal, state: &AppState) -> Result<(), ApiError> {
    state.rate_limiter.take(&principal.key_id, Instant::now()).map_err(|retry_after_s| {
        ApiError::too_many_requests("this key has reached its rate limit", retry_after_s)
    })
}

fn bearer_key(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let key = key.trim();
    let is_possible = scheme.eq_ignore_ascii_case("bearer") && !key.is_empty() && key.len() <= KEY_BYTES_MAX;
    is_possible.then_some(key)
}
