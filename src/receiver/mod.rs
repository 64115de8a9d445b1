//! The platform's side.
