//! Private keys: everything between the markers of a key, whatever the notation puts between its lines, and the private
//! members of a JSON Web Key.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use crate::exporter::batch::redact::work;

/// Bytes of the longest key with its notation: RSA of 16,384 bits takes 13 KB.
const KEY_BYTES_MAX: usize = 32 << 10;
/// Bytes of a marker.
const MARKER_BYTES_MAX: usize = 80;
/// Fewest characters of base64 in a row that count as a part of a key, and fewest in all.
const RUN_CHARS_MIN: usize = 16;
const BODY_CHARS_MIN: usize = 40;
/// Members of a JSON Web Key that are secret.
const SECRET_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];
/// Bytes of a JSON Web Key on both sides of its type.
const JWK_BYTES_MAX: usize = 4 << 10;

/// The label of a private key, and the member that names the type of a JSON Web Key. Each text is searched for both.
static LABEL: LazyLock<Finder> = LazyLock::new(|| Finder::new("PRIVATE KEY"));
static KEY_TYPE: LazyLock<Finder> = LazyLock::new(|| Finder::new("\"kty\""));

/// Finds the private keys in a plain text.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut resume_at = 0;
    for label in LABEL.find_iter(bytes) {
        if label < resume_at {
            continue;
        }
        let Some(start) = begin(bytes, label) else { continue };
        let body_start = label + "PRIVATE KEY".len();
        if let Some(end) = end(bytes, body_start)
            && holds_key(&bytes[body_start..end])
        {
            resume_at = end;
            found.push(start..end);
        }
    }
    for label in KEY_TYPE.find_iter(bytes) {
        members(text, label, &mut found);
    }
    found
}

/// The start of the marker `-----BEGIN … PRIVATE KEY` with this label.
fn begin(bytes: &[u8], label: usize) -> Option<usize> {
    let window_start = label.saturating_sub(MARKER_BYTES_MAX);
    let window = &bytes[window_start..label];
    let begin = memmem::rfind(window, b"BEGIN")?;
    let is_label =
        window[begin + 5..].iter().all(|byte| byte.is_ascii_alphanumeric() || b" _+-".contains(byte));
    let before = &window[..begin];
    let dashes = before.iter().rev().take_while(|byte| matches!(byte, b'-' | b' ')).count();
    // `- -----BEGIN`: the dash of a list or of a diff stays outside.
    let marker = before[before.len() - dashes..].iter().rev().scan(0, |seen, byte| {
        *seen += usize::from(*byte == b'-');
        (*seen <= 5).then_some(())
    });
    let length = marker.count();
    (is_label && dashes >= 4).then_some(window_start + begin - length.min(dashes))
}

/// The end of the marker that ends the key.
fn end(bytes: &[u8], body_start: usize) -> Option<usize> {
    let body = &bytes[body_start..bytes.len().min(body_start + KEY_BYTES_MAX)];
    let next = memmem::find(body, b"BEGIN").unwrap_or(body.len());
    work::read(next);
    let end = memmem::find(&body[..next], b"--END").or_else(|| memmem::find(&body[..next], b"-- END"))?;
    let marker = &body[end..body.len().min(end + MARKER_BYTES_MAX)];
    let label = memmem::find(marker, b"KEY")?;
    let tail = marker[label..].iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b' ').count();
    let dashes = marker[label + tail..].iter().take(5).take_while(|byte| **byte == b'-').count();
    Some(body_start + end + label + tail + dashes)
}

/// True if base64 is between the markers, rather than code that looks for them.
fn holds_key(body: &[u8]) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let (mut chars, mut run) = (0, 0);
    for byte in body.iter().chain(b" ") {
        if is_base64(byte) {
            run += 1;
        } else {
            chars += if run >= RUN_CHARS_MIN { run } else { 0 };
            run = 0;
        }
    }
    chars >= BODY_CHARS_MIN
}

/// Finds the secret members of the JSON Web Key whose type is named here.
fn members(text: &str, kty: usize, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let before = &bytes[kty.saturating_sub(JWK_BYTES_MAX)..kty];
    let start = before.iter().rposition(|byte| *byte == b'{').map_or(kty, |at| kty - before.len() + at);
    let after = &bytes[kty..bytes.len().min(kty + JWK_BYTES_MAX)];
    let end = kty + memchr::memchr2(b'{', b'}', after).unwrap_or(after.len());
    work::read(end - start);
    for name in SECRET_MEMBERS {
        let member = format!("\"{name}\"");
        for at in memmem::find_iter(&bytes[start..end], &member) {
            let value = &bytes[start + at + member.len()..end];
            let open =
                value.iter().take_while(|byte| matches!(byte, b':' | b' ' | b'\n' | b'\t' | b'"')).count();
            let length = value[open..]
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric() || b"+/_=-".contains(byte))
                .count();
            if length >= RUN_CHARS_MIN {
                let from = start + at + member.len() + open;
                found.push(from..from + length);
            }
        }
    }
}
