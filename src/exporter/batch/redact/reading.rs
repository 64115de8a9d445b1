//! The plain reading of a text: what a person would see of it.
//!
//! Escape sequences of JSON at any depth, of terminals, URLs and HTML are decoded, and strings that are concatenated and
//! lines that are continued are joined, so that no notation hides a secret. Each byte is mapped to its place in the source.
//! The reading is for the search alone: what is redacted is the source.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::exporter::batch::redact::work;

/// Bytes of a terminal's control sequence, of a hyperlink of a terminal, and of a tag with its attributes.
const CONTROL_BYTES_MAX: usize = 32;
const HYPERLINK_BYTES_MAX: usize = 1 << 10;
const TAG_BYTES_MAX: usize = 256;
/// Bytes between two strings that are concatenated.
const CONCATENATION_BYTES_MAX: usize = 64;

/// Tags of HTML around a part of a word or line; what they enclose belongs to the text around it.
const INLINE_TAGS: [&str; 19] = [
    "a", "abbr", "b", "code", "em", "font", "i", "ins", "kbd", "mark", "samp", "small", "span", "strong",
    "td", "th", "tt", "u", "wbr",
];
/// Tags of HTML that begin or end a line.
const BLOCK_TAGS: [&str; 14] =
    ["br", "dd", "div", "dl", "dt", "h1", "h2", "h3", "li", "p", "pre", "tr", "ul", "tbody"];
const ENTITIES: [(&str, u8); 9] = [
    ("quot;", b'"'),
    ("amp;", b'&'),
    ("lt;", b'<'),
    ("gt;", b'>'),
    ("apos;", b'\''),
    ("nbsp;", b' '),
    ("#39;", b'\''),
    ("#34;", b'"'),
    ("#61;", b'='),
];

/// A text in which every byte is mapped to a source.
pub(super) struct PlainReading {
    pub(super) text: String,
    pieces: Vec<Piece>,
}

/// Bytes of a reading and the bytes of the source that they stand for: a copy, or the decoded form.
#[derive(Clone, Copy)]
struct Piece {
    start: usize,
    source: usize,
    length: usize,
    source_length: usize,
}

impl PlainReading {
    /// Maps a range that is not empty to the source.
    pub(super) fn source_of(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.source_byte(range.start).start;
        start..self.source_byte(range.end - 1).end.max(start)
    }

    /// The place in the source of each range that is a copy of it, in about the order of the ranges.
    pub(super) fn copied(&self) -> impl FnMut(&Range<usize>) -> Option<Range<usize>> {
        let mut index = 0;
        move |range| {
            while index > 0 && self.pieces[index].start > range.start {
                index -= 1;
            }
            while self.pieces.get(index + 1).is_some_and(|piece| piece.start <= range.start) {
                index += 1;
            }
            let piece = self.pieces.get(index)?;
            let is_copy = piece.length == piece.source_length
                && piece.start <= range.start
                && range.end <= piece.start + piece.length;
            let start = piece.source + range.start - piece.start.min(range.start);
            is_copy.then_some(start..start + range.len())
        }
    }

    /// The source of one byte.
    fn source_byte(&self, at: usize) -> Range<usize> {
        let index = self.pieces.partition_point(|piece| piece.start <= at) - 1;
        let piece = self.pieces[index];
        match piece.length == piece.source_length {
            true => piece.source + at - piece.start..piece.source + at - piece.start + 1,
            false => piece.source..piece.source + piece.source_length,
        }
    }
}

