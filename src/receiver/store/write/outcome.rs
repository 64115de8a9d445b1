//! Outcomes of an upsert, and the errors that end it.

use crate::protocol::code;
use crate::receiver::ingest::token_usage::SumTooLarge;
use crate::receiver::store::error::{Result, StoreError};

/// Outcome of a batch.
#[derive(Debug)]
pub struct IngestOutcome {
    /// In payload order.
    pub outcomes: Vec<SessionOutcome>,
    /// Messages that were stored for the first time.
    pub messages_new: u64,
}

/// Outcome of one session id.
#[derive(Debug)]
pub struct SessionOutcome {
    /// The id as sent.
    pub id: String,
    /// Occurrences of the session in the batch.
    pub occurrences: u64,
    /// Messages in the payload, new or not.
    pub messages: u64,
    /// The highest line of the payload's messages.
    pub last_line: i64,
    /// Reason why the session is not stored.
    pub rejection: Option<Rejection>,
}

/// Reason why a session was not stored.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// Code of the error.
    pub code: &'static str,
    /// Message for people.
    pub message: String,
}

impl Rejection {
    /// Creates a rejection.
    pub fn new(code: &'static str, message: &str) -> Rejection {
        Rejection { code, message: message.to_owned() }
    }
}

/// Rows that a session added.
#[derive(Debug, Default, Clone, Copy)]
pub struct AddedRows {
    pub sessions: i64,
    pub messages: i64,
}

/// Outcome of one session inside a transaction.
pub type SessionResult = std::result::Result<AddedRows, Rejection>;

/// Error that ends the upsert of a set of sessions: one of them is rejected, or the store failed.
#[derive(Debug)]
pub enum UpsertError {
    Rejected(Rejection),
    Store(StoreError),
}

impl From<SumTooLarge> for UpsertError {
    fn from(_: SumTooLarge) -> UpsertError {
        UpsertError::Rejected(Rejection::new(
            code::VALIDATION_ERROR,
            "tokens or lines add up to more than can be counted",
        ))
    }
}

impl From<StoreError> for UpsertError {
    fn from(error: StoreError) -> UpsertError {
        UpsertError::Store(error)
    }
}

impl From<UpsertError> for StoreError {
    fn from(error: UpsertError) -> StoreError {
        match error {
            UpsertError::Rejected(rejection) => StoreError::Refused(rejection.message),
            UpsertError::Store(error) => error,
        }
    }
}

/// Runs two pieces of work in one transaction, so that their statements are pipelined. A failed statement fails all that
/// were sent after it, so the error is the first one's.
///
/// The futures are boxed, because a future that holds others is twice as large as all of them.
pub async fn try_join<A, B, E, F>(
    first: impl Future<Output = Result<A, E>>,
    second: impl Future<Output = Result<B, F>>,
) -> Result<(A, B), UpsertError>
where
    UpsertError: From<E> + From<F>,
{
    match tokio::join!(biased; Box::pin(first), Box::pin(second)) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(first), Err(second)) => Err(match (UpsertError::from(first), UpsertError::from(second)) {
            (UpsertError::Store(StoreError::Aborted), cause) | (cause, _) => cause,
        }),
        (Err(error), Ok(_)) => Err(error.into()),
        (Ok(_), Err(error)) => Err(error.into()),
    }
}
