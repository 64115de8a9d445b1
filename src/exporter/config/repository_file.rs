//! The text of a repository's own `han.yml`, and the restrictions that it puts on the repository's sessions.
//!
//! The author of a repository may only restrict. A key or value that looks like an attempt to opt out and is not
//! understood opts out, and is reported; everything else is ignored and reported.

use crate::exporter::config::yaml::{YamlValue, documents};

/// Texts that opt out besides the boolean `false`: YAML 1.2 reads them as text, people mean `false`.
const OFF_TEXTS: [&str; 4] = ["false", "no", "off", "0"];
/// Texts that ask for the export, which a repository cannot do.
const ON_TEXTS: [&str; 5] = ["true", "yes", "on", "1", "y"];
/// Beginnings of keys that opt out by a value that is not `false`: `disabled: true`, `noSync: 1`.
const NEGATIONS: [&str; 5] = ["disabl", "nosync", "optout", "exclude", "private"];
/// Number of edits from a known key up to which another one is taken for it.
const EDITS_MAX: usize = 2;

/// The restrictions of one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restriction {
    /// True if the repository's sessions stay on the machine.
    pub disabled: bool,
    /// True if they are sent without content.
    pub content_disabled: bool,
    /// True if they are sent without the git branch.
    pub branch_disabled: bool,
}

/// Parses the text of a file, and returns its restrictions with sentences for the user about everything that is not
/// plain.
///
/// # Errors
/// A sentence on a text that is no YAML, or whose meaning for `sync` cannot be told.
pub fn parse(text: &str) -> Result<(Restriction, Vec<String>), String> {
    let mut parser = Parser::default();
    for (index, document) in documents(text)?.into_iter().enumerate() {
        if index > 0 {
            parser.reports.push(
                "has a second YAML document, of which only what opts out counts; keep sync in the first one"
                    .to_owned(),
            );
        }
        match document {
            YamlValue::Mapping(entries) => parser.file(&entries),
            _ => return Err("it is no mapping of keys to values".to_owned()),
        }
    }
    Ok((parser.found, parser.reports))
}

/// The meaning of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Enabled,
    IncludeContent,
    IncludeBranch,
    /// The opposite of `enabled`.
    Disabled,
    Other,
}

impl Meaning {
    /// Finds the meaning of a key inside `sync`, spelled as people spell.
    fn of(key: &str) -> Meaning {
        let word = word(key);
        let is_near = |known| strsim::damerau_levenshtein(&word, known) <= EDITS_MAX;
        match () {
            () if is_near("enabled") => Meaning::Enabled,
            () if is_near("includecontent") => Meaning::IncludeContent,
            () if is_near("includebranch") => Meaning::IncludeBranch,
            () if NEGATIONS.iter().any(|negation| word.starts_with(negation)) => Meaning::Disabled,
            () => Meaning::Other,
        }
    }
}

#[derive(Debug, Default)]
struct Parser {
    found: Restriction,
    reports: Vec<String>,
}

impl Parser {
    /// Reads the top level of a file, most of which is han's own and none of ours.
    fn file(&mut self, entries: &[(YamlValue, YamlValue)]) {
        for (key, value) in entries {
            let Some(key) = key.as_text() else { continue };
            let word = word(key);
            match Meaning::of(key) {
                _ if key == "sync" => self.sync(value),
                // `SYNC`, `snyc`
                _ if strsim::damerau_levenshtein(&word, "sync") <= 1 => {
                    self.reports.push(format!("{key} is taken for sync; write sync"));
                    match value {
                        YamlValue::Null => self.not_understood(key, value),
                        value => self.sync(value),
                    }
                }
                // `sync.enabled`, `noSync`
                meaning if word.contains("sync") => match meaning {
                    Meaning::Disabled if !is_off(value) => self.not_understood(key, value),
                    Meaning::Disabled => {}
                    _ if word.contains("content") && !is_on(value) => self.content_not_understood(key, value),
                    _ if word.contains("branch") && !is_on(value) => self.branch_not_understood(key, value),
                    _ if !is_on(value) => self.not_understood(key, value),
                    _ => {}
                },
                // The indentation below `sync:` is missing.
                Meaning::Enabled if !is_on(value) => self.not_understood(key, value),
                Meaning::IncludeContent if !is_on(value) => self.content_not_understood(key, value),
                Meaning::IncludeBranch if !is_on(value) => self.branch_not_understood(key, value),
                _ => {}
            }
        }
    }

    fn sync(&mut self, value: &YamlValue) {
        match value {
            YamlValue::Null => {}
            YamlValue::Mapping(entries) => entries.iter().for_each(|(key, value)| self.setting(key, value)),
            other => self.not_understood("sync", other),
        }
    }

    fn setting(&mut self, key: &YamlValue, value: &YamlValue) {
        let Some(name) = key.as_text() else { return self.not_understood("a key of sync", key) };
        match Meaning::of(name) {
            Meaning::Enabled if name == "enabled" && is_off(value) => self.found.disabled = true,
            Meaning::IncludeContent if name == "includeContent" && is_off(value) => {
                self.found.content_disabled = true;
            }
            Meaning::IncludeBranch if name == "includeBranch" && is_off(value) => {
                self.found.branch_disabled = true;
            }
            Meaning::Enabled if !is_on(value) => self.not_understood(&format!("sync.{name}"), value),
            Meaning::IncludeContent if !is_on(value) => {
                self.content_not_understood(&format!("sync.{name}"), value);
            }
            Meaning::IncludeBranch if !is_on(value) => {
                self.branch_not_understood(&format!("sync.{name}"), value);
            }
            Meaning::Disabled if !is_off(value) => self.not_understood(&format!("sync.{name}"), value),
            _ => self.other(name, value),
        }
    }

