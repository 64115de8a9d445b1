//! JSON forms of the numbers and times of a state file, shared by its types.
//!
//! A JSON number holds integers exactly only up to 2^53: a program that rewrites the file through JavaScript numbers
//! would round a larger one. Hashes are therefore strings, and a larger integer is a decimal string.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time;

/// The largest integer that a JavaScript number holds exactly together with its neighbours.
const SAFE_INTEGER_MAX: i64 = (1 << 53) - 1;
/// Letters of a short hash in base64, which takes two thirds of the space of hexadecimal digits.
const HASH_LETTERS: usize = 11;

/// A short hash, as the 11 letters of its 8 bytes in base64.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShortHash(pub u64);

impl ShortHash {
    fn letters(self) -> [u8; HASH_LETTERS] {
        let mut letters = [0; HASH_LETTERS];
        let written = URL_SAFE_NO_PAD.encode_slice(self.0.to_be_bytes(), &mut letters);
        debug_assert!(written == Ok(HASH_LETTERS));
        letters
    }

    fn parse(letters: &[u8]) -> Option<ShortHash> {
        // One more than needed: the decoder asks for whole groups of three.
        let mut bytes = [0; size_of::<u64>() + 1];
        let written = URL_SAFE_NO_PAD.decode_slice(letters, &mut bytes).ok()?;
        let hash = bytes[..written].try_into().ok()?;
        Some(ShortHash(u64::from_be_bytes(hash)))
    }
}

impl Serialize for ShortHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(str::from_utf8(&self.letters()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for ShortHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ShortHash, D::Error> {
        deserializer.deserialize_str(ShortHashVisitor)
    }
}

struct ShortHashVisitor;

impl Visitor<'_> for ShortHashVisitor {
    type Value = ShortHash;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a hash of 11 letters in base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ShortHash, E> {
        ShortHash::parse(text.as_bytes()).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// Serde for one hash.
pub mod hash_text {
    use super::*;

    pub fn serialize<S: Serializer>(hash: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        ShortHash(*hash).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        ShortHash::deserialize(deserializer).map(|hash| hash.0)
    }
}

/// Serde for a set of hashes, as one string without separators.
pub mod hash_set {
    use super::*;

    pub fn serialize<S: Serializer>(hashes: &BTreeSet<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        let letters: Vec<u8> = hashes.iter().flat_map(|hash| ShortHash(*hash).letters()).collect();
        serializer.serialize_str(str::from_utf8(&letters).unwrap_or_default())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<u64>, D::Error> {
        deserializer.deserialize_str(HashSetVisitor)
    }

    struct HashSetVisitor;

    impl Visitor<'_> for HashSetVisitor {
        type Value = BTreeSet<u64>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("hashes of 11 letters each in base64")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<BTreeSet<u64>, E> {
            let hashes = text.as_bytes().chunks(HASH_LETTERS).map(|letters| {
                let hash = ShortHash::parse(letters).map(|hash| hash.0);
                hash.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            });
            hashes.collect()
        }
    }
}

/// A row id, or another integer that may exceed 2^53: a number, or a decimal string.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WideInteger(pub i64);

impl Serialize for WideInteger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if (-SAFE_INTEGER_MAX..=SAFE_INTEGER_MAX).contains(&self.0) {
            serializer.serialize_i64(self.0)
        } else {
            serializer.collect_str(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for WideInteger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<WideInteger, D::Error> {
        deserializer.deserialize_any(WideIntegerVisitor)
    }
}

struct WideIntegerVisitor;

impl Visitor<'_> for WideIntegerVisitor {
    type Value = WideInteger;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an integer, as a number or as a string")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<WideInteger, E> {
        Ok(WideInteger(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<WideInteger, E> {
        let value = i64::try_from(number);
        value.map(WideInteger).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<WideInteger, E> {
        text.parse().map(WideInteger).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// A time: milliseconds since 1970 as a number, or RFC 3339 where it has more digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub DateTime<Utc>);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.timestamp_millis();
        if DateTime::from_timestamp_millis(millis) == Some(self.0) {
            serializer.serialize_i64(millis)
        } else {
            serializer.serialize_str(&time::format_exact(self.0))
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        deserializer.deserialize_any(TimestampVisitor)
    }
}

struct TimestampVisitor;

impl Visitor<'_> for TimestampVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a time, as milliseconds since 1970 or as RFC 3339")
    }

    fn visit_i64<E: Error>(self, millis: i64) -> Result<Timestamp, E> {
        let time = DateTime::from_timestamp_millis(millis);
        time.map(Timestamp).ok_or_else(|| E::invalid_value(Unexpected::Signed(millis), &self))
    }

    fn visit_u64<E: Error>(self, millis: u64) -> Result<Timestamp, E> {
        match i64::try_from(millis) {
            Ok(millis) => self.visit_i64(millis),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(millis), &self)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
        time::parse(text).map(Timestamp).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    /// Asserts the JSON form of a value, and that the form reads as the value.
    #[track_caller]
    fn assert_form<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(value: T, json: &str) {
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
        assert_eq!(serde_json::from_str::<T>(json).unwrap(), value);
    }

    #[test]
    fn integers_above_two_to_the_53rd_are_strings() {
        assert_form(WideInteger(9_007_199_254_740_991), "9007199254740991");
        assert_form(WideInteger(9_007_199_254_740_992), "\"9007199254740992\"");
        assert_form(WideInteger(i64::MIN), "\"-9223372036854775808\"");
    }

    #[test]
    fn hashes_are_eleven_letters() {
        assert_form(ShortHash(0), "\"AAAAAAAAAAA\"");
        assert_form(ShortHash(u64::MAX), "\"__________8\"");
        let others =
            ["", "A", "AAAAAAAAAA+", "AAAAAAAAAA=", "AAAAAAAAAAB", "AAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA"];
        for other in others {
            assert!(serde_json::from_str::<ShortHash>(&format!("\"{other}\"")).is_err(), "{other}");
        }
    }

    #[test]
    fn times_keep_their_precision() {
        let exact = |text| Timestamp(time::parse(text).unwrap());
        assert_form(exact("2026-01-02T03:04:05.123Z"), "1767323045123");
        assert_form(exact("2026-01-02T03:04:05.123456Z"), "\"2026-01-02T03:04:05.123456Z\"");
        assert_form(exact("1969-12-31T23:59:59.999Z"), "-1");
    }
}
