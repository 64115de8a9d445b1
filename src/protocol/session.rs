//! A session on the wire, with its tasks.

use serde::{Deserialize, Serialize};

use crate::protocol::message::SyncMessage;

/// A session, or a chunk of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncSession {
    /// Id of the session.
    pub id: String,
    /// The last segment of the repository; never han's own slug, which is a local path.
    pub project_slug: String,
    /// `https://host/owner/repo`, normalized and without credentials when it comes from this exporter.
    pub repo_remote: String,
    /// Status, as the source has it.
    pub status: String,
    /// Short name of the session, where it has one.
    pub slug: Option<String>,
    /// New messages of the session.
    pub messages: Vec<SyncMessage>,
    /// New and changed tasks of the session.
    pub tasks: Vec<SyncTask>,
    /// RFC 3339: the latest of the newest message's time, the newest task's `updatedAt`, and the time at which the
    /// exporter first saw the session's fields as they are.
    pub last_modified: String,
    /// Messages of the session in the source, sent or not.
    #[serde(default)]
    pub total_message_count: Option<i64>,
    /// Rule that made the session eligible. Clients of other makes leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusion: Option<Inclusion>,
    /// The coding agent, as han names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<String>,
    /// Number of the session's pull request; only in sessions of an organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_number: Option<i64>,
    /// Address of the pull request, without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_url: Option<String>,
    /// Name of the team that the session belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_name: Option<String>,
}

/// Rule of the privacy filter that made a session eligible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inclusion {
    /// The owner is an organization of the user.
    Organization,
    /// The owner is an own account, with `includePersonal`.
    Personal,
    /// A pattern of `forceInclude` matches.
    ForcedInclude,
}

impl Inclusion {
    /// Name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Inclusion::Organization => "organization",
            Inclusion::Personal => "personal",
            Inclusion::ForcedInclude => "forced_include",
        }
    }
}

/// A task: a row of han's `native_tasks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncTask {
    /// Id of the task.
    pub id: String,
    /// The same as `id`.
    #[serde(default)]
    pub task_id: String,
    /// Empty without `includeContent`.
    #[serde(default)]
    pub subject: String,
    /// Null without `includeContent`.
    #[serde(default)]
    pub description: Option<String>,
    /// `pending`, `in_progress` or `completed`.
    pub status: String,
    /// Time of creation.
    pub created_at: String,
    /// Time of the last change.
    pub updated_at: String,
}
