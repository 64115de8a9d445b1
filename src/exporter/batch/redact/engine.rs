//! The search: one pass over the text for the anchors of all rules, and each rule only at its own.
//!
//! Linear in the text: a rule's attempt either ends in a match, after which its next attempt starts behind that, or
//! gives up within a bounded distance, or cannot overlap another attempt of the same rule.

use crate::exporter::batch::redact::keywords::Anchors;
use crate::exporter::batch::redact::rules::{Check, Find, Lead, Left, Rule, rules};
use crate::exporter::batch::redact::{CUSTOM_KIND, assignment, randomness};
use regex::Regex;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

/// Bytes of digits and semicolons that the terminal's colour codes have at most.
const COLOUR_BYTES_MAX: usize = 16;

/// Bytes that decide whether a rule's match is a secret, where its shape alone does not. A match that is none may hold
/// further anchors, from each of which the rest of it would be read again.
const JUDGED_BYTES_MAX: usize = 1 << 10;

/// A secret that was found, by the index of its rule: the lower, the more is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) rule: usize,
}

impl Span {
    pub(super) fn custom(range: Range<usize>) -> Span {
        Span { start: range.start, end: range.end, rule: usize::MAX }
    }

    pub(super) fn kind(&self) -> &'static str {
        ENGINE.rules.get(self.rule).map_or(CUSTOM_KIND, |rule| rule.kind)
    }
}

struct Engine {
    rules: Vec<&'static Rule>,
    /// Compiled when the rule's anchor is first met: most never are.
    patterns: Vec<OnceLock<Regex>>,
    anchors: Anchors,
    /// The rule of each anchor.
    rule_of: Vec<usize>,
}

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let rules: Vec<&'static Rule> = rules().collect();
    let (mut literals, mut rule_of) = (Vec::new(), Vec::new());
    for (index, rule) in rules.iter().enumerate() {
        for literal in rule.anchors.iter().flat_map(|anchor| spellings(anchor, rule.any_case)) {
            literals.push(literal);
            rule_of.push(index);
        }
    }
    let patterns = rules.iter().map(|_| OnceLock::new()).collect();
    Engine { rules, patterns, anchors: Anchors::new(&literals), rule_of }
});

/// A case-insensitive automaton would meet far more words; names are written in few ways.
fn spellings(anchor: &str, any_case: bool) -> BTreeSet<String> {
    let mut spellings = BTreeSet::from([anchor.to_owned()]);
    if any_case {
        let lower = anchor.to_lowercase();
        let capitalized = |starts: fn(char) -> bool| {
            let mut before = ' ';
            let capital = |c: char| match starts(std::mem::replace(&mut before, c)) {
                true => c.to_ascii_uppercase(),
                false => c,
            };
            lower.chars().map(capital).collect::<String>()
        };
        spellings.insert(lower.to_uppercase());
        spellings.insert(capitalized(|before| before == ' '));
        spellings.insert(capitalized(|before| !before.is_ascii_alphanumeric()));
        spellings.insert(lower);
    }
    spellings
}

/// All secrets that the rules know, in no particular order; they may overlap.
pub(super) fn find(text: &str) -> Vec<Span> {
    let engine = &*ENGINE;
    let mut spans = Vec::new();
    let mut resume_at = vec![0; engine.rules.len()];
    engine.anchors.each(text.as_bytes(), |anchor, hit| {
        let index = engine.rule_of[anchor];
        if hit.start >= resume_at[index]
            && let Some(found) = engine.apply(index, text, hit)
        {
            resume_at[index] = found.end;
            spans.push(Span { start: found.start, end: found.end, rule: index });
        }
    });
    spans
}

