//! Encoded texts: base64 that holds a secret when it is decoded, as in Kubernetes' secrets and in the variables of build
//! services.
//!
//! Linear in the text: each run of base64 is decoded once, and only if its beginning decodes to text.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::exporter::batch::redact::span::Span;
use crate::exporter::batch::redact::{engine, private_key, work};

/// Fewest and most characters of a run.
const RUN_CHARS: std::ops::RangeInclusive<usize> = 24..=1 << 16;
/// Characters at the beginning of a run that have to decode to text.
const BEGINNING_CHARS: usize = 16;
/// Fewest characters of a line of a run of several lines, and blanks before the next one.
const LINE_CHARS_MIN: usize = 60;
const INDENTATION_BYTES_MAX: usize = 16;

/// Decoders of the common alphabet and of that of URLs, with padding or without.
const DECODERS: [GeneralPurpose; 2] = {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    [GeneralPurpose::new(&alphabet::STANDARD, config), GeneralPurpose::new(&alphabet::URL_SAFE, config)]
};

/// Finds the runs of base64 whose text holds a secret; `private_key` is the kind of private keys.
pub(super) fn find(text: &str, private_key: &'static str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut spans = Vec::new();
    let stride = *RUN_CHARS.start();
    // A run of the least length has a byte at one of these places.
    let mut at = stride - 1;
    while at < bytes.len() {
        if !is_base64(bytes[at]) {
            at += stride;
            continue;
        }
        let before = bytes[at + 1 - stride..at].iter().rev().take_while(|byte| is_base64(**byte)).count();
        let run = at - before..run_end(bytes, at);
        work::read(run.len());
        at = run.end.max(at) + stride;
        if let Some(decoded) = decoded(&bytes[run.clone()]) {
            let span = engine::find(&decoded).spans.into_iter().next();
            let key = || Span { start: 0, end: 0, rule: 0, kind: private_key };
            let span = span.or_else(|| (!private_key::find(&decoded).is_empty()).then(key));
            spans.extend(span.map(|span| Span { start: run.start, end: run.end, ..span }));
        }
    }
    spans
}

/// Characters of both alphabets.
const IS_BASE64: [bool; 256] = {
    let mut is_base64 = [false; 256];
    let mut byte = 0;
    while byte < is_base64.len() {
        is_base64[byte] =
            (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'+' | b'/' | b'_' | b'-');
        byte += 1;
    }
    is_base64
};

fn is_base64(byte: u8) -> bool {
    IS_BASE64[usize::from(byte)]
}

/// The end of a run, which may be wrapped over lines, padding included.
fn run_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut line_start) = (start, start);
    loop {
        at += bytes[at..].iter().take_while(|byte| is_base64(**byte)).count();
        let is_long = at - line_start >= LINE_CHARS_MIN;
        let line_break = bytes[at..].iter().take(2).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let next = at + line_break;
        let blanks =
            bytes[next..].iter().take(INDENTATION_BYTES_MAX).take_while(|byte| **byte == b' ').count();
        if !is_long || line_break == 0 || !bytes.get(next + blanks).is_some_and(|byte| is_base64(*byte)) {
            break;
        }
        line_start = next + blanks;
        at = line_start;
    }
    at + bytes[at..].iter().take(2).take_while(|byte| **byte == b'=').count()
}

/// The text that a run encodes.
fn decoded(run: &[u8]) -> Option<String> {
    if !RUN_CHARS.contains(&run.len()) {
        return None;
    }
    let decoder = &DECODERS[usize::from(run.iter().any(|byte| matches!(byte, b'_' | b'-')))];
    // The first line of several is longer, so that no white space is in the beginning.
    let mut beginning = [0; BEGINNING_CHARS];
    let length = decoder.decode_slice(&run[..BEGINNING_CHARS], &mut beginning).ok()?;
    if !is_text(&beginning[..length]) {
        return None;
    }
    let chars: Vec<u8> = run.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let text = String::from_utf8(decoder.decode(&chars).ok()?).ok()?;
    is_text(text.as_bytes()).then_some(text)
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~') || *byte >= 0x80)
        && bytes.iter().filter(|byte| **byte >= 0x80).count() * 4 <= bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_decoded_if_they_hold_text() {
        assert_eq!(decoded(b"REJfUEFTU1dPUkQ9aHVudGVyMjIK").as_deref(), Some("DB_PASSWORD=hunter22\n"));
        assert_eq!(decoded(b"REJfUEFTU1dPUkQ9aHVudGVyMjI").as_deref(), Some("DB_PASSWORD=hunter22"));
        assert!(decoded(b"iVBORw0KGgoAAAANSUhEUgAAAAEA").is_none());
        let found = find("x: REJfUEFTU1dPUkQ9aHVudGVyMjIK\n", "private_key");
        assert_eq!(
            found.iter().map(|span| (span.start, span.end)).collect::<Vec<(usize, usize)>>(),
            [(3, 31)]
        );
    }
}
