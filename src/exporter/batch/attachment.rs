//! Attachments: images, documents and other binary blocks, which raw JSON holds in base64.
//!
//! A block becomes `[OMITTED:<media type> <bytes>]` inside its JSON string, so that the document keeps its shape. A block is
//! known by its place (a data URL, a member such as `data` beside a media type), by the signature of its format, or by its
//! length alone.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Fewest characters of base64 that are looked at outside members made for it.
const BLOCK_CHARS_MIN: usize = 64;
/// Fewest characters of a block that nothing but its length tells: longer than keys and signatures are.
const UNKNOWN_CHARS_MIN: usize = 1 << 10;
/// Fewest characters of a line of a wrapped block.
const LINE_CHARS_MIN: usize = 60;
/// Bytes around a block in which its media type may stand.
const NEIGHBOURHOOD_BYTES: usize = 400;
/// Media type of a block that nothing names.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The beginnings of formats in base64.
const SIGNATURES: [(&str, &str); 21] = [
    ("iVBORw0KGgo", "image/png"),
    ("/9j/", "image/jpeg"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
    ("SUkqA", "image/tiff"),
    ("TU0AK", "image/tiff"),
    ("PHN2Zy", "image/svg+xml"),
    ("JVBERi0", "application/pdf"),
    ("UEsDB", "application/zip"),
    ("H4sI", "application/gzip"),
    ("N3q8ryc", "application/x-7z-compressed"),
    ("KLUv/", "application/zstd"),
    ("/Td6WFo", "application/x-xz"),
    ("0M8R4KGx", "application/msword"),
    ("U1FMaXRlIGZvcm1hd", "application/vnd.sqlite3"),
    ("f0VMR", "application/x-elf"),
    ("AGFzbQ", "application/wasm"),
    ("d09GM", "font/woff2"),
    ("SUQz", "audio/mpeg"),
    ("T2dnU", "audio/ogg"),
    ("AAAAIGZ0eX", "video/mp4"),
];

/// Replaces the attachments of a message's raw JSON; borrows the text if it has none.
pub fn omit(raw_json: &str) -> Cow<'_, str> {
    let mut blocks = members(raw_json);
    blocks.extend(long_runs(raw_json));
    if blocks.is_empty() {
        return Cow::Borrowed(raw_json);
    }
    blocks.sort_by_key(|block| (block.range.start, std::cmp::Reverse(block.range.end)));
    let mut out = String::with_capacity(raw_json.len() / 2);
    let mut copied = 0;
    for block in blocks {
        if block.range.start < copied {
            continue;
        }
        out.push_str(&raw_json[copied..block.range.start]);
        out.push_str(&format!("[OMITTED:{} {}]", block.media_type, block.bytes));
        copied = block.range.end;
    }
    out.push_str(&raw_json[copied..]);
    Cow::Owned(out)
}

/// A block of base64 in a text.
struct Block {
    range: Range<usize>,
    media_type: String,
    /// Bytes of the decoded block.
    bytes: usize,
}

impl Block {
    fn new(text: &str, range: Range<usize>, media_type: String) -> Block {
        let mut rest = &text.as_bytes()[range.clone()];
        let mut chars = 0;
        while let [byte, after @ ..] = rest {
            // Line breaks are escape sequences, and slashes may be.
            let is_break = *byte == b'\\' && matches!(after.first(), Some(b'n' | b'r' | b'\\'));
            chars += usize::from(is_base64(*byte) && *byte != b'=');
            rest = if is_break && after[0] != b'\\' { &after[1..] } else { after };
        }
        Block { range, media_type, bytes: chars * 3 / 4 }
    }
}

/// The members made for base64 that a media type, or the word, stands beside.
fn members(text: &str) -> Vec<Block> {
    static MEMBER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#""(?:data|base64|blob|b64_json|file_data|fileData|bytes|image_data)\\*"\s*:\s*\\*""#)
            .expect("a pattern of this file")
    });
    let mut blocks = Vec::new();
    for member in MEMBER.find_iter(text) {
        let end = run_end(text.as_bytes(), member.end());
        let range = member.end()..end;
        let is_whole = matches!(text.as_bytes().get(end), Some(b'"' | b'\\'));
        let is_named = member.as_str().contains("base64") || member.as_str().contains("b64");
        if range.is_empty() || !is_whole {
            continue;
        }
        let declared = media_type_near(text, member.start(), end);
        let is_base64_source = is_named || is_base64_source(text, member.start(), end);
        let media_type = declared.or_else(|| signature(&text[range.clone()]).map(str::to_owned));
        if let Some(media_type) = media_type.or_else(|| is_base64_source.then(|| UNKNOWN_TYPE.to_owned())) {
            blocks.push(Block::new(text, range, media_type));
        }
    }
    blocks
}

/// The text around a block, in the same object.
fn neighbours(text: &str, start: usize, end: usize) -> [&str; 2] {
    let mut from = start.saturating_sub(NEIGHBOURHOOD_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let mut to = text.len().min(end + NEIGHBOURHOOD_BYTES);
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    let (before, after) = (&text[from..start], &text[end..to]);
    [before.rsplit('{').next().unwrap_or_default(), after.split(['}', '{']).next().unwrap_or_default()]
}

/// The media type that another member of the same object declares.
fn media_type_near(text: &str, start: usize, end: usize) -> Option<String> {
    static TYPE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r#""(?:media_?[tT]ype|mime_?[tT]ype|content_?[tT]ype|type|format)\\*"\s*:\s*\\*""#,
            r#"((?:image|audio|video|application|font|text|model)/[a-zA-Z0-9.+-]{1,80}|wav|mp3|flac|opus|ogg|pcm16)\\*""#,
        ))
        .expect("a pattern of this file")
    });
    let [before, after] = neighbours(text, start, end);
    let found = TYPE.captures_iter(before).last().or_else(|| TYPE.captures(after))?;
    let name = &found[1];
    Some(if name.contains('/') { name.to_owned() } else { format!("audio/{name}") })
}

