//! The search: one pass over the text for the keywords of all rules, and each rule only at its own keywords.
//!
//! Linear in the text: an attempt of a rule either ends in a match, behind which the rule's next attempt starts, or gives
//! up within a bounded distance, or cannot overlap another attempt of the same rule.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use regex::Regex;

use crate::exporter::batch::keywords::{Keyword, KeywordSearch, TOKEN_BYTES_MIN};
use crate::exporter::batch::redact::assigned::{self, judgement};
use crate::exporter::batch::redact::failures::Failures;
use crate::exporter::batch::redact::rule::{Boundary, Check, Matcher, Prefix, Rule};
use crate::exporter::batch::redact::rules::rules;
use crate::exporter::batch::redact::span::Span;
use crate::exporter::batch::redact::tables::{self, HeadingKeyword};
use crate::exporter::batch::redact::work;

/// Bytes of digits and semicolons in a colour code of a terminal.
const COLOUR_BYTES_MAX: usize = 16;

/// Bytes of a match that a [`Check`] reads. Bounded for linear time: a match that fails the check may hold further
/// keywords, from each of which its rest is read again.
const CHECKED_BYTES_MAX: usize = 1 << 8;

/// Bytes before and after a keyword by which most attempts fail.
const DECISIVE_BYTES: usize = 1 << 10;

/// Bytes of a match that, with what precedes and follows it, lies within [`DECISIVE_BYTES`].
const SHORT_MATCH_BYTES_MAX: usize = DECISIVE_BYTES / 2;

/// The pattern of a rule, which matches where a text begins, and its groups, one of which is the secret.
struct AnchoredPattern {
    regex: Regex,
    groups: Vec<usize>,
    /// True if no match is longer than [`SHORT_MATCH_BYTES_MAX`].
    is_short: bool,
}

/// Result of an attempt of a rule.
enum RuleAttempt {
    Found(Range<usize>),
    /// Failed by the [bytes nearby](DECISIVE_BYTES) alone.
    FailedNearby,
    /// Failed, perhaps by bytes that are further away.
    Failed,
}

/// Bytes of a name behind a keyword.
const NAME_BYTES_MAX: usize = 24;

struct Engine {
    rules: Vec<&'static Rule>,
    /// Compiled at the first occurrence of a keyword: most never are.
    patterns: Vec<OnceLock<AnchoredPattern>>,
    keywords: KeywordSearch,
    /// The rule of each keyword.
    rule_of: Vec<usize>,
}

/// Longest keyword that occurs in many words.
const SHORT_KEYWORD_BYTES_MAX: usize = 4;

/// Characters of a token that have to follow the keywords of a rule: those that the rule demands, and some where all of the
/// keywords are short and begin a token. A keyword that is short occurs in many words.
fn token_chars(rule: &Rule) -> usize {
    let begins_token = |keyword: &&str| {
        keyword.len() <= SHORT_KEYWORD_BYTES_MAX
            && keyword.ends_with(|c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c))
    };
    let is_pattern = matches!((&rule.matcher, rule.prefix), (Matcher::Pattern(_), Prefix::None));
    let is_bounded = !matches!(rule.boundary, Boundary::Anything);
    let is_short = is_pattern && is_bounded && rule.keywords.iter().all(begins_token);
    rule.token_chars.max(if is_short { TOKEN_BYTES_MIN } else { 0 })
}

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let rules: Vec<&'static Rule> = rules().collect();
    let (mut keywords, mut rule_of) = (Vec::new(), Vec::new());
    for (index, rule) in rules.iter().enumerate() {
        let token_chars = token_chars(rule);
        // A spelling that two keywords share would be judged twice.
        let literals_of_rule: BTreeSet<String> =
            rule.keywords.iter().flat_map(|keyword| spellings(keyword, rule.any_case)).collect();
        for literal in literals_of_rule {
            keywords.push(Keyword::new(literal, token_chars));
            rule_of.push(index);
        }
    }
    let patterns = rules.iter().map(|_| OnceLock::new()).collect();
    Engine { rules, patterns, keywords: KeywordSearch::new(keywords, false), rule_of }
});

