//! Parameters and rows in PostgreSQL's types. Rows that are written go as one array for each column.

use super::statement::Param;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::{Column, ColumnType, Row, Rows, Value, ValueRef};
use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// Approximate bytes of text in one `INSERT`: a connection keeps the largest buffer that it has ever needed.
const STATEMENT_BYTES: usize = 1 << 20;

type ToSqlResult = std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>>;

/// The array parameters of columns, after the parameters of the common columns: `$3::text[]`.
pub fn array_params(common: usize, columns: &[Column]) -> Vec<String> {
    let array =
        |(index, column): (usize, &Column)| format!("${}::{}[]", common + index + 1, type_name(column.1));
    columns.iter().enumerate().map(array).collect()
}

fn type_name(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Text => "text",
        ColumnType::Int => "bigint",
        ColumnType::Bool => "boolean",
    }
}

/// Parameters of an ordinary statement.
pub fn params(values: &[Value]) -> Vec<Param<'_>> {
    values.iter().map(|value| (value as _, type_of(value))).collect()
}

/// Type under which a value is encoded where the server does not say which one it takes.
fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Int(_) => Type::INT8,
        Value::Bool(_) => Type::BOOL,
        Value::Text(_) => Type::TEXT,
        Value::Texts(_) => Type::TEXT_ARRAY,
    }
}

/// Rows of these columns in parts of about [`STATEMENT_BYTES`], each as its columns.
pub fn column_arrays<'a>(
    rows: &'a Rows<'a>,
    columns: &'a [Column],
) -> impl Iterator<Item = Vec<ColumnArray<'a>>> {
    parts(&rows.values, columns.len()).into_iter().map(move |part| columns_of(part, columns))
}

/// All rows of these columns, as their columns.
pub fn columns_of<'a>(values: &'a [ValueRef<'a>], columns: &[Column]) -> Vec<ColumnArray<'a>> {
    let width = columns.len();
    let array = |(column, (_, column_type)): (usize, &Column)| ColumnArray {
        values,
        column,
        width,
        column_type: *column_type,
    };
    columns.iter().enumerate().map(array).collect()
}

/// Parameters of a statement over rows: the common columns, then an array for each of the other columns.
pub fn row_params<'a>(common: &'a [&'a str], columns: &'a [ColumnArray<'a>]) -> Vec<Param<'a>> {
    let common = common.iter().map(|text| (text as _, Type::TEXT));
    common.chain(columns.iter().map(|column| (column as _, column.array_type()))).collect()
}

fn parts<'a>(values: &'a [ValueRef<'a>], width: usize) -> Vec<&'a [ValueRef<'a>]> {
    let mut parts = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (index, row) in values.chunks_exact(width).enumerate() {
        bytes += row
            .iter()
            .map(|value| if let ValueRef::Text(text) = value { text.len() } else { 0 })
            .sum::<usize>();
        let end = (index + 1) * width;
        if bytes >= STATEMENT_BYTES || end == values.len() {
            parts.push(&values[begin..end]);
            (begin, bytes) = (end, 0);
        }
    }
    parts
}

/// Converts a returned row.
pub fn read_row(row: &tokio_postgres::Row) -> Result<Row> {
    let read = |column: usize, ty: &Type| -> std::result::Result<Value, tokio_postgres::Error> {
        Ok(match *ty {
            Type::INT8 => row.try_get::<_, Option<i64>>(column)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(column)?.map(i64::from).into(),
            Type::BOOL => row.try_get::<_, Option<bool>>(column)?.into(),
            Type::VOID => Value::Null,
            _ => row.try_get::<_, Option<String>>(column)?.into(),
        })
    };
    let values = row.columns().iter().enumerate().map(|(index, column)| read(index, column.type_()));
    let values: std::result::Result<_, _> = values.collect();
    Ok(Row(values.map_err(|error| StoreError::Internal(error.to_string()))?))
}

/// Column of rows, encoded as an array.
#[derive(Debug, Clone, Copy)]
pub struct ColumnArray<'a> {
    values: &'a [ValueRef<'a>],
    column: usize,
    width: usize,
    column_type: ColumnType,
}

impl ColumnArray<'_> {
    fn array_type(&self) -> Type {
        match self.column_type {
            ColumnType::Text => Type::TEXT_ARRAY,
            ColumnType::Int => Type::INT8_ARRAY,
            ColumnType::Bool => Type::BOOL_ARRAY,
        }
    }
}

impl ToSql for ColumnArray<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> ToSqlResult {
        let values: Vec<&ValueRef> = self.values.iter().skip(self.column).step_by(self.width).collect();
        // PostgreSQL pads the shorter of several unnested arrays with nulls, and many columns are null in every row.
        let length = values.iter().rposition(|value| **value != ValueRef::Null).map_or(0, |last| last + 1);
        (&values[..length]).to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        <Vec<ValueRef<'_>> as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}

impl ToSql for ValueRef<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> ToSqlResult {
        match self {
            ValueRef::Null => Ok(IsNull::Yes),
            ValueRef::Int(number) => number.to_sql(ty, out),
            ValueRef::Bool(flag) => flag.to_sql(ty, out),
            ValueRef::Text(text) => text.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::BOOL | Type::TEXT)
    }

    to_sql_checked!();
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> ToSqlResult {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) if *ty == Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
            Value::Int(number) => number.to_sql(ty, out),
            Value::Bool(flag) => flag.to_sql(ty, out),
            Value::Text(text) => text.to_sql(ty, out),
            Value::Texts(texts) => texts.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::INT8
                | Type::INT4
                | Type::BOOL
                | Type::TEXT
                | Type::VARCHAR
                | Type::TEXT_ARRAY
                | Type::UNKNOWN
        )
    }

    to_sql_checked!();
}
