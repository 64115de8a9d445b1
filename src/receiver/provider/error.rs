//! Reasons for which a sign-in through the provider ends without one: a sentence for the person, and a cause for the log.

use std::error::Error;
use ureq::http::StatusCode;

/// Reason for which a sign-in ended. The text within is for the log: what a library or the provider says, never a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderError {
    /// The provider does not answer, or not as one does.
    Unavailable(String),
    /// The provider does not take the code: it is too old, was used, or is another's.
    CodeRefused(String),
    /// The clocks of provider and receiver differ by too much.
    ClockSkew(String),
    /// A statement of the provider that cannot be verified.
    Unverified(String),
    /// The provider does not list the person's groups, because there are too many.
    TooManyGroups,
    /// The person or the provider has ended the sign-in; a code of the protocol.
    Declined(String),
    /// The answer is none to a sign-in that began in this browser.
    NotBegun,
}

impl ProviderError {
    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            ProviderError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            ProviderError::CodeRefused(_) | ProviderError::NotBegun => StatusCode::BAD_REQUEST,
            ProviderError::ClockSkew(_)
            | ProviderError::Unverified(_)
            | ProviderError::TooManyGroups
            | ProviderError::Declined(_) => StatusCode::FORBIDDEN,
        }
    }

    /// A sentence for the person.
    pub fn message(&self) -> &'static str {
        match self {
            ProviderError::Unavailable(_) => {
                "Your organization's sign-in does not answer. Nothing has changed: try again later, or sign in with a key."
            }
            ProviderError::CodeRefused(_) => "This sign-in took too long, or was used already. Begin again.",
            ProviderError::ClockSkew(_) => {
                "The clocks of your organization's sign-in and of this receiver differ by more than five minutes. Tell the operator of the receiver."
            }
            ProviderError::Unverified(_) => {
                "The answer of your organization's sign-in could not be verified, so nobody was signed in. The receiver's log has the reason."
            }
            ProviderError::TooManyGroups => {
                "You are in more groups than your organization's sign-in lists. Its administrator can limit the list to the groups of this application."
            }
            ProviderError::Declined(_) => {
                "Your organization's sign-in has let nobody in: it was cancelled, or you may not use this application."
            }
            ProviderError::NotBegun => "This sign-in did not begin in this browser, or is over. Begin again.",
        }
    }

    /// Cause for the log.
    pub fn cause(&self) -> &str {
        match self {
            ProviderError::Unavailable(cause)
            | ProviderError::CodeRefused(cause)
            | ProviderError::ClockSkew(cause)
            | ProviderError::Unverified(cause)
            | ProviderError::Declined(cause) => cause,
            ProviderError::TooManyGroups => "the groups are too many for a token",
            ProviderError::NotBegun => "the state is not that of the browser's cookie",
        }
    }
}

/// The text of an error with its causes.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
