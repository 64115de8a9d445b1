//! Commands on the store as a whole.

/// `admin check`.
pub mod check;

/// `admin distribute`.
pub mod distribute;

/// `admin backup` and `admin restore`.
pub mod backup;
