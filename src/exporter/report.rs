//! The report of a run: the JSON document of the contract, or a line of text.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::exporter::error::{Error, ExitCode};
use crate::exporter::outcome::{Outcome, RunStatus, StopReason};
use crate::time;

/// The version of every JSON document on stdout.
pub const VERSION: u32 = 1;

/// An entry in `errors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedError {
    /// `None` for an error of the whole run.
    pub session_id: Option<String>,
    /// Code of the error.
    pub code: String,
    /// Message for people.
    pub message: String,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of the JSON document.
    pub version: u32,
    /// Status of the run.
    pub status: RunStatus,
    /// Exit code of the program.
    #[serde(skip)]
    pub exit: ExitCode,
    /// Sessions with at least one acknowledged chunk.
    pub sessions_sent: usize,
    /// Sessions that the receiver rejected, each by itself.
    pub sessions_rejected: usize,
    /// Eligible sessions that are undelivered and not given up.
    pub sessions_pending: usize,
    /// Messages acknowledged.
    pub messages_sent: u64,
    /// Undelivered messages of the pending sessions.
    pub messages_pending: u64,
    /// Tasks acknowledged.
    pub tasks_sent: u64,
    /// Acknowledged batches.
    pub batches: u64,
    /// Posted batches, acknowledged or not.
    pub attempts: u64,
    /// Compressed bytes of the acknowledged batches.
    pub bytes_sent: u64,
    /// Bytes of the acknowledged batches before compression.
    pub bytes_uncompressed: u64,
    /// Duration of the run.
    pub duration_ms: u64,
    /// Time at which undelivered work is due, RFC 3339.
    pub next_retry_at: Option<String>,
    /// Errors of the run.
    pub errors: Vec<ReportedError>,
    /// Codes of the conditions that showed.
    #[serde(skip)]
    pub conditions: Vec<String>,
    /// True if nothing but a receiver that is out of reach kept data from being sent, and that for less than a day.
    #[serde(skip)]
    pub is_briefly_offline: bool,
}

impl Default for Report {
    fn default() -> Report {
        Report {
            version: VERSION,
            status: RunStatus::Success,
            exit: ExitCode::Success,
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
            conditions: Vec::new(),
            is_briefly_offline: false,
        }
    }
}

impl Report {
    /// The report of a run that stopped before it read han's database.
    pub fn stopped(reason: StopReason) -> Report {
        let mut report = Report::default();
        report.set_outcome(&Outcome::Stopped(reason), None, None);
        report
    }

    /// The report of a program that failed.
    pub fn failed(error: &Error) -> Report {
        let mut report = Report::default();
        report.set_failure(error);
        report
    }

    /// Reports whether the run did more than to find that nothing is due, or that it has to wait.
    pub fn did_something(&self) -> bool {
        let by_hand = self.status == RunStatus::Skipped;
        self.attempts > 0 || self.sessions_sent > 0 || self.exit != ExitCode::Success || by_hand
    }

    /// Sets status and exit code by the table of outcomes, and adds the error of the outcome to `errors`.
    /// `session_id`: the requested session. `last_error`: the last error of the destination.
    pub fn set_outcome(&mut self, outcome: &Outcome, session_id: Option<&str>, last_error: Option<&str>) {
        let row = outcome.consequences();
        let nothing_sent = row.status == RunStatus::Partial && self.sessions_sent == 0;
        self.status = if nothing_sent { RunStatus::Error } else { row.status };
        self.exit = row.exit;
        if let Some(error) = row.error {
            let message = last_error.filter(|_| error.yields_to_last_error).unwrap_or(&error.message);
            let session_id = session_id.filter(|_| row.status == RunStatus::Skipped);
            self.add_error(session_id, error.code, message.to_owned());
        }
    }

    /// Sets status and exit code of a program that failed, and adds the error to `errors`.
    pub fn set_failure(&mut self, error: &Error) {
        self.status = RunStatus::Error;
        self.exit = error.exit;
        self.add_error(None, error.exit.name(), error.to_string());
    }

    /// Adds an error.
    pub fn add_error(&mut self, session_id: Option<&str>, code: &str, message: String) {
        self.errors.push(ReportedError {
            session_id: session_id.map(str::to_owned),
            code: code.to_owned(),
            message,
        });
    }

    /// Sets the time of the next retry.
    pub fn set_next_retry(&mut self, at: Option<DateTime<Utc>>) {
        self.next_retry_at = at.map(time::format);
    }

    /// Combines the reports of two runs in one invocation.
    pub fn followed_by(self, next: Report) -> Report {
        let succeeded = next.status == RunStatus::Success;
        Report {
            status: if succeeded { self.status } else { next.status },
            exit: self.exit.combine(next.exit),
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

    /// The report as one line of text.
    pub fn summary(&self) -> String {
        let explanation = || self.errors.first().map(|error| error.message.clone()).unwrap_or_default();
        match self.status {
            RunStatus::Disabled => {
                "sync is not enabled; run han-sync init, or set enabled: true in han.yml, or HAN_SYNC_ENABLED=1".into()
            }
            RunStatus::Paused => match &self.next_retry_at {
                Some(until) => format!("paused until {until}; han-sync resume ends the pause"),
                None => "paused; han-sync resume ends the pause".into(),
            },
            RunStatus::Busy => "another run holds the lock; the request is queued".into(),
            RunStatus::Skipped => format!("skipped: {}", explanation()),
            RunStatus::Backoff => {
                let next = self.next_retry_at.as_deref().unwrap_or("the next run");
                format!(
                    "in backoff until {next} after a fault; {} pending",
                    count(self.sessions_pending, "session")
                )
            }
            RunStatus::Success if self.batches == 0 || self.sessions_sent == 0 => "nothing to send".into(),
            RunStatus::Success | RunStatus::Partial | RunStatus::Error => self.counts(),
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
            line.push_str(&format!("; {} rejected", count(self.sessions_rejected, "session")));
        }
        if self.sessions_pending > 0 {
            line.push_str(&format!("; {} pending", count(self.sessions_pending, "session")));
        }
        if let Some(next) = &self.next_retry_at {
            line.push_str(&format!("; next retry at {next}"));
        }
        line
    }
}

/// A time as text, or "never".
pub fn format_time(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "never".to_owned(), time::format)
}

/// A number with its noun, in the singular or the plural.
pub fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    match (number, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "batch") => format!("{number} batches"),
        _ => format!("{number} {noun}s"),
    }
}
