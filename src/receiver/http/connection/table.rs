//! The table of open connections: how many there may be, in all and of one client.
//!
//! Invariant: a further connection takes the place of the one that has waited longest, without a request or for its client
//! to read, so that idle connections keep nobody out. Where none has waited for `IDLE_MIN`, it waits itself in the
//! system's queue: thousands of clients that come within one second do not close each other's connections.

use super::address::{ClientNetwork, TrustedProxies};
use crate::receiver::limits::ADDRESS_SHARE_DIVISOR;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Wait after which a connection may give way to one of another address. A client sends its request with the connection, and the
/// next one after a response within a round trip.
const IDLE_MIN: Duration = Duration::from_secs(1);

/// Timeouts of a connection.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionTimeouts {
    /// Without progress of a response.
    pub write: Duration,
    /// Between the response to one request and the first byte of the next.
    pub keep_alive: Duration,
}

/// Open connections of one listener.
#[derive(Clone)]
pub struct ConnectionTable {
    connections_max: usize,
    trusted: TrustedProxies,
    timeouts: ConnectionTimeouts,
    open: Arc<Mutex<OpenConnections>>,
    /// Notified when a connection is closed.
    closed: Arc<Notify>,
}

#[derive(Default)]
struct OpenConnections {
    next_id: u64,
    by_id: HashMap<u64, OpenConnection>,
}

struct OpenConnection {
    /// `None` for a trusted proxy, which has no bound of its own.
    network: Option<ClientNetwork>,
    /// `None` while a request is in process.
    waiting_since: Option<Instant>,
    /// True until the first request.
    is_unheard: bool,
    evicted: Arc<Notify>,
}

/// The entry of one connection. Dropping the entry removes it from the table.
pub struct ConnectionEntry {
    table: ConnectionTable,
    id: u64,
    evicted: Arc<Notify>,
}

impl ConnectionTable {
    /// Creates a table of at most `connections_max` connections.
    pub fn new(
        connections_max: usize,
        trusted: TrustedProxies,
        timeouts: ConnectionTimeouts,
    ) -> ConnectionTable {
        ConnectionTable { connections_max, trusted, timeouts, open: Arc::default(), closed: Arc::default() }
    }

    /// Number of connections at most.
    pub fn connections_max(&self) -> usize {
        self.connections_max
    }

    /// Timeouts of each connection.
    pub fn timeouts(&self) -> ConnectionTimeouts {
        self.timeouts
    }

    /// Waits until there is room for a connection, or another one may give way to it.
    pub async fn wait_for_room(&self, peer: IpAddr) {
        while let Some(wait) = self.time_to_room(peer) {
            // Either way it is looked at again.
            let _ = timeout(wait, self.closed.notified()).await;
        }
    }

    /// Time in which a connection may come to give way to another; `None` if there is room for it, or one that may do so.
    fn time_to_room(&self, peer: IpAddr) -> Option<Duration> {
        let network = self.network(peer);
        let open = self.lock();
        let has_room = open.by_id.len() < self.connections_max
            || network.is_some() && open.count(|connection| connection.network == network) >= self.share();
        let longest = open.by_id.values().filter_map(|connection| connection.waiting_since).min();
        let waited = longest.map_or(Duration::ZERO, |since| since.elapsed());
        (!has_room && waited < IDLE_MIN).then(|| IDLE_MIN - waited)
    }

    /// The network whose connections share a bound with those of this peer.
    fn network(&self, peer: IpAddr) -> Option<ClientNetwork> {
        (!self.trusted.contains(peer)).then(|| ClientNetwork::from(peer))
    }

    /// Number of connections that one network may have.
    fn share(&self) -> usize {
        (self.connections_max / ADDRESS_SHARE_DIVISOR).max(1)
    }

    /// Adds a connection; `None` if all that are in its way are at work.
    pub fn add(&self, peer: IpAddr) -> Option<ConnectionEntry> {
        let network = self.network(peer);
        let mut open = self.lock();
        if network.is_some() {
            open.make_room(self.share(), |connection| connection.network == network)?;
        }
        open.make_room(self.connections_max, |_| true)?;
        let (id, evicted) = (open.next_id, Arc::new(Notify::new()));
        open.next_id += 1;
        let waiting_since = Some(Instant::now());
        let connection =
            OpenConnection { network, waiting_since, is_unheard: true, evicted: evicted.clone() };
        open.by_id.insert(id, connection);
        Some(ConnectionEntry { table: self.clone(), id, evicted })
    }

    /// True if a connection that is younger than `age_max` has not had its first request yet.
    pub fn has_unheard(&self, age_max: Duration) -> bool {
        let is_young = |since: Instant| since.elapsed() < age_max;
        self.lock()
            .by_id
            .values()
            .any(|connection| connection.is_unheard && connection.waiting_since.is_some_and(is_young))
    }