/// Decodes a text; `None` where it says what it says already.
pub(super) fn plain(text: &str) -> Option<PlainReading> {
    work::read(text.len());
    let mut writer = Writer { source: text.as_bytes(), text: Vec::new(), pieces: Vec::new() };
    let (mut at, mut copied) = (0, 0);
    let mut is_changed = false;
    while let Some(special) = next_special(writer.source, at) {
        at = special;
        match decode(writer.source, at) {
            Some(decoded) => {
                writer.reserve();
                writer.copy(copied..at);
                let end = at + decoded.length;
                match decoded.meaning {
                    DecodedCharacter::Nothing => {}
                    DecodedCharacter::Byte(quote @ (b'"' | b'\'')) if writer.joins_strings(quote) => {}
                    DecodedCharacter::Byte(byte) => writer.write(&[byte], at..end),
                    DecodedCharacter::Character(character) => {
                        writer.write(character.encode_utf8(&mut [0; 4]).as_bytes(), at..end);
                    }
                }
                (at, copied, is_changed) = (end, end, true);
            }
            None => {
                let byte = writer.source[at];
                let follows_a_join = || writer.last(copied..at).is_some_and(|last| joins(last).is_some());
                if matches!(byte, b'"' | b'\'') && follows_a_join() {
                    writer.reserve();
                    writer.copy(copied..at);
                    copied = at;
                    if writer.joins_strings(byte) {
                        (copied, is_changed) = (at + 1, true);
                    }
                }
                at += 1;
            }
        }
    }
    if !is_changed {
        return None;
    }
    writer.copy(copied..text.len());
    writer.finish()
}

/// Joins tokens that are wrapped over lines; `None` where there are none. A token of a key or of base64 that reaches the
/// end of its line goes on at the start of the next one, behind the line's number or other prefix.
pub(super) fn unwrapped(text: &str) -> Option<(PlainReading, Vec<usize>)> {
    let bytes = text.as_bytes();
    let mut writer = Writer { source: bytes, text: Vec::new(), pieces: Vec::new() };
    work::read(text.len());
    let (mut copied, mut joins) = (0, Vec::new());
    for line_end in memchr::memchr_iter(b'\n', bytes) {
        let Some(next) = wrapped_token(text, line_end) else { continue };
        if joins.is_empty() {
            writer.text.reserve(text.len());
        }
        let end = line_end - usize::from(bytes[..line_end].ends_with(b"\r"));
        if end < copied {
            continue;
        }
        writer.copy(copied..end);
        joins.push(writer.text.len());
        copied = next;
    }
    if joins.is_empty() {
        return None;
    }
    writer.copy(copied..text.len());
    writer.finish().map(|reading| (reading, joins))
}

/// Fewest characters of a wrapped token on its line, and on the next.
const WRAPPED_CHARS_MIN: usize = 16;
const REST_CHARS_MIN: usize = 6;
/// Longest line of a wrapped token whose rest is looked at.
const WRAPPED_CHARS_MAX: usize = 200;

/// The start of the rest of a token that is wrapped at the end of this line.
fn wrapped_token(text: &str, line_end: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let before = &bytes[..line_end];
    let before = before.strip_suffix(b"\r").unwrap_or(before);
    let token = before.iter().rev().take(WRAPPED_CHARS_MAX).take_while(|byte| is_token(**byte)).count();
    if token < WRAPPED_CHARS_MIN || before.ends_with(b"=") {
        return None;
    }
    if !is_mixed(&before[before.len() - token..]) {
        return None;
    }
    let next = skip_prefix(text, line_end + 1);
    let rest = bytes[next..].iter().take(WRAPPED_CHARS_MAX).take_while(|byte| is_token(**byte)).count();
    let follows = bytes.get(next + rest).copied().unwrap_or(b'\n');
    let is_whole =
        matches!(follows, b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'<' | b'\\' | b')' | b',' | b';' | b' ');
    let rest = &bytes[next..next + rest];
    let is_token_alone = rest.len() >= REST_CHARS_MIN
        && !rest[..rest.len() - 1]
            .trim_ascii_end()
            .strip_suffix(b"=")
            .unwrap_or(&rest[..rest.len() - 1])
            .contains(&b'=')
        && is_mixed(rest);
    (is_whole && is_token_alone).then_some(next)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/_=.~-".contains(&byte)
}

