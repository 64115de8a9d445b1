//! The configuration, in layers: flag > environment > `han.yml` > default. An absent value never overrides a present one.
//!
//! Each setting remembers its origin, so that errors and `explain` can name the place. This module reads files and
//! parses values; it opens no connection and no database.

/// A setting and its origin.
pub mod setting;
/// Bounded reads of small files.
pub mod small_file;
/// The folders of a working tree, and the difference between a path that is gone and one that cannot be read.
mod working_tree;
/// Untrusted YAML.
pub mod yaml;
/// The editor of the section in `han.yml`.
pub mod editor;
/// The layer of `han.yml`.
mod file;
/// The bearer key.
pub mod api_key;
/// The receiver's URL.
pub mod endpoint;
/// The proxy on the way to the receiver.
pub mod proxy;
/// The user's rules for the privacy filter.
pub mod privacy;
/// The setting on names of tools.
mod tool_names;
/// The user's regular expressions for secrets.
pub mod redact_patterns;
/// The text of a repository's own `han.yml`.
pub mod repository_file;
/// Restrictions by a repository's own `han.yml`.
pub mod project_override;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::api_key::ApiKey;
pub use self::endpoint::Endpoint;
pub use self::privacy::{PrivacyOrigins, PrivacyRules};
pub use self::proxy::ProxyRules;
pub use self::setting::{Origin, Setting};
pub use self::tool_names::ToolNames;

use self::file::ConfigFile;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;

/// Seconds of an interval or a timeout: more than a day is a mistake.
const SECONDS: RangeInclusive<u64> = 1..=86_400;
/// Messages per batch, as the contract bounds them.
const BATCH_MESSAGES: RangeInclusive<u64> = 1..=10_000;
/// Uncompressed bytes per batch: 1 KiB still holds a small message, 1 GiB is beyond any receiver's limit.
const BATCH_BYTES: RangeInclusive<u64> = 1 << 10..=1 << 30;

const INTERVAL_SECONDS_DEFAULT: u64 = 300;
const TIMEOUT_SECONDS_DEFAULT: u64 = 30;
const BATCH_MESSAGES_DEFAULT: u64 = 1_000;
const BATCH_BYTES_DEFAULT: u64 = 4 << 20;

/// The validated configuration of a command.
#[derive(Debug, Clone)]
pub struct Config {
    /// Path of the configuration file; empty where there is none.
    pub file: PathBuf,
    /// Path of han's database.
    pub database: PathBuf,
    /// True if the user opted in.
    pub enabled: Setting<bool>,
    /// URL of `POST …/api/sync`.
    pub endpoint: Option<Setting<String>>,
    /// Bearer key.
    pub api_key: Option<Setting<ApiKey>>,
    /// File that `login` writes the key to, and that counts where no other layer sets one.
    pub key_file: PathBuf,
    /// Time between scheduled runs.
    pub interval: Duration,
    /// Messages per batch.
    pub batch_messages: usize,
    /// Uncompressed bytes per batch.
    pub batch_bytes: usize,
    /// True if message text is sent, redacted.
    pub include_content: Setting<bool>,
    /// True if attachments (images, documents and other base64) are sent with text.
    pub include_attachments: bool,
    /// True if the git branch of an organization's messages is sent.
    pub include_branch: bool,
    /// Names of tools that are sent.
    pub tool_names: ToolNames,
    /// The home folder, which content does not name.
    pub home: Option<PathBuf>,
    /// Further regular expressions to redact.
    pub redact_patterns: Vec<String>,
    /// Time without progress on one request.
    pub timeout: Duration,
    /// An extra certificate authority.
    pub ca_file: Option<PathBuf>,
    /// Proxy on the way to the receiver.
    pub proxy: ProxyRules,
    /// Rules of the privacy filter.
    pub privacy: PrivacyRules,
    /// Origins of the privacy rules, for `explain`.
    pub origins: PrivacyOrigins,
    /// File with the key that others can read.
    pub readable_key_file: Option<PathBuf>,
    /// Mistakes that do not stop a command, such as an unknown key.
    pub warnings: Vec<String>,
}

/// The layer of the command line.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// Path of han's database.
    pub database: Option<PathBuf>,
    /// Path of the configuration file.
    pub config: Option<PathBuf>,
    /// Folder of state and queue.
    pub state_folder: Option<PathBuf>,
    /// URL of `POST …/api/sync`.
    pub endpoint: Option<String>,
    /// True if the configuration file may be absent, because the command writes it.
    pub may_create_config: bool,
}

impl Flags {
    /// The state folder: `--state-dir`, else that of the environment.
    ///
    /// # Errors
    /// A configuration error if neither names one.
    pub fn state_folder(&self, environment: &Environment) -> Result<PathBuf, Error> {
        match &self.state_folder {
            None => environment.state_folder(),
            Some(folder) => environment.expand(folder, Path::new("")),
        }
    }
}

