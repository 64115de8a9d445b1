//! `/sign-in/oidc`: to the provider, and back. It begins with a link, since a form may lead to this page alone.
//!
//! Invariants: an answer counts only in the browser whose cookie began the sign-in, and the cookie ends with it; texts of the
//! provider go to the log, never to the page.

use super::form::{SESSION_COOKIE, cookie, set_cookie};
use super::sign_in::{SignInPage, local_path};
use crate::printable::printable;
use crate::receiver::http::admission::{ProviderCalls, ProviderTurn};
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::auth::client_of;
use crate::receiver::http::connection::{ClientNetwork, PeerAddress, base_url};
use crate::receiver::http::response::html::see_other;
use crate::receiver::http::routes::PROVIDER_CALLBACK;
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::limits::PROVIDER_ATTEMPT_SECONDS;
use crate::receiver::page::Notice;
use crate::receiver::provider::{Callback, ProviderError, ProviderUser, SignInAttempt};
use crate::receiver::store::{ProviderAdmission, ProviderRefusal, ProviderSignIn, StoreError, check_handle};
use crate::receiver::time;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use chrono::Utc;
use std::net::IpAddr;
use std::sync::Arc;

/// Cookie of a sign-in that has begun.
const ATTEMPT_COOKIE: &str = "han_sync_oidc";
/// Bytes of its value: no more than are read back.
const ATTEMPT_COOKIE_BYTES: usize = 256;
/// Characters of a provider's text in the log.
const LOGGED_CHARS_MAX: usize = 200;

/// Begins a sign-in: leads to the provider.
pub async fn get_provider(
    State(state): State<Arc<AppState>>,
    peer: Option<Extension<PeerAddress>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let visit = Visit::of(&state, peer, &headers, query)?;
    let internal = |error: getrandom::Error| ApiError::from(StoreError::Internal(error.to_string()));
    let attempt = SignInAttempt::begin(local_path(visit.parameter("next"))).map_err(internal)?;
    let begun = attempt.clone();
    let redirect_uri = visit.redirect_uri.clone();
    // With metadata from the cache nothing waits for the provider.
    let url = match visit.calls.provider().cached_authorization_url(&attempt, &redirect_uri) {
        Some(url) => Ok(url),
        None => {
            let turn = visit.begin().await?;
            turn.run(move |provider| provider.authorization_url(&begun, &redirect_uri)).await
        }
    };
    match url {
        Ok(url) => {
            let mut response = see_other(&url)?;
            let value = attempt.cookie(ATTEMPT_COOKIE_BYTES);
            response.headers_mut().append(SET_COOKIE, attempt_cookie(&headers, &value)?);
            Ok(response)
        }
        Err(error) => visit.failed(&error, &attempt.next),
    }
}

/// Ends a sign-in: takes the provider's answer.
pub async fn get_provider_callback(
    State(state): State<Arc<AppState>>,
    peer: Option<Extension<PeerAddress>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let visit = Visit::of(&state, peer, &headers, query)?;
    let attempt = cookie(&headers, ATTEMPT_COOKIE).and_then(SignInAttempt::parse);
    let attempt = attempt.filter(|attempt| attempt.has_state(visit.parameter("state")));
    let next = attempt.as_ref().map(|attempt| local_path(&attempt.next).to_owned()).unwrap_or_default();
    let user = match visit.callback(attempt) {
        Ok(callback) => {
            // Without a turn nothing was sent: the person can load the address again.
            let turn = visit.begin().await?;
            turn.run(move |provider| provider.user(&callback)).await
        }
        Err(error) => Err(error),
    };
    let end = set_cookie(&headers, ATTEMPT_COOKIE, "")?;
    let mut response = match user {
        // The code is used up, also where the store fails.
        Ok(user) => {
            visit.admit(user, &next).await.map_err(|error| error.with_header(SET_COOKIE, end.clone()))?
        }
        Err(error) => visit.failed(&error, &next)?,
    };
    response.headers_mut().append(SET_COOKIE, end);
    Ok(response)
}

/// A request of either step.
struct Visit<'r> {
    state: &'r AppState,
    calls: &'r ProviderCalls,
    headers: &'r HeaderMap,
    parameters: Vec<(String, String)>,
    address: Option<IpAddr>,
    /// Address of this receiver to which the provider sends its answer.
    redirect_uri: String,
}

