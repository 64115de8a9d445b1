//! The certificate authorities in `caFile`, in the forms in which tools write them.
//!
//! Bundles have comments in any encoding, a byte order mark, OpenSSL's `TRUSTED CERTIFICATE` blocks; a certificate may be
//! DER. PEM blocks of other kinds are skipped, as is a certificate that TLS cannot use; a broken block or a file without a
//! certificate is an error.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use ureq::tls::{Certificate, PemItem, parse_pem};

use crate::exporter::config::small_file;
use crate::exporter::error::Error;

/// The tag of an ASN.1 SEQUENCE, with which a certificate in DER begins.
const SEQUENCE: u8 = 0x30;

/// Reads the authorities in `caFile`.
pub fn read(path: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    let name = path.display();
    let content = small_file::read_bytes(path).map_err(|error| {
        Error::configuration(format!(
            "cannot read caFile {name}: {error}; set it to a file with certificates"
        ))
    })?;
    let is_whole = |der: &&[u8]| der.len() == content.len() && is_certificate(der);
    if let Some(der) = certificate_der(&content).filter(is_whole) {
        return Ok(vec![Certificate::from_der(der).to_owned()]);
    }
    let mut certificates = Vec::new();
    for item in parse_pem(&plain_pem(&content)) {
        match item {
            Ok(PemItem::Certificate(certificate)) => match certificate_der(certificate.der()) {
                Some(der) if is_certificate(der) => certificates.push(Certificate::from_der(der).to_owned()),
                Some(_) => {}
                None => {
                    let message = format!("caFile {name}: a block is not a certificate; correct the file");
                    return Err(Error::configuration(message));
                }
            },
            Ok(_) => {}
            Err(error) => {
                return Err(Error::configuration(format!("caFile {name}: {error}; correct the file")));
            }
        }
    }
    if certificates.is_empty() {
        let message = format!(
            "caFile {name} holds no certificate; set it to a file with certificates in PEM or DER form"
        );
        return Err(Error::configuration(message));
    }
    Ok(certificates)
}

/// The certificate at the start of `der`: OpenSSL writes its trust settings behind it.
fn certificate_der(der: &[u8]) -> Option<&[u8]> {
    let [SEQUENCE, first, ..] = der else { return None };
    let (length_bytes, length) = match first {
        0x00..=0x7f => (0, usize::from(*first)),
        0x81..=0x83 => {
            let count = usize::from(first & 0x7f);
            let bytes = der.get(2..2 + count)?;
            (count, bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
        }
        _ => return None,
    };
    der.get(..2 + length_bytes + length)
}

/// Reports whether TLS can use a certificate as an authority. A PKCS#12 file, a private key and a certificate request are DER
/// as well.
fn is_certificate(der: &[u8]) -> bool {
    RootCertStore::empty().add(CertificateDer::from(der)).is_ok()
}

/// A file in PEM form as ASCII: without byte order mark and indentation, and with the usual label of a certificate.
fn plain_pem(content: &[u8]) -> Vec<u8> {
    let ascii: Vec<u8> = match content {
        // UTF-16, as PowerShell writes it. What is not ASCII is a comment.
        [0xff, 0xfe, rest @ ..] => rest.chunks_exact(2).map(|pair| pair[0]).collect(),
        [0xfe, 0xff, rest @ ..] => rest.chunks_exact(2).map(|pair| pair[1]).collect(),
        [0xef, 0xbb, 0xbf, rest @ ..] => rest.to_vec(),
        _ => content.to_vec(),
    };
    let mut pem = Vec::with_capacity(ascii.len());
    for line in ascii.split(|byte| matches!(byte, b'\n' | b'\r')) {
        match line.trim_ascii() {
            b"-----BEGIN TRUSTED CERTIFICATE-----" | b"-----BEGIN X509 CERTIFICATE-----" => {
                pem.extend(b"-----BEGIN CERTIFICATE-----");
            }
            b"-----END TRUSTED CERTIFICATE-----" | b"-----END X509 CERTIFICATE-----" => {
                pem.extend(b"-----END CERTIFICATE-----");
            }
            line => pem.extend(line),
        }
        pem.push(b'\n');
    }
    pem
}
