//! Redaction of secrets in text that leaves the machine.

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex::Regex;

/// Redactions by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(pub BTreeMap<&'static str, u64>);

impl Counts {
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(kind, number)| (*kind, *number))
    }
}

/// The rules.
#[derive(Debug)]
pub struct Redactor {
    custom: Vec<Regex>,
}

impl Redactor {
    pub fn new(extra: &[String]) -> Result<Redactor, regex::Error> {
        Ok(Redactor { custom: extra.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>()? })
    }

    pub fn redact<'t>(&self, text: &'t str, counts: &mut Counts) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for pattern in &self.custom {
            let found = pattern.find_iter(&text).count() as u64;
            if found > 0 {
                *counts.0.entry("custom").or_default() += found;
                text = Cow::Owned(pattern.replace_all(&text, "[REDACTED:custom]").into_owned());
            }
        }
        text
    }
}
