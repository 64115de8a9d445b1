//! The run of `han-sync`.

pub mod privacy;
pub mod redact;
