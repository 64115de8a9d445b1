//! Inputs of a batch: the context of a run, the eligible session, and the limits.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::exporter::batch::content_filter::ContentFilter;
use crate::exporter::batch::workers::Workers;
use crate::exporter::config::ToolNames;
use crate::exporter::plan::delta::SessionFields;
use crate::exporter::plan::pull_request::RepositoryRules;

/// Inputs of a batch beside its sessions.
#[derive(Debug)]
pub struct BatchContext<'a> {
    /// Id of the client.
    pub client_id: &'a str,
    /// User of the destination, from the identity.
    pub user_id: &'a str,
    /// Inputs of all messages.
    pub messages: &'a Arc<MessageContext>,
    /// Present where several threads read rows.
    pub reading_ahead: Option<ReadingAhead<'a>>,
    /// Older messages are neither sent nor accepted.
    pub retained_since: Option<DateTime<Utc>>,
    /// Highest row id that the scan read.
    pub watermark: i64,
    /// Rules for the repositories of pull requests; none where no session is added.
    pub rules: Option<RepositoryRules<'a>>,
}

/// Reading ahead of the batch.
#[derive(Debug, Clone, Copy)]
pub struct ReadingAhead<'a> {
    /// The threads that read.
    pub workers: &'a Workers,
    /// Bytes of a message in the batch before, on average.
    pub bytes_per_message: usize,
}

/// Values that all messages of a run have in common.
#[derive(Debug)]
pub struct MessageContext {
    /// Key of the hashes of content that is not sent.
    pub secret: String,
    /// Present where content may leave.
    pub content_filter: Option<Arc<ContentFilter>>,
    /// Names of tools that are sent.
    pub tool_names: ToolNames,
}

/// A session that may leave the machine.
#[derive(Debug, Clone)]
pub struct EligibleSession {
    /// Session fields as they are sent.
    pub fields: SessionFields,
    /// True if the content of its messages and tasks may leave, too.
    pub include_content: bool,
    /// True if the git branch of its messages may leave, too.
    pub include_branch: bool,
    /// Rows that the receiver rejected in this run, each by itself; this run does not try them again.
    pub rejected_rows: BTreeSet<i64>,
    /// Hashes of tasks, as [`rejected_rows`](EligibleSession::rejected_rows).
    pub rejected_tasks: BTreeSet<u64>,
    /// Rows that go without content, which may be the cause of a rejection or a cut.
    pub omit_content: BTreeSet<i64>,
    /// Send fields and tasks apart from messages, to find which of them the receiver rejects.
    pub apart: bool,
}

/// Limits of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Sessions per batch.
    pub sessions: usize,
    /// Messages per batch.
    pub messages: usize,
    /// Tasks per batch.
    pub tasks: usize,
    /// Uncompressed bytes; a message that exceeds them goes alone.
    pub bytes: usize,
    /// Uncompressed bytes that the receiver accepts; a message that exceeds them alone goes without content.
    pub bytes_max: usize,
}
