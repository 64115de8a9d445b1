//! The receiver alone: the real program on SQLite and on PostgreSQL, over real sockets. The folders mirror its URLs and
//! commands.

#[path = "../support/mod.rs"]
mod support;

/// `POST /api/sync`, `POST /api/sync/digests` and `GET /api/sync/identity`.
mod api_sync {
    mod batches;
    mod concurrency;
    mod cost;
    mod digests;
    mod merge;
    mod odd_values;
    mod races;
    mod wire;
}

/// `POST /graphql`.
mod graphql {
    mod aggregates;
    mod queries;
    mod visibility;
}

/// `admin …`.
mod admin {
    mod check;
    mod sessions;
}

/// `serve`: connections, limits, signals, health.
mod server {
    mod connections;
    mod lifecycle;
    mod limits;
}

mod command_line;
mod oauth;
mod postgres;
mod settings;
