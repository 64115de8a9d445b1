//! `/keys`: the user's keys. `/device`: machines that ask for one.

use super::form::PageForm;
use super::page_user::{MaybePageUser, PageUser};
use super::reply::csv_file;
use crate::receiver::http::admission::OAuthClient;
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::connection::PeerAddress;
use crate::receiver::http::response::html::{html, see_other};
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::ingest::validation::replace_nul;
use crate::receiver::limits::KEY_LABEL_CHARS_MAX;
use crate::receiver::page::{KeysView, Notice, SignedOutDevice, csv, device_view};
use crate::receiver::store::DeviceDecision;
use crate::receiver::time::{self, DAY_US};
use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;

/// The keys.
pub async fn get_keys(State(state): State<Arc<AppState>>, user: PageUser) -> Result<Response, ApiError> {
    keys_page(&state, &user, StatusCode::OK, None).await
}

/// The keys as CSV.
pub async fn get_keys_csv(State(state): State<Arc<AppState>>, user: PageUser) -> Result<Response, ApiError> {
    let keys = within_work_timeout(state.store.own_keys(&user.principal)).await?;
    let view = KeysView::new(&user.principal, String::new(), &keys, 0, None);
    Ok(csv_file("keys", view.tables.first().map(csv).unwrap_or_default()))
}

/// Makes a key, and shows it this once.
pub async fn post_keys(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = PageForm::read(&state, &headers, body).await?;
    form.require_token(&user.secret)?;
    user.require_key_maker()?;
    let days_max = days_max(&state);
    let days = form.get("days").parse::<i64>().ok().filter(|days| (1..=days_max).contains(days));
    let Some(days) = days else {
        let notice = Notice::bad(format!("A key ends after 1 to {days_max} days."));
        return keys_page(&state, &user, StatusCode::BAD_REQUEST, Some(notice)).await;
    };
    let label = replace_nul(form.get("label").to_owned());
    let label: String =
        label.chars().filter(|letter| !letter.is_control()).take(KEY_LABEL_CHARS_MAX).collect();
    // A lifetime of less than a day is offered as one.
    let lifetime_us = days.saturating_mul(DAY_US).min(state.device_login.options.key_lifetime_us);
    let expires_at = time::now_us().saturating_add(lifetime_us);
    let key = within_work_timeout(state.store.create_own_key(&user.principal, &label, expires_at)).await?;
    let notice = Notice::good("Your new key. It is shown this once: copy it now.").with_code(key.key);
    keys_page(&state, &user, StatusCode::OK, Some(notice)).await
}

/// Revokes a key of the user.
pub async fn post_revoke_key(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    PageForm::read(&state, &headers, body).await?.require_token(&user.secret)?;
    match within_work_timeout(state.store.revoke_own_key(&user.principal, &replace_nul(id))).await? {
        true => see_other("/keys"),
        false => Err(ApiError::new(StatusCode::NOT_FOUND, "you have no valid key with this id")),
    }
}

async fn keys_page(
    state: &AppState,
    user: &PageUser,
    status: StatusCode,
    notice: Option<Notice>,
) -> Result<Response, ApiError> {
    let keys = within_work_timeout(state.store.own_keys(&user.principal)).await?;
    html(status, &KeysView::new(&user.principal, user.token(), &keys, days_max(state), notice))
}

/// Days that a key of the page lives at most: as long as one that a machine gets.
fn days_max(state: &AppState) -> i64 {
    (state.device_login.options.key_lifetime_us / DAY_US).max(1)
}

/// The machine that waits with a code.
pub async fn get_device(
    State(state): State<Arc<AppState>>,
    MaybePageUser(user): MaybePageUser,
    peer: Option<Extension<PeerAddress>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = query.unwrap_or_default();
    let code = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "user_code");
    let code = code.map(|(_, code)| code.trim().to_owned()).unwrap_or_default();
    let Some(user) = user else {
        return html(StatusCode::OK, &SignedOutDevice::new(Some(code.as_str()).filter(|code| is_code(code))));
    };
    let (principal, token) = (&user.principal, user.token());
    if code.is_empty() {
        return html(StatusCode::OK, &device_view(principal, token, code, None, None));
    }
    let client = peer.map(|Extension(peer)| OAuthClient::of(peer, &headers, &state.trusted_proxies));
    if let Some(client) = client {
        state.device_login.admit(client)?;
    }
    let device = within_work_timeout(state.store.pending_device(&code)).await?;
    if let (None, Some(client)) = (&device, client) {
        state.device_login.record_wrong_code(client);
    }
    let (status, notice) = match device {
        Some(_) => (StatusCode::OK, None),
        None => (StatusCode::NOT_FOUND, Some(unknown_code())),
    };
    html(status, &device_view(principal, token, code, device, notice))
}

/// Approves a machine for the user, or denies it.
pub async fn post_device(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    peer: Option<Extension<PeerAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = PageForm::read(&state, &headers, body).await?;
    form.require_token(&user.secret)?;
    let client = peer.map(|Extension(peer)| OAuthClient::of(peer, &headers, &state.trusted_proxies));
    if let Some(client) = client {
        state.device_login.admit(client)?;
    }
    let decision = match form.get("decision") {
        "approve" => {
            user.require_key_maker()?;
            DeviceDecision::Approve
        }
        "deny" => DeviceDecision::Deny,
        _ => return Err(ApiError::bad_request("the form says neither approve nor deny")),
    };
    let code = form.get("user_code");
    let decided = within_work_timeout(state.store.decide_device(&user.principal, code, decision)).await?;
    if let (false, Some(client)) = (decided, client) {
        state.device_login.record_wrong_code(client);
    }
    let (status, notice) = match (decided, decision) {
        (true, DeviceDecision::Approve) => (
            StatusCode::OK,
            Notice::good("Approved: the machine gets its key within seconds. It is listed under Keys."),
        ),
        (true, DeviceDecision::Deny) => (StatusCode::OK, Notice::good("Denied: the machine gets no key.")),
        (false, _) => (StatusCode::NOT_FOUND, unknown_code()),
    };
    html(status, &device_view(&user.principal, user.token(), String::new(), None, Some(notice)))
}

fn unknown_code() -> Notice {
    Notice::bad(
        "No machine waits with this code: it is mistyped, was decided already, or has ended. Run han-sync login there again.",
    )
}

/// True for text in the form of a user code, the only one that is shown to somebody who is signed out.
fn is_code(code: &str) -> bool {
    let fits =
        |(at, letter): (usize, u8)| if at == 4 { letter == b'-' } else { letter.is_ascii_alphabetic() };
    code.len() == 9 && code.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_user_code_is_shown() {
        assert!(is_code("BCDF-GHJK") && is_code("bcdf-ghjk"));
        for code in ["<script>", "BCDFGHJK", "BC%3C-GHJK", ""] {
            assert!(!is_code(code), "{code}");
        }
    }
}
