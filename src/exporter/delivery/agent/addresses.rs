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

/// A cache of addresses in front of a resolver; clones share it.
#[derive(Debug, Default)]
pub(super) struct CachedAddresses<R = DefaultResolver> {
    resolver: Arc<R>,
    /// The receiver, and a proxy.
    known: Arc<Mutex<Vec<(Uri, ResolvedSocketAddrs)>>>,
}

impl<R> Clone for CachedAddresses<R> {
    fn clone(&self) -> CachedAddresses<R> {
        CachedAddresses { resolver: self.resolver.clone(), known: self.known.clone() }
    }
}

impl<R> CachedAddresses<R> {
    /// Forgets all addresses, which may be the reason why a request has failed.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Uri, ResolvedSocketAddrs)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Resolver> Resolver for CachedAddresses<R> {
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
        let addresses = self.resolver.resolve(uri, config, timeout)?;
        self.lock().push((uri.clone(), addresses.clone()));
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicU16, Ordering};

    use super::*;

    /// A resolver of which each answer is another one.
    #[derive(Debug, Default)]
    struct Counter(AtomicU16);

    impl Resolver for Counter {
        fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
            let lookups = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            let mut addresses = self.empty();
            addresses.push(SocketAddr::from(([127, 0, 0, 1], lookups)));
            Ok(addresses)
        }
    }

    #[test]
    fn host_is_looked_up_once_until_its_addresses_are_forgotten() {
        let cache = CachedAddresses::<Counter>::default();
        let port = |url: &str| {
            let addresses = cache.resolve(&url.parse().unwrap(), &Config::default(), NextTimeout::default());
            addresses.unwrap()[0].port()
        };
        assert_eq!(port("https://receiver.test/api/sync"), 1);
        assert_eq!(port("https://receiver.test/api/sync/identity"), 1);
        assert_eq!(port("http://receiver.test/api/sync"), 2);
        assert_eq!(port("https://proxy.test:8080"), 3);
        cache.clone().forget();
        assert_eq!(port("https://receiver.test/api/sync"), 4);
        assert_eq!(port("https://receiver.test/api/sync"), 4);
    }
}
