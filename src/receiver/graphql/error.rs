//! Errors of resolvers, with a code that programs can match. Causes inside the receiver go to the log alone.

use crate::receiver::store::StoreError;
use async_graphql::{Error, ErrorExtensions};
use std::borrow::Borrow;

/// Converts an error of the store.
pub fn store_error(error: impl Borrow<StoreError>) -> Error {
    let error = error.borrow();
    let (code, message) = match error {
        StoreError::Refused(message) => return bad_request(message),
        StoreError::TimedOut(_) => {
            ("TIMEOUT", "a part of the query took longer than 10 s: ask for fewer days, groups or rows")
        }
        StoreError::Contended(_) | StoreError::Unavailable(_) | StoreError::Unusable(_) => {
            ("UNAVAILABLE", "the store is not available: try again later")
        }
        StoreError::Internal(_) | StoreError::Aborted | StoreError::UserRemoved => {
            ("INTERNAL", "internal error")
        }
    };
    tracing::error!(error = %error, "a query failed");
    with_code(message, code)
}

/// Error of the query itself.
pub fn bad_request(message: &str) -> Error {
    with_code(message, "BAD_REQUEST")
}

fn with_code(message: &str, code: &str) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}
