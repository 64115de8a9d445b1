//! Checks the shape of the source: the rules of `docs/development.md` that neither the compiler nor clippy knows.
//!
//! A program of the standard library alone, compiled by `rustc` (see `scripts/check-architecture`), so that it costs a
//! second and builds no dependency. Each violation is one line, `path:line: [rule] message`; the exit status is 1 if any
//! is found.

mod imports;
mod lexer;
mod modules;
mod rules;
#[cfg(test)]
mod tests;
mod words;

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
const FOLDERS: &[&str] =
    &["benches", "fixtures", "fuzz/fuzz_targets", "fuzz/src", "scripts/architecture", "src", "tests"];

fn main() -> ExitCode {
    let root = env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let files = match read_sources(&root) {
        Ok(files) => files,
        Err(error) => {
            eprintln!("architecture: the sources below {} cannot be read: {error}", root.display());
            return ExitCode::from(2);
        }
    };
    let violations = check(&files);
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All violations in the files, sorted by path and line.
pub fn check(files: &[SourceFile]) -> Vec<Violation> {
    let mut violations = Vec::new();
    imports::check(files, &mut violations);
    rules::check(files, &mut violations);
    words::check(files, &mut violations);
    violations.sort();
    violations.dedup();
    violations
}

fn read_sources(root: &Path) -> io::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        if root.join(folder).is_dir() {
            read_folder(root, Path::new(folder), &mut files)?;
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn read_folder(root: &Path, folder: &Path, files: &mut Vec<SourceFile>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            read_folder(root, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(SourceFile { text: fs::read_to_string(root.join(&path))?, path });
        }
    }
    Ok(())
}
