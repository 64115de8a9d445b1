//! The run of `han-sync`.
