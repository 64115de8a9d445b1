//! The receiver alone: the real program on SQLite and on PostgreSQL, over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod aggregates;
mod command_line;
mod concurrency;
mod connections;
mod cost;
mod graphql;
mod limits;
mod merge;
mod odd_values;
mod postgres;
mod queries;
mod races;
mod session_admin;
mod sync;
mod wire;
