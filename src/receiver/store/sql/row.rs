//! A row that a statement returned.

use super::value::Value;
use crate::protocol::message::{ColumnKind, FieldValue};
use crate::receiver::store::error::{Result, StoreError};

/// Returned row, read by position.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// A text column that is not null.
    pub fn text(&self, column: usize) -> Result<String> {
        self.opt_text(column)?.ok_or_else(|| unexpected_type(column))
    }

    /// A text column that is not null, borrowed.
    pub fn text_ref(&self, column: usize) -> Result<&str> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(unexpected_type(column)),
        }
    }

    pub fn opt_text(&self, column: usize) -> Result<Option<String>> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            _ => Err(unexpected_type(column)),
        }
    }

    /// An integer column that is not null.
    pub fn int(&self, column: usize) -> Result<i64> {
        self.opt_int(column)?.ok_or_else(|| unexpected_type(column))
    }

    pub fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            Some(Value::Int(number)) => Ok(Some(*number)),
            _ => Err(unexpected_type(column)),
        }
    }

    /// A boolean column, null being false. SQLite stores booleans as integers.
    pub fn flag(&self, column: usize) -> Result<bool> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::Int(number)) => Ok(*number != 0),
            _ => Err(unexpected_type(column)),
        }
    }

    /// A column of a message.
    pub fn field(&self, column: usize, kind: ColumnKind) -> Result<FieldValue> {
        if self.0.get(column) == Some(&Value::Null) {
            return Ok(FieldValue::Null);
        }
        Ok(match kind {
            ColumnKind::Text => FieldValue::Text(self.text(column)?),
            ColumnKind::Integer => FieldValue::Integer(self.int(column)?),
            ColumnKind::Boolean => FieldValue::Boolean(self.flag(column)?),
        })
    }
}

fn unexpected_type(column: usize) -> StoreError {
    StoreError::Internal(format!("column {column} has another type than the program expects"))
}
