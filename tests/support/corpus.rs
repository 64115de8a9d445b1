//! The corpus in `fixtures/redaction/`: `planted/` is tool output with secrets in it, `ordinary/` is text without any.
//! Each file is a template (see `template`), filled with several seeds; a message holds it plain, as JSON, or as JSON
//! in JSON.

use super::template::{Filled, Seeded, fill};
use std::fs;
use std::path::Path;

/// Between the documents of a file.
const DOCUMENT_BREAK: &str = "\n%%%\n";

/// Levels of JSON in JSON.
pub const DEPTHS: std::ops::RangeInclusive<usize> = 0..=2;

/// The planted documents, filled with a seed.
pub fn planted(seed: u64) -> Vec<Filled> {
    let mut seeded = Seeded(seed);
    files("planted")
        .iter()
        .flat_map(|text| text.split(DOCUMENT_BREAK))
        .map(|document| fill(document, &mut seeded))
        .collect()
}

/// The lines of the ordinary files, filled with a seed. `@repeat N` stands before a line that is to come N times.
pub fn ordinary(seed: u64) -> Vec<String> {
    let mut seeded = Seeded(seed);
    let mut lines = Vec::new();
    let mut times = 1;
    for text in files("ordinary") {
        for line in text.lines() {
            match line.strip_prefix("@repeat ") {
                Some(count) => times = count.parse().expect("a count"),
                None => {
                    lines.extend((0..times).map(|_| fill(line, &mut seeded).text));
                    times = 1;
                }
            }
        }
    }
    lines
}

fn files(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/redaction").join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// A message's text at a depth: as it is, as the raw JSON of a tool's result, or that with the text in JSON of its own.
pub fn wrap(text: &str, depth: usize) -> String {
    let string = |text: &str| serde_json::to_string(text).unwrap();
    match depth {
        0 => text.to_owned(),
        1 => format!(
            r#"{{"type":"user","message":{{"role":"user","content":[{{"type":"tool_result","content":{}}}]}},"n":12}}"#,
            string(text)
        ),
        _ => wrap(&format!(r#"{{"stdout":{},"code":0}}"#, string(text)), depth - 1),
    }
}

/// The text in a wrapping.
pub fn unwrap(wrapped: &str, depth: usize) -> String {
    let parse = |text: &str| {
        serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|e| panic!("{e}: {text}"))
    };
    match depth {
        0 => wrapped.to_owned(),
        1 => parse(wrapped)["message"]["content"][0]["content"].as_str().unwrap().to_owned(),
        _ => parse(&unwrap(wrapped, depth - 1))["stdout"].as_str().unwrap().to_owned(),
    }
}
