//! The store's URL with libpq's words, and the variables of the environment that stand for absent ones.
//!
//! Invariants: a word has libpq's meaning or is named and rejected; the URL itself is never printed, because it may hold a
//! password.

use crate::receiver::limits::{STORE_CONFIRM_TIMEOUT, STORE_KEEPALIVE_IDLE, STORE_KEEPALIVE_INTERVAL};
use crate::receiver::store::error::{Result, StoreError};
use std::net::IpAddr;
use std::path::PathBuf;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// Words that the client itself takes.
const CLIENT_WORDS: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];
/// Words that change nothing with these values, which are what the client does anyway.
const REDUNDANT_WORDS: &[(&str, &[&str])] = &[
    ("client_encoding", &["auto", "utf8", "utf-8", "unicode"]),
    ("fallback_application_name", &[]),
    ("gssencmode", &["disable", "prefer"]),
    ("sslcertmode", &["disable", "allow"]),
    ("sslcompression", &["0"]),
    ("sslsni", &["1"]),
    ("ssl_min_protocol_version", &["", "tlsv1", "tlsv1.1", "tlsv1.2"]),
];
/// Variables of the environment, each with the word that it stands for.
const VARIABLES: &[(&str, &str)] = &[
    ("PGSSLMODE", SSLMODE),
    ("PGSSLROOTCERT", SSLROOTCERT),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGAPPNAME", "application_name"),
    ("PGOPTIONS", "options"),
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
];
/// Questions of the system without an answer after which a server is gone.
const KEEPALIVES: u32 = 3;
const SSLMODE: &str = "sslmode";
const SSLROOTCERT: &str = "sslrootcert";
const SSLMODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Certificate authorities that are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedRoots {
    /// Those of the platform.
    Platform,
    /// Those of a PEM file.
    File(PathBuf),
}

/// Use of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsPolicy {
    /// None.
    Disabled,
    /// Only with a server that insists on it, unverified.
    Allowed,
    /// With a server that offers it, unverified.
    Preferred,
    /// Always, unverified.
    Required,
    /// Always, by an authority of the file.
    VerifiedAuthority(PathBuf),
    /// Always, by a trusted authority and for the host's name.
    Verified(TrustedRoots),
    /// Verified with a server that offers it: the default for a server on another machine.
    VerifiedIfOffered,
}

/// Parsed URL.
#[derive(Debug)]
pub struct StoreUrl {
    pub config: Config,
    pub tls: TlsPolicy,
    /// True if every host is this machine.
    pub is_local: bool,
}

impl StoreUrl {
    /// Parses a URL. `variable` reads the environment.
    pub fn parse(url: &str, variable: impl Fn(&str) -> Option<String>) -> Result<StoreUrl> {
        let (base, query) = split_query(url);
        let mut words = Words::default();
        for member in query.split('&').filter(|member| !member.is_empty()) {
            words.add(member)?;
        }
        let mut config: Config =
            format!("{base}?{}", words.for_client.join("&")).parse().map_err(|error| {
                StoreError::Unusable(format!(
                    "the store's URL cannot be parsed (it is not printed, because it may hold a password){}",
                    named_fault(&error)
                ))
            })?;
        for (name, word) in VARIABLES {
            if let Some(value) = variable(name).filter(|value| !value.is_empty()) {
                words.add_variable(&mut config, name, word, value)?;
            }
        }
        words.add_defaults(&mut config);
        let is_local = is_local(&config);
        let has_socket_only = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)))
            && !config.get_hosts().is_empty();
        let default_roots = variable("HOME").map(|home| PathBuf::from(home).join(".postgresql/root.crt"));
        let tls = match words.tls(is_local, default_roots.filter(|path| path.is_file()))? {
            // As in libpq: there is no TLS over a socket of this machine.
            _ if has_socket_only => TlsPolicy::Disabled,
            policy => policy,
        };
        config.ssl_mode(match tls {
            TlsPolicy::Disabled | TlsPolicy::Allowed => SslMode::Disable,
            TlsPolicy::Preferred | TlsPolicy::VerifiedIfOffered => SslMode::Prefer,
            TlsPolicy::Required | TlsPolicy::VerifiedAuthority(_) | TlsPolicy::Verified(_) => {
                SslMode::Require
            }
        });
        Ok(StoreUrl { config, tls, is_local })
    }
}

/// The words of a URL's query.
#[derive(Default)]
struct Words {
    /// As they are, for the client's own parser.
    for_client: Vec<String>,
    names: Vec<String>,
    sslmode: Option<String>,
    sslrootcert: Option<String>,
}

