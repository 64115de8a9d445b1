//! Histories that once found something, by what they found. Each runs against either receiver.

use super::action::Action::{self, *};
use super::action::*;

/// Name, seed and history.
pub const REGRESSIONS: &[(&str, u64, &[Action])] = &[
    (
        "status_that_came_back_while_its_change_was_acknowledged_to_a_killed_run",
        1,
        &[
            Run(Command::Scheduled),
            Status(0, 1),
            KillAt(Command::Scheduled, Route::Batch, 1, Taken::Yes),
            Status(0, 0),
        ],
    ),
    (
        "status_that_came_back_with_an_older_state",
        1,
        &[
            Run(Command::Scheduled),
            CopyState,
            Status(0, 1),
            Run(Command::Scheduled),
            RestoreState(File::State),
            Status(0, 0),
        ],
    ),
    (
        "dropped_session_whose_database_went_back_and_grew_differently",
        1,
        &[
            Run(Command::Scheduled),
            CopyDatabase,
            Insert(0, Rows::One),
            Run(Command::Drop(0)),
            RestoreDatabase { in_place: true },
            Insert(0, Rows::One),
        ],
    ),
    (
        "status_that_changed_after_the_clock_was_set_back",
        1,
        &[Run(Command::Scheduled), ClockBack(600), Status(0, 1), Run(Command::Scheduled)],
    ),
    (
        "status_that_came_back_before_it_was_ever_acknowledged",
        1_795_407_538,
        &[
            Fault(Route::Batch, FaultKind::Status(404), 0, 2),
            Run(Command::Scheduled),
            Status(7, 1),
            KillAt(Command::Session(5), Route::Batch, 1, Taken::Yes),
            Status(3, 0),
        ],
    ),
    (
        "session_of_an_organization_that_the_user_joined_while_the_receiver_was_busy",
        1_795_414_116,
        &[
            Fault(Route::Batch, FaultKind::RetryAfter(429, 100_000), 0, 5),
            Run(Command::Scheduled),
            Identity(Claim::Globex(true)),
            MoveSession(5, 4),
        ],
    ),
    (
        "message_in_the_place_of_one_that_came_while_a_run_sent",
        1_795_426_866,
        &[
            Insert(0, Rows::Ordinary),
            Set(Setting::BatchSize(5)),
            During(
                Command::Session(4),
                Route::Batch,
                1,
                [Meanwhile::Another(Command::Scheduled), Meanwhile::Grow(4, Rows::Odd)],
            ),
            DeleteLastRows(1),
            Insert(0, Rows::One),
        ],
    ),
];