/// True for letters mixed with digits or with letters of the other case inside a word.
fn is_mixed(token: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| token.iter().any(is);
    let case_changes =
        token.windows(2).filter(|pair| pair[0].is_ascii_uppercase() && pair[1].is_ascii_lowercase());
    has(u8::is_ascii_alphabetic) && (has(u8::is_ascii_digit) || case_changes.count() >= 2)
}

/// Skips indentation, line numbers, names of files, times, log levels, diff and comment marks at the start of a line.
pub(super) fn skip_prefix(text: &str, line_start: usize) -> usize {
    static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
        let parts = [
            r"[ \t]+",
            r"\d{1,6}(?:→|\t|[:-]|[ \t]{0,2}[|│])",
            r"\[\d{1,6}\]",
            r"[\w./@-]{1,100}?[:-]\d{1,6}[:-]",
            r"[\w.-]{1,40} {0,20}\|",
            r"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[0-9.,:Z+-]{0,16}\]?",
            r"\d\d:\d\d:\d\d[0-9.,]{0,10}",
            r"[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d [\w.-]{1,60} [\w./-]{1,40}(?:\[\d{1,7}\])?:",
            r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [\w.]{1,40}:\d+\]",
            r"\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR)\]?:?(?:[\w.]{1,40}:)?",
            r"std(?:out|err) [FP]",
            r"(?://+|#+|\*|>+|<|\||│|;+|!|\+|--? |-)",
        ];
        let parts = parts.map(|part| part.replace(r"\d", "[0-9]").replace(r"\w", "A-Za-z0-9_"));
        let pattern = format!(r"\A(?:{})", parts.join("|"));
        Regex::new(&pattern).expect("the parts are patterns")
    });
    let mut end = text.len().min(line_start + PREFIX_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // A line of most texts begins with letters or a blank, which need no pattern.
    let rest = &text[line_start..end];
    let blanks = rest.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let line = rest[blanks..].split('\n').next().unwrap_or_default();
    if line.bytes().all(is_token) && !line.starts_with(['+', '-']) {
        return line_start + blanks;
    }
    let mut at = 0;
    for _ in 0..PREFIXES_MAX {
        let Some(prefix) = PREFIX.find(&rest[at..]) else { break };
        at += prefix.end();
    }
    line_start + at
}

/// Prefixes of a line, one after the other.
const PREFIXES_MAX: usize = 6;
/// Bytes of the prefix of a line.
const PREFIX_BYTES_MAX: usize = 160;

/// Bytes at which a decoding may begin, and quotes, at which the concatenation of strings may.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ByteClass {
    Plain,
    Decoded,
    Quote,
}

const BYTE_CLASSES: [ByteClass; 256] = {
    let mut classes = [ByteClass::Plain; 256];
    let signs = b"\\\x1b<&%[^\xC2\xE2\xEF";
    let mut at = 0;
    while at < signs.len() {
        classes[signs[at] as usize] = ByteClass::Decoded;
        at += 1;
    }
    classes[b'"' as usize] = ByteClass::Quote;
    classes[b'\'' as usize] = ByteClass::Quote;
    classes
};

/// The next place at which a decoding or a concatenation may begin. Most quotes follow no sign that joins strings; of the
/// first byte it is unknown what it follows.
#[inline(never)]
fn next_special(source: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        match BYTE_CLASSES[usize::from(*source.get(at)?)] {
            ByteClass::Plain => {}
            ByteClass::Decoded => return Some(at),
            ByteClass::Quote if at == start || joins(source[at - 1]).is_some() => return Some(at),
            ByteClass::Quote => {}
        }
        at += 1;
    }
}

enum DecodedCharacter {
    Nothing,
    Byte(u8),
    Character(char),
}

struct Decoded {
    meaning: DecodedCharacter,
    /// Bytes of the source.
    length: usize,
}

