//! Prometheus metrics of this process since its start. Labels name routes, statuses and codes, never tenants or users.

/// The process itself.
mod process;

use self::process::ProcessCollector;
use super::api_error::{Limit, STORE_FAILURES};
use super::routes;
use crate::protocol::code;
use crate::receiver::store::{IngestOutcome, PoolUse, statement_count};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

pub use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// Upper bounds of the duration histogram, in seconds.
const BUCKETS_S: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0, 60.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    limit: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabels {
    pool: &'static str,
    state: &'static str,
}

/// Values that are read when the metrics are asked for.
pub struct CurrentLoad {
    pub in_flight: usize,
    /// Requests that wait for a permit.
    pub waiting: usize,
    /// Requests that wait for memory.
    pub memory_waiting: usize,
    pub queries_at_work: usize,
    /// Connections to the store.
    pub pools: [PoolUse; 2],
}

/// Statuses that are counted from the start for each route: those that alerts are about.
const STATUSES: [u16; 7] = [200, 400, 401, 413, 429, 500, 503];
/// Codes of rejected sessions.
const CODES: [&str; 6] = [
    code::VALIDATION_ERROR,
    code::PROCESSING_ERROR,
    code::REPO_NOT_ACCEPTED,
    code::SESSION_CONFLICT,
    code::SESSION_MOVED,
    code::FORGOTTEN,
];

/// Reason for which a request is not authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthFailure {
    /// The request has no key.
    Missing,
    /// The key is unknown, expired or revoked.
    Unknown,
    /// The address has sent too many unknown keys: this one was not looked up.
    Limited,
}

impl AuthFailure {
    const ALL: [AuthFailure; 3] = [AuthFailure::Missing, AuthFailure::Unknown, AuthFailure::Limited];

    fn labels(self) -> ReasonLabels {
        let reason = match self {
            AuthFailure::Missing => "missing",
            AuthFailure::Unknown => "unknown",
            AuthFailure::Limited => "limited",
        };
        ReasonLabels { reason }
    }
}

/// Registry of all metrics, and handles to those that requests change.
pub struct ServerMetrics {
    registry: Registry,
    in_flight: Gauge,
    waiting: Gauge,
    memory_waiting: Gauge,
    queries_at_work: Gauge,
    connections: Family<PoolLabels, Gauge>,
    limits: Family<LimitLabels, Counter>,
    store_errors: Family<KindLabels, Counter>,
    sessions: Counter,
    messages: Counter,
    messages_new: Counter,
    inflated_bytes: Counter,
    rejections: Family<CodeLabels, Counter>,
    auth_failures: Family<ReasonLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
}

impl Default for ServerMetrics {
    fn default() -> ServerMetrics {
        let mut metrics = ServerMetrics {
            registry: Registry::default(),
            in_flight: Gauge::default(),
            waiting: Gauge::default(),
            memory_waiting: Gauge::default(),
            queries_at_work: Gauge::default(),
            connections: Family::default(),
            limits: Family::default(),
            store_errors: Family::default(),
            sessions: Counter::default(),
            messages: Counter::default(),
            messages_new: Counter::default(),
            inflated_bytes: Counter::default(),
            rejections: Family::default(),
            auth_failures: Family::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS_S)),
        };
        metrics.register();
        metrics.begin_at_zero();
        metrics
    }
}

