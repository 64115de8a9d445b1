//! The error of a request without a response: timeout, cut connection, certificate, proxy, name.
//!
//! A message names the endpoint or the proxy, and the next step; it holds no credentials.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use rustls::CertificateError;
use rustls::pki_types::UnixTime;

use crate::exporter::config::proxy::ProxyUrl;
use crate::exporter::delivery::request_error::{FaultKind, RequestError};
use crate::exporter::delivery::response::is_timeout;

/// The way to the receiver, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Route<'a> {
    pub endpoint: &'a str,
    pub proxy: Option<&'a ProxyUrl>,
    pub ca_file: Option<&'a Path>,
}

impl Route<'_> {
    /// Classifies a request without a response. A break after the first byte of the body was read counts as `Cut`, even if
    /// the whole body was written: the kernel buffers a small body at once.
    pub fn classify(&self, error: &ureq::Error, has_begun: bool) -> RequestError {
        let Route { endpoint, .. } = self;
        let through = self.proxy.map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default();
        let is_timeout = matches!(error, ureq::Error::Timeout(_))
            || matches!(error, ureq::Error::Io(error) if is_timeout(error));
        if is_timeout {
            // A smaller batch does not help a connection that is not established.
            let is_unconnected =
                matches!(error, ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect));
            let kind = if is_unconnected { FaultKind::Endpoint } else { FaultKind::Timeout };
            return RequestError::fault_of(kind, format!("{endpoint} timed out{through} ({error})"));
        }
        if has_begun && matches!(error, ureq::Error::Io(_) | ureq::Error::Rustls(_)) {
            let message = format!(
                "{endpoint} cannot be reached{through}: it, or a gateway on the way, closed the connection without a response ({error})"
            );
            return RequestError::fault_of(FaultKind::Cut, message);
        }
        if let Some(reason) = certificate_error(error) {
            let message = self.certificate_message(reason);
            return RequestError::fault_of(FaultKind::Untrusted, message);
        }
        let (kind, message) = match (error, self.proxy) {
            (ureq::Error::ConnectProxyFailed(text), Some(proxy)) => {
                (FaultKind::Proxy, self.proxy_message(proxy, text))
            }
            (_, Some(proxy)) if is_unknown_host(error) => {
                let origin = proxy.origin();
                let message = format!(
                    "the host of the proxy {proxy}, set in {origin}, is not found; check the network and its spelling"
                );
                (FaultKind::Proxy, message)
            }
            (_, None) if is_unknown_host(error) => {
                let message = format!(
                    "the host of {endpoint} is not found; check the network, the proxy and the endpoint's spelling"
                );
                (FaultKind::Endpoint, message)
            }
            // Without a proxy that responds there is no way to tell an endpoint that does not.
            (_, proxy) => {
                let kind = if proxy.is_some() { FaultKind::Proxy } else { FaultKind::Endpoint };
                (kind, format!("{endpoint} cannot be reached{through} ({error})"))
            }
        };
        RequestError::fault_of(kind, message)
    }

    fn proxy_message(&self, proxy: &ProxyUrl, text: &str) -> String {
        let origin = proxy.origin();
        if !text.contains("407") {
            return format!(
                "the proxy {proxy}, set in {origin}, does not connect to {} ({text}); ask its administrator to allow that",
                self.endpoint
            );
        }
        if proxy.has_credentials() {
            format!("the proxy {proxy} rejected the credentials in {origin} (407); correct them there")
        } else {
            format!(
                "the proxy {proxy} wants credentials (407); set {origin} to http://user:password@host:port"
            )
        }
    }

    fn certificate_message(&self, reason: &CertificateError) -> String {
        let certificate = format!("the certificate of {}", self.endpoint);
        match reason {
            CertificateError::Expired => format!("{certificate} has expired; {RENEW}"),
            CertificateError::ExpiredContext { not_after, .. } => {
                format!("{certificate} expired on {}; {RENEW}", date(*not_after))
            }
            CertificateError::NotValidYet => format!("{certificate} is not valid yet; {SET_CLOCK}"),
            CertificateError::NotValidYetContext { not_before, .. } => {
                format!("{certificate} is valid only from {} on; {SET_CLOCK}", date(*not_before))
            }
            CertificateError::NotValidForName => format!("{certificate} is for another name; {SET_NAME}"),
            CertificateError::NotValidForNameContext { presented, .. } => {
                format!(
                    "{certificate} is for another name ({}); {SET_NAME}",
                    presented.iter().map(|name| plain_name(name)).collect::<Vec<_>>().join(", ")
                )
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => match self.ca_file {
                Some(path) => format!(
                    "{certificate} is issued neither by an authority that this machine trusts nor by one in caFile {}; set caFile to the certificate of the authority that issued it",
                    path.display()
                ),
                None => format!(
                    "{certificate} is not trusted, because no authority that this machine trusts issued it; if your company has its own authority, set caFile to its certificate"
                ),
            },
            CertificateError::Revoked => format!("{certificate} is revoked; {RENEW}"),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                format!("{certificate} is not one for servers; {ISSUE}")
            }
            // rustls has no variant of its own for this error of its verifier.
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                format!(
                    "{certificate} is a certificate authority's, which cannot be used for a server; {ISSUE}"
                )
            }
            _ => format!("{certificate} is not valid ({reason}); {ISSUE}"),
        }
    }
}

const RENEW: &str = "the receiver's operator has to renew it, unless the clock of this machine is wrong";
const SET_CLOCK: &str = "check the clock of this machine, or tell the receiver's operator";
const SET_NAME: &str =
    "set endpoint to a name of the certificate, or ask the receiver's operator for one with this name";
const ISSUE: &str = "the receiver's operator has to issue a server certificate with the receiver's name";

/// The verifier's reason to reject a certificate; `None` for any other error.
fn certificate_error(error: &ureq::Error) -> Option<&CertificateError> {
    let error = match error {
        ureq::Error::Rustls(error) => error,
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref()?,
        _ => return None,
    };
    match error {
        rustls::Error::InvalidCertificate(reason) => Some(reason),
        _ => None,
    }
}

/// The name in rustls's `DnsName("host")`.
fn plain_name(presented: &str) -> &str {
    let inner = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(presented).trim_matches('"')
}

/// Reports whether the resolver does not know a name.
fn is_unknown_host(error: &ureq::Error) -> bool {
    // std has no kind of its own for an error of the resolver.
    matches!(error, ureq::Error::HostNotFound)
        || matches!(error, ureq::Error::Io(error) if error.to_string().starts_with("failed to lookup address"))
}

fn date(time: UnixTime) -> String {
    let since_epoch = Duration::from_secs(time.as_secs());
    DateTime::<Utc>::from(std::time::UNIX_EPOCH + since_epoch).to_rfc3339_opts(SecondsFormat::Secs, true)
}
