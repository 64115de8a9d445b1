//! Metrics of the process itself, under the names that Prometheus's client libraries have for them.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::process::{Resource, getrlimit};
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of a kibibyte, the unit of `/proc/self/status`.
const KIB: i64 = 1 << 10;

/// Values that are read at each scrape; those that the operating system does not tell are left out.
#[derive(Debug)]
pub struct ProcessCollector {
    started_s: i64,
}

impl ProcessCollector {
    /// Creates the collector of a process that begins now.
    pub fn start() -> ProcessCollector {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        ProcessCollector { started_s: since_epoch.as_secs().try_into().unwrap_or(i64::MAX) }
    }
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let values = [
            (
                "process_start_time_seconds",
                "Start of the process, in seconds since 1970.",
                Some(self.started_s),
            ),
            ("process_resident_memory_bytes", "Resident memory.", resident_bytes()),
            ("process_open_fds", "Open file descriptors.", open_files()),
            ("process_max_fds", "Limit of open file descriptors.", open_files_max()),
        ];
        for (name, help, value) in values {
            let Some(value) = value else { continue };
            let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(descriptor)?;
        }
        Ok(())
    }
}

fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<i64>().ok().map(|kib| kib * KIB)
}

fn open_files() -> Option<i64> {
    i64::try_from(std::fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}

fn open_files_max() -> Option<i64> {
    getrlimit(Resource::Nofile).current.and_then(|limit| i64::try_from(limit).ok())
}
