//! The store's URL, parsed with libpq's words.
//!
//! Invariant: the URL itself is never printed, because it may hold a password.

use super::url_words::{CLIENT_WORDS, ClientCertificate, TlsPolicy, UrlWords, VARIABLES};
use crate::receiver::store::error::{Result, StoreError};
use std::net::IpAddr;
use std::path::PathBuf;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// Parsed URL.
#[derive(Debug)]
pub struct StoreUrl {
    pub config: Config,
    pub tls: TlsPolicy,
    pub client_certificate: Option<ClientCertificate>,
    /// True if every host is this machine.
    pub is_local: bool,
}

impl StoreUrl {
    /// Parses a URL. `variable` reads the environment.
    pub fn parse(url: &str, variable: impl Fn(&str) -> Option<String>) -> Result<StoreUrl> {
        let (base, query) = split_query(url);
        let mut words = UrlWords::default();
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
        words.add_service(&mut config, &variable)?;
        for (name, word) in VARIABLES {
            if let Some(value) = variable(name).filter(|value| !value.is_empty()) {
                words.add_variable(&mut config, name, word, value)?;
            }
        }
        words.add_defaults(&mut config)?;
        let home = variable("HOME").map(PathBuf::from);
        words.add_password(&mut config, home.as_deref());
        let client_certificate = words.client_certificate(home.as_deref())?;
        let is_local = is_local(&config);
        let has_socket_only = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)))
            && !config.get_hosts().is_empty();
        let default_roots = home.map(|home| home.join(".postgresql/root.crt"));
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
        Ok(StoreUrl { config, tls, client_certificate, is_local })
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

/// The word whose value the client's parser rejects.
fn named_fault(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    match CLIENT_WORDS.iter().find(|word| cause.contains(&format!("`{word}`"))) {
        Some(word) => format!(": {word} has a value that is not libpq's"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::url_words::TrustedRoots;
    use super::*;
    use crate::receiver::limits::{STORE_CONFIRM_TIMEOUT, STORE_KEEPALIVE_IDLE};
    use tokio_postgres::config::TargetSessionAttrs;

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
            ("postgres://u:s3cret@h/x?sslcert=/a.pem", "sslkey"),
            ("postgres://u:s3cret@h/x?sslcrl=/a.pem", "sslcrl"),
            ("postgres://u:s3cret@h/x?sslpassword=s3cret", "sslpassword"),
            ("postgres://u:s3cret@h/x?require_auth=password", "require_auth"),
            ("postgres://u:s3cret@h/x?sslcertmode=require", "sslcertmode"),
            ("postgres://u:s3cret@h/x?service=none", "service"),
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
        let config = parsed("postgres://u@h/x?tcp_user_timeout=7000&keepalives_idle=8&keepalives_count=9")
            .unwrap()
            .config;
        assert_eq!(config.get_tcp_user_timeout().map(|timeout| timeout.as_secs()), Some(7));
        assert_eq!(config.get_keepalives_idle().as_secs(), 8);
        assert_eq!(config.get_keepalives_retries(), Some(9));
        assert_eq!(
            parsed("postgres://u@h/x?tcp_user_timeout=0").unwrap().config.get_tcp_user_timeout(),
            None
        );
        assert!(parsed("postgres://u@h/x?tcp_user_timeout=soon").is_err());
    }

    #[test]
    fn files_of_libpq_stand_for_absent_words_and_a_variable_that_is_not_taken_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let pgpass = home.path().join(".pgpass");
        std::fs::write(&pgpass, "db.example.com:6432:team:me:of pgpass\nlocalhost:5432:me:me:of socket\n")
            .unwrap();
        std::fs::set_permissions(&pgpass, PermissionsExt::from_mode(0o600)).unwrap();
        let services = home.path().join(".pg_service.conf");
        std::fs::write(&services, "[prod]\nhost=db.example.com\nport=6432\ndbname=team\nuser=me\nsslmode=verify-full\nkeepalives_count=5\n[odd]\nkrbsrvname=x\n")
            .unwrap();
        let in_home = |name: &str| (name == "HOME").then(|| home.path().display().to_string());
        let password = |url: &str| {
            let url = StoreUrl::parse(url, in_home).unwrap();
            url.config.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        assert_eq!(password("postgres://me@db.example.com:6432/team").as_deref(), Some("of pgpass"));
        assert_eq!(password("postgres://me:own@db.example.com:6432/team").as_deref(), Some("own"));
        assert_eq!(password("postgres://me@one:1,db.example.com:6432/team").as_deref(), Some("of pgpass"));
        assert_eq!(password("postgres://me@db.example.com/team"), None);
        assert_eq!(password("postgres:///?host=/var/run/postgresql&user=me").as_deref(), Some("of socket"));
        let url = StoreUrl::parse("postgres:///?service=prod", in_home).unwrap();
        assert_eq!(url.config.get_hosts(), [Host::Tcp("db.example.com".to_owned())]);
        assert_eq!((url.config.get_ports(), url.config.get_dbname()), (&[6432][..], Some("team")));
        assert_eq!(url.tls, TlsPolicy::Verified(TrustedRoots::Platform));
        assert_eq!(url.config.get_password(), Some(&b"of pgpass"[..]));
        let url = StoreUrl::parse("postgres://me@other/x?service=prod&sslmode=disable", in_home).unwrap();
        assert_eq!(
            (url.config.get_hosts(), url.tls),
            (&[Host::Tcp("other".to_owned())][..], TlsPolicy::Disabled)
        );
        let url = StoreUrl::parse("postgres://me@other/x?service=prod&keepalives_count=9", in_home).unwrap();
        assert_eq!(url.config.get_keepalives_retries(), Some(9), "the URL comes before the service");
        let error = StoreUrl::parse("postgres:///?service=odd", in_home).unwrap_err().to_string();
        assert!(error.contains("krbsrvname"), "{error}");
        for (name, value) in
            [("PGSSLCRL", "/crl.pem"), ("PGREQUIREPEER", "postgres"), ("PGGSSENCMODE", "require")]
        {
            let set = |asked: &str| (asked == name).then(|| value.to_owned());
            let error = StoreUrl::parse("postgres://u@h/x", set).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        let certificate = |url: &str| StoreUrl::parse(url, in_home).unwrap().client_certificate;
        assert_eq!(certificate("postgres://u@h/x"), None);
        std::fs::create_dir(home.path().join(".postgresql")).unwrap();
        for file in ["postgresql.crt", "postgresql.key"] {
            std::fs::write(home.path().join(".postgresql").join(file), "").unwrap();
        }
        assert!(certificate("postgres://u@h/x").is_some());
        assert_eq!(certificate("postgres://u@h/x?sslcertmode=disable"), None);
        let named = certificate("postgres://u@h/x?sslcert=/a.pem&sslkey=/b.pem").unwrap();
        assert_eq!((named.certificate, named.key), ("/a.pem".into(), "/b.pem".into()));
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
