//! Archives of `pg_dump`, and their rows as `pg_restore` prints them.
//!
//! Invariants: of an archive only the rows of the schema's tables are read, never its SQL, so that an archive cannot do anything
//! but fill tables; an archive that ends early is an error.

use super::libpq::LibpqEnvironment;
use super::roles::quoted;
use crate::receiver::store::database::migrate::RESTORED_TABLES;
use crate::receiver::store::error::{Result, StoreError};
use serde_json::{Map, Value as Json};
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

/// First bytes of an archive.
pub const DUMP_MAGIC: &[u8] = b"PGDMP";
const MIGRATIONS: &str = "migrations";

/// Runs `pg_dump` in an exported snapshot. Returns the reason for which it made no archive.
pub fn dump(
    environment: &LibpqEnvironment,
    schema: &str,
    snapshot: &str,
    archive: File,
) -> Result<Option<String>> {
    let mut command = program("pg_dump", environment);
    // --enable-row-security: without it pg_dump insists on a role that row-level security does not concern.
    command.args(["--format=custom", "--enable-row-security", "--no-password", "--encoding=UTF8"]);
    command.arg(format!("--schema={}", quoted(schema))).arg(format!("--snapshot={snapshot}"));
    match run(command.stdin(Stdio::null()).stdout(archive)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some("pg_dump is not installed".to_owned())),
        Err(error) => Ok(Some(format!("pg_dump cannot be run: {error}"))),
        Ok((status, _)) if status.success() => Ok(None),
        Ok((_, complaints)) => Ok(Some(format!("pg_dump failed: {}", first_line(&complaints)))),
    }
}

/// Runs a program to its end, and returns what it says on stderr. `Command::output` panics if it cannot read a pipe.
fn run(command: &mut Command) -> io::Result<(ExitStatus, String)> {
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    let mut complaints = Vec::new();
    let read = child.stderr.take().map(|mut stderr| stderr.read_to_end(&mut complaints));
    let status = child.wait();
    read.transpose()?;
    Ok((status?, String::from_utf8_lossy(&complaints).into_owned()))
}

/// The schema that an archive's rows belong to, by the number of its newest migration. Reads every row of the archive.
pub fn dump_version(archive: &Path) -> Result<i64> {
    let foreign =
        || StoreError::refused(format!("{} is no backup of a han-sync-receiver", archive.display()));
    let mut newest = None;
    for row in DumpRows::all(archive)? {
        let (table, row) = row?;
        if table == MIGRATIONS {
            let number = row.get("number").and_then(Json::as_str).and_then(|text| text.parse::<i64>().ok());
            newest = newest.max(Some(number.ok_or_else(foreign)?));
        }
    }
    newest.ok_or_else(foreign)
}

/// A program of PostgreSQL with these settings alone.
fn program(name: &str, environment: &LibpqEnvironment) -> Command {
    let mut command = Command::new(name);
    for (variable, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
        command.env_remove(variable);
    }
    command.envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
    command
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gives no reason").trim()
}

