//! The proxy on the way to the receiver, chosen as curl chooses one.
//!
//! Invariant: a proxy that cannot be used is an error of the run that needs it, and never a direct connection. A proxy's
//! credentials never reach a log or an error.

use std::fmt;
use std::net::IpAddr;

use crate::exporter::config::endpoint::is_loopback;
use crate::exporter::config::file::ConfigFile;
use crate::exporter::config::setting::{Origin, Setting};
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;

/// curl's port for a proxy without one.
const HTTP_PORT_DEFAULT: u16 = 1080;
/// The port of `https:` for a proxy or an endpoint without one.
const HTTPS_PORT_DEFAULT: u16 = 443;

/// The configured proxy, and the hosts that are reached without it.
#[derive(Debug, Clone, Default)]
pub struct ProxyRules {
    /// The proxy, or the reason why it cannot be used.
    proxy: Option<Result<ProxyUrl, String>>,
    bypass: Vec<BypassRule>,
}

/// The URL of an HTTP proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    url: String,
    name: String,
    origin: Origin,
}

impl ProxyUrl {
    /// URL with the credentials.
    pub fn expose(&self) -> &str {
        &self.url
    }

    /// Reports whether the URL has credentials.
    pub fn has_credentials(&self) -> bool {
        self.url != self.name
    }

    /// Place where the proxy was set.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// Without the credentials.
impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "ProxyUrl({})", self.name)
    }
}

/// Reads the proxy: the key `proxy`, else the environment's.
pub(super) fn load(environment: &Environment, file: &ConfigFile) -> Result<ProxyRules, Error> {
    let proxy = match file.text("proxy")? {
        Some(setting) if setting.value.trim() == "none" => None,
        Some(setting) => Some(Ok(parse(&setting).map_err(Error::configuration)?)),
        None => environment
            .proxy
            .as_ref()
            .map(|(name, value)| parse(&Setting::from_environment(name, value.clone()))),
    };
    let bypass = environment.no_proxy.as_deref().map(parse_bypass).unwrap_or_default();
    Ok(ProxyRules { proxy, bypass })
}

impl ProxyRules {
    /// The proxy that the environment names for an endpoint; also for a loopback address, which needs none.
    ///
    /// # Errors
    /// [`ExitCode::Configuration`](crate::exporter::error::ExitCode::Configuration) if the proxy cannot be used.
    pub fn of_environment(&self, host: &str, port: Option<u16>) -> Result<Option<ProxyUrl>, Error> {
        let Some(proxy) = &self.proxy else { return Ok(None) };
        if self.bypass.iter().any(|rule| rule.matches(host, port.unwrap_or(HTTPS_PORT_DEFAULT))) {
            return Ok(None);
        }
        let proxy = proxy.clone().map_err(Error::configuration)?;
        Ok(Some(proxy).filter(|proxy| matches!(proxy.origin, Origin::Environment(_))))
    }

    /// The proxy for an endpoint; `None` for a direct connection.
    ///
    /// # Errors
    /// [`ExitCode::Configuration`](crate::exporter::error::ExitCode::Configuration) if the proxy cannot be used.
    pub fn for_endpoint(&self, host: &str, port: Option<u16>) -> Result<Option<ProxyUrl>, Error> {
        let Some(proxy) = &self.proxy else { return Ok(None) };
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let port = port.unwrap_or(HTTPS_PORT_DEFAULT);
        if self.bypass.iter().any(|rule| rule.matches(host, port)) {
            return Ok(None);
        }
        let proxy = proxy.clone().map_err(Error::configuration)?;
        // The environment's proxy is meant for the network, and cannot reach this machine's own loopback address.
        let is_for_network = matches!(proxy.origin, Origin::Environment(_));
        Ok(Some(proxy).filter(|_| !(is_for_network && is_loopback(host))))
    }
}

