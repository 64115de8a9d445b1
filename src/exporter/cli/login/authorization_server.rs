//! The receiver's endpoints of OAuth: discovery, device authorization, token, revocation.
//!
//! It asks once for each call and neither waits nor retries; `login` does.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::Body;
use ureq::http::Response;

use crate::exporter::cli::login::base_url::BaseUrl;
use crate::exporter::config::Config;
use crate::exporter::delivery::agent::AgentSettings;
use crate::exporter::delivery::request_error::RequestError;
use crate::exporter::delivery::response;
use crate::exporter::error::{Error, ExitCode};

const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";
const CLIENT_ID: &str = "han-sync";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Interval between two polls where the server names none, and its bounds.
const INTERVAL_SECONDS_DEFAULT: u64 = 5;
const INTERVAL_SECONDS_MAX: u64 = 60;
/// Bound of the lifetime of a code, whatever the server says.
const LIFETIME_SECONDS_MAX: u64 = 1_800;

/// Metadata of the authorization server (RFC 8414).
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    device_authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
}

/// Response to a device authorization request (RFC 8628, section 3.2).
#[derive(Debug, Deserialize)]
pub struct DeviceAuthorization {
    device_code: String,
    /// Code that the person confirms.
    pub user_code: String,
    /// Address that the person opens.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

impl DeviceAuthorization {
    /// Lifetime of the code.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.expires_in.min(LIFETIME_SECONDS_MAX))
    }

    /// Interval between two polls.
    pub fn interval(&self) -> Duration {
        let seconds = self.interval.unwrap_or(INTERVAL_SECONDS_DEFAULT);
        Duration::from_secs(seconds.clamp(1, INTERVAL_SECONDS_MAX))
    }
}

/// State of a device authorization.
#[derive(Debug)]
pub enum Poll {
    /// Nobody has decided yet.
    Pending,
    /// The interval has to be longer.
    TooFast,
    /// The server did not answer; the message says why.
    Unreachable(String),
    /// Approved.
    Approved(IssuedKey),
}

/// A new key.
#[derive(Deserialize)]
pub struct IssuedKey {
    /// The key itself.
    pub access_token: String,
    /// Lifetime in seconds; `None` if the key does not expire.
    pub expires_in: Option<i64>,
}

impl std::fmt::Debug for IssuedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("IssuedKey").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// An error of OAuth (RFC 6749, section 5.2).
#[derive(Debug, Deserialize)]
struct OAuthError {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// The authorization server of a receiver.
#[derive(Debug)]
pub struct AuthorizationServer {
    settings: AgentSettings,
    agent: ureq::Agent,
    base: BaseUrl,
    metadata: Metadata,
}

impl AuthorizationServer {
    /// Finds the authorization server of an endpoint.
    ///
    /// # Errors
    /// A configuration error if the receiver has none, or one of another origin; [`ExitCode::TryAgain`] if the receiver
    /// cannot be reached.
    pub fn discover(
        config: &Config,
        endpoint: &str,
        now: DateTime<Utc>,
    ) -> Result<AuthorizationServer, Error> {
        let base = BaseUrl::of(endpoint)?;
        let settings = AgentSettings::new(config, endpoint)?;
        let agent = settings.agent();
        let url = base.join(METADATA_PATH);
        let mut response = agent
            .get(&url)
            .header("Accept", "application/json")
            .call()
            .map_err(|error| settings.failure(endpoint, &error, false).to_error())?;
        let status = response.status().as_u16();
        if matches!(status, 404 | 405) {
            return Err(Error::configuration(format!(
                "the receiver at {endpoint} has no login; ask its administrator for a key, and run han-sync init --key-file \
                 FILE"
            )));
        }
        if status != 200 {
            return Err(response::classify_error(&url, response, now).to_error());
        }
        let metadata: Metadata = read(&url, &mut response)?;
        let urls = [
            &metadata.issuer,
            &metadata.device_authorization_endpoint,
            &metadata.token_endpoint,
            &metadata.revocation_endpoint,
        ];
        for url in urls {
            require_same_origin(&base, endpoint, url)?;
        }
        Ok(AuthorizationServer { settings, agent, base, metadata })
    }

