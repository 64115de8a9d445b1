//! The actions of a history on a machine, its han, its network and its receiver, as plain data: a history is a list of actions, and reads
//! as a script. Sessions and projects are numbers, taken modulo how many there are, so that a history stays one when
//! parts of it are left out.

use super::histories::weighted;
use crate::support::han_db::text::Rng;

/// An event of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    // han
    NewSession(usize, Rows),
    Insert(usize, Rows),
    NewTask(usize),
    ChangeTask(usize),
    Status(usize, u8),
    Slug(usize, u8),
    /// The indexer's version rose: rows without a uuid are stored again under new ids.
    Reindex,
    /// The database is deleted and made anew from the same transcripts.
    Rebuild,
    Vacuum,
    /// The rows are numbered from 1 without gaps.
    CloseGaps,
    DeleteSession(usize),
    DeleteLastRows(usize),
    CopyDatabase,
    /// The copy takes the database's place: over the same file, or as another one.
    RestoreDatabase {
        in_place: bool,
    },
    DatabaseGone,
    DatabaseBack,
    /// Another program holds the database exclusively until the next run has opened it.
    LockDatabase,
    /// An older han's columns, and today's again.
    OlderSchema,
    NewerSchema,

    // What may leave
    Unlink(usize),
    Link(usize),
    /// The repository gets another remote, of those that the simulation has for it.
    Remote(usize, usize),
    MoveSession(usize, usize),
    Override(usize, ProjectOverride),
    FolderGone(usize),
    FolderBack(usize),
    Set(Setting),
    /// The receiver says something else of its users.
    Identity(Claim),

    // The receiver and the line
    Fault(Route, FaultKind, usize, usize),
    /// Not of the real receiver, which has its own reasons.
    Reject(usize, Code, usize),
    Forget(usize),
    ClearFaults,
    /// The real receiver is killed so many hundredths of a millisecond after the nth batch from now has come to it, and
    /// started again for the next request.
    KillReceiver(usize, u64),

    // Programs
    Run(Command),
    /// Killed at the nth request of a kind that it makes, which the receiver then takes or does not.
    KillAt(Command, Route, usize, Taken),
    /// Killed after so many hundredths of a millisecond.
    KillAfter(Command, u64),
    /// While a run waits for the answer to its nth request, something happens.
    During(Command, Route, usize, [Meanwhile; 2]),

    // State files
    Lose(File),
    /// Cut off at so many percent.
    Truncate(File, u8),
    CopyState,
    RestoreState(File),

    /// So many seconds pass.
    Pass(u32),
    /// The clock is set back by so many.
    ClockBack(u32),
}

use Action::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    Ordinary,
    Streams,
    Shared,
    Late,
    WithoutUuid,
    Usage,
    Nulls,
    Odd,
    NotUuids,
    Timestamps,
    Resumed,
    Tasks,
    Big,
    Secret,
    One,
}

pub const ROWS: [Rows; 15] = [
    Rows::Ordinary,
    Rows::Streams,
    Rows::Shared,
    Rows::Late,
    Rows::WithoutUuid,
    Rows::Usage,
    Rows::Nulls,
    Rows::Odd,
    Rows::NotUuids,
    Rows::Timestamps,
    Rows::Resumed,
    Rows::Tasks,
    Rows::Big,
    Rows::Secret,
    Rows::One,
];

/// The `han.yml` of a project's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectOverride {
    Nothing,
    Disabled,
    WithoutContent,
    Unreadable,
}

/// A change of the user's own configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// `forceExclude` names github.com/acme-corp/api.
    ExcludeApi(bool),
    /// `forceInclude` names github.com/stranger/**.
    IncludeStranger(bool),
    IncludePersonal(bool),
    /// `organizations` names github.com/globex.
    Globex(bool),
    Content(bool),
    BatchSize(usize),
    BatchBytes(usize),
    /// The key of Bob instead of Alice's.
    Bob(bool),
    /// The other receiver.
    OtherEndpoint(bool),
}

/// A change of the identity that the receiver serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    Acme(bool),
    Globex(bool),
    SmallLimits(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    Identity,
    Batch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    Status(u16),
    RetryAfter(u16, u32),
    Page(u16),
    /// The batch is stored, and the answer counts one session more than it holds.
    CountsWrong,
    /// Nothing is stored, and the answer says the same.
    CountsNothing,
    NamesStranger,
    Close,
    Reset,
    Cut,
    StoredThenClose,
    StoredThenReset,
    StoredThenCut,
    StoredThenStatus(u16),
    Silence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Validation,
    Processing,
    NotAccepted,
    Conflict,
    Moved,
}

