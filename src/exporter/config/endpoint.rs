//! The endpoint: the full URL of the receiver's `POST …/api/sync`.
//!
//! Invariant: an endpoint is `https:`, or `http:` on a loopback address, without credentials and without a query.

use std::net::IpAddr;

use crate::exporter::config::api_key::ApiKey;
use crate::exporter::config::file::ConfigFile;
use crate::exporter::config::setting::{Origin, Setting};
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;

/// The endpoint with the key of its user.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint<'a> {
    /// URL of `POST …/api/sync`.
    pub url: &'a str,
    /// API key.
    pub key: &'a ApiKey,
}

/// Reads the endpoint from the first layer that sets one.
pub(super) fn load(
    flag: Option<&str>,
    environment: &Environment,
    file: &ConfigFile,
) -> Result<Option<Setting<String>>, Error> {
    let setting = if let Some(text) = flag {
        Some(Setting { value: text.to_owned(), origin: Origin::Flag("--endpoint") })
    } else if let Some(text) = &environment.endpoint {
        Some(Setting::from_environment("HAN_SYNC_ENDPOINT", text.clone()))
    } else {
        file.text("endpoint")?
    };
    let Some(Setting { value, origin }) = setting else { return Ok(None) };
    let endpoint = validate(value.trim()).map_err(|remedy| {
        Error::configuration(format!("endpoint {:?} in {origin}: {remedy}", without_credentials(&value)))
    })?;
    Ok(Some(Setting { value: endpoint, origin }))
}

/// Validates an endpoint and strips its trailing slashes; the error is the next step for the user.
fn validate(text: &str) -> Result<String, &'static str> {
    const FORM: &str = "write the full URL of the receiver, such as https://team.example.com/api/sync";
    let uri: ureq::http::Uri = text.parse().map_err(|_| FORM)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(FORM) };
    if authority.as_str().contains('@') {
        return Err("leave user and password out of the URL; the key belongs in apiKey");
    }
    if uri.query().is_some() {
        return Err("leave the query out of the URL");
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(authority.host()) => {}
        "http" => return Err("plain http is only for a receiver on this machine; use https"),
        _ => return Err(FORM),
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// True if the host is a loopback address or `localhost`.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Replaces user and password of a URL, for an error message.
fn without_credentials(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://…@{}", &url[..scheme], &url[at + 1..]),
        _ => url.to_owned(),
    }
}
