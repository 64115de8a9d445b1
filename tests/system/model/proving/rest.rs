//! Rest: what is counted wrong is repaired, each machine verifies and repairs, and enough time passes for every check; then the
//! receiver holds what was not forgotten, and nothing else.

use super::action::Command;
use super::world::{Wish, World};
use crate::model::simulation::Checked;
use crate::support::recount::assert_sums_equal_a_recount;

/// Hours between the runs that lead to rest: a restored receiver is noticed at the hourly contact and compared within two hours,
/// tombstones are compared once a day.
const HOURS: [u32; 6] = [0, 2, 2, 25, 25, 25];

impl World {
    pub fn come_to_rest(mut self) -> Checked<()> {
        self.run_to_rest().map_err(|why| format!("at rest: {why}"))
    }

    fn run_to_rest(&mut self) -> Checked<()> {
        self.store.admin("check --repair");
        for hours in HOURS {
            self.pass(hours);
            (0..2).try_for_each(|machine| self.run(machine, Command::Scheduled))?;
        }
        for command in [Command::VerifyRepair, Command::Scheduled, Command::Verify] {
            (0..2).try_for_each(|machine| self.run(machine, command))?;
        }
        self.was_restored = false;
        self.check_forgotten()?;
        for machine in 0..2 {
            let findings = self.machines[machine].verify(&[], 0);
            if let Some(finding) = findings.iter().find(|(_, finding)| finding != "surplus") {
                return Err(format!("machine {machine} still finds {finding:?}"));
            }
        }
        self.store.admin("check");
        assert_sums_equal_a_recount(&self.store);
        self.check_kept()
    }

    /// Checks that every message of a session that was not forgotten is stored.
    fn check_kept(&self) -> Checked<()> {
        let mut stored = self.stored();
        for (id, wish) in self.wishes.iter().filter(|(_, wish)| **wish == Wish::Kept) {
            let expected = self.machines.iter().flat_map(|machine| machine.db.message_ids(id)).collect();
            let found = stored.remove(id).unwrap_or_default();
            if found != expected {
                return Err(format!(
                    "of session {id}, which is {wish:?}, {} messages are stored of {}",
                    found.len(),
                    expected.len()
                ));
            }
        }
        Ok(())
    }
}
