//! The table of redaction rules. What is known for certain comes first: where two rules find the same secret, the
//! earlier names it.
//!
//! The examples are templates, so that no text in this repository looks like a secret: `%{hex:32}` stands for 32 random
//! characters of an alphabet, and `«…»` is around what is to be redacted.

mod names;
mod platforms;
mod services;
mod standards;

use crate::exporter::batch::redact::assignment;

pub use assignment::Strength;

/// One kind of secret in one form.
#[derive(Debug)]
pub struct Rule {
    /// What `[REDACTED:<kind>]` says. Several rules may share it.
    pub kind: &'static str,
    /// Literals, one of which is part of every such secret or stands right before it.
    pub anchors: &'static [&'static str],
    /// Anchors also in lower case, upper case and with a capital.
    pub any_case: bool,
    pub find: Find,
    /// Where in relation to the anchor the pattern begins.
    pub lead: Lead,
    pub left: Left,
    pub check: Check,
    pub source: Source,
    /// What is redacted, and what is similar but is not.
    pub positive: &'static str,
    pub negative: &'static str,
}

/// The public page that documents a format.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    pub title: &'static str,
    pub url: &'static str,
}

/// How a rule goes on from its anchor.
#[derive(Debug)]
pub enum Find {
    /// A regular expression, matched where the anchor begins. The secret is its group `secret`, or all of it.
    Pattern(&'static str),
    /// The anchor is a name, and the secret what is assigned to it.
    Assigned(Strength),
}

/// What of a secret stands before its anchor.
#[derive(Debug, Clone, Copy)]
pub enum Lead {
    None,
    Bytes(usize),
    Digits { min: usize, max: usize },
}

/// What must not stand before a match, but for the letters of an escape.
#[derive(Debug, Clone, Copy)]
pub enum Left {
    Anything,
    NoLetterOrDigit,
    /// Neither letters nor digits nor `_` and `-`: for patterns that could otherwise be tried again and again on the
    /// same text.
    NoName,
}

/// What else must be true of a match.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// Its shape is enough.
    Shape,
    NoPlaceholder,
    /// It looks like made by a generator.
    Random,
    /// It looks like made by a generator, or chosen as a password.
    Opaque,
}

/// All rules, the most certain first.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    platforms::RULES.iter().chain(services::RULES).chain(standards::RULES).chain(names::RULES)
}

/// A rule for what begins with an anchor and is matched by a pattern.
const fn token(kind: &'static str, anchors: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule {
        kind,
        anchors,
        any_case: false,
        find: Find::Pattern(pattern),
        lead: Lead::None,
        left: Left::NoLetterOrDigit,
        check: Check::Shape,
        source: source("", ""),
        positive: "",
        negative: "",
    }
}

/// A rule for what is assigned to names that contain an anchor.
const fn assigned(kind: &'static str, anchors: &'static [&'static str], strength: Strength) -> Rule {
    let rule = token(kind, anchors, "");
    Rule { find: Find::Assigned(strength), any_case: true, left: Left::Anything, ..rule }
}

const fn source(title: &'static str, url: &'static str) -> Source {
    Source { title, url }
}

impl Rule {
    const fn any_case(self) -> Rule {
        Rule { any_case: true, ..self }
    }

    const fn lead(self, lead: Lead) -> Rule {
        Rule { lead, ..self }
    }

    const fn left(self, left: Left) -> Rule {
        Rule { left, ..self }
    }

    const fn check(self, check: Check) -> Rule {
        Rule { check, ..self }
    }

    const fn source(self, title: &'static str, url: &'static str) -> Rule {
        self.documented(source(title, url))
    }

    const fn documented(self, source: Source) -> Rule {
        Rule { source, ..self }
    }

    const fn examples(self, positive: &'static str, negative: &'static str) -> Rule {
        Rule { positive, negative, ..self }
    }
}

/// A character of base 64, whose `/` and `+` some writers of JSON escape.
macro_rules! b64 {
    () => {
        r"(?:[A-Za-z0-9+/]|\\+/|\\+u002[BbFf])"
    };
}
/// An equals sign, which some writers of JSON escape.
macro_rules! equals {
    () => {
        r"(?:=|\\+u003[Dd])"
    };
}
/// A slash, which some writers of JSON escape.
macro_rules! slash {
    () => {
        r"(?:\\*/)"
    };
}
/// What stands between a name and its value: the name's closing quote, a sign, and the value's opening quote.
macro_rules! assign {
    () => {
        r#"(?:\\*["'\]])*[ \t]{0,8}(?:=>|:=|==|[:=,>]|\\+u003[Dd])[ \t]{0,8}(?:\\*["'`])?"#
    };
}
use {assign, b64, equals, slash};
