//! `sync-queue.json`: sessions that wait for a reason of their own: requested by a hook or by hand, rejected, failed or
//! dropped.
//!
//! New data needs no entry: the delta finds it. The file changes only under its own lock, as read, apply and replace, so
//! that no writer loses another writer's update.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::exporter::backoff;
use crate::exporter::config::project_override::ProjectOverrides;
use crate::exporter::error::Error;
use crate::exporter::state::atomic_file::set_aside;
use crate::exporter::state::atomic_file::{self, Loaded, Versioned};
use crate::exporter::state::lock::QueueLock;
use crate::exporter::state::tombstones::Tombstones;
use crate::protocol::code;

/// The format version of the file.
const VERSION: u32 = 1;
const NAME: &str = "sync-queue.json";
/// A session id that han has not indexed stays queued for this long.
pub const UNKNOWN_KEPT: Duration = Duration::from_secs(24 * 3600);

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// Format version of the queue.
    pub version: u32,
    /// A copy of the client id, which survives the loss of the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    /// A copy of the project overrides, which survives the loss of the state as well.
    #[serde(default, skip_serializing_if = "ProjectOverrides::is_empty")]
    pub project_overrides: ProjectOverrides,
    /// A copy of the tombstones, which survives the loss of the state as well.
    #[serde(default, skip_serializing_if = "Tombstones::is_empty")]
    pub tombstones: Tombstones,
    /// True if `all` was requested while another run held the lock.
    #[serde(default)]
    pub all_requested: bool,
    /// Pause of scheduled runs; it may be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// Time of the last call of the hook.
    #[serde(default, with = "crate::time::optional")]
    pub hook_last_run_at: Option<DateTime<Utc>>,
    /// Queue items, in no order.
    pub items: Vec<Item>,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue {
            version: VERSION,
            client: None,
            project_overrides: ProjectOverrides::default(),
            tombstones: Tombstones::default(),
            all_requested: false,
            pause: None,
            hook_last_run_at: None,
            items: Vec::new(),
        }
    }
}

impl Versioned for Queue {
    const MEMBERS: &[&str] = &["items", "allRequested"];

    fn version(&self) -> u32 {
        self.version
    }

    fn decode(document: &Arc<String>) -> serde_json::Result<Queue> {
        serde_json::from_str(document)
    }
}

/// A pause of scheduled runs, those of hooks included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Time of the command.
    pub since: DateTime<Utc>,
    /// End of the pause; `None` for one that lasts until `resume`.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
}

impl Pause {
    /// Reports whether the pause holds. A clock that was set back by more than an hour prolongs none.
    fn holds(&self, now: DateTime<Utc>) -> bool {
        let is_set_back = self.since - now > TimeDelta::from_std(backoff::CAP).unwrap_or_default();
        self.until.is_none_or(|until| now < until && !is_set_back)
    }
}

/// Copies of what the state holds and must survive its loss.
#[derive(Debug, Clone)]
pub struct StateCopy {
    /// The client of the state.
    pub client: Client,
    /// The project overrides of the state.
    pub project_overrides: ProjectOverrides,
    /// The tombstones of the state.
    pub tombstones: Tombstones,
}

/// The client id, and the fingerprint of its machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Id of the client.
    pub id: String,
    /// Fingerprint of the machine.
    pub machine: String,
}

/// A session in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Id of the session.
    pub session_id: String,
    /// Priority of the session.
    pub priority: Priority,
    /// State of the item.
    pub status: Status,
    /// Consecutive rejections.
    pub attempts: u32,
    /// Rejections among them that count towards giving up.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub final_refusals: u32,
    /// Last error, for `status`.
    pub last_error: Option<String>,
    /// Time of the next retry.
    #[serde(default, with = "crate::time::optional")]
    pub next_retry_at: Option<DateTime<Utc>>,
    /// Time at which the item was created.
    #[serde(default, with = "crate::time::optional")]
    pub enqueued_at: Option<DateTime<Utc>>,
    /// Fingerprint of the session's data when it failed or was dropped; any other fingerprint means new data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_mark: Option<String>,
}

