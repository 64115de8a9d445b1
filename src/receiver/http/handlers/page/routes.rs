//! Routes of the page.

use super::{administration, keys, lists, overview, session, sign_in};
use crate::receiver::http::routes as path;
use crate::receiver::http::state::AppState;
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

/// Path and methods of each route.
pub fn page_routes() -> Vec<(&'static str, MethodRouter<Arc<AppState>>)> {
    vec![
        (path::HOME, get(overview::get_overview)),
        (path::HOME_CSV, get(overview::get_overview_csv)),
        (path::OVERVIEW_CSV, get(overview::get_overview_csv)),
        (path::STYLE_SHEET, get(overview::get_style_sheet)),
        (path::ICON, get(overview::get_icon)),
        (path::SIGN_IN, get(sign_in::get_sign_in).post(sign_in::post_sign_in)),
        (path::SIGN_OUT, post(sign_in::post_sign_out)),
        (path::SIGN_OUT_EVERYWHERE, post(sign_in::post_sign_out_everywhere)),
        (path::CLIENTS, get(lists::get_clients)),
        (path::CLIENTS_CSV, get(lists::get_clients_csv)),
        (path::SESSION_LIST, get(lists::get_sessions)),
        (path::SESSION_LIST_CSV, get(lists::get_sessions_csv)),
        (path::SESSION_VIEW, get(session::get_session)),
        (path::ME, get(lists::get_me)),
        (path::ME_CSV, get(lists::get_me_csv)),
        (path::FORGET, get(session::get_forget).post(session::post_forget)),
        (path::KEYS, get(keys::get_keys).post(keys::post_keys)),
        (path::KEYS_CSV, get(keys::get_keys_csv)),
        (path::REVOKE_KEY, post(keys::post_revoke_key)),
        (path::DEVICE, get(keys::get_device).post(keys::post_device)),
        (path::MEMBERS, get(administration::get_members)),
        (path::MEMBERS_CSV, get(administration::get_members_csv)),
        (path::AUDIT, get(administration::get_audit)),
        (path::AUDIT_CSV, get(administration::get_audit_csv)),
    ]
}
