//! Paths of the receiver, and the names that log and metrics have for them.

/// Path and name of each route for programs. Names are a closed set, unlike the paths that clients ask for.
const ROUTES: [(&str, &str); 15] = [
    (SYNC, "sync"),
    (IDENTITY, "identity"),
    (DIGESTS, "digests"),
    (SESSIONS, "sessions"),
    (SESSION, "session"),
    (TOMBSTONES, "tombstones"),
    (TOMBSTONE, "tombstone"),
    (GRAPHQL, "graphql"),
    (DISCOVERY, "oauth_discovery"),
    (DEVICE_AUTHORIZATION, "oauth_device_authorization"),
    (TOKEN, "oauth_token"),
    (REVOKE, "oauth_revoke"),
    (HEALTH, "healthz"),
    (READY, "readyz"),
    (METRICS, "metrics"),
];

/// Path and name of each route of the page, for people.
const PAGE_ROUTES: [(&str, &str); 26] = [
    (HOME, "home"),
    (HOME_CSV, "overview_csv"),
    (OVERVIEW_CSV, "overview_csv"),
    (STYLE_SHEET, "style_sheet"),
    (ICON, "icon"),
    (SIGN_IN, "sign_in"),
    (PROVIDER, "sign_in_oidc"),
    (PROVIDER_CALLBACK, "sign_in_oidc_callback"),
    (SIGN_OUT, "sign_out"),
    (SIGN_OUT_EVERYWHERE, "sign_out_everywhere"),
    (CLIENTS, "clients_view"),
    (CLIENTS_CSV, "clients_csv"),
    (SESSION_LIST, "sessions_view"),
    (SESSION_LIST_CSV, "sessions_csv"),
    (SESSION_VIEW, "session_view"),
    (ME, "me"),
    (ME_CSV, "me_csv"),
    (FORGET, "forget"),
    (KEYS, "keys"),
    (KEYS_CSV, "keys_csv"),
    (REVOKE_KEY, "key_revoke"),
    (DEVICE, "device"),
    (MEMBERS, "members"),
    (MEMBERS_CSV, "members_csv"),
    (AUDIT, "audit"),
    (AUDIT_CSV, "audit_csv"),
];

pub const SYNC: &str = "/api/sync";
pub const IDENTITY: &str = "/api/sync/identity";
pub const DIGESTS: &str = "/api/sync/digests";
pub const SESSIONS: &str = "/api/sync/sessions";
pub const SESSION: &str = "/api/sync/sessions/{id}";
pub const TOMBSTONES: &str = "/api/sync/tombstones";
pub const TOMBSTONE: &str = "/api/sync/tombstones/{id}";
pub const GRAPHQL: &str = "/graphql";
pub const DISCOVERY: &str = "/.well-known/oauth-authorization-server";
pub const DEVICE_AUTHORIZATION: &str = "/oauth/device_authorization";
pub const TOKEN: &str = "/oauth/token";
pub const REVOKE: &str = "/oauth/revoke";
pub const DEVICE: &str = "/device";
pub const HOME: &str = "/";
pub const HOME_CSV: &str = "/.csv";
pub const OVERVIEW_CSV: &str = "/overview.csv";
pub const STYLE_SHEET: &str = "/page.css";
pub const ICON: &str = "/page.svg";
pub const SIGN_IN: &str = "/sign-in";
pub const PROVIDER: &str = "/sign-in/oidc";
pub const PROVIDER_CALLBACK: &str = "/sign-in/oidc/callback";
pub const SIGN_OUT: &str = "/sign-out";
pub const SIGN_OUT_EVERYWHERE: &str = "/sign-out-everywhere";
pub const CLIENTS: &str = "/clients";
pub const CLIENTS_CSV: &str = "/clients.csv";
pub const SESSION_LIST: &str = "/sessions";
pub const SESSION_LIST_CSV: &str = "/sessions.csv";
pub const SESSION_VIEW: &str = "/sessions/{id}";
pub const ME: &str = "/me";
pub const ME_CSV: &str = "/me.csv";
pub const FORGET: &str = "/forget";
pub const KEYS: &str = "/keys";
pub const KEYS_CSV: &str = "/keys.csv";
pub const REVOKE_KEY: &str = "/keys/{id}/revoke";
pub const MEMBERS: &str = "/members";
pub const MEMBERS_CSV: &str = "/members.csv";
pub const AUDIT: &str = "/audit";
pub const AUDIT_CSV: &str = "/audit.csv";
pub const HEALTH: &str = "/healthz";
pub const READY: &str = "/readyz";
pub const METRICS: &str = "/metrics";

/// Name of a matched path, with or without a trailing slash; `unknown` for a request that matches no route.
pub fn route_name(matched_path: Option<&str>) -> &'static str {
    let path = without_slash(matched_path.unwrap_or_default());
    let mut routes = ROUTES.iter().chain(&PAGE_ROUTES);
    routes.find(|(route, _)| *route == path).map_or("unknown", |(_, name)| name)
}

/// Names of all routes.
pub fn names() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().chain(&PAGE_ROUTES).map(|(_, name)| *name).chain(["unknown"])
}

/// True for a view of the page, whose errors are for people. A route may have views and documents.
pub fn is_view(matched_path: Option<&str>, path: &str) -> bool {
    let route = without_slash(matched_path.unwrap_or_default());
    PAGE_ROUTES.iter().any(|(own, _)| *own == route) && !without_slash(path).ends_with(".csv")
}

/// All paths but those of health and metrics.
pub fn public_paths() -> impl Iterator<Item = &'static str> {
    let paths = ROUTES.iter().chain(&PAGE_ROUTES).map(|(path, _)| *path);
    paths.filter(|path| ![HEALTH, READY, METRICS].contains(path))
}

fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_have_one_name_with_and_without_a_trailing_slash() {
        assert_eq!(route_name(Some("/api/sync/")), "sync");
        assert_eq!(route_name(Some("/api/sync")), "sync");
        assert_eq!(route_name(Some("/")), "home");
        assert_eq!(route_name(None), "unknown");
    }

    #[test]
    fn errors_of_views_are_for_people_and_those_of_documents_for_programs() {
        assert!(is_view(Some("/sessions/{id}"), "/sessions/a") && is_view(Some("/"), "/"));
        assert!(is_view(Some("/me/"), "/me/"));
        assert!(
            !is_view(Some("/sessions/{id}"), "/sessions/a.csv")
                && !is_view(Some("/sessions.csv"), "/sessions.csv")
        );
        assert!(!is_view(Some("/me.csv/"), "/me.csv/") && !is_view(Some("/api/sync"), "/api/sync"));
        assert!(!is_view(None, "/"));
    }
}
