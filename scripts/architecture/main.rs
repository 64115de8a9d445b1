//! Checks the shape of the source: the rules of `docs/development.md` that neither the compiler nor clippy knows.
//!
//! A program of the standard library alone, compiled by `rustc` (see `scripts/check-architecture`), so that it costs a
//! second and builds no dependency. Each violation is one line, `path:line: [rule] message`; the exit status is 1 if any
//! is found.

mod documents;
mod imports;
mod lexer;
mod modules;
mod rules;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fmt, fs, io};

/// A Rust file of the repository: its path from the root, and its text.
pub struct SourceFile {
    pub path: PathBuf,
    pub text: String,
}

/// A breach of a rule at a place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    pub path: PathBuf,
    pub line: usize,
    pub rule: &'static str,
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{}:{}: [{}] {}", self.path.display(), self.line, self.rule, self.message)
    }
}

/// Folders with Rust files. The rules of shape hold in `src` alone, those of words everywhere.
const SOURCE_FOLDERS: &[&str] =
    &["benches", "fixtures", "fuzz/fuzz_targets", "fuzz/src", "scripts/architecture", "src", "tests"];

fn main() -> ExitCode {
    let root = env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let violations = match check_repository(&root) {
        Ok(violations) => violations,
        Err(error) => {
            eprintln!("architecture: the files below {} cannot be read: {error}", root.display());
            return ExitCode::from(2);
        }
    };
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All violations below the root, sorted by path and line.
fn check_repository(root: &Path) -> io::Result<Vec<Violation>> {
    let sources = read_files(root, SOURCE_FOLDERS, &["rs"])?;
    let documents = read_files(root, &["docs", "README.md", "CHANGELOG.md"], &["md"])?;
    let mut paths = BTreeSet::new();
    for folder in fs::read_dir(root)? {
        let name = folder?.file_name();
        if name != "target" && name != ".git" {
            list(root, Path::new(&name), &mut paths)?;
        }
    }
    let mut violations = check(&sources);
    let repository = documents::Repository { paths, sources: &sources };
    documents::check(&documents, &repository, &mut violations);
    Ok(violations)
}

/// All violations in the Rust files, sorted by path and line.
pub fn check(files: &[SourceFile]) -> Vec<Violation> {
    let mut violations = Vec::new();
    imports::check(files, &mut violations);
    rules::check(files, &mut violations);
    words::check(files, &mut violations);
    violations.sort();
    violations.dedup();
    violations
}

fn read_files(root: &Path, places: &[&str], extensions: &[&str]) -> io::Result<Vec<SourceFile>> {
    let mut paths = BTreeSet::new();
    for place in places {
        list(root, Path::new(place), &mut paths)?;
    }
    let is_wanted =
        |path: &PathBuf| extensions.iter().any(|wanted| path.extension().is_some_and(|own| own == *wanted));
    let read = |path: PathBuf| Ok(SourceFile { text: fs::read_to_string(root.join(&path))?, path });
    paths.into_iter().filter(is_wanted).map(read).collect()
}

/// Adds the files at or below a path; nothing where there is none.
fn list(root: &Path, path: &Path, paths: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    let full = root.join(path);
    if full.is_dir() {
        for entry in fs::read_dir(&full)? {
            let name = entry?.file_name();
            if name != "target" {
                list(root, &path.join(name), paths)?;
            }
        }
    } else if full.exists() {
        paths.insert(path.to_owned());
    }
    Ok(())
}
