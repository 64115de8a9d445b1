//! The addresses of hosts, looked up once and not for each request, and again after a request has failed.
//!
//! By itself the HTTP client asks the name server before every request, also where it has a connection. A run sends a
//! thousand of them, and a name server that fails meanwhile would fail requests that need no connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// The addresses that the system's resolver gave; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct CachedAddresses {
    /// Of the receiver, and of a proxy.
    known: Arc<Mutex<Vec<(Uri, ResolvedSocketAddrs)>>>,
}

impl CachedAddresses {
    /// Forgets all addresses, which may be the reason why a request has failed.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Uri, ResolvedSocketAddrs)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for CachedAddresses {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let is_of_host = |known: &Uri| known.scheme() == uri.scheme() && known.authority() == uri.authority();
        if let Some((_, addresses)) = self.lock().iter().find(|(known, _)| is_of_host(known)) {
            return Ok(addresses.clone());
        }
        let addresses = DefaultResolver::default().resolve(uri, config, timeout)?;
        self.lock().push((uri.clone(), addresses.clone()));
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use ureq::unversioned::transport::time::Duration;

    use super::*;

    #[test]
    fn addresses_are_kept_for_each_host_until_they_are_forgotten() {
        let cache = CachedAddresses::default();
        let resolve = |url: &str| {
            let timeout = NextTimeout { after: Duration::NotHappening, ..NextTimeout::default() };
            let addresses = cache.resolve(&url.parse().unwrap(), &Config::default(), timeout).unwrap();
            (addresses[0].to_string(), cache.lock().len())
        };
        let found = |address: &str, known| (address.to_owned(), known);
        assert_eq!(resolve("https://127.0.0.1/api/sync"), found("127.0.0.1:443", 1));
        assert_eq!(resolve("https://127.0.0.1/api/sync/identity"), found("127.0.0.1:443", 1));
        assert_eq!(resolve("http://127.0.0.1/api/sync"), found("127.0.0.1:80", 2));
        assert_eq!(resolve("https://127.0.0.2:8080"), found("127.0.0.2:8080", 3));
        cache.clone().forget();
        assert_eq!(resolve("https://127.0.0.1/api/sync"), found("127.0.0.1:443", 1));
    }
}
