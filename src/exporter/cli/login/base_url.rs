//! The URL of the receiver: the endpoint without its `/api/sync`. Its origin is scheme, host and port.

use ureq::http::Uri;

use crate::exporter::error::Error;

/// Path of the endpoint below the URL of the receiver.
const SYNC_PATH: &str = "/api/sync";

/// The receiver's URL, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

/// The endpoint of an address: one without a path gets the usual path, and one without a scheme is `https:`.
pub fn endpoint_at(address: &str) -> String {
    let url = address.trim().trim_end_matches('/');
    match url.split_once("://") {
        Some((_, rest)) if !rest.contains('/') => format!("{url}{SYNC_PATH}"),
        Some(_) => url.to_owned(),
        None => endpoint_at(&format!("https://{url}")),
    }
}

impl BaseUrl {
    /// The URL of the receiver with this endpoint.
    ///
    /// # Errors
    /// A configuration error if the endpoint is at another path: its receiver's endpoints of OAuth cannot be found.
    pub fn of(endpoint: &str) -> Result<BaseUrl, Error> {
        let base = endpoint.strip_suffix(SYNC_PATH).map(|base| BaseUrl(base.to_owned()));
        base.ok_or_else(|| {
            Error::configuration(format!(
                "endpoint {endpoint} does not end in {SYNC_PATH}, so that the receiver's login cannot be found; correct \
                 it, or ask the receiver's administrator for a key and set apiKeyFile"
            ))
        })
    }

    /// The URL of a path of the receiver.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Reports whether a URL has the receiver's origin.
    pub fn has_same_origin(&self, url: &str) -> bool {
        let origin = origin(&self.0);
        origin.is_some() && origin == origin_of(url)
    }
}

/// The origin of a URL that holds no credentials.
fn origin_of(url: &str) -> Option<(String, String, u16)> {
    let is_plain = !url.contains(['@', '\\']) && url.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain { origin(url) } else { None }
}

fn origin(url: &str) -> Option<(String, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let port = uri.port_u16().or(match scheme.as_str() {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    })?;
    Some((scheme, uri.host()?.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_is_the_endpoint_without_its_path() {
        let base = BaseUrl::of("https://team.example.com/han/api/sync").unwrap();
        assert_eq!(base.join("/oauth/token"), "https://team.example.com/han/oauth/token");
        assert!(BaseUrl::of("https://team.example.com/sync").is_err());
    }

    #[test]
    fn origin_is_scheme_host_and_port() {
        let base = BaseUrl::of("https://team.example.com/api/sync").unwrap();
        for url in [
            "https://team.example.com",
            "https://TEAM.example.com:443/device",
            "HTTPS://team.example.com/x?y",
        ] {
            assert!(base.has_same_origin(url), "{url}");
        }
        for url in [
            "http://team.example.com/device",
            "https://team.example.com:8443/device",
            "https://team.example.com.evil.example/device",
            "https://team.example.com@evil.example/device",
            "https://evil.example\\@team.example.com/",
            "https://evil.example/https://team.example.com",
            "javascript:alert(1)",
            "/device",
            "",
        ] {
            assert!(!base.has_same_origin(url), "{url}");
        }
    }
}
