//! Settings from the environment, checked before anything starts.
//!
//! Invariant: a value that is not understood is an error that names the variable, and never a default in silence.

use super::bounded_text::read_bounded;
use super::exit::CliError;
use crate::nearest::nearest;
use crate::printable::printable;
use crate::receiver::store::PoolOptions;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

const LOG: &str = "HAN_SYNC_LOG";
const POOL: &str = "HAN_SYNC_POOL";
const POOL_AGE: &str = "HAN_SYNC_POOL_AGE";
/// Longest age of a connection that can be asked for: a week.
const POOL_AGE_MAX_S: usize = 7 * 86_400;
const CREDENTIALS_FOLDER: &str = "CREDENTIALS_DIRECTORY";
/// Flags that are no settings.
const NO_SETTINGS: [&str; 2] = ["--help", "help"];
/// Flags that may be given several times.
const REPEATED_FLAGS: [&str; 1] = ["--trusted-proxy"];
/// Flags without a value; their variables say yes or no.
const SWITCHES: [&str; 1] = ["--oidc-create"];
/// Flags that name a file of a secret, which may stand in a variable as well.
const SECRET_FILES: [&str; 1] = ["--oidc-client-secret-file"];
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
const LEVEL_DEFAULT: &str = "info";
/// Most connections of one receiver: far more than a PostgreSQL server takes.
const POOL_MAX: usize = 10_000;
/// Bytes of a file that holds one setting.
const SECRET_BYTES_MAX: u64 = 64 << 10;

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

/// The operator's choices of connections to PostgreSQL.
pub fn pool_options() -> Result<PoolOptions, CliError> {
    Ok(PoolOptions {
        connections: number(POOL, "number of connections", POOL_MAX)?,
        age_max: number(POOL_AGE, "number of seconds", POOL_AGE_MAX_S)?
            .map(|seconds| Duration::from_secs(seconds as u64)),
    })
}

/// A variable that is a number from 1 to `most`.
fn number(name: &str, what: &str, most: usize) -> Result<Option<usize>, CliError> {
    let Some(text) = variable(name) else { return Ok(None) };
    match text.trim().parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
        _ => Err(CliError::Usage(format!("{name}: {} is no {what}: set 1 to {most}", printable(&text)))),
    }
}

/// The store's URL, by the first place that names it.
pub fn store_url() -> Result<Option<String>, CliError> {
    Ok(secret("HAN_SYNC_STORE", "store")?.or_else(|| variable("DATABASE_URL")))
}

/// The key that reads metrics and nothing else.
pub fn metrics_key() -> Result<Option<String>, CliError> {
    secret("HAN_SYNC_METRICS_KEY", "metrics-key")
}

/// The secret of this receiver at the provider: in the file of the flag, else by the environment.
pub fn client_secret(file: Option<&str>) -> Result<Option<String>, CliError> {
    match file {
        Some(path) => read_secret("--oidc-client-secret-file", Path::new(path)).map(Some),
        None => secret("HAN_SYNC_OIDC_CLIENT_SECRET", "oidc-client-secret"),
    }
}

/// A setting that may be secret: the variable itself, else the file that the variable `…_FILE` names, else the credential
/// that the service manager provides.
fn secret(name: &str, credential: &str) -> Result<Option<String>, CliError> {
    if let Some(value) = variable(name) {
        return Ok(Some(value));
    }
    let name = format!("{name}_FILE");
    if let Some(path) = variable(&name) {
        return read_secret(&name, Path::new(&path)).map(Some);
    }
    let folder = variable(CREDENTIALS_FOLDER).map(PathBuf::from);
    let path = folder.map(|folder| folder.join(credential)).filter(|path| path.symlink_metadata().is_ok());
    path.map(|path| read_secret(CREDENTIALS_FOLDER, &path)).transpose()
}

fn read_secret(name: &str, path: &Path) -> Result<String, CliError> {
    let failed = |reason: &str| {
        let path = path.to_string_lossy();
        CliError::Unavailable(format!(
            "{name}: {} {reason}: write the setting's value to it",
            printable(&path)
        ))
    };
    let text = File::open(path).and_then(|file| read_bounded(file, SECRET_BYTES_MAX));
    let text = text.map_err(|error| failed(&format!("cannot be read ({error})")))?;
    match text.trim() {
        "" => Err(failed("is empty")),
        value => Ok(value.to_owned()),
    }
}

/// Adds the flags of a command that are set by variables to its words, unless they are there: `HAN_SYNC_LISTEN` for
/// `--listen`. A flag that repeats has its values separated by blanks or commas.
pub fn add_flags(words: &mut Vec<String>, flags: &[String]) -> Result<(), CliError> {
    add_flags_from(words, flags, variable)
}

fn add_flags_from(
    words: &mut Vec<String>,
    flags: &[String],
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), CliError> {
    let is_setting =
        |flag: &&String| !NO_SETTINGS.contains(&flag.as_str()) && !SECRET_FILES.contains(&flag.as_str());
    for flag in flags.iter().filter(is_setting) {
        let name = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
        let name = format!("HAN_SYNC_{name}");
        let Some(value) = variable(&name).filter(|_| !words.contains(flag)) else {
            continue;
        };
        if SWITCHES.contains(&flag.as_str()) {
            words.extend(parse_yes_no(&name, &value)?.then(|| flag.clone()));
            continue;
        }
        let values: Vec<&str> = match REPEATED_FLAGS.contains(&flag.as_str()) {
            true => value.split([',', ' ']).filter(|value| !value.is_empty()).collect(),
            false => vec![&value],
        };
        words.extend(values.into_iter().flat_map(|value| [flag.clone(), value.to_owned()]));
    }
    Ok(())
}

/// Parses the `yes` or `no` of an option or of a switch's variable.
pub fn parse_yes_no(name: &str, value: &str) -> Result<bool, CliError> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(CliError::Usage(format!(
            "{name}: {} is neither yes nor no: use one of them",
            printable(value)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_on_the_command_line_wins_over_its_variable_and_a_repeated_one_takes_several_values() {
        let variable = |name: &str| match name {
            "HAN_SYNC_LISTEN" => Some("0.0.0.0:80".to_owned()),
            "HAN_SYNC_DRAIN_SECONDS" => Some("0".to_owned()),
            "HAN_SYNC_TRUSTED_PROXY" => Some("10.0.0.0/8, 192.168.0.0/16".to_owned()),
            "HAN_SYNC_OIDC_CREATE" => Some("yes".to_owned()),
            "HAN_SYNC_OIDC_CLIENT_SECRET_FILE" => Some("/secret".to_owned()),
            _ => None,
        };
        let flags = ["--listen", "--drain-seconds", "--trusted-proxy", "--rate", "--help", "--oidc-create"];
        let flags = [&flags[..], &["--oidc-client-secret-file"]].concat();
        let flags: Vec<String> = flags.into_iter().map(str::to_owned).collect();
        let mut words = ["serve", "--listen", "127.0.0.1:0"].map(str::to_owned).to_vec();
        assert!(add_flags_from(&mut words, &flags, variable).is_ok());
        let added =
            ["--drain-seconds", "0", "--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "192.168.0.0/16"];
        assert_eq!(words[3..], [&added[..], &["--oidc-create"]].concat());
        for (value, flag) in [("no", Some(0)), ("0", Some(0)), ("maybe", None)] {
            let mut words = vec![];
            let added = add_flags_from(&mut words, &flags[5..6], |_| Some(value.to_owned()));
            assert_eq!(added.ok().map(|()| words.len()), flag, "{value}");
        }
    }

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
