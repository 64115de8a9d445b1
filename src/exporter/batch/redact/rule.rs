//! A redaction rule: one kind of secret in one form, described by data.
//!
//! The examples are templates, so that no text in this repository looks like a secret: `%{hex:32}` stands for 32 random
//! characters of an alphabet, and `«…»` encloses the part that is redacted.

/// A kind of secret in one form.
#[derive(Debug)]
pub struct Rule {
    /// The kind in `[REDACTED:<kind>]`; several rules may share one.
    pub kind: &'static str,
    /// Literals, at least one of which is part of every such secret or directly precedes it.
    pub keywords: &'static [&'static str],
    /// True if the keywords also count in lower case, upper case and capitalized.
    pub any_case: bool,
    /// Method of finding candidates.
    pub matcher: Matcher,
    /// The part of a secret before its keyword.
    pub prefix: Prefix,
    /// Characters that must not precede a match.
    pub boundary: Boundary,
    /// A further condition on a match.
    pub check: Check,
    /// Characters of a token that follow the keyword in every such secret, where words of code have the keyword, too.
    pub token_chars: usize,
    /// Origin of the rule.
    pub source: Documentation,
    /// A text with a secret.
    pub positive: &'static str,
    /// A similar text without one.
    pub negative: &'static str,
}

/// The public page that documents a format.
#[derive(Debug, Clone, Copy)]
pub struct Documentation {
    pub title: &'static str,
    pub url: &'static str,
}

/// The search that a rule starts at its keyword.
#[derive(Debug)]
pub enum Matcher {
    /// A regular expression, matched where the keyword begins. The secret is the group `secret`, or the whole match.
    Pattern(&'static str),
    /// The keyword is a command, and the secret is an argument behind this pattern of a flag or of other arguments.
    Command(&'static str),
    /// The keyword is part of a name, and the secret is the value assigned to the name.
    Assigned(Strength),
}

/// The part of a secret before its keyword.
#[derive(Debug, Clone, Copy)]
pub enum Prefix {
    None,
    /// A fixed number of bytes.
    Bytes(usize),
    /// As many digits as there are, within bounds.
    Digits {
        min: usize,
        max: usize,
    },
    /// The rest of the word, up to a blank or a quote, of at most so many bytes.
    Word {
        max: usize,
    },
    /// The rest of the name, of at most so many bytes.
    Name {
        max: usize,
    },
}

/// Characters that must not precede a match; letters of an escape sequence may.
#[derive(Debug, Clone, Copy)]
pub enum Boundary {
    /// Any character may precede.
    Anything,
    NoLetterOrDigit,
    /// Neither letters nor digits nor `_` and `-`: for patterns that would otherwise be tried repeatedly on the same
    /// bytes.
    NoName,
    /// As [`NoName`](Boundary::NoName), and no part of a path, a version or a reference on either side: for patterns that
    /// are a short prefix and a digest.
    NoPath,
}

/// A condition on a match beyond its pattern.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// None: the pattern is enough.
    Shape,
    /// Rejects placeholders such as `xxxx`.
    NoPlaceholder,
    /// Random characters of a generator.
    Random,
    /// Random letters of both cases and digits: where names in code have the same form.
    Unworded,
    /// Random characters of a generator, or a password.
    Opaque,
    /// Any password but a placeholder or an ordinary word.
    Password,
    /// A password of letters and digits, with no name.
    Mixed,
    /// As [`Password`](Check::Password), but no flag, path or number.
    Argument,
    /// As [`Password`](Check::Password), also a plain word: where nothing but a password can stand.
    Login,
}

/// Names whose values need more or less evidence to count as a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Chosen by people: a digit or a sign is enough.
    Password,
    /// Made by a generator.
    Random,
    /// As [`Random`](Strength::Random), for names that have many other values, such as `key`.
    Key,
}

/// A rule for a secret that begins with a keyword and matches a pattern.
pub(super) const fn token(
    kind: &'static str,
    keywords: &'static [&'static str],
    pattern: &'static str,
) -> Rule {
    Rule {
        kind,
        keywords,
        any_case: false,
        matcher: Matcher::Pattern(pattern),
        prefix: Prefix::None,
        boundary: Boundary::NoLetterOrDigit,
        check: Check::Shape,
        token_chars: 0,
        source: source("", ""),
        positive: "",
        negative: "",
    }
}

/// A rule for the values of names that contain a keyword.
pub(super) const fn assigned(
    kind: &'static str,
    keywords: &'static [&'static str],
    strength: Strength,
) -> Rule {
    let rule = token(kind, keywords, "");
    Rule { matcher: Matcher::Assigned(strength), any_case: true, boundary: Boundary::Anything, ..rule }
}

/// A rule for the arguments of commands.
pub(super) const fn command(commands: &'static [&'static str], flag: &'static str) -> Rule {
    let rule = token("password", commands, "");
    Rule { matcher: Matcher::Command(flag), check: Check::Argument, ..rule }
}

pub(super) const fn source(title: &'static str, url: &'static str) -> Documentation {
    Documentation { title, url }
}

impl Rule {
    pub(super) const fn any_case(self) -> Rule {
        Rule { any_case: true, ..self }
    }

    pub(super) const fn prefix(self, prefix: Prefix) -> Rule {
        Rule { prefix, ..self }
    }

    pub(super) const fn boundary(self, boundary: Boundary) -> Rule {
        Rule { boundary, ..self }
    }

    pub(super) const fn check(self, check: Check) -> Rule {
        Rule { check, ..self }
    }

    pub(super) const fn token_chars(self, token_chars: usize) -> Rule {
        Rule { token_chars, ..self }
    }

    pub(super) const fn source(self, title: &'static str, url: &'static str) -> Rule {
        self.documented(source(title, url))
    }

    pub(super) const fn documented(self, source: Documentation) -> Rule {
        Rule { source, ..self }
    }

    pub(super) const fn examples(self, positive: &'static str, negative: &'static str) -> Rule {
        Rule { positive, negative, ..self }
    }
}

/// A character of base64, whose `/` and `+` some writers of JSON escape.
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
/// The separator of a name and its value: the name's closing quote, a sign, and the value's opening quote.
macro_rules! assign {
    () => {
        r#"(?:\\*["'\]])*[ \t]{0,8}(?:=>|:=|==|[:=,>]|\\+u003[Dd])[ \t]{0,8}(?:\\*["'`])?"#
    };
}
pub(super) use {assign, b64, equals, slash};
