//! Errors of the store, sorted by what can be done about them.
//!
//! Invariant: the text of an error holds no message, no task and no key. It may repeat a name or an id that its reader gave.

use std::fmt;

/// Reason why the store did not do what it was asked.
#[derive(Debug)]
pub enum StoreError {
    /// A conflict with another transaction. The same transaction may succeed when it is run again.
    Contended(String),
    /// The database cannot be reached, or is shutting down. A later attempt may succeed.
    Unavailable(String),
    /// A statement took longer than it may.
    TimedOut(String),
    /// The request cannot be carried out; the text is for the person who made it.
    Refused(String),
    /// The database cannot serve this receiver as it is; the text says what to do.
    Unusable(String),
    /// The user of the request was removed while the request was on its way.
    UserRemoved,
    /// A defect of this program or of the schema.
    Internal(String),
    /// An earlier statement of the transaction failed, and its error gives the reason.
    Aborted,
}

/// Result of a call to the store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl StoreError {
    /// An error for the person who made the request.
    pub fn refused(text: impl Into<String>) -> StoreError {
        StoreError::Refused(text.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Contended(text) => write!(f, "the store is contended: {text}"),
            StoreError::Unavailable(text) => write!(f, "the store is unavailable: {text}"),
            StoreError::TimedOut(text) => write!(f, "a statement of the store timed out: {text}"),
            StoreError::Refused(text) | StoreError::Unusable(text) => f.write_str(text),
            StoreError::Internal(text) => write!(f, "the store failed: {text}"),
            StoreError::UserRemoved => f.write_str("the user was removed"),
            StoreError::Aborted => f.write_str("the store failed: the transaction was aborted"),
        }
    }
}

impl std::error::Error for StoreError {}
