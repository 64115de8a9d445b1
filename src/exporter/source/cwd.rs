//! The folder that a transcript line names as its own: the member `cwd` of its raw JSON.

use std::fmt;

use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};

/// Returns the folder that a line names. Members of nested objects, such as a tool's input, do not count. Of a line that
/// breaks off, the part before the break counts.
pub(super) fn cwd(raw_json: &str) -> Option<String> {
    // Most lines without a folder have these letters nowhere, and need no parsing.
    memchr::memmem::find(raw_json.as_bytes(), b"cwd")?;
    let mut found = None;
    let _ = serde_json::Deserializer::from_str(raw_json).deserialize_map(LineVisitor { found: &mut found });
    found.filter(|folder| !folder.is_empty())
}

struct LineVisitor<'a> {
    found: &'a mut Option<String>,
}

impl<'de> Visitor<'de> for LineVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a transcript line")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<str>>()? {
            if key == "cwd" {
                *self.found = map.next_value::<serde_json::Value>()?.as_str().map(str::to_owned);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_member_counts_and_no_other() {
        for (raw, expected) in [
            (r#"{"cwd":"/home/a/acme.api"}"#, Some("/home/a/acme.api")),
            (r#"{"type":"user","cwd":"\/home\/a\/acme\u002eapi","x":1}"#, Some("/home/a/acme.api")),
            (r#"{"cwd":"/a b/\"c\"/\ud83d\ude00"}"#, Some("/a b/\"c\"/😀")),
            (r#"{"cwd":"/a","message":{"cwd":"/b"}}"#, Some("/a")),
            (r#"{"message":{"input":{"cwd":"/b"}}}"#, None),
            (r#"{"message":"say \"cwd\":\"/b\""}"#, None),
            (r#"{"cwd":"/a","cwd":"/b"}"#, Some("/b")),
            (r#"{"cwd":"/a","message":{"role":"us"#, Some("/a")),
            (r#"{"message":{"role":"us"#, None),
            (r#"{"cwd":null}"#, None),
            (r#"{"cwd":7}"#, None),
            (r#"{"cwd":""}"#, None),
            (r#"["cwd","/a"]"#, None),
            ("cwd: /a", None),
            ("", None),
        ] {
            assert_eq!(cwd(raw).as_deref(), expected, "{raw}");
        }
    }
}
