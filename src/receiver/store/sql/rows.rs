//! Rows that one statement writes, or whole keys by which one statement selects.

use super::value::ValueRef;

/// Rows with some columns in common.
#[derive(Debug)]
pub struct Rows<'a> {
    /// Columns that have the same text in all rows, such as the tenant.
    pub common: Vec<&'a str>,
    /// The other columns, row by row.
    pub values: Vec<ValueRef<'a>>,
}

impl<'a> Rows<'a> {
    pub fn new(common: &[&'a str]) -> Rows<'a> {
        Rows { common: common.to_vec(), values: Vec::new() }
    }

    /// Adds a row. All rows have the same number of columns.
    pub fn push(&mut self, row: impl IntoIterator<Item = ValueRef<'a>>) {
        self.values.extend(row);
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
