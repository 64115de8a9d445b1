//! Repository remotes in one normal form, and the owners that repositories belong to.
//!
//! A `Remote` is `host/owner[/subgroup…]/repo` in lower case, without scheme, user, password, port, `.git`, query or doubled
//! slash, and spellings of the same repository are equal. A text that cannot be parsed is an error, so that the privacy
//! filter fails closed. Nothing here ever shows the raw text, which can hold credentials.

/// Host and path, split and normalized.
mod address;
/// Spellings of one repository: prefixes of servers, and CodeCommit.
mod spelling;
/// A repository, and its owner.
mod repository;
/// Addresses of pull requests.
mod page;
/// Patterns of repositories.
mod pattern;

pub use crate::protocol::remote::address::RemoteError;
pub use crate::protocol::remote::page::{page_address, repository_of_pull_request};
pub use crate::protocol::remote::pattern::{Pattern, PatternError};
pub use crate::protocol::remote::repository::{Owner, Remote};
