//! The API key: read from the environment, `apiKey`, or the key file, which is `apiKeyFile` or `sync.key` in the state folder.
//!
//! Invariant: no error, warning, log line or `Debug` output contains the key.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::exporter::config::file::ConfigFile;
use crate::exporter::config::setting::{Origin, Setting};
use crate::exporter::config::small_file;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;

/// Name of the key file in the state folder.
const KEY_FILE: &str = "sync.key";

/// A bearer key. It has no `Display`, and its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key in clear, for the `Authorization` header and the key's fingerprint.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Validates a key as a header value: visible ASCII. The error names the place and does not repeat the key.
    pub fn parse(text: &str, place: &str) -> Result<ApiKey, Error> {
        let key = text.trim();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message =
                format!("apiKey in {place} is empty or has characters that no key has; copy it once more");
            return Err(Error::configuration(message));
        }
        Ok(ApiKey(key.to_owned()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// A key, and its file where others can read that.
type LoadedKey = (Option<Setting<ApiKey>>, Option<PathBuf>);

/// The key file: `apiKeyFile`, else `sync.key` in the state folder.
pub(super) fn key_file(
    environment: &Environment,
    file: &ConfigFile,
    state_folder: &Path,
) -> Result<PathBuf, Error> {
    match file.text("apiKeyFile")? {
        Some(setting) => environment.expand(setting.value.as_ref(), file.folder()),
        None => Ok(state_folder.join(KEY_FILE)),
    }
}

/// Reads the key from the first layer that sets one. A key file that does not exist sets none: `login` writes it.
pub(super) fn load(
    environment: &Environment,
    file: &ConfigFile,
    key_file: &Path,
) -> Result<LoadedKey, Error> {
    if let Some(text) = &environment.api_key {
        let key = ApiKey::parse(text, "HAN_SYNC_API_KEY")?;
        return Ok((Some(Setting::from_environment("HAN_SYNC_API_KEY", key)), None));
    }
    if let Some(setting) = file.text("apiKey")? {
        let key = ApiKey::parse(&setting.value, &setting.origin.to_string())?;
        let readable = others_can_read(file.path()).then(|| file.path().to_owned());
        return Ok((Some(Setting { value: key, origin: setting.origin }), readable));
    }
    let text = match small_file::read(key_file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && !key_file.is_symlink() => {
            return Ok((None, None));
        }
        Err(error) => {
            return Err(Error::configuration(format!(
                "cannot read the key file {}: {error}",
                key_file.display()
            )));
        }
    };
    let key = ApiKey::parse(&text, &key_file.display().to_string())?;
    let readable = others_can_read(key_file).then(|| key_file.to_owned());
    Ok((Some(Setting { value: key, origin: Origin::File(key_file.to_owned()) }), readable))
}

/// The warning about a key that others can read.
pub(super) fn readable_warning(path: &Path) -> String {
    let path = path.display();
    format!("{path} holds the key and can be read by others; run: chmod 600 {path}")
}

fn others_can_read(path: &Path) -> bool {
    let mode = |metadata: fs::Metadata| std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
    fs::metadata(path).is_ok_and(|metadata| mode(metadata) & 0o077 != 0)
}
