//! The settings of a connection as libpq's environment, for PostgreSQL's own programs. A command line would show the password
//! to every user of the machine.

use super::connect::APPLICATION_NAME;
use super::store_url::StoreUrl;
use super::url_words::{ClientCertificate, TlsPolicy, TrustedRoots};
use crate::receiver::store::error::Result;
use std::path::Path;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, Host, TargetSessionAttrs};

/// Variables of libpq's environment.
pub type LibpqEnvironment = Vec<(&'static str, String)>;

/// The variables that connect PostgreSQL's programs as the receiver connects.
pub fn environment(url: &str) -> Result<LibpqEnvironment> {
    let StoreUrl { config, tls, client_certificate, .. } =
        StoreUrl::parse(url, |variable| std::env::var(variable).ok())?;
    let mut variables = server(&config);
    let password = config.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let timeout = config.get_connect_timeout().map(|timeout| timeout.as_secs().to_string());
    for (name, value) in [
        ("PGUSER", config.get_user().map(str::to_owned)),
        ("PGPASSWORD", password),
        ("PGDATABASE", config.get_dbname().map(str::to_owned)),
        ("PGOPTIONS", config.get_options().map(str::to_owned)),
        ("PGCONNECT_TIMEOUT", timeout),
        ("PGAPPNAME", Some(config.get_application_name().unwrap_or(APPLICATION_NAME).to_owned())),
    ] {
        variables.extend(value.map(|value| (name, value)));
    }
    let binding = match config.get_channel_binding() {
        ChannelBinding::Disable => "disable",
        ChannelBinding::Require => "require",
        _ => "prefer",
    };
    variables.push(("PGCHANNELBINDING", binding.to_owned()));
    let attributes = match config.get_target_session_attrs() {
        TargetSessionAttrs::ReadWrite => "read-write",
        TargetSessionAttrs::ReadOnly => "read-only",
        _ => "any",
    };
    variables.push(("PGTARGETSESSIONATTRS", attributes.to_owned()));
    variables.extend(tls_variables(&tls));
    if let Some(ClientCertificate { certificate, key }) = client_certificate {
        variables.push(("PGSSLCERT", certificate.display().to_string()));
        variables.push(("PGSSLKEY", key.display().to_string()));
    }
    Ok(variables)
}

fn server(config: &Config) -> LibpqEnvironment {
    let host = |host: &Host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.display().to_string(),
    };
    let joined = |texts: Vec<String>| (!texts.is_empty()).then(|| texts.join(","));
    [
        ("PGHOST", joined(config.get_hosts().iter().map(host).collect())),
        ("PGHOSTADDR", joined(config.get_hostaddrs().iter().map(ToString::to_string).collect())),
        ("PGPORT", joined(config.get_ports().iter().map(ToString::to_string).collect())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

fn tls_variables(tls: &TlsPolicy) -> LibpqEnvironment {
    let file = |path: &Path| Some(path.display().to_string());
    let (mode, roots) = match tls {
        TlsPolicy::Disabled => ("disable", None),
        TlsPolicy::Allowed => ("allow", None),
        // libpq has no word for a server that is verified if it offers TLS. Whoever could pose as the server could as well
        // pose as one without TLS.
        TlsPolicy::Preferred | TlsPolicy::VerifiedIfOffered => ("prefer", None),
        TlsPolicy::Required => ("require", None),
        TlsPolicy::VerifiedAuthority(path) => ("verify-ca", file(path)),
        TlsPolicy::Verified(TrustedRoots::File(path)) => ("verify-full", file(path)),
        TlsPolicy::Verified(TrustedRoots::Platform) => ("verify-full", Some("system".to_owned())),
    };
    let mut variables = vec![("PGSSLMODE", mode.to_owned())];
    variables.extend(roots.map(|roots| ("PGSSLROOTCERT", roots)));
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(variables: &'a LibpqEnvironment, name: &str) -> Option<&'a str> {
        variables.iter().find(|variable| variable.0 == name).map(|variable| variable.1.as_str())
    }

    #[test]
    fn programs_of_postgresql_connect_as_the_receiver_does() {
        let variables = environment("postgres://me:se%20cret@db.example.com:6432/team?sslmode=verify-full&sslrootcert=/c.pem&options=-csearch_path%3Dx").unwrap();
        for (name, expected) in [
            ("PGHOST", "db.example.com"),
            ("PGPORT", "6432"),
            ("PGUSER", "me"),
            ("PGPASSWORD", "se cret"),
            ("PGDATABASE", "team"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/c.pem"),
            ("PGOPTIONS", "-csearch_path=x"),
        ] {
            assert_eq!(value(&variables, name), Some(expected), "{name}");
        }
        assert_eq!(value(&variables, "PGAPPNAME"), Some(APPLICATION_NAME));
        let named = environment("postgres://me@localhost/team?application_name=nightly").unwrap();
        assert_eq!(value(&named, "PGAPPNAME"), Some("nightly"));
        let local = environment("postgres://me@localhost/team").unwrap();
        assert_eq!((value(&local, "PGSSLMODE"), value(&local, "PGPASSWORD")), (Some("disable"), None));
        let system = environment("postgres://me@db.example.com/team?sslrootcert=system").unwrap();
        assert_eq!(value(&system, "PGSSLROOTCERT"), Some("system"));
    }
}
