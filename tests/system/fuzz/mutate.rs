//! Changes to an input, the same for the same seed: of bytes, of pieces, and of JSON's tokens.

use super::template::Seeded;
use std::ops::Range;

/// A part of something that is `length` long, more often short than not; it may be empty.
fn part(length: usize, random: &mut Seeded) -> Range<usize> {
    let start = random.below(length + 1);
    let longest = if random.below(4) == 0 { length - start } else { (length - start).min(16) };
    start..start + random.below(longest + 1)
}

/// Boundary values of the readers.
const VALUES: [&str; 34] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1",
    "2",
    "1e400",
    "-1.5e-7",
    "4294967295",
    "4294967296",
    "9007199254740991",
    "9007199254740992",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "[]",
    "{}",
    "[[]]",
    "{\"\":null}",
    "\"\"",
    "\" \"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"é\u{2028}İ\"",
    "\"1970-01-01T00:00:00Z\"",
    "\"9999-12-31T23:59:60.999999999-23:59\"",
    "\"+262142-12-31 23:59:59\"",
    "\"-262143-01-01 00:00:00\"",
    "\"0000-01-01T00:00:00+23:59\"",
    "\"https://a:b@github.com/acme-corp/api.git\"",
];

/// Pieces of the other languages that are read here.
const PIECES: [&str; 34] = [
    "\"",
    "\\",
    "\\\\\"",
    "\\u003d",
    "\u{0}",
    "\r\n",
    "\n\n",
    "\n  - ",
    ": ",
    "&a ",
    "*a",
    "!!str ",
    "<<: ",
    "|\n",
    "@",
    "://",
    ":",
    "/",
    "//",
    "..",
    "~",
    "%2F",
    "%20",
    "%c4%b0",
    "#",
    "?",
    "*",
    "**",
    ".git",
    "[REDACTED:password]",
    "[REDACTED:",
    "password=",
    "-----BEGIN PRIVATE KEY-----",
    "é",
];

/// The input with one to four changes. `others` lend pieces, where there are any.
pub fn mutate(input: &[u8], others: &[Vec<u8>], random: &mut Seeded) -> Vec<u8> {
    let mut mutated = input.to_vec();
    for _ in 0..=random.below(4) {
        change(&mut mutated, others, random);
    }
    mutated
}

fn change(input: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Seeded) {
    let length = input.len();
    match random.below(12) {
        0 if length > 0 => input[random.below(length)] ^= 1 << random.below(8),
        1 if length > 0 => input[random.below(length)] = random.next() as u8,
        2 => drop(input.drain(part(length, random))),
        3 => input.truncate(random.below(length + 1)),
        4 => {
            let piece = input[part(length, random)].to_vec();
            insert(input, &piece, random);
        }
        5 => {
            let piece = random.pick(&PIECES);
            insert(input, piece.as_bytes(), random);
        }
        6 if !others.is_empty() => {
            let other = &others[random.below(others.len())];
            let (from, to) = (part(other.len(), random), part(length, random));
            input.splice(to, other[from].iter().copied());
        }
        7 => {
            let (from, to) = (part(length, random), part(length, random));
            let piece = input[from].to_vec();
            input.splice(to, piece);
        }
        _ => change_token(input, random),
    }
}

fn insert(input: &mut Vec<u8>, piece: &[u8], random: &mut Seeded) {
    let at = random.below(input.len() + 1);
    input.splice(at..at, piece.iter().copied());
}

/// Another value in the place of one, a member twice, a member gone, deeper nesting.
fn change_token(input: &mut Vec<u8>, random: &mut Seeded) {
    let tokens = tokens(input);
    if tokens.is_empty() {
        return insert(input, random.pick(&VALUES).as_bytes(), random);
    }
    let token = tokens[random.below(tokens.len())].clone();
    match random.below(8) {
        0 => {
            let other = tokens[random.below(tokens.len())].clone();
            let piece = input[other].to_vec();
            input.splice(token, piece);
        }
        1 => {
            // Up to the next token of the same text: a member or an element, mostly.
            let text = input[token.clone()].to_vec();
            let next = tokens.iter().find(|next| next.start > token.start && input[(*next).clone()] == text);
            let piece = input[token.start..next.map_or(token.end, |next| next.start)].to_vec();
            input.splice(token.start..token.start, piece);
        }
        2 => {
            let depth = 1 << random.below(8);
            let value = [b"[".repeat(depth), input[token.clone()].to_vec(), b"]".repeat(depth)].concat();
            input.splice(token, value);
        }
        3 => {
            // A string grows: bounds are mostly powers of two.
            let inside = token.end.saturating_sub(1).max(token.start);
            let filler = b"a".repeat((1 << random.below(13)) + random.below(3));
            input.splice(inside..inside, filler);
        }
        _ => drop(input.splice(token, random.pick(&VALUES).bytes())),
    }
}

/// Ranges of JSON's strings, numbers and names, in text that need not be JSON.
fn tokens(text: &[u8]) -> Vec<Range<usize>> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let start = at;
        at += 1;
        if text[start] == b'"' {
            while at < text.len() && text[at] != b'"' {
                at += if text[at] == b'\\' { 2 } else { 1 };
            }
            at = (at + 1).min(text.len());
        } else if is_word(&text[start]) {
            at += text[at..].iter().take_while(|byte| is_word(byte)).count();
        } else {
            continue;
        }
        tokens.push(start..at);
    }
    tokens
}
