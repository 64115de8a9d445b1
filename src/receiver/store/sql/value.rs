//! Values on their way to and from a database.

use crate::protocol::message::{ColumnKind, FieldRef};

/// A parameter of a statement, or a column of a row that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Bool(bool),
    Text(String),
    /// An array of texts, for `IN {list:$N}`; never read.
    Texts(Vec<String>),
}

/// A column of a row that is written. It borrows its text, so that a batch is not copied to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRef<'a> {
    Null,
    Int(i64),
    Bool(bool),
    Text(&'a str),
}

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    Text,
    Int,
    Bool,
}

/// Name and type of a column.
pub type Column = (&'static str, ColumnType);

impl ColumnType {
    /// The type that stores a message's column of this kind.
    pub const fn of(kind: ColumnKind) -> ColumnType {
        match kind {
            ColumnKind::Text => ColumnType::Text,
            ColumnKind::Integer => ColumnType::Int,
            ColumnKind::Boolean => ColumnType::Bool,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Bool(flag)
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Value {
        Value::Texts(texts)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
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

impl<'a> From<FieldRef<'a>> for ValueRef<'a> {
    fn from(field: FieldRef<'a>) -> ValueRef<'a> {
        match field {
            FieldRef::Null => ValueRef::Null,
            FieldRef::Text(text) => ValueRef::Text(text),
            FieldRef::Integer(number) => ValueRef::Int(number),
            FieldRef::Boolean(flag) => ValueRef::Bool(flag),
        }
    }
}
