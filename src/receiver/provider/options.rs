//! Settings of the provider, checked before anything starts.

use crate::exporter::config::endpoint::is_loopback;
use openidconnect::IssuerUrl;
use std::sync::Arc;

/// Claim that lists a person's groups, where the operator names none.
pub const GROUPS_CLAIM: &str = "groups";

/// Settings of the operator.
#[derive(Clone)]
pub struct ProviderOptions {
    /// Issuer, exactly as the provider writes it.
    pub issuer: String,
    /// Id of this receiver at the provider.
    pub client_id: String,
    /// Secret of this receiver at the provider; a public client has none.
    pub client_secret: Option<Arc<str>>,
    /// True if a user is created at the first sign-in.
    pub creates_users: bool,
    /// Claim that lists a person's groups.
    pub groups_claim: String,
    /// Scopes to ask for; otherwise those of the usual ones that the provider has.
    pub scopes: Option<Vec<String>>,
}

impl std::fmt::Debug for ProviderOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the secret.
        formatter.debug_struct("ProviderOptions").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl ProviderOptions {
    /// Checks an issuer. The error says what is wrong with it.
    pub fn check_issuer(text: &str) -> Result<(), &'static str> {
        let url = IssuerUrl::new(text.to_owned()).map_err(|_| "is no URL")?;
        let url = url.url();
        if !is_private(url.as_str()) {
            return Err("is not of the form https://HOST[/PATH]");
        }
        let has_more = url.query().is_some() || url.fragment().is_some() || !url.username().is_empty();
        if has_more { Err("has a query, a fragment or credentials") } else { Ok(()) }
    }

    /// Host of the issuer, by which people know the provider.
    pub fn host(&self) -> &str {
        let rest = self.issuer.split_once("://").map_or(self.issuer.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }
}

/// True for a URL whose content nobody on the way can read: `https:`, or this machine.
pub fn is_private(url: &str) -> bool {
    let Ok(uri) = url.parse::<ureq::http::Uri>() else { return false };
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => uri.host().is_some_and(is_loopback),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuer_is_https_or_on_this_machine() {
        for issuer in ["https://id.example.com", "https://id.example.com/realms/acme", "http://127.0.0.1:9"] {
            assert_eq!(ProviderOptions::check_issuer(issuer), Ok(()), "{issuer}");
        }
        for issuer in [
            "http://id.example.com",
            "id.example.com",
            "",
            "ftp://id.example.com",
            "https://id.example.com?x=1",
            "https://id.example.com/#x",
            "https://a:b@id.example.com",
        ] {
            assert!(ProviderOptions::check_issuer(issuer).is_err(), "{issuer}");
        }
    }
}
