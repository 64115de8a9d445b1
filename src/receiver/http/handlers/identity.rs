//! `GET /api/sync/identity`: the user of a key, and the limits of this receiver.

use crate::protocol::{
    CLIENT_ID_HEADER, ENCODINGS, Identity, IdentityOrganization, Limits, PROTOCOL_VERSION,
};
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::auth::Authenticated;
use crate::receiver::http::response;
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::limits::{BATCH_MESSAGES_ADVISED, BODY_BYTES_MAX, INFLATED_BYTES_MAX};
use crate::receiver::time;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;

/// Answers with the identity of the key's user.
pub async fn get_identity(
    State(state): State<Arc<AppState>>,
    Authenticated(principal): Authenticated,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let client_id = headers.get(CLIENT_ID_HEADER).and_then(|id| id.to_str().ok());
    let stored_batches = match client_id {
        Some(client_id) => within_work_timeout(state.store.stored_batches(&principal, client_id)).await?,
        None => None,
    };
    let retained_since = principal.nothing_older_than().map(time::rfc3339);
    let organizations = principal.memberships.into_iter().map(|membership| IdentityOrganization {
        slug: membership.slug,
        name: membership.name,
        role: membership.role.as_str().to_owned(),
        owners: membership.owners,
    });
    let identity = Identity {
        user_id: principal.user_id,
        login: principal.login,
        accounts: principal.accounts,
        organizations: organizations.collect(),
        protocol_versions: vec![PROTOCOL_VERSION.to_owned()],
        encodings: ENCODINGS.map(str::to_owned).to_vec(),
        limits: Limits {
            max_body_bytes: Some(BODY_BYTES_MAX as u64),
            max_inflated_bytes: Some(INFLATED_BYTES_MAX as u64),
            max_messages: Some(BATCH_MESSAGES_ADVISED as u64),
        },
        retained_since,
        key_expires_at: principal.key_expires_at.map(time::rfc3339),
        stored_batches: stored_batches.map(i64::unsigned_abs).into(),
        server_timestamp: Some(time::rfc3339(time::now_us())),
    };
    response::json(StatusCode::OK, &identity, &state.memory).await
}
