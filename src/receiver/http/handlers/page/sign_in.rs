//! `/sign-in`: a key, shown once, begins a session of the page. `/sign-out` ends it, or all of the user's.

use super::form::{FORM_COOKIE, PageForm, SESSION_COOKIE, cookie, set_cookie};
use super::page_user::PageUser;
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::auth::{client_of, principal_of_key};
use crate::receiver::http::connection::PeerAddress;
use crate::receiver::http::response::html::{html, see_other};
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::keys;
use crate::receiver::page::{Notice, SignInView};
use crate::receiver::store::StoreError;
use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;

/// Shows the form.
pub async fn get_sign_in(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = query.unwrap_or_default();
    let next = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "next");
    let next = next.map(|(_, path)| path.into_owned()).unwrap_or_default();
    let page = SignInPage { state: &state, headers: &headers, next: local_path(&next) };
    page.respond(StatusCode::OK, None)
}

/// Begins a session for the user of a key.
pub async fn post_sign_in(
    State(state): State<Arc<AppState>>,
    peer: Option<Extension<PeerAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = PageForm::read(&state, &headers, body).await?;
    form.require_token(cookie(&headers, FORM_COOKIE).unwrap_or_default())?;
    let address = client_of(peer.map(|Extension(peer)| peer), &headers, &state);
    let next = local_path(form.get("next"));
    let mut principal = match principal_of_key(Some(form.get("key")), address, &state).await {
        Ok(principal) => principal,
        Err(error) if error.status() == StatusCode::UNAUTHORIZED => {
            let text = "This key is not valid: it is mistyped, has ended, or was revoked.";
            let page = SignInPage { state: &state, headers: &headers, next };
            return page.respond(StatusCode::UNAUTHORIZED, Some(Notice::bad(text)));
        }
        Err(error) => return Err(error),
    };
    principal.address = address;
    let secret = within_work_timeout(state.store.begin_page_session(&principal)).await?;
    let mut response = see_other(next)?;
    for cookie in [set_cookie(&headers, SESSION_COOKIE, &secret)?, set_cookie(&headers, FORM_COOKIE, "")?] {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Ends the browser's session.
pub async fn post_sign_out(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    PageForm::read(&state, &headers, body).await?.require_token(&user.secret)?;
    within_work_timeout(state.store.end_page_session(&user.principal, &user.secret)).await?;
    signed_out(&headers)
}

/// Ends all sessions of the user.
pub async fn post_sign_out_everywhere(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    PageForm::read(&state, &headers, body).await?.require_token(&user.secret)?;
    within_work_timeout(state.store.end_page_sessions(&user.principal)).await?;
    signed_out(&headers)
}

fn signed_out(headers: &HeaderMap) -> Result<Response, ApiError> {
    let mut response = see_other("/sign-in")?;
    response.headers_mut().append(SET_COOKIE, set_cookie(headers, SESSION_COOKIE, "")?);
    Ok(response)
}

/// The page that signs in.
pub struct SignInPage<'p> {
    pub state: &'p AppState,
    pub headers: &'p HeaderMap,
    /// Path to go to after it.
    pub next: &'p str,
}

impl SignInPage<'_> {
    /// Responds with the form, with a token that belongs to a cookie of the browser, and with a link to the provider.
    pub fn respond(&self, status: StatusCode, notice: Option<Notice>) -> Result<Response, ApiError> {
        let kept = cookie(self.headers, FORM_COOKIE).map(str::to_owned);
        let secret = match &kept {
            Some(secret) => secret.clone(),
            None => keys::new_session_secret()
                .map_err(|error| ApiError::from(StoreError::Internal(error.to_string())))?,
        };
        let provider = self.state.provider.as_ref().map(|calls| calls.provider().options.host());
        let view = SignInView::new(keys::form_token(&secret), self.next.to_owned(), provider, notice);
        let mut response = html(status, &view)?;
        if kept.is_none() {
            response.headers_mut().append(SET_COOKIE, set_cookie(self.headers, FORM_COOKIE, &secret)?);
        }
        Ok(response)
    }
}

/// A path of this page; anything else is the overview, so that no link leads elsewhere.
pub fn local_path(path: &str) -> &str {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_local { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_in_leads_to_paths_of_this_page_alone() {
        assert_eq!(local_path("/sessions?user=a%20b"), "/sessions?user=a%20b");
        for path in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "evil", "/ä"]
        {
            assert_eq!(local_path(path), "/", "{path}");
        }
    }
}
