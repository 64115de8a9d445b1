//! The signed-in user of a request, as an extractor. Whoever is signed out is led to the sign-in, and back.

use super::form::{SESSION_COOKIE, cookie};
use crate::receiver::http::access_log::AccessLog;
use crate::receiver::http::api_error::{ApiError, Limit};
use crate::receiver::http::auth::{client_address, limit_rate};
use crate::receiver::http::connection::ClientNetwork;
use crate::receiver::http::response::html::see_other;
use crate::receiver::http::state::AppState;
use crate::receiver::page::{GROUP_MEMBERS_KEYS, is_admin};
use crate::receiver::store::Principal;
use crate::receiver::{keys, time};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Instant;

/// The user of the browser's session.
pub struct PageUser {
    pub principal: Principal,
    /// Secret of the session.
    pub secret: String,
}

/// The user of a request that may come from somebody who is signed out.
pub struct MaybePageUser(pub Option<PageUser>);

impl PageUser {
    /// Token of the forms that the user is shown.
    pub fn token(&self) -> String {
        keys::form_token(&self.secret)
    }

    /// Rejects a user whose memberships come from groups, unless the sign-in was through the provider: it says whether they
    /// still hold.
    pub fn require_key_maker(&self) -> Result<(), ApiError> {
        if self.principal.may_make_keys {
            return Ok(());
        }
        Err(ApiError::new(StatusCode::FORBIDDEN, GROUP_MEMBERS_KEYS))
    }

    /// Rejects a user who administers no organization.
    pub fn require_admin(&self) -> Result<(), ApiError> {
        if is_admin(&self.principal) {
            return Ok(());
        }
        Err(ApiError::new(StatusCode::FORBIDDEN, "this view is for the administrators of an organization"))
    }
}

impl FromRequestParts<Arc<AppState>> for MaybePageUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> Result<Self, ApiError> {
        let Some(secret) = cookie(&parts.headers, SESSION_COOKIE).map(str::to_owned) else {
            return Ok(MaybePageUser(None));
        };
        let address = client_address(parts, state);
        let (hash, client) = (keys::hash(&secret), address.map(ClientNetwork::from));
        if let Some(client) = client {
            state.key_guesses.admit(&hash, client, Instant::now()).map_err(|retry_after_s| {
                ApiError::too_many_requests(
                    Limit::Guesses,
                    "too many unknown sessions from this address",
                    retry_after_s,
                )
            })?;
        }
        let Some(principal) = state.store.authenticate_page(&secret, time::now_us()).await? else {
            if let Some(client) = client {
                state.key_guesses.record_unknown(&hash, client, Instant::now());
            }
            return Ok(MaybePageUser(None));
        };
        state.key_guesses.record_valid(hash);
        if let Some(access_log) = parts.extensions.get::<AccessLog>() {
            access_log.set_caller(&principal.user_id, &principal.key_id);
        }
        limit_rate(&principal, state)?;
        Ok(MaybePageUser(Some(PageUser { principal: Principal { address, ..principal }, secret })))
    }
}

impl FromRequestParts<Arc<AppState>> for PageUser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> Result<Self, Response> {
        match MaybePageUser::from_request_parts(parts, state).await {
            Ok(MaybePageUser(Some(user))) => Ok(user),
            Ok(MaybePageUser(None)) => Err(signed_out(parts)),
            Err(error) => Err(error.into_response()),
        }
    }
}

/// The response to somebody who is signed out: a view leads to the sign-in; a document for programs is 401.
fn signed_out(parts: &Parts) -> Response {
    let path = parts.uri.path();
    if path.ends_with(".csv") {
        let message = "sign in at /sign-in first, with a browser";
        return ApiError::new(StatusCode::UNAUTHORIZED, message).into_response();
    }
    let next = match (parts.method == Method::GET, parts.uri.path_and_query()) {
        (true, Some(address)) if path != "/" => address.as_str(),
        _ => "",
    };
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    let to = if next.is_empty() { "/sign-in".to_owned() } else { format!("/sign-in?{query}") };
    see_other(&to).unwrap_or_else(IntoResponse::into_response)
}
