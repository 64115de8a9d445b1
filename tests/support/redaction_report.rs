//! Recall and precision of redaction on a corpus of cases, by kind.
//!
//! A corpus is a JSON Lines file, or a folder of such files. A case counts as found only if no eight characters in a row
//! of its secret are left. Cases are templates (see `template`), so that no secret is in the repository; a case with
//! `values` stands for one case for each value of that table.

use super::template::{Seeded, fill};
use han_sync::exporter::batch::redact::{Counts, Redactor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Characters in a row of a secret that must not be left.
const LEFT_CHARS: usize = 8;

/// A text and the secrets in it.
pub struct Case {
    pub kind: String,
    pub text: String,
    pub secrets: Vec<String>,
    /// True if the text is a message's raw JSON, rather than text in one.
    pub is_raw: bool,
}

/// The result of one kind.
#[derive(Default)]
pub struct Tally {
    pub found: usize,
    pub total: usize,
    pub lines: usize,
    pub wrong_marks: usize,
}

/// The results by kind, and a line for each case that was not found or was marked without need.
#[derive(Default)]
pub struct Report {
    pub kinds: BTreeMap<String, Tally>,
    pub failures: Vec<String>,
}

/// Reads the cases of a file, or of each file of a folder.
pub fn read(path: &Path) -> io::Result<Vec<Case>> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        files = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
        files.sort();
    }
    let mut cases = Vec::new();
    for file in files {
        read_file(&file, &mut cases)?;
    }
    Ok(cases)
}

fn read_file(file: &Path, cases: &mut Vec<Case>) -> io::Result<()> {
    let mut seed = 0;
    for (number, line) in fs::read_to_string(file)?.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with("//") {
            continue;
        }
        let invalid = |reason: &str| io::Error::other(format!("{}:{}: {reason}", file.display(), number + 1));
        let case: Value = serde_json::from_str(line).map_err(|error| invalid(&error.to_string()))?;
        let member = |name: &str| case[name].as_str();
        let kind = member("kind").ok_or_else(|| invalid("no kind"))?;
        let text = member("text").ok_or_else(|| invalid("no text"))?;
        let is_raw = case["raw"].as_bool().unwrap_or(false);
        if !case["template"].as_bool().unwrap_or(false) {
            let secrets = match &case["secret"] {
                Value::Array(parts) => parts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                secret => secret
                    .as_str()
                    .filter(|secret| !secret.is_empty())
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
            };
            cases.push(Case { kind: kind.to_owned(), text: text.to_owned(), secrets, is_raw });
            continue;
        }
        let values = match member("values") {
            Some(name) => values(&file.with_file_name(name))?,
            None => vec![String::new()],
        };
        for template in values.iter().map(|value| text.replace("%{value}", value)) {
            for _ in 0..case["times"].as_u64().unwrap_or(1) {
                seed += 1;
                let filled = fill(&template, &mut Seeded(seed));
                let secrets =
                    filled.secrets.iter().map(|range| filled.text[range.clone()].to_owned()).collect();
                cases.push(Case { kind: kind.to_owned(), text: filled.text, secrets, is_raw });
            }
        }
    }
    Ok(())
}

/// The second column of a table: templates of values, the first column naming their origin.
fn values(file: &PathBuf) -> io::Result<Vec<String>> {
    let table = fs::read_to_string(file)?;
    Ok(table.lines().filter_map(|line| line.split_once('\t')).map(|(_, value)| value.to_owned()).collect())
}

/// Redacts each case and counts.
pub fn report(cases: &[Case]) -> Report {
    let redactor = Redactor::new(&[]).expect("no patterns of its own");
    let mut report = Report::default();
    for case in cases {
        let raw = if case.is_raw { case.text.clone() } else { message(&case.text) };
        let redacted = redactor.redact(&raw, &mut Counts::default()).into_owned();
        let is_valid = serde_json::from_str::<Value>(&redacted).is_ok();
        let left = if case.is_raw { redacted } else { text_of(&redacted) };
        let tally = report.kinds.entry(case.kind.clone()).or_default();
        if case.secrets.is_empty() {
            let marks = left.matches("[REDACTED:").count();
            tally.lines += case.text.lines().count();
            tally.wrong_marks += marks;
            if marks > 0 {
                report.failures.push(format!("{}: marked: {left}", case.kind));
            }
            continue;
        }
        tally.total += 1;
        if is_valid && case.secrets.iter().all(|secret| is_gone(secret, &left)) {
            tally.found += 1;
        } else {
            report.failures.push(format!("{}: missed: {}\n    left: {left}", case.kind, case.text));
        }
    }
    report
}

/// The raw JSON of a message that holds the text as the result of a tool.
fn message(text: &str) -> String {
    let text = serde_json::to_string(text).expect("a string");
    format!(
        r#"{{"type":"user","message":{{"role":"user","content":[{{"type":"tool_result","content":{text}}}]}},"n":12}}"#
    )
}

fn text_of(message: &str) -> String {
    let message: Value = serde_json::from_str(message).unwrap_or_default();
    message["message"]["content"][0]["content"].as_str().unwrap_or_default().to_owned()
}

/// True if no part of the secret that is long enough to be of use is left in the text.
pub fn is_gone(secret: &str, text: &str) -> bool {
    // The kinds of marks are no part of a secret.
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("[REDACTED:") {
        plain.push_str(&rest[..at]);
        plain.push('\0');
        rest = rest[at..].split_once(']').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    let secret: Vec<char> = secret.chars().collect();
    let windows = secret.windows(LEFT_CHARS.min(secret.len()).max(1));
    !windows.map(|window| window.iter().collect::<String>()).any(|part| plain.contains(&part))
}

impl Report {
    /// A table: kind, found, total, share; for texts without secrets lines, marks, marks in 1,000 lines.
    pub fn table(&self) -> String {
        let mut table = String::new();
        for (kind, tally) in &self.kinds {
            if tally.total > 0 {
                let share = tally.found as f64 * 100.0 / tally.total as f64;
                table +=
                    &format!("{kind:<12} {:>6} of {:>6} found {share:>7.2} %\n", tally.found, tally.total);
            }
            if tally.lines > 0 {
                let share = tally.wrong_marks as f64 * 1000.0 / tally.lines as f64;
                table += &format!(
                    "{kind:<12} {:>6} marks in {:>6} lines {share:>7.3} in 1,000\n",
                    tally.wrong_marks, tally.lines
                );
            }
        }
        table
    }
}
