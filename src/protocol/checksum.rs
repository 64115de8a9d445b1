//! The checksum of a payload: appended by the sender as the last member, verified by the receiver.

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::hex;

/// Member that [`seal`] appends, up to the digest.
const MEMBER: &[u8] = br#","checksum":""#;
/// Hex digits of a SHA-256.
const DIGEST_HEX: usize = 64;

/// Top-level members of a document: a payload has 7, and later versions a few more. Each costs memory before it is hashed.
const MEMBERS_MAX: usize = 1_000;

/// Result of a successful verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// The checksum is present and correct.
    Valid,
    /// The document has no checksum, which is accepted.
    Missing,
}

/// Reason why a document is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumError {
    /// The document was changed in transit, or the sender computes another digest.
    Mismatch,
    /// The document is no JSON object, or one with far too many members.
    Malformed,
}

/// Appends `,"checksum":"<hex SHA-256 of the document>"` to a serialized payload, which must be a non-empty JSON object.
pub fn seal(document: &mut Vec<u8>) {
    let closing = document.pop();
    debug_assert_eq!(closing, Some(b'}'));
    let end = sealed_end([document.as_slice()]);
    document.extend_from_slice(&end);
}

/// End of a payload that is given in parts without its closing brace: the checksum, and that brace.
pub fn sealed_end<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Vec<u8> {
    let mut hasher = Sha256::new();
    parts.into_iter().for_each(|part| hasher.update(part));
    hasher.update(b"}");
    [MEMBER, hex::encode(&hasher.finalize()).as_bytes(), b"\"}"].concat()
}

impl Checksum {
    /// Checks an inflated body.
    ///
    /// If the checksum is the last member, the digest is computed over the bytes before it. Otherwise it is computed over the
    /// document re-serialized compactly in the order received, unknown members included, without `checksum`.
    pub fn check(body: &[u8]) -> Result<Checksum, ChecksumError> {
        if let Some(verdict) = check_last_member(body) {
            return verdict;
        }
        check_reserialized(body)
    }
}

/// Verifies a body that ends as [`seal`] writes it; `None` for any other.
fn check_last_member(body: &[u8]) -> Option<Result<Checksum, ChecksumError>> {
    let body = body.trim_ascii_end();
    let tail = body.len().checked_sub(MEMBER.len() + DIGEST_HEX + 2)?;
    let (document, member) = body.split_at(tail);
    let digest = member.strip_prefix(MEMBER)?.strip_suffix(b"\"}")?;
    if !digest.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut hasher = Sha256::new();
    hasher.update(document);
    hasher.update(b"}");
    if hex::encode(&hasher.finalize()).as_bytes() == digest {
        return Some(Ok(Checksum::Valid));
    }
    // The end may belong to a nested object or to a document that is not compact: the re-serialized form decides.
    None
}

fn check_reserialized(body: &[u8]) -> Result<Checksum, ChecksumError> {
    let members: Members = serde_json::from_slice(body).map_err(|_| ChecksumError::Malformed)?;
    match check_spelled(&members, compact) {
        // A sender may have hashed the output of its own serializer, which escapes some strings differently.
        Err(ChecksumError::Mismatch) => check_spelled(&members, respell),
        verdict => verdict,
    }
}

/// Verifies the digest of the document with each value as `spell` writes it.
fn check_spelled(members: &Members, spell: fn(&[u8], &mut Vec<u8>)) -> Result<Checksum, ChecksumError> {
    let mut expected = None;
    let mut document = vec![b'{'];
    for (name, value) in &members.0 {
        if name == "checksum" {
            expected = Some(value.get());
            continue;
        }
        if document.len() > 1 {
            document.push(b',');
        }
        serde_json::to_writer(&mut document, name).map_err(|_| ChecksumError::Malformed)?;
        document.push(b':');
        spell(value.get().as_bytes(), &mut document);
    }
    document.push(b'}');
    match expected {
        // Clients of other makes leave it empty.
        None | Some("null" | "\"\"") => Ok(Checksum::Missing),
        Some(given) if given.trim_matches('"') == hex::encode(&Sha256::digest(&document)) => {
            Ok(Checksum::Valid)
        }
        Some(_) => Err(ChecksumError::Mismatch),
    }
}

