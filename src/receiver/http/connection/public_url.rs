//! The URL at which clients see this receiver, for the addresses in its own responses.
//!
//! Invariant: a header of a client never changes the address that another client is told, since each response names the
//! address of its own request; behind a proxy, only a trusted one is believed.

use super::address::TrustedProxies;
use super::address_limit::PeerAddress;
use crate::exporter::config::endpoint::is_loopback;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::uri::{Authority, Uri};

/// `--public-url`: scheme, host and path without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Parses an `http:` or `https:` URL without query and credentials.
    pub fn parse(text: &str) -> Option<PublicUrl> {
        let uri: Uri = text.parse().ok()?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_credentials = uri.authority()?.as_str().contains('@');
        (is_http && !has_credentials && uri.query().is_none() && !text.contains('#'))
            .then(|| PublicUrl(text.trim_end_matches('/').to_owned()))
    }

    /// True if exporters send keys to it: `https:`, or a loopback host.
    pub fn is_private(&self) -> bool {
        let uri: Option<Uri> = self.0.parse().ok();
        self.0.starts_with("https:") || uri.as_ref().and_then(Uri::host).is_some_and(is_loopback)
    }

    /// The endpoint of exporters.
    pub fn sync_endpoint(&self) -> String {
        format!("{}/api/sync", self.0)
    }
}

/// The URL of the receiver as the client of a request sees it; `None` if the request names no host.
pub fn base_url(
    configured: Option<&PublicUrl>,
    headers: &HeaderMap,
    peer: Option<PeerAddress>,
    trusted: &TrustedProxies,
) -> Option<String> {
    if let Some(PublicUrl(url)) = configured {
        return Some(url.clone());
    }
    let is_forwarded = peer.is_some_and(|PeerAddress(peer)| trusted.contains(peer));
    let forwarded = |name: &str| if is_forwarded { last(headers, name) } else { None };
    let scheme = forwarded("x-forwarded-proto").filter(|scheme| *scheme == "https").unwrap_or("http");
    let host = forwarded("x-forwarded-host").or_else(|| headers.get(HOST)?.to_str().ok())?;
    let authority: Authority = host.parse().ok()?;
    (!authority.as_str().contains('@')).then(|| format!("{scheme}://{authority}"))
}

/// The last value of a header that proxies append to.
fn last<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn configured_url_wins_and_has_no_query_no_credentials_and_no_trailing_slash() {
        let url = PublicUrl::parse("https://team.example.com/han/");
        let base =
            base_url(url.as_ref(), &headers(&[("host", "evil.example")]), None, &TrustedProxies::default());
        assert_eq!(base.as_deref(), Some("https://team.example.com/han"));
        for text in ["ftp://x", "https://a@b", "https://x?y", "https://x#y", "team.example.com", "/x", ""] {
            assert_eq!(PublicUrl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_names_scheme_and_host() {
        let proxies = TrustedProxies::parse(&["10.0.0.0/8".to_owned()]).unwrap();
        let peer = |text: &str| Some(PeerAddress(text.parse().unwrap()));
        let forwarded = headers(&[
            ("host", "127.0.0.1:8787"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "forged.example, team.example.com"),
        ]);
        let base = |peer| base_url(None, &forwarded, peer, &proxies);
        assert_eq!(base(peer("10.0.0.1")).as_deref(), Some("https://team.example.com"));
        assert_eq!(base(peer("203.0.113.9")).as_deref(), Some("http://127.0.0.1:8787"));
        assert_eq!(base_url(None, &headers(&[("host", "a@b")]), None, &proxies), None);
        assert_eq!(base_url(None, &headers(&[("host", "a b")]), None, &proxies), None);
        assert_eq!(base_url(None, &headers(&[]), None, &proxies), None);
    }
}