impl Words {
    fn add(&mut self, member: &str) -> Result<()> {
        let Some((name, value)) = member.split_once('=') else {
            return Err(unusable("has a parameter without a value"));
        };
        self.names.push(name.to_owned());
        match name {
            SSLMODE => self.sslmode = Some(decoded(value)),
            SSLROOTCERT => self.sslrootcert = Some(decoded(value)),
            "keepalives_count" => self.for_client.push(format!("keepalives_retries={value}")),
            _ if CLIENT_WORDS.contains(&name) => self.for_client.push(member.to_owned()),
            _ => {
                let redundant = REDUNDANT_WORDS.iter().find(|word| word.0 == name).map(|word| word.1);
                let value = decoded(value).to_ascii_lowercase();
                return match redundant {
                    Some(values) if values.is_empty() || values.contains(&value.as_str()) => Ok(()),
                    Some(_) => {
                        Err(unusable(&format!("has a value of {name} that this receiver does not take")))
                    }
                    None => Err(unusable(&format!("has {}, which this receiver does not take", shown(name)))),
                };
            }
        }
        Ok(())
    }

    /// Takes a variable for a word that the URL lacks.
    fn add_variable(&mut self, config: &mut Config, name: &str, word: &str, value: String) -> Result<()> {
        if self.names.iter().any(|known| known == word) {
            return Ok(());
        }
        self.names.push(word.to_owned());
        let faulty =
            || StoreError::Unusable(format!("the environment's {name} has a value that is not libpq's"));
        match word {
            SSLMODE => self.sslmode = Some(value),
            SSLROOTCERT => self.sslrootcert = Some(value),
            "host" if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() => {
                value.split(',').for_each(|host| {
                    config.host(host);
                });
            }
            "hostaddr" if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() => {
                config.hostaddr(value.parse().map_err(|_| faulty())?);
            }
            "port" if config.get_ports().is_empty() => {
                config.port(value.parse().map_err(|_| faulty())?);
            }
            "dbname" if config.get_dbname().is_none() => {
                config.dbname(&value);
            }
            "user" if config.get_user().is_none() => {
                config.user(&value);
            }
            "password" if config.get_password().is_none() => {
                config.password(&value);
            }
            "host" | "hostaddr" | "port" | "dbname" | "user" | "password" => {}
            _ => {
                // The client's parser knows the values of these words.
                let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
                let parsed: Config = format!("{word}='{quoted}'").parse().map_err(|_| faulty())?;
                match word {
                    "channel_binding" => {
                        config.channel_binding(parsed.get_channel_binding());
                    }
                    "target_session_attrs" => {
                        config.target_session_attrs(parsed.get_target_session_attrs());
                    }
                    "connect_timeout" => {
                        if let Some(timeout) = parsed.get_connect_timeout() {
                            config.connect_timeout(*timeout);
                        }
                    }
                    "application_name" => {
                        config.application_name(&value);
                    }
                    _ => {
                        config.options(&value);
                    }
                }
            }
        }
        Ok(())
    }

