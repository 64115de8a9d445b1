//! The documents agree with the repository: links and paths lead to files, names to code.
//!
//! The examples of `docs/protocol.md` are compared with their golden files by `tests/exporter/wire.rs`.

use crate::{SourceFile, Violation};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Folders that a path in backticks begins with; those of `src` may be named without it.
const ROOTS: &[&str] = &[
    "benches/",
    "docs/",
    "exporter/",
    "fixtures/",
    "fuzz/",
    "packaging/",
    "protocol/",
    "receiver/",
    "scripts/",
    "src/",
    "tests/",
];
/// A name with so many underscores is a function's, above all a test's.
const FUNCTION_NAME_UNDERSCORES_MIN: usize = 4;

/// Everything that documents can refer to.
pub struct Repository<'a> {
    /// All files, by their path from the root.
    pub paths: BTreeSet<PathBuf>,
    /// Rust sources.
    pub sources: &'a [SourceFile],
}

/// Adds the violations in the documents.
pub fn check(documents: &[SourceFile], repository: &Repository, violations: &mut Vec<Violation>) {
    let code: String =
        repository.sources.iter().map(|file| file.text.as_str()).collect::<Vec<_>>().join("\n");
    let anchors: BTreeSet<(PathBuf, String)> = documents.iter().flat_map(anchors).collect();
    for document in documents {
        let mut in_block = false;
        for (index, line) in document.text.lines().enumerate() {
            let mut add = |message| {
                let path = document.path.clone();
                violations.push(Violation { path, line: index + 1, rule: "document", message });
            };
            if line.starts_with("```") {
                in_block = !in_block;
            } else if !in_block {
                check_links(document, line, repository, &anchors, &mut add);
                check_names(line, repository, &code, &mut add);
            }
        }
    }
}

/// The headings of a document, as the anchors that links name.
fn anchors(document: &SourceFile) -> Vec<(PathBuf, String)> {
    let headings = document.text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|char| char.is_alphanumeric() || matches!(char, '-' | '_')).collect()
    };
    headings.map(|line| (document.path.clone(), anchor(line))).collect()
}

fn check_links(
    document: &SourceFile,
    line: &str,
    repository: &Repository,
    anchors: &BTreeSet<(PathBuf, String)>,
    add: &mut impl FnMut(String),
) {
    for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        if link.contains("://") || link.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let folder = document.path.parent().unwrap_or(Path::new(""));
        let target = if file.is_empty() { document.path.clone() } else { normalized(&folder.join(file)) };
        let is_there = exists(repository, &target);
        if !is_there || !anchor.is_empty() && !anchors.contains(&(target, anchor.to_owned())) {
            add(format!("links to {link}, which does not exist"));
        }
    }
}

fn normalized(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir => {}
            other => parts.push(other),
        }
    }
    parts
}

/// True for a file, and for a folder with a file in it.
fn exists(repository: &Repository, path: &Path) -> bool {
    repository.paths.iter().any(|known| known.starts_with(path))
}

fn check_names(line: &str, repository: &Repository, code: &str, add: &mut impl FnMut(String)) {
    for name in line.split('`').skip(1).step_by(2) {
        if ROOTS.iter().any(|root| name.starts_with(root)) {
            let is_pattern = name.contains(['*', '<', '{', ' ', '…']);
            let path = normalized(Path::new(name.trim_end_matches('/')));
            if !is_pattern && !exists(repository, &path) && !exists(repository, &Path::new("src").join(&path))
            {
                add(format!("names the path `{name}`, which does not exist"));
            }
        } else if is_function_name(name) || is_type_name(name) {
            let word = name.split("::").next().unwrap_or(name);
            if !code.contains(word) {
                add(format!("names `{name}`, which is not in the code"));
            }
        }
    }
}

fn is_function_name(name: &str) -> bool {
    name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
        && name.matches('_').count() >= FUNCTION_NAME_UNDERSCORES_MIN
}

/// True for `SessionCursor` and `Identity::accounts`; a single capital does not make a type name.
fn is_type_name(name: &str) -> bool {
    name.chars().all(|char| char.is_ascii_alphanumeric() || char == ':' || char == '_')
        && name.starts_with(|char: char| char.is_ascii_uppercase())
        && name.matches(|char: char| char.is_ascii_uppercase()).count() >= 2
        && name.contains(|char: char| char.is_ascii_lowercase())
}
