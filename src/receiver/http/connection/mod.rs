//! Connections: who may have how many, and their sockets.
//!
//! Invariant: a client without a key can hold only a bounded number of connections, for a bounded time while it sends no
//! request or reads no response, and a bounded amount of memory.

/// Addresses of clients, and proxies that forward them.
mod address;

/// Requests in flight of each address behind a proxy.
mod address_limit;

/// The URL at which clients see the receiver.
mod public_url;

/// Refused authentications of each address.
mod refusals;

/// The table of open connections.
mod table;

/// A connection's socket, with its timeouts and budgets.
mod guarded_stream;

pub use address::{ClientNetwork, TrustedProxies};
pub use address_limit::{AddressLimit, PeerAddress};
pub use guarded_stream::{GuardedStream, HeadBudget, IncomingHead};
pub use public_url::{PublicUrl, base_url};
pub use refusals::RefusedAuthentications;
pub use table::{ConnectionEntry, ConnectionTable, ConnectionTimeouts};
