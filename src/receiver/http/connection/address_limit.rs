//! Bound of the requests in flight that trusted proxies forward for one client.
//!
//! A client without a proxy has at most one request in flight on each of its connections, which have a bound of their own.

use super::address::ClientNetwork;
use crate::receiver::http::api_error::{ApiError, Limit};
use crate::receiver::limits::ADDRESS_SHARE_DIVISOR;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

/// Address of the other end of a request's connection.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub IpAddr);

/// Requests in flight by client.
#[derive(Clone)]
pub struct AddressLimit {
    requests_max: usize,
    by_client: Arc<Mutex<HashMap<ClientNetwork, usize>>>,
}

/// Permit of one request.
pub struct AddressPermit {
    limit: AddressLimit,
    client: ClientNetwork,
}

impl AddressLimit {
    /// Creates a limit that gives one client a share of `in_flight_max`.
    pub fn new(in_flight_max: usize) -> AddressLimit {
        AddressLimit {
            requests_max: (in_flight_max / ADDRESS_SHARE_DIVISOR).max(1),
            by_client: Arc::default(),
        }
    }

    /// Acquires a permit of the client's share.
    pub fn acquire(&self, client: ClientNetwork) -> Result<AddressPermit, ApiError> {
        let mut by_client = self.lock();
        let requests = by_client.entry(client).or_default();
        if *requests >= self.requests_max {
            return Err(ApiError::busy(Limit::Address, "too many requests in flight from this address"));
        }
        *requests += 1;
        Ok(AddressPermit { limit: self.clone(), client })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientNetwork, usize>> {
        self.by_client.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut by_client = self.limit.lock();
        if let Some(requests) = by_client.get_mut(&self.client) {
            *requests -= 1;
            if *requests == 0 {
                by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_a_share_and_gets_its_permits_back() {
        let limit = AddressLimit::new(2 * ADDRESS_SHARE_DIVISOR);
        let client = |last| ClientNetwork::from(IpAddr::from([192, 0, 2, last]));
        let held = [limit.acquire(client(1)).ok().unwrap(), limit.acquire(client(1)).ok().unwrap()];
        assert!(limit.acquire(client(1)).is_err());
        assert!(limit.acquire(client(2)).is_ok());
        drop(held);
        assert!(limit.acquire(client(1)).is_ok());
        assert!(limit.lock().is_empty());
    }
}
