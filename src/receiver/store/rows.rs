//! Sets of rows: what is found, stored or changed of a whole batch in one statement.
//!
//! Invariants: a statement's cost goes with the rows in its set, not with what is stored; a set borrows its texts from
//! what it was made of, so that a batch is not copied to be stored.

/// A column's type, as far as sets of rows need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    Text,
    Int,
    Bool,
}

/// One column of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRef<'a> {
    Null,
    Int(i64),
    Bool(bool),
    Text(&'a str),
}

impl<'a> From<&'a str> for ValueRef<'a> {
    fn from(text: &'a str) -> ValueRef<'a> {
        ValueRef::Text(text)
    }
}

impl<'a> From<&'a String> for ValueRef<'a> {
    fn from(text: &'a String) -> ValueRef<'a> {
        ValueRef::Text(text)
    }
}

impl From<i64> for ValueRef<'_> {
    fn from(number: i64) -> Self {
        ValueRef::Int(number)
    }
}

impl From<bool> for ValueRef<'_> {
    fn from(flag: bool) -> Self {
        ValueRef::Bool(flag)
    }
}

impl<'a, T: Into<ValueRef<'a>>> From<Option<T>> for ValueRef<'a> {
    fn from(value: Option<T>) -> ValueRef<'a> {
        value.map_or(ValueRef::Null, Into::into)
    }
}

/// Rows that have some columns in common.
#[derive(Debug)]
pub struct Rows<'a> {
    /// What all rows have in common: the tenant, mostly.
    pub common: Vec<&'a str>,
    /// The other columns, row by row.
    pub cells: Vec<ValueRef<'a>>,
}

impl<'a> Rows<'a> {
    pub fn new(common: &[&'a str]) -> Rows<'a> {
        Rows { common: common.to_vec(), cells: Vec::new() }
    }

    pub fn push<const N: usize>(&mut self, row: [ValueRef<'a>; N]) {
        self.cells.extend(row);
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

/// `INSERT` of a set of rows. No two of them may name the same key.
#[derive(Debug)]
pub struct InsertMany {
    pub table: &'static str,
    /// Texts that all rows have in common.
    pub common: &'static [&'static str],
    pub columns: &'static [(&'static str, ColumnType)],
    /// `ON CONFLICT …`, and `RETURNING …` where wanted.
    pub tail: &'static str,
}

/// `SELECT` of the rows that a set of whole keys names, each by itself: whatever a planner believes of the table, it can
/// but look each of them up.
#[derive(Debug)]
pub struct SelectByKeys {
    pub table: &'static str,
    /// Texts that all keys have in common.
    pub common: &'static [&'static str],
    pub keys: &'static [(&'static str, ColumnType)],
    /// What is read of a row that is there.
    pub columns: &'static str,
    /// `{update}`, where the rows are to be changed.
    pub tail: &'static str,
}

impl SelectByKeys {
    /// The `SELECT` of one row. `key` spells the place of a key's column.
    ///
    /// Its last column is asked for as a range of one, in order. Only the index that the key is has that order: a planner
    /// that knows nothing of the table yet takes another index with the same first columns for as good, and then goes
    /// through all of a session for each of its messages.
    pub fn of_one(&self, key: impl Fn(usize) -> String) -> String {
        let mut sql = format!("SELECT {} FROM {} WHERE ", self.columns, self.table);
        for (place, column) in self.common.iter().enumerate() {
            sql.push_str(&format!("{column} = ${} AND ", place + 1));
        }
        let last = self.keys.len() - 1;
        for (place, (column, _)) in self.keys[..last].iter().enumerate() {
            sql.push_str(&format!("{column} = {} AND ", key(place)));
        }
        let (column, key) = (self.keys[last].0, key(last));
        sql + &format!("{column} BETWEEN {key} AND {key} ORDER BY {column} LIMIT 1 {}", self.tail)
    }
}