    /// Reports a key that is none of a repository's. A mapping below it is searched: it may be a level too deep.
    fn other(&mut self, name: &str, value: &YamlValue) {
        self.reports.push(format!(
            "sync.{name} is ignored; a repository's own file may only say enabled: false, includeContent: false or \
             includeBranch: false"
        ));
        if let YamlValue::Mapping(entries) = value {
            self.sync(&YamlValue::Mapping(entries.clone()));
        }
    }

    fn not_understood(&mut self, place: &str, value: &YamlValue) {
        self.found.disabled = true;
        self.reports.push(format!(
            "{place}: {value} is taken for enabled: false, so that the repository's sessions are not sent; write \
             enabled: false below sync:, or remove it"
        ));
    }

    fn branch_not_understood(&mut self, place: &str, value: &YamlValue) {
        self.found.branch_disabled = true;
        self.reports.push(format!(
            "{place}: {value} is taken for includeBranch: false; write includeBranch: false below sync:, or remove it"
        ));
    }

    fn content_not_understood(&mut self, place: &str, value: &YamlValue) {
        self.found.content_disabled = true;
        self.reports.push(format!(
            "{place}: {value} is taken for includeContent: false; write includeContent: false below sync:, or remove it"
        ));
    }
}

/// Lower-case letters and digits of a key, so that `Sync`, `SYNC` and `sync ` are one word.
fn word(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// True for every spelling of `false` that people use.
fn is_off(value: &YamlValue) -> bool {
    match value {
        YamlValue::Boolean(value) => !value,
        YamlValue::Integer(value) => *value == 0,
        YamlValue::Text(text) => is_one_of(text, &OFF_TEXTS),
        _ => false,
    }
}

/// True for every spelling of `true` that people use.
fn is_on(value: &YamlValue) -> bool {
    match value {
        YamlValue::Boolean(value) => *value,
        YamlValue::Integer(value) => *value == 1,
        YamlValue::Text(text) => is_one_of(text, &ON_TEXTS),
        _ => false,
    }
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The restrictions of a text, and the number of reports.
    fn parsed(text: &str) -> (bool, bool, usize) {
        let (found, reports) = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        (found.disabled, found.content_disabled, reports.len())
    }

    #[test]
    fn plain_restriction_is_not_reported() {
        for off in ["false", "0", "no", "Off", "'FALSE'"] {
            assert_eq!(parsed(&format!("sync: {{enabled: {off}}}")), (true, false, 0), "{off}");
            assert_eq!(parsed(&format!("sync: {{includeContent: {off}}}")), (false, true, 0), "{off}");
        }
        for text in ["", "# nothing", "sync:", "sync: {}", "hooks: {enabled: false}", "memory: {sync: no}"] {
            assert_eq!(parsed(text), (false, false, 0), "{text}");
        }
    }

    #[test]
    fn attempt_to_opt_out_opts_out_and_is_reported() {
        for text in [
            "sync: {enabled: n}",
            "sync:\n  enabled:\n",
            "sync: {enabled: [false]}",
            "sync: {enabled: {value: false}}",
            "sync: {enabled: never}",
            "sync: {enabled: ''}",
            "sync: {enabled: 2}",
            "sync: {enabled: 0.0}",
            "sync: {Enabled: false}",
            "sync: {enabeld: false}",
            "sync: {enable: no}",
            "sync: {disabled: true}",
            "sync: {opt-out: yes}",
            "sync: {? [enabled] : false}",
            "sync: false",
            "sync: off",
            "sync: [{enabled: false}]",
            "SYNC:",
            "SYNC:\n  enabled: false\n",
            "Sync: false",
            "snyc: {enabled: false}",
            "sync.enabled: false",
            "noSync: true",
            "sync:\nenabled: false\n",
            "sync: {sync: {enabled: false}}",
            "name: x\n---\nsync: {enabled: false}\n",
            "sync: {enabled: true}\n---\nsync: {enabled: n}\n",
        ] {
            let (disabled, _, reports) = parsed(text);
            assert!(disabled && reports > 0, "{text}");
        }
        for text in ["sync: {includeBranch: n}", "sync: {include_branch: no}", "sync:\nincludeBranch: false"]
        {
            let (found, reports) = parse(text).unwrap();
            assert!(!found.disabled && !found.content_disabled && found.branch_disabled, "{text}");
            assert_eq!(reports.len(), 1, "{text}");
        }
        for text in
            ["sync: {includeContent: n}", "sync: {include_content: no}", "sync:\nincludeContent: false"]
        {
            let (disabled, content_disabled, reports) = parsed(text);
            assert!(!disabled && content_disabled && reports > 0, "{text}");
        }
    }

    #[test]
    fn nothing_widens() {
        for (text, reports) in [
            ("sync: {enabled: true}", 1),
            ("sync: {enabled: 'Yes', includeContent: true}", 2),
            ("SYNC: {enabled: true}", 2),
            ("sync: {endpoint: https://evil.example/, disabled: false}", 2),
            ("sync: {forceInclude: ['*']}\n---\nother: 1", 2),
        ] {
            assert_eq!(parsed(text), (false, false, reports), "{text}");
        }
    }

    #[test]
    fn text_without_meaning_is_an_error() {
        for text in ["sync: [", "- enabled", "sync: {enabled: true, enabled: false}", "name: x\n---\n- y"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
