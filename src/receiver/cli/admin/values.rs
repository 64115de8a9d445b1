//! Values of arguments: roles and durations.

use crate::receiver::cli::exit::CliError;
use crate::receiver::store::{Role, StoreError};
use crate::receiver::time;
use serde::Serialize;
use std::io::Write;

/// Parses a role.
pub fn parse_role(text: &str) -> Result<Role, CliError> {
    Role::parse(text).ok_or_else(|| CliError::Usage(format!("{text} is not a role: use member or admin")))
}

/// Parses a duration into microseconds.
pub fn parse_duration(text: &str) -> Result<i64, CliError> {
    time::parse_duration(text).ok_or_else(|| {
        CliError::Usage(format!("{text} is not a duration: use a number and d, h, m or s, such as 90d"))
    })
}

/// Parses a point in time, given as itself or as an age, into microseconds.
pub fn parse_since(text: &str) -> Result<i64, CliError> {
    let age = || time::parse_duration(text).map(|age| time::now_us().saturating_sub(age));
    let day = || time::parse_date(text).map(|day| day.saturating_mul(time::DAY_US));
    age().or_else(day).or_else(|| time::parse(text)).ok_or_else(|| {
        CliError::Usage(format!("{text} is no point in time: use an age such as 7d, or 2026-01-31T00:00:00Z"))
    })
}

/// Writes a line of JSON to stdout.
pub fn write_json_line(line: &impl Serialize) -> Result<(), StoreError> {
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer(&mut stdout, line)
        .map_err(std::io::Error::from)
        .and_then(|()| stdout.write_all(b"\n"))
        .map_err(|error| StoreError::Unavailable(format!("the export cannot be written to stdout: {error}")))
}
