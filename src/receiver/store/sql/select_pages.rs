//! `SELECT` of the first rows of each of several keys, such as a page of the messages of each session.
//!
//! Invariant: no row is read beyond those that are returned, however many a key has: each key is an index scan of its own that
//! ends with the page. A window function would number the rows of all keys first.

/// A `SELECT` of one key's page.
#[derive(Debug)]
pub struct SelectPages<'s> {
    /// Ends with `ORDER BY`, in the order of an index, and `LIMIT`. The key stands in it as `{key}`.
    pub of_one: &'s str,
}

impl SelectPages<'_> {
    /// The `SELECT` of one page. `key` renders the key's value.
    pub fn select_one(&self, key: &str) -> String {
        self.of_one.replace("{key}", key)
    }
}
