//! A due session: a session that has a delta and that the run sends, with the constraints that earlier batches of the run
//! put on the next one.
//!
//! The delivery takes due sessions from the front of a list; a session leaves the list once its delta is acknowledged or
//! the receiver has rejected it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

/// A session to send.
#[derive(Debug, Clone)]
pub struct DueSession {
    /// Id of the session.
    pub session_id: String,
    /// The time at which its queue item was enqueued; `None` without an item.
    pub enqueued_at: Option<DateTime<Utc>>,
    /// Fingerprint of the data of the session at the scan.
    pub data_mark: String,
    /// Row ids of the messages that the receiver rejected in this run, each by itself.
    pub rejected_rows: BTreeSet<i64>,
    /// Hashes of the tasks that the receiver rejected in this run, each by itself.
    pub rejected_tasks: BTreeSet<u64>,
    /// Messages that the receiver rejected, each by itself, since it last accepted any of the session.
    pub rejected_in_succession: usize,
    /// True if the receiver rejected any of the session in this run.
    pub is_rejected: bool,
    /// Row ids of the messages to send without content, whose content may be the cause of a rejection or a cut.
    pub omit_content: BTreeSet<i64>,
    /// True if fields and tasks go into other batches than messages, so that bisection can tell them apart.
    pub apart: bool,
    /// True if a message or task of the session may be the cause of faults: the session goes last and alone, one message
    /// or task at a time.
    pub is_set_aside: bool,
}

impl DueSession {
    /// Creates a session without rejections.
    pub fn new(session_id: String, enqueued_at: Option<DateTime<Utc>>, data_mark: String) -> DueSession {
        DueSession {
            session_id,
            enqueued_at,
            data_mark,
            rejected_rows: BTreeSet::new(),
            rejected_tasks: BTreeSet::new(),
            rejected_in_succession: 0,
            is_rejected: false,
            omit_content: BTreeSet::new(),
            apart: false,
            is_set_aside: false,
        }
    }

    /// Sets the session aside.
    pub fn set_aside(&mut self) {
        self.is_set_aside = true;
        self.apart = true;
    }
}
