//! A user's command to forget sessions, or to take that back: first the state, then the receiver.
//!
//! Invariant: tombstones and requests are durable before the first request leaves, so that a command that was killed is
//! carried out by the next run.

use std::thread;
use std::time::{Duration, Instant};

use crate::exporter::context::Context;
use crate::exporter::delivery::Delivery;
use crate::exporter::delivery::batcher::Batcher;
use crate::exporter::delivery::client::HttpClient;
use crate::exporter::delivery::forget::AnsweredRequest;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::outcome::{EarlyExit, StopReason};
use crate::exporter::plan::forget_plan::{PlannedSession, is_sent};
use crate::exporter::plan::schedule::Request;
use crate::exporter::run::inputs::{Inputs, RunStart, endpoint_of, load};
use crate::exporter::state::atomic_file;
use crate::exporter::state::lock::RunLock;
use crate::exporter::state::tombstones::ForgetObject;
use crate::exporter::state::{Destination, State};

/// Interval between two attempts on the lock of another run.
const LOCK_POLL: Duration = Duration::from_millis(100);

/// A command that the user has confirmed.
#[derive(Debug)]
pub struct ForgetCommand {
    /// Sessions that get a tombstone, or lose theirs.
    pub sessions: Vec<PlannedSession>,
    /// Objects of the requests.
    pub objects: Vec<ForgetObject>,
    /// True if tombstones are taken back.
    pub is_undo: bool,
}

/// The result of a command.
#[derive(Debug)]
pub struct ForgetResult {
    /// Requests that the receiver has answered.
    pub answered: Vec<AnsweredRequest>,
    /// Requests that later runs repeat.
    pub waiting: usize,
    /// Reason why some are waiting, if it is not the receiver's answer.
    pub stop: Option<StopReason>,
    /// Last error of the destination.
    pub last_error: Option<String>,
}

/// Carries out a command.
pub fn forget(context: &Context, command: &ForgetCommand) -> Result<ForgetResult, Error> {
    let endpoint = endpoint_of(&context.config)?;
    atomic_file::create_private_folder(&context.folder)?;
    let lock = wait_for_lock(context)?;
    let RunStart::Due(_, inputs) = load(context, &Request::All, endpoint)? else {
        return Err(Error::from(anyhow::Error::msg("the state was not loaded")));
    };
    let Inputs { mut state, .. } = *inputs;
    apply(command, &mut state, context);
    let client = HttpClient::new(&context.config, endpoint, &state.client_id)?;
    let batcher = Batcher::new(&context.config, &context.clock, None, state);
    let mut delivery = Delivery::new(batcher, client, context);
    delivery.progress.save()?;
    lock.record(context);
    let mut answered = Vec::new();
    let sent = delivery.send_forget_requests(&mut answered);
    delivery.progress.save()?;
    let stop = match sent {
        Ok(()) => None,
        Err(EarlyExit::Stopped(reason)) => Some(reason),
        Err(EarlyExit::Failed(error)) => return Err(error),
    };
    let destination = delivery.progress.destination();
    Ok(ForgetResult {
        answered,
        waiting: destination.forget_requests.len(),
        stop,
        last_error: destination.last_error.as_ref().map(|error| error.message.clone()),
    })
}

/// Waits for the end of a run that holds the lock, at most as long as a run may take.
fn wait_for_lock(context: &Context) -> Result<RunLock, Error> {
    let since = Instant::now();
    loop {
        if let Some(lock) = RunLock::try_acquire(&context.folder)? {
            return Ok(lock);
        }
        if since.elapsed() >= context.max_time {
            let message = "another run holds the lock, and nothing was deleted; repeat han-sync forget when it has ended";
            return Err(Error::new(ExitCode::TryAgain, message));
        }
        thread::sleep(LOCK_POLL);
    }
}

/// Changes tombstones, cursors and requests in memory.
fn apply(command: &ForgetCommand, state: &mut State, context: &Context) {
    let now = context.clock.now();
    let ForgetCommand { sessions, objects, is_undo } = command;
    for PlannedSession { session_id, repository, .. } in sessions {
        if *is_undo {
            state.tombstones.remove(session_id);
        } else {
            state.tombstones.set(session_id, now, repository.as_deref());
        }
    }
    for destination in state.destinations_mut().skip(1) {
        // A destination of an earlier configuration learns of it when it is configured again.
        let has_any = sessions.iter().any(|session| has_sent(destination, &session.session_id));
        if has_any || (objects.contains(&ForgetObject::All) && !destination.sessions.is_empty()) {
            objects.iter().for_each(|it| destination.forget_requests.add(it.clone(), *is_undo, Some(now)));
        }
    }
    for object in objects {
        state.destination.forget_requests.add(object.clone(), *is_undo, Some(now));
    }
    if *is_undo {
        for destination in state.destinations_mut() {
            for session in sessions {
                if let Some(cursor) = destination.sessions.get_mut(&session.session_id) {
                    cursor.rewind();
                }
            }
        }
    }
}

fn has_sent(destination: &Destination, session_id: &str) -> bool {
    destination.sessions.get(session_id).is_some_and(|cursor| is_sent(&cursor))
}
