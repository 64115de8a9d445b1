//! The tables of sessions, their rows, their aggregates and their clients: one file for each, with its statements.
//!
//! Invariants: a reader sees only tenants that are the reader's, and there the own rows unless the reader is an admin; a
//! list of sessions, messages or clients has an order that no later write changes, so that keyset pagination neither skips
//! nor repeats a row. Tasks are ordered by their creation, which a later version may correct.

mod session_locations;

mod usages;

mod metrics;

mod metrics_groups;

mod metrics_query;

mod sessions;

mod messages;

mod tasks;

mod conflicts;

mod clients;

pub use clients::{BatchRecord, ClientPosition, ClientQuery, ClientState, ClientStatus};
pub use conflicts::{ClientError, rejected_logins, resolving_command};
pub use messages::{
    INSERT_FIRST_MESSAGES, INSERT_MESSAGES, MessagePage, MessagePosition, REPLACE_MESSAGES, StoredMessage,
    StoredVersion, fill_timestamp, push_merged, push_message, session_messages, session_versions,
    stored_versions, usage_messages,
};
pub use metrics::{SET_METRICS_LABELS, SessionLabels, add_to_metrics, stored_sums};
pub use metrics_groups::{Grouping, MetricDimension, MetricsRow};
pub use metrics_query::{MetricsFilter, MetricsQuery};
pub use session_locations::{
    ForgettableSession, INSERT_LOCATIONS, SessionLocation, forgettable_sessions, move_location, no_session,
    remove_tombstone, remove_tombstones, session_location, session_locations, set_tombstones,
    tenants_with_sessions,
};
pub use sessions::{
    GROW_SESSIONS, INSERT_SESSIONS, SessionKey, SessionPosition, SessionQuery, SessionVersion, StoredFields,
    StoredSession, UPDATE_SESSIONS, read_pull_request, session_fields, session_repository,
};
pub use tasks::{
    StoredTask, TaskFields, TaskPage, TaskPosition, TaskVersion, UPSERT_TASKS, session_tasks, task_fields,
};
pub use usages::{INSERT_USAGES, UPSERT_USAGES, delete_usages, push_usage, stored_usages, user_usages};
