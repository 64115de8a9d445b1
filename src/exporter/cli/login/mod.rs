//! `han-sync login` and `han-sync logout`: a key without copying, by OAuth 2.0 device authorization against the receiver
//! (RFC 8628), and its revocation (RFC 7009).
//!
//! Invariant: a code or key goes to the origin of the configured endpoint and to no other, whatever the receiver's metadata
//! says.

/// The URL of the receiver, and its origin.
pub(super) mod base_url;
/// The receiver's endpoints of OAuth, found through its metadata.
mod authorization_server;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;

use crate::exporter::cli::inspection::load;
use crate::exporter::cli::login::authorization_server::{
    AuthorizationServer, DeviceAuthorization, IssuedKey, Poll,
};
use crate::exporter::cli::login::base_url::endpoint_at;
use crate::exporter::cli::output::Output;
use crate::exporter::clock::Clock;
use crate::exporter::config::{ApiKey, Config, Endpoint, Flags};
use crate::exporter::context::Context;
use crate::exporter::delivery::client::HttpClient;
use crate::exporter::environment::Environment;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::log::write_stderr;
use crate::exporter::report::VERSION;
use crate::exporter::state::atomic_file;
use crate::printable::printable;
use crate::shell::shell_quoted;
use crate::time;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoginDocument<'a> {
    version: u32,
    status: &'static str,
    endpoint: &'a str,
    /// Login name of the key's user; `None` if the receiver did not say.
    login: Option<String>,
    key_file: &'a Path,
    expires_at: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogoutDocument<'a> {
    version: u32,
    status: &'static str,
    key_file: &'a Path,
    revoked: bool,
}

/// Gets a key by device authorization, and writes it to the key file.
pub(super) fn login(context: &Context, mut output: Output) -> Result<ExitCode, Error> {
    let endpoint = endpoint(context)?;
    require_key_file_counts(&context.config)?;
    let (server, key, _) = authorize(context, endpoint)?;
    let key_file = &context.config.key_file;
    let previous = previous_key(context);
    write_key(context, &key.access_token)?;
    if let Some(previous) = previous.filter(|previous| *previous != key.access_token)
        && let Err(error) = server.revoke(&previous, context.clock.now())
    {
        context
            .log
            .warn("revoke", &format!("the previous key is not revoked: {error}; it ends when it expires"));
    }
    let document = LoginDocument {
        version: VERSION,
        status: "success",
        endpoint,
        login: user_of(context, endpoint, &key.access_token),
        key_file,
        expires_at: expires_at(context, &key),
    };
    if output.json {
        output.json(&document);
    } else {
        report(context, &document, &mut output);
    }
    Ok(ExitCode::Success)
}

/// Gets a key by device authorization, as issued and as it will be read again; writes nothing.
pub(super) fn authorize(
    context: &Context,
    endpoint: &str,
) -> Result<(AuthorizationServer, IssuedKey, ApiKey), Error> {
    let now = context.clock.now();
    let server = AuthorizationServer::discover(&context.config, endpoint, now)?;
    let authorization = server.begin(&machine_name(), now)?;
    tell(&authorization);
    let issued = wait_for_key(&server, &authorization, &context.clock)?;
    // A key that could not be read again would be lost.
    let key = ApiKey::parse(&issued.access_token, "the receiver's response")?;
    Ok((server, issued, key))
}

/// Revokes the key of the key file, and deletes the file.
pub(super) fn logout(context: &Context, mut output: Output) -> Result<ExitCode, Error> {
    require_key_file_counts(&context.config)?;
    let key_file = &context.config.key_file;
    let path = key_file.display();
    let Some(key) = &context.config.api_key else {
        if output.json {
            output.json(&LogoutDocument { version: VERSION, status: "success", key_file, revoked: false });
        }
        output.line(&format!("not logged in: {path} does not exist"));
        return Ok(ExitCode::Success);
    };
    let now = context.clock.now();
    let revoked = AuthorizationServer::discover(&context.config, endpoint(context)?, now)
        .and_then(|server| server.revoke(key.value.expose(), now));
    if let Err(error) = revoked {
        let message =
            format!("{error}\nThe key is kept, to be revoked later. To delete it all the same: rm {path}");
        return Err(Error::new(error.exit, message));
    }
    fs::remove_file(key_file).map_err(|error| {
        Error::configuration(format!(
            "the key is revoked, but {path} cannot be deleted: {error}; delete it by hand"
        ))
    })?;
    if output.json {
        output.json(&LogoutDocument { version: VERSION, status: "success", key_file, revoked: true });
    } else {
        output.line(&format!("logged out: the key is revoked and {path} is deleted"));
    }
    Ok(ExitCode::Success)
}

fn endpoint(context: &Context) -> Result<&str, Error> {
    let endpoint = context.config.endpoint.as_ref().map(|setting| setting.value.as_str());
    endpoint.ok_or_else(|| {
        Error::configuration(
            "no endpoint is set; run han-sync init --endpoint https://team.example.com/api/sync, with the address that \
             your team's administrator gave you",
        )
    })
}

/// Requires that the key file decides: a key of the environment or of `apiKey` would hide it.
pub(super) fn require_key_file_counts(config: &Config) -> Result<(), Error> {
    let Some(key) = config.api_key.as_ref().filter(|key| !key.origin.is_file(&config.key_file)) else {
        return Ok(());
    };
    Err(Error::configuration(format!(
        "the key is set in {} ({}), which comes before the key file {}; remove it there first",
        key.origin,
        if key.origin.is_environment() { "HAN_SYNC_API_KEY" } else { "sync.apiKey" },
        config.key_file.display()
    )))
}

