//! Conditions: what a person should know or do beyond a single run, each with a stable code and the command that mends it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::exporter::plan::identity_check::PendingOwner;
use crate::exporter::plan::unmatched_patterns::UnmatchedPattern;
use crate::exporter::state::lock::LockRecord;
use crate::exporter::state::{OBJECTION_PERIOD, Verification};
use crate::time;

/// Days without a proof after which the condition shows: a pass of the daily check takes as many.
const UNVERIFIED_DAYS: u64 = 30;

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

    /// Sessions that were not proven to be at the receiver for long.
    pub(super) fn unverified(verification: &Verification, now: DateTime<Utc>) -> Option<Condition> {
        let days = verification.unproven_days(now).filter(|days| *days > UNVERIFIED_DAYS)?;
        let since = verification.proven_at.or(verification.began_at);
        Some(Condition {
            code: "UNVERIFIED",
            severity: Severity::Warning,
            message: match verification.proven_at {
                Some(_) => format!("it was last proven {days} days ago that the receiver holds everything"),
                None => {
                    format!("it was not proven yet, after {days} days, that the receiver holds everything")
                }
            },
            command: "han-sync verify".to_owned(),
            since: since.map(time::format),
        })
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