impl Engine {
    /// The secret that a rule finds at its anchor.
    fn apply(&self, index: usize, text: &str, anchor: Range<usize>) -> Option<Range<usize>> {
        let rule = self.rules[index];
        match &rule.find {
            Find::Pattern(pattern) => {
                let start = lead(text, anchor.start, rule.lead)?;
                if !is_free(text.as_bytes(), start, rule.left) {
                    return None;
                }
                let pattern = self.patterns[index].get_or_init(|| anchored(pattern));
                match rule.check {
                    Check::Shape => secret(pattern, text, start),
                    check => judged_secret(pattern, text, start, check),
                }
            }
            Find::Assigned(strength) => assignment::find(text, anchor, *strength),
        }
    }
}

/// Earlier redactions.
pub(super) fn markers(text: &str) -> Vec<Range<usize>> {
    static MARKER: LazyLock<Regex> = LazyLock::new(|| {
        let mut kinds: BTreeSet<&str> = rules().map(|rule| rule.kind).collect();
        kinds.insert(CUSTOM_KIND);
        let kinds: Vec<&str> = kinds.into_iter().collect();
        Regex::new(&format!(r"\[REDACTED:(?:{})\]", kinds.join("|"))).expect("kinds are plain words")
    });
    MARKER.find_iter(text).map(|marker| marker.range()).collect()
}

fn anchored(pattern: &str) -> Regex {
    Regex::new(&format!(r"\A(?:{pattern})")).expect("a test compiles every rule")
}

/// The group `secret` of a match that begins here, or all of it.
fn secret(regex: &Regex, text: &str, start: usize) -> Option<Range<usize>> {
    let captures = regex.captures(&text[start..])?;
    let group = captures.name("secret").or(captures.get(0))?;
    let end = start + group.end();
    // Of a longer word, a part that looks like a secret is none.
    let is_cut = text.as_bytes().get(end).is_some_and(u8::is_ascii_alphanumeric);
    (!is_cut).then_some(start + group.start()..end)
}

/// A match that begins here and passes the check, by what [`JUDGED_BYTES_MAX`] show of it.
fn judged_secret(regex: &Regex, text: &str, start: usize, check: Check) -> Option<Range<usize>> {
    let mut end = text.len().min(start + JUDGED_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let found = secret(regex, &text[..end], start)?;
    if !randomness::passes(check, &text[found.clone()]) {
        return None;
    }
    if found.end < end { Some(found) } else { secret(regex, text, start) }
}

/// Where a rule's pattern begins when its anchor stands here.
fn lead(text: &str, anchor: usize, lead: Lead) -> Option<usize> {
    match lead {
        Lead::None => Some(anchor),
        Lead::Bytes(count) => anchor.checked_sub(count).filter(|start| text.is_char_boundary(*start)),
        Lead::Digits { min, max } => {
            let bytes = text.as_bytes();
            let mut start = anchor;
            while start > 0 && anchor - start < max && bytes[start - 1].is_ascii_digit() {
                start -= 1;
            }
            (anchor - start >= min).then_some(start)
        }
    }
}

/// True when no word goes on before this place. The letter of an escape, as in `\n`, `\u003d`, `%3D` or the terminal's
/// colours, is no part of a word, however often the text is escaped.
fn is_free(text: &[u8], at: usize, left: Left) -> bool {
    let before = &text[..at];
    let Some(last) = before.last() else { return true };
    let is_word = match left {
        Left::Anything => return true,
        Left::NoLetterOrDigit => last.is_ascii_alphanumeric(),
        Left::NoName => last.is_ascii_alphanumeric() || *last == b'_' || *last == b'-',
    };
    !is_word || ends_in_escape(before)
}

fn ends_in_escape(before: &[u8]) -> bool {
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    match before {
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'0'] => true,
        [.., b'\\', b'u', a, b, c, d] => is_hex(&[*a, *b, *c, *d]),
        [.., b'\\', b'x', a, b] | [.., b'%', a, b] => is_hex(&[*a, *b]),
        [colour @ .., b'm'] => {
            let codes = colour.iter().rev().take(COLOUR_BYTES_MAX);
            let mut rest = codes.skip_while(|byte| byte.is_ascii_digit() || **byte == b';');
            rest.next() == Some(&b'[')
        }
        _ => false,
    }
}
