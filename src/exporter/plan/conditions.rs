//! Conditions: what a person should know or do beyond a single run, as one table.
//!
//! A row of the table has a stable code, a severity, the time for which the condition has to last before it shows, one
//! sentence and the command that mends it. `doctor`, `status`, the log of a run and the wire take their conditions from
//! here; `{}` stands for the detail in a sentence, and for the object in a command.

use std::fmt;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::shell::shell_quoted;
use crate::time;

/// Severity of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing can be sent until it is mended.
    Error,
    /// Something is not sent, or soon will not be.
    Warning,
    /// As the user wants it.
    Info,
}

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct ConditionKind {
    /// Stable code.
    pub code: &'static str,
    /// Severity.
    pub severity: Severity,
    /// Time for which it has to last before it shows, except in `doctor`.
    pub lasts: TimeDelta,
    sentence: &'static str,
    command: &'static str,
}

impl ConditionKind {
    /// The command that mends it, unless the command names a place on its machine.
    pub fn fixed_command(&self) -> Option<&'static str> {
        (!self.command.contains(['{', '$'])).then_some(self.command)
    }
}

/// Declares the table: a constant for each row, and the list of all.
macro_rules! conditions {
    ($($code:ident $severity:ident $hours:literal h, $sentence:literal, $command:literal;)*) => {
        $(
            #[doc = concat!("Row of the table: `", stringify!($code), "`.")]
            pub const $code: ConditionKind = ConditionKind {
                code: stringify!($code),
                severity: Severity::$severity,
                lasts: TimeDelta::hours($hours),
                sentence: $sentence,
                command: $command,
            };
        )*
        /// All rows.
        pub const TABLE: &[&ConditionKind] = &[$(&$code),*];
    };
}

conditions! {
    CONFIG_INVALID       Error   0 h, "{}", "${EDITOR:-vi} {}";
    NOT_ENABLED          Warning 0 h, "sync is off: enabled is false in {}", "{}";
    NO_ENDPOINT          Error   0 h, "no receiver is named in {}", "han-sync init";
    NO_KEY               Error   0 h, "there is no key in {}", "han-sync login";
    KEY_FILE_READABLE    Warning 0 h, "{} holds the key and can be read by others", "chmod 600 {}";
    CONFIG_WARNING       Warning 0 h, "{}", "${EDITOR:-vi} {}";
    STATE_UNWRITABLE     Error   0 h, "the state folder {}", "{}";
    OTHER_SYNC           Warning 0 h, "another program, such as han's own sync, has written {}; turn that program's sync off", "rm {}";
    LOCK_STUCK           Warning 0 h, "{}", "{}";
    NO_DATABASE          Error   0 h, "{}", "han reindex";
    DATABASE_STALE       Warning 1 h, "han has not indexed the end of {}", "han reindex";
    KEY_REFUSED          Error   0 h, "the receiver refuses the key: {}", "{}";
    KEY_EXPIRES_SOON     Warning 0 h, "the key ends on {}", "han-sync login";
    NOT_A_RECEIVER       Error   0 h, "{}", "${EDITOR:-vi} {}";
    TLS_UNTRUSTED        Error   0 h, "{}", "${EDITOR:-vi} {}";
    PROXY_FAILED         Warning 1 h, "{}", "${EDITOR:-vi} {}";
    ENDPOINT_UNREACHABLE Warning 24 h, "{}", "han-sync all";
    CLOCK_SKEW           Warning 0 h, "the clock of this machine is {} the receiver's", "{}";
    SCHEDULE_MISSING     Warning 0 h, "no schedule of this user starts han-sync", "han-sync install";
    SCHEDULE_SILENT      Warning 0 h, "the schedule has started no run since {}", "{}";
    HOOK_MISSING         Warning 0 h, "the agent's settings have no han-sync hook{}", "han-sync install";
    HOOK_SILENT          Warning 0 h, "sessions have ended since {}, and no hook has come", "han-sync install";
    OVERDUE              Warning 0 h, "data has been pending since {}", "han-sync all";
    SESSIONS_FAILED      Warning 0 h, "the receiver has refused {} for good", "han-sync all";
    NEW_OWNER            Warning 0 h, "{}", "han-sync init";
    NOTHING_ELIGIBLE     Warning 0 h, "none of {} may leave this machine", "han-sync explain";
    PATTERN_UNMATCHED    Warning 0 h, "{}", "${EDITOR:-vi} {}";
    FOLDER_UNREADABLE    Warning 1 h, "the sessions of {} wait, because it cannot be inspected", "{}";
    FOLDER_PROTECTED     Warning 0 h, "macOS keeps scheduled runs from reading projects in {}, whose sessions wait; add han-sync below Full Disk Access", "open 'x-apple.systempreferences:com.apple.preference.security?Privacy_AllFiles'";
    UNVERIFIED           Warning 0 h, "{}", "han-sync verify";
    PAUSED               Info    0 h, "scheduled runs and hooks are paused {}", "han-sync resume";
}

/// A condition that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Code of the row.
    pub code: &'static str,
    /// Severity of the row.
    pub severity: Severity,
    /// Sentence for people.
    pub message: String,
    /// Command that mends it, or shows more.
    pub command: String,
    /// Time since which it holds; `None` where it is not known.
    #[serde(serialize_with = "time::optional::serialize")]
    pub since: Option<DateTime<Utc>>,
    #[serde(skip)]
    lasts: TimeDelta,
}

impl Condition {
    /// A condition of a row. `detail` goes into the sentence, `object` into the command.
    pub fn new(kind: &ConditionKind, detail: impl fmt::Display, object: impl fmt::Display) -> Condition {
        Condition {
            code: kind.code,
            severity: kind.severity,
            message: kind.sentence.replacen("{}", &detail.to_string(), 1),
            command: kind.command.replacen("{}", &object.to_string(), 1),
            since: None,
            lasts: kind.lasts,
        }
    }

    /// The same condition since a time.
    #[must_use]
    pub fn since(self, since: Option<DateTime<Utc>>) -> Condition {
        Condition { since, ..self }
    }

    /// Reports whether the condition has lasted for long enough. A clock that was set back hides none.
    pub fn shows(&self, now: DateTime<Utc>) -> bool {
        self.since.is_none_or(|since| (now - since).abs() >= self.lasts)
    }
}

/// Quotes a path for the commands of conditions.
pub fn quoted(path: &Path) -> String {
    shell_quoted(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_of_the_contract() {
        let errors: Vec<&str> =
            TABLE.iter().filter(|kind| kind.severity == Severity::Error).map(|kind| kind.code).collect();
        assert_eq!(
            errors,
            [
                "CONFIG_INVALID",
                "NO_ENDPOINT",
                "NO_KEY",
                "STATE_UNWRITABLE",
                "NO_DATABASE",
                "KEY_REFUSED",
                "NOT_A_RECEIVER",
                "TLS_UNTRUSTED"
            ]
        );
    }

    #[test]
    fn condition_shows_after_its_time() {
        let now = DateTime::UNIX_EPOCH;
        let condition = Condition::new(&ENDPOINT_UNREACHABLE, "down", "").since(Some(now));
        assert!(!condition.shows(now + TimeDelta::hours(23)));
        assert!(condition.shows(now + TimeDelta::hours(24)));
        assert!(Condition::new(&NO_KEY, "han.yml", "han.yml").shows(now));
    }
}
