//! The list of `admin user import`: a JSON object in each line.
//!
//! Invariant: a list with a mistake is refused as a whole, by its line.

use crate::receiver::cli::admin::values::{parse_duration, parse_role};
use crate::receiver::cli::bounded_text::read_bounded;
use crate::receiver::cli::exit::CliError;
use crate::receiver::store::{ImportedUser, KeyImport, UserImport};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;

/// Bytes of a list: a hundred thousand users.
const LIST_BYTES_MAX: u64 = 16 << 20;

/// A line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserLine {
    login: String,
    #[serde(default)]
    organizations: Vec<String>,
    role: Option<String>,
    #[serde(default)]
    accounts: Vec<String>,
    key: Option<KeyLine>,
}

/// The key that a line asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyLine {
    #[serde(default)]
    label: String,
    expires: Option<String>,
}

/// Reads a file, or stdin for `-`.
pub fn read(file: &str) -> Result<Vec<UserImport>, CliError> {
    let text = match file {
        "-" => read_bounded(std::io::stdin(), LIST_BYTES_MAX),
        path => File::open(path).and_then(|file| read_bounded(file, LIST_BYTES_MAX)),
    };
    parse(
        &text.map_err(|error| {
            CliError::Usage(format!("{file} cannot be read: {error}; nothing was imported"))
        })?,
    )
}

fn parse(text: &str) -> Result<Vec<UserImport>, CliError> {
    let (mut users, mut lines) = (Vec::new(), HashMap::new());
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = index + 1;
        let failed = |reason: &str| CliError::Usage(format!("line {number}: {reason}; nothing was imported"));
        let user = user(number, line).map_err(|reason| failed(&reason))?;
        if let Some(earlier) = lines.insert(user.login.clone(), number) {
            return Err(failed(&format!("{} is in line {earlier} as well", user.login)));
        }
        users.push(user);
    }
    Ok(users)
}

fn user(line: usize, text: &str) -> Result<UserImport, String> {
    let UserLine { login, organizations, role, accounts, key } =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let role = role.as_deref().map(parse_role).transpose().map_err(|error| error.message())?;
    let key = key.map(|KeyLine { label, expires }| -> Result<KeyImport, CliError> {
        Ok(KeyImport { label, lifetime_us: expires.as_deref().map(parse_duration).transpose()? })
    });
    let key = key.transpose().map_err(|error| error.message())?;
    Ok(UserImport { line, login, organizations, role, accounts, key })
}

/// Columns of an imported user.
pub fn columns(user: &ImportedUser) -> [String; 3] {
    let state = if user.created { "created" } else { "known" };
    let key = user.key.as_ref().map(|key| key.key.clone());
    [user.login.clone(), state.to_owned(), key.unwrap_or_default()]
}
