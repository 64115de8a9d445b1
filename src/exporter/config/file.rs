//! The layer of `han.yml`: its `sync:` section, with typed access to each key.
//!
//! A value of the wrong type or out of range is an error that names key, value and file; an unknown key is a warning
//! that names the nearest known key.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::exporter::config::setting::{Origin, Setting};
use crate::exporter::config::small_file;
use crate::exporter::config::yaml::{YamlValue, sync_section};
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;

/// The keys of `sync:`, in the order of the documentation.
const KEYS: [&str; 18] = [
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
    "accounts",
    "includeContent",
    "includeAttachments",
    "redactPatterns",
    "timeout",
    "caFile",
    "proxy",
];

/// The parsed `sync:` section of a configuration file; empty where there is no file.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    values: Vec<(String, YamlValue)>,
}

impl ConfigFile {
    /// Reads the file that `--config` names, which must exist, or the default one, which may be absent.
    pub(super) fn load(flag: Option<&Path>, environment: &Environment) -> Result<ConfigFile, Error> {
        let (path, is_required) = match flag {
            Some(path) => (path.to_owned(), true),
            None => match environment.claude_folder() {
                Ok(folder) => (folder.join("han.yml"), false),
                // Without a home folder there is no default file, and the environment alone is enough.
                Err(_) => return Ok(ConfigFile { path: PathBuf::new(), values: Vec::new() }),
            },
        };
        let text = match small_file::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_required => String::new(),
            Err(error) => {
                return Err(Error::configuration(format!(
                    "cannot read {}: {error}; check that the file exists and that this user may read it",
                    path.display()
                )));
            }
        };
        let section = sync_section(&text).map_err(|reason| {
            Error::configuration(format!("cannot parse {}: {reason}; correct the file", path.display()))
        })?;
        // An empty value is as good as an absent key, and must not override a lower layer.
        let values = section.into_iter().filter(|(_, value)| *value != YamlValue::Null).collect();
        Ok(ConfigFile { path, values })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder against which relative paths in the file are resolved.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// A boolean, also as 0 or 1.
    pub(super) fn boolean(&self, key: &str) -> Result<Option<Setting<bool>>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(YamlValue::Boolean(value)) => Ok(Some(self.setting(*value))),
            Some(YamlValue::Integer(value @ (0 | 1))) => Ok(Some(self.setting(*value == 1))),
            Some(other) => Err(self.wrong(key, other, "true or false")),
        }
    }

    /// A whole number in a range.
    pub(super) fn number(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = match value {
            YamlValue::Integer(number) => u64::try_from(*number).ok(),
            _ => None,
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let wanted = format!("a whole number from {} to {}", range.start(), range.end());
                Err(self.wrong(key, value, &wanted))
            }
        }
    }

    /// A number of bytes in a range, plain or with the unit `KiB` or `MiB`.
    pub(super) fn bytes(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Error> {
        let Some(value @ YamlValue::Text(text)) = self.get(key) else { return self.number(key, range) };
        let in_unit = |unit, scale: u64| {
            let number: u64 = text.trim().strip_suffix(unit)?.trim().parse().ok()?;
            number.checked_mul(scale).filter(|bytes| range.contains(bytes))
        };
        match in_unit("KiB", 1 << 10).or_else(|| in_unit("MiB", 1 << 20)) {
            Some(bytes) => Ok(Some(bytes)),
            None => {
                let wanted =
                    format!("a number of bytes from {} to {}, such as 4 MiB", range.start(), range.end());
                Err(self.wrong(key, value, &wanted))
            }
        }
    }

    /// A text that is not blank.
    pub(super) fn text(&self, key: &str) -> Result<Option<Setting<String>>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(YamlValue::Text(value)) if !value.trim().is_empty() => Ok(Some(self.setting(value.clone()))),
            Some(other) => Err(self.wrong(key, other, "text")),
        }
    }

    /// A list of texts, each of which `parse` accepts.
    pub(super) fn list<T, E: fmt::Display>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Setting<Vec<T>>, Error> {
        let items = match self.get(key) {
            None => return Ok(Setting::default(Vec::new())),
            Some(YamlValue::List(items)) => items,
            Some(other) => return Err(self.wrong(key, other, "a list of texts")),
        };
        let mut parsed = Vec::with_capacity(items.len());
        for item in items {
            let YamlValue::Text(text) = item else { return Err(self.wrong(key, item, "text")) };
            let value = parse(text).map_err(|reason| {
                Error::configuration(format!("sync.{key} in {}: {text:?}: {reason}", self.path.display()))
            })?;
            parsed.push(value);
        }
        Ok(self.setting(parsed))
    }

    /// Lists a warning for each key that is no setting.
    pub(super) fn unknown_keys(&self) -> Vec<String> {
        let unknown = self.values.iter().filter(|(key, _)| !KEYS.contains(&key.as_str()));
        unknown
            .map(|(key, _)| {
                let nearest = KEYS.iter().min_by_key(|known| strsim::damerau_levenshtein(known, key));
                let hint = nearest.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
                format!("{}: sync.{key} is no setting{hint}", self.path.display())
            })
            .collect()
    }

    fn get(&self, key: &str) -> Option<&YamlValue> {
        debug_assert!(KEYS.contains(&key));
        self.values.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn setting<T>(&self, value: T) -> Setting<T> {
        Setting { value, origin: Origin::File(self.path.clone()) }
    }

    /// The error for a value of the wrong type or out of range; a key is not repeated.
    fn wrong(&self, key: &str, value: &YamlValue, wanted: &str) -> Error {
        let value = if key == "apiKey" { "the value".to_owned() } else { value.to_string() };
        Error::configuration(format!(
            "sync.{key} in {}: {value} is not {wanted}; correct it or remove the line",
            self.path.display()
        ))
    }
}
