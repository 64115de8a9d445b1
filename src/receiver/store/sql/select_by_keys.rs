//! `SELECT` of the rows of many whole keys in one statement.
//!
//! Invariant: the cost grows with the number of keys, not with the number of stored rows, whatever the planner's statistics
//! say: each key is an index lookup of its own.

use super::value::Column;

/// A `SELECT` of the rows that have one of a set of keys.
#[derive(Debug)]
pub struct SelectByKeys {
    pub table: &'static str,
    /// Text columns of the key that have the same value in all keys.
    pub common: &'static [&'static str],
    pub keys: &'static [Column],
    /// The selected columns.
    pub columns: &'static str,
    /// `{update}`, where the rows are going to be changed.
    pub tail: &'static str,
}

impl SelectByKeys {
    /// The `SELECT` of one row. `key` renders the value of a key's column.
    ///
    /// The last column is compared by `BETWEEN`, with an `ORDER BY` that only the index of the key satisfies: without
    /// statistics the planner would rate another index with the same first columns as equally good, and scan a whole session
    /// for each of its messages.
    pub fn select_one(&self, key: impl Fn(usize) -> String) -> String {
        let mut sql = format!("SELECT {} FROM {} WHERE ", self.columns, self.table);
        for (index, column) in self.common.iter().enumerate() {
            sql.push_str(&format!("{column} = ${} AND ", index + 1));
        }
        let last = self.keys.len() - 1;
        for (index, (column, _)) in self.keys[..last].iter().enumerate() {
            sql.push_str(&format!("{column} = {} AND ", key(index)));
        }
        let (column, key) = (self.keys[last].0, key(last));
        sql + &format!("{column} BETWEEN {key} AND {key} ORDER BY {column} LIMIT 1 {}", self.tail)
    }
}
