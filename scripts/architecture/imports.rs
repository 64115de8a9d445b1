//! The order of the map: each file imports only what is declared above it, and no two files import each other.
//!
//! The order is that of the `mod` lines in `lib.rs` and in each `mod.rs`. Two modules are compared where their paths part.
//! A parent may import its children, and a child its parent, but not both.

use crate::lexer::Token;
use crate::modules::{self, ModulePath, Modules};
use crate::{SourceFile, Violation};
use std::collections::BTreeMap;

/// Adds the violations of the order.
pub fn check(files: &[SourceFile], violations: &mut Vec<Violation>) {
    let modules = modules::read(files);
    let imports: BTreeMap<&ModulePath, BTreeMap<ModulePath, usize>> =
        modules.keys().map(|path| (path, imports_of(&modules, path))).collect();
    for (from, targets) in &imports {
        for (to, &line) in targets {
            let path = modules[*from].path.clone();
            if points_down(&modules, from, to) {
                let message = format!("imports {}, which is declared below it in the map", shown(to));
                violations.push(Violation { path: path.clone(), line, rule: "map", message });
            }
            if imports[to].contains_key(*from) {
                let message = format!("imports {}, and that imports this file", shown(to));
                violations.push(Violation { path, line, rule: "mutual-import", message });
            }
        }
    }
}

fn shown(path: &ModulePath) -> String {
    if path.is_empty() { "the crate's root".to_owned() } else { format!("crate::{}", path.join("::")) }
}

/// True if `to` is declared below `from` where their paths part.
fn points_down(modules: &Modules, from: &ModulePath, to: &ModulePath) -> bool {
    let common = from.iter().zip(to).take_while(|(one, other)| one == other).count();
    let (Some(own), Some(other)) = (from.get(common), to.get(common)) else { return false };
    let children = &modules[&from[..common].to_vec()].children;
    let rank = |name: &String| children.iter().position(|child| child == name);
    rank(other) > rank(own)
}

/// The other files that a module imports from, each with the line of the first import.
fn imports_of(modules: &Modules, from: &ModulePath) -> BTreeMap<ModulePath, usize> {
    let mut imports = BTreeMap::new();
    for (path, line) in paths(&modules[from].tokens, &modules[from].children) {
        let target = resolve(modules, from, &path);
        if target != *from {
            imports.entry(target).or_insert(line);
        }
    }
    imports
}

/// The module with a file that a path leads into.
fn resolve(modules: &Modules, from: &ModulePath, path: &[String]) -> ModulePath {
    let mut target = from.clone();
    let mut rest = path;
    while let Some((first, behind)) = rest.split_first() {
        match first.as_str() {
            "crate" => target.clear(),
            "super" => drop(target.pop()),
            "self" => {}
            _ => break,
        }
        rest = behind;
    }
    for name in rest {
        target.push(name.clone());
        if !modules.contains_key(&target) {
            target.pop();
            break;
        }
    }
    target
}

/// Paths into the crate, each with its line: those of `use`, and those that begin with `crate`, `super` or a child.
fn paths(tokens: &[Token], children: &[String]) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    let mut inline_modules: Vec<usize> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while at < tokens.len() {
        let previous = at.checked_sub(1).map_or("", |index| tokens[index].text.as_str());
        let next = tokens.get(at + 1).map_or("", |token| token.text.as_str());
        let mut ends = at + 1;
        let mut here = Vec::new();
        match tokens[at].text.as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline_modules.retain(|opened| *opened < depth + 1);
            }
            "mod" if tokens.get(at + 2).is_some_and(|token| token.text == "{") => {
                inline_modules.push(depth + 1)
            }
            "use" if previous != "::" => {
                ends = use_tree(tokens, at + 1, &mut Vec::new(), &mut here);
            }
            name if next == "::" && previous != "::" && !is_visibility(tokens, at) => {
                if matches!(name, "crate" | "super" | "self") || children.iter().any(|child| child == name) {
                    ends = use_tree(tokens, at, &mut Vec::new(), &mut here);
                }
            }
            _ => {}
        }
        for mut path in here {
            let into_crate =
                matches!(path[0].as_str(), "crate" | "super" | "self") || children.contains(&path[0]);
            for _ in &inline_modules {
                if path[0] == "super" {
                    path[0] = "self".to_owned();
                }
            }
            if into_crate {
                found.push((path, tokens[at].line));
            }
        }
        at = ends.max(at + 1);
    }
    found
}

/// True for the path in `pub(in crate::…)`.
fn is_visibility(tokens: &[Token], at: usize) -> bool {
    at >= 3 && tokens[at - 3..at].iter().map(|token| token.text.as_str()).eq(["pub", "(", "in"])
}

/// Reads a path or a tree of paths from `at` on, and returns the index behind it.
fn use_tree(
    tokens: &[Token],
    mut at: usize,
    prefix: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> usize {
    let length = prefix.len();
    loop {
        let Some(token) = tokens.get(at) else { break };
        match token.text.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = use_tree(tokens, at, prefix, found);
                    if tokens.get(at).is_some_and(|token| token.text == ",") {
                        at += 1;
                    }
                }
                prefix.truncate(length);
                return at + 1;
            }
            name if name.chars().all(|char| char.is_alphanumeric() || char == '_') && !name.is_empty() => {
                if name == "as" {
                    at += 2;
                    break;
                }
                prefix.push(name.to_owned());
                at += 1;
                let goes_on = tokens.get(at).is_some_and(|token| token.text == "::" || token.text == "as");
                if !goes_on {
                    break;
                }
            }
            "*" => {
                at += 1;
                break;
            }
            _ => break,
        }
    }
    if !prefix.is_empty() {
        found.push(prefix.clone());
    }
    prefix.truncate(length);
    at.max(1)
}