/// A row of an archive: its table, and its columns.
pub type DumpRow = (&'static str, Map<String, Json>);

/// The rows of an archive, one after the other, each with its table, as objects of texts and nulls.
pub struct DumpRows {
    archive: String,
    child: Child,
    script: BufReader<ChildStdout>,
    complaints: Option<JoinHandle<String>>,
    /// Table and columns of the rows that are being read.
    current: Option<(Option<&'static str>, Vec<String>)>,
    is_done: bool,
}

impl DumpRows {
    /// The rows that a backup is restored from.
    pub fn of(archive: &Path) -> Result<impl Iterator<Item = Result<DumpRow>>> {
        let rows = DumpRows::all(archive)?;
        Ok(rows.filter(|row| !matches!(row, Ok((MIGRATIONS, _)))))
    }

    /// Those rows, and those of the migrations.
    fn all(archive: &Path) -> Result<DumpRows> {
        let mut command = program("pg_restore", &Vec::new());
        command.args(["--data-only", "--file=-"]);
        let child = command.arg("--").arg(archive).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = child.stderr(Stdio::piped()).spawn().map_err(|error| {
            StoreError::Unavailable(format!(
                "the backup {} needs pg_restore, which cannot be run ({error}): install PostgreSQL's client programs",
                archive.display()
            ))
        })?;
        let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(StoreError::Internal("pg_restore has no output".to_owned()));
        };
        let complaints = std::thread::Builder::new().spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let complaints = complaints.map_err(|error| {
            StoreError::Unavailable(format!("no thread can be started for pg_restore: {error}"))
        })?;
        Ok(DumpRows {
            archive: archive.display().to_string(),
            child,
            script: BufReader::new(stdout),
            complaints: Some(complaints),
            current: None,
            is_done: false,
        })
    }

    /// Reads up to the next row of a table that is wanted; `None` at the end.
    fn next_row(&mut self) -> Result<Option<DumpRow>> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let bytes = self.script.read_until(b'\n', &mut line);
            if bytes.map_err(|error| self.damaged(&error.to_string()))? == 0 {
                return self.end().map(|()| None);
            }
            let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).into_owned();
            match &self.current {
                None => self.current = DumpRows::begin(&text),
                Some(_) if text == "\\." => self.current = None,
                Some((None, _)) => {}
                Some((Some(table), columns)) => match row(columns, &text) {
                    Some(row) => return Ok(Some((*table, row))),
                    None => return Err(self.damaged(&format!("a row of {table} cannot be read"))),
                },
            }
        }
    }

    /// Table, if it is wanted, and columns of a `COPY`; `None` for any other line.
    fn begin(line: &str) -> Option<(Option<&'static str>, Vec<String>)> {
        let (table, rest) = line.strip_prefix("COPY ")?.split_once(" (")?;
        let columns = rest.strip_suffix(") FROM stdin;")?;
        let table = table.rsplit('.').next().unwrap_or(table);
        let wanted = RESTORED_TABLES.iter().chain(&[MIGRATIONS]).find(|name| **name == table);
        Some((wanted.copied(), columns.split(", ").map(|name| name.trim_matches('"').to_owned()).collect()))
    }

    fn end(&mut self) -> Result<()> {
        let status = self.child.wait().map_err(|error| self.damaged(&error.to_string()))?;
        let complaints = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        match status.success() && self.current.is_none() {
            true => Ok(()),
            false => Err(self.damaged(first_line(&complaints))),
        }
    }

    fn damaged(&self, reason: &str) -> StoreError {
        StoreError::refused(format!("the backup {} is damaged: {reason}", self.archive))
    }
}

impl Iterator for DumpRows {
    type Item = Result<DumpRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let row = self.next_row();
        self.is_done = !matches!(row, Ok(Some(_)));
        row.transpose()
    }
}

impl Drop for DumpRows {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Parses a line of `COPY`'s text format; `None` unless it has a value for each column.
fn row(columns: &[String], line: &str) -> Option<Map<String, Json>> {
    let values: Vec<Json> = line.split('\t').map(value).collect::<Option<_>>()?;
    let row = (values.len() == columns.len()).then(|| columns.iter().cloned().zip(values));
    row.map(Iterator::collect)
}

/// Parses a value of `COPY`'s text format.
fn value(text: &str) -> Option<Json> {
    if text == "\\N" {
        return Some(Json::Null);
    }
    let mut parsed = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            parsed.push(character);
            continue;
        }
        parsed.push(match characters.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            other => other,
        });
    }
    Some(Json::String(parsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_copy_are_read_as_they_were_stored() {
        let columns = ["a", "b", "c"].map(str::to_owned);
        let read = row(&columns, "x\\ty\\\\n\\N\t\\N\té\\n\\b\\f\\r\\v").unwrap();
        assert_eq!(read["a"], "x\ty\\nN");
        assert_eq!(read["b"], Json::Null);
        assert_eq!(read["c"], "é\n\u{8}\u{c}\r\u{b}");
        assert!(row(&columns, "x\ty").is_none() && row(&columns, "x\ty\tz\\").is_none());
    }
}