    fn lock(&self) -> MutexGuard<'_, OpenConnections> {
        self.open.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl OpenConnections {
    fn count(&self, counts: impl Fn(&OpenConnection) -> bool) -> usize {
        self.by_id.values().filter(|connection| counts(connection)).count()
    }

    /// Evicts connections until one more of those that count is within `max`.
    fn make_room(&mut self, max: usize, counts: impl Fn(&OpenConnection) -> bool) -> Option<()> {
        while self.count(&counts) >= max {
            let waiting = self.by_id.iter().filter(|(_, connection)| counts(connection));
            let waiting = waiting.filter_map(|(id, connection)| Some((connection.waiting_since?, *id)));
            let (_, longest) = waiting.min()?;
            if let Some(connection) = self.by_id.remove(&longest) {
                connection.evicted.notify_one();
            }
        }
        Some(())
    }
}

impl ConnectionEntry {
    /// Marks the connection as at work, or as waiting from now on.
    pub fn set_waiting(&self, is_waiting: bool) {
        if let Some(connection) = self.table.lock().by_id.get_mut(&self.id) {
            connection.waiting_since = is_waiting.then(Instant::now);
            connection.is_unheard &= is_waiting;
        }
    }

    /// Marks progress of a connection that waits for its client.
    pub fn touch(&self) {
        if let Some(connection) = self.table.lock().by_id.get_mut(&self.id)
            && connection.waiting_since.is_some()
        {
            connection.waiting_since = Some(Instant::now());
        }
    }

    /// Ends when the connection has to give way to another.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl Drop for ConnectionEntry {
    fn drop(&mut self) {
        self.table.lock().by_id.remove(&self.id);
        self.table.closed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const TIMEOUTS: ConnectionTimeouts =
        ConnectionTimeouts { write: Duration::ZERO, keep_alive: Duration::ZERO };

    impl ConnectionTable {
        /// Lets all that wait have waited so much longer.
        fn age_by(&self, age: Duration) {
            for connection in self.lock().by_id.values_mut() {
                connection.waiting_since =
                    connection.waiting_since.map(|since| since.checked_sub(age).unwrap());
            }
        }
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn the_connection_that_has_waited_longest_gives_way() {
        let table = ConnectionTable::new(4, TrustedProxies::default(), TIMEOUTS);
        let first = table.add(ip(1)).unwrap();
        let second = table.add(ip(2)).unwrap();
        second.set_waiting(false);
        let third = table.add(ip(3)).unwrap();
        let _fourth = table.add(ip(4)).unwrap();
        first.touch();
        assert!(table.add(ip(5)).is_some());
        assert!(third.evicted().now_or_never().is_some());
        assert!(first.evicted().now_or_never().is_none() && second.evicted().now_or_never().is_none());
    }

    #[tokio::test]
    async fn connection_waits_for_another_to_be_closed_or_idle() {
        let table = ConnectionTable::new(4, TrustedProxies::default(), TIMEOUTS);
        let mut entries: Vec<_> = (1..=3).map(|last| table.add(ip(last)).unwrap()).collect();
        assert!(table.wait_for_room(ip(5)).now_or_never().is_some());
        entries.push(table.add(ip(4)).unwrap());
        assert!(table.wait_for_room(ip(5)).now_or_never().is_none(), "none has waited long");
        assert!(table.wait_for_room(ip(1)).now_or_never().is_some(), "its own one gives way");
        entries.iter().for_each(|entry| entry.set_waiting(false));
        let mut room = Box::pin(table.wait_for_room(ip(5)));
        assert!(room.as_mut().now_or_never().is_none());
        entries.pop();
        room.await;
        entries.push(table.add(ip(5)).unwrap());
        table.age_by(IDLE_MIN);
        assert!(table.wait_for_room(ip(6)).now_or_never().is_some(), "the last one is idle");
    }

    #[test]
    fn connection_is_unheard_until_its_first_request() {
        let table = ConnectionTable::new(4, TrustedProxies::default(), TIMEOUTS);
        let entry = table.add(ip(1)).unwrap();
        assert!(table.has_unheard(Duration::MAX) && !table.has_unheard(Duration::ZERO));
        entry.set_waiting(false);
        assert!(!table.has_unheard(Duration::MAX));
        entry.set_waiting(true);
        assert!(!table.has_unheard(Duration::MAX), "it waits for its next one");
    }

    #[test]
    fn one_address_has_a_share_and_a_trusted_proxy_has_none() {
        let proxies = TrustedProxies::parse(&["10.0.0.0/8".to_owned()]).unwrap();
        let table = ConnectionTable::new(8, proxies, TIMEOUTS);
        let own: Vec<_> = (0..2).map(|_| table.add(ip(1)).unwrap()).collect();
        own.iter().for_each(|entry| entry.set_waiting(false));
        assert!(table.add(ip(1)).is_none(), "both are at work");
        let proxied: Vec<_> = (0..6).map(|_| table.add(IpAddr::from([10, 0, 0, 1])).unwrap()).collect();
        proxied.iter().for_each(|entry| entry.set_waiting(false));
        assert!(table.add(ip(2)).is_none());
        drop(own);
        assert!(table.add(ip(2)).is_some());
    }
}
