//! The command line that schedule and hooks run: the program, and the places that their bare environment would not lead to.
//!
//! A scheduler starts a run with hardly a variable, and a hook ignores those that it has. Places go into the line as flags;
//! any other setting that exists in the environment alone has to move to `han.yml` first.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::exporter::config::{Config, Flags, Origin};
use crate::exporter::context::Context;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;
use crate::shell::shell_quoted;

/// Time budget of an installed run: one that starts every five minutes need not last for four.
const BUDGET_SECONDS: &str = "60";
/// Splay of an installed schedule.
pub(super) const SPLAY_SECONDS: u64 = 60;

/// The program with its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InstalledLine {
    program: String,
    places: Vec<String>,
}

impl InstalledLine {
    /// Builds the line from what is in force now.
    ///
    /// # Errors
    /// A configuration error that names each setting that exists in the environment alone, with the line for `han.yml`.
    pub(super) fn new(context: &Context, flags: &Flags, program: &Path) -> Result<InstalledLine, Error> {
        let bare = bare_config(context)?;
        require_settings_in_file(context, &bare)?;
        Ok(InstalledLine { program: text(program)?, places: places(context, flags)? })
    }

    /// The words of a scheduled run; with a splay for a scheduler that has none of its own.
    pub(super) fn run(&self, has_splay: bool) -> Vec<String> {
        let splay = [has_splay.then(|| "--splay".to_owned()), has_splay.then(|| SPLAY_SECONDS.to_string())];
        let words = [self.program.clone(), "--quiet".into(), "--max-seconds".into(), BUDGET_SECONDS.into()];
        words.into_iter().chain(splay.into_iter().flatten()).chain(self.places.clone()).collect()
    }

    /// The command of a hook, for a shell.
    pub(super) fn hook(&self) -> String {
        let words = [self.program.clone(), "hook".to_owned()].into_iter().chain(self.places.clone());
        shell_words(words)
    }
}

/// Joins words for a POSIX shell, each quoted where that is needed.
pub(super) fn shell_words(words: impl IntoIterator<Item = String>) -> String {
    words.into_iter().map(|word| shell_quoted(&word)).collect::<Vec<_>>().join(" ")
}

/// The text of a path that a file of a scheduler can hold.
fn text(path: &Path) -> Result<String, Error> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match absolute.to_str().filter(|text| !text.contains(char::is_control)) {
        Some(text) => Ok(text.to_owned()),
        None => Err(Error::configuration(format!(
            "{}: a schedule cannot hold such a path; rename it",
            path.display()
        ))),
    }
}

/// The places that a flag or a variable names, or that another home folder leads to, as flags.
fn places(context: &Context, flags: &Flags) -> Result<Vec<String>, Error> {
    let environment = &context.environment;
    let bare = Environment::from_user_database();
    let is_elsewhere = |place: &Path, usual: Result<PathBuf, Error>| usual.ok().as_deref() != Some(place);
    let config = &context.config;
    let claude = environment.claude_config_dir.is_some();
    let mut places = Vec::new();
    let mut add = |flag: &str, path: &Path| -> Result<(), Error> {
        places.extend([flag.to_owned(), text(path)?]);
        Ok(())
    };
    let is_named =
        flags.database.is_some() || environment.han_db.is_some() || environment.han_data_dir.is_some();
    if is_named || is_elsewhere(&config.database, bare.source_database()) {
        add("--db", &config.database)?;
    }
    let usual = bare.claude_folder().map(|folder| folder.join("han.yml"));
    if flags.config.is_some() || claude || is_elsewhere(&config.file, usual) {
        if !config.file.exists() {
            return Err(Error::configuration(format!(
                "{} is missing, and no schedule runs without it where a variable or HOME leads to it; write it first, then \
                 repeat han-sync install",
                config.file.display()
            )));
        }
        add("--config", &config.file)?;
    }
    if flags.state_folder.is_some() || claude || is_elsewhere(&context.folder, bare.state_folder()) {
        add("--state-dir", &context.folder)?;
    }
    let endpoint = config.endpoint.as_ref();
    if let Some(endpoint) = endpoint.filter(|endpoint| !matches!(endpoint.origin, Origin::File(_))) {
        places.extend(["--endpoint".to_owned(), endpoint.value.clone()]);
    }
    Ok(places)
}

/// The configuration of a run without the variables of this environment, at the same places.
fn bare_config(context: &Context) -> Result<Config, Error> {
    let environment = &context.environment;
    let folder = context.config.file.parent().filter(|folder| folder.is_absolute()).map(Path::to_owned);
    let bare = Environment {
        home: environment.home.clone(),
        claude_config_dir: folder.clone(),
        ..Environment::default()
    };
    let is_default = folder.is_none_or(|folder| folder.join("han.yml") == context.config.file);
    let config = (!is_default || context.config.file.exists()).then(|| context.config.file.clone());
    let flags = Flags {
        config: config.filter(|file| !file.as_os_str().is_empty()),
        database: Some(context.config.database.clone()),
        state_folder: Some(context.folder.clone()),
        ..Flags::default()
    };
    Config::load(&flags, &bare)
}

