//! Eight machines of one user deliver overlapping sessions at once.

use super::machine::Machine;
use crate::support::han_db::large::Kind;
use crate::support::han_db::{build_large, conditions};
use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::stores;

const MACHINES: usize = 8;

#[test]
fn eight_exporters_at_once_with_overlapping_sessions_store_everything_once() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let machines: Vec<Machine> =
            (0..MACHINES).map(|_| Machine::new(&receiver.base, &team.alice)).collect();
        let (first, last) = (&machines[0], &machines[MACHINES - 1]);
        let large = build_large(first.database(), 2_000, 24, 700, 11);
        for machine in &machines[1..] {
            first.open().copy_to(machine.database());
        }
        // One machine has more than the others.
        conditions::more_of_everything(&last.open(), &large.sessions_of(Kind::Organization)[0], 40);

        std::thread::scope(|scope| {
            for machine in &machines {
                scope.spawn(|| machine.run());
            }
        });

        let expected = last.expected();
        let expected = expected.values().flat_map(|session| {
            session.messages.keys().map(|message| vec![Some(session.id.clone()), Some(message.clone())])
        });
        let mut stored = store.query("SELECT session_id, message_id FROM messages");
        stored.sort_unstable();
        assert!(stored.iter().eq(expected.collect::<Vec<_>>().iter()), "each message is stored once");
        assert_sums_equal_a_recount(&store);
    }
}
