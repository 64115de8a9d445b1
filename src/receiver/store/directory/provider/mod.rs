//! Sign-ins through the provider: the user of an account there, and the memberships that its groups give.
//!
//! Invariants: an account belongs to one user, and a user has one account at a provider; a membership that an operator
//! gave never ends by a group; what a sign-in changes is changed in one transaction.

/// Decisions.
mod admission;

/// Roles that groups give. Pure.
mod group_roles;

/// Changes in the audit log.
mod changes;

/// Memberships from groups.
mod memberships;

/// Users of accounts.
mod accounts;

/// The transaction of a sign-in.
mod sign_in;

pub use admission::{ProviderAdmission, ProviderRefusal};
pub use sign_in::ProviderSignIn;
