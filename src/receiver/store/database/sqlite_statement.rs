//! Parameters, rows and errors of a statement of SQLite.

use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::{ReadBudget, Row, Value, ValueRef};
use rusqlite::types::{self, ToSqlOutput};
use rusqlite::{ErrorCode, Statement, ToSql};

/// Binds the parameters of a statement.
pub fn bind(statement: &mut Statement<'_>, params: &[Value]) -> Result<()> {
    for (index, value) in params.iter().enumerate() {
        // A statement need not use every parameter.
        if let Some(position) = statement.parameter_index(&format!("${}", index + 1)).map_err(store_error)? {
            statement.raw_bind_parameter(position, value).map_err(store_error)?;
        }
    }
    Ok(())
}

/// Reads all rows, each taken from the budget.
pub fn read_rows(statement: &mut Statement<'_>, budget: Option<&ReadBudget>) -> Result<Vec<Row>> {
    let mut read = Vec::new();
    visit_rows(statement, budget, |row| {
        read.push(row);
        Ok(())
    })?;
    Ok(read)
}

/// Passes each row to `visit`, after it is taken from the budget.
pub fn visit_rows(
    statement: &mut Statement<'_>,
    budget: Option<&ReadBudget>,
    mut visit: impl FnMut(Row) -> Result<()>,
) -> Result<()> {
    let width = statement.column_count();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(store_error)? {
        let mut values = Vec::with_capacity(width);
        for column in 0..width {
            values.push(match row.get_ref(column).map_err(store_error)? {
                types::ValueRef::Null => Value::Null,
                types::ValueRef::Integer(number) => Value::Int(number),
                types::ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                types::ValueRef::Real(_) | types::ValueRef::Blob(_) => {
                    return Err(StoreError::Internal(format!("column {column} is no text and no integer")));
                }
            });
        }
        let row = Row(values);
        budget.map_or(Ok(()), |budget| budget.take(&row))?;
        visit(row)?;
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Value::Null => Ok(ToSqlOutput::Borrowed(types::ValueRef::Null)),
            Value::Int(number) => Ok(ToSqlOutput::Borrowed(types::ValueRef::Integer(*number))),
            Value::Bool(flag) => Ok(ToSqlOutput::Borrowed(types::ValueRef::Integer(i64::from(*flag)))),
            Value::Text(text) => Ok(ToSqlOutput::Borrowed(types::ValueRef::Text(text.as_bytes()))),
            Value::Texts(texts) => {
                let json = serde_json::to_string(texts)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                Ok(ToSqlOutput::Owned(json.into()))
            }
        }
    }
}

impl ToSql for ValueRef<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            ValueRef::Null => types::ValueRef::Null,
            ValueRef::Int(number) => types::ValueRef::Integer(*number),
            ValueRef::Bool(flag) => types::ValueRef::Integer(i64::from(*flag)),
            ValueRef::Text(text) => types::ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// True if another writer or reader stands in the way.
pub fn is_contention(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Sorts an error by what can be done about it.
pub fn store_error(error: rusqlite::Error) -> StoreError {
    if is_contention(&error) {
        return StoreError::Contended(error.to_string());
    }
    if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
        return StoreError::TimedOut(error.to_string());
    }
    let next_step = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "free some space on its disk",
        Some(ErrorCode::SystemIoFailure) => "check its disk",
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
            "check that this user may write it and its folder"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "check its path and its disk, else restore a backup"
        }
        _ => return StoreError::Internal(error.to_string()),
    };
    StoreError::Unavailable(format!("{error}; {next_step}"))
}