impl Config {
    /// Reads and validates all layers.
    ///
    /// # Errors
    /// [`ExitCode::Configuration`](crate::exporter::error::ExitCode::Configuration), naming key, value and place.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Config, Error> {
        environment.check_paths()?;
        let file = ConfigFile::load(flags.config.as_deref(), flags.may_create_config, environment)?;
        let mut warnings = file.unknown_keys();
        let enabled = enabled(environment, &file)?;
        let endpoint = endpoint::load(flags.endpoint.as_deref(), environment, &file)?;
        let key_file = api_key::key_file(environment, &file, &flags.state_folder(environment)?)?;
        let (api_key, readable_key_file) = api_key::load(environment, &file, &key_file)?;
        warnings.extend(readable_key_file.as_ref().map(|path| api_key::readable_warning(path)));
        let interval = match &environment.interval {
            Some(text) => parse_number("HAN_SYNC_INTERVAL", text, SECONDS)?,
            None => file.number("interval", SECONDS)?.unwrap_or(INTERVAL_SECONDS_DEFAULT),
        };
        let batch_messages = match &environment.batch_size {
            Some(text) => parse_number("HAN_SYNC_BATCH_SIZE", text, BATCH_MESSAGES)?,
            None => file.number("batchSize", BATCH_MESSAGES)?.unwrap_or(BATCH_MESSAGES_DEFAULT),
        };
        let batch_bytes = file.bytes("batchBytes", BATCH_BYTES)?.unwrap_or(BATCH_BYTES_DEFAULT);
        let include_content = file.boolean("includeContent")?.unwrap_or(Setting::default(false));
        let include_attachments = file.boolean("includeAttachments")?.is_some_and(|setting| setting.value);
        let timeout = file.number("timeout", SECONDS)?.unwrap_or(TIMEOUT_SECONDS_DEFAULT);
        let (privacy, origins) = privacy::load(&file)?;
        let redact_patterns = redact_patterns(&file)?;
        let ca_file = file.text("caFile")?;
        let ca_file =
            ca_file.map(|setting| environment.expand(setting.value.as_ref(), file.folder())).transpose()?;
        let proxy = proxy::load(environment, &file)?;
        let database = match &flags.database {
            Some(path) => environment.expand(path, Path::new(""))?,
            None => environment.source_database()?,
        };
        Ok(Config {
            file: file.path().to_owned(),
            database,
            enabled,
            endpoint,
            api_key,
            key_file,
            interval: Duration::from_secs(interval),
            batch_messages: batch_messages as usize,
            batch_bytes: batch_bytes as usize,
            include_content,
            include_attachments,
            include_branch: file.boolean("includeBranch")?.is_none_or(|setting| setting.value),
            tool_names: tool_names::load(&file)?,
            home: environment.home.clone(),
            redact_patterns,
            timeout: Duration::from_secs(timeout),
            ca_file,
            proxy,
            privacy,
            origins,
            readable_key_file,
            warnings,
        })
    }
}

impl Config {
    /// Host and port of the endpoint.
    pub fn endpoint_host(&self) -> Option<(String, Option<u16>)> {
        let uri: ureq::http::Uri = self.endpoint.as_ref()?.value.parse().ok()?;
        Some((uri.host()?.to_owned(), uri.port_u16()))
    }

    /// True if the endpoint is on this machine, as a test's receiver is.
    pub fn has_loopback_endpoint(&self) -> bool {
        self.endpoint_host().is_some_and(|(host, _)| endpoint::is_loopback(&host))
    }
}

fn enabled(environment: &Environment, file: &ConfigFile) -> Result<Setting<bool>, Error> {
    const VARIABLE: &str = "HAN_SYNC_ENABLED";
    let Some(text) = &environment.enabled else {
        return Ok(file.boolean("enabled")?.unwrap_or(Setting::default(false)));
    };
    let text = text.trim();
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(Setting::from_environment(VARIABLE, true)),
        "false" | "0" => Ok(Setting::from_environment(VARIABLE, false)),
        _ => Err(Error::configuration(format!("{VARIABLE}: {text:?} is none of true, false, 1 and 0"))),
    }
}

/// Reads and compiles `redactPatterns`, so that a mistake is reported at once rather than when text is first sent.
fn redact_patterns(file: &ConfigFile) -> Result<Vec<String>, Error> {
    let patterns = file.list("redactPatterns", |text| Ok::<_, String>(text.to_owned()))?;
    match redact_patterns::compile(&patterns.value) {
        Ok(_) => Ok(patterns.value),
        Err(error) => Err(Error::configuration(format!("{}: sync.{error}", patterns.origin))),
    }
}

/// Parses a whole number of an environment variable.
fn parse_number(variable: &str, text: &str, range: RangeInclusive<u64>) -> Result<u64, Error> {
    let number = text.trim().parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (min, max) = range.into_inner();
        Error::configuration(format!("{variable}: {text:?} is not a whole number from {min} to {max}"))
    })
}
