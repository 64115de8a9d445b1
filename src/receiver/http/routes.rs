//! Paths of the receiver, and the names that log and metrics have for them.

/// Path and name of each route. Names are a closed set, unlike the paths that clients ask for.
const ROUTES: [(&str, &str); 17] = [
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
    (DEVICE, "device"),
    (HOME, "home"),
    (HEALTH, "healthz"),
    (READY, "readyz"),
    (METRICS, "metrics"),
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
pub const HEALTH: &str = "/healthz";
pub const READY: &str = "/readyz";
pub const METRICS: &str = "/metrics";

/// Name of a matched path, with or without a trailing slash; `unknown` for a request that matches no route.
pub fn route_name(matched_path: Option<&str>) -> &'static str {
    let path = matched_path.unwrap_or_default();
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
    ROUTES.iter().find(|(route, _)| *route == path).map_or("unknown", |(_, name)| name)
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
}
