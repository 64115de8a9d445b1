//! The inputs of a run: the endpoint, the queue, the state, and the source where the fast path has opened it.

use std::collections::BTreeSet;

use crate::exporter::config::{Config, Endpoint};
use crate::exporter::context::Context;
use crate::exporter::error::Error;
use crate::exporter::log::Logger;
use crate::exporter::plan::fast_path::{self, FastPath};
use crate::exporter::plan::schedule::Request;
use crate::exporter::source::{self, Source};
use crate::exporter::state::queue::{Pause, Queue};
use crate::exporter::state::{SourceFingerprint, State};

/// The inputs of a run that has something to do.
pub(super) struct Inputs {
    pub(super) state: State,
    /// han's database; opened by the fast path, or later.
    pub(super) source: Option<Source>,
    /// From the fast path: the sessions with new messages, and the fingerprint of everything else.
    pub(super) changed: Option<(BTreeSet<String>, SourceFingerprint)>,
    /// Signature of the database's files before the first read.
    pub(super) files: Option<String>,
}

/// The endpoint of a run, with its key.
pub fn endpoint_of(config: &Config) -> Result<Endpoint<'_>, Error> {
    let Some(url) = &config.endpoint else {
        return Err(Error::configuration(
            "sync is enabled but has no endpoint; run han-sync init, or set endpoint in han.yml, or HAN_SYNC_ENDPOINT",
        ));
    };
    let Some(key) = &config.api_key else {
        return Err(Error::configuration(format!(
            "sync is enabled but has no key; run han-sync login, which writes {}, or set apiKey in han.yml, or \
             HAN_SYNC_API_KEY",
            config.key_file.display()
        )));
    };
    Ok(Endpoint { url: &url.value, key: &key.value })
}

/// The start of a run.
pub(super) enum RunStart {
    /// Something to do.
    Due(Queue, Box<Inputs>),
    /// Nothing to do, by the fast path.
    Idle(Queue),
    /// Paused by the user.
    Paused(Queue, Pause),
}

/// Loads the queue and, unless the run is paused or the fast path finds nothing to do, the state.
pub(super) fn load(context: &Context, request: &Request, endpoint: Endpoint) -> Result<RunStart, Error> {
    let Context { config, clock, folder, .. } = context;
    let now = clock.now();
    let mut warnings = config.warnings.clone();
    let queue = Queue::load(folder, Some(now), &mut warnings)?;
    // A request for everything, made while another run held the lock, is one by hand.
    let by_hand = *request != Request::Scheduled || queue.all_requested;
    if let Some(pause) = queue.pause_at(now).filter(|_| !by_hand) {
        return Ok(RunStart::Paused(queue, pause));
    }
    let files = source::change_signature(&config.database, now);
    let fast_path = match request {
        Request::Scheduled => fast_path::decide(context, endpoint, &queue, files.as_deref(), now)?,
        _ => FastPath::FullScan,
    };
    let inputs = match fast_path {
        FastPath::Idle => None,
        FastPath::FewSessions(few) => Some(Inputs {
            state: few.state,
            source: Some(few.source),
            changed: Some((few.session_ids, few.fingerprint)),
            files,
        }),
        FastPath::FullScan => {
            let destination = (endpoint.url, endpoint.key.expose());
            let state =
                State::load(folder, &context.environment, &queue, destination, Some(now), &mut warnings)?;
            Some(Inputs { state, source: None, changed: None, files })
        }
    };
    log_warnings(&context.log, &warnings);
    Ok(match inputs {
        Some(inputs) => RunStart::Due(queue, Box::new(inputs)),
        None => RunStart::Idle(queue),
    })
}

/// Logs warnings.
pub(super) fn log_warnings<'a>(log: &Logger, warnings: impl IntoIterator<Item = &'a String>) {
    for warning in warnings {
        log.warn("warning", warning);
    }
}
