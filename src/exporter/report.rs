//! What a run tells its caller: the JSON document of the contract, or a line for people.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::exporter::error::{Error, ExitCode};
use crate::time;

/// The version of every JSON document on stdout.
pub const VERSION: u32 = 1;

/// How a run ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Success,
    Partial,
    Error,
    Disabled,
    Busy,
    Skipped,
    Backoff,
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedError {
    /// `None` where it is not about one session.
    pub session_id: Option<String>,
    pub code: String,
    pub message: String,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub version: u32,
    pub status: Status,
    /// Sessions of which something was acknowledged.
    pub sessions_sent: usize,
    /// Sessions that the receiver refused, each by itself.
    pub sessions_rejected: usize,
    /// Eligible sessions of which something is undelivered and not given up.
    pub sessions_pending: usize,
    pub messages_sent: u64,
    /// Messages of the pending sessions that are undelivered.
    pub messages_pending: u64,
    pub tasks_sent: u64,
    /// Batches acknowledged.
    pub batches: u64,
    /// Batches posted, acknowledged or not.
    pub attempts: u64,
    /// Bytes of the acknowledged batches, compressed.
    pub bytes_sent: u64,
    /// Bytes of the acknowledged batches before compression.
    pub bytes_uncompressed: u64,
    pub duration_ms: u64,
    pub next_retry_at: Option<String>,
    pub errors: Vec<ReportedError>,
}

impl Default for Report {
    fn default() -> Report {
        Report {
            version: VERSION,
            status: Status::Success,
            sessions_sent: 0,
            sessions_rejected: 0,
            sessions_pending: 0,
            messages_sent: 0,
            messages_pending: 0,
            tasks_sent: 0,
            batches: 0,
            attempts: 0,
            bytes_sent: 0,
            bytes_uncompressed: 0,
            duration_ms: 0,
            next_retry_at: None,
            errors: Vec::new(),
        }
    }
}

impl Report {
    /// A run that ended before it did anything.
    pub fn ended(status: Status) -> Report {
        Report { status, ..Report::default() }
    }

    /// A run that could not go on.
    pub fn stopped(stop: &Error) -> Report {
        let mut report = Report::ended(Status::Error);
        report.error(None, code(stop.exit), stop.to_string());
        report
    }

    pub fn error(&mut self, session_id: Option<&str>, code: &str, message: String) {
        self.errors.push(ReportedError {
            session_id: session_id.map(str::to_owned),
            code: code.to_owned(),
            message,
        });
    }

    pub fn set_next_retry(&mut self, at: Option<DateTime<Utc>>) {
        self.next_retry_at = at.map(time::format);
    }

    /// This run and the one that followed it under the same call.
    pub fn followed_by(self, next: Report) -> Report {
        let went_well = next.status == Status::Success;
        Report {
            status: if went_well { self.status } else { next.status },
            sessions_sent: self.sessions_sent + next.sessions_sent,
            sessions_rejected: self.sessions_rejected + next.sessions_rejected,
            messages_sent: self.messages_sent + next.messages_sent,
            tasks_sent: self.tasks_sent + next.tasks_sent,
            batches: self.batches + next.batches,
            attempts: self.attempts + next.attempts,
            bytes_sent: self.bytes_sent + next.bytes_sent,
            bytes_uncompressed: self.bytes_uncompressed + next.bytes_uncompressed,
            duration_ms: self.duration_ms + next.duration_ms,
            errors: self.errors.into_iter().chain(next.errors).collect(),
            ..next
        }
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        let why = || self.errors.first().map(|error| error.message.clone()).unwrap_or_default();
        match self.status {
            Status::Disabled => {
                "sync is not enabled; set enabled: true in han.yml, or HAN_SYNC_ENABLED=1".into()
            }
            Status::Busy => "another run is under way; what was asked for is queued".into(),
            Status::Skipped => format!("skipped: {}", why()),
            Status::Backoff => {
                let next = self.next_retry_at.as_deref().unwrap_or("the next run");
                format!(
                    "waiting until {next} after a fault; {} pending",
                    count(self.sessions_pending, "session")
                )
            }
            Status::Success if self.batches == 0 || self.sessions_sent == 0 => "nothing to send".into(),
            Status::Success | Status::Partial | Status::Error => self.counts(),
        }
    }

    fn counts(&self) -> String {
        let mut line = format!(
            "sent {} and {} of {} in {} ({} bytes, {} before compression)",
            count(self.messages_sent, "message"),
            count(self.tasks_sent, "task"),
            count(self.sessions_sent, "session"),
            count(self.batches, "batch"),
            self.bytes_sent,
            self.bytes_uncompressed,
        );
        if self.sessions_rejected > 0 {
            line.push_str(&format!("; {} refused", count(self.sessions_rejected, "session")));
        }
        if self.sessions_pending > 0 {
            line.push_str(&format!("; {} pending", count(self.sessions_pending, "session")));
        }
        if let Some(next) = &self.next_retry_at {
            line.push_str(&format!("; next try at {next}"));
        }
        line
    }
}

/// A number with its noun.
pub fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    match (number, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "batch") => format!("{number} batches"),
        _ => format!("{number} {noun}s"),
    }
}

/// A stable name of an exit code, for `errors`.
pub fn code(exit: ExitCode) -> &'static str {
    match exit {
        ExitCode::Success => "OK",
        ExitCode::Usage => "USAGE",
        ExitCode::SessionsRefused => "SESSIONS_REFUSED",
        ExitCode::NoSource => "NO_SOURCE",
        ExitCode::Internal => "INTERNAL",
        ExitCode::TryAgain => "TRY_AGAIN",
        ExitCode::KeyRefused => "KEY_REFUSED",
        ExitCode::Configuration => "CONFIGURATION",
    }
}
