//! The application: the routes of each listener over one state, and the layers around them.
//!
//! Invariants: every response has a request id and `Cache-Control: no-store`; the metrics listener serves nothing that
//! needs a key.

use super::access_log;
use super::api_error::ApiError;
use super::connection::PeerAddress;
use super::handlers::{digests, forget, graphql, health, identity, metrics, oauth, page, sync};
use super::routes::{
    DEVICE_AUTHORIZATION, DIGESTS, DISCOVERY, GRAPHQL, HEALTH, HOME, IDENTITY, METRICS, READY, REVOKE,
    SESSION, SESSIONS, SYNC, TOKEN, TOMBSTONE, TOMBSTONES, public_paths,
};
use super::state::{AppState, ServerOptions};
use crate::receiver::limits::UPKEEP_TIMEOUT;
use crate::receiver::store::Store;
use crate::receiver::time;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::http::{HeaderValue, Request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use bytes::Bytes;
use hyper::body::Body as HttpBody;
use std::io;
use std::sync::Arc;
use tokio::time::timeout;
use tower::{ServiceBuilder, ServiceExt};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Reason of upkeep that was given up.
const TOOK_TOO_LONG: &str = "the store took too long";

/// Role of a listening address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerRole {
    /// All routes; those with data need a key.
    Public,
    /// Health and metrics alone, without keys.
    Metrics,
}

/// The receiver's HTTP service.
pub struct App {
    public: Router,
    metrics: Router,
    state: Arc<AppState>,
}

type StateRouter = Router<Arc<AppState>>;

impl App {
    /// Builds the routes of both listeners over one store. Fails if the operating system has no more threads.
    pub fn new(store: Store, options: ServerOptions) -> io::Result<App> {
        let state = Arc::new(AppState::new(store, options)?);
        Ok(App {
            public: with_layers(public_routes(), state.clone()),
            metrics: with_layers(metrics_routes(), state.clone()),
            state,
        })
    }

    /// Begins to end: the receiver is not ready any more, and each response closes its connection.
    pub fn begin_drain(&self) {
        self.state.readiness.begin_drain();
    }

    /// Writes to the audit log what is not written with a request: refused authentications that are due, or all.
    pub async fn record_refusals(&self, all: bool) {
        self.state.record_refusals(all).await;
    }

    /// Deletes entries of the audit log that are older than so many days.
    pub async fn prune_audit(&self, days: u64) {
        let pruned = timeout(UPKEEP_TIMEOUT, self.state.store.prune_audit(days, time::now_us())).await;
        let error = match pruned {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => TOOK_TOO_LONG.to_owned(),
        };
        tracing::warn!(error, "old entries of the audit log could not be deleted");
    }

    /// Deletes what is older than `retention_us` microseconds, in all tenants.
    pub async fn prune(&self, retention_us: i64) {
        let pruned =
            timeout(UPKEEP_TIMEOUT, self.state.store.prune_once_a_day(retention_us, time::now_us())).await;
        match pruned
            .map_or_else(|_| Err(TOOK_TOO_LONG.to_owned()), |done| done.map_err(|error| error.to_string()))
        {
            Ok(None) => tracing::info!("nothing is to be pruned before tomorrow"),
            Ok(Some(pruned)) => tracing::info!(
                retained_since = pruned.retained_since,
                sessions = pruned.sessions,
                messages = pruned.messages,
                tasks = pruned.tasks,
                "pruned"
            ),
            Err(error) => tracing::warn!(error, "old messages could not be deleted; again tomorrow"),
        }
    }

    /// Serves one request of a listener. The body may come from a socket or from memory.
    pub async fn respond<B>(&self, mut request: Request<B>, role: ListenerRole) -> Response
    where
        B: HttpBody<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
    {
        // A client's own id would be taken over into the log.
        let of_proxy = request.headers_mut().remove(REQUEST_ID);
        request.headers_mut().remove(access_log::PROXY_REQUEST_ID);
        if let Some(id) = of_proxy {
            request.headers_mut().insert(access_log::PROXY_REQUEST_ID, id);
        }
        let router = match role {
            ListenerRole::Public => self.public.clone(),
            ListenerRole::Metrics => self.metrics.clone(),
        };
        let Ok(response) = router.oneshot(request.map(Body::new)).await;
        response
    }
}