/// Parses `[scheme://][user:password@]host[:port]`. The error is a message without credentials.
fn parse(setting: &Setting<String>) -> Result<ProxyUrl, String> {
    let Setting { value, origin } = setting;
    let value = value.trim();
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let scheme = scheme.to_ascii_lowercase();
    let (credentials, rest) = match rest.rsplit_once('@') {
        Some((credentials, rest)) => (Some(credentials), rest),
        None => (None, rest),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let wrong = |reason: &str| {
        let shown = format!("{scheme}://{authority}");
        format!(
            "the proxy {shown:?} in {origin} cannot be used: {reason}; set it, or sync.proxy in han.yml, to http://host:port, or sync.proxy to none"
        )
    };
    let port_default = match scheme.as_str() {
        "http" => HTTP_PORT_DEFAULT,
        "https" => HTTPS_PORT_DEFAULT,
        _ if scheme.starts_with("socks") => return Err(wrong("SOCKS is not supported")),
        _ => return Err(wrong("the scheme is unknown")),
    };
    let (host, port) = split_port(authority).ok_or_else(|| wrong("the port is not a number"))?;
    let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '@');
    let name = format!("{scheme}://{host}:{}", port.unwrap_or(port_default));
    let url = match credentials {
        Some(credentials) => name.replacen("://", &format!("://{credentials}@"), 1),
        None => name.clone(),
    };
    match ureq::Proxy::new(&url) {
        Ok(_) if is_host => Ok(ProxyUrl { url, name, origin: origin.clone() }),
        _ => Err(wrong("it is not a URL")),
    }
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`. `None`: the port is not one.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let end_of_host = authority.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = authority[end_of_host..].find(':') else { return Some((authority, None)) };
    let (host, port) = authority.split_at(end_of_host + colon);
    let port = port[1..].parse().ok().filter(|port| *port != 0)?;
    Some((host, Some(port)))
}

/// An entry of `NO_PROXY`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum BypassRule {
    /// `*`.
    All,
    /// A name with its subdomains, or an address.
    Host(String, Option<u16>),
    /// A network, as its address and the length of its prefix.
    Network(IpAddr, u8),
}

fn parse_bypass(text: &str) -> Vec<BypassRule> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|entry| !entry.is_empty())
        .map(bypass_rule)
        .collect()
}

fn bypass_rule(entry: &str) -> BypassRule {
    if entry == "*" {
        return BypassRule::All;
    }
    let network = entry.split_once('/').and_then(|(address, length)| {
        let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
        let length: u8 = length.parse().ok()?;
        let length_max = if address.is_ipv4() { 32 } else { 128 };
        (length <= length_max).then_some(BypassRule::Network(address, length))
    });
    network.unwrap_or_else(|| {
        let is_address = entry.parse::<IpAddr>().is_ok();
        let (host, port) =
            if is_address { (entry, None) } else { split_port(entry).unwrap_or((entry, None)) };
        let host = host.trim_matches(['[', ']']);
        let host = host.strip_prefix('*').unwrap_or(host).trim_start_matches('.').trim_end_matches('.');
        BypassRule::Host(host.to_ascii_lowercase(), port)
    })
}

impl BypassRule {
    fn matches(&self, host: &str, port: u16) -> bool {
        let address: Option<IpAddr> = host.parse().ok();
        match self {
            BypassRule::All => true,
            BypassRule::Network(network, length) => {
                address.is_some_and(|address| has_prefix(address, *network, *length))
            }
            BypassRule::Host(_, Some(only)) if *only != port => false,
            BypassRule::Host(name, _) => match address {
                Some(address) => name.parse() == Ok(address),
                None => {
                    let host = host.to_ascii_lowercase();
                    let parent = host.strip_suffix(name.as_str());
                    !name.is_empty()
                        && parent.is_some_and(|parent| parent.is_empty() || parent.ends_with('.'))
                }
            },
        }
    }
}

/// Reports whether the first `length` bits of two addresses of one family are equal.
fn has_prefix(address: IpAddr, network: IpAddr, length: u8) -> bool {
    let (address, network, bits) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (u128::from(address.to_bits()), u128::from(network.to_bits()), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    (address ^ network).checked_shr(bits - u32::from(length)).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bypasses(no_proxy: &str, host: &str, port: u16) -> bool {
        parse_bypass(no_proxy).iter().any(|rule| rule.matches(host, port))
    }

    #[test]
    fn no_proxy_matches_as_curl_does() {
        let table = [
            ("example.com", "example.com", true),
            ("example.com", "team.example.com", true),
            (".example.com", "example.com", true),
            (".example.com", "team.example.com", true),
            ("*.example.com", "team.example.com", true),
            ("example.com.", "team.example.com", true),
            ("EXAMPLE.com", "Team.Example.COM", true),
            ("example.com", "notexample.com", false),
            ("team.example.com", "example.com", false),
            ("localhost, example.com", "example.com", true),
            ("localhost example.com", "example.com", true),
            ("example.com:443", "example.com", true),
            ("example.com:8443", "example.com", false),
            ("*", "example.com", true),
            ("a.com,*", "example.com", true),
            ("", "example.com", false),
            (",", "example.com", false),
            (".", "example.com", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.0.0.0/33", "10.1.2.3", false),
            ("0.0.0.0/0", "11.1.2.3", true),
            ("10.1.2.3", "10.1.2.3", true),
            ("2.3", "10.1.2.3", false),
            ("10.1.2.3:443", "10.1.2.3", true),
            ("fd00::/8", "fd00::1", true),
            ("fd00::/8", "10.1.2.3", false),
            ("fd00::1", "fd00::1", true),
            ("[fd00::1]:443", "fd00::1", true),
            ("[fd00::1]:444", "fd00::1", false),
        ];
        for (no_proxy, host, expected) in table {
            assert_eq!(bypasses(no_proxy, host, 443), expected, "NO_PROXY={no_proxy:?} {host}");
        }
    }

    #[test]
    fn proxy_urls_are_parsed_as_curl_does_and_show_no_credentials() {
        let parse = |text: &str| super::parse(&Setting::from_environment("https_proxy", text.to_owned()));
        for (text, name) in [
            ("http://proxy.corp:8080", "http://proxy.corp:8080"),
            ("proxy.corp:8080", "http://proxy.corp:8080"),
            ("HTTP://user:secret@proxy.corp", "http://proxy.corp:1080"),
            ("https://proxy.corp/", "https://proxy.corp:443"),
            ("http://[fd00::1]:3128/path", "http://[fd00::1]:3128"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), name);
        }
        for text in [
            "socks5://user:secret@proxy:1080",
            "socks5h://proxy:1080",
            "ftp://proxy:80",
            "http://proxy:port",
            "http://proxy:0",
            "http://proxy:99999",
            "http://",
            "http://user:secret@",
            "http://us er:secret@pro xy:80",
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.contains("https_proxy") && !message.contains("secret"), "{text}: {message}");
        }
    }
}
