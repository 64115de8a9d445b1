//! Roles and visibility: on whose behalf a transaction acts, and the rows that it may see.

/// The role under which a transaction runs. In PostgreSQL each is a database role with its own row-level security.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbRole {
    /// Authentication: sees the directory, no sessions.
    Directory,
    /// A user's request: sees the tenant that it entered, as that user.
    Request,
    /// An operator's command: sees everything.
    Operator,
}

/// The rows of a tenant that a request may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// The user's own rows.
    Own,
    /// All rows of the tenant, for the admins of an organization.
    All,
}

impl Visibility {
    pub fn as_str(self) -> &'static str {
        match self {
            Visibility::Own => "own",
            Visibility::All => "all",
        }
    }
}