/// True for a source that says that it is in base64.
fn is_base64_source(text: &str, start: usize, end: usize) -> bool {
    neighbours(text, start, end).iter().any(|part| part.contains("\"base64"))
}

/// The media type of a format, by its signature.
fn signature(base64: &str) -> Option<&'static str> {
    let start: String = base64.chars().filter(|sign| *sign != '\\').take(24).collect();
    SIGNATURES.iter().find(|(signature, _)| start.starts_with(signature)).map(|(_, media_type)| *media_type)
}

/// The long blocks outside such members: data URLs, known signatures, and blocks that are too long for anything else.
fn long_runs(text: &str) -> Vec<Block> {
    let bytes = text.as_bytes();
    let mut blocks = Vec::new();
    // A block of the least length has a byte at one of these places.
    let mut at = BLOCK_CHARS_MIN - 1;
    while at < bytes.len() {
        if !is_base64(bytes[at]) {
            at += BLOCK_CHARS_MIN;
            continue;
        }
        let before = bytes[..at].iter().rev().take_while(|byte| is_base64(**byte)).count();
        let mut start = at - before;
        // The letter of an escape sequence is no part of the block.
        if start > 0 && bytes[start - 1] == b'\\' && matches!(bytes[start], b'n' | b'r' | b't') {
            start += 1;
        }
        let end = run_end(bytes, start);
        if end - start >= BLOCK_CHARS_MIN
            && let Some(media_type) = block_type(text, start..end)
        {
            blocks.push(Block::new(text, start..end, media_type));
        }
        at = (end.max(at) / BLOCK_CHARS_MIN + 1) * BLOCK_CHARS_MIN + BLOCK_CHARS_MIN - 1;
    }
    blocks
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-')
}

/// The end of the base64 that begins here. Escaped slashes belong to it, and escaped line breaks after a long line.
fn run_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut line_start) = (start, start);
    while let Some(byte) = bytes.get(at) {
        if is_base64(*byte) {
            at += 1;
            continue;
        }
        let backslashes = bytes[at..].iter().take(8).take_while(|byte| **byte == b'\\').count();
        match bytes.get(at + backslashes) {
            Some(b'/') if backslashes > 0 => at += backslashes + 1,
            Some(b'n' | b'r') if backslashes > 0 && at - line_start >= LINE_CHARS_MIN => {
                let next = at + backslashes + 1;
                let is_pair = bytes[next..].starts_with(b"\\n");
                let line = next + if is_pair { 2 } else { 0 };
                if !bytes.get(line).is_some_and(|byte| is_base64(*byte)) {
                    break;
                }
                (at, line_start) = (line, line);
            }
            _ => break,
        }
    }
    at
}

/// The media type of a long block; `None` if it may be text.
fn block_type(text: &str, range: Range<usize>) -> Option<String> {
    static DATA_URL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"data:([a-zA-Z]{1,20}\\*/[a-zA-Z0-9.+-]{1,80})?(?:;[a-zA-Z0-9=.-]{1,40}){0,4};base64,$")
            .expect("a pattern of this file")
    });
    let mut from = range.start.saturating_sub(NEIGHBOURHOOD_BYTES / 2);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    if let Some(url) = DATA_URL.captures(&text[from..range.start]) {
        return Some(url.get(1).map_or("text/plain".to_owned(), |name| name.as_str().replace('\\', "")));
    }
    let block = &text[range.clone()];
    if let Some(media_type) = signature(block) {
        return Some(media_type.to_owned());
    }
    let has = |is: fn(&u8) -> bool| block.as_bytes()[..BLOCK_CHARS_MIN].iter().any(is);
    let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit);
    let is_key = text[from..range.start].contains("-----BEGIN");
    (range.len() >= UNKNOWN_CHARS_MIN && is_mixed && !is_key).then(|| UNKNOWN_TYPE.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_replaced_at_every_depth_and_text_is_not() {
        let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
        for (before, after) in [
            (r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":""#, r#""}}"#),
            (r#"{"type":"image","data":""#, r#"","mimeType":"image/png"}"#),
            (r#"{"file":{"base64":""#, r#"","type":"image/png","originalSize":70}}"#),
            (r#"{"url":"data:image/png;base64,"#, r#""}"#),
            (r#"{"text":"<img src=\"data:image/png;base64,"#, r#"\">"}"#),
            (r#"{"text":"{\"data\":\""#, r#"\",\"mimeType\":\"image/png\"}"}"#),
        ] {
            let expected = format!("{before}[OMITTED:image/png 70]{after}");
            assert_eq!(omit(&format!("{before}{png}{after}")), expected);
        }
        for text in [
            r#"{"data":"deadbeef","n":1}"#,
            r#"{"text":"a long/path/of/many/words/and/more/words/than/a/line/holds/of/them"}"#,
        ] {
            assert!(matches!(omit(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
