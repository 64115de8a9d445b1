//! Sign-in through a provider (OpenID Connect): authorization code flow with PKCE.
//!
//! Invariants: what the provider says counts only after its signature, issuer, audience, nonce and times were verified;
//! requests to it are bounded in time and size, follow no redirect, and go to `https:` or this machine alone; tokens, codes
//! and secrets reach no log and no error; nothing is kept between two requests of a sign-in but the browser's cookie.

/// Settings of the operator.
mod options;

/// Reasons for which a sign-in ends without one.
mod error;

/// Secrets of one sign-in, derived from the browser's cookie. Pure.
mod attempt;

/// The provider's word on a person. Pure.
mod user;

/// HTTP to the provider.
mod transport;

/// Types of the protocol, with this program's claims.
mod types;

/// Metadata and keys of the provider, cached.
mod metadata;

/// Verification of ID tokens.
mod verification;

/// The two steps of a sign-in.
mod client;

pub use attempt::SignInAttempt;
pub use client::{Callback, Provider};
pub use error::ProviderError;
pub use options::{GROUPS_CLAIM, ProviderOptions};
pub use user::ProviderUser;
