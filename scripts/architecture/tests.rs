//! A planted violation of each rule is found, and its counterpart is not.

use crate::{SourceFile, check, documents};
use std::fmt::Write;
use std::path::PathBuf;

/// The rules broken by files of these texts, in order of path and line.
fn broken(files: &[(&str, &str)]) -> Vec<(String, usize, &'static str)> {
    let files: Vec<SourceFile> =
        files.iter().map(|(path, text)| SourceFile { path: path.into(), text: (*text).to_owned() }).collect();
    check(&files).into_iter().map(|it| (it.path.display().to_string(), it.line, it.rule)).collect()
}

fn found(path: &str, line: usize, rule: &'static str) -> (String, usize, &'static str) {
    (path.to_owned(), line, rule)
}

const MAP: (&str, &str) = ("src/lib.rs", "pub mod first;\npub mod second;\n");

#[test]
fn import_from_below_is_found() {
    let second = ("src/second.rs", "pub struct Second;\n");
    for import in [
        "use crate::second::Second;",
        "use super::{second::{self, Second}};",
        "fn f() { crate::second::g() }",
    ] {
        let files = [MAP, ("src/first.rs", import), second];
        assert_eq!(broken(&files), [found("src/first.rs", 1, "map")], "{import}");
    }
}

#[test]
fn import_from_above_is_allowed() {
    let files =
        [MAP, ("src/first.rs", "pub struct First;\n"), ("src/second.rs", "use crate::first::First;\n")];
    assert_eq!(broken(&files), []);
}

#[test]
fn order_is_compared_where_the_paths_part() {
    let folders = [
        MAP,
        ("src/first.rs", ""),
        ("src/second/mod.rs", "mod upper;\nmod lower;\n"),
        ("src/second/upper.rs", "use crate::second::lower::Lower;\nuse crate::first;\n"),
        ("src/second/lower.rs", "pub struct Lower;\n"),
    ];
    assert_eq!(broken(&folders), [found("src/second/upper.rs", 1, "map")]);
}

#[test]
fn parent_and_child_that_import_each_other_are_found() {
    let parent = "mod child;\nuse child::Child;\npub struct Parent;\n";
    let files = [
        ("src/lib.rs", "pub mod room;\n"),
        ("src/room/mod.rs", parent),
        ("src/room/child.rs", "use super::Parent;\npub struct Child(Parent);\n"),
    ];
    assert_eq!(
        broken(&files),
        [found("src/room/child.rs", 1, "mutual-import"), found("src/room/mod.rs", 2, "mutual-import")]
    );
}

#[test]
fn texts_comments_tests_and_inline_modules_import_nothing() {
    let first = r##"// use crate::second::Second;
const TEXT: &str = r#"use crate::second::Second; " "#;
const QUOTE: char = '"';
pub(crate) fn lifetime<'a>(text: &'a str) -> &'a str { text }
mod inline { use super::lifetime; }
#[cfg(test)]
mod tests { use crate::second::Second; }
"##;
    assert_eq!(broken(&[MAP, ("src/first.rs", first), ("src/second.rs", "")]), []);
}

/// A function of so many lines.
fn function(lines: usize) -> String {
    let mut text = String::from("fn long() {\n");
    for _ in 2..lines {
        let _ = writeln!(text, "    call();");
    }
    text + "}\n"
}

#[test]
fn function_over_sixty_lines_is_found() {
    let files = |lines| [("src/lib.rs".to_owned(), function(lines))];
    let broken_by =
        |lines| broken(&files(lines).each_ref().map(|(path, text)| (path.as_str(), text.as_str())));
    assert_eq!(broken_by(60), []);
    assert_eq!(broken_by(61), [found("src/lib.rs", 1, "long-function")]);
}

#[test]
fn long_function_of_a_test_is_allowed() {
    let text = format!("#[test]\n{}#[cfg(test)]\nmod tests {{\n{}}}\n", function(99), function(99));
    assert_eq!(broken(&[("src/lib.rs", &text)]), []);
}

#[test]
fn file_over_six_hundred_lines_is_found() {
    let text = "const A: u8 = 1;\n".repeat(601);
    assert_eq!(broken(&[("src/lib.rs", &text)]), [found("src/lib.rs", 1, "long-file")]);
    assert_eq!(broken(&[("tests/long.rs", &text)]), []);
}

#[test]
fn folder_of_seventeen_entries_is_found() {
    let paths: Vec<String> = (0..17).map(|index| format!("src/wide/file{index}.rs")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
    assert_eq!(broken(&files), [found("src/wide", 1, "wide-folder")]);
    assert_eq!(broken(&files[1..]), []);
}

#[test]
fn type_name_that_exists_twice_is_found() {
    let files = [
        ("src/lib.rs", "pub struct Row;\nimpl Iterator for Row {\n    type Item = u8;\n}\n"),
        ("src/main.rs", "\nenum Row {}\nimpl Iterator for Row {\n    type Item = u8;\n}\n"),
    ];
    assert_eq!(
        broken(&files),
        [found("src/lib.rs", 1, "duplicate-type"), found("src/main.rs", 2, "duplicate-type")]
    );
}

#[test]
fn unwrap_and_nested_result_are_found() {
    let text = "fn f() -> Result<Result<u8, u8>, u8> {\n    g().unwrap();\n    h().unwrap_or(1)\n}\n";
    let expected = [found("src/lib.rs", 1, "nested-result"), found("src/lib.rs", 2, "unwrap")];
    assert_eq!(broken(&[("src/lib.rs", text)]), expected);
}

#[test]
fn doc_comment_that_opens_with_a_question_word_is_found() {
    let text = "//! Whether it opens so.\n\n/// Reports whether it does.\n/// What follows is no opening.\nfn f() {}\n// How so\n";
    assert_eq!(broken(&[("tests/words.rs", text)]), [found("tests/words.rs", 1, "doc-opening")]);
}

#[test]
fn replaced_word_is_found_in_names_and_comments() {
    let text =
        "// A glance.\nstruct QuerySize;\nfn survey_all() {}\nfn is_glanced() {}\nstruct FirstGlance;\n";
    let expected = [1, 3, 5].map(|line| found("src/lib.rs", line, "word"));
    assert_eq!(broken(&[("src/lib.rs", text)]), expected);
}

/// The lines of a document with a violation, beside a file `docs/other.md` with a heading.
fn broken_lines(text: &str) -> Vec<usize> {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.to_owned() };
    let documents = [file("docs/own.md", text), file("docs/other.md", "# The Heading\n")];
    let repository = documents::Repository {
        paths: ["docs/own.md", "docs/other.md", "README.md", "src/exporter/run.rs"].map(PathBuf::from).into(),
        sources: &[file("src/exporter/run.rs", "pub struct BatchLimits;\nfn name_of_a_test_here() {}\n")],
    };
    let mut violations = Vec::new();
    documents::check(&documents, &repository, &mut violations);
    violations.into_iter().map(|violation| violation.line).collect()
}

#[test]
fn dead_link_path_or_name_in_a_document_is_found() {
    let alive = "[a](other.md#the-heading) [b](../README.md) [c](https://example.com/) `exporter/run.rs` `src/exporter/`\n\
                 `BatchLimits` `name_of_a_test_here` `GET` `some_setting`\n";
    assert_eq!(broken_lines(alive), []);
    let dead = "[a](missing.md)\n[b](other.md#missing)\n`exporter/missing.rs`\n`MissingType`\n`name_of_a_test_missing`\n";
    assert_eq!(broken_lines(dead), [1, 2, 3, 4, 5]);
}