impl ServerMetrics {
    /// Registers every metric. The encoder adds `_total` to counters and the period to help texts.
    fn register(&mut self) {
        let registry = &mut self.registry;
        let build = Family::<BuildLabels, Gauge>::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("han_sync_build_info", "Version of the program", build);
        registry.register_collector(Box::new(ProcessCollector::start()));
        registry.register("han_sync_requests_in_flight", "Requests in flight", self.in_flight.clone());
        registry.register(
            "han_sync_queries_at_work",
            "GraphQL queries that are being executed",
            self.queries_at_work.clone(),
        );
        registry.register(
            "han_sync_requests_waiting",
            "Requests that wait for a permit to be at work",
            self.waiting.clone(),
        );
        registry.register(
            "han_sync_memory_waiting",
            "Requests that wait for memory",
            self.memory_waiting.clone(),
        );
        registry.register(
            "han_sync_store_connections",
            "Connections to PostgreSQL, and requests that wait for one",
            self.connections.clone(),
        );
        registry.register("han_sync_limits", "Requests that met a limit", self.limits.clone());
        registry.register(
            "han_sync_store_errors",
            "Requests that failed in the store",
            self.store_errors.clone(),
        );
        registry.register("han_sync_sessions", "Sessions of stored batches", self.sessions.clone());
        registry.register("han_sync_messages", "Messages of stored batches", self.messages.clone());
        registry.register(
            "han_sync_messages_new",
            "Messages that were not stored before",
            self.messages_new.clone(),
        );
        registry.register("han_sync_inflated_bytes", "Inflated bytes of bodies", self.inflated_bytes.clone());
        registry.register_collector(Box::new(StatementCollector));
        registry.register("han_sync_refusals", "Rejected sessions", self.rejections.clone());
        registry.register(
            "han_sync_auth_failures",
            "Requests that were not authenticated",
            self.auth_failures.clone(),
        );
        registry.register("han_sync_requests", "Requests with a response", self.requests.clone());
        registry.register("han_sync_request_seconds", "Time to the response", self.durations.clone());
    }

    /// Makes every series that can be foreseen, so that a rise from nothing is seen.
    fn begin_at_zero(&self) {
        for failure in AuthFailure::ALL {
            drop(self.auth_failures.get_or_create(&failure.labels()));
        }
        for limit in Limit::ALL {
            drop(self.limits.get_or_create(&LimitLabels { limit: limit.label() }));
        }
        for kind in STORE_FAILURES {
            drop(self.store_errors.get_or_create(&KindLabels { kind }));
        }
        for code in CODES {
            drop(self.rejections.get_or_create(&CodeLabels { code }));
        }
        for route in routes::names() {
            for status in STATUSES {
                drop(self.requests.get_or_create(&RequestLabels { route, status }));
            }
            drop(self.durations.get_or_create(&RouteLabels { route }));
        }
    }

    /// Counts an error by the limit that was met, and by the store's failure.
    pub fn record_error(&self, limit: Option<Limit>, store_failure: Option<&'static str>) {
        if let Some(limit) = limit {
            self.limits.get_or_create(&LimitLabels { limit: limit.label() }).inc();
        }
        if let Some(kind) = store_failure {
            self.store_errors.get_or_create(&KindLabels { kind }).inc();
        }
    }

    /// Counts a response and its duration.
    pub fn record_request(&self, route: &'static str, status: u16, duration: Duration) {
        self.requests.get_or_create(&RequestLabels { route, status }).inc();
        self.durations.get_or_create(&RouteLabels { route }).observe(duration.as_secs_f64());
    }

    /// Counts a request that is not authenticated.
    pub fn record_auth_failure(&self, failure: AuthFailure) {
        self.auth_failures.get_or_create(&failure.labels()).inc();
    }

    /// Counts the bytes of an inflated body.
    pub fn record_inflated(&self, bytes: usize) {
        self.inflated_bytes.inc_by(bytes as u64);
    }

    /// Counts the sessions, messages and rejections of a stored batch.
    pub fn record_ingested(&self, ingested: &IngestOutcome) {
        self.messages_new.inc_by(ingested.messages_new);
        for outcome in &ingested.outcomes {
            match &outcome.rejection {
                None => {
                    self.sessions.inc_by(outcome.occurrences);
                    self.messages.inc_by(outcome.messages);
                }
                Some(rejection) => {
                    self.rejections.get_or_create(&CodeLabels { code: rejection.code }).inc();
                }
            }
        }
    }

