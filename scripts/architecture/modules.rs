//! The module tree of the crate, in the order in which the files declare their modules.

use crate::SourceFile;
use crate::lexer::{Token, lex};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The path of a module from the crate's root: `["exporter", "plan"]`; empty for the root itself.
pub type ModulePath = Vec<String>;

/// A module that has a file of its own.
pub struct Module {
    pub path: PathBuf,
    pub tokens: Vec<Token>,
    /// Child modules with a file, in the order of their declarations.
    pub children: Vec<String>,
}

/// All modules of the crate that can be reached from `src/lib.rs`.
pub type Modules = BTreeMap<ModulePath, Module>;

/// Reads the tree from `src/lib.rs` on. Modules under `#[cfg(test)]` are left out.
pub fn read(files: &[SourceFile]) -> Modules {
    let texts: BTreeMap<&Path, &str> =
        files.iter().map(|file| (file.path.as_path(), file.text.as_str())).collect();
    let mut modules = Modules::new();
    let mut pending = vec![(ModulePath::new(), PathBuf::from("src/lib.rs"))];
    while let Some((module_path, file_path)) = pending.pop() {
        let Some(text) = texts.get(file_path.as_path()) else { continue };
        let tokens = lex(text).tokens;
        let mut children = Vec::new();
        for name in declared(&tokens) {
            let folder = child_folder(&file_path);
            let candidates = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
            if let Some(path) = candidates.into_iter().find(|path| texts.contains_key(path.as_path())) {
                let mut child = module_path.clone();
                child.push(name.clone());
                pending.push((child, path));
                children.push(name);
            }
        }
        modules.insert(module_path, Module { path: file_path, tokens, children });
    }
    modules
}

/// The folder of the files of a module's children.
fn child_folder(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("lib" | "mod" | "main") | None => folder,
        Some(name) => folder.join(name),
    }
}

/// Names of `mod NAME;`, in order.
fn declared(tokens: &[Token]) -> Vec<String> {
    let declaration = |window: &[Token]| window[0].text == "mod" && window[2].text == ";";
    tokens.windows(3).filter(|window| declaration(window)).map(|window| window[1].text.clone()).collect()
}
