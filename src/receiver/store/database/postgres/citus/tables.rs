//! The tables that are distributed.

/// Tables whose rows belong to a tenant and are written by deliveries, by whose tenant they are distributed. The first one has the
/// shards, with which those of the others are colocated. All other tables stay on the coordinator: the directory is read by each
/// request, and its names are unique across tenants.
pub const DISTRIBUTED_TABLES: [&str; 7] =
    ["session_locations", "sessions", "messages", "tasks", "usages", "metrics", "clients"];
