//! The scalar `Date`: a UTC day.

use crate::receiver::time;
use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// Days since 1970 in UTC; `YYYY-MM-DD` on the wire.
pub struct Date(pub i64);

#[Scalar]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        time::parse_date(text).map(Date).ok_or_else(|| InputValueError::custom("a date is YYYY-MM-DD"))
    }

    fn to_value(&self) -> Value {
        Value::String(time::date(self.0))
    }
}
