//! Values of arguments: roles and durations.

use crate::receiver::cli::exit::CliError;
use crate::receiver::store::Role;
use crate::receiver::time;

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
