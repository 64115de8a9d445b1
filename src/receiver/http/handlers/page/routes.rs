//! Routes of the page.

use super::{administration, keys, lists, overview, provider, session, sign_in};
use crate::receiver::http::routes as path;
use crate::receiver::http::state::AppState;
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

/// Methods of a view or document, of an action, and of a view whose form is posted to its own path.
const READ: &str = "GET, HEAD";
const WRITE: &str = "POST";
const BOTH: &str = "GET, HEAD, POST";

/// Path of each route, the methods that it allows, and their handlers.
pub fn page_routes() -> Vec<(&'static str, &'static str, MethodRouter<Arc<AppState>>)> {
    vec![
        (path::HOME, READ, get(overview::get_overview)),
        (path::HOME_CSV, READ, get(overview::get_overview_csv)),
        (path::OVERVIEW_CSV, READ, get(overview::get_overview_csv)),
        (path::STYLE_SHEET, READ, get(overview::get_style_sheet)),
        (path::ICON, READ, get(overview::get_icon)),
        (path::SIGN_IN, BOTH, get(sign_in::get_sign_in).post(sign_in::post_sign_in)),
        (path::PROVIDER, READ, get(provider::get_provider)),
        (path::PROVIDER_CALLBACK, READ, get(provider::get_provider_callback)),
        (path::SIGN_OUT, WRITE, post(sign_in::post_sign_out)),
        (path::SIGN_OUT_EVERYWHERE, WRITE, post(sign_in::post_sign_out_everywhere)),
        (path::CLIENTS, READ, get(lists::get_clients)),
        (path::CLIENTS_CSV, READ, get(lists::get_clients_csv)),
        (path::SESSION_LIST, READ, get(lists::get_sessions)),
        (path::SESSION_LIST_CSV, READ, get(lists::get_sessions_csv)),
        (path::SESSION_VIEW, READ, get(session::get_session)),
        (path::ME, READ, get(lists::get_me)),
        (path::ME_CSV, READ, get(lists::get_me_csv)),
        (path::FORGET, BOTH, get(session::get_forget).post(session::post_forget)),
        (path::KEYS, BOTH, get(keys::get_keys).post(keys::post_keys)),
        (path::KEYS_CSV, READ, get(keys::get_keys_csv)),
        (path::REVOKE_KEY, WRITE, post(keys::post_revoke_key)),
        (path::DEVICE, BOTH, get(keys::get_device).post(keys::post_device)),
        (path::MEMBERS, READ, get(administration::get_members)),
        (path::MEMBERS_CSV, READ, get(administration::get_members_csv)),
        (path::AUDIT, READ, get(administration::get_audit)),
        (path::AUDIT_CSV, READ, get(administration::get_audit_csv)),
    ]
}
