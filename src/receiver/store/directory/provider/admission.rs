//! Decisions on sign-ins through the provider.

/// Decision on a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderAdmission {
    /// A session has begun, with this secret.
    Admitted(String),
    /// None has.
    Refused(ProviderRefusal),
}

/// Reason for which somebody whom the provider has vouched for is not admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderRefusal {
    /// No user has any of these logins.
    UnknownUser(Vec<String>),
    /// The user with this login has another account at the provider.
    OtherAccount(String),
    /// All memberships of this user came from groups, and are all gone.
    NoGroupLeft,
}