    /// Sets what a receiver needs where nobody has said otherwise: to notice a server that is gone, and of several servers to
    /// take the one that can be written to.
    fn add_defaults(&self, config: &mut Config) {
        let is_absent = |word: &str| !self.names.iter().any(|known| known == word);
        if is_absent("keepalives_idle") {
            config.keepalives_idle(STORE_KEEPALIVE_IDLE);
        }
        if is_absent("keepalives_interval") {
            config.keepalives_interval(STORE_KEEPALIVE_INTERVAL);
        }
        if is_absent("keepalives_count") && is_absent("keepalives_retries") {
            config.keepalives_retries(KEEPALIVES);
        }
        if is_absent("tcp_user_timeout") {
            config.tcp_user_timeout(STORE_CONFIRM_TIMEOUT);
        }
        let has_several = config.get_hosts().len().max(config.get_hostaddrs().len()) > 1;
        if has_several && is_absent("target_session_attrs") {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
    }

    fn tls(&self, is_local: bool, default_roots: Option<PathBuf>) -> Result<TlsPolicy> {
        let file = match self.sslrootcert.as_deref() {
            Some("system") => return self.system_tls(),
            Some(path) if !path.is_empty() => Some(PathBuf::from(path)),
            _ => None,
        };
        let verified = |file: Option<PathBuf>| {
            TlsPolicy::Verified(file.map_or(TrustedRoots::Platform, TrustedRoots::File))
        };
        Ok(match self.sslmode.as_deref().filter(|mode| !mode.is_empty()) {
            None if file.is_some() => verified(file),
            None if is_local => TlsPolicy::Disabled,
            None => TlsPolicy::VerifiedIfOffered,
            Some("disable") => TlsPolicy::Disabled,
            Some("allow") => TlsPolicy::Allowed,
            Some("prefer") => TlsPolicy::Preferred,
            Some("require") => {
                file.or(default_roots).map_or(TlsPolicy::Required, TlsPolicy::VerifiedAuthority)
            }
            // The platform's authorities sign for anybody, so that without a file of its own the name counts, too.
            Some("verify-ca") => {
                file.or(default_roots).map_or_else(|| verified(None), TlsPolicy::VerifiedAuthority)
            }
            Some("verify-full") => verified(file.or(default_roots)),
            Some(_) => {
                return Err(unusable(&format!("has a sslmode that is none of {}", SSLMODES.join(", "))));
            }
        })
    }

    fn system_tls(&self) -> Result<TlsPolicy> {
        match self.sslmode.as_deref() {
            None | Some("" | "verify-full") => Ok(TlsPolicy::Verified(TrustedRoots::Platform)),
            Some(_) => Err(unusable("has sslrootcert=system, which needs sslmode=verify-full")),
        }
    }
}

/// Splits a URL before its query. A question mark in front of the host belongs to the password.
fn split_query(url: &str) -> (&str, &str) {
    let host = url.find('@').unwrap_or(0);
    match url[host..].find('?') {
        Some(at) => (&url[..host + at], &url[host + at + 1..]),
        None => (url, ""),
    }
}

/// True if the server is on this machine: bytes that never leave the machine need no TLS, and a local server seldom has a
/// certificate that can be verified.
fn is_local(config: &Config) -> bool {
    let is_local_host = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(is_local_host) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

fn unusable(text: &str) -> StoreError {
    StoreError::Unusable(format!("the store's URL {text}"))
}

/// A parameter's name, if it looks like one: a URL that is cut wrongly may show a part of a password instead.
fn shown(name: &str) -> String {
    let is_word = name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { name.to_owned() } else { "a parameter that is none of libpq's".to_owned() }
}

/// The word whose value the client's parser rejects.
fn named_fault(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    match CLIENT_WORDS.iter().find(|word| cause.contains(&format!("`{word}`"))) {
        Some(word) => format!(": {word} has a value that is not libpq's"),
        None => String::new(),
    }
}

/// Percent-decodes a value.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => {
                let digits = [*high, *low];
                std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok())
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &rest[3..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<StoreUrl> {
        StoreUrl::parse(url, |_| None)
    }

    #[test]
    fn ssl_words_have_the_meaning_of_libpq() {
        let file = || PathBuf::from("/c a.pem");
        for (url, expected) in [
            ("postgres://u@db.example.com/x", TlsPolicy::VerifiedIfOffered),
            ("postgres://u@10.0.0.7/x", TlsPolicy::VerifiedIfOffered),
            ("postgres://u@localhost,db.example.com/x", TlsPolicy::VerifiedIfOffered),
            ("postgres://u@localhost/x", TlsPolicy::Disabled),
            ("postgres://u@127.0.0.1:5433/x", TlsPolicy::Disabled),
            ("postgres:///x?host=/var/run/postgresql", TlsPolicy::Disabled),
            ("postgres:///x?host=/var/run/postgresql&sslmode=require", TlsPolicy::Disabled),
            ("postgres://u@db.example.com/x?sslmode=disable", TlsPolicy::Disabled),
            ("postgres://u@db.example.com/x?sslmode=allow", TlsPolicy::Allowed),
            ("postgres://u@localhost/x?sslmode=prefer", TlsPolicy::Preferred),
            ("postgres://u@localhost/x?sslmode=require", TlsPolicy::Required),
            ("postgres://u@h/x?sslmode=require&sslrootcert=/c%20a.pem", TlsPolicy::VerifiedAuthority(file())),
            (
                "postgres://u@h/x?sslrootcert=/c%20a.pem&sslmode=verify-ca",
                TlsPolicy::VerifiedAuthority(file()),
            ),
            ("postgres://u@h/x?sslmode=verify-ca", TlsPolicy::Verified(TrustedRoots::Platform)),
            ("postgres://u@h/x?sslmode=verify-full", TlsPolicy::Verified(TrustedRoots::Platform)),
            ("postgres://u@h/x?sslrootcert=system", TlsPolicy::Verified(TrustedRoots::Platform)),
            ("postgres://u@h/x?sslrootcert=/c%20a.pem", TlsPolicy::Verified(TrustedRoots::File(file()))),
            (
                "postgres://u@h/x?sslmode=verify-full&sslrootcert=/c%20a.pem&channel_binding=prefer&gssencmode=disable",
                TlsPolicy::Verified(TrustedRoots::File(file())),
            ),
        ] {
            let url = (url, parsed(url).unwrap_or_else(|error| panic!("{url}: {error}")));
            assert_eq!(url.1.tls, expected, "{}", url.0);
        }
    }

    #[test]
    fn word_that_is_not_taken_is_named_and_a_password_is_not() {
        for (url, named) in [
            ("postgres://u:s3cret@h/x?sslcert=/a.pem", "sslcert"),
            ("postgres://u:s3cret@h/x?passfile=/a", "passfile"),
            ("postgres://u:s3cret@h/x?sslmode=always", "sslmode"),
            ("postgres://u:s3cret@h/x?sslmode=require&sslrootcert=system", "sslrootcert=system"),
            ("postgres://u:s3cret@h/x?channel_binding=maybe", "channel_binding"),
            ("postgres://u:s3cret@h/x?gssencmode=require", "gssencmode"),
            ("postgres://u:s3cret@h/x?connect_timeout", "without a value"),
            ("postgres://h/x?u:s3cret=1", "none of libpq's"),
            ("postgres://u:s3cret@h:port/x", "port"),
        ] {
            let error = parsed(url).err().unwrap_or_else(|| panic!("{url}")).to_string();
            assert!(error.contains(named) && !error.contains("s3cret"), "{url}: {error}");
        }
        assert!(parsed("postgres://u:a?b@h/x?sslmode=require").is_ok());
    }

    #[test]
    fn several_servers_are_searched_for_the_one_to_write_to_and_silence_is_noticed() {
        let attributes = |url: &str| parsed(url).unwrap().config.get_target_session_attrs();
        let several = "postgres://u@one,two/x";
        assert_eq!(attributes(several), TargetSessionAttrs::ReadWrite);
        assert_eq!(attributes("postgres:///x?hostaddr=10.0.0.1,10.0.0.2"), TargetSessionAttrs::ReadWrite);
        assert_eq!(attributes(&format!("{several}?target_session_attrs=any")), TargetSessionAttrs::Any);
        assert_eq!(attributes("postgres://u@one/x"), TargetSessionAttrs::Any);
        let chosen =
            StoreUrl::parse(several, |name| (name == "PGTARGETSESSIONATTRS").then(|| "any".to_owned()));
        assert_eq!(chosen.unwrap().config.get_target_session_attrs(), TargetSessionAttrs::Any);
        let config = parsed("postgres://u@h/x").unwrap().config;
        assert_eq!(config.get_tcp_user_timeout(), Some(&STORE_CONFIRM_TIMEOUT));
        assert_eq!(config.get_keepalives_idle(), STORE_KEEPALIVE_IDLE);
        let config = parsed("postgres://u@h/x?tcp_user_timeout=7&keepalives_idle=8&keepalives_count=9")
            .unwrap()
            .config;
        assert_eq!(config.get_tcp_user_timeout().map(|timeout| timeout.as_secs()), Some(7));
        assert_eq!(config.get_keepalives_idle().as_secs(), 8);
        assert_eq!(config.get_keepalives_retries(), Some(9));
    }

    #[test]
    fn variables_stand_for_absent_words() {
        let variable = |name: &str| match name {
            "PGSSLMODE" => Some("verify-full".to_owned()),
            "PGPASSWORD" => Some("secret".to_owned()),
            "PGHOST" => Some("other.example.com".to_owned()),
            "PGCHANNELBINDING" => Some("require".to_owned()),
            _ => None,
        };
        let url = StoreUrl::parse("postgres://u@db.example.com/x", variable).unwrap();
        assert_eq!(url.tls, TlsPolicy::Verified(TrustedRoots::Platform));
        assert_eq!(url.config.get_password(), Some(&b"secret"[..]));
        assert_eq!(url.config.get_hosts(), [Host::Tcp("db.example.com".to_owned())]);
        assert_eq!(url.config.get_channel_binding(), tokio_postgres::config::ChannelBinding::Require);
        let url = StoreUrl::parse("postgres://u:own@db.example.com/x?sslmode=disable", variable).unwrap();
        assert_eq!((url.tls, url.config.get_password()), (TlsPolicy::Disabled, Some(&b"own"[..])));
        assert!(
            StoreUrl::parse("postgres://u@h/x", |name| (name == "PGSSLMODE").then(|| "odd".to_owned()))
                .is_err()
        );
    }
}
