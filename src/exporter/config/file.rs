//! The layer of `han.yml`: its `sync:` section, with typed access to each key.
//!
//! A value of the wrong type or out of range is an error that names key, value and file; so is a mistyped key or section,
//! because a mistyped exclusion must not send. Any other unknown key is a warning that names the nearest known key.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::exporter::config::setting::{Origin, Setting};
use crate::exporter::config::small_file;
use crate::exporter::config::working_tree;
use crate::exporter::config::yaml::{YamlValue, documents, sync_section};
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;

/// The keys of `sync:`, in the order of the documentation.
const KEYS: [&str; 20] = [
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
    "includeToolNames",
    "includeContent",
    "includeAttachments",
    "includeBranch",
    "redactPatterns",
    "timeout",
    "caFile",
    "proxy",
];

/// Keys that han's own sync documents for the section; they mean nothing here.
const HAN_KEYS: [&str; 1] = ["compression"];
/// Number of edits from a known key up to which an unknown one is taken for a mistyped one.
const EDITS_MAX: usize = 2;
/// Keys that no section of han has, so that one outside of `sync:` is one at the wrong indentation.
const KEYS_OF_SYNC_ALONE: [&str; 5] =
    ["forceExclude", "forceInclude", "includePersonal", "includeContent", "redactPatterns"];

/// True if there is no file. A link that leads nowhere, also in place of a folder of the path, may hold exclusions that
/// are not mounted.
fn is_absent(path: &Path, error: &io::Error) -> bool {
    let exists =
        |path: &&Path| path.symlink_metadata().map_or_else(|error| !working_tree::is_gone(&error), |_| true);
    let nearest = path.ancestors().find(exists);
    error.kind() == io::ErrorKind::NotFound
        && nearest.is_some_and(|nearest| nearest != path && nearest.metadata().is_ok())
}

/// Parses the `sync:` section of the user's own file. A section that is misspelt, at the wrong place or in a second
/// document is an error: it may hold exclusions.
fn own_section(text: &str) -> Result<Vec<(String, YamlValue)>, String> {
    for (index, document) in documents(text)?.iter().enumerate() {
        let YamlValue::Mapping(entries) = document else { continue };
        for (key, value) in entries.iter().filter_map(|(key, value)| Some((key.as_text()?, value))) {
            let (near_sync, edits) = nearest_key(key, &["sync"]);
            let (near_key, key_edits) = nearest_key(key, &KEYS_OF_SYNC_ALONE);
            if key == near_sync && index > 0 {
                return Err("sync: is in a second YAML document, where it is not read".to_owned());
            }
            if key != near_sync && edits <= 1 && holds_a_setting(value) {
                return Err(format!("{key}: is no section; write sync: for it"));
            }
            if key.to_lowercase().starts_with("sync.") {
                return Err(format!("{key}: is no section; write sync: and the setting indented below it"));
            }
            if key_edits <= EDITS_MAX {
                return Err(format!(
                    "{key}: is outside of the section sync:; indent it below sync: as {near_key}"
                ));
            }
        }
    }
    sync_section(text)
}

/// True if a value has a key that is one of ours, or nearly.
fn holds_a_setting(value: &YamlValue) -> bool {
    let YamlValue::Mapping(entries) = value else { return false };
    entries.iter().filter_map(|(key, _)| key.as_text()).any(|key| nearest_key(key, &KEYS).1 <= EDITS_MAX)
}

/// Rejects keys that are nearly a known one or hold one: a mistyped exclusion must not send.
fn reject_mistyped_keys(section: &[(String, YamlValue)], path: &Path) -> Result<(), Error> {
    for (key, value) in section.iter().filter(|(key, _)| !is_known(key)) {
        let (nearest, edits) = nearest_key(key, &KEYS);
        if holds_a_setting(value) {
            return Err(Error::configuration(format!(
                "sync.{key} in {}: there is no such section; write its settings directly below sync:",
                path.display()
            )));
        }
        if edits <= EDITS_MAX {
            return Err(Error::configuration(format!(
                "sync.{key} in {}: there is no such setting; write {nearest}, or remove it",
                path.display()
            )));
        }
    }
    Ok(())
}

fn is_known(key: &str) -> bool {
    KEYS.contains(&key) || HAN_KEYS.contains(&key)
}

/// Finds the known key that is nearest to a key, with the number of edits between them; case does not count.
fn nearest_key(key: &str, known: &[&'static str]) -> (&'static str, usize) {
    let edits = |known: &str| strsim::damerau_levenshtein(&known.to_lowercase(), &key.to_lowercase());
    let nearest = known.iter().map(|known| (*known, edits(known))).min_by_key(|(_, edits)| *edits);
    nearest.unwrap_or(("", usize::MAX))
}

/// The parsed `sync:` section of a configuration file; empty where there is no file.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    values: Vec<(String, YamlValue)>,
}

impl ConfigFile {
    /// Reads the file that `--config` names, which must exist unless the command may create it, or the default one, which
    /// may be absent.
    pub(super) fn load(
        flag: Option<&Path>,
        may_create: bool,
        environment: &Environment,
    ) -> Result<ConfigFile, Error> {
        let (path, is_required) = match flag {
            Some(path) => (environment.expand(path, Path::new(""))?, !may_create),
            // Without a home folder there is no default file, and the environment alone is enough.
            None if environment.claude_config_dir.is_none() && environment.home.is_none() => {
                return Ok(ConfigFile { path: PathBuf::new(), values: Vec::new() });
            }
            None => (environment.claude_folder()?.join("han.yml"), false),
        };
        let text = match small_file::read(&path) {
            Ok(text) => text,
            Err(error) if !is_required && is_absent(&path, &error) => String::new(),
            Err(error) => {
                return Err(Error::configuration(format!(
                    "cannot read {}: {error}; check that the file is where it leads to, and that this user may read it",
                    path.display()
                )));
            }
        };
        let section = own_section(&text).map_err(|reason| {
            Error::configuration(format!("cannot parse {}: {reason}; correct the file", path.display()))
        })?;
        reject_mistyped_keys(&section, &path)?;
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

    /// The value that one of a few words stands for.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let found = words.iter().find(|(word, _)| value.as_text() == Some(word));
        found.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(key, value, &format!("one of {}", known.join(", ")))
        })
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
        let unknown = self.values.iter().filter(|(key, _)| !is_known(key));
        unknown
            .map(|(key, _)| {
                let (nearest, _) = nearest_key(key, &KEYS);
                format!("{}: sync.{key} is no setting; did you mean {nearest}?", self.path.display())
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
