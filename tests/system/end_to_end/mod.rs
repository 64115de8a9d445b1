//! The whole way, with the real programs on both stores: han's database in, the team's database out. Whatever happens on
//! the way, the receiver ends up with what is eligible in the source, by every field, once.

mod gate;
pub mod machine;
mod store;

mod bad_rows;
mod cluster;
mod conditions;
mod eight_machines;
mod killed;
mod large;
mod rebuild;

use crate::support::running_receiver::{RunningReceiver, TestStore};
use machine::{Machine, wait_or_kill};

/// A team's receiver, and a developer's machine that is configured for it.
struct Scene {
    store: TestStore,
    receiver: RunningReceiver,
    machine: Machine,
}

impl Scene {
    fn new(store: TestStore) -> Scene {
        let (team, receiver) = (store.create_team(), store.serve_with(&["--drain-seconds", "0"]));
        let machine = Machine::new(&receiver.base, &team.alice);
        Scene { store, receiver, machine }
    }

    /// Ends the receiver as an operator does; it must end by itself.
    fn end(mut self) {
        self.receiver.signal("-TERM");
        let status = wait_or_kill(&mut self.receiver.child);
        assert!(status.success(), "the receiver ended with {status}\n{}", self.receiver.log());
    }
}
