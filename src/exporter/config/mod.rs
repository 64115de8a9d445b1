//! Settings, in layers: flag > environment > `han.yml` > default. What is absent never overrides what is present.
//!
//! Each setting remembers where it was set, so that errors and `explain` can name the place. What is wrong is an error
//! that names key, value and file; what is unknown is a warning that names the nearest known key.

pub mod project_override;
pub mod yaml;

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use saphyr::{Scalar, Yaml};

use crate::exporter::batch::redact::Redactor;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;
use crate::exporter::plan::eligibility::PrivacyRules;
use crate::protocol::remote::{Owner, Pattern};

/// The keys of `sync:`, in the order of the contract.
const KEYS: [&str; 15] = [
    "enabled",
    "endpoint",
    "apiKey",
    "apiKeyFile",
    "interval",
    "batchSize",
    "batchBytes",
    "includePersonal",
    "forceInclude",
    "forceExclude",
    "organizations",
    "includeContent",
    "redactPatterns",
    "timeout",
    "caFile",
];

/// A configuration file is some lines; one of more than this is something else.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File(PathBuf),
    Environment(&'static str),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("the default"),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Environment(name) => f.write_str(name),
            Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// A value, and where it was set.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    pub value: T,
    pub origin: Origin,
}

impl<T> Setting<T> {
    fn default(value: T) -> Setting<T> {
        Setting { value, origin: Origin::Default }
    }
}

/// A bearer key. It has no `Display`, and its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key itself, for the one header that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// What a run needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub database: PathBuf,
    pub enabled: Setting<bool>,
    pub endpoint: Option<Setting<String>>,
    pub api_key: Option<Setting<ApiKey>>,
    /// Between scheduled runs.
    pub interval: Duration,
    /// Messages per batch.
    pub batch_messages: usize,
    /// Uncompressed bytes per batch.
    pub batch_bytes: usize,
    pub include_content: Setting<bool>,
    pub redact_patterns: Vec<String>,
    /// Without progress on one request.
    pub timeout: Duration,
    pub ca_file: Option<PathBuf>,
    pub privacy: PrivacyRules,
    pub origins: PrivacyOrigins,
    /// What is odd but stops nothing, for the user to see.
    pub warnings: Vec<String>,
}

/// Where the lists and switches of the privacy filter were set.
#[derive(Debug, Clone)]
pub struct PrivacyOrigins {
    pub include_personal: Origin,
    pub force_include: Origin,
    pub force_exclude: Origin,
    pub organizations: Origin,
}

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub database: Option<PathBuf>,
    pub config: Option<PathBuf>,
    pub endpoint: Option<String>,
}

impl Config {
    /// Reads all layers.
    ///
    /// # Errors
    /// [`ExitCode::Configuration`](crate::exporter::error::ExitCode::Configuration), naming key, value and place.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Config, Error> {
        let file = File::load(flags, environment)?;
        let mut warnings = file.unknown_keys();

        let enabled = match &environment.enabled {
            Some(text) => {
                from_environment("HAN_SYNC_ENABLED", parse_switch("HAN_SYNC_ENABLED", text.trim())?)
            }
            None => file.switch("enabled")?.unwrap_or(Setting::default(false)),
        };
        let endpoint = endpoint(flags, environment, &file)?;
        let api_key = api_key(environment, &file, &mut warnings)?;
        let interval = match &environment.interval {
            Some(text) => parse_number("HAN_SYNC_INTERVAL", text, 1, SECONDS_MAX)?,
            None => file.number("interval", 1, SECONDS_MAX)?.unwrap_or(300),
        };
        let batch_messages = match &environment.batch_size {
            Some(text) => parse_number("HAN_SYNC_BATCH_SIZE", text, 1, 10_000)?,
            None => file.number("batchSize", 1, 10_000)?.unwrap_or(1_000),
        };
        let batch_bytes = file.bytes("batchBytes", 1 << 10, 1 << 30)?.unwrap_or(4 << 20);
        let include_content = file.switch("includeContent")?.unwrap_or(Setting::default(false));
        let timeout = file.number("timeout", 1, SECONDS_MAX)?.unwrap_or(30);
        let include_personal = file.switch("includePersonal")?.unwrap_or(Setting::default(false));
        let force_include = file.list("forceInclude", Pattern::parse)?;
        let force_exclude = file.list("forceExclude", Pattern::parse)?;
        let organizations = file.list("organizations", Owner::parse)?;
        let redact_patterns = file.list("redactPatterns", |text| Ok::<_, String>(text.to_owned()))?;
        if !redact_patterns.value.is_empty() {
            // What is wrong is said at once, not when text is to leave for the first time.
            Redactor::new(&redact_patterns.value)
                .map_err(|error| Error::configuration(format!("{}: sync.{error}", redact_patterns.origin)))?;
        }
        let ca_file = file.text("caFile")?.map(|setting| environment.expand(&setting.value, file.folder()));

