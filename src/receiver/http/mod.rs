//! The receiver's door: which request goes where, and the one place where an answer is logged and counted.
//!
//! Invariants: every answer carries a request id, which the log line of the request has too; a fault is answered as
//! `{"error", "requestId"}`; keys and bodies are never logged; memory per request and requests at work are bounded.

mod access;
mod answer;
mod body;
mod graphql;
mod home;
mod memory;
mod metrics;
mod server;
mod sync;

pub use server::serve;

use super::limits::{REQUESTS_IN_FLIGHT_MAX, WORK_TIMEOUT};
use super::store::Store;
use access::{AtWork, Rates};
use answer::{Answer, Fault};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::{Method, Request, Response, StatusCode};
use memory::Memory;
use metrics::Metrics;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// What the operator chose.
#[derive(Debug, Clone)]
pub struct Options {
    /// Requests per key and minute.
    pub requests_per_minute: u32,
    /// Requests at work at once.
    pub in_flight_max: usize,
    /// Without a byte of a body for this long, it is given up.
    pub body_stall: Duration,
    /// Opens `/metrics` besides any user's key.
    pub metrics_key: Option<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            requests_per_minute: super::limits::REQUESTS_PER_MINUTE,
            in_flight_max: REQUESTS_IN_FLIGHT_MAX,
            body_stall: super::limits::BODY_STALL_TIMEOUT,
            metrics_key: None,
        }
    }
}

/// Everything a request may need. It holds no state that another receiver would miss.
pub struct App {
    store: Arc<Store>,
    options: Options,
    rates: Rates,
    in_flight: Arc<Semaphore>,
    at_work: AtWork,
    memory: Memory,
    metrics: Metrics,
    schema: crate::receiver::graphql::Sync,
}

/// Who may ask what at a listening address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Everything, with keys.
    Public,
    /// Health and metrics, without.
    Metrics,
}

/// What the log line says of a request besides its answer.
#[derive(Default)]
struct Noted {
    user_id: Option<String>,
    key_id: Option<String>,
}

impl App {
    pub fn new(store: Store, options: Options) -> App {
        App {
            store: Arc::new(store),
            rates: Rates::new(options.requests_per_minute),
            in_flight: Arc::new(Semaphore::new(options.in_flight_max)),
            at_work: AtWork::new(options.in_flight_max),
            memory: Memory::default(),
            metrics: Metrics::default(),
            schema: crate::receiver::graphql::schema(),
            options,
        }
    }

    /// Answers one request, whatever it is and wherever its body comes from.
    pub async fn answer(
        &self,
        request: Request<impl Body<Data = Bytes> + Unpin>,
        door: Door,
    ) -> Response<Full<Bytes>> {
        let begun = Instant::now();
        let request_id = uuid::Uuid::new_v4().to_string();
        let method = request.method().clone();
        let route = Route::of(request.uri().path());
        let mut noted = Noted::default();
        let (parts, mut body) = request.into_parts();
        let result = self.route(route, door, &parts, &mut body, &mut noted).await;
        // An answer to someone who is still speaking may never be heard; one who has stalled is not speaking.
        if !matches!(&result, Err(fault) if fault.status == StatusCode::REQUEST_TIMEOUT) {
            body::drain(&mut body).await;
        }
        let answer = result.unwrap_or_else(|fault| {
            if let Some(cause) = &fault.cause {
                tracing::error!(request_id, cause, "request failed");
            }
            fault.answer(&request_id)
        });
        let duration = begun.elapsed();
        self.metrics.request(route.name(), answer.status.as_u16(), duration);
        tracing::info!(
            request_id,
            method = %method,
            route = route.name(),
            status = answer.status.as_u16(),
            duration_ms = duration.as_millis() as u64,
            user_id = noted.user_id,
            key_id = noted.key_id,
            "request"
        );
        answer.into_response(&request_id)
    }

    async fn route(
        &self,
        route: Route,
        door: Door,
        parts: &hyper::http::request::Parts,
        body: &mut (impl Body<Data = Bytes> + Unpin),
        noted: &mut Noted,
    ) -> Result<Answer, Fault> {
        let public = door == Door::Public;
        match (route, &parts.method) {
            (Route::Health, &Method::GET | &Method::HEAD) => Ok(Answer::text("ok\n")),
            (Route::Ready, &Method::GET | &Method::HEAD) => {
                self.store.ping().await.map_err(Fault::store)?;
                Ok(Answer::text("ready\n"))
            }
            (Route::Metrics, &Method::GET) => {
                if public {
                    self.allow_metrics(parts).await?;
                }
                Ok(Answer::text(
                    self.metrics.render(self.options.in_flight_max - self.in_flight.available_permits()),
                ))
            }
            (Route::Sync, &Method::POST) if public => self.sync(parts, body, noted).await,
            (Route::Identity, &Method::GET) if public => self.identity(parts, noted).await,
            (Route::Graphql, &Method::POST) if public => self.graphql(parts, body, noted).await,
            (Route::Home, &Method::GET | &Method::HEAD) if public => Ok(home::page()),
            (Route::Unknown, _) => Err(Fault::new(StatusCode::NOT_FOUND, "there is nothing here")),
            (_, _) if !public => Err(Fault::new(StatusCode::NOT_FOUND, "there is nothing here")),
            (_, _) => Err(Fault::new(StatusCode::METHOD_NOT_ALLOWED, "this method is not allowed here")
                .with_header("allow", route.methods())),
        }
    }
}

/// Gives up work that takes too long; a transaction that is given up is undone.
async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, Fault> {
    tokio::time::timeout(WORK_TIMEOUT, work).await.map_err(|_| Fault::busy("the store takes too long"))
}

/// The paths that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Sync,
    Identity,
    Graphql,
    Home,
    Health,
    Ready,
    Metrics,
    Unknown,
}

impl Route {
    fn of(path: &str) -> Route {
        // A slash too many at the end of an endpoint is not worth an error.
        match path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path) {
            "/api/sync" => Route::Sync,
            "/api/sync/identity" => Route::Identity,
            "/graphql" => Route::Graphql,
            "/" => Route::Home,
            "/healthz" => Route::Health,
            "/readyz" => Route::Ready,
            "/metrics" => Route::Metrics,
            _ => Route::Unknown,
        }
    }

    /// For the log and the metrics: a closed set, unlike paths.
    fn name(self) -> &'static str {
        match self {
            Route::Sync => "sync",
            Route::Identity => "identity",
            Route::Graphql => "graphql",
            Route::Home => "home",
            Route::Health => "healthz",
            Route::Ready => "readyz",
            Route::Metrics => "metrics",
            Route::Unknown => "unknown",
        }
    }

    fn methods(self) -> &'static str {
        match self {
            Route::Sync | Route::Graphql => "POST",
            Route::Home | Route::Health | Route::Ready => "GET, HEAD",
            Route::Identity | Route::Metrics | Route::Unknown => "GET",
        }
    }
}