impl Decoded {
    fn some(meaning: DecodedCharacter, length: usize) -> Option<Decoded> {
        Some(Decoded { meaning, length })
    }
}

/// Decodes the sequence that begins here; `None` where none does.
fn decode(source: &[u8], at: usize) -> Option<Decoded> {
    let rest = &source[at..];
    match rest {
        [b'\\', ..] => backslashes(rest),
        [b'\x1b', ..] => Decoded::some(DecodedCharacter::Nothing, terminal(rest, 1)),
        [b'^', b'[', b'[', ..] => {
            control(rest, 3).and_then(|length| Decoded::some(DecodedCharacter::Nothing, length))
        }
        // The escape character itself is lost in many a log.
        [b'[', b'0'..=b'9', ..] => {
            let length = control(rest, 1).filter(|length| rest[length - 1] == b'm' && *length > 2)?;
            Decoded::some(DecodedCharacter::Nothing, length)
        }
        [b'<', ..] => tag(rest),
        [b'&', ..] => entity(rest),
        [b'%', ..] => percent(rest),
        // Zero-width characters, marks of direction, and the soft hyphen.
        [0xE2, 0x80, 0x8B..=0x8F | 0xAA..=0xAE, ..] | [0xE2, 0x81, 0xA0, ..] | [0xEF, 0xBB, 0xBF, ..] => {
            Decoded::some(DecodedCharacter::Nothing, 3)
        }
        [0xC2, 0xAD, ..] => Decoded::some(DecodedCharacter::Nothing, 2),
        _ => None,
    }
}

/// Decodes an escape sequence, however many backslashes it has.
fn backslashes(rest: &[u8]) -> Option<Decoded> {
    let count = rest.iter().take_while(|byte| **byte == b'\\').count();
    let after = &rest[count..];
    let byte = |byte| Decoded::some(DecodedCharacter::Byte(byte), count + 1);
    match after {
        // A backslash and a line break: the line is continued. In JSON the two are escaped, each by itself.
        [b'\n', ..] if count == 1 => Decoded::some(DecodedCharacter::Nothing, 2 + blanks(&after[1..])),
        [b'n', ..] if count == 3 || count == 6 => {
            Decoded::some(DecodedCharacter::Nothing, count + 1 + blanks(&after[1..]))
        }
        [b'n', ..] => byte(b'\n'),
        [b'r', ..] => byte(b'\r'),
        [b't', ..] => byte(b'\t'),
        [sign @ (b'"' | b'\'' | b'`' | b'/'), ..] => byte(*sign),
        [b'u', digits @ ..] => unicode(digits, count),
        [b'x', b'1', b'b' | b'B', ..] => Decoded::some(DecodedCharacter::Nothing, terminal(rest, count + 3)),
        [b'x', high, low, ..] => {
            let value = hex(&[*high, *low])? as u8;
            (value == b'\n' || (0x20..0x7F).contains(&value))
                .then_some(Decoded { meaning: DecodedCharacter::Byte(value), length: count + 3 })
        }
        [b'0', b'3', b'3', b'[', ..] => Decoded::some(DecodedCharacter::Nothing, terminal(rest, count + 3)),
        [b'e', b'[', ..] => Decoded::some(DecodedCharacter::Nothing, terminal(rest, count + 1)),
        // Backslashes that are escaped themselves.
        _ if count > 1 => Decoded::some(DecodedCharacter::Byte(b'\\'), count),
        _ => None,
    }
}

