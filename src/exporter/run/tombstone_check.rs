//! The check of tombstones: of those that another machine has taken back this one learns from the receiver, and those that a
//! restored receiver has lost it gets again.
//!
//! Invariant: a tombstone that the receiver merely does not have stays, because a restored backup may lack it; only an undo that
//! the receiver knows of lifts one.

use chrono::{DateTime, TimeDelta, Utc};

use crate::exporter::outcome::StepResult;
use crate::exporter::report::count;
use crate::exporter::run::locked_run::LockedRun;
use crate::exporter::state::State;
use crate::exporter::state::tombstones::ForgetObject;
use crate::protocol::{DIGESTS_SESSIONS_MAX, DigestsRequest, DigestsResponse, ListedTombstones};

impl LockedRun<'_> {
    /// Compares the tombstones of this client with those of the receiver. Sessions whose tombstone was taken back elsewhere are
    /// rewound and scanned, and so sent again from their beginning. Returns true if there are any.
    pub(super) fn check_tombstones(&mut self) -> StepResult<bool> {
        let mut lifted = 0;
        for ids in self.settled_tombstones().chunks(DIGESTS_SESSIONS_MAX) {
            let asked =
                DigestsRequest { sessions: ids.to_vec(), tombstones: true, ..DigestsRequest::default() };
            let Some(response) = self.delivery.digests(&asked)? else { return Ok(false) };
            let Some(listed) = &response.tombstones else { return Ok(false) };
            let now = self.context.clock.now();
            let state = &mut self.delivery.progress.batcher.state;
            let undone = lift_undone(state, listed, now);
            assert_lost(state, &response);
            for session_id in &undone {
                self.delivery.progress.batcher.finished.remove(session_id);
            }
            lifted += undone.len();
        }
        self.send_forget_requests()??;
        if lifted == 0 {
            return Ok(false);
        }
        let sessions = count(lifted, "forgotten session");
        self.context.log.info(
            "undone",
            &format!("{sessions} taken back on another machine, sent again"),
            &[],
        );
        self.delivery.progress.save()?;
        self.scan()?;
        Ok(true)
    }

    /// Sessions with a tombstone that no request to the receiver waits for.
    fn settled_tombstones(&self) -> Vec<String> {
        let state = &self.delivery.progress.batcher.state;
        let requests = &state.destination.forget_requests;
        let settled = state.tombstones.iter();
        let settled = settled.filter(|(id, it)| !requests.has_any_of(id, it.repository.as_deref()));
        settled.map(|(id, _)| id.to_owned()).collect()
    }
}

/// Lifts the tombstones that were taken back elsewhere, and returns the sessions.
fn lift_undone(state: &mut State, listed: &ListedTombstones, now: DateTime<Utc>) -> Vec<String> {
    let mut lifted = Vec::new();
    for (session_id, seconds) in &listed.undone {
        let age = i64::try_from(*seconds).ok().and_then(TimeDelta::try_seconds);
        let undone_at = age.and_then(|age| now.checked_sub_signed(age));
        if !undone_at.is_some_and(|at| state.tombstones.lift(session_id, at)) {
            continue;
        }
        if let Some(cursor) = state.destination.sessions.get_mut(session_id) {
            cursor.rewind();
        }
        lifted.push(session_id.clone());
    }
    lifted
}

/// Requests once more that the receiver forgets what it stores though the user forgot it here, after any undo: a backup brought
/// it back.
fn assert_lost(state: &mut State, response: &DigestsResponse) {
    for session_id in response.sessions.iter().map(|session| session.id.as_str()) {
        let Some(tombstone) = state.tombstones.get(session_id) else { continue };
        if !tombstone.is_learned && !tombstone.is_refused {
            let object = ForgetObject::Session(session_id.to_owned());
            state.destination.forget_requests.add(object, false, tombstone.at);
        }
    }
}