impl Code {
    pub fn name(self) -> &'static str {
        match self {
            Code::Validation => "VALIDATION_ERROR",
            Code::Processing => "PROCESSING_ERROR",
            Code::NotAccepted => "REPO_NOT_ACCEPTED",
            Code::Conflict => "SESSION_CONFLICT",
            Code::Moved => "SESSION_MOVED",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Scheduled,
    Session(usize),
    /// A session that han has not indexed.
    UnknownSession,
    All,
    Hook(usize),
    Preview,
    Status,
    Explain,
    Queue,
    Retry(usize),
    Drop(usize),
    ClearFailed,
    Reset,
    ResetSession(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Yes,
    No,
}

/// An event while a run waits for a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanwhile {
    Nothing,
    Another(Command),
    Grow(usize, Rows),
    Changed(usize, u8),
    Unlinked(usize),
    Elsewhere(usize, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    State,
    Queue,
    All,
}

/// The receiver behind the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// The tests' own.
    Tests,
    /// `han-sync-receiver`, on its embedded store.
    Real,
}

/// A history of 5 to 25 actions. Each does without most of the kinds of actions, so that the others meet more often
/// than they would among all of them.
pub fn history(rng: &mut Rng, receiver: Receiver) -> Vec<Action> {
    let length = 5 + rng.below(21);
    let kinds = rng.next() & (rng.next() | rng.next());
    // Sessions and projects likewise: few of them, so that things happen to the same one.
    let places = *rng.pick(&[1, 1, 2, 8]);
    (0..length).map(|_| any(rng, receiver, kinds, places)).collect()
}

fn any(rng: &mut Rng, receiver: Receiver, kinds: u64, places: usize) -> Action {
    let (n, m) = (rng.below(places), rng.below(8));
    let on = rng.chance(0.5);
    let rows = *rng.pick(&ROWS);
    let file = *rng.pick(&[File::State, File::Queue, File::All]);
    let choices = [
        (6, NewSession(n, rows)),
        (12, Insert(n, rows)),
        (2, NewTask(n)),
        (4, ChangeTask(n)),
        (6, Status(n, m as u8 % 2)),
        (2, Slug(n, m as u8 % 2)),
        (2, Reindex),
        (3, Rebuild),
        (1, Vacuum),
        (1, CloseGaps),
        (1, DeleteSession(n)),
        (2, DeleteLastRows(1 + m)),
        (3, CopyDatabase),
        (4, RestoreDatabase { in_place: on }),
        (1, DatabaseGone),
        (1, DatabaseBack),
        (1, LockDatabase),
        (1, OlderSchema),
        (1, NewerSchema),
        (3, Unlink(n)),
        (2, Link(n)),
        (5, Remote(n, m)),
        (2, MoveSession(n, m)),
        (3, Override(n, project_override(rng))),
        (1, FolderGone(n)),
        (1, FolderBack(n)),
        (9, Set(setting(rng))),
        (4, Identity(claim(rng))),
        (13, fault_action(rng)),
        (4, Reject(n, code(rng), *rng.pick(&[1, 2, 12, usize::MAX]))),
        (1, Forget(n)),
        (2, ClearFaults),
        (25, Run(Command::Scheduled)),
        (15, Run(command(rng))),
        (
            12,
            KillAt(
                sender(rng),
                route(rng),
                *rng.pick(&[1, 1, 1, 2, 3]),
                if on { Taken::Yes } else { Taken::No },
            ),
        ),
        (3, KillAfter(sender(rng), rng.below(3000) as u64)),
        (6, During(sender(rng), route(rng), *rng.pick(&[1, 1, 2]), [meanwhile(rng), meanwhile(rng)])),
        (2, Lose(file)),
        (2, Truncate(file, rng.below(100) as u8)),
        (3, CopyState),
        (4, RestoreState(file)),
        (1, ClockBack(*rng.pick(&[1, 600, 7200]))),
        (8, Pass(*rng.pick(&[1, 5, 120, 3700, 90_000]))),
    ];
    let mut kept = choices.to_vec();
    let mut nth = 0;
    kept.retain(|(_, action)| {
        nth += 1;
        // What only the tests' own receiver has.
        let is_other =
            receiver == Receiver::Real && matches!(action, Reject(..) | Identity(Claim::SmallLimits(_)));
        !is_other && (matches!(action, Run(_)) || kinds >> nth & 1 == 1)
    });
    if receiver == Receiver::Real {
        kept.push((12, KillReceiver(*rng.pick(&[1, 1, 1, 2, 3]), rng.below(2000) as u64)));
        kept.push((12, of_the_tenant(rng, n)));
    }
    weighted(rng, &kept)
}

/// An action that bears on the tenant in which the real receiver stores a session.
fn of_the_tenant(rng: &mut Rng, n: usize) -> Action {
    let (on, form) = (rng.chance(0.5), rng.below(8));
    let choices = [
        (2, Identity(Claim::Acme(on))),
        (2, Identity(Claim::Globex(on))),
        (2, Set(Setting::Bob(on))),
        (1, Set(Setting::Globex(on))),
        (2, Set(Setting::IncludePersonal(on))),
        (2, Set(Setting::IncludeStranger(on))),
        (4, Remote(n, form)),
        (2, MoveSession(n, form)),
    ];
    weighted(rng, &choices)
}

fn project_override(rng: &mut Rng) -> ProjectOverride {
    use ProjectOverride::*;
    *rng.pick(&[Nothing, Nothing, Disabled, WithoutContent, Unreadable])
}

fn setting(rng: &mut Rng) -> Setting {
    use Setting::*;
    let on = rng.chance(0.5);
    let choices = [
        (2, ExcludeApi(on)),
        (1, IncludeStranger(on)),
        (2, IncludePersonal(on)),
        (1, Globex(on)),
        (4, Content(on)),
        (4, BatchSize(*rng.pick(&[1, 2, 5, 1000]))),
        (1, BatchBytes(*rng.pick(&[2000, 9000, 4 << 20]))),
        (2, Bob(on)),
        (2, OtherEndpoint(on)),
    ];
    weighted(rng, &choices)
}

fn claim(rng: &mut Rng) -> Claim {
    let on = rng.chance(0.5);
    *rng.pick(&[Claim::Acme(on), Claim::Globex(on), Claim::SmallLimits(on)])
}

fn route(rng: &mut Rng) -> Route {
    if rng.chance(0.2) { Route::Identity } else { Route::Batch }
}

fn code(rng: &mut Rng) -> Code {
    *rng.pick(&[Code::Validation, Code::Processing, Code::NotAccepted, Code::Conflict, Code::Moved])
}

fn fault_action(rng: &mut Rng) -> Action {
    use FaultKind::*;
    let status = *rng.pick(&[400, 400, 401, 403, 404, 408, 413, 413, 422, 425, 429, 301, 500, 502, 503]);
    let choices = [
        (12, Status(status)),
        (3, RetryAfter(if rng.chance(0.5) { 429 } else { 503 }, *rng.pick(&[1, 600, 100_000]))),
        (2, Page(*rng.pick(&[200, 400, 502]))),
        (2, CountsWrong),
        (1, CountsNothing),
        (1, NamesStranger),
        (2, Close),
        (2, Reset),
        (2, Cut),
        (3, StoredThenClose),
        (3, StoredThenReset),
        (2, StoredThenCut),
        (3, StoredThenStatus(*rng.pick(&[500, 400, 413, 401]))),
    ];
    let kind = weighted(rng, &choices);
    let times = *rng.pick(&[1, 1, 2, 3, 5, usize::MAX]);
    if rng.chance(0.01) {
        return Fault(Route::Batch, Silence, rng.below(3), 1);
    }
    Fault(route(rng), kind, rng.below(3), times)
}

/// A command that may send.
fn sender(rng: &mut Rng) -> Command {
    let n = rng.below(8);
    weighted(rng, &[(6, Command::Scheduled), (3, Command::All), (2, Command::Session(n))])
}

fn command(rng: &mut Rng) -> Command {
    use Command::*;
    let n = rng.below(8);
    let choices = [
        (30, Scheduled),
        (8, All),
        (6, Session(n)),
        (1, UnknownSession),
        (4, Hook(n)),
        (1, Preview),
        (1, Status),
        (1, Explain),
        (1, Queue),
        (2, Retry(n)),
        (4, Drop(n)),
        (1, ClearFailed),
        (2, Reset),
        (1, ResetSession(n)),
    ];
    weighted(rng, &choices)
}

fn meanwhile(rng: &mut Rng) -> Meanwhile {
    let (n, m) = (rng.below(8), rng.below(8));
    let rows = *rng.pick(&ROWS);
    let choices = [
        (4, Meanwhile::Nothing),
        (6, Meanwhile::Another(command(rng))),
        (4, Meanwhile::Grow(n, rows)),
        (2, Meanwhile::Changed(n, m as u8 % 2)),
        (1, Meanwhile::Unlinked(n)),
        (2, Meanwhile::Elsewhere(n, m)),
    ];
    weighted(rng, &choices)
}
