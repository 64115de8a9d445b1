//! Handlers: each is extractors, query, response. Authentication is an extractor, errors are `ApiError`.

pub mod digests;
pub mod forget;
pub mod graphql;
pub mod health;
pub mod identity;
pub mod metrics;
pub mod oauth;
pub mod page;
pub mod sync;
