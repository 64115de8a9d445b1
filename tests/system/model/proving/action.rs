//! The actions of a history, as plain data. Machines, sessions and rows are numbers, taken modulo how many there are.

use super::super::histories::weighted;
use crate::support::han_db::text::Rng;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    // han, on a machine
    NewSession(usize, usize),
    Insert(usize, usize, usize),

    // The exporter, on a machine
    Run(usize, Command),
    /// Killed after so many hundredths of a millisecond.
    Kill(usize, Command, u64),

    // The receiver's store, by hand
    LoseMessage(usize),
    LoseSession(usize),
    CorruptDigest(usize),
    CorruptSum(usize),
    Repair,

    // Copies
    Backup,
    RestoreBackup,
    CopyState(usize),
    RestoreState(usize),

    /// So many hours pass on both machines.
    Hours(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Scheduled,
    Reset,
    Verify,
    VerifyRepair,
    Forget(usize),
    ForgetAll,
    Undo(usize),
    UndoAll,
}

impl Command {
    /// True if it forgets, or takes back.
    pub fn decides(self) -> bool {
        matches!(self, Command::Forget(_) | Command::ForgetAll | Command::Undo(_) | Command::UndoAll)
    }
}

/// A history of 8 to 24 actions.
pub fn history(rng: &mut Rng) -> Vec<Action> {
    let length = 8 + rng.below(17);
    let mut history = vec![Action::NewSession(0, 3), Action::NewSession(1, 2)];
    history.extend((0..length).map(|_| any(rng)));
    history
}

fn any(rng: &mut Rng) -> Action {
    use Action::*;
    let (machine, n) = (rng.below(2), rng.below(4));
    let (command, hundredths) = (command(rng), rng.below(4_000) as u64);
    let choices = [
        (2, NewSession(machine, 1 + n)),
        (4, Insert(machine, n, 1 + rng.below(3))),
        (20, Run(machine, command)),
        (5, Kill(machine, command, hundredths)),
        (2, LoseMessage(rng.below(64))),
        (1, LoseSession(n)),
        (1, CorruptDigest(n)),
        (1, CorruptSum(n)),
        (1, Repair),
        (2, Backup),
        (2, RestoreBackup),
        (1, CopyState(machine)),
        (1, RestoreState(machine)),
        (3, Hours(*rng.pick(&[1, 2, 25]))),
    ];
    weighted(rng, &choices)
}

fn command(rng: &mut Rng) -> Command {
    use Command::*;
    let n = rng.below(4);
    let choices = [
        (6, Scheduled),
        (1, Reset),
        (2, Verify),
        (2, VerifyRepair),
        (3, Forget(n)),
        (1, ForgetAll),
        (2, Undo(n)),
        (1, UndoAll),
    ];
    weighted(rng, &choices)
}