/// The spellings of a keyword that names use. A case-insensitive search would report far more words.
fn spellings(keyword: &str, any_case: bool) -> BTreeSet<String> {
    let mut spellings = BTreeSet::from([keyword.to_owned()]);
    if any_case {
        let lower = keyword.to_lowercase();
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

/// Secrets that were found, and names without a value, which may head the columns of tables.
pub(super) struct Findings {
    pub(super) spans: Vec<Span>,
    pub(super) headings: Vec<HeadingKeyword>,
}

/// A place of a keyword.
pub(super) struct Hit {
    keyword: usize,
    pub(super) place: Range<usize>,
}

impl Hit {
    /// The same keyword at another place.
    pub(super) fn at(&self, place: Range<usize>) -> Hit {
        Hit { keyword: self.keyword, place }
    }
}

/// Finds the keywords of all rules.
pub(super) fn hits(text: &str) -> Vec<Hit> {
    let engine = &*ENGINE;
    work::read(text.len());
    engine.keywords.find(text.as_bytes()).map(|(keyword, place)| Hit { keyword, place }).collect()
}

/// Finds the secrets of all rules, in no particular order; spans may overlap.
pub(super) fn find(text: &str) -> Findings {
    find_at(text, hits(text))
}

/// A name whose value was found.
struct ValuedName {
    rule: usize,
    name: Range<usize>,
    value_end: usize,
}

/// Finds the secrets at the places of keywords.
pub(super) fn find_at(text: &str, hits: impl IntoIterator<Item = Hit>) -> Findings {
    find_unless_failed(text, hits, Failures::within(DECISIVE_BYTES))
}

fn find_unless_failed(text: &str, hits: impl IntoIterator<Item = Hit>, mut failures: Failures) -> Findings {
    let engine = &*ENGINE;
    let mut findings = Findings { spans: Vec::new(), headings: Vec::new() };
    let mut resumes = Resumes::default();
    let mut last: Option<ValuedName> = None;
    for Hit { keyword, place } in hits {
        let index = engine.rule_of[keyword];
        if place.start < resumes.of(index) {
            continue;
        }
        let rule = engine.rules[index];
        let is_assigned = matches!(rule.matcher, Matcher::Assigned(_));
        // `secret_access_key` has keywords of three rules and one value, which the most certain rule names.
        if let Some(last) = last.as_ref().filter(|last| is_assigned && last.rule < index)
            && last.name.start <= place.start
            && place.end <= last.name.end
        {
            resumes.set(index, last.value_end);
            continue;
        }
        let attempt = match failures.repeats(text.as_bytes(), keyword, place.start) {
            true => RuleAttempt::FailedNearby,
            false => engine.apply(index, text, place.clone()),
        };
        if matches!(attempt, RuleAttempt::FailedNearby) {
            failures.set(keyword, place.start);
        }
        match (attempt, &rule.matcher) {
            (RuleAttempt::Found(found), _) => {
                resumes.set(index, found.end);
                if is_assigned {
                    let name = place.start..name_end(text.as_bytes(), place.end).min(found.start);
                    last = Some(ValuedName { rule: index, name, value_end: found.end });
                }
                findings.spans.push(Span {
                    start: found.start,
                    end: found.end,
                    rule: index,
                    kind: rule.kind,
                });
            }
            (_, Matcher::Assigned(strength)) if tables::may_head_column(text.as_bytes(), &place) => {
                findings.headings.push(HeadingKeyword { keyword: place, strength: *strength, rule: index });
            }
            _ => {}
        }
    }
    findings
}

/// Places from which rules go on, behind what they found. Few rules find something in a text.
#[derive(Default)]
struct Resumes(Vec<(usize, usize)>);

impl Resumes {
    fn of(&self, rule: usize) -> usize {
        self.0.iter().find(|(of, _)| *of == rule).map_or(0, |(_, at)| *at)
    }

    fn set(&mut self, rule: usize, at: usize) {
        match self.0.iter_mut().find(|(of, _)| *of == rule) {
            Some((_, resume)) => *resume = at,
            None => self.0.push((rule, at)),
        }
    }
}

/// The end of the name that a keyword is a part of.
fn name_end(text: &[u8], keyword_end: usize) -> usize {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    keyword_end + text[keyword_end..].iter().take(NAME_BYTES_MAX).take_while(is_name).count()
}

/// The kind of a rule.
pub(super) fn kind(rule: usize) -> &'static str {
    ENGINE.rules[rule].kind
}

impl Engine {
    /// Applies a rule at one of its keywords.
    fn apply(&self, index: usize, text: &str, keyword: Range<usize>) -> RuleAttempt {
        let rule = self.rules[index];
        if let Matcher::Assigned(strength) = &rule.matcher {
            return assigned::find(text, keyword, *strength)
                .map_or(RuleAttempt::FailedNearby, RuleAttempt::Found);
        }
        let may_begin = |start: &usize| {
            is_at_boundary(text.as_bytes(), *start, rule.boundary)
                && !is_inside_encoded_data(text.as_bytes(), *start)
        };
        let Some(start) = pattern_start(text, keyword.start, rule.prefix).filter(may_begin) else {
            return RuleAttempt::FailedNearby;
        };
        let pattern = self.patterns[index].get_or_init(|| anchored(rule));
        let attempt = match rule.check {
            Check::Shape => shaped_secret(pattern, text, start),
            check => checked_secret(pattern, text, start, check),
        };
        match attempt {
            RuleAttempt::Found(found)
                if matches!(rule.boundary, Boundary::NoPath) && is_path_after(text.as_bytes(), found.end) =>
            {
                failed(found.end - start <= SHORT_MATCH_BYTES_MAX)
            }
            attempt => attempt,
        }
    }
}

/// A failure.
fn failed(is_decided_nearby: bool) -> RuleAttempt {
    if is_decided_nearby { RuleAttempt::FailedNearby } else { RuleAttempt::Failed }
}

/// An argument of a command before a secret, and the secret, in quotes or without.
const ARGUMENT: &str = r#"(?:[!-~&&[^\\|;<>]]|\\+["'A-Za-mo-qsu-z0-9]){1,80}"#;
const ARGUMENTS_MAX: usize = 12;
const SECRET_ARGUMENT: &str = concat!(
    r#"(?:\\*'(?P<secret>[^'\r\n]{4,128})'|\\*"(?P<secret_2>[^"\r\n]{4,128}?)\\*""#,
    r#"|(?P<secret_3>[^\s'"\\|;<>]{4,128}))"#
);
/// Groups of a pattern, one of which is the secret.
const SECRET_GROUPS: [&str; 3] = ["secret", "secret_2", "secret_3"];

/// Compiles the pattern of a rule.
fn anchored(rule: &Rule) -> AnchoredPattern {
    let pattern = match rule.matcher {
        Matcher::Pattern(pattern) => format!(r"\A(?:{pattern})"),
        Matcher::Command(flag) => {
            let commands: Vec<String> =
                rule.keywords.iter().map(|command| regex::escape(command.trim_end())).collect();
            let commands = commands.join("|");
            format!(
                r"\A(?:{commands})[A-Za-z0-9_.-]{{0,48}}(?: +{ARGUMENT}){{0,{ARGUMENTS_MAX}}}? +{flag}{SECRET_ARGUMENT}"
            )
        }
        Matcher::Assigned(_) => String::new(),
    };
    let regex = Regex::new(&pattern).expect("a test compiles every rule");
    let bytes_max = regex_syntax::parse(&pattern).ok().and_then(|syntax| syntax.properties().maximum_len());
    let is_short = bytes_max.is_some_and(|bytes| bytes <= SHORT_MATCH_BYTES_MAX);
    let is_secret = |name: Option<&str>| name.is_some_and(|name| SECRET_GROUPS.contains(&name));
    let groups =
        regex.capture_names().enumerate().filter(|(_, name)| is_secret(*name)).map(|(group, _)| group);
    AnchoredPattern { groups: groups.collect(), regex, is_short }
}

/// Matches at `start`, and returns the group `secret`, or the whole match.
fn secret(pattern: &AnchoredPattern, text: &str, start: usize) -> Option<Range<usize>> {
    let AnchoredPattern { regex, groups, .. } = pattern;
    work::attempt(regex, &text[start..]);
    // Groups cost more than a match, and most attempts end in none.
    let whole = regex.find(&text[start..])?.range();
    let group = if groups.is_empty() { None } else { group(regex, groups, &text[start..start + whole.end]) };
    let group = group.unwrap_or(whole);
    let end = start + group.end;
    // A part of a longer word is no secret.
    let is_cut = text.as_bytes().get(end).is_some_and(u8::is_ascii_alphanumeric);
    (!is_cut).then_some(start + group.start..end)
}

/// The group of a match that is the secret.
fn group(regex: &Regex, groups: &[usize], matched: &str) -> Option<Range<usize>> {
    let mut places = regex.capture_locations();
    regex.captures_read(&mut places, matched)?;
    groups.iter().find_map(|group| places.get(*group)).map(|(start, end)| start..end)
}

/// Matches at `start`, without a check.
fn shaped_secret(pattern: &AnchoredPattern, text: &str, start: usize) -> RuleAttempt {
    secret(pattern, text, start).map_or(failed(pattern.is_short), RuleAttempt::Found)
}

/// Matches at `start`, and applies the check to at most [`CHECKED_BYTES_MAX`] of the match.
fn checked_secret(pattern: &AnchoredPattern, text: &str, start: usize, check: Check) -> RuleAttempt {
    let mut end = text.len().min(start + CHECKED_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let beginning = secret(pattern, &text[..end], start);
    match beginning.filter(|found| judgement::passes(check, &text[found.clone()])) {
        None => RuleAttempt::FailedNearby,
        Some(found) if found.end < end => RuleAttempt::Found(found),
        Some(_) => shaped_secret(pattern, text, start),
    }
}

/// The start of a rule's pattern, given the start of its keyword.
fn pattern_start(text: &str, keyword: usize, prefix: Prefix) -> Option<usize> {
    match prefix {
        Prefix::None => Some(keyword),
        Prefix::Bytes(count) => keyword.checked_sub(count).filter(|start| text.is_char_boundary(*start)),
        Prefix::Digits { min, max } => {
            let bytes = text.as_bytes();
            let mut start = keyword;
            while start > 0 && keyword - start < max && bytes[start - 1].is_ascii_digit() {
                start -= 1;
            }
            (keyword - start >= min).then_some(start)
        }
        Prefix::Word { max } => {
            Some(start_of(text, keyword, max, |byte| byte.is_ascii_graphic() && !b"\"'`\\".contains(&byte)))
        }
        Prefix::Name { max } => Some(start_of(text, keyword, max, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
        })),
    }
}

/// The start of the bytes before a keyword that belong to it.
fn start_of(text: &str, keyword: usize, max: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let bytes = text.as_bytes();
    let before = &bytes[keyword.saturating_sub(max)..keyword];
    let start = keyword - before.iter().rev().take_while(|byte| belongs(**byte)).count();
    // The letters of an escape sequence belong to no word.
    let escape = match (start.checked_sub(1).map(|at| bytes[at]), bytes[start]) {
        (Some(b'\\'), b'u') => 5,
        (Some(b'\\'), b'x') => 3,
        (Some(b'\\'), _) => 1,
        _ => 0,
    };
    keyword.min(start + escape)
}

/// True if no word continues across `at`. A letter of an escape sequence, as in `\n`, `\u003d`, `%3D` or a terminal's
/// colour code, is no part of a word, however often the text is escaped.
fn is_at_boundary(text: &[u8], at: usize, boundary: Boundary) -> bool {
    let before = &text[..at];
    let Some(last) = before.last() else { return true };
    let is_word = match boundary {
        Boundary::Anything => return true,
        Boundary::NoLetterOrDigit => last.is_ascii_alphanumeric(),
        Boundary::NoName => last.is_ascii_alphanumeric() || *last == b'_' || *last == b'-',
        Boundary::NoPath => {
            // The user of a URL may be a key.
            last.is_ascii_alphanumeric() || (b"_-./:@".contains(last) && !before.ends_with(b"//"))
        }
    };
    !is_word || ends_in_escape(before)
}

/// True if a path or the name of a file goes on behind a match: `….js`, `…/index.html`, `…-dirty`.
fn is_path_after(text: &[u8], end: usize) -> bool {
    match &text[end..] {
        [b'/', ..] | [b'\\', b'/', ..] => true,
        [b'.' | b'-' | b'_', next, ..] => next.is_ascii_alphanumeric(),
        _ => false,
    }
}

/// True if so much base64 precedes a place that the place is inside of encoded data, where any short prefix occurs by
/// chance.
fn is_inside_encoded_data(text: &[u8], at: usize) -> bool {
    const RUN_BYTES: usize = 128;
    let run = at.checked_sub(RUN_BYTES).map(|start| &text[start..at]);
    run.is_some_and(|run| run.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::batch::redact::linear_time::PIECES;

    /// Text that ends what the pieces begin.
    const ENDS: [&str; 4] =
        ["", "\"aB3xK9mPq2vR7wL4nB8\"}", ": aB3xK9mPq2vR7wL4nB8\n", "sk_live_aB3xK9mPq2vR7wL4nB8aB3x"];

    /// A value that is a part of a word at its first place, and a secret at its second one, which begins alike.
    fn values_that_end_far_away() -> String {
        let mut random = 1_u64;
        let value: String = (0..DECISIVE_BYTES + 100)
            .map(|_| {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(
                    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                        [(random >> 58) as usize],
                )
            })
            .collect();
        let before = "words ".repeat(DECISIVE_BYTES);
        format!("{before}Authorization: Basic {value}=X {before}Authorization: Basic {value}=\n{before}")
    }

    #[test]
    fn value_that_ends_far_away_is_judged_at_each_place() {
        let text = values_that_end_far_away();
        let second = text.rfind("Authorization").unwrap();
        let (later, first): (Vec<Span>, Vec<Span>) =
            find(&text).spans.into_iter().partition(|span| span.start > second);
        // The rule of the header fails at the first place, where the word goes on.
        assert!(
            later.iter().any(|span| first.iter().all(|other| other.rule != span.rule)),
            "{first:?} {later:?}"
        );
    }

    #[test]
    fn text_that_repeats_itself_is_judged_as_if_each_place_were_judged() {
        let mut texts: Vec<String> = vec![values_that_end_far_away()];
        for (piece, other) in PIECES.iter().zip(PIECES.iter().cycle().skip(7)) {
            for end in ENDS {
                texts.push(piece.repeat(6 * DECISIVE_BYTES / piece.len()) + end);
                let line = format!("{piece}{other} {end}\n");
                texts.push(line.repeat(6 * DECISIVE_BYTES / line.len()));
            }
        }
        let mut fewer = 0;
        for text in &texts {
            let places = |failures| {
                let spans = find_unless_failed(text, hits(text), failures).spans;
                spans.into_iter().map(|span| (span.start, span.end, span.rule)).collect::<Vec<_>>()
            };
            let work_of = |decisive_bytes| work::of(|| drop(places(Failures::within(decisive_bytes))));
            assert_eq!(
                places(Failures::within(DECISIVE_BYTES)),
                places(Failures::within(usize::MAX)),
                "{text}"
            );
            fewer += usize::from(work_of(DECISIVE_BYTES) < work_of(usize::MAX));
        }
        assert!(fewer * 4 > texts.len(), "in {fewer} of {} texts an attempt was spared", texts.len());
    }
}