/// The machine's name, by which its key is told from those of other machines.
fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Tells the person what to do. On stderr, because the result goes to stdout.
fn tell(authorization: &DeviceAuthorization) {
    let uri = authorization.verification_uri_complete.as_ref().unwrap_or(&authorization.verification_uri);
    let (uri, code) = (printable(uri), printable(&authorization.user_code));
    write_stderr(&format!(
        "Open {uri} and check that it shows the code {code}.\n\
         An administrator of the receiver can approve it, too: han-sync-receiver admin device approve {code} --user LOGIN\n\
         Waiting; the code is valid for {} minutes. Ctrl-C ends the wait and changes nothing.",
        authorization.lifetime().as_secs() / 60
    ));
}

/// Polls until the authorization is decided or has expired.
fn wait_for_key(
    server: &AuthorizationServer,
    authorization: &DeviceAuthorization,
    clock: &Clock,
) -> Result<IssuedKey, Error> {
    let deadline = clock.elapsed() + authorization.lifetime();
    let mut interval = authorization.interval();
    let mut unreachable = None;
    while clock.elapsed() < deadline {
        pause(clock, interval);
        match server.poll(authorization)? {
            Poll::Approved(key) => return Ok(key),
            Poll::Pending => unreachable = None,
            // RFC 8628, section 3.5.
            Poll::TooFast => interval += Duration::from_secs(5),
            Poll::Unreachable(message) => {
                interval *= 2;
                unreachable = Some(message);
            }
        }
    }
    let reason = unreachable.unwrap_or_else(|| "nobody approved the code in time".to_owned());
    Err(Error::new(ExitCode::TryAgain, format!("{reason}; run han-sync login again")))
}

fn pause(clock: &Clock, interval: Duration) {
    if clock.is_simulated() {
        clock.skip(interval);
    } else {
        thread::sleep(interval);
    }
}

/// The key of the key file, if it was used with the endpoint that the configuration names. It is sent to no other.
fn previous_key(context: &Context) -> Option<String> {
    let is_configured = context.config.endpoint.as_ref().is_some_and(|endpoint| !endpoint.origin.is_flag());
    let key = context.config.api_key.as_ref().filter(|_| is_configured);
    key.map(|key| key.value.expose().to_owned())
}

/// Writes the key file, readable for its owner alone.
pub(super) fn write_key(context: &Context, key: &str) -> Result<(), Error> {
    let path = &context.config.key_file;
    if path.starts_with(&context.folder) {
        atomic_file::create_private_folder(&context.folder)?;
    }
    atomic_file::replace_with(path, |_| Ok(format!("{key}\n").into_bytes().into()))
}

/// Login name of a key's user, if the receiver says it.
fn user_of(context: &Context, endpoint: &str, key: &str) -> Option<String> {
    let (state, _) = load(context, &mut Vec::new()).ok()?;
    let key = ApiKey::parse(key, "the receiver's response").ok()?;
    let client =
        HttpClient::new(&context.config, Endpoint { url: endpoint, key: &key }, &state.client_id).ok()?;
    let identity = client.identity(context.clock.now()).ok()??;
    Some(identity.login).filter(|login| !login.is_empty())
}

fn expires_at(context: &Context, key: &IssuedKey) -> Option<String> {
    let lifetime = TimeDelta::try_seconds(key.expires_in?)?;
    context.clock.now().checked_add_signed(lifetime).map(time::format)
}

/// The configuration without the command line, in another environment; `None` if it cannot be read.
pub(super) fn config_in(context: &Context, environment: &Environment) -> Option<Config> {
    let config = Some(context.config.file.clone()).filter(|file| file.exists());
    let flags = Flags { config, state_folder: Some(context.folder.clone()), ..Flags::default() };
    Config::load(&flags, environment).ok()
}

/// Reports whether the configuration without the command line names another endpoint than this one.
fn names_another_endpoint(context: &Context, endpoint: &str) -> bool {
    let configured = config_in(context, &context.environment).and_then(|config| config.endpoint);
    configured.is_some_and(|configured| endpoint_at(&configured.value) != endpoint)
}

fn report(context: &Context, document: &LoginDocument, output: &mut Output) {
    let user = document.login.as_deref().unwrap_or("a user");
    output.line(&format!("logged in at {} as {user}", document.endpoint));
    let expiry = document.expires_at.as_ref().map(|at| format!(", valid until {at}")).unwrap_or_default();
    output.line(&format!("the key is in {}{expiry}", document.key_file.display()));
    let config = &context.config;
    let is_flag = config.endpoint.as_ref().is_some_and(|endpoint| endpoint.origin.is_flag());
    if is_flag {
        // The key of another endpoint's file is not used without a word of the user.
        let key_file = match names_another_endpoint(context, document.endpoint) {
            true => format!(" --key-file {}", shell_quoted(&document.key_file.to_string_lossy())),
            false => String::new(),
        };
        let endpoint = shell_quoted(document.endpoint);
        output.line(&format!("to send with it, run: han-sync init --endpoint {endpoint}{key_file}"));
    } else if !config.enabled.value {
        output.line("to send with it, run: han-sync init");
    }
}