        Ok(Config {
            database: match &flags.database {
                Some(path) => path.clone(),
                None => environment.source_database()?,
            },
            enabled,
            endpoint,
            api_key,
            interval: Duration::from_secs(interval),
            batch_messages: batch_messages as usize,
            batch_bytes: batch_bytes as usize,
            include_content,
            redact_patterns: redact_patterns.value,
            timeout: Duration::from_secs(timeout),
            ca_file,
            origins: PrivacyOrigins {
                include_personal: include_personal.origin,
                force_include: force_include.origin,
                force_exclude: force_exclude.origin,
                organizations: organizations.origin,
            },
            privacy: PrivacyRules {
                force_exclude: force_exclude.value,
                force_include: force_include.value,
                include_personal: include_personal.value,
                organizations: organizations.value,
            },
            warnings,
        })
    }
}

/// A day: longer intervals and time-outs are mistakes.
const SECONDS_MAX: u64 = 86_400;

fn from_environment<T>(name: &'static str, value: T) -> Setting<T> {
    Setting { value, origin: Origin::Environment(name) }
}

fn endpoint(flags: &Flags, environment: &Environment, file: &File) -> Result<Option<Setting<String>>, Error> {
    let setting = if let Some(text) = &flags.endpoint {
        Some(Setting { value: text.clone(), origin: Origin::Flag("--endpoint") })
    } else if let Some(text) = &environment.endpoint {
        Some(from_environment("HAN_SYNC_ENDPOINT", text.clone()))
    } else {
        file.text("endpoint")?
    };
    let Some(Setting { value, origin }) = setting else { return Ok(None) };
    let endpoint = check_endpoint(value.trim()).map_err(|why| {
        Error::configuration(format!("endpoint {:?} in {origin}: {why}", without_credentials(&value)))
    })?;
    Ok(Some(Setting { value: endpoint, origin }))
}

/// An endpoint is a full URL without credentials, and plain HTTP stays on this machine.
fn check_endpoint(text: &str) -> Result<String, &'static str> {
    const FORM: &str = "write the full URL of the receiver, such as https://team.example.com/api/sync";
    let uri: ureq::http::Uri = text.parse().map_err(|_| FORM)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(FORM) };
    if authority.as_str().contains('@') {
        return Err("leave user and password out of it; the key goes into apiKey");
    }
    if uri.query().is_some() {
        return Err("leave the query out of it");
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(authority.host()) => {}
        "http" => return Err("plain http is only for a receiver on this machine; use https"),
        _ => return Err(FORM),
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Whether the host can only be this machine.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn without_credentials(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://…@{}", &url[..scheme], &url[at + 1..]),
        _ => url.to_owned(),
    }
}

fn api_key(
    environment: &Environment,
    file: &File,
    warnings: &mut Vec<String>,
) -> Result<Option<Setting<ApiKey>>, Error> {
    if let Some(text) = &environment.api_key {
        let key = check_key(text, "HAN_SYNC_API_KEY")?;
        return Ok(Some(from_environment("HAN_SYNC_API_KEY", key)));
    }
    if let Some(setting) = file.text("apiKey")? {
        warn_if_others_can_read(file.path(), warnings);
        let key = check_key(&setting.value, &setting.origin.to_string())?;
        return Ok(Some(Setting { value: key, origin: setting.origin }));
    }
    let Some(setting) = file.text("apiKeyFile")? else { return Ok(None) };
    let path = environment.expand(&setting.value, file.folder());
    let text = read_bounded(&path).map_err(|error| {
        Error::configuration(format!("apiKeyFile {} in {}: {error}", path.display(), setting.origin))
    })?;
    warn_if_others_can_read(&path, warnings);
    let key = check_key(&text, &path.display().to_string())?;
    Ok(Some(Setting { value: key, origin: Origin::File(path) }))
}

