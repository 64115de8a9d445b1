//! OAuth 2.0 device authorization (RFC 8628), found through its metadata (RFC 8414), and revocation (RFC 7009).
//!
//! Public clients only: there are no secrets of clients, and possession of a code or key is all that counts.

use crate::receiver::http::admission::OAuthClient;
use crate::receiver::http::api_error::{ApiError, Limit};
use crate::receiver::http::body;
use crate::receiver::http::connection::{PeerAddress, base_url};
use crate::receiver::http::routes::{DEVICE, DEVICE_AUTHORIZATION, REVOKE, TOKEN};
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::limits::{DEVICE_CODE_LIFETIME_US, DEVICE_NAME_CHARS_MAX, DEVICE_POLL_INTERVAL_US};
use crate::receiver::store::DevicePoll;
use crate::receiver::time::SECOND_US;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;
use std::sync::Arc;

/// The one client that this server knows.
const CLIENT_ID: &str = "han-sync";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Name of a machine that names none.
const UNNAMED_MACHINE: &str = "unnamed machine";

/// Parameters of a form. A parameter that is repeated or empty is absent, as RFC 6749 asks.
struct FormParameters(Vec<(String, String)>);

impl FormParameters {
    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let first = values.next().filter(|value| !value.is_empty());
        first.filter(|_| values.next().is_none())
    }
}

/// Answers with the metadata of the authorization server.
pub async fn get_metadata(
    State(state): State<Arc<AppState>>,
    peer: Option<Extension<PeerAddress>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let base = base(&state, peer.map(|Extension(peer)| peer), &headers)?;
    Ok(Json(json!({
        "issuer": base,
        "device_authorization_endpoint": format!("{base}{DEVICE_AUTHORIZATION}"),
        "token_endpoint": format!("{base}{TOKEN}"),
        "revocation_endpoint": format!("{base}{REVOKE}"),
        "grant_types_supported": [DEVICE_GRANT],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
    }))
    .into_response())
}

/// Begins a device authorization.
pub async fn post_device_authorization(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let base = base(&state, Some(peer), &headers)?;
    let (client, form) = admit(&state, peer, &headers, body).await?;
    if let Some(rejection) = unknown_client(&form) {
        return Ok(rejection);
    }
    let machine = form.get("device_name").unwrap_or(UNNAMED_MACHINE);
    let machine: String = machine.chars().filter(|c| !c.is_control()).take(DEVICE_NAME_CHARS_MAX).collect();
    let address = client.address.to_string();
    let begun = state.store.begin_device_authorization(&machine, &address);
    let Some(codes) = within_work_timeout(begun).await? else {
        let seconds = (DEVICE_CODE_LIFETIME_US / SECOND_US) as u64;
        return Err(ApiError::too_many_requests(
            Limit::Guesses,
            "too many machines wait for a key: try again later",
            seconds,
        ));
    };
    let uri = format!("{base}{DEVICE}");
    Ok(Json(json!({
        "device_code": codes.device_code,
        "user_code": codes.user_code,
        "verification_uri": uri,
        "verification_uri_complete": format!("{uri}?user_code={}", codes.user_code),
        "expires_in": DEVICE_CODE_LIFETIME_US / SECOND_US,
        "interval": DEVICE_POLL_INTERVAL_US / SECOND_US,
    }))
    .into_response())
}

/// Answers a machine that polls: with its key once a person has approved it.
pub async fn post_token(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (client, form) = admit(&state, peer, &headers, body).await?;
    if let Some(rejection) = unknown_client(&form) {
        return Ok(rejection);
    }
    match form.get("grant_type") {
        Some(DEVICE_GRANT) => {}
        Some(_) => return Ok(oauth_error("unsupported_grant_type", "use the device authorization grant")),
        None => return Ok(oauth_error("invalid_request", "grant_type is missing")),
    }
    let Some(device_code) = form.get("device_code") else {
        return Ok(oauth_error("invalid_request", "device_code is missing"));
    };
    let lifetime_us = state.device_login.options.key_lifetime_us;
    let polled = state.store.poll_device_authorization(device_code, lifetime_us);
    Ok(match within_work_timeout(polled).await? {
        DevicePoll::Approved(key) => Json(json!({
            "access_token": key.key,
            "token_type": "Bearer",
            "expires_in": lifetime_us / SECOND_US,
        }))
        .into_response(),
        DevicePoll::Pending => oauth_error("authorization_pending", "nobody has approved the code yet"),
        DevicePoll::TooFast => oauth_error("slow_down", "poll less often"),
        DevicePoll::Denied => oauth_error("access_denied", "the code was denied"),
        DevicePoll::Expired => oauth_error("expired_token", "the code has expired"),
        DevicePoll::Unknown => {
            state.device_login.record_wrong_code(client);
            oauth_error("invalid_grant", "the device code is unknown, or was used")
        }
    })
}

/// Revokes the key that the form holds. A key that is unknown is no error, so that nothing can be learnt of keys.
pub async fn post_revoke(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (client, form) = admit(&state, peer, &headers, body).await?;
    let Some(token) = form.get("token") else {
        return Ok(oauth_error("invalid_request", "token is missing"));
    };
    within_work_timeout(state.store.revoke_presented_key(token, client.address)).await?;
    Ok(StatusCode::OK.into_response())
}

/// The URL of this receiver as the client sees it.
fn base(state: &AppState, peer: Option<PeerAddress>, headers: &HeaderMap) -> Result<String, ApiError> {
    let configured = state.device_login.options.public_url.as_ref();
    base_url(configured, headers, peer, &state.trusted_proxies)
        .ok_or_else(|| ApiError::bad_request("the Host header is missing or is no host"))
}

/// Admits a request within the limits of its client, and reads its form.
async fn admit(
    state: &AppState,
    peer: PeerAddress,
    headers: &HeaderMap,
    body: Body,
) -> Result<(OAuthClient, FormParameters), ApiError> {
    let client = OAuthClient::of(peer, headers, &state.trusted_proxies);
    state.device_login.admit(client)?;
    let form = body::receive_form(headers, body, state.body_stall_timeout).await?;
    Ok((client, FormParameters(form)))
}

/// The rejection of a client that this server does not know; `None` for the one that it knows.
fn unknown_client(form: &FormParameters) -> Option<Response> {
    if form.get("client_id") == Some(CLIENT_ID) {
        return None;
    }
    let mut rejection = oauth_error("invalid_client", "client_id must be han-sync");
    *rejection.status_mut() = StatusCode::UNAUTHORIZED;
    Some(rejection)
}

/// An error as RFC 6749, section 5.2, has it.
fn oauth_error(code: &str, description: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": code, "error_description": description}))).into_response()
}
