//! The words of libpq that a URL has, and the variables, service and password file that stand for absent ones.
//!
//! Invariant: a word has libpq's meaning or is named and rejected.

use super::libpq_files::{self, PasswordKey};
use crate::receiver::limits::{STORE_CONFIRM_TIMEOUT, STORE_KEEPALIVE_IDLE, STORE_KEEPALIVE_INTERVAL};
use crate::receiver::store::error::{Result, StoreError};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, TargetSessionAttrs};

/// Words that the client itself takes.
pub const CLIENT_WORDS: &[&str] = &[
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
    "user",
];
/// Words that change nothing with these values, which are what the client does anyway.
const REDUNDANT_WORDS: &[(&str, &[&str])] = &[
    ("client_encoding", &["auto", "utf8", "utf-8", "unicode"]),
    ("fallback_application_name", &[]),
    ("gssencmode", &["disable", "prefer"]),
    ("sslcertmode", &["allow"]),
    ("service", &[]),
    ("sslcompression", &["0"]),
    ("sslsni", &["1"]),
    ("ssl_min_protocol_version", &["", "tlsv1", "tlsv1.1", "tlsv1.2"]),
];
/// Variables of the environment, each with the word that it stands for.
pub const VARIABLES: &[(&str, &str)] = &[
    ("PGSSLMODE", SSLMODE),
    ("PGSSLROOTCERT", SSLROOTCERT),
    ("PGSSLCERT", SSLCERT),
    ("PGSSLKEY", SSLKEY),
    ("PGPASSFILE", PASSFILE),
    ("PGGSSENCMODE", "gssencmode"),
    ("PGSSLCERTMODE", "sslcertmode"),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"),
    ("PGSSLMAXPROTOCOLVERSION", "ssl_max_protocol_version"),
    ("PGSSLCRL", "sslcrl"),
    ("PGSSLCRLDIR", "sslcrldir"),
    ("PGREQUIREPEER", "requirepeer"),
    ("PGREQUIREAUTH", "require_auth"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
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
pub const SSLROOTCERT: &str = "sslrootcert";
pub const SSLCERT: &str = "sslcert";
pub const SSLKEY: &str = "sslkey";
const PASSFILE: &str = "passfile";
const SERVICE: &str = "service";
/// In milliseconds, where the client's own parser would read seconds.
const TCP_USER_TIMEOUT: &str = "tcp_user_timeout";
/// Port of a server whose URL has none.
const PORT_DEFAULT: &str = "5432";
/// Host in the password file for a socket in the default folder.
const SOCKET_HOST: &str = "localhost";
/// Folders in which PostgreSQL has its socket by default.
const SOCKET_FOLDERS: [&str; 2] = ["/tmp", "/var/run/postgresql"];
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

/// Files of the certificate by which the receiver identifies itself to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The words of a URL's query.
#[derive(Default)]
pub struct UrlWords {
    /// As they are, for the client's own parser.
    pub for_client: Vec<String>,
    names: Vec<String>,
    sslmode: Option<String>,
    sslrootcert: Option<String>,
    sslcert: Option<String>,
    sslkey: Option<String>,
    passfile: Option<String>,
    service: Option<String>,
    tcp_user_timeout: Option<String>,
    /// True if no certificate is shown to the server.
    is_anonymous: bool,
}

impl UrlWords {
    pub fn add(&mut self, member: &str) -> Result<()> {
        let Some((name, value)) = member.split_once('=') else {
            return Err(unusable("has a parameter without a value"));
        };
        // The client calls it by another name.
        let known = if name == "keepalives_count" { "keepalives_retries" } else { name };
        self.names.push(known.to_owned());
        match name {
            SSLMODE => self.sslmode = Some(decoded(value)),
            SSLROOTCERT => self.sslrootcert = Some(decoded(value)),
            SSLCERT => self.sslcert = Some(decoded(value)),
            SSLKEY => self.sslkey = Some(decoded(value)),
            PASSFILE => self.passfile = Some(decoded(value)),
            SERVICE => self.service = Some(decoded(value)),
            TCP_USER_TIMEOUT => self.tcp_user_timeout = Some(decoded(value)),
            "sslcertmode" if value == "disable" => self.is_anonymous = true,
            "keepalives_count" => self.for_client.push(format!("keepalives_retries={value}")),
            _ if CLIENT_WORDS.contains(&name) => self.for_client.push(member.to_owned()),
            _ => return require_redundant(name, &decoded(value)).map_err(|text| unusable(&text)),
        }
        Ok(())
    }

    /// Takes a variable for a word that the URL lacks.
    pub fn add_variable(&mut self, config: &mut Config, name: &str, word: &str, value: String) -> Result<()> {
        if self.names.iter().any(|known| known == word) {
            return Ok(());
        }
        self.names.push(word.to_owned());
        let faulty = || StoreError::Unusable(format!("{name} has a value that is not libpq's"));
        match word {
            SSLMODE => self.sslmode = Some(value),
            SSLROOTCERT => self.sslrootcert = Some(value),
            SSLCERT => self.sslcert = Some(value),
            SSLKEY => self.sslkey = Some(value),
            PASSFILE => self.passfile = Some(value),
            TCP_USER_TIMEOUT => self.tcp_user_timeout = Some(value),
            "sslcertmode" if value == "disable" => self.is_anonymous = true,
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
            _ if !CLIENT_WORDS.contains(&word) => {
                return require_redundant(word, &value)
                    .map_err(|text| StoreError::Unusable(format!("{name} {text}")));
            }
            _ => {
                // The client's parser knows the values of these words.
                let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
                let parsed = format!("{word}='{quoted}'").parse().map_err(|_| faulty())?;
                set_word(config, word, &parsed, &value);
            }
        }
        Ok(())
    }

    /// Takes the words of a service for those that the URL lacks. They come before those of the environment.
    pub fn add_service(
        &mut self,
        config: &mut Config,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<()> {
        let Some(name) = self.service.clone().or_else(|| variable("PGSERVICE")) else { return Ok(()) };
        let path = |name: &str, file: &str| variable(name).map(|folder| PathBuf::from(folder).join(file));
        let own = variable("PGSERVICEFILE").map(PathBuf::from).or_else(|| path("HOME", ".pg_service.conf"));
        let files: Vec<PathBuf> = own.into_iter().chain(path("PGSYSCONFDIR", "pg_service.conf")).collect();
        for (word, value) in libpq_files::service(&name, &files)? {
            let word = if word == "keepalives_count" { "keepalives_retries" } else { &word };
            self.add_variable(config, "the store's service", word, value)?;
        }
        Ok(())
    }

    /// Takes the password from libpq's file, where nothing else has one.
    pub fn add_password(&self, config: &mut Config, home: Option<&Path>) {
        if config.get_password().is_some() {
            return;
        }
        let file = self.passfile.as_ref().map(PathBuf::from).or_else(|| Some(home?.join(".pgpass")));
        let ports: Vec<String> = config.get_ports().iter().map(u16::to_string).collect();
        let user = config.get_user().unwrap_or_default();
        let host = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(folder) if SOCKET_FOLDERS.iter().any(|default| folder == Path::new(default)) => {
                SOCKET_HOST.to_owned()
            }
            Host::Unix(folder) => folder.display().to_string(),
        };
        let hosts: Vec<String> = match config.get_hosts() {
            [] => config.get_hostaddrs().iter().map(ToString::to_string).collect(),
            hosts => hosts.iter().map(host).collect(),
        };
        let keys: Vec<PasswordKey> = hosts
            .iter()
            .enumerate()
            .map(|(index, host)| PasswordKey {
                host,
                port: ports.get(index).or(ports.last()).map_or(PORT_DEFAULT, String::as_str),
                database: config.get_dbname().unwrap_or(user),
                user,
            })
            .collect();
        if let Some(password) = file.and_then(|file| libpq_files::password(&file, &keys)) {
            config.password(password);
        }
    }

    /// The certificate that the server is shown: the named files, else libpq's own where they are there.
    pub fn client_certificate(&self, home: Option<&Path>) -> Result<Option<ClientCertificate>> {
        if self.is_anonymous {
            return Ok(None);
        }
        let file = |named: &Option<String>, default: &str| {
            let named = named.as_ref().filter(|path| !path.is_empty()).map(PathBuf::from);
            named.or_else(|| {
                home.map(|home| home.join(".postgresql").join(default)).filter(|path| path.is_file())
            })
        };
        match (file(&self.sslcert, "postgresql.crt"), file(&self.sslkey, "postgresql.key")) {
            (Some(certificate), Some(key)) => Ok(Some(ClientCertificate { certificate, key })),
            (Some(_), None) => Err(unusable("has sslcert, which needs sslkey")),
            (None, _) => Ok(None),
        }
    }

    /// Sets what a receiver needs where nobody has said otherwise: to notice a server that is gone, and of several servers to
    /// take the one that can be written to.
    pub fn add_defaults(&self, config: &mut Config) -> Result<()> {
        let is_absent = |word: &str| !self.names.iter().any(|known| known == word);
        if is_absent("keepalives_idle") {
            config.keepalives_idle(STORE_KEEPALIVE_IDLE);
        }
        if is_absent("keepalives_interval") {
            config.keepalives_interval(STORE_KEEPALIVE_INTERVAL);
        }
        if is_absent("keepalives_retries") {
            config.keepalives_retries(KEEPALIVES);
        }
        match self.tcp_user_timeout.as_deref().map(|text| text.trim().parse()) {
            None => {
                config.tcp_user_timeout(STORE_CONFIRM_TIMEOUT);
            }
            // The system's own.
            Some(Ok(0)) => {}
            Some(Ok(milliseconds)) => {
                config.tcp_user_timeout(Duration::from_millis(milliseconds));
            }
            Some(Err(_)) => return Err(unusable("has a tcp_user_timeout that is no number of milliseconds")),
        }
        let has_several = config.get_hosts().len().max(config.get_hostaddrs().len()) > 1;
        if has_several && is_absent("target_session_attrs") {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Ok(())
    }

    pub fn tls(&self, is_local: bool, default_roots: Option<PathBuf>) -> Result<TlsPolicy> {
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

/// Sets a word of the client, which was parsed alone.
fn set_word(config: &mut Config, word: &str, parsed: &Config, value: &str) {
    match word {
        "channel_binding" => {
            config.channel_binding(parsed.get_channel_binding());
        }
        "target_session_attrs" => {
            config.target_session_attrs(parsed.get_target_session_attrs());
        }
        "load_balance_hosts" => {
            config.load_balance_hosts(parsed.get_load_balance_hosts());
        }
        "sslnegotiation" => {
            config.ssl_negotiation(parsed.get_ssl_negotiation());
        }
        "connect_timeout" => {
            if let Some(timeout) = parsed.get_connect_timeout() {
                config.connect_timeout(*timeout);
            }
        }
        "keepalives" => {
            config.keepalives(parsed.get_keepalives());
        }
        "keepalives_idle" => {
            config.keepalives_idle(parsed.get_keepalives_idle());
        }
        "keepalives_interval" => {
            parsed.get_keepalives_interval().map(|interval| config.keepalives_interval(interval));
        }
        "keepalives_retries" => {
            parsed.get_keepalives_retries().map(|retries| config.keepalives_retries(retries));
        }
        "application_name" => {
            config.application_name(value);
        }
        _ => {
            config.options(value);
        }
    }
}

/// Accepts a word that changes nothing with this value.
fn require_redundant(name: &str, value: &str) -> Result<(), String> {
    let redundant = REDUNDANT_WORDS.iter().find(|word| word.0 == name).map(|word| word.1);
    match redundant {
        Some(values) if values.is_empty() || values.contains(&value.to_ascii_lowercase().as_str()) => Ok(()),
        Some(_) => Err(format!("has a value of {name} that this receiver does not take")),
        None => Err(format!("has {}, which this receiver does not take", shown(name))),
    }
}

/// An error that names the URL.
pub fn unusable(text: &str) -> StoreError {
    StoreError::Unusable(format!("the store's URL {text}"))
}

/// A parameter's name, if it looks like one: a URL that is cut wrongly may show a part of a password instead.
fn shown(name: &str) -> String {
    let is_word = name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { name.to_owned() } else { "a parameter that is none of libpq's".to_owned() }
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