/// A key goes into a header: visible ASCII, nothing else. The message does not repeat it.
fn check_key(text: &str, place: &str) -> Result<ApiKey, Error> {
    let key = text.trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message =
            format!("apiKey in {place} is empty or has characters that no key has; copy it once more");
        return Err(Error::configuration(message));
    }
    Ok(ApiKey(key.to_owned()))
}

fn warn_if_others_can_read(path: &Path, warnings: &mut Vec<String>) {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        if mode & 0o077 != 0 {
            warnings.push(format!(
                "{} holds the key and can be read by others; run: chmod 600 {}",
                path.display(),
                path.display()
            ));
        }
    }
    #[cfg(not(unix))]
    let _ = (path, warnings);
}

/// Reads a small regular file as text; never waits for a pipe.
pub fn read_bounded(path: &Path) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    let mut text = String::new();
    // Some files are longer than they say.
    fs::File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// The `sync:` section of a file as key and value; empty where the file has none.
pub fn sync_section(text: &str) -> Result<Vec<(String, Yaml<'_>)>, String> {
    let Some(document) = yaml::first_document(text)? else { return Ok(Vec::new()) };
    let Yaml::Mapping(mapping) = document else {
        return match document {
            Yaml::Value(Scalar::Null) => Ok(Vec::new()),
            _ => Err("it is no mapping of keys to values".to_owned()),
        };
    };
    let section = mapping.into_iter().find(|(key, _)| key.as_str() == Some("sync"));
    match section {
        None | Some((_, Yaml::Value(Scalar::Null))) => Ok(Vec::new()),
        Some((_, Yaml::Mapping(section))) => section
            .into_iter()
            .map(|(key, value)| match key.as_str() {
                Some(name) => Ok((name.to_owned(), value)),
                None => Err("a key of sync: is no text".to_owned()),
            })
            .collect(),
        Some(_) => Err("sync: is no mapping of keys to values".to_owned()),
    }
}

/// The layer of `han.yml`.
struct File {
    path: PathBuf,
    values: Vec<(String, Value)>,
}

/// A value of `han.yml`, owned, with the types that settings have.
#[derive(Debug, Clone)]
enum Value {
    Switch(bool),
    Number(i64),
    Text(String),
    List(Vec<Value>),
    Other,
}

impl Value {
    fn from_yaml(yaml: &Yaml) -> Option<Value> {
        Some(match yaml {
            Yaml::Value(Scalar::Null) => return None,
            Yaml::Value(Scalar::Boolean(value)) => Value::Switch(*value),
            Yaml::Value(Scalar::Integer(value)) => Value::Number(*value),
            Yaml::Value(Scalar::String(value)) => Value::Text(value.to_string()),
            Yaml::Sequence(items) => {
                Value::List(items.iter().map(|item| Value::from_yaml(item).unwrap_or(Value::Other)).collect())
            }
            _ => Value::Other,
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Value::Switch(value) => write!(f, "{value}"),
            Value::Number(value) => write!(f, "{value}"),
            Value::Text(value) => write!(f, "{value:?}"),
            Value::List(_) => f.write_str("a list"),
            Value::Other => f.write_str("a value of another type"),
        }
    }
}

impl File {
    fn load(flags: &Flags, environment: &Environment) -> Result<File, Error> {
        let (path, required) = match &flags.config {
            Some(path) => (path.clone(), true),
            // Without a home there is no default file, and the environment alone is enough.
            None => match environment.claude_folder() {
                Ok(folder) => (folder.join("han.yml"), false),
                Err(_) => return Ok(File { path: PathBuf::new(), values: Vec::new() }),
            },
        };
        let text = match read_bounded(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !required => String::new(),
            Err(error) => {
                return Err(Error::configuration(format!(
                    "cannot read {}: {error}; check that it is there and that this user may read it",
                    path.display()
                )));
            }
        };
        let section = sync_section(&text)
            .map_err(|why| Error::configuration(format!("{}: not to be read: {why}", path.display())))?;
        let values = section
            .into_iter()
            .filter_map(|(key, yaml)| Value::from_yaml(&yaml).map(|value| (key, value)))
            .collect();
        Ok(File { path, values })
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    fn get(&self, key: &str) -> Option<&Value> {
        debug_assert!(KEYS.contains(&key));
        self.values.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn setting<T>(&self, value: T) -> Setting<T> {
        Setting { value, origin: Origin::File(self.path.clone()) }
    }

    fn wrong(&self, key: &str, value: &Value, wanted: &str) -> Error {
        let shown = if key == "apiKey" { "the value".to_owned() } else { value.to_string() };
        Error::configuration(format!(
            "sync.{key} in {}: {shown} is not {wanted}; correct it or remove the line",
            self.path.display()
        ))
    }

    fn switch(&self, key: &str) -> Result<Option<Setting<bool>>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Switch(value)) => Ok(Some(self.setting(*value))),
            Some(Value::Number(value @ (0 | 1))) => Ok(Some(self.setting(*value == 1))),
            Some(other) => Err(self.wrong(key, other, "true or false")),
        }
    }

