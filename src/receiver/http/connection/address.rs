//! Addresses of clients: the networks that bounds are counted by, and the proxies that are trusted to forward addresses.

use axum::http::HeaderMap;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

const FORWARDED_FOR: &str = "x-forwarded-for";
/// A client has all addresses of such an IPv6 network.
const IPV6_PREFIX_BITS: u32 = 64;

/// Client as bounds count it: an IPv4 address or an IPv6 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientNetwork(IpAddr);

impl From<IpAddr> for ClientNetwork {
    fn from(address: IpAddr) -> ClientNetwork {
        ClientNetwork(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(
                address.to_bits() & (u128::MAX << (u128::BITS - IPV6_PREFIX_BITS)),
            )),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// Networks of proxies that are trusted to name their client's address.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<Cidr>);

/// A network such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cidr {
    network: IpAddr,
    bits: u32,
}

impl TrustedProxies {
    /// Parses networks, or single addresses. The error is the text that is neither.
    pub fn parse(networks: &[String]) -> Result<TrustedProxies, String> {
        let networks = networks.iter().map(|text| text.parse().map_err(|()| text.clone()));
        Ok(TrustedProxies(networks.collect::<Result<_, _>>()?))
    }

    /// True for the address of a proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|cidr| cidr.contains(address))
    }

    /// The client of a request: the one for whom a proxy forwards it, else the other end of its connection.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.forwarded_client(peer, headers).unwrap_or(peer)
    }

    /// The client for whom a proxy forwards a request: the last address in `X-Forwarded-For` that is not a proxy's own.
    /// `None` for a request that comes from elsewhere or names none.
    pub fn forwarded_client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.contains(peer) {
            return None;
        }
        let values: Vec<&str> =
            headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
        let addresses = values.iter().rev().flat_map(|value| value.rsplit(','));
        let mut parsed = addresses.map(|text| parse_forwarded(text.trim()));
        // What stands before a text that is no address may be the client's own invention.
        parsed.find(|address| address.is_none_or(|address| !self.contains(address))).flatten()
    }
}

/// Parses an address with or without a port.
fn parse_forwarded(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(with_port).or_else(bracketed)
}

impl Cidr {
    fn contains(self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(u32::BITS - self.bits).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(u128::BITS - self.bits).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Cidr {
    type Err = ();

    fn from_str(text: &str) -> Result<Cidr, ()> {
        let (network, bits) =
            text.split_once('/').map_or((text, None), |(network, bits)| (network, Some(bits)));
        let network: IpAddr = network.parse().map_err(|_| ())?;
        let bits_max = if network.is_ipv4() { u32::BITS } else { u128::BITS };
        let bits = bits.map_or(Ok(bits_max), |bits| bits.parse().map_err(|_| ()))?;
        if bits > bits_max { Err(()) } else { Ok(Cidr { network, bits }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn trusted(networks: &[&str]) -> Result<TrustedProxies, String> {
        TrustedProxies::parse(&networks.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_contain_their_addresses() {
        let proxies = trusted(&["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]).unwrap();
        for address in ["10.255.0.1", "192.0.2.7", "2001:db8:1::1", "::ffff:10.0.0.1"] {
            assert!(proxies.contains(ip(address)), "{address}");
        }
        for address in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "127.0.0.1"] {
            assert!(!proxies.contains(ip(address)), "{address}");
        }
        assert!(trusted(&["0.0.0.0/0"]).unwrap().contains(ip("203.0.113.9")));
        for text in ["10.0.0.0/33", "10.0.0/8", "::/129", "proxy", "10.0.0.0/-1", ""] {
            assert_eq!(trusted(&[text]).unwrap_err(), text);
        }
    }

    #[test]
    fn only_a_trusted_proxy_names_its_client() {
        let proxies = trusted(&["10.0.0.0/8"]).unwrap();
        let client = |peer: &str, values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
            }
            proxies.forwarded_client(ip(peer), &headers)
        };
        assert_eq!(client("203.0.113.9", &["192.0.2.1"]), None, "forged");
        assert_eq!(client("10.0.0.1", &[]), None);
        assert_eq!(client("10.0.0.1", &["198.51.100.9, 192.0.2.1, 10.0.0.2"]), Some(ip("192.0.2.1")));
        assert_eq!(client("10.0.0.1", &["198.51.100.9", "192.0.2.1:80"]), Some(ip("192.0.2.1")));
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]"]), Some(ip("2001:db8::1")));
        assert_eq!(client("10.0.0.1", &["192.0.2.1, unknown"]), None);
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let network = |text| ClientNetwork::from(ip(text));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }
}
