//! The run under the lock: its data, the scan of the source, and the due sessions.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::exporter::backoff;
use crate::exporter::batch::client_report::{ClientReport, condition_codes};
use crate::exporter::batch::content_filter::ContentFilter;
use crate::exporter::config::Endpoint;
use crate::exporter::context::Context;
use crate::exporter::delivery::Delivery;
use crate::exporter::delivery::batcher::Batcher;
use crate::exporter::delivery::client::HttpClient;
use crate::exporter::error::Error;
use crate::exporter::log::progress_line::SlowStep;
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::plan::eligibility::EligibilityFilter;
use crate::exporter::plan::identity_check::identity_warnings;
use crate::exporter::plan::scan::{Scan, scan, scan_some};
use crate::exporter::plan::schedule::{self, Request};
use crate::exporter::plan::unmatched_patterns::UnmatchedPattern;
use crate::exporter::run::inputs::{Inputs, log_warnings};
use crate::exporter::source::Source;
use crate::exporter::state::queue::{self, Queue};
use crate::exporter::state::{Destination, SourceFingerprint, State};

/// A run that holds the lock.
pub(super) struct LockedRun<'a> {
    pub(super) context: &'a Context,
    pub(super) request: Request,
    /// The queue as last read. The run has not acted on requests that are newer.
    pub(super) queue: Queue,
    pub(super) source: Source,
    /// See [`Inputs::changed`]; consumed by the first scan.
    changed: Option<(BTreeSet<String>, SourceFingerprint)>,
    /// See [`Inputs::files`].
    pub(super) files: Option<String>,
    /// Sessions that had failed before this run.
    pub(super) failed_before: HashSet<String>,
    /// The last scan.
    pub(super) scan: Scan,
    /// True if the last scan was of all sessions.
    pub(super) has_scanned_all: bool,
    /// True if the receiver returned a new identity, which makes failed sessions due.
    pub(super) identity_changed: bool,
    pub(super) started: Duration,
    began_at: DateTime<Utc>,
    /// The sentence for a person who waits for the first scan.
    reading: Option<SlowStep>,
    pub(super) delivery: Delivery<'a>,
}

impl<'a> LockedRun<'a> {
    /// Prepares a run; sends nothing.
    pub(super) fn new(
        context: &'a Context,
        request: &Request,
        endpoint: Endpoint,
        queue: Queue,
        inputs: Inputs,
        content_filter: Option<Arc<ContentFilter>>,
    ) -> Result<LockedRun<'a>, Error> {
        let Inputs { state, source, changed, files } = inputs;
        let Context { config, clock, folder, .. } = context;
        let client = HttpClient::new(config, endpoint, &state.client_id)?;
        let reading = context.reading();
        let source = source.map_or_else(|| Source::open(&config.database), Ok)?;
        // The client id and secret have to survive a kill before the first acknowledgement.
        if !State::path(folder).exists() {
            state.save(folder)?;
        }
        let all_requested = queue.all_requested && *request == Request::Scheduled;
        let failed = queue.items.iter().filter(|item| item.status == queue::Status::Failed);
        Ok(LockedRun {
            context,
            request: if all_requested { Request::All } else { request.clone() },
            failed_before: failed.map(|item| item.session_id.clone()).collect(),
            queue,
            source,
            changed,
            files,
            scan: Scan::default(),
            has_scanned_all: false,
            identity_changed: false,
            started: clock.elapsed(),
            began_at: clock.now(),
            reading: Some(reading),
            delivery: Delivery::new(Batcher::new(config, clock, content_filter, state), client, context),
        })
    }

    pub(super) fn destination(&self) -> &Destination {
        self.delivery.progress.destination()
    }

    pub(super) fn is_in_backoff(&self) -> bool {
        let next_retry_at = self.destination().backoff.next_retry_at;
        !backoff::is_due(next_retry_at, self.context.clock.now(), backoff::CAP)
    }

    /// Scans the source, or only the sessions that the fast path found; logs the warnings that are new since the last
    /// scan.
    pub(super) fn scan(&mut self) -> Result<(), Error> {
        let now = self.context.clock.now();
        let batcher = &mut self.delivery.progress.batcher;
        let affiliations = schedule::affiliations(batcher.state.destination.identity.as_ref(), now);
        let filter = EligibilityFilter { config: &self.context.config, affiliations: &affiliations };
        let state = &mut batcher.state;
        let is_partial = self.changed.is_some();
        self.has_scanned_all = !is_partial;
        let mut scan = match self.changed.take() {
            Some((session_ids, fingerprint)) => {
                scan_some(&self.source, filter, state, (&session_ids, &fingerprint), now)?
            }
            None => scan(&self.source, filter, state, now)?,
        };
        drop(self.reading.take());
        batcher.fields_changed |= scan.fields_changed;
        if !is_partial {
            let rules = &self.context.config.privacy;
            scan.warnings.extend(identity_warnings(&state.destination, rules, &scan.sessions, now));
        }
        let is_copied = state.project_overrides.is_same_on_disk(&self.queue.project_overrides);
        if scan.must_save || !is_copied {
            self.delivery.progress.set_dirty();
        }
        let before = std::mem::replace(&mut self.scan, scan);
        let is_new = |warning: &&String| !before.warnings.contains(warning);
        log_warnings(&self.context.log, self.scan.warnings.iter().filter(is_new));
        if before.sessions.is_empty() {
            let unmatched = self.scan.unmatched_patterns.iter().map(UnmatchedPattern::to_string);
            log_warnings(&self.context.log, &unmatched.collect::<Vec<_>>());
        }
        Ok(())
    }

    /// Counts the backlog and finds the conditions for the client's report of itself. A scan of a few sessions leaves the
    /// conditions of the last one of all.
    pub(super) fn report_client(&mut self) -> Result<(), Error> {
        let batcher = &mut self.delivery.progress.batcher;
        if self.has_scanned_all {
            let codes = condition_codes(self.context, &self.scan, &batcher.state, &self.queue, &self.source)?;
            batcher.state.destination.conditions = codes;
        }
        let now = self.context.clock.now();
        let times = (self.began_at, now);
        let report = ClientReport::new(&self.scan, &batcher.state, &self.queue, &self.source, times)?;
        batcher.report_client(report);
        Ok(())
    }

    /// The due sessions of the last scan, in the order of sending.
    pub(super) fn due_sessions(&self) -> VecDeque<DueSession> {
        self.due_sessions_of(&self.request, self.identity_changed)
    }

    /// The due sessions of the last scan within another request.
    pub(super) fn due_sessions_of(&self, request: &Request, identity_changed: bool) -> VecDeque<DueSession> {
        let now = self.context.clock.now();
        schedule::due_sessions(&self.scan, &self.queue, self.destination(), request, identity_changed, now)
    }
}
