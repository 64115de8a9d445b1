//! The statements of ingest: what is written of a session, its rows and their sums.
//!
//! Invariant: each is one set or one row of one tenant, and says what happens when it is there already.

use super::db::{Bulk, Kind};

pub const HOME_NEW: &str = "\
    INSERT INTO homes (tenant_id, session_id, stored_in) VALUES ($1, $2, $3) \
    ON CONFLICT (tenant_id, session_id) DO NOTHING";
pub const HOME: &str = "SELECT stored_in, forgotten_at FROM homes WHERE tenant_id = $1 AND session_id = $2";
pub const RETAINED: &str = "SELECT retained_since FROM tenants WHERE tenant_id = $1";
pub const SESSION_NEW: &str = "\
    INSERT INTO sessions (tenant_id, session_id, user_id, repository, project_slug, status, slug, harness, inclusion, \
    last_modified, modified_at, total_message_count, stored_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (tenant_id, session_id) DO NOTHING";
pub const SESSION: &str = "\
    SELECT modified_at, repository, status, slug, harness, inclusion, total_message_count FROM sessions \
    WHERE tenant_id = $1 AND session_id = $2 AND user_id = $3 {update}";
pub const SESSION_CHANGED: &str = "\
    UPDATE sessions SET repository = $4, project_slug = $5, status = $6, slug = $7, harness = $8, inclusion = $9, \
    last_modified = $10, modified_at = $11, total_message_count = $12 \
    WHERE tenant_id = $1 AND session_id = $2 AND user_id = $3";
pub const SESSION_GREW: &str = "\
    UPDATE sessions SET message_count = message_count + $4 \
    WHERE tenant_id = $1 AND session_id = $2 AND user_id = $3";
pub const ACTIVITY_MOVED: &str = "\
    UPDATE activity SET repository = $4 WHERE tenant_id = $1 AND session_id = $2 AND user_id = $3";
pub const USAGES: &str = "\
    SELECT usage_id, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, at, line_number, \
    message_type, session_id, message_id, model, last_at FROM usages \
    WHERE tenant_id = $1 AND user_id = $2 AND usage_id IN {list:$3}";
pub const TASKS: &str = "\
    SELECT task_id, status, changed_at, subject, description, created_at FROM tasks \
    WHERE tenant_id = $1 AND session_id = $2 AND task_id IN {list:$3}";
pub const MESSAGES_NEW: Bulk = Bulk {
    table: "messages",
    columns: MESSAGE_COLUMNS,
    tail: "ON CONFLICT (tenant_id, session_id, message_id) DO NOTHING RETURNING message_id",
};
/// For rows that are there: content that was absent is filled in, and with it its hash.
pub const MESSAGES_FILLED: Bulk = Bulk {
    table: "messages",
    columns: MESSAGE_COLUMNS,
    tail: "ON CONFLICT (tenant_id, session_id, message_id) DO UPDATE SET content = excluded.content, \
           content_hash = excluded.content_hash, content_omitted = NULL WHERE messages.content IS NULL",
};
pub const MESSAGE_COLUMNS: &[(&str, Kind)] = &[
    ("tenant_id", Kind::Text),
    ("session_id", Kind::Text),
    ("message_id", Kind::Text),
    ("user_id", Kind::Text),
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
pub const TASKS_LATER: Bulk = Bulk {
    table: "tasks",
    columns: &[
        ("tenant_id", Kind::Text),
        ("session_id", Kind::Text),
        ("task_id", Kind::Text),
        ("user_id", Kind::Text),
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
pub const USAGES_KNOWN: Bulk = Bulk {
    table: "usages",
    columns: &[
        ("tenant_id", Kind::Text),
        ("user_id", Kind::Text),
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
    columns: &[
        ("tenant_id", Kind::Text),
        ("user_id", Kind::Text),
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
