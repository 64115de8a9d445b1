//! `GET /metrics`: on the public listener with a key, on the metrics listener without.

use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::auth::MetricsAccess;
use crate::receiver::http::metrics::{CONTENT_TYPE, CurrentLoad};
use crate::receiver::http::response;
use crate::receiver::http::state::AppState;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use std::sync::Arc;

/// Encodes the metrics for a request with a key.
pub async fn metrics_with_key(state: State<Arc<AppState>>, _: MetricsAccess) -> Result<Response, ApiError> {
    metrics(state).await
}

/// Encodes the metrics.
pub async fn metrics(State(state): State<Arc<AppState>>) -> Result<Response, ApiError> {
    let load = CurrentLoad {
        in_flight: state.in_flight.in_flight(),
        waiting: state.in_flight.waiting(),
        memory_waiting: state.memory.waiting(),
        queries_at_work: state.queries.at_work(),
        pools: state.store.pools(),
    };
    let text = state.metrics.encode(&load).map_err(|_| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error: the metrics cannot be encoded")
    })?;
    let content_type = HeaderValue::from_static(CONTENT_TYPE);
    response::counted(StatusCode::OK, content_type, text.into_bytes(), &state.memory).await
}
