//! Object types and enums of the schema, in Rust named `…Object` and `…Enum` beside the store's types of the same names.
//!
//! Fields that are columns are derived (`SimpleObject`); fields that load more are resolvers (`ComplexObject`).

/// Relay's connections.
pub mod connection;

/// The scalar `Date`.
pub mod date;

/// `Message`.
pub mod message;

/// `Task`.
pub mod task;

/// `Session`.
pub mod session;

/// `Metric` and `MetricGroup`.
pub mod metric;

/// `SyncStatus` and `SyncState`.
pub mod sync_status;

/// `Organization`.
pub mod organization;

/// `User`.
pub mod user;
