//! What the line does wrong, as lines of the fault server's script, and what the receivers say or do otherwise from then
//! on. Limits and refusals at will are only the tests' own receiver's; the real one has its own reasons.

use han_sync::protocol::{SyncError, code};

use super::action::{Claim, Code, Route, Trouble};
use super::ledger::OWNERS;
use super::receiver::LOGINS;
use super::world::World;
use crate::support::test_receiver::fault::When;
use crate::support::test_receiver::store::Refusal;
use crate::support::{Fault, batches, identities};

/// Requests of a kind; batches that carry anything.
pub fn when(route: Route) -> When {
    match route {
        Route::Identity => identities(),
        Route::Batch => batches().with_data(),
    }
}

pub fn fault(trouble: Trouble, route: Route) -> Fault {
    let is_batch = route == Route::Batch;
    let half =
        || if is_batch { Fault::lie(|_| ()).cut() } else { Fault::status(200).body(r#"{"userId":"us"#) };
    match trouble {
        Trouble::Status(301) => Fault::redirect(301, "https://elsewhere.example/api/sync"),
        Trouble::Status(status) => Fault::status(status),
        Trouble::RetryAfter(status, seconds) => {
            Fault::status(status).header("Retry-After", &seconds.to_string())
        }
        Trouble::Page(status) => Fault::html(status),
        Trouble::CountsWrong if is_batch => Fault::lie(|answer| answer.processed += 1).after_commit(),
        Trouble::CountsNothing if is_batch => Fault::lie(|answer| answer.processed = 0).with_status(200),
        Trouble::NamesStranger if is_batch => Fault::lie(|answer| {
            answer.errors.push(SyncError {
                session_id: "a-stranger".to_owned(),
                code: "VALIDATION_ERROR".to_owned(),
                message: "not in the batch".to_owned(),
            });
        }),
        Trouble::CountsWrong | Trouble::CountsNothing | Trouble::NamesStranger => {
            Fault::status(200).body("{}")
        }
        Trouble::Close => Fault::close(),
        Trouble::Reset => Fault::reset(),
        Trouble::Cut => half(),
        Trouble::StoredThenClose if is_batch => Fault::close().after_commit(),
        Trouble::StoredThenReset if is_batch => Fault::reset().after_commit(),
        Trouble::StoredThenCut if is_batch => half().after_commit(),
        Trouble::StoredThenStatus(status) if is_batch => Fault::status(status).after_commit(),
        Trouble::StoredThenClose | Trouble::StoredThenReset => Fault::reset(),
        Trouble::StoredThenCut | Trouble::StoredThenStatus(_) => half(),
        Trouble::Silence => Fault::silence(),
    }
}

impl World {
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

    pub fn refuse(&self, session: &str, code: Code, times: usize) {
        if self.real.is_none() {
            self.server().refuse(session, code.name(), times);
        }
    }

    /// The receivers delete a session of either user's, where they have it, and do not take it again. Without having had
    /// it, the tests' own do not take it either.
    pub fn forget(&mut self, session: &str) {
        for (nth, server) in self.servers.iter().enumerate() {
            let is_forgotten = match &self.real {
                Some(real) => LOGINS.map(|login| real[nth].forget(login, session)),
                None => {
                    server.refuse(session, code::FORGOTTEN, usize::MAX);
                    server.with_receiver(|receiver| {
                        receiver.stores.values_mut().for_each(|store| drop(store.sessions.remove(session)));
                    });
                    [true, true]
                }
            };
            for (login, _) in LOGINS.into_iter().zip(is_forgotten).filter(|(_, is_forgotten)| *is_forgotten) {
                self.arrivals[nth].forgotten.insert((login.to_owned(), session.to_owned()));
            }
        }
    }

    /// The receivers behave again, but do not remember what they are to forget.
    pub fn behave(&self) {
        self.real.iter().flatten().for_each(|receiver| receiver.behave());
        for server in &self.servers {
            server.behave();
            let stays = |refusal: &Refusal| refusal.code == code::FORGOTTEN;
            server.with_receiver(|receiver| receiver.refusals.retain(stays));
        }
    }
}
