//! Prices of language models, and the estimated cost of tokens. Pure.
//!
//! Invariant: money is never stored. A cost is computed from sums of tokens when it is read, in integers, and rounded once,
//! so that a corrected price changes every sum at once and groups add up to their total.

/// Prices by model and day.
mod price_list;

/// The format of price lists.
mod file;

/// Costs of tokens.
mod cost;

pub use cost::{Cost, UsageSums};
pub use file::PriceFileError;
pub use price_list::{ModelPrices, Price, PriceList};
