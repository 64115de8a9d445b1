//! Prometheus metrics of this process since its start. Labels name routes, statuses and codes, never tenants or users.

/// The process itself.
mod process;

use self::process::ProcessCollector;
use crate::receiver::store::IngestOutcome;
use crate::receiver::store::statement_count;
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
    queries_at_work: Gauge,
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
            queries_at_work: Gauge::default(),
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
        // Present from the start, so that a rise from nothing is seen.
        for failure in AuthFailure::ALL {
            drop(metrics.auth_failures.get_or_create(&failure.labels()));
        }
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
    pub fn encode(&self, in_flight: usize, queries_at_work: usize) -> Result<String, std::fmt::Error> {
        let gauge = |value| i64::try_from(value).unwrap_or(i64::MAX);
        self.in_flight.set(gauge(in_flight));
        self.queries_at_work.set(gauge(queries_at_work));
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
        let text = metrics.encode(3, 1).unwrap();
        for line in [
            concat!("han_sync_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "# TYPE process_start_time_seconds gauge",
            "# TYPE process_resident_memory_bytes gauge",
            "# TYPE process_open_fds gauge",
            "# TYPE process_max_fds gauge",
            "# TYPE han_sync_requests_in_flight gauge",
            "han_sync_requests_in_flight 3",
            "han_sync_queries_at_work 1",
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
