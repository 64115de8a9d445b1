//! A certificate authority of the tests, and servers' certificates that are right, or wrong in one way each.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A name that nobody resolves: only a proxy reaches it.
pub const FAR_HOST: &str = "receiver.invalid";

/// An authority that nobody knows but those who are given its [`Authority::pem`].
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// The kind of a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// For `localhost`, `127.0.0.1` and [`FAR_HOST`].
    Right,
    /// For another host.
    OtherHost,
    /// For this host, until some years ago.
    Expired,
    /// For this host, from some centuries on.
    NotYetValid,
    /// For this host, and that of an authority.
    AuthorityAsServer,
}

impl Certificate {
    /// A certificate in DER.
    pub fn der_of(pem: &str) -> Vec<u8> {
        CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate in PEM").to_vec()
    }

    /// A certificate as OpenSSL writes it with its trust settings, here those for servers.
    pub fn trusted_block(der: &[u8]) -> String {
        let trust = [0x30, 0x0c, 0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 1];
        let base64 = base64(&[der, &trust].concat());
        let lines: Vec<&str> =
            base64.as_bytes().chunks(64).filter_map(|line| str::from_utf8(line).ok()).collect();
        format!(
            "-----BEGIN TRUSTED CERTIFICATE-----\n{}\n-----END TRUSTED CERTIFICATE-----\n",
            lines.join("\n")
        )
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= chunk.len() { digit as char } else { '=' });
        }
    }
    text
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to refuse");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate of its own");
        Authority { pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// The authority's certificate, for `caFile`.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's certificate and key of this authority in PEM, for a server of another program.
    pub fn pem_pair(&self, certificate: Certificate) -> (String, String) {
        let (signed, key) = self.sign(certificate);
        (signed.pem(), key.serialize_pem())
    }

    /// A server's side of TLS with a certificate of this authority.
    pub fn server(&self, certificate: Certificate) -> Arc<ServerConfig> {
        let (signed, key) = self.sign(certificate);
        let signed: CertificateDer = signed.into();
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a PKCS#8 key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the default protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![signed], key)
            .expect("the key is the certificate's");
        Arc::new(config)
    }

    fn sign(&self, certificate: Certificate) -> (rcgen::Certificate, KeyPair) {
        let names = match certificate {
            Certificate::OtherHost => vec!["elsewhere.example".to_owned()],
            _ => ["localhost", "127.0.0.1", FAR_HOST].map(str::to_owned).to_vec(),
        };
        let mut params = CertificateParams::new(names).expect("names of hosts");
        if certificate == Certificate::Expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        if certificate == Certificate::NotYetValid {
            params.not_before = date_time_ymd(2400, 1, 1);
            params.not_after = date_time_ymd(2401, 1, 1);
        }
        if certificate == Certificate::AuthorityAsServer {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.issuer).expect("a signed certificate");
        (signed, key)
    }
}
