//! `GET /healthz` and `GET /readyz`, for load balancers and orchestrators.

use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::state::AppState;
use axum::extract::State;
use std::sync::Arc;

/// Reports that the process serves.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Reports whether requests can be served.
pub async fn readyz(State(state): State<Arc<AppState>>) -> Result<&'static str, ApiError> {
    state.readiness.check(&state.store).await?;
    Ok("ready\n")
}