impl<'r> Visit<'r> {
    fn of(
        state: &'r AppState,
        peer: Option<Extension<PeerAddress>>,
        headers: &'r HeaderMap,
        query: Option<String>,
    ) -> Result<Visit<'r>, ApiError> {
        let calls = state.provider.as_deref().ok_or_else(ApiError::not_found)?;
        let peer = peer.map(|Extension(peer)| peer);
        let address = client_of(peer, headers, state);
        calls.admit(address.map(ClientNetwork::from))?;
        let public_url = state.device_login.options.public_url.as_ref();
        let base = base_url(public_url, headers, peer, &state.trusted_proxies)
            .ok_or_else(|| ApiError::bad_request("the request names no host"))?;
        let query = query.unwrap_or_default();
        let parameters = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let redirect_uri = format!("{base}{PROVIDER_CALLBACK}");
        Ok(Visit { state, calls, headers, parameters, address, redirect_uri })
    }

    /// The first value of a parameter; empty if there is none.
    fn parameter(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// Waits for the turn of a call.
    async fn begin(&self) -> Result<ProviderTurn, ApiError> {
        self.calls.begin(self.address.map(ClientNetwork::from)).await
    }

    /// The provider's answer to the sign-in that began in this browser.
    fn callback(&self, attempt: Option<SignInAttempt>) -> Result<Callback, ProviderError> {
        let is_repeated = |name: &str| self.parameters.iter().filter(|(own, _)| own == name).count() > 1;
        let attempt = attempt.filter(|_| !["state", "code", "iss", "error"].into_iter().any(is_repeated));
        let attempt = attempt.ok_or(ProviderError::NotBegun)?;
        let error = self.parameter("error");
        if !error.is_empty() {
            let text = format!("{error}: {}", self.parameter("error_description"));
            return Err(ProviderError::Declined(text));
        }
        let code = self.parameter("code").to_owned();
        if code.is_empty() {
            return Err(ProviderError::NotBegun);
        }
        let issuer = self.parameters.iter().find(|(name, _)| name == "iss").map(|(_, issuer)| issuer.clone());
        Ok(Callback { attempt, code, issuer, redirect_uri: self.redirect_uri.clone(), now: Utc::now() })
    }

    /// Begins a session of the page, if the person may have one.
    async fn admit(&self, user: ProviderUser, next: &str) -> Result<Response, ApiError> {
        let creates = self.calls.provider().options.creates_users;
        let sign_in = ProviderSignIn { user, creates, address: self.address };
        let refusal = match within_work_timeout(self.state.store.sign_in_through_provider(&sign_in)).await? {
            ProviderAdmission::Admitted(secret) => {
                let mut response = see_other(local_path(next))?;
                let cookie = set_cookie(self.headers, SESSION_COOKIE, &secret)?;
                response.headers_mut().append(SET_COOKIE, cookie);
                return Ok(response);
            }
            ProviderAdmission::Refused(refusal) => refusal,
        };
        if refusal != ProviderRefusal::NoGroupLeft {
            self.state.refusals.add(self.address, time::now_us());
        }
        let notice = match refusal {
            ProviderRefusal::UnknownUser(logins) if logins.is_empty() => Notice::bad(
                "Your organization's sign-in tells neither a verified e-mail address of yours nor a user name, so that you \
                 cannot be found here.",
            ),
            ProviderRefusal::UnknownUser(logins) => {
                let login = logins.iter().find(|login| check_handle(login).is_ok());
                let login = login.map_or("LOGIN", String::as_str);
                let command = format!("han-sync-receiver admin user create {login}");
                Notice::bad("You have no account here yet. The operator of this receiver makes one:")
                    .with_code(command)
            }
            ProviderRefusal::OtherAccount(login) => {
                let command = format!("han-sync-receiver admin user unlink {login}");
                Notice::bad(
                    "The user with your name belongs to another account of your organization's sign-in. If it is \
                     yours, too, the operator of this receiver runs:",
                )
                .with_code(command)
            }
            ProviderRefusal::NoGroupLeft => Notice::bad(
                "None of your groups gives you access to this receiver any longer. Your keys and sessions have ended.",
            ),
        };
        self.page(StatusCode::FORBIDDEN, notice, next)
    }

    /// The sign-in page with the reason for which nobody was signed in.
    fn failed(&self, error: &ProviderError, next: &str) -> Result<Response, ApiError> {
        let cause: String = error.cause().chars().take(LOGGED_CHARS_MAX).collect();
        tracing::warn!(cause = %printable(&cause), "a sign-in through the provider has failed");
        if !matches!(error, ProviderError::Unavailable(_)) {
            self.state.refusals.add(self.address, time::now_us());
        }
        self.page(error.status(), Notice::bad(error.message()), next)
    }

    fn page(&self, status: StatusCode, notice: Notice, next: &str) -> Result<Response, ApiError> {
        SignInPage { state: self.state, headers: self.headers, next }.respond(status, Some(notice))
    }
}

fn attempt_cookie(headers: &HeaderMap, value: &str) -> Result<HeaderValue, ApiError> {
    let cookie = set_cookie(headers, ATTEMPT_COOKIE, value)?;
    let text = format!("{}; Max-Age={PROVIDER_ATTEMPT_SECONDS}", cookie.to_str().unwrap_or_default());
    HeaderValue::from_str(&text).map_err(|_| ApiError::bad_request("the address cannot be read"))
}
