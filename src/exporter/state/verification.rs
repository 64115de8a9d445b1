//! Verification: what of a destination was proven to be at the receiver, and when.
//!
//! A pass verifies every eligible session once, a thirtieth of them each UTC day, in the order of their ids; so a position
//! suffices to know which were verified. A pass that is late, because the machine was off, catches up.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::protocol::StoredBatches;
use crate::time;

/// Days of a pass.
pub const PASS_DAYS: usize = 30;
/// Time over which the clients of a restored receiver spread their comparison.
const COMPARISON_SPREAD: Duration = Duration::from_secs(3600);

/// The verification of one destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Verification {
    /// Time at which everything was last proven.
    #[serde(with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub proven_at: Option<DateTime<Utc>>,
    /// Time of the first contact: what was never proven is so since then.
    #[serde(with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub began_at: Option<DateTime<Utc>>,
    /// Time of the last part of a pass.
    #[serde(with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<DateTime<Utc>>,
    /// The last session that the current pass has verified; `None` before its first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// True if the current pass has found a session that it could not mend.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_faults: bool,
    /// True if the receiver has no digests.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_unsupported: bool,
    /// Number of batches that the receiver has stored from this client, as it last said, and those acknowledged since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_batches: Option<u64>,
    /// Time from which on every session is compared, because the receiver was restored from a backup.
    #[serde(with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub compare_at: Option<DateTime<Utc>>,
}

impl Verification {
    /// Reports whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Verification::default()
    }

    /// Parts of a pass that are due: one a UTC day, from the day after the first contact on.
    pub fn parts_due(&self, now: DateTime<Utc>) -> usize {
        let Some(checked_at) = self.checked_at.or(self.began_at) else { return 0 };
        let days = (now.date_naive() - checked_at.date_naive()).num_days();
        // A clock that was set back delays nothing.
        usize::try_from(days.abs()).unwrap_or(1).min(PASS_DAYS)
    }

    /// Time from which on the next part of the pass is due.
    pub fn next_part_at(&self) -> Option<DateTime<Utc>> {
        let next_day = self.checked_at.or(self.began_at)?.date_naive().succ_opt()?;
        Some(next_day.and_time(chrono::NaiveTime::MIN).and_utc())
    }

    /// Days since everything was last proven, or since the first contact; `None` where nothing can be proven.
    pub fn unproven_days(&self, now: DateTime<Utc>) -> Option<u64> {
        let since = self.proven_at.or(self.began_at).filter(|_| !self.is_unsupported)?;
        u64::try_from((now.date_naive() - since.date_naive()).num_days()).ok()
    }

    /// Records that everything is proven.
    pub fn record_proof(&mut self, now: DateTime<Utc>) {
        self.proven_at = Some(now);
        self.position = None;
        self.has_faults = false;
        self.compare_at = None;
    }

    /// Counts a batch of which a session was stored.
    pub fn count_batch(&mut self) {
        if let Some(batches) = &mut self.stored_batches {
            *batches = batches.saturating_add(1);
        }
    }

    /// Records the count in an identity. Returns true if batches are missing that were acknowledged, so that everything has to be
    /// compared, from some time within the next hour on. `spread`: a random part of that hour, from 0 to 1.
    pub fn record_stored_batches(
        &mut self,
        said: StoredBatches,
        has_delivered: bool,
        spread: f64,
        now: DateTime<Utc>,
    ) -> bool {
        let (said, is_restored) = match (said, self.stored_batches) {
            (StoredBatches::Uncounted, _) => return false,
            (StoredBatches::Counted(said), known) => (said, known.is_some_and(|known| said < known)),
            // Having compared once with a receiver without a record, the client expects none.
            (StoredBatches::NoRecord, known) => (0, has_delivered && known != Some(0)),
        };
        self.stored_batches = Some(said);
        if is_restored && self.compare_at.is_none() {
            let wait =
                TimeDelta::from_std(COMPARISON_SPREAD.mul_f64(spread.clamp(0.0, 1.0))).unwrap_or_default();
            self.compare_at = Some(now + wait);
        }
        is_restored
    }

    /// Reports whether the comparison with a restored receiver is due. A clock that was set back delays it by an hour at most.
    pub fn comparison_is_due(&self, now: DateTime<Utc>) -> bool {
        let spread = TimeDelta::from_std(COMPARISON_SPREAD).unwrap_or_default();
        self.compare_at.is_some_and(|at| at <= now || at - now > spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        time::parse(text).unwrap()
    }

    #[test]
    fn one_part_is_due_each_day_and_those_of_missed_days_together() {
        let now = at("2026-03-10T00:01:00Z");
        let checked = |text| Verification { checked_at: Some(at(text)), ..Verification::default() };
        assert_eq!(Verification::default().parts_due(now), 0);
        let began = Verification { began_at: Some(now), ..Verification::default() };
        assert_eq!((began.parts_due(now), began.parts_due(at("2026-03-11T00:00:00Z"))), (0, 1));
        assert_eq!(checked("2026-03-10T00:00:00Z").parts_due(now), 0);
        assert_eq!(checked("2026-03-09T23:59:00Z").parts_due(now), 1);
        assert_eq!(checked("2026-03-06T23:59:00Z").parts_due(now), 4);
        assert_eq!(checked("2025-03-06T23:59:00Z").parts_due(now), PASS_DAYS);
        assert_eq!(checked("2026-03-11T00:00:00Z").parts_due(now), 1);
        assert_eq!(checked("2026-03-09T23:59:00Z").next_part_at(), Some(at("2026-03-10T00:00:00Z")));
    }

    #[test]
    fn fewer_batches_than_acknowledged_show_a_restored_receiver_once() {
        let now = at("2026-03-10T00:00:00Z");
        let mut known = Verification::default();
        assert!(
            !known.record_stored_batches(StoredBatches::NoRecord, false, 0.5, now),
            "nothing was delivered"
        );
        known.count_batch();
        assert!(!known.record_stored_batches(StoredBatches::Counted(1), true, 0.5, now));
        assert!(!known.record_stored_batches(StoredBatches::Uncounted, true, 0.5, now), "an older receiver");
        known.count_batch();
        assert!(
            !known.record_stored_batches(StoredBatches::Counted(3), true, 0.5, now),
            "one without a response"
        );
        assert!(known.record_stored_batches(StoredBatches::Counted(2), true, 0.5, now));
        assert_eq!(known.compare_at, Some(at("2026-03-10T00:30:00Z")));
        assert!(!known.comparison_is_due(now) && known.comparison_is_due(at("2026-03-10T00:30:00Z")));
        assert!(known.comparison_is_due(at("2026-03-09T00:00:00Z")), "the clock was set back");
        known.record_proof(now);
        assert!(!known.record_stored_batches(StoredBatches::Counted(2), true, 0.5, now));
        assert!(known.record_stored_batches(StoredBatches::NoRecord, true, 0.5, now), "the record is gone");
        known.record_proof(now);
        assert!(!known.record_stored_batches(StoredBatches::NoRecord, true, 0.5, now));
    }

    #[test]
    fn state_has_only_the_members_that_say_something() {
        assert_eq!(serde_json::to_string(&Verification::default()).unwrap(), "{}");
    }
}
