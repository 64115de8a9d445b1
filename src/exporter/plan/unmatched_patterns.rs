//! Patterns of the privacy rules that name no repository that han knows: most likely mistyped, and so without effect.

use std::fmt;

use crate::exporter::config::Config;
use crate::protocol::remote::Remote;

/// A pattern without effect, and the setting that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedPattern {
    /// The pattern as the user wrote it.
    pub pattern: String,
    /// Setting and file.
    pub place: String,
}

/// Shows the pattern as a sentence.
impl fmt::Display for UnmatchedPattern {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{} of {} matches no repository that han knows; correct it or remove it",
            self.pattern, self.place
        )
    }
}

/// Finds the patterns that match none of the repositories; none where han knows no repository at all.
pub fn unmatched_patterns(config: &Config, repositories: &[Remote]) -> Vec<UnmatchedPattern> {
    if repositories.is_empty() {
        return Vec::new();
    }
    let (rules, origins) = (&config.privacy, &config.origins);
    let excluding = rules
        .force_exclude
        .iter()
        .filter(|pattern| !repositories.iter().any(|remote| pattern.may_match(remote, remote)))
        .map(|pattern| (pattern, format!("forceExclude in {}", origins.force_exclude)));
    let including = rules
        .force_include
        .iter()
        .filter(|pattern| !repositories.iter().any(|remote| pattern.matches(remote)))
        .map(|pattern| (pattern, format!("forceInclude in {}", origins.force_include)));
    excluding
        .chain(including)
        .map(|(pattern, place)| UnmatchedPattern { pattern: pattern.to_string(), place })
        .collect()
}