    /// Begins a device authorization for a machine of this name.
    pub fn begin(&self, machine: &str, now: DateTime<Utc>) -> Result<DeviceAuthorization, Error> {
        let url = &self.metadata.device_authorization_endpoint;
        let mut response = self
            .post(url, &[("client_id", CLIENT_ID), ("device_name", machine)])
            .map_err(|error| error.to_error())?;
        if response.status().as_u16() != 200 {
            return Err(response::classify_error(url, response, now).to_error());
        }
        let authorization: DeviceAuthorization = read(url, &mut response)?;
        let complete = authorization.verification_uri_complete.as_ref();
        for uri in [Some(&authorization.verification_uri), complete].into_iter().flatten() {
            require_same_origin(&self.base, url, uri)?;
        }
        Ok(authorization)
    }

    /// Asks for the state of a device authorization.
    ///
    /// # Errors
    /// [`ExitCode::KeyRejected`] if it was denied; [`ExitCode::TryAgain`] if the code has expired.
    pub fn poll(&self, authorization: &DeviceAuthorization) -> Result<Poll, Error> {
        let url = &self.metadata.token_endpoint;
        let form = [
            ("grant_type", DEVICE_GRANT),
            ("device_code", &authorization.device_code),
            ("client_id", CLIENT_ID),
        ];
        let mut response = match self.post(url, &form) {
            Ok(response) => response,
            Err(error) => return Ok(Poll::Unreachable(error.message().to_owned())),
        };
        match response.status().as_u16() {
            200 => Ok(Poll::Approved(read(url, &mut response)?)),
            429 => Ok(Poll::TooFast),
            status @ 500.. => Ok(Poll::Unreachable(format!("{url} returned {status}"))),
            status => {
                let body = response::json_body(url, &mut response).map_err(|error| error.to_error())?;
                let error = serde_json::from_slice::<OAuthError>(&body).map_err(|_| {
                    Error::configuration(format!("{url} returned {status} without an error of OAuth"))
                })?;
                rejection(&error)
            }
        }
    }

    /// Revokes a key.
    pub fn revoke(&self, key: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let url = &self.metadata.revocation_endpoint;
        let form = [("token", key), ("client_id", CLIENT_ID)];
        let response = self.post(url, &form).map_err(|error| error.to_error())?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(response::classify_error(url, response, now).to_error())
    }

    fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Response<Body>, RequestError> {
        let request = self.agent.post(url).header("Accept", "application/json");
        request.send_form(form.iter().copied()).map_err(|error| self.settings.failure(url, &error, false))
    }
}

/// The meaning of an error while a machine polls.
fn rejection(error: &OAuthError) -> Result<Poll, Error> {
    match error.error.as_str() {
        "authorization_pending" => Ok(Poll::Pending),
        "slow_down" => Ok(Poll::TooFast),
        "access_denied" => Err(Error::new(ExitCode::KeyRejected, "the code was denied; nothing has changed")),
        "expired_token" => {
            Err(Error::new(ExitCode::TryAgain, "the code has expired; run han-sync login again"))
        }
        code => Err(Error::configuration(format!(
            "the receiver rejected the login ({}: {}); run han-sync login again",
            response::truncated(code),
            response::truncated(&error.error_description)
        ))),
    }
}

fn require_same_origin(base: &BaseUrl, endpoint: &str, url: &str) -> Result<(), Error> {
    if base.has_same_origin(url) {
        return Ok(());
    }
    Err(Error::configuration(format!(
        "the receiver at {endpoint} names an address of another origin ({}), which is not used; its operator has to set \
         serve --public-url, or --trusted-proxy",
        response::truncated(url)
    )))
}

fn read<T: DeserializeOwned>(url: &str, response: &mut Response<Body>) -> Result<T, Error> {
    let body = response::json_body(url, response).map_err(|error| error.to_error())?;
    serde_json::from_slice(&body).map_err(|_| {
        Error::configuration(format!("{url} returned JSON that is not of OAuth 2.0; check endpoint"))
    })
}
