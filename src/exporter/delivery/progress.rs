//! The progress of a delivery: state and report in memory, and the point in time up to which they are on disk.
//!
//! A kill costs sending again what was acknowledged after the last save, and nothing else. So saving after an
//! acknowledgement is a matter of cost; saving changed fields before they are sent is one of correctness.

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::exporter::backoff;
use crate::exporter::batch::Batch;
use crate::exporter::context::Context;
use crate::exporter::delivery::batcher::Batcher;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;
use crate::exporter::log::Logger;
use crate::exporter::log::progress_line::ProgressLine;
use crate::exporter::log::sync_log::SyncLog;
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::report::Report;
use crate::exporter::state::queue::{Client, Queue, StateCopy};
use crate::exporter::state::{Backoff, Destination, LastError};

/// Saving may take 1/`SAVE_SHARE` of the sending time: small states are saved after every batch, large ones less often.
const SAVE_SHARE: u32 = 20;

/// The batcher with the state, the report, and the sessions acknowledged so far.
#[derive(Debug)]
pub struct Progress<'a> {
    /// Batcher of the run.
    pub batcher: Batcher<'a>,
    /// Report of the run so far.
    pub report: Report,
    /// Sessions with at least one acknowledged chunk.
    pub acknowledged: HashSet<String>,
    /// The line on a terminal.
    line: Option<ProgressLine>,
    pub(super) log: &'a Logger,
    sync_log: &'a SyncLog,
    folder: &'a Path,
    is_dirty: bool,
    saved_at: Instant,
    save_duration: Duration,
}

