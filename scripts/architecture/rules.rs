//! Sizes, names and forms inside `src`: lengths of functions and files, entries of folders, type names, `unwrap`.

use crate::lexer::{Token, closing_brace, lex};
use crate::{SourceFile, Violation};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A function of more lines does more than one thing. Lines count from `fn` to the closing brace.
const FUNCTION_LINES_MAX: usize = 60;
/// A file of more lines owns more than one concept. Tests at its end do not count.
const FILE_LINES_MAX: usize = 600;
/// A folder of more entries is no longer taken in as a whole. `mod.rs` does not count.
const FOLDER_ENTRIES_MAX: usize = 16;

/// Adds the violations inside `src`.
pub fn check(files: &[SourceFile], violations: &mut Vec<Violation>) {
    let mut types: BTreeMap<String, Vec<(PathBuf, usize)>> = BTreeMap::new();
    let mut folders: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.starts_with("src")) {
        for ancestor in file
            .path
            .ancestors()
            .take_while(|ancestor| ancestor.parent().is_some_and(|up| up != Path::new("")))
        {
            if let Some(folder) = ancestor.parent() {
                if !ancestor.ends_with("mod.rs") {
                    folders.entry(folder).or_default().insert(ancestor);
                }
            }
        }
        let tokens = lex(&file.text).tokens;
        check_lengths(file, &tokens, violations);
        check_forms(file, &tokens, violations);
        for (name, line) in type_names(&tokens, &file.text) {
            types.entry(name).or_default().push((file.path.clone(), line));
        }
    }
    for (folder, entries) in folders {
        if entries.len() > FOLDER_ENTRIES_MAX {
            let message = format!("{} entries, more than {FOLDER_ENTRIES_MAX}", entries.len());
            violations.push(Violation { path: folder.to_owned(), line: 1, rule: "wide-folder", message });
        }
    }
    for (name, places) in types.iter().filter(|(_, places)| places.len() > 1) {
        for (path, line) in places {
            let others: Vec<String> = places
                .iter()
                .filter(|place| *place != &(path.clone(), *line))
                .map(|(path, line)| format!("{}:{line}", path.display()))
                .collect();
            let message = format!("type name {name} is also at {}", others.join(", "));
            violations.push(Violation { path: path.clone(), line: *line, rule: "duplicate-type", message });
        }
    }
}

fn check_lengths(file: &SourceFile, tokens: &[Token], violations: &mut Vec<Violation>) {
    let mut add = |line, rule, message| {
        violations.push(Violation { path: file.path.clone(), line, rule, message });
    };
    let lines = tokens.last().map_or(0, |token| token.line);
    if lines > FILE_LINES_MAX {
        add(1, "long-file", format!("{lines} lines, more than {FILE_LINES_MAX}"));
    }
    for (name, first, last) in functions(tokens) {
        let lines = last - first + 1;
        if lines > FUNCTION_LINES_MAX {
            add(
                first,
                "long-function",
                format!("fn {name} has {lines} lines, more than {FUNCTION_LINES_MAX}"),
            );
        }
    }
}

/// Name, first and last line of each function with a body.
fn functions(tokens: &[Token]) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (index, pair) in tokens.windows(2).enumerate() {
        let is_name = pair[1].text.chars().next().is_some_and(|char| char.is_alphabetic() || char == '_');
        if pair[0].text != "fn" || !is_name {
            continue;
        }
        let mut brackets = 0_i32;
        for (offset, token) in tokens[index..].iter().enumerate() {
            match token.text.as_str() {
                "(" | "[" => brackets += 1,
                ")" | "]" => brackets -= 1,
                ";" if brackets == 0 => break,
                "{" if brackets == 0 => {
                    let end = closing_brace(tokens, index + offset);
                    found.push((pair[1].text.clone(), pair[0].line, tokens[end].line));
                    break;
                }
                _ => {}
            }
        }
    }
    found
}

fn check_forms(file: &SourceFile, tokens: &[Token], violations: &mut Vec<Violation>) {
    let texts: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let mut add = |line, rule, message: &str| {
        violations.push(Violation { path: file.path.clone(), line, rule, message: message.to_owned() });
    };
    for index in 0..texts.len() {
        let line = tokens[index].line;
        if texts[index..].starts_with(&[".", "unwrap", "(", ")"]) {
            add(
                line,
                "unwrap",
                "unwrap() outside tests; return an error, or expect() with the reason why it cannot fail",
            );
        }
        if texts[index..].starts_with(&["Result", "<", "Result", "<"]) {
            add(line, "nested-result", "Result<Result<…>>; one error type with `?` replaces it");
        }
    }
}

/// Names of structs, enums, traits, unions and type aliases of modules. An alias inside an `impl` is not indented at zero.
fn type_names(tokens: &[Token], text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for pair in tokens.windows(2) {
        let line = pair[0].line;
        let declares = match pair[0].text.as_str() {
            "struct" | "enum" | "trait" | "union" => true,
            "type" => lines.get(line - 1).is_some_and(|text| !text.starts_with(' ')),
            _ => false,
        };
        if declares && pair[1].text.chars().next().is_some_and(char::is_uppercase) {
            found.push((pair[1].text.clone(), line));
        }
    }
    found
}
