//! The receiver alone: the real program on SQLite and on PostgreSQL, over real sockets. The folders mirror its URLs and
//! commands.

#[path = "../support/mod.rs"]
mod support;

/// `/api/sync` and what lies below it.
mod api_sync {
    mod batches;
    mod concurrency;
    mod cost;
    mod digests;
    mod forget;
    mod merge;
    mod odd_values;
    mod races;
    mod roles;
    mod wire;
}

/// `POST /graphql`.
mod graphql {
    mod aggregates;
    mod client_reports;
    mod money;
    mod queries;
    mod visibility;
}

/// The page.
mod page {
    mod provider;
    mod provider_tokens;
    mod sign_in;
    mod views;
    mod bounds;
    mod cost;
    mod documents;
    mod keys;
}

/// `admin …`.
mod admin {
    mod check;
    mod audit;
    mod backup;
    mod import;
    mod person;
    mod sessions;
}

/// `serve`: connections, limits, signals, health.
mod server {
    mod access_log;
    mod connections;
    mod herd;
    mod lifecycle;
    mod limits;
    mod monitoring;
    mod service_manager;
    mod silence;
    mod upkeep;
}

/// A store on a cluster with Citus.
mod cluster {
    mod distribute;
    mod faults;
    mod isolation;
    mod program;
}

mod access;
mod balancer;
mod command_line;
mod container;
mod dashboards;
mod failover;
mod oauth;
mod pooler;
mod postgres;
mod settings;