    /// Encodes all metrics in Prometheus's text format 0.0.4.
    pub fn encode(&self, load: &CurrentLoad) -> Result<String, std::fmt::Error> {
        let gauge = |value| i64::try_from(value).unwrap_or(i64::MAX);
        self.in_flight.set(gauge(load.in_flight));
        self.waiting.set(gauge(load.waiting));
        self.memory_waiting.set(gauge(load.memory_waiting));
        self.queries_at_work.set(gauge(load.queries_at_work));
        for (pool, used) in ["batches", "queries"].into_iter().zip(&load.pools) {
            for (state, value) in [("open", used.open), ("idle", used.idle), ("waiting", used.waiting)] {
                self.connections.get_or_create(&PoolLabels { pool, state }).set(gauge(value));
            }
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Statements sent to the store: the store counts them in a static, which is read at each scrape.
#[derive(Debug)]
struct StatementCollector;

impl Collector for StatementCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let statements = ConstCounter::new(statement_count());
        let descriptor = encoder.encode_descriptor(
            "han_sync_store_statements",
            "Statements sent to the store.",
            None,
            MetricType::Counter,
        )?;
        statements.encode(descriptor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names, types and labels are an interface: dashboards and alerts are built on them.
    #[test]
    fn names_types_and_labels_stay() {
        let metrics = ServerMetrics::default();
        metrics.record_request("sync", 200, Duration::from_millis(20));
        metrics.record_inflated(7);
        metrics.record_auth_failure(AuthFailure::Unknown);
        metrics.rejections.get_or_create(&CodeLabels { code: "VALIDATION_ERROR" }).inc();
        metrics.record_error(Some(Limit::Rate), Some("timed_out"));
        let pools = [PoolUse { open: 4, idle: 3, waiting: 0 }, PoolUse::default()];
        let load = CurrentLoad { in_flight: 3, waiting: 2, memory_waiting: 5, queries_at_work: 1, pools };
        let text = metrics.encode(&load).unwrap();
        for line in [
            concat!("han_sync_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "# TYPE process_start_time_seconds gauge",
            "# TYPE process_resident_memory_bytes gauge",
            "# TYPE process_open_fds gauge",
            "# TYPE process_max_fds gauge",
            "# TYPE han_sync_requests_in_flight gauge",
            "han_sync_requests_in_flight 3",
            "han_sync_queries_at_work 1",
            "han_sync_requests_waiting 2",
            "han_sync_memory_waiting 5",
            "han_sync_store_connections{pool=\"batches\",state=\"idle\"} 3",
            "han_sync_store_connections{pool=\"queries\",state=\"open\"} 0",
            "han_sync_limits_total{limit=\"rate\"} 1",
            "han_sync_limits_total{limit=\"memory\"} 0",
            "han_sync_store_errors_total{kind=\"timed_out\"} 1",
            "han_sync_store_errors_total{kind=\"unavailable\"} 0",
            "han_sync_refusals_total{code=\"PROCESSING_ERROR\"} 0",
            "han_sync_requests_total{route=\"graphql\",status=\"503\"} 0",
            "han_sync_request_seconds_count{route=\"identity\"} 0",
            "# TYPE han_sync_sessions_total counter",
            "han_sync_sessions_total 0",
            "han_sync_messages_total 0",
            "han_sync_messages_new_total 0",
            "han_sync_inflated_bytes_total 7",
            "# TYPE han_sync_store_statements_total counter",
            "# TYPE han_sync_auth_failures_total counter",
            "han_sync_auth_failures_total{reason=\"missing\"} 0",
            "han_sync_auth_failures_total{reason=\"unknown\"} 1",
            "han_sync_auth_failures_total{reason=\"limited\"} 0",
            "han_sync_refusals_total{code=\"VALIDATION_ERROR\"} 1",
            "# TYPE han_sync_requests_total counter",
            "han_sync_requests_total{route=\"sync\",status=\"200\"} 1",
            "# TYPE han_sync_request_seconds histogram",
            "han_sync_request_seconds_bucket{route=\"sync\",le=\"0.005\"} 0",
            "han_sync_request_seconds_bucket{route=\"sync\",le=\"0.02\"} 1",
            "han_sync_request_seconds_bucket{route=\"sync\",le=\"1\"} 1",
            "han_sync_request_seconds_bucket{route=\"sync\",le=\"+Inf\"} 1",
            "han_sync_request_seconds_sum{route=\"sync\"} 0.02",
            "han_sync_request_seconds_count{route=\"sync\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
