//! Settings from the environment, checked before anything starts.
//!
//! Invariant: a value that is not understood is an error that names the variable, and never a default in silence.

use super::exit::CliError;
use crate::nearest::nearest;
use crate::printable::printable;
use std::io::Read;
use tracing_subscriber::EnvFilter;

const LOG: &str = "HAN_SYNC_LOG";
const POOL: &str = "HAN_SYNC_POOL";
const STORE_FILE: &str = "HAN_SYNC_STORE_FILE";
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
const LEVEL_DEFAULT: &str = "info";
/// Most connections of one receiver: far more than a PostgreSQL server takes.
const POOL_MAX: usize = 10_000;
/// Bytes of a file that holds a store's URL.
const STORE_FILE_BYTES_MAX: u64 = 64 << 10;

/// Value of a variable; an empty one is absent.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Level of the log: one level, or levels of parts of the program as `part=level`, separated by commas.
pub fn log_filter() -> Result<EnvFilter, CliError> {
    let text = variable(LOG).unwrap_or_default();
    let directives = log_directives(&text).map_err(|word| {
        let known = nearest(word, LEVELS).map(|level| format!("; did you mean {level}?")).unwrap_or_default();
        CliError::Usage(format!(
            "{LOG}: {} is no level{known} Set one of {}",
            printable(word),
            LEVELS.join(", ")
        ))
    })?;
    EnvFilter::try_new(&directives)
        .map_err(|error| CliError::Usage(format!("{LOG}: {} is not understood: {error}", printable(&text))))
}

/// The directives of a filter, the default level first. The error is a word that is no level.
fn log_directives(text: &str) -> Result<String, &str> {
    let mut directives = vec![LEVEL_DEFAULT.to_owned()];
    for directive in text.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
        let (part, level) = match directive.rsplit_once('=') {
            Some((part, level)) => (Some(part), level),
            None => (None, directive),
        };
        let level = match level.to_ascii_lowercase().as_str() {
            "warning" => "warn",
            word => LEVELS.into_iter().find(|level| *level == word).ok_or(level)?,
        };
        match part {
            Some(part) => directives.push(format!("{part}={level}")),
            None => level.clone_into(&mut directives[0]),
        }
    }
    Ok(directives.join(","))
}

/// Connections to PostgreSQL, where the operator has chosen their number.
pub fn pool_connections() -> Result<Option<usize>, CliError> {
    let Some(text) = variable(POOL) else { return Ok(None) };
    match text.trim().parse() {
        Ok(connections) if (1..=POOL_MAX).contains(&connections) => Ok(Some(connections)),
        _ => Err(CliError::Usage(format!(
            "{POOL}: {} is no number of connections: set 1 to {POOL_MAX}",
            printable(&text)
        ))),
    }
}

/// The store's URL, by the first variable that names it.
pub fn store_url() -> Result<Option<String>, CliError> {
    if let Some(url) = variable("HAN_SYNC_STORE") {
        return Ok(Some(url));
    }
    match variable(STORE_FILE) {
        Some(path) => read_store_file(&path).map(Some),
        None => Ok(variable("DATABASE_URL")),
    }
}

fn read_store_file(path: &str) -> Result<String, CliError> {
    let failed = |reason: &str| {
        CliError::Unavailable(format!(
            "{STORE_FILE}: {} {reason}: write the store's URL to it",
            printable(path)
        ))
    };
    let file = std::fs::File::open(path).map_err(|error| failed(&format!("cannot be read ({error})")))?;
    let mut text = String::new();
    file.take(STORE_FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| failed(&format!("cannot be read ({error})")))?;
    match text.trim() {
        "" => Err(failed("is empty")),
        url => Ok(url.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_known_words_and_parts_keep_the_default_for_the_rest() {
        for (text, directives) in [
            ("", "info"),
            ("debug", "debug"),
            ("WARNING", "warn"),
            ("warn", "warn"),
            ("han_sync=debug", "info,han_sync=debug"),
            (" error , tokio_postgres=warning", "error,tokio_postgres=warn"),
        ] {
            assert_eq!(log_directives(text), Ok(directives.to_owned()), "{text}");
        }
        for (text, word) in [("verbose", "verbose"), ("info,han_sync", "han_sync"), ("han_sync=loud", "loud")]
        {
            assert_eq!(log_directives(text), Err(word), "{text}");
        }
    }
}
