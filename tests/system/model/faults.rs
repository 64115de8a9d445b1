//! Faults as rules of the test receiver's script, and changes of what the receivers serve from then
//! on. Limits and rejections at will are only the tests' own receiver's; the real one has its own reasons.

use han_sync::protocol::{SyncError, code};

use super::action::{Claim, Code, FaultKind, Route};
use super::receiver::LOGINS;
use super::reference::OWNERS;
use super::simulation::Simulation;
use crate::support::test_receiver::fault::RequestMatcher;
use crate::support::test_receiver::store::Rejection;
use crate::support::{Fault, batches, identities};

/// Requests of a kind; batches that carry anything.
pub fn when(route: Route) -> RequestMatcher {
    match route {
        Route::Identity => identities(),
        Route::Batch => batches().with_data(),
    }
}

pub fn fault(kind: FaultKind, route: Route) -> Fault {
    let is_batch = route == Route::Batch;
    let half =
        || if is_batch { Fault::lie(|_| ()).cut() } else { Fault::status(200).body(r#"{"userId":"us"#) };
    match kind {
        FaultKind::Status(301) => Fault::redirect(301, "https://elsewhere.example/api/sync"),
        FaultKind::Status(status) => Fault::status(status),
        FaultKind::RetryAfter(status, seconds) => {
            Fault::status(status).header("Retry-After", &seconds.to_string())
        }
        FaultKind::Page(status) => Fault::html(status),
        FaultKind::CountsWrong if is_batch => Fault::lie(|answer| answer.processed += 1).after_commit(),
        FaultKind::CountsNothing if is_batch => Fault::lie(|answer| answer.processed = 0).with_status(200),
        FaultKind::NamesStranger if is_batch => Fault::lie(|answer| {
            answer.errors.push(SyncError {
                session_id: "a-stranger".to_owned(),
                code: "VALIDATION_ERROR".to_owned(),
                message: "not in the batch".to_owned(),
            });
        }),
        FaultKind::CountsWrong | FaultKind::CountsNothing | FaultKind::NamesStranger => {
            Fault::status(200).body("{}")
        }
        FaultKind::Close => Fault::close(),
        FaultKind::Reset => Fault::reset(),
        FaultKind::Cut => half(),
        FaultKind::StoredThenClose if is_batch => Fault::close().after_commit(),
        FaultKind::StoredThenReset if is_batch => Fault::reset().after_commit(),
        FaultKind::StoredThenCut if is_batch => half().after_commit(),
        FaultKind::StoredThenStatus(status) if is_batch => Fault::status(status).after_commit(),
        FaultKind::StoredThenClose | FaultKind::StoredThenReset => Fault::reset(),
        FaultKind::StoredThenCut | FaultKind::StoredThenStatus(_) => half(),
        FaultKind::Silence => Fault::silence(),
    }
}

impl Simulation {
    /// The receivers say something else of their users from now on.
    pub fn claim(&mut self, claim: Claim) {
        let before = self.claims;
        let mut small = None;
        match claim {
            Claim::Acme(on) => self.claims.acme = on,
            Claim::Globex(on) => self.claims.globex = on,
            Claim::SmallLimits(on) => small = Some(on),
        }
        let claims = self.claims;
        if let Some(real) = &self.real {
            for owner in OWNERS.iter().filter(|owner| before.has(owner) != claims.has(owner)) {
                real.iter().for_each(|receiver| receiver.set_owner(owner, claims.has(owner)));
            }
            return;
        }
        for (server, user) in
            self.servers.iter().flat_map(|server| [(server, "user-alice"), (server, "user-bob")])
        {
            server.with_identity(user, |identity| {
                let owners = OWNERS.iter().filter(|owner| claims.has(owner)).map(|&owner| owner.to_owned());
                identity.organizations[0].owners = owners.collect();
                if let Some(small) = small {
                    identity.limits.max_inflated_bytes = Some(if small { 6000 } else { 64 << 20 });
                    identity.limits.max_body_bytes = Some(if small { 3000 } else { 16 << 20 });
                    identity.limits.max_messages = Some(if small { 3 } else { 10_000 });
                }
            });
        }
    }

    pub fn reject(&self, session: &str, code: Code, times: usize) {
        if self.real.is_none() {
            self.server().reject(session, code.name(), times);
        }
    }

    /// The receivers delete a session of either user's, where they have it, and do not take it again. Without having had
    /// it, the tests' own do not take it either.
    pub fn forget(&mut self, session: &str) {
        for (nth, server) in self.servers.iter().enumerate() {
            let is_forgotten = match &self.real {
                Some(real) => LOGINS.map(|login| real[nth].forget(login, session)),
                None => {
                    server.reject(session, code::FORGOTTEN, usize::MAX);
                    server.with_receiver(|receiver| {
                        receiver.stores.values_mut().for_each(|store| drop(store.sessions.remove(session)));
                    });
                    [true, true]
                }
            };
            for (login, _) in LOGINS.into_iter().zip(is_forgotten).filter(|(_, is_forgotten)| *is_forgotten) {
                self.received[nth].forgotten.insert((login.to_owned(), session.to_owned()));
            }
        }
    }

    /// The receivers behave again, but do not remember what they are to forget.
    pub fn clear_script(&self) {
        self.real.iter().flatten().for_each(|receiver| receiver.clear_script());
        for server in &self.servers {
            server.clear_script();
            let stays = |refusal: &Rejection| refusal.code == code::FORGOTTEN;
            server.with_receiver(|receiver| receiver.rejections.retain(stays));
        }
    }
}
