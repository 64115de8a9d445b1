//! The client's report of itself, in each payload: its backlog, and the conditions that hold.
//!
//! The backlog is what remains after the batch that carries the report, so that the last batch of a run says that nothing
//! does.

use chrono::{DateTime, Utc};

use crate::exporter::context::Context;
use crate::exporter::error::Error;
use crate::exporter::plan::conditions::{Condition, HOOK_MISSING};
use crate::exporter::plan::diagnosis;
use crate::exporter::plan::folders::protected_folders::FolderAccess;
use crate::exporter::plan::identity_check::pending_owners;
use crate::exporter::plan::scan::Scan;
use crate::exporter::source::{Source, transcripts};
use crate::exporter::state::State;
use crate::exporter::state::install::presence;
use crate::exporter::state::queue::Queue;
use crate::protocol::SyncClient;
use crate::time;

/// Codes of conditions that a payload's arrival refutes.
const REFUTED: [&str; 5] =
    ["KEY_REFUSED", "NOT_A_RECEIVER", "TLS_UNTRUSTED", "PROXY_FAILED", "ENDPOINT_UNREACHABLE"];

/// The backlog of a run at its start, and the conditions.
#[derive(Debug, Clone, Default)]
pub struct ClientReport {
    /// Codes of the conditions that show.
    conditions: Vec<String>,
    sessions: usize,
    messages: u64,
    /// Time at which an earlier run first saw the oldest pending data.
    pending_since: Option<DateTime<Utc>>,
}

impl ClientReport {
    /// Counts the backlog. The conditions are those in the state. Data that was first seen after `began_at`, by this very
    /// run, has not been waiting.
    pub fn new(
        scan: &Scan,
        state: &State,
        queue: &Queue,
        source: &Source,
        (began_at, now): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<ClientReport, Error> {
        let mut report =
            ClientReport { conditions: state.destination.conditions.clone(), ..ClientReport::default() };
        let snapshot = source.snapshot()?;
        for session in scan.sessions.iter().filter(|session| session.has_delta) {
            let item = queue.item(&session.row.id);
            let waits = item.is_none_or(|item| item.is_waiting(&session.data_fingerprint, now));
            let cursor = state.destination.sessions.get(&session.row.id);
            let Some(cursor) = cursor.filter(|_| waits) else { continue };
            report.sessions += 1;
            report.messages += snapshot.count_after(&session.row.id, cursor.rowid)?;
            let since = cursor.waiting_since.filter(|since| *since < began_at);
            report.pending_since = report.pending_since.into_iter().chain(since).min();
        }
        Ok(report)
    }

    /// The same backlog, counted from the start of a run that has finished sessions and messages since.
    #[must_use]
    pub fn at(self, finished: usize, acknowledged: u64) -> ClientReport {
        let (sessions, messages) = (self.sessions + finished, self.messages + acknowledged);
        ClientReport { sessions, messages, ..self }
    }

    /// The report after so many sessions with nothing left to send, and so many messages, of the run so far.
    pub fn after(&self, finished: usize, sent: u64) -> SyncClient {
        let sessions = self.sessions.saturating_sub(finished);
        SyncClient {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            os: std::env::consts::OS.to_owned(),
            pending_sessions: sessions as u64,
            pending_messages: self.messages.saturating_sub(sent),
            pending_since: self.pending_since.filter(|_| sessions > 0).map(time::format),
            conditions: self.conditions.clone(),
        }
    }
}

/// Codes of the conditions that show in a run, after a scan of all sessions.
pub fn condition_codes(
    context: &Context,
    scan: &Scan,
    state: &State,
    queue: &Queue,
    source: &Source,
) -> Result<Vec<String>, Error> {
    let now = context.clock.now();
    let config = &context.config;
    let pending = pending_owners(&state.destination, &config.privacy, &scan.sessions, now);
    let mut conditions: Vec<Condition> = diagnosis::of_configuration(config);
    conditions.extend(diagnosis::of_scan(scan, state, &pending, config));
    let access = FolderAccess::of_process(context.environment.home.as_deref());
    conditions.extend(diagnosis::of_folders(scan, state, &access, &[]));
    conditions.extend(diagnosis::of_verification(&state.destination.verification, now));
    conditions.extend(diagnosis::of_queue(queue, now));
    conditions.extend(diagnosis::of_destination(&state.destination, config));
    conditions.extend(diagnosis::of_key(&state.destination, now));
    conditions.extend(diagnosis::of_transcripts(transcripts::stale(source, now)?));
    if queue.hook_last_run_at.is_none() && !presence::has_hooks(&context.environment) {
        conditions.push(Condition::new(&HOOK_MISSING, "", ""));
    }
    let shown = conditions.iter().filter(|it| it.shows(now) && !REFUTED.contains(&it.code));
    let mut codes: Vec<String> = shown.map(|condition| condition.code.to_owned()).collect();
    codes.dedup();
    Ok(codes)
}