    fn number(&self, key: &str, min: u64, max: u64) -> Result<Option<u64>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Number(value)) if (min as i64..=max as i64).contains(value) => {
                Ok(Some(*value as u64))
            }
            Some(other) => Err(self.wrong(key, other, &format!("a whole number from {min} to {max}"))),
        }
    }

    /// A number of bytes, plain or with `KiB` or `MiB`.
    fn bytes(&self, key: &str, min: u64, max: u64) -> Result<Option<u64>, Error> {
        let Some(Value::Text(text)) = self.get(key) else { return self.number(key, min, max) };
        let unit = |suffix, scale: u64| {
            let number: u64 = text.trim().strip_suffix(suffix)?.trim().parse().ok()?;
            number.checked_mul(scale).filter(|bytes| (min..=max).contains(bytes))
        };
        match unit("KiB", 1 << 10).or_else(|| unit("MiB", 1 << 20)) {
            Some(bytes) => Ok(Some(bytes)),
            None => {
                let wanted = format!("a number of bytes from {min} to {max}, such as 4 MiB");
                Err(self.wrong(key, &Value::Text(text.clone()), &wanted))
            }
        }
    }

    fn text(&self, key: &str) -> Result<Option<Setting<String>>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Text(value)) if !value.trim().is_empty() => Ok(Some(self.setting(value.clone()))),
            Some(other) => Err(self.wrong(key, other, "text")),
        }
    }

    fn list<T, E: fmt::Display>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Setting<Vec<T>>, Error> {
        let items = match self.get(key) {
            None => return Ok(Setting::default(Vec::new())),
            Some(Value::List(items)) => items,
            Some(other) => return Err(self.wrong(key, other, "a list of texts")),
        };
        let mut parsed = Vec::with_capacity(items.len());
        for item in items {
            let Value::Text(text) = item else { return Err(self.wrong(key, item, "text")) };
            let value = parse(text).map_err(|why| {
                Error::configuration(format!("sync.{key} in {}: {text:?}: {why}", self.path.display()))
            })?;
            parsed.push(value);
        }
        Ok(self.setting(parsed))
    }

    fn unknown_keys(&self) -> Vec<String> {
        let unknown = self.values.iter().filter(|(key, _)| !KEYS.contains(&key.as_str()));
        unknown
            .map(|(key, _)| {
                let nearest = KEYS.iter().min_by_key(|known| strsim::damerau_levenshtein(known, key));
                let hint = nearest.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
                format!("{}: sync.{key} is no setting{hint}", self.path.display())
            })
            .collect()
    }
}

fn parse_switch(place: &str, text: &str) -> Result<bool, Error> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Error::configuration(format!("{place}: {text:?} is none of true, false, 1 and 0"))),
    }
}

fn parse_number(place: &str, text: &str, min: u64, max: u64) -> Result<u64, Error> {
    let number = text.trim().parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| {
        Error::configuration(format!("{place}: {text:?} is not a whole number from {min} to {max}"))
    })
}
