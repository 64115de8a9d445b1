//! The store of the team's data, on SQLite or PostgreSQL, and everything that is asked of it.
//!
//! Invariants: nobody reads or writes a tenant that is not theirs, by the `WHERE` of every statement and, in PostgreSQL,
//! by row-level security as well; a batch is stored in one transaction together with its aggregates.

/// Errors, sorted by what can be done about them.
mod error;

/// SQL as both databases take it.
mod sql;

/// SQLite and PostgreSQL behind one interface.
mod database;

/// Locks of users.
mod user_locks;

/// The opened store, retries.
mod open;

/// The audit log.
mod audit;

/// Organizations, users, memberships, owners, keys.
mod directory;

/// Sessions and their rows, aggregates, clients: one file for each table.
mod tables;

/// The upsert of one batch.
mod write;

/// Digests of sessions.
mod digests;

/// Deleting sessions for good, and their tombstones.
mod forget;

/// Pruning of old messages.
mod retention;

/// The check of the whole store.
mod check;

/// Backups of the store.
mod backup;

/// The operator's commands on single sessions: list, export, move, delete.
mod session_admin;

/// All that is held of a user, and its erasure.
mod person;

pub use audit::{AUDIT_DAYS_MIN, AuditCheck, AuditRecord};
pub use backup::{BackupFile, BackupFormat, BackupSummary, RestoredStore};
pub use check::{StoreCheck, StoreFault};
pub use database::{DistributedStore, PoolOptions, PoolUse};
pub use digests::{DigestMode, StoredDigest, StoredDigests};
pub use directory::{
    AuditPosition, AuditQuery, DeviceCodes, DeviceDecision, DeviceInfo, DevicePoll, ImportedUser, KeyImport,
    KeyInfo, MemberInfo, Membership, NewKey, OrganizationSettings, Principal, ProviderAdmission,
    ProviderRefusal, ProviderSignIn, QueryReader, Role, TenantInfo, TenantKind, UserImport, ViewReader,
    check_handle,
};
pub use error::{Result, StoreError};
pub use forget::{ForgetOutcome, SessionSelection};
pub use open::{DEFAULT_URL, MissingStore, Store, StoreOptions};
pub use person::Erased;
pub use retention::Pruned;
pub use session_admin::{ExportedSession, SessionConflict, SessionFilter, SessionInfo};
pub use sql::statement_count;
pub use tables::{
    ClientError, ClientPosition, ClientQuery, ClientState, ClientStatus, Grouping, MessagePage,
    MessagePosition, MetricDimension, MetricsFilter, MetricsQuery, MetricsRow, SessionKey, SessionPosition,
    SessionQuery, StoredMessage, StoredSession, StoredTask, TaskPage, TaskPosition,
};
pub use write::{IngestOutcome, Rejection, SessionOutcome};