/// Copies JSON without the white space between its tokens. Strings and numbers keep their spelling, so that the result is
/// what `JSON.stringify` writes for a document that it wrote itself.
fn compact(json: &[u8], out: &mut Vec<u8>) {
    let mut in_string = false;
    let mut escaped = false;
    for &byte in json {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
}

/// Copies JSON as a serializer writes it: compact, and every string with its shortest escapes.
fn respell(json: &[u8], out: &mut Vec<u8>) {
    let mut compacted = Vec::with_capacity(json.len());
    compact(json, &mut compacted);
    let mut rest = compacted.as_slice();
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        out.extend_from_slice(&rest[..start]);
        rest = &rest[start..];
        let length = string_length(rest);
        match serde_json::from_slice::<String>(&rest[..length])
            .ok()
            .and_then(|text| serde_json::to_vec(&text).ok())
        {
            Some(text) => out.extend_from_slice(&text),
            None => out.extend_from_slice(&rest[..length]), // a lone surrogate: left as it is
        }
        rest = &rest[length..];
    }
    out.extend_from_slice(rest);
}

/// Length of the string at the start of `json`, quotes included.
fn string_length(json: &[u8]) -> usize {
    let mut escaped = false;
    for (index, byte) in json.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    json.len()
}

/// Members of an object in the order received.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    if members.len() == MEMBERS_MAX {
                        return Err(serde::de::Error::custom("too many members"));
                    }
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(document: &str) -> Vec<u8> {
        let mut body = document.as_bytes().to_vec();
        seal(&mut body);
        body
    }

    #[test]
    fn sealed_document_is_valid() {
        assert_eq!(Checksum::check(&sealed(r#"{"a":1,"b":["x y"]}"#)), Ok(Checksum::Valid));
    }

    #[test]
    fn changed_document_is_rejected() {
        let mut body = sealed(r#"{"a":1}"#);
        body[5] = b'2';
        assert_eq!(Checksum::check(&body), Err(ChecksumError::Mismatch));
    }

    #[test]
    fn missing_checksum_is_accepted() {
        for body in [
            r#"{"a":1}"#,
            r#"{"a":1,"checksum":null}"#,
            r#"{"checksum":"","a":1}"#,
            r#"{"a":1,"checksum":""}"#,
        ] {
            assert_eq!(Checksum::check(body.as_bytes()), Ok(Checksum::Missing), "{body}");
        }
    }

    #[test]
    fn checksum_in_the_middle_covers_the_compact_document() {
        let digest = hex::encode(&Sha256::digest(br#"{"a":"x \" y","later":[1,{"b":2}]}"#));
        let body = format!(r#"{{ "a" : "x \" y", "checksum": "{digest}", "later": [1, {{"b": 2}}] }}"#);
        assert_eq!(Checksum::check(body.as_bytes()), Ok(Checksum::Valid));
    }

    #[test]
    fn checksum_over_another_serializers_escapes_is_accepted() {
        let digest = hex::encode(&Sha256::digest("{\"a\":\"é\\n/\",\"b\":[1]}".as_bytes()));
        let body = format!(r#"{{"a":"\u00e9\u000a\/","b":[1],"checksum":"{digest}"}}"#);
        assert_eq!(Checksum::check(body.as_bytes()), Ok(Checksum::Valid));
    }

    #[test]
    fn other_values_than_objects_are_malformed() {
        assert_eq!(Checksum::check(b"[]"), Err(ChecksumError::Malformed));
        assert_eq!(Checksum::check(b""), Err(ChecksumError::Malformed));
        let many: Vec<String> = (0..2_000).map(|n| format!(r#""{n}":0"#)).collect();
        let many = format!("{{{}}}", many.join(","));
        assert_eq!(Checksum::check(many.as_bytes()), Err(ChecksumError::Malformed));
    }
}
