//! TLS to PostgreSQL: verification of the server's certificate, in the degrees that libpq knows.

use super::url_words::{ClientCertificate, SSLCERT, SSLKEY, SSLROOTCERT, TlsPolicy, TrustedRoots};
use crate::receiver::store::error::{Result, StoreError};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The connector of a policy that uses TLS.
pub fn connector(policy: &TlsPolicy, own: Option<&ClientCertificate>) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let config = match policy {
        TlsPolicy::Verified(TrustedRoots::Platform) | TlsPolicy::VerifiedIfOffered => {
            builder.with_platform_verifier().map_err(failed)?
        }
        TlsPolicy::Verified(TrustedRoots::File(file)) => builder.with_root_certificates(roots(file)?),
        TlsPolicy::VerifiedAuthority(file) => {
            let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(file)?), provider)
                .build()
                .map_err(|error| StoreError::Unusable(format!("sslrootcert={}: {error}", file.display())))?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AuthorityVerifier(inner)))
        }
        TlsPolicy::Disabled | TlsPolicy::Allowed | TlsPolicy::Preferred | TlsPolicy::Required => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        }
    };
    let Some(own) = own else { return Ok(MakeRustlsConnect::new(config.with_no_client_auth())) };
    let named = |word: &str, path: &Path, text: &str| {
        StoreError::Unusable(format!("{word}={}: {text}", path.display()))
    };
    let (chain, key) = (certificates(SSLCERT, &own.certificate)?, private_key(&own.key)?);
    if chain.is_empty() {
        return Err(named(SSLCERT, &own.certificate, "the file holds no certificate in PEM"));
    }
    let config = config.with_client_auth_cert(chain, key);
    Ok(MakeRustlsConnect::new(config.map_err(|error| named(SSLKEY, &own.key, &error.to_string()))?))
}

/// The key of the receiver's own certificate. As with libpq, nobody else may read it.
fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>> {
    let unusable = |text: &str| StoreError::Unusable(format!("{SSLKEY}={}: {text}", file.display()));
    let metadata =
        std::fs::metadata(file).map_err(|error| unusable(&format!("the file cannot be read: {error}")))?;
    let others = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & others != 0 {
        return Err(unusable("others may read the key: run chmod 600 on it"));
    }
    PrivateKeyDer::from_pem_file(file)
        .map_err(|_| unusable("the file holds no private key in PEM without a password"))
}

fn failed(error: Error) -> StoreError {
    StoreError::Unavailable(format!("TLS cannot be set up: {error}"))
}

/// The certificate authorities of a PEM file.
fn roots(file: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(certificates(SSLROOTCERT, file)?).0 == 0 {
        let path = file.display();
        return Err(StoreError::Unusable(format!(
            "{SSLROOTCERT}={path}: the file holds no certificate in PEM"
        )));
    }
    Ok(roots)
}

/// The certificates of the PEM file that a word of the URL names.
fn certificates(word: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = std::fs::read(file).map_err(|error| {
        StoreError::Unusable(format!("{word}={}: the file cannot be read: {error}", file.display()))
    })?;
    Ok(CertificateDer::pem_slice_iter(&pem).flatten().collect())
}

/// Verifies that a trusted authority signed the certificate, for whatever host: libpq's `verify-ca`.
#[derive(Debug)]
struct AuthorityVerifier(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AuthorityVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is compared last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Accepts every certificate: libpq's `allow`, `prefer` and `require`, which encrypt and do not verify.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
