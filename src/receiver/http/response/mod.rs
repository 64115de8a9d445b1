//! Bodies of responses: bytes that count in the memory budget, and what the page sends besides.

/// Responses that count in the memory budget.
mod counted;

/// Responses for people.
pub mod html;

pub use counted::{counted, json, json_within, serialize, within};
