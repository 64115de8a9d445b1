//! HTTP to the provider: bounded in time and size, without redirects, over TLS with the platform's trust store. Blocking, for
//! threads that may block.

use super::options::is_private;
use crate::exporter::config::endpoint::is_loopback;
use crate::receiver::limits::{PROVIDER_RESPONSE_BYTES_MAX, PROVIDER_TIMEOUT};
use openidconnect::{HttpRequest, HttpResponse, SyncHttpClient};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// HTTP client for one provider.
pub struct ProviderTransport(Agent);

/// Failure of a request.
#[derive(Debug)]
pub struct TransportError(String);

impl std::error::Error for TransportError {}

impl std::fmt::Display for TransportError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Default for ProviderTransport {
    fn default() -> ProviderTransport {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("han-sync-receiver/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(PROVIDER_TIMEOUT))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build());
        ProviderTransport(config.build().new_agent())
    }
}

impl SyncHttpClient for ProviderTransport {
    type Error = TransportError;

    fn call(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let url = request.uri().to_string();
        let failed = |reason: String| TransportError(format!("{url}: {reason}"));
        if !is_private(&url) {
            return Err(failed("the address is neither https: nor on this machine".to_owned()));
        }
        // The environment's proxy is meant for the network, and cannot reach this machine's own loopback address.
        let is_direct = request.uri().host().is_some_and(is_loopback);
        let request = match is_direct {
            true => self.0.configure_request(request).proxy(None).build(),
            false => request,
        };
        let response = self.0.run(request).map_err(|error| failed(error.to_string()))?;
        let (parts, body) = response.into_parts();
        let body = body.into_with_config().limit(PROVIDER_RESPONSE_BYTES_MAX).read_to_vec();
        Ok(HttpResponse::from_parts(parts, body.map_err(|error| failed(error.to_string()))?))
    }
}