/// The order of delivery: high before normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Before all others.
    High,
    /// In order of waiting time.
    Normal,
}

/// The condition under which an item is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In the next run, or at its next retry.
    Pending,
    /// Permanently rejected: once a day, on new data, when the identity changes, and on request.
    Failed,
    /// Dropped by the user: on new data.
    Dropped,
}

/// The permanence of a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permanence {
    /// The session is retried with its own backoff, and fails after [`backoff::REJECTIONS_MAX`] rejections.
    Temporary,
    /// The session fails at once.
    Permanent,
}

/// A change of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A session was requested; by hand `at_once`, whatever it waits for.
    Request {
        /// Id of the session.
        session_id: String,
        /// True if backoff is ignored.
        at_once: bool,
    },
    /// `all` was requested.
    RequestAll,
    /// A run took up the request for `all`.
    TakeAll,
    /// A hook ran.
    HookRan,
    /// The user pauses scheduled runs, until a time or for good.
    Pause {
        /// End of the pause.
        until: Option<DateTime<Utc>>,
    },
    /// The user ends the pause.
    Resume,
    /// The session is delivered, or stays excluded. An item that was queued again since `seen` is kept.
    Settled {
        /// Id of the session.
        session_id: String,
        /// Time of the request that was settled.
        seen: Option<DateTime<Utc>>,
    },
    /// The receiver rejected the session.
    Rejected {
        /// Id of the session.
        session_id: String,
        /// Code of the error.
        code: String,
        /// Message for people.
        message: String,
        /// Fingerprint of the session's data.
        data_mark: String,
        /// Permanence of the rejection.
        permanence: Permanence,
    },
    /// The user retries a failed session.
    Retry {
        /// Id of the session.
        session_id: String,
    },
    /// The user drops the session.
    Drop {
        /// Id of the session.
        session_id: String,
        /// Fingerprint of the session's data.
        data_mark: String,
    },
}

impl Queue {
    /// Path of the queue in its folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    /// Reads the queue; see [`State::load`](crate::exporter::state::State::load) for `repair` and `warnings`.
    pub fn load(
        folder: &Path,
        repair: Option<DateTime<Utc>>,
        warnings: &mut Vec<String>,
    ) -> Result<Queue, Error> {
        let path = Queue::path(folder);
        match atomic_file::load::<Queue>(&path, VERSION)? {
            Loaded::Found(queue) => Ok(queue),
            Loaded::Missing => Ok(Queue::default()),
            Loaded::Corrupt(why) => {
                warnings.push(set_aside(&path, &why, repair)?);
                Ok(Queue::default())
            }
            Loaded::Foreign => {
                warnings.push(atomic_file::set_foreign_aside(&path, repair)?);
                Ok(Queue::default())
            }
        }
    }

    /// Applies changes under the queue's lock, writes the file where anything changed, and returns the queue.
    pub fn update(
        folder: &Path,
        copy: Option<StateCopy>,
        changes: &[Change],
        now: DateTime<Utc>,
        warnings: &mut Vec<String>,
    ) -> Result<Queue, Error> {
        let _lock = QueueLock::acquire(folder)?;
        let before = Queue::load(folder, Some(now), warnings)?;
        let mut queue = before.clone();
        for change in changes {
            queue.apply(change, now);
        }
        if let Some(copy) = copy {
            if !queue.project_overrides.is_same_on_disk(&copy.project_overrides) {
                queue.project_overrides = copy.project_overrides;
            }
            queue.tombstones = copy.tombstones;
            if queue != before {
                queue.client = Some(copy.client);
            }
        }
        if queue != before {
            atomic_file::replace(&Queue::path(folder), &queue)?;
        }
        Ok(queue)
    }

    /// The pause that holds.
    pub fn pause_at(&self, now: DateTime<Utc>) -> Option<Pause> {
        self.pause.filter(|pause| pause.holds(now))
    }

