//! han-sync carries coding-agent session data from a developer's han database to their team's platform.
//!
//! This file is the map: every module in the order in which data flows, one line each. Three rooms and
//! a corner, each of which imports only what stands above it.

#[cfg(not(unix))]
compile_error!(
    "Windows is not supported: use han-sync on Linux or macOS, or in the Windows Subsystem for Linux"
);

/// The allocator: how freed memory goes back to the operating system.
pub mod allocator;

/// Hexadecimal text.
pub mod hex;

/// 64-bit hashes that detect change.
pub mod short_hash;

/// Timestamps as text: one RFC 3339 parser and formatter.
pub mod time;

/// The home folder in the operating system's user database.
pub mod user_database;

/// Foreign text, escaped for terminals and text logs.
pub mod printable;

/// Words of commands, quoted for a shell.
pub mod shell;

/// The hooks of this program in the agent's settings.
pub mod agent_hooks;

/// The known word that is nearest to a mistyped one.
pub mod nearest;

/// Global flags, accepted before and after the subcommand.
pub mod flags;

/// Both ends: wire types, checksum, ids, repository remotes. No I/O.
pub mod protocol;

/// The run of `han-sync`: config, lock, source, privacy, delta, batch, client, queue, state.
pub mod exporter;

/// The platform's side: HTTP, ingest, store (SQLite, PostgreSQL), GraphQL, administration.
#[cfg(feature = "receiver")]
pub mod receiver;
