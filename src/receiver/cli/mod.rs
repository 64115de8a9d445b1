//! The command line of `han-sync-receiver`.
//!
//! Invariant: results go to stdout, everything else to stderr; an error is printed once, in `program`, and names the next
//! step.

/// Errors and exit codes.
mod exit;

/// Texts that are read up to a bound.
mod bounded_text;

/// Settings from the environment.
mod environment;

/// Global flags, and the store that these select.
mod options;

/// Results as text or JSON.
mod output;

/// The log on stderr.
mod log;

/// The service manager that started the program.
mod service_manager;

/// Settings of the provider of sign-ins.
mod provider;

/// `serve`.
mod serve;

/// `healthcheck`.
mod healthcheck;

/// `admin`.
mod admin;

/// The program from its arguments to its exit code.
mod program;

pub use program::main;
