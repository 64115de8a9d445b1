//! Conditions: what a person should know or do beyond a single run, each with a stable code and the command that mends it.

use serde::Serialize;

use crate::exporter::plan::identity_check::PendingOwner;
use crate::exporter::plan::unmatched_patterns::UnmatchedPattern;
use crate::exporter::state::OBJECTION_PERIOD;
use crate::exporter::state::lock::LockRecord;
use crate::time;

/// A condition in the JSON document of `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Condition {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    pub(super) message: String,
    /// Command that mends it, or shows more.
    pub(super) command: String,
    /// RFC 3339; `None` where it is not known.
    pub(super) since: Option<String>,
}

/// Severity of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    Warning,
}

impl Condition {
    /// A lock that is held for longer than any run may last.
    pub(super) fn lock_stuck(holder: &LockRecord, message: String) -> Condition {
        Condition {
            code: "LOCK_STUCK",
            severity: Severity::Warning,
            message,
            command: holder.remedy(),
            since: Some(time::format(holder.since)),
        }
    }

    /// An owner that the receiver named less than a day ago.
    pub(super) fn new_owner(pending: &PendingOwner) -> Condition {
        Condition {
            code: "NEW_OWNER",
            severity: Severity::Warning,
            message: pending.to_string(),
            command: "han-sync explain".to_owned(),
            since: Some(time::format(pending.effective_at - OBJECTION_PERIOD)),
        }
    }

    /// A pattern without effect.
    pub(super) fn pattern_unmatched(pattern: &UnmatchedPattern) -> Condition {
        Condition {
            code: "PATTERN_UNMATCHED",
            severity: Severity::Warning,
            message: pattern.to_string(),
            command: "han-sync explain".to_owned(),
            since: None,
        }
    }
}
