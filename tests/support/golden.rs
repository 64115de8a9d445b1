//! The golden files in `fixtures/wire`: requests and responses of protocol 1.0, to which both programs hold.
//!
//! A file is indented for its readers; on the wire is the same document without white space. Members that differ from
//! run to run (times, ids that a server makes) are compared by their presence. A change of a file is a change of the
//! protocol: `HAN_SYNC_BLESS=1` writes the files anew, for review.

use std::fs;
use std::path::PathBuf;

use han_sync::protocol::seal;
use serde_json::Value;

/// Every exchange: a request file (`NAME.request.json`) and the response to it (`NAME.response.json`) with its status.
pub const EXCHANGES: &[(&str, u16)] = &[
    ("heartbeat", 200),
    ("without_content", 200),
    ("with_content", 200),
    ("tasks", 200),
    ("partial", 207),
    ("error", 422),
];

/// Version of the program in a request, by the text of its members' names.
const CLIENT_VERSION: &str = r#"client":{"version"#;
/// Members of a request that differ from run to run, or from release to release.
pub const REQUEST_VOLATILE: &[&str] =
    &["timestamp", "lastSyncTimestamp", "lastModified", "checksum", CLIENT_VERSION, "os"];
/// Members of a response that differ from run to run.
pub const RESPONSE_VOLATILE: &[&str] = &["lastSyncTimestamp", "serverTimestamp", "requestId", "userId"];

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire")
}

/// The document of a file as it is on the wire.
pub fn read(name: &str) -> String {
    let path = folder().join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    compact(&text)
}

/// Asserts that `actual`, but for the volatile members, is the document of the file byte for byte.
#[track_caller]
pub fn assert_is(name: &str, actual: &[u8], volatile: &[&str]) {
    let actual = std::str::from_utf8(actual).expect("JSON is UTF-8");
    if is_blessing() {
        let old = fs::read_to_string(folder().join(name)).unwrap_or_default();
        let text = sealed(&with_members_of(actual, &compact(&old), volatile));
        fs::write(folder().join(name), indent(&text)).expect("the golden file can be written");
    }
    let golden = read(name);
    assert_eq!(
        indent(&with_members_of(actual, &golden, volatile)),
        indent(&golden),
        "{name} (HAN_SYNC_BLESS=1 writes the file anew, for review)"
    );
}

/// True if the files are written anew instead of compared.
pub fn is_blessing() -> bool {
    std::env::var_os("HAN_SYNC_BLESS").is_some()
}

/// The text of `actual` with the strings of its volatile members replaced by those of `golden`, one after the other.
fn with_members_of(actual: &str, golden: &str, volatile: &[&str]) -> String {
    let mut text = actual.to_owned();
    for name in volatile {
        let key = format!("\"{name}\":\"");
        let values: Vec<&str> = golden.split(&key).skip(1).map(until_quote).collect();
        let mut parts = text.split(&key);
        let mut replaced = parts.next().unwrap_or_default().to_owned();
        for (index, part) in parts.enumerate() {
            let own = until_quote(part);
            replaced += &key;
            replaced += values.get(index).unwrap_or(&own);
            replaced += &part[own.len()..];
        }
        text = replaced;
    }
    text
}

/// The document with the checksum of its text, where it has one.
fn sealed(text: &str) -> String {
    let Some((unsealed, _)) = text.split_once(",\"checksum\":") else { return text.to_owned() };
    let mut body = format!("{unsealed}}}").into_bytes();
    seal(&mut body);
    String::from_utf8(body).expect("JSON is UTF-8")
}

fn until_quote(text: &str) -> &str {
    text.split('"').next().unwrap_or_default()
}

/// A JSON document without the white space between its tokens.
pub fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut is_escaped) = (false, false);
    for character in json.chars() {
        if !in_string && character.is_ascii_whitespace() {
            continue;
        }
        out.push(character);
        in_string ^= character == '"' && !is_escaped;
        is_escaped = in_string && character == '\\' && !is_escaped;
    }
    out
}

/// A compact JSON document with one member or element on each line, in the order in which they come.
pub fn indent(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut in_string, mut is_escaped, mut depth) = (false, false, 0);
    let mut last = ' ';
    for character in compact(json).chars() {
        let closes = !in_string && matches!(character, ']' | '}');
        depth -= usize::from(closes);
        let is_empty_pair = closes && matches!(last, '[' | '{');
        if !in_string && !is_empty_pair && (closes || matches!(last, '[' | '{' | ',')) && last != ' ' {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
        out.push(character);
        if !in_string && character == ':' {
            out.push(' ');
        }
        depth += usize::from(!in_string && matches!(character, '[' | '{'));
        in_string ^= character == '"' && !is_escaped;
        is_escaped = in_string && character == '\\' && !is_escaped;
        // Characters of a string are no structure.
        last = if in_string { '"' } else { character };
    }
    out.push('\n');
    out
}

/// The document of a file, parsed.
pub fn value(name: &str) -> Value {
    serde_json::from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