fn public_routes() -> StateRouter {
    let router = Router::new();
    let router = route(router, SYNC, other_methods("POST").post(sync::post_sync));
    let router = route(router, IDENTITY, only_get().get(identity::get_identity));
    let router = route(router, DIGESTS, other_methods("POST").post(digests::post_digests));
    let delete = || other_methods("DELETE");
    let router = route(router, SESSIONS, delete().delete(forget::delete_sessions));
    let router = route(router, SESSION, delete().delete(forget::delete_session));
    let router = route(router, TOMBSTONES, delete().delete(forget::delete_tombstones));
    let router = route(router, TOMBSTONE, delete().delete(forget::delete_tombstone));
    let router = route(router, GRAPHQL, other_methods("POST").post(graphql::post_graphql));
    let router = route(router, DISCOVERY, other_methods("GET, HEAD").get(oauth::get_metadata));
    let router =
        route(router, DEVICE_AUTHORIZATION, other_methods("POST").post(oauth::post_device_authorization));
    let router = route(router, TOKEN, other_methods("POST").post(oauth::post_token));
    let router = route(router, REVOKE, other_methods("POST").post(oauth::post_revoke));
    let router = page::page_routes().into_iter().fold(router, |router, (path, allow, methods)| {
        route(router, path, methods.fallback(move || async move { ApiError::method_not_allowed(allow) }))
    });
    let router = route(router, HEALTH, other_methods("GET, HEAD").get(health::healthz));
    let router = route(router, READY, other_methods("GET, HEAD").get(health::readyz));
    route(router, METRICS, only_get().get(metrics::metrics_with_key))
}

/// Routes of the metrics listener. Every other path and method is 404: the paths of the public listener are named only for
/// the log.
fn metrics_routes() -> StateRouter {
    let router = Router::new();
    let router = route(router, HEALTH, any(not_found).get(health::healthz));
    let router = route(router, READY, any(not_found).get(health::readyz));
    let router = route(router, METRICS, any(not_found).get(metrics::metrics).head(not_found));
    public_paths().fold(router, |router, path| route(router, path, any(not_found)))
}

/// Adds a route with and without a trailing slash: exporters are configured with either.
fn route(router: StateRouter, path: &str, methods: MethodRouter<Arc<AppState>>) -> StateRouter {
    let router = router.route(path, methods.clone());
    if path == HOME { router } else { router.route(&format!("{path}/"), methods) }
}

/// Answers 405 to all methods; `allow` lists those that the caller adds.
fn other_methods(allow: &'static str) -> MethodRouter<Arc<AppState>> {
    any(move || async move { ApiError::method_not_allowed(allow) })
}

/// Answers 405 to HEAD as well, which axum would serve by the handler of GET.
fn only_get() -> MethodRouter<Arc<AppState>> {
    other_methods("GET").head(|| async { ApiError::method_not_allowed("GET") })
}

/// Serves a forwarded request within the bound of its client.
pub async fn bound_by_address(
    State(state): State<Arc<AppState>>,
    request: Request<Body>,
    next: Next,
) -> Result<Response, ApiError> {
    let peer = request.extensions().get::<PeerAddress>().copied();
    let client = peer.and_then(|peer| state.trusted_proxies.forwarded_client(peer.0, request.headers()));
    let _permit = match client {
        Some(client) => Some(state.by_address.acquire(client.into())?),
        None => None,
    };
    Ok(next.run(request).await)
}

async fn not_found() -> ApiError {
    ApiError::not_found()
}

/// Wraps routes and the 404 fallback in the layers, outermost first.
fn with_layers(routes: StateRouter, state: Arc<AppState>) -> Router {
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetResponseHeaderLayer::overriding(CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .layer(from_fn_with_state(state.clone(), access_log::record))
        .layer(from_fn_with_state(state.clone(), bound_by_address));
    routes.fallback(not_found).layer(layers).with_state(state)
}
