//! The statements of ingest: what is found and what is written of sessions, their rows and their sums.
//!
//! Invariant: each is of a set of one user's rows in one tenant, and says what happens when a row is there already.

use super::set::{Bulk, Kind, Lookup};

pub const RETAINED: &str = "SELECT retained_since FROM tenants WHERE tenant_id = $1";

pub const HOMES: Lookup = Lookup {
    table: "homes",
    common: &["tenant_id"],
    keys: &[("session_id", Kind::Text)],
    columns: "session_id, stored_in, forgotten_at",
    tail: "",
};
pub const HOMES_NEW: Bulk = Bulk {
    table: "homes",
    common: &["tenant_id", "stored_in"],
    columns: &[("session_id", Kind::Text)],
    tail: "ON CONFLICT (tenant_id, session_id) DO NOTHING",
};

pub const SESSIONS: Lookup = Lookup {
    table: "sessions",
    common: &["tenant_id", "user_id"],
    keys: &[("session_id", Kind::Text)],
    columns: "session_id, modified_at, repository, status, slug, harness, inclusion, total_message_count, last_modified",
    tail: "{update}",
};
const SESSION_COLUMNS: &[(&str, Kind)] = &[
    ("session_id", Kind::Text),
    ("repository", Kind::Text),
    ("project_slug", Kind::Text),
    ("status", Kind::Text),
    ("slug", Kind::Text),
    ("harness", Kind::Text),
    ("inclusion", Kind::Text),
    ("last_modified", Kind::Text),
    ("modified_at", Kind::Int),
    ("total_message_count", Kind::Int),
    ("message_count", Kind::Int),
    ("stored_at", Kind::Int),
];
pub const SESSIONS_NEW: Bulk = Bulk {
    table: "sessions",
    common: &["tenant_id", "user_id"],
    columns: SESSION_COLUMNS,
    tail: "ON CONFLICT (tenant_id, session_id) DO NOTHING RETURNING session_id",
};
/// For sessions that are there: `message_count` is what it grew by.
pub const SESSIONS_CHANGED: Bulk = Bulk {
    table: "sessions",
    common: &["tenant_id", "user_id"],
    columns: SESSION_COLUMNS,
    tail: "ON CONFLICT (tenant_id, session_id) DO UPDATE SET repository = excluded.repository, \
           project_slug = excluded.project_slug, status = excluded.status, slug = excluded.slug, \
           harness = excluded.harness, inclusion = excluded.inclusion, last_modified = excluded.last_modified, \
           modified_at = excluded.modified_at, total_message_count = excluded.total_message_count, \
           message_count = sessions.message_count + excluded.message_count",
};
/// As [`SESSIONS_CHANGED`], of sessions whose fields are as they were or were sent too late to count.
pub const SESSIONS_GREW: Bulk = Bulk {
    table: "sessions",
    common: &["tenant_id", "user_id"],
    columns: SESSION_COLUMNS,
    tail: "ON CONFLICT (tenant_id, session_id) DO UPDATE SET \
           message_count = sessions.message_count + excluded.message_count",
};
pub const ACTIVITY_MOVED: &str = "\
    UPDATE activity SET repository = $4 WHERE tenant_id = $1 AND session_id = $2 AND user_id = $3";

pub const MESSAGES: Lookup = Lookup {
    table: "messages",
    common: &["tenant_id"],
    keys: &[("session_id", Kind::Text), ("message_id", Kind::Text)],
    columns: "session_id, message_id, content IS NULL",
    tail: "",
};
pub const MESSAGES_NEW: Bulk = Bulk {
    table: "messages",
    common: &["tenant_id", "user_id"],
    columns: MESSAGE_COLUMNS,
    tail: "ON CONFLICT (tenant_id, session_id, message_id) DO NOTHING RETURNING session_id, message_id",
};
/// For sessions that the transaction has stored itself: not to look whether a message is there takes PostgreSQL a quarter
/// less time. One that is there all the same is an error.
pub const MESSAGES_FIRST: Bulk = Bulk { tail: "", ..MESSAGES_NEW };
/// For rows that are there: content that was absent is filled in, and with it its hash.
pub const MESSAGES_FILLED: Bulk = Bulk {
    tail: "ON CONFLICT (tenant_id, session_id, message_id) DO UPDATE SET content = excluded.content, \
           content_hash = excluded.content_hash, content_omitted = NULL WHERE messages.content IS NULL",
    ..MESSAGES_NEW
};
const MESSAGE_COLUMNS: &[(&str, Kind)] = &[
    ("session_id", Kind::Text),
    ("message_id", Kind::Text),
    ("stream", Kind::Text),
    ("line_number", Kind::Int),
    ("message_type", Kind::Text),
    ("\"timestamp\"", Kind::Text),
    ("at", Kind::Int),
    ("content_hash", Kind::Text),
    ("content", Kind::Text),
    ("input_tokens", Kind::Int),
    ("output_tokens", Kind::Int),
    ("cache_read_tokens", Kind::Int),
    ("cache_creation_tokens", Kind::Int),
    ("agent_id", Kind::Text),
    ("parent_id", Kind::Text),
    ("role", Kind::Text),
    ("tool_name", Kind::Text),
    ("model", Kind::Text),
    ("usage_id", Kind::Text),
    ("lines_added", Kind::Int),
    ("lines_removed", Kind::Int),
    ("files_changed", Kind::Int),
    ("content_omitted", Kind::Bool),
];