impl<'a> Progress<'a> {
    /// Starts with nothing delivered.
    pub fn new(batcher: Batcher<'a>, context: &'a Context) -> Progress<'a> {
        Progress {
            batcher,
            report: Report::default(),
            acknowledged: HashSet::new(),
            line: None,
            log: &context.log,
            sync_log: &context.sync_log,
            folder: &context.folder,
            is_dirty: false,
            saved_at: Instant::now(),
            save_duration: Duration::ZERO,
        }
    }

    /// Destination of the run.
    pub fn destination(&self) -> &Destination {
        &self.batcher.state.destination
    }

    /// Destination of the run, to change.
    pub fn destination_mut(&mut self) -> &mut Destination {
        &mut self.batcher.state.destination
    }

    /// Reports whether state or queue differ from the files.
    pub fn is_dirty(&self) -> bool {
        self.is_dirty || !self.batcher.changes.is_empty()
    }

    /// Marks the state as different from the file.
    pub fn set_dirty(&mut self) {
        self.is_dirty = true;
    }

    /// Begins to show the progress, or goes on, with sessions to send that have so many messages.
    pub(super) fn show_line(&mut self, environment: &Environment, due: &VecDeque<DueSession>, messages: u64) {
        let is_new = |session: &&DueSession| !self.batcher.finished.contains(&session.session_id);
        let sessions = self.batcher.finished.len() + due.iter().filter(is_new).count();
        let messages = self.report.messages_sent + messages;
        match &mut self.line {
            Some(line) => line.set_total(sessions, messages),
            None => self.line = ProgressLine::start(environment, sessions, messages),
        }
        self.update_line();
    }

    /// Clears the line.
    pub fn hide_line(&mut self) {
        self.line = None;
    }

    /// Shows what is acknowledged by now.
    pub(super) fn update_line(&self) {
        if let Some(line) = &self.line {
            line.update(self.batcher.finished.len(), self.report.messages_sent);
        }
    }

    /// Writes an operation to `sync.log`.
    pub(super) fn log_operation(&self, operation: &str, fields: &[(&str, Value)]) {
        self.sync_log.write(self.batcher.clock.now(), operation, fields);
    }

    /// Saves the state and the changes of the queue. Returns the queue.
    pub fn save(&mut self) -> Result<Queue, Error> {
        let started = Instant::now();
        let state = &self.batcher.state;
        state.save(self.folder)?;
        self.batcher.fields_changed = false;
        let copy = StateCopy {
            client: Client { id: state.client_id.clone(), machine: state.machine.clone() },
            project_overrides: state.project_overrides.clone(),
            tombstones: state.tombstones.clone(),
        };
        let now = self.batcher.clock.now();
        let mut warnings = Vec::new();
        let queue = Queue::update(self.folder, Some(copy), &self.batcher.changes, now, &mut warnings)?;
        self.batcher.changes.clear();
        for warning in warnings {
            self.log.warn("queue", &warning);
        }
        self.is_dirty = false;
        self.saved_at = Instant::now();
        self.save_duration = started.elapsed();
        Ok(queue)
    }

    /// Saves if the time since the last save is at least `SAVE_SHARE` times its duration.
    pub fn save_if_due(&mut self) -> Result<(), Error> {
        if self.saved_at.elapsed() >= self.save_duration * SAVE_SHARE {
            self.save()?;
        }
        Ok(())
    }

    /// Records a failed request: one more attempt in a row, the time of the next retry, the last error. Returns the number
    /// of attempts and the wait until the retry, which is at least `retry_after`.
    pub fn record_fault(
        &mut self,
        code: &str,
        message: String,
        retry_after: Option<Duration>,
    ) -> (u32, Duration) {
        let now = self.batcher.clock.now();
        let destination = self.destination_mut();
        let backoff = &mut destination.backoff;
        backoff.attempts = backoff.attempts.saturating_add(1);
        let attempts = backoff.attempts;
        let wait = backoff::backoff(attempts, backoff::jitter()).max(retry_after.unwrap_or_default());
        backoff.next_retry_at = Some(backoff::after(now, wait));
        let earlier = destination.last_error.take().filter(|earlier| earlier.code == code);
        let since = earlier.and_then(|earlier| earlier.since).or(Some(now));
        destination.last_error = Some(LastError { at: Some(now), since, code: code.to_owned(), message });
        self.is_dirty = true;
        (attempts, wait)
    }

    /// Clears the backoff, after a response that shows a healthy endpoint.
    pub fn clear_faults(&mut self) {
        let destination = self.destination_mut();
        destination.backoff = Backoff::default();
        destination.last_error = None;
    }

    /// Clears the suspicions against the sessions of a batch, after a response of the receiver. A session whose messages
    /// are still to be sent keeps its own.
    pub fn clear_suspicions(&mut self, batch: &Batch, due: &mut VecDeque<DueSession>) {
        for chunk in batch.chunks.iter().filter(|chunk| chunk.messages > 0 || !chunk.more) {
            if self.destination_mut().suspects.remove(&chunk.session_id).is_some()
                && let Some(session) = due.iter_mut().find(|session| session.session_id == chunk.session_id)
            {
                session.is_set_aside = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::clock::Clock;
    use crate::exporter::config::{Config, Flags};
    use crate::exporter::log::{LogFormat, LogLevel};
    use crate::exporter::state::State;
    use crate::exporter::state::queue::Change;

    #[test]
    fn changes_outlive_a_queue_file_that_cannot_be_written_once() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().to_owned();
        let environment = Environment { home: Some(folder.clone()), ..Environment::default() };
        let flags = Flags { database: Some(folder.join("han.db")), ..Flags::default() };
        let context = Context {
            config: Config::load(&flags, &environment).unwrap(),
            clock: Clock::new(&environment, false).unwrap(),
            log: Logger { level: LogLevel::Error, format: LogFormat::Text },
            max_time: Duration::from_secs(1),
            splay: Duration::ZERO,
            sync_log: SyncLog::new(&folder, None),
            environment,
            folder: folder.clone(),
        };
        let destination = ("http://127.0.0.1:1/api/sync", "key");
        let queue = Queue::default();
        let state = State::load(&folder, &context.environment, &queue, destination, None, &mut Vec::new());
        let batcher = Batcher::new(&context.config, &context.clock, None, state.unwrap());
        let mut progress = Progress::new(batcher, &context);
        progress.batcher.changes.push(Change::RequestAll);
        let lock = folder.join("sync-queue.lock");
        std::fs::create_dir(&lock).unwrap();
        progress.save().unwrap_err();
        std::fs::remove_dir(&lock).unwrap();
        assert!(progress.is_dirty());
        assert!(progress.save().unwrap().all_requested);
        assert!(!progress.is_dirty());
    }
}
