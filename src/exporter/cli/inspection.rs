//! The read-only view of commands that change nothing: state and queue as saved, updated with the source in memory.

use crate::exporter::config::Endpoint;
use crate::exporter::context::Context;
use crate::exporter::delivery::client::HttpClient;
use crate::exporter::error::Error;
use crate::exporter::plan::eligibility::EligibilityFilter;
use crate::exporter::plan::identity_check::identity_warnings;
use crate::exporter::plan::scan::{self, Scan};
use crate::exporter::plan::schedule;
use crate::exporter::source::Source;
use crate::exporter::state::State;
use crate::exporter::state::atomic_file;
use crate::exporter::state::queue::Queue;
use crate::protocol::Identity;

/// The origin of the identity that an inspection uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdentitySource {
    /// The saved one alone.
    Saved,
    /// The receiver's, fetched if the saved one is not fresh; used, and not saved.
    Receiver,
}

/// State, queue and scan of the source at one time.
pub(super) struct Inspection {
    pub(super) state: State,
    pub(super) queue: Queue,
    pub(super) source: Source,
    pub(super) scan: Scan,
    /// True if the receiver has just named another identity than the saved one.
    pub(super) identity_changed: bool,
    pub(super) warnings: Vec<String>,
}

/// Loads state and queue as saved.
pub(super) fn load(context: &Context, warnings: &mut Vec<String>) -> Result<(State, Queue), Error> {
    atomic_file::require_private_folder(&context.folder)?;
    let queue = Queue::load(&context.folder, None, warnings)?;
    let endpoint = context.config.endpoint.as_ref().map_or("", |setting| setting.value.as_str());
    let key = context.config.api_key.as_ref().map_or("", |setting| setting.value.expose());
    let state = State::load(&context.folder, &context.environment, &queue, (endpoint, key), None, warnings)?;
    Ok((state, queue))
}

/// Loads state and queue, and scans the source.
pub(super) fn inspect(context: &Context, identity: IdentitySource) -> Result<Inspection, Error> {
    let mut warnings = context.config.warnings.clone();
    let (mut state, queue) = load(context, &mut warnings)?;
    let identity_changed = match identity {
        IdentitySource::Saved => false,
        IdentitySource::Receiver => fetch_identity(context, &mut state, &mut warnings)?,
    };
    scanned(context, (state, queue), identity_changed, warnings)
}

/// Loads state and queue, and scans the source with an identity that the receiver has just named.
pub(super) fn inspect_as(context: &Context, identity: Option<Identity>) -> Result<Inspection, Error> {
    let mut warnings = context.config.warnings.clone();
    let (mut state, queue) = load(context, &mut warnings)?;
    let recorded = state.record_identity(identity, context.clock.now());
    let identity_changed = recorded.map_err(Error::configuration)?;
    scanned(context, (state, queue), identity_changed, warnings)
}

fn scanned(
    context: &Context,
    (mut state, queue): (State, Queue),
    identity_changed: bool,
    mut warnings: Vec<String>,
) -> Result<Inspection, Error> {
    let _reading = context.reading();
    let now = context.clock.now();
    let source = Source::open(&context.config.database)?;
    let affiliations = schedule::affiliations(state.destination.identity.as_ref(), now);
    let filter = EligibilityFilter { config: &context.config, affiliations: &affiliations };
    let mut scan = scan::scan(&source, filter, &mut state, now)?;
    warnings.append(&mut scan.warnings);
    warnings.extend(identity_warnings(&state.destination, &context.config.privacy, &scan.sessions, now));
    Ok(Inspection { state, queue, source, scan, identity_changed, warnings })
}

/// Fetches the identity unless the saved one is fresh. Returns true if the identity changed.
fn fetch_identity(context: &Context, state: &mut State, warnings: &mut Vec<String>) -> Result<bool, Error> {
    let (Some(endpoint), Some(key)) = (&context.config.endpoint, &context.config.api_key) else {
        return Ok(false);
    };
    let now = context.clock.now();
    if schedule::identity_is_fresh(&state.destination, now) {
        return Ok(false);
    }
    let endpoint = Endpoint { url: &endpoint.value, key: &key.value };
    let client = HttpClient::new(&context.config, endpoint, &state.client_id)?;
    let _waiting = context.waiting();
    match client.identity(now) {
        Ok(identity) => Ok(state.record_identity(identity, now).unwrap_or_else(|message| {
            warnings.push(format!("{message}; the result is based on the saved identity"));
            false
        })),
        Err(error) => {
            warnings.push(format!("{}; the result is based on the saved identity", error.message()));
            Ok(false)
        }
    }
}

/// Logs the warnings of a command.
pub(super) fn log_warnings(context: &Context, warnings: &[String]) {
    for warning in warnings {
        context.log.warn("warning", warning);
    }
}
