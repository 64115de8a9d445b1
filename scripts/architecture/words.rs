//! The words of comments and names: a doc comment opens with a noun or a verb, and words that were given up stay away.

use crate::lexer::lex;
use crate::{SourceFile, Violation};

/// A doc comment that opens with one of these is a subordinate clause or has no subject of its own.
const OPENINGS: &[&str] = &[
    "what", "whether", "how", "where", "when", "why", "who", "which", "one", "there", "to", "it", "its",
    "they", "these",
];

/// Metaphors, each with the term that replaces it (docs/glossary.md).
const REPLACED: &[(&str, &str)] = &[
    ("breadth", "query size"),
    ("crowd", "concurrency"),
    ("custody", "session administration"),
    ("cutter", "batcher"),
    ("glance", "fast path"),
    ("lineage", "rebuild detection"),
    ("lookout", "the field's term"),
    ("narrowing", "project override"),
    ("narrowings", "project overrides"),
    ("survey", "scan"),
    ("surveyed", "scanned"),
    ("surveys", "scans"),
];

/// Adds the violations in all files.
pub fn check(files: &[SourceFile], violations: &mut Vec<Violation>) {
    for file in files {
        let lexed = lex(&file.text);
        for comment in lexed.comments.iter().filter(|comment| comment.is_doc) {
            check_opening(file, comment.line, &comment.text, violations);
        }
        if file.path.starts_with("scripts/architecture") {
            continue; // the list above, and its tests
        }
        for (index, line) in file.text.lines().enumerate() {
            check_words(file, index + 1, line, violations);
        }
    }
}

fn check_opening(file: &SourceFile, line: usize, text: &str, violations: &mut Vec<Violation>) {
    let opening = text.split(|char: char| !char.is_alphabetic()).next().unwrap_or_default().to_lowercase();
    if OPENINGS.contains(&opening.as_str()) {
        let start: String = text.lines().next().unwrap_or_default().chars().take(60).collect();
        let message = format!("doc comment opens with {opening:?}; open with a noun or a verb: {start}");
        violations.push(Violation { path: file.path.clone(), line, rule: "doc-opening", message });
    }
}

fn check_words(file: &SourceFile, line: usize, text: &str, violations: &mut Vec<Violation>) {
    // `FastPath` and `fast_path` are words of two words each.
    let mut spaced = String::with_capacity(text.len());
    let mut was_lower = false;
    for char in text.chars() {
        if char.is_uppercase() && was_lower {
            spaced.push(' ');
        }
        was_lower = char.is_lowercase();
        spaced.extend(if char.is_alphabetic() { char.to_lowercase().next() } else { Some(' ') });
    }
    for word in spaced.split(' ') {
        if let Some((_, instead)) = REPLACED.iter().find(|(replaced, _)| *replaced == word) {
            let message = format!("{word:?}: the term is {instead:?} (docs/glossary.md)");
            violations.push(Violation { path: file.path.clone(), line, rule: "word", message });
        }
    }
}
