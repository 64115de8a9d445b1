//! Counters for Prometheus, of this receiver since its start. They name routes and codes, never tenants or users.

use crate::receiver::store::IngestOutcome;
use crate::receiver::store::db::STATEMENTS;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Upper bounds of the duration histogram, in seconds.
const BUCKETS_S: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0, 60.0];

#[derive(Default)]
pub struct Metrics {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    requests: BTreeMap<(&'static str, u16), u64>,
    durations: BTreeMap<&'static str, Histogram>,
    refusals: BTreeMap<&'static str, u64>,
    sessions: u64,
    messages: u64,
    messages_new: u64,
    inflated_bytes: u64,
}

#[derive(Default)]
struct Histogram {
    buckets: [u64; BUCKETS_S.len()],
    sum_s: f64,
    count: u64,
}

impl Metrics {
    fn with<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.counts.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    pub fn request(&self, route: &'static str, status: u16, duration: Duration) {
        self.with(|counts| {
            *counts.requests.entry((route, status)).or_default() += 1;
            let histogram = counts.durations.entry(route).or_default();
            let seconds = duration.as_secs_f64();
            for (count, bound) in histogram.buckets.iter_mut().zip(BUCKETS_S) {
                *count += u64::from(seconds <= bound);
            }
            histogram.sum_s += seconds;
            histogram.count += 1;
        });
    }

    pub fn inflated(&self, bytes: usize) {
        self.with(|counts| counts.inflated_bytes += bytes as u64);
    }

    pub fn ingested(&self, ingested: &IngestOutcome) {
        self.with(|counts| {
            counts.messages_new += ingested.messages_new;
            for outcome in &ingested.outcomes {
                match &outcome.rejection {
                    None => {
                        counts.sessions += outcome.occurrences;
                        counts.messages += outcome.messages;
                    }
                    Some(refusal) => *counts.refusals.entry(refusal.code).or_default() += 1,
                }
            }
        });
    }

    /// The text format, version 0.0.4.
    pub fn render(&self, in_flight: usize) -> String {
        self.with(|counts| counts.render(in_flight))
    }
}

impl Counts {
    fn render(&self, in_flight: usize) -> String {
        let mut out = String::new();
        let mut single = |name: &str, kind: &str, help: &str, value: u64| {
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        };
        single("han_sync_requests_in_flight", "gauge", "Requests at work.", in_flight as u64);
        single("han_sync_sessions_total", "counter", "Sessions of batches that were stored.", self.sessions);
        single("han_sync_messages_total", "counter", "Messages of batches that were stored.", self.messages);
        single(
            "han_sync_messages_new_total",
            "counter",
            "Messages stored for the first time.",
            self.messages_new,
        );
        single("han_sync_inflated_bytes_total", "counter", "Bytes of bodies, inflated.", self.inflated_bytes);
        let statements = STATEMENTS.load(Ordering::Relaxed);
        single("han_sync_store_statements_total", "counter", "Statements sent to the store.", statements);
        let _ = writeln!(
            out,
            "# HELP han_sync_refusals_total Sessions refused.\n# TYPE han_sync_refusals_total counter"
        );
        for (code, count) in &self.refusals {
            let _ = writeln!(out, "han_sync_refusals_total{{code=\"{code}\"}} {count}");
        }
        let _ = writeln!(
            out,
            "# HELP han_sync_requests_total Requests answered.\n# TYPE han_sync_requests_total counter"
        );
        for ((route, status), count) in &self.requests {
            let _ = writeln!(out, "han_sync_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}");
        }
        let name = "han_sync_request_seconds";
        let _ = writeln!(out, "# HELP {name} Time to answer.\n# TYPE {name} histogram");
        for (route, histogram) in &self.durations {
            for (count, bound) in histogram.buckets.iter().zip(BUCKETS_S) {
                let _ = writeln!(out, "{name}_bucket{{route=\"{route}\",le=\"{bound}\"}} {count}");
            }
            let _ = writeln!(out, "{name}_bucket{{route=\"{route}\",le=\"+Inf\"}} {}", histogram.count);
            let _ = writeln!(out, "{name}_sum{{route=\"{route}\"}} {}", histogram.sum_s);
            let _ = writeln!(out, "{name}_count{{route=\"{route}\"}} {}", histogram.count);
        }
        out
    }
}