    /// Finds the item of a session.
    pub fn item(&self, session_id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.session_id == session_id)
    }

    /// Iterates over the sessions that were requested since the queue was `seen`.
    pub fn asked_since(&self, seen: &Queue) -> impl Iterator<Item = &str> {
        let is_new = |item: &&Item| {
            item.priority == Priority::High
                && item.status == Status::Pending
                && seen.item(&item.session_id).is_none_or(|before| before.enqueued_at != item.enqueued_at)
        };
        self.items.iter().filter(is_new).map(|item| item.session_id.as_str())
    }

    /// Applies a change in memory.
    pub fn apply(&mut self, change: &Change, now: DateTime<Utc>) {
        match change {
            Change::Request { session_id, at_once } => {
                let item = self.entry(session_id, now);
                item.priority = Priority::High;
                item.enqueued_at = Some(now);
                if *at_once {
                    item.status = Status::Pending;
                    item.next_retry_at = None;
                    item.data_mark = None;
                }
            }
            Change::RequestAll => self.all_requested = true,
            Change::TakeAll => self.all_requested = false,
            Change::HookRan => self.hook_last_run_at = Some(now),
            Change::Pause { until } => self.pause = Some(Pause { since: now, until: *until }),
            Change::Resume => self.pause = None,
            Change::Settled { session_id, seen } => {
                self.items.retain(|item| item.session_id != *session_id || item.enqueued_at != *seen);
            }
            Change::Rejected { session_id, code, message, data_mark, permanence } => {
                let item = self.entry(session_id, now);
                item.attempts = item.attempts.saturating_add(1);
                item.last_error = Some(format!("{code}: {message}"));
                item.data_mark = Some(data_mark.clone());
                // An error inside the receiver lengthens the backoff, and never counts towards giving up.
                let is_final = u32::from(code != code::PROCESSING_ERROR);
                item.final_refusals = item.final_refusals.saturating_add(is_final);
                if *permanence == Permanence::Permanent || item.final_refusals >= backoff::REJECTIONS_MAX {
                    item.status = Status::Failed;
                    item.next_retry_at = Some(backoff::after(now, backoff::FAILED_RETRY_INTERVAL));
                } else {
                    item.status = Status::Pending;
                    item.next_retry_at = Some(backoff::after(now, backoff::backoff(item.attempts, 0.0)));
                }
            }
            Change::Retry { session_id } => {
                let item = self.entry(session_id, now);
                item.priority = Priority::High;
                item.status = Status::Pending;
                item.attempts = 0;
                item.final_refusals = 0;
                item.next_retry_at = None;
                item.data_mark = None;
            }
            Change::Drop { session_id, data_mark } => {
                let item = self.entry(session_id, now);
                item.priority = Priority::Normal;
                item.status = Status::Dropped;
                item.next_retry_at = None;
                item.data_mark = Some(data_mark.clone());
            }
        }
    }

    fn entry(&mut self, session_id: &str, now: DateTime<Utc>) -> &mut Item {
        let known = self.items.iter().position(|item| item.session_id == session_id);
        let index = known.unwrap_or_else(|| {
            self.items.push(Item {
                session_id: session_id.to_owned(),
                priority: Priority::Normal,
                status: Status::Pending,
                attempts: 0,
                final_refusals: 0,
                last_error: None,
                next_retry_at: None,
                enqueued_at: Some(now),
                data_mark: None,
            });
            self.items.len() - 1
        });
        &mut self.items[index]
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Item {
    /// Reports whether its data counts as pending: neither failed nor dropped, or due.
    pub fn is_waiting(&self, data_mark: &str, now: DateTime<Utc>) -> bool {
        self.status == Status::Pending || self.is_due(data_mark, now)
    }

    /// Reports whether the session is due, given the fingerprint of its data.
    pub fn is_due(&self, data_mark: &str, now: DateTime<Utc>) -> bool {
        let new_data = self.data_mark.as_deref().is_some_and(|mark| mark != data_mark);
        match self.status {
            Status::Pending => backoff::is_due(self.next_retry_at, now, backoff::CAP),
            Status::Failed => {
                new_data || backoff::is_due(self.next_retry_at, now, backoff::FAILED_RETRY_INTERVAL)
            }
            Status::Dropped => new_data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        crate::time::parse(text).unwrap()
    }

    fn refused(code: &str) -> Change {
        Change::Rejected {
            session_id: "s".into(),
            code: code.into(),
            message: "m".into(),
            data_mark: "d".into(),
            permanence: Permanence::Temporary,
        }
    }

    #[test]
    fn tenth_refusal_fails_the_session_and_new_data_revives_it() {
        let now = at("2026-01-01T00:00:00Z");
        let mut queue = Queue::default();
        for _ in 0..9 {
            queue.apply(&refused(code::VALIDATION_ERROR), now);
        }
        assert_eq!(queue.items[0].status, Status::Pending);
        queue.apply(&refused(code::VALIDATION_ERROR), now);
        let item = &queue.items[0];
        assert_eq!((item.status, item.attempts), (Status::Failed, 10));
        assert!(!item.is_due("d", at("2026-01-01T23:59:59Z")));
        assert!(item.is_due("d", at("2026-01-02T00:00:00Z")));
        assert!(item.is_due("other", now));
    }

    #[test]
    fn processing_errors_are_never_final() {
        let now = at("2026-01-01T00:00:00Z");
        let mut queue = Queue::default();
        for _ in 0..100 {
            queue.apply(&refused(code::PROCESSING_ERROR), now);
        }
        assert_eq!(queue.items[0].status, Status::Pending);
        assert_eq!(queue.items[0].next_retry_at, Some(at("2026-01-01T01:00:00Z")));
    }

    #[test]
    fn counts_of_a_damaged_file_do_not_overflow() {
        let now = at("2026-01-01T00:00:00Z");
        let mut queue = Queue::default();
        queue.apply(&refused(code::VALIDATION_ERROR), now);
        (queue.items[0].attempts, queue.items[0].final_refusals) = (u32::MAX, u32::MAX);
        queue.apply(&refused(code::VALIDATION_ERROR), now);
        let item = &queue.items[0];
        assert_eq!((item.attempts, item.final_refusals, item.status), (u32::MAX, u32::MAX, Status::Failed));
    }

    #[test]
    fn item_that_was_queued_again_outlives_an_older_delivery() {
        let (first, second) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T00:00:01Z"));
        let mut queue = Queue::default();
        let request = Change::Request { session_id: "s".into(), at_once: false };
        queue.apply(&request, first);
        queue.apply(&request, second);
        queue.apply(&Change::Settled { session_id: "s".into(), seen: Some(first) }, second);
        assert_eq!(queue.items.len(), 1);
        queue.apply(&Change::Settled { session_id: "s".into(), seen: Some(second) }, second);
        assert!(queue.items.is_empty());
    }

    #[test]
    fn pause_ends_at_its_time_and_no_clock_prolongs_it() {
        let mut queue = Queue::default();
        let now = at("2026-01-01T00:00:00Z");
        queue.apply(&Change::Pause { until: Some(at("2026-01-01T02:00:00Z")) }, now);
        let holds = |queue: &Queue, time| queue.pause_at(at(time)).is_some();
        assert!(holds(&queue, "2026-01-01T01:59:59Z") && holds(&queue, "2025-12-31T23:30:00Z"));
        assert!(!holds(&queue, "2026-01-01T02:00:00Z") && !holds(&queue, "2025-12-31T22:00:00Z"));
        queue.apply(&Change::Pause { until: None }, now);
        assert!(holds(&queue, "2030-01-01T00:00:00Z") && holds(&queue, "2020-01-01T00:00:00Z"));
        queue.apply(&Change::Resume, now);
        assert!(!holds(&queue, "2026-01-01T00:00:00Z"));
    }

    #[test]
    fn dropped_session_waits_for_new_data() {
        let now = at("2026-01-01T00:00:00Z");
        let mut queue = Queue::default();
        queue.apply(&Change::Drop { session_id: "s".into(), data_mark: "d".into() }, now);
        assert!(!queue.items[0].is_due("d", at("2027-01-01T00:00:00Z")));
        assert!(queue.items[0].is_due("e", now));
    }
}
