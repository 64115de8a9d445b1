//! The key of the machine: one from a file, the one that is there, or a new one by login; and the identity behind it.
//!
//! Invariant: a key goes to the endpoint that it was made for and to no other, also if `init` is interrupted.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::exporter::cli::inspection::load;
use crate::exporter::cli::login;
use crate::exporter::config::{ApiKey, Endpoint, Origin, small_file};
use crate::exporter::context::Context;
use crate::exporter::delivery::client::HttpClient;
use crate::exporter::environment::Environment;
use crate::exporter::error::{Error, ExitCode};
use crate::protocol::Identity;

/// A key that the receiver takes.
pub(super) struct MachineKey {
    pub(super) key: ApiKey,
    /// `None` for a receiver that names no users.
    pub(super) identity: Option<Identity>,
    /// True if the key file does not hold the key yet.
    pub(super) is_new: bool,
}

impl MachineKey {
    /// Finds or makes the key for an endpoint. `is_other`: the configuration names another endpoint, whose key is not used.
    pub(super) fn obtain(
        context: &Context,
        url: &str,
        key_file: Option<&Path>,
        is_other: bool,
    ) -> Result<MachineKey, Error> {
        let taken = |key: ApiKey, is_new: bool| {
            let identity = identity_of(context, url, &key)?;
            Ok(MachineKey { key, identity, is_new })
        };
        if let Some(path) = key_file {
            login::require_key_file_counts(&context.config)?;
            let key = read(context, path)?;
            let is_new = context.config.api_key.as_ref().is_none_or(|known| known.value != key);
            return taken(key, is_new);
        }
        let config = &context.config;
        let known = config.api_key.as_ref().filter(|key| !is_other || key.origin.is_environment());
        if let Some(known) = known {
            let is_new =
                known.origin.is_environment() && is_missing_in_files(context, &known.value, is_other)?;
            match taken(known.value.clone(), is_new) {
                Err(error)
                    if error.exit == ExitCode::KeyRejected && known.origin.is_file(&config.key_file) =>
                {
                    context.log.warn("key", &format!("{error}; it needs a new one"));
                }
                result => return result,
            }
        }
        login::require_key_file_counts(&context.config)?;
        let (.., key) = login::authorize(context, url)?;
        if !is_other {
            // An interrupted init goes on with it.
            login::write_key(context, key.expose())?;
        }
        taken(key, is_other)
    }

    /// Writes the key file, if it does not hold the key. `write_settings` writes the endpoint: between two files of
    /// different endpoints there is no key.
    pub(super) fn write_around(
        &self,
        context: &Context,
        is_other: bool,
        write_settings: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let key_file = &context.config.key_file;
        if is_other && self.is_new {
            match fs::remove_file(key_file) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    let message = format!("{} cannot be replaced: {error}", key_file.display());
                    return Err(Error::configuration(message));
                }
                _ => {}
            }
        } else if self.is_new {
            login::write_key(context, self.key.expose())?;
        }
        write_settings()?;
        if is_other && self.is_new { login::write_key(context, self.key.expose()) } else { Ok(()) }
    }
}

/// Reads the key of `--key-file`.
fn read(context: &Context, path: &Path) -> Result<ApiKey, Error> {
    let path = context.environment.expand(path, Path::new(""))?;
    let text = small_file::read(&path).map_err(|error| {
        let message = format!("cannot read the key file {}: {error}; nothing was written", path.display());
        Error::configuration(message)
    })?;
    ApiKey::parse(&text, &path.display().to_string())
}

/// Reports whether the key file has to be written, so that a run without the environment has a key for the endpoint. Another
/// key for it stays. `is_other`: the configuration names another endpoint, whose key must not stay.
///
/// # Errors
/// A configuration error if the key of the other endpoint would hide this one.
fn is_missing_in_files(context: &Context, key: &ApiKey, is_other: bool) -> Result<bool, Error> {
    let bare = Environment { api_key: None, ..context.environment.clone() };
    let Some(config) = login::config_in(context, &bare) else { return Ok(true) };
    let Some(known) = config.api_key.as_ref().filter(|known| known.value != *key) else {
        return Ok(config.api_key.is_none());
    };
    if is_other {
        login::require_key_file_counts(&config)?;
    }
    Ok(is_other && known.origin.is_file(&config.key_file))
}

/// The file whose key the environment hides by another one.
pub(super) fn hidden_by_environment(context: &Context) -> Option<Origin> {
    let bare = Environment { api_key: None, ..context.environment.clone() };
    let known = login::config_in(context, &bare)?.api_key?;
    let in_force = context.config.api_key.as_ref()?;
    (in_force.origin.is_environment() && in_force.value != known.value).then_some(known.origin)
}

/// Asks the receiver who a key stands for.
fn identity_of(context: &Context, url: &str, key: &ApiKey) -> Result<Option<Identity>, Error> {
    let (state, _) = load(context, &mut Vec::new())?;
    let client = HttpClient::new(&context.config, Endpoint { url, key }, &state.client_id)?;
    client.identity(context.clock.now()).map_err(|error| error.to_error())
}
