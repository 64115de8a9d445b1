//! The run of `han-sync`.

pub mod privacy;
