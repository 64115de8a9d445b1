//! `INSERT` of many rows in one statement.

use super::value::Column;

/// An `INSERT` of rows, no two of which have the same key.
#[derive(Debug)]
pub struct InsertMany {
    pub table: &'static str,
    /// Text columns that have the same value in all rows.
    pub common: &'static [&'static str],
    pub columns: &'static [Column],
    /// `ON CONFLICT …`, and `RETURNING …` where rows are wanted back.
    pub tail: &'static str,
}

impl InsertMany {
    /// The names of all columns, the common ones first, as a list.
    pub fn column_list(&self) -> String {
        let columns = self.columns.iter().map(|column| column.0);
        self.common.iter().copied().chain(columns).collect::<Vec<_>>().join(", ")
    }
}
