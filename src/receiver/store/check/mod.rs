//! The check of the whole store: what is kept beside the rows against a recount.

/// A recount of one user's rows in one tenant.
mod recount;

/// The check, and its repair.
mod store_check;

/// The store on a cluster.
mod distribution;

pub use recount::StoreFault;
pub use store_check::StoreCheck;