/// A setting that exists in the environment alone.
struct StraySetting {
    variable: &'static str,
    /// The line of `sync:` that would hold the setting.
    line: String,
}

impl fmt::Display for StraySetting {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "  {:<16} ({})", self.line, self.variable)
    }
}

/// Checks that the files hold every setting that is in force.
fn require_settings_in_file(context: &Context, bare: &Config) -> Result<(), Error> {
    let stray = stray_settings(context, bare)?;
    if stray.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = stray.iter().map(StraySetting::to_string).collect();
    let file = if context.config.file.as_os_str().is_empty() {
        "han.yml".to_owned()
    } else {
        context.config.file.display().to_string()
    };
    Err(Error::configuration(format!(
        "settings of this environment are in no file, and neither a schedule nor a hook sees them; add to sync: in {file}, \
         then repeat han-sync install (nothing was written):\n{}",
        lines.join("\n")
    )))
}

fn stray_settings(context: &Context, bare: &Config) -> Result<Vec<StraySetting>, Error> {
    let (config, environment) = (&context.config, &context.environment);
    let mut stray = Vec::new();
    let mut add = |variable, is_stray: bool, line: String| {
        if is_stray {
            stray.push(StraySetting { variable, line });
        }
    };
    let enabled = config.enabled.value;
    add("HAN_SYNC_ENABLED", enabled != bare.enabled.value, format!("enabled: {enabled}"));
    let key = |config: &Config| config.api_key.as_ref().map(|key| key.value.clone());
    add(
        "HAN_SYNC_API_KEY",
        environment.api_key.is_some() && key(config) != key(bare),
        format!("apiKeyFile: {}  # a file of mode 600 with the key", config.key_file.display()),
    );
    let interval = config.interval.as_secs();
    add("HAN_SYNC_INTERVAL", config.interval != bare.interval, format!("interval: {interval}"));
    let batch = config.batch_messages;
    add("HAN_SYNC_BATCH_SIZE", batch != bare.batch_messages, format!("batchSize: {batch}"));
    let (host, port) = config.endpoint_host().unwrap_or_default();
    if let Some(proxy) = config.proxy.of_environment(&host, port)? {
        let variable = environment.proxy.as_ref().map_or("https_proxy", |(name, _)| name);
        add(variable, true, format!("proxy: {proxy}{}", credentials_hint(proxy.has_credentials())));
    } else if bare.proxy.for_endpoint(&host, port)?.is_some()
        && config.proxy.for_endpoint(&host, port)?.is_none()
    {
        add("no_proxy", true, "proxy: none".to_owned());
    }
    let authorities =
        [("SSL_CERT_FILE", &environment.ssl_cert_file), ("SSL_CERT_DIR", &environment.ssl_cert_dir)];
    for (variable, place) in authorities {
        if let Some(place) = place.as_ref().filter(|_| bare.ca_file.is_none()) {
            let hint = if variable == "SSL_CERT_DIR" { "  # its authorities in one PEM file" } else { "" };
            add(variable, true, format!("caFile: {}{hint}", place.display()));
        }
    }
    Ok(stray)
}

/// The hint for a proxy whose credentials are not shown.
fn credentials_hint(has_credentials: bool) -> &'static str {
    if has_credentials { "  # with user:password@ before the host" } else { "" }
}

/// The path of this program as it was called, so that a link of a package manager stays one. `name`: the first word of the
/// command line; `own`: the program that the link leads to.
///
/// # Errors
/// A configuration error if the program cannot be located.
pub fn program_path(name: Option<&OsStr>, environment: &Environment, own: &Path) -> Result<PathBuf, Error> {
    let leads_here =
        |path: &PathBuf| path.canonicalize().is_ok_and(|target| Some(target) == own.canonicalize().ok());
    let named = name.map(Path::new).unwrap_or(Path::new(""));
    let by_path = (named.components().count() > 1).then(|| std::path::absolute(named).ok()).flatten();
    let folders = environment.path.as_ref().map(std::env::split_paths).into_iter().flatten();
    let mut by_name = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(named));
    let found = by_path.filter(leads_here).or_else(|| by_name.find(leads_here));
    let found = found.or_else(|| own.is_absolute().then(|| own.to_owned()));
    found.ok_or_else(|| Error::configuration("cannot locate this program; start it by its full path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell_where_needed() {
        let words = ["/usr/bin/han-sync", "--db", "/a b/it's", "", "$HOME", "é"].map(str::to_owned);
        assert_eq!(shell_words(words), r"/usr/bin/han-sync --db '/a b/it'\''s' '' '$HOME' 'é'");
    }
}
