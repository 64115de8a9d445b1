//! SQL as both databases take it: dialect, values, rows, and the two statements that handle many rows at once.
//!
//! Invariant: a statement is written once, in the SQL that SQLite and PostgreSQL share, with `$1` parameters and the
//! tokens of `Dialect`. Nothing here talks to a database.

mod dialect;
mod value;

mod row;
mod rows;

mod read_budget;

mod insert_many;
mod select_by_keys;
mod select_pages;

mod statement_count;

pub use dialect::Dialect;
pub use insert_many::InsertMany;
pub use read_budget::ReadBudget;
pub use row::Row;
pub use rows::Rows;
pub use select_by_keys::SelectByKeys;
pub use select_pages::SelectPages;
pub use statement_count::{count_statement, statement_count};
pub use value::{Column, ColumnType, Value, ValueRef};