/// Decodes `\uXXXX` after its `u`.
fn unicode(digits: &[u8], backslashes: usize) -> Option<Decoded> {
    let value = hex(digits.get(..4)?)?;
    let length = backslashes + 5;
    match value {
        0x1B => Decoded::some(DecodedCharacter::Nothing, terminal_after(digits, 4) + backslashes + 1),
        0xAD | 0xFEFF | 0x2060 | 0x200B..=0x200F | 0x202A..=0x202E => {
            Decoded::some(DecodedCharacter::Nothing, length)
        }
        0x20..0x7F | 0x09 | 0x0A | 0x0D => Decoded::some(DecodedCharacter::Byte(value as u8), length),
        0..0x80 => None,
        _ => Decoded::some(DecodedCharacter::Character(char::from_u32(value)?), length),
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    digits.iter().try_fold(0, |value, byte| Some(value << 4 | digit(byte)?))
}

/// Bytes of white space within a line.
fn blanks(rest: &[u8]) -> usize {
    rest.iter().take(CONCATENATION_BYTES_MAX).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// Length of a terminal's sequence, whose escape character has this length.
fn terminal(rest: &[u8], escape: usize) -> usize {
    terminal_after(rest, escape)
}

/// Length up to the end of the sequence whose escape character ends here; without a sequence, up to here.
fn terminal_after(rest: &[u8], at: usize) -> usize {
    match rest.get(at) {
        Some(b'[') => control(rest, at + 1).unwrap_or(at),
        // A hyperlink or a title, up to the bell or the string terminator.
        Some(b']') => {
            let body = &rest[at..rest.len().min(at + HYPERLINK_BYTES_MAX)];
            let end = body.iter().position(|byte| matches!(byte, 0x07 | 0x1B | b'\n' | b'\\'));
            end.map_or(at, |end| at + end)
        }
        Some(b'(' | b')') => rest.len().min(at + 2),
        Some(b'\\') => at + rest[at..].iter().take_while(|byte| **byte == b'\\').count(),
        _ => at,
    }
}

/// Length up to the end of a control sequence whose parameters begin here.
fn control(rest: &[u8], at: usize) -> Option<usize> {
    let parameters = rest[at.min(rest.len())..].iter().take(CONTROL_BYTES_MAX);
    let count = parameters.take_while(|byte| matches!(byte, b'0'..=b'9' | b';' | b':' | b'?')).count();
    let last = rest.get(at + count)?;
    last.is_ascii_alphabetic().then_some(at + count + 1)
}

/// Decodes a tag of HTML: a line break, the end of a cell, or nothing.
fn tag(rest: &[u8]) -> Option<Decoded> {
    let is_end = rest.get(1) == Some(&b'/');
    let name_start = 1 + usize::from(is_end);
    let name = rest[name_start..].iter().take(8).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let name_end = name_start + name;
    if name == 0 || !matches!(rest.get(name_end), Some(b'>' | b' ' | b'/')) {
        return None;
    }
    let lower = rest[name_start..name_end].to_ascii_lowercase();
    let is_in = |names: &[&str]| names.iter().any(|name| name.as_bytes() == lower);
    let is_block = is_in(&BLOCK_TAGS);
    if !is_block && !is_in(&INLINE_TAGS) {
        return None;
    }
    let inside = rest[name_end..].iter().take(TAG_BYTES_MAX);
    let length = name_end + inside.take_while(|byte| !matches!(byte, b'<' | b'>' | b'\n')).count() + 1;
    if rest.get(length - 1) != Some(&b'>') {
        return None;
    }
    let is_cell = is_end && matches!(lower.as_slice(), b"td" | b"th");
    let meaning = match (is_block, is_cell) {
        (true, _) => DecodedCharacter::Byte(b'\n'),
        (_, true) => DecodedCharacter::Byte(b'\t'),
        _ => DecodedCharacter::Nothing,
    };
    Decoded::some(meaning, length)
}

/// Decodes an entity of HTML, also one whose ampersand is an entity.
fn entity(rest: &[u8]) -> Option<Decoded> {
    let find = |rest: &[u8]| ENTITIES.iter().find(|(name, _)| rest.starts_with(name.as_bytes()));
    let (name, byte) = find(&rest[1..])?;
    let length = 1 + name.len();
    match (*byte == b'&').then(|| find(&rest[length..])).flatten() {
        Some((inner, byte)) => Decoded::some(DecodedCharacter::Byte(*byte), length + inner.len()),
        None => Decoded::some(DecodedCharacter::Byte(*byte), length),
    }
}

/// Decodes a byte that URLs encode, also twice.
fn percent(rest: &[u8]) -> Option<Decoded> {
    let mut at = 1;
    while rest[at..].starts_with(b"25") && hex(rest.get(at + 2..at + 4)?).is_some() {
        at += 2;
    }
    let value = hex(rest.get(at..at + 2)?)? as u8;
    (value == b'\n' || (0x20..0x7F).contains(&value))
        .then_some(Decoded { meaning: DecodedCharacter::Byte(value), length: at + 2 })
}

/// True for a sign or a line break between two strings that are concatenated, false for a blank there; `None` for any
/// other byte.
fn joins(byte: u8) -> Option<bool> {
    match byte {
        b' ' | b'\t' | b'\r' => Some(false),
        b'\n' | b'+' | b'.' | b'&' | b'~' | b'\\' => Some(true),
        _ => None,
    }
}

struct Writer<'s> {
    source: &'s [u8],
    text: Vec<u8>,
    pieces: Vec<Piece>,
}

/// Pieces for which there is room at first: more than most texts have.
const PIECES: usize = 64;

impl Writer<'_> {
    /// Makes room, at the first change: most short texts have none.
    fn reserve(&mut self) {
        if self.text.capacity() == 0 {
            self.text.reserve_exact(self.source.len());
            self.pieces.reserve_exact(PIECES);
        }
    }

    fn copy(&mut self, source: Range<usize>) {
        if source.is_empty() {
            return;
        }
        let length = source.len();
        match self.pieces.last_mut() {
            // A copy that goes on is one, so that a keyword in it is found as a whole.
            Some(last) if last.length == last.source_length && last.source + last.length == source.start => {
                last.length += length;
                last.source_length += length;
            }
            _ => {
                let start = self.text.len();
                self.pieces.push(Piece { start, source: source.start, length, source_length: length });
            }
        }
        self.text.extend_from_slice(&self.source[source]);
    }

    /// The last byte of what was written and is still to be copied.
    fn last(&self, to_copy: Range<usize>) -> Option<u8> {
        self.source[to_copy].last().or(self.text.last()).copied()
    }

    fn write(&mut self, decoded: &[u8], source: Range<usize>) {
        let (start, length) = (self.text.len(), decoded.len());
        self.pieces.push(Piece { start, source: source.start, length, source_length: source.len() });
        self.text.extend_from_slice(decoded);
    }

    /// Removes the end of a string that the quote here begins again: `"a" + "b"`, also on two lines without a sign.
    fn joins_strings(&mut self, quote: u8) -> bool {
        let window_start = self.text.len().saturating_sub(CONCATENATION_BYTES_MAX);
        let window = &self.text[window_start..];
        let mut is_joined = false;
        let mut at = window.len();
        while at > 0 {
            at -= 1;
            match joins(window[at]) {
                Some(is_sign) => is_joined |= is_sign,
                None if window[at] == quote && is_joined => {
                    self.truncate(window_start + at);
                    return true;
                }
                None => return false,
            }
        }
        false
    }

    fn truncate(&mut self, length: usize) {
        self.text.truncate(length);
        while self.pieces.last().is_some_and(|piece| piece.start >= length) {
            self.pieces.pop();
        }
        if let Some(last) = self.pieces.last_mut()
            && last.start + last.length > length
        {
            let is_copy = last.length == last.source_length;
            last.length = length - last.start;
            last.source_length = if is_copy { last.length } else { last.source_length };
        }
    }

    fn finish(self) -> Option<PlainReading> {
        let text = String::from_utf8(self.text).ok()?;
        (!text.is_empty()).then_some(PlainReading { text, pieces: self.pieces })
    }
}
