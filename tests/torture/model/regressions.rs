//! Histories that once found something, by what they found.

use super::action::Action;

/// Name, seed and history.
pub const REGRESSIONS: &[(&str, u64, &[Action])] = &[];
