//! The statements of ingest: what is found and what is written of sessions, their rows and their sums.
//!
//! Invariant: each is of a set of one user's rows in one tenant, and says what happens when a row is there already.

use super::rows::{ColumnType, InsertMany, SelectByKeys};

pub const RETAINED: &str = "SELECT retained_since FROM tenants WHERE tenant_id = $1";

pub const HOMES: SelectByKeys = SelectByKeys {
    table: "session_locations",
    common: &["tenant_id"],
    keys: &[("session_id", ColumnType::Text)],
    columns: "session_id, stored_in, forgotten_at",
    tail: "",
};
pub const HOMES_NEW: InsertMany = InsertMany {
    table: "session_locations",
    common: &["tenant_id", "stored_in"],
    columns: &[("session_id", ColumnType::Text)],
    tail: "ON CONFLICT (tenant_id, session_id) DO NOTHING",
};

pub const SESSIONS: SelectByKeys = SelectByKeys {
    table: "sessions",
    common: &["tenant_id", "user_id"],
    keys: &[("session_id", ColumnType::Text)],
    columns: "session_id, modified_at, repository, status, slug, harness, inclusion, total_message_count, last_modified",
    tail: "{update}",
};
const SESSION_COLUMNS: &[(&str, ColumnType)] = &[
    ("session_id", ColumnType::Text),
    ("repository", ColumnType::Text),
    ("project_slug", ColumnType::Text),
    ("status", ColumnType::Text),
    ("slug", ColumnType::Text),
    ("harness", ColumnType::Text),
    ("inclusion", ColumnType::Text),
    ("last_modified", ColumnType::Text),
    ("modified_at", ColumnType::Int),
    ("total_message_count", ColumnType::Int),
    ("message_count", ColumnType::Int),
    ("stored_at", ColumnType::Int),
];
pub const SESSIONS_NEW: InsertMany = InsertMany {
    table: "sessions",
    common: &["tenant_id", "user_id"],
    columns: SESSION_COLUMNS,
    tail: "ON CONFLICT (tenant_id, session_id) DO NOTHING RETURNING session_id",
};
/// For sessions that are there: `message_count` is what it grew by.
pub const SESSIONS_CHANGED: InsertMany = InsertMany {
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
pub const SESSIONS_GREW: InsertMany = InsertMany {
    table: "sessions",
    common: &["tenant_id", "user_id"],
    columns: SESSION_COLUMNS,
    tail: "ON CONFLICT (tenant_id, session_id) DO UPDATE SET \
           message_count = sessions.message_count + excluded.message_count",
};
pub const METRICS_MOVED: &str = "\
    UPDATE metrics SET repository = $4 WHERE tenant_id = $1 AND session_id = $2 AND user_id = $3";

pub const MESSAGES: SelectByKeys = SelectByKeys {
    table: "messages",
    common: &["tenant_id"],
    keys: &[("session_id", ColumnType::Text), ("message_id", ColumnType::Text)],
    columns: "session_id, message_id, content IS NULL",
    tail: "",
};
pub const MESSAGES_NEW: InsertMany = InsertMany {
    table: "messages",
    common: &["tenant_id", "user_id"],
    columns: MESSAGE_COLUMNS,
    tail: "ON CONFLICT (tenant_id, session_id, message_id) DO NOTHING RETURNING session_id, message_id",
};
/// For sessions that the transaction has stored itself: not to look whether a message is there takes PostgreSQL a quarter
/// less time. One that is there all the same is an error.
pub const MESSAGES_FIRST: InsertMany = InsertMany { tail: "", ..MESSAGES_NEW };
/// For rows that are there: content that was absent is filled in, and with it its hash.
pub const MESSAGES_FILLED: InsertMany = InsertMany {
    tail: "ON CONFLICT (tenant_id, session_id, message_id) DO UPDATE SET content = excluded.content, \
           content_hash = excluded.content_hash, content_omitted = NULL WHERE messages.content IS NULL",
    ..MESSAGES_NEW
};
const MESSAGE_COLUMNS: &[(&str, ColumnType)] = &[
    ("session_id", ColumnType::Text),
    ("message_id", ColumnType::Text),
    ("stream", ColumnType::Text),
    ("line_number", ColumnType::Int),
    ("message_type", ColumnType::Text),
    ("\"timestamp\"", ColumnType::Text),
    ("at", ColumnType::Int),
    ("content_hash", ColumnType::Text),
    ("content", ColumnType::Text),
    ("input_tokens", ColumnType::Int),
    ("output_tokens", ColumnType::Int),
    ("cache_read_tokens", ColumnType::Int),
    ("cache_creation_tokens", ColumnType::Int),
    ("agent_id", ColumnType::Text),
    ("parent_id", ColumnType::Text),
    ("role", ColumnType::Text),
    ("tool_name", ColumnType::Text),
    ("model", ColumnType::Text),
    ("usage_id", ColumnType::Text),
    ("lines_added", ColumnType::Int),
    ("lines_removed", ColumnType::Int),
    ("files_changed", ColumnType::Int),
    ("content_omitted", ColumnType::Bool),
];

pub const TASKS: SelectByKeys = SelectByKeys {
    table: "tasks",
    common: &["tenant_id"],
    keys: &[("session_id", ColumnType::Text), ("task_id", ColumnType::Text)],
    columns: "session_id, task_id, status, changed_at, subject, description, created_at",
    tail: "",
};
pub const TASKS_LATER: InsertMany = InsertMany {
    table: "tasks",
    common: &["tenant_id", "user_id"],
    columns: &[
        ("session_id", ColumnType::Text),
        ("task_id", ColumnType::Text),
        ("subject", ColumnType::Text),
        ("description", ColumnType::Text),
        ("status", ColumnType::Text),
        ("created_at", ColumnType::Text),
        ("updated_at", ColumnType::Text),
        ("changed_at", ColumnType::Int),
    ],
    tail: "ON CONFLICT (tenant_id, session_id, task_id) DO UPDATE SET subject = excluded.subject, \
           description = excluded.description, status = excluded.status, created_at = excluded.created_at, \
           updated_at = excluded.updated_at, changed_at = excluded.changed_at, pruned = FALSE",
};

pub const USAGES: SelectByKeys = SelectByKeys {
    table: "usages",
    common: &["tenant_id", "user_id"],
    keys: &[("usage_id", ColumnType::Text)],
    columns: "usage_id, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, at, line_number, \
              message_type, session_id, message_id, model, last_at",
    tail: "",
};
/// Of answers that were looked for and are not there. One that is there all the same is an error.
pub const USAGES_NEW: InsertMany = InsertMany { tail: "", ..USAGES_NOW };
/// With all fields as they are to be.
pub const USAGES_NOW: InsertMany = InsertMany {
    table: "usages",
    common: &["tenant_id", "user_id"],
    columns: &[
        ("usage_id", ColumnType::Text),
        ("input_tokens", ColumnType::Int),
        ("output_tokens", ColumnType::Int),
        ("cache_read_tokens", ColumnType::Int),
        ("cache_creation_tokens", ColumnType::Int),
        ("at", ColumnType::Int),
        ("line_number", ColumnType::Int),
        ("message_type", ColumnType::Text),
        ("session_id", ColumnType::Text),
        ("message_id", ColumnType::Text),
        ("model", ColumnType::Text),
        ("last_at", ColumnType::Int),
    ],
    tail: "ON CONFLICT (tenant_id, user_id, usage_id) DO UPDATE SET input_tokens = excluded.input_tokens, \
           output_tokens = excluded.output_tokens, cache_read_tokens = excluded.cache_read_tokens, \
           cache_creation_tokens = excluded.cache_creation_tokens, at = excluded.at, \
           line_number = excluded.line_number, message_type = excluded.message_type, \
           session_id = excluded.session_id, message_id = excluded.message_id, model = excluded.model, \
           last_at = excluded.last_at",
};

/// Gives back the largest of each row's sums as they now are, so that they can be held to their bound.
pub const METRICS_ADDED: InsertMany = InsertMany {
    table: "metrics",
    common: &["tenant_id", "user_id"],
    columns: &[
        ("session_id", ColumnType::Text),
        ("day", ColumnType::Int),
        ("model", ColumnType::Text),
        ("message_type", ColumnType::Text),
        ("repository", ColumnType::Text),
        ("messages", ColumnType::Int),
        ("input_tokens", ColumnType::Int),
        ("output_tokens", ColumnType::Int),
        ("cache_read_tokens", ColumnType::Int),
        ("cache_creation_tokens", ColumnType::Int),
        ("lines_added", ColumnType::Int),
        ("lines_removed", ColumnType::Int),
        ("tasks_completed", ColumnType::Int),
    ],
    tail: "ON CONFLICT (tenant_id, user_id, session_id, day, model, message_type) DO UPDATE SET \
           messages = metrics.messages + excluded.messages, \
           input_tokens = metrics.input_tokens + excluded.input_tokens, \
           output_tokens = metrics.output_tokens + excluded.output_tokens, \
           cache_read_tokens = metrics.cache_read_tokens + excluded.cache_read_tokens, \
           cache_creation_tokens = metrics.cache_creation_tokens + excluded.cache_creation_tokens, \
           lines_added = metrics.lines_added + excluded.lines_added, \
           lines_removed = metrics.lines_removed + excluded.lines_removed, \
           tasks_completed = metrics.tasks_completed + excluded.tasks_completed \
           RETURNING {greatest}(input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, lines_added, \
           lines_removed)",
};