pub const TASKS: Lookup = Lookup {
    table: "tasks",
    common: &["tenant_id"],
    keys: &[("session_id", Kind::Text), ("task_id", Kind::Text)],
    columns: "session_id, task_id, status, changed_at, subject, description, created_at",
    tail: "",
};
pub const TASKS_LATER: Bulk = Bulk {
    table: "tasks",
    common: &["tenant_id", "user_id"],
    columns: &[
        ("session_id", Kind::Text),
        ("task_id", Kind::Text),
        ("subject", Kind::Text),
        ("description", Kind::Text),
        ("status", Kind::Text),
        ("created_at", Kind::Text),
        ("updated_at", Kind::Text),
        ("changed_at", Kind::Int),
    ],
    tail: "ON CONFLICT (tenant_id, session_id, task_id) DO UPDATE SET subject = excluded.subject, \
           description = excluded.description, status = excluded.status, created_at = excluded.created_at, \
           updated_at = excluded.updated_at, changed_at = excluded.changed_at, pruned = FALSE",
};

pub const USAGES: Lookup = Lookup {
    table: "usages",
    common: &["tenant_id", "user_id"],
    keys: &[("usage_id", Kind::Text)],
    columns: "usage_id, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, at, line_number, \
              message_type, session_id, message_id, model, last_at",
    tail: "",
};
/// Of answers that were looked for and are not there. One that is there all the same is an error.
pub const USAGES_NEW: Bulk = Bulk { tail: "", ..USAGES_NOW };
/// With all fields as they are to be.
pub const USAGES_NOW: Bulk = Bulk {
    table: "usages",
    common: &["tenant_id", "user_id"],
    columns: &[
        ("usage_id", Kind::Text),
        ("input_tokens", Kind::Int),
        ("output_tokens", Kind::Int),
        ("cache_read_tokens", Kind::Int),
        ("cache_creation_tokens", Kind::Int),
        ("at", Kind::Int),
        ("line_number", Kind::Int),
        ("message_type", Kind::Text),
        ("session_id", Kind::Text),
        ("message_id", Kind::Text),
        ("model", Kind::Text),
        ("last_at", Kind::Int),
    ],
    tail: "ON CONFLICT (tenant_id, user_id, usage_id) DO UPDATE SET input_tokens = excluded.input_tokens, \
           output_tokens = excluded.output_tokens, cache_read_tokens = excluded.cache_read_tokens, \
           cache_creation_tokens = excluded.cache_creation_tokens, at = excluded.at, \
           line_number = excluded.line_number, message_type = excluded.message_type, \
           session_id = excluded.session_id, message_id = excluded.message_id, model = excluded.model, \
           last_at = excluded.last_at",
};

/// Gives back the largest of each row's sums as they now are, so that they can be held to their bound.
pub const ACTIVITY_ADDED: Bulk = Bulk {
    table: "activity",
    common: &["tenant_id", "user_id"],
    columns: &[
        ("session_id", Kind::Text),
        ("day", Kind::Int),
        ("model", Kind::Text),
        ("message_type", Kind::Text),
        ("repository", Kind::Text),
        ("messages", Kind::Int),
        ("input_tokens", Kind::Int),
        ("output_tokens", Kind::Int),
        ("cache_read_tokens", Kind::Int),
        ("cache_creation_tokens", Kind::Int),
        ("lines_added", Kind::Int),
        ("lines_removed", Kind::Int),
        ("tasks_completed", Kind::Int),
    ],
    tail: "ON CONFLICT (tenant_id, user_id, session_id, day, model, message_type) DO UPDATE SET \
           messages = activity.messages + excluded.messages, \
           input_tokens = activity.input_tokens + excluded.input_tokens, \
           output_tokens = activity.output_tokens + excluded.output_tokens, \
           cache_read_tokens = activity.cache_read_tokens + excluded.cache_read_tokens, \
           cache_creation_tokens = activity.cache_creation_tokens + excluded.cache_creation_tokens, \
           lines_added = activity.lines_added + excluded.lines_added, \
           lines_removed = activity.lines_removed + excluded.lines_removed, \
           tasks_completed = activity.tasks_completed + excluded.tasks_completed \
           RETURNING {greatest}(input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, lines_added, \
           lines_removed)",
};
