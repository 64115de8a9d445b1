//! `redactPatterns`: the user's own regular expressions for secrets.

use std::fmt;

use regex::Regex;

/// An entry of `redactPatterns` that is no regular expression, or too large a one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactPatternError {
    /// Pattern that cannot be used.
    pub pattern: String,
    /// Reason from the regex compiler.
    pub reason: String,
}

impl fmt::Display for RedactPatternError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "redactPatterns: `{}` is no regular expression: {}", self.pattern, self.reason)
    }
}

impl std::error::Error for RedactPatternError {}

/// Compiles the patterns, all or none.
pub fn compile(patterns: &[String]) -> Result<Vec<Regex>, RedactPatternError> {
    let compile = |pattern: &String| {
        Regex::new(pattern).map_err(|error| RedactPatternError {
            pattern: pattern.clone(),
            // The last line names the mistake; the lines before it draw the pattern.
            reason: error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
        })
    };
    patterns.iter().map(compile).collect()
}
