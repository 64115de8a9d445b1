//! A backup of a PostgreSQL store as lines of JSON, for a machine without `pg_dump`: a manifest, a line for each row, and an end
//! with the SHA-256 of all before.

use crate::hex;
use crate::printable::printable;
use crate::receiver::store::database::{PostgresTransaction, RESTORED_TABLES, newest};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::time;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Name of the format, in the manifest.
const FORMAT: &str = "han-sync-receiver backup";
/// Version of the format, in the manifest.
const VERSION: u32 = 1;
/// First bytes of a manifest.
pub const MANIFEST_PREFIX: &[u8] = b"{\"type\":\"manifest\"";
const END_PREFIX: &str = "{\"type\":\"end\"";

/// A row of a backup: its table, and its columns.
pub type BackupRow = (&'static str, Map<String, Json>);

/// A line, for reading.
#[derive(serde::Deserialize)]
struct RowLine {
    table: String,
    row: Map<String, Json>,
}

/// Writes everything that the transaction sees.
pub async fn write(tx: &PostgresTransaction, file: &mut File) -> Result<()> {
    let mut lines = HashingWriter { out: BufWriter::new(file), hash: Sha256::new() };
    let made_at = time::rfc3339(time::now_us());
    let manifest = format!(
        "{{\"type\":\"manifest\",\"format\":\"{FORMAT}\",\"version\":{VERSION},\"schema\":{},\"program\":\"{}\",\"madeAt\":\"{made_at}\"}}",
        newest(),
        env!("CARGO_PKG_VERSION")
    );
    lines.line(&manifest)?;
    let mut rows = 0u64;
    for &table in RESTORED_TABLES {
        let sql = format!("SELECT row_to_json(r)::text FROM {table} AS r");
        tx.for_each(&sql, &[], |row| {
            rows += 1;
            lines.line(&format!("{{\"table\":\"{table}\",\"row\":{}}}", row.text(0)?))
        })
        .await?;
    }
    let sha256 = hex::encode(&lines.hash.finalize());
    let end = format!("{END_PREFIX},\"rows\":{rows},\"sha256\":\"{sha256}\"}}\n");
    lines.out.write_all(end.as_bytes()).and_then(|()| lines.out.flush()).map_err(|error| unwritable(&error))
}

fn unwritable(error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("the backup cannot be written: {error}"))
}

/// Lines on their way to a file, hashed.
struct HashingWriter<'f> {
    out: BufWriter<&'f mut File>,
    hash: Sha256,
}

impl HashingWriter<'_> {
    fn line(&mut self, line: &str) -> Result<()> {
        for part in [line.as_bytes(), b"\n"] {
            self.hash.update(part);
            self.out.write_all(part).map_err(|error| unwritable(&error))?;
        }
        Ok(())
    }
}

/// Checks a backup from the first line to the last, and returns its schema.
pub fn check(path: &Path) -> Result<i64> {
    let mut reader = BackupLines::open(path)?;
    let mut hash = Sha256::new();
    let manifest = reader.next()?.unwrap_or_default();
    let foreign = || StoreError::refused(format!("{} is no backup of a han-sync-receiver", path.display()));
    let described: Json = serde_json::from_str(&manifest).map_err(|_| foreign())?;
    if described["format"] != FORMAT {
        return Err(foreign());
    }
    if described["version"] != VERSION {
        return Err(StoreError::refused(format!(
            "{} has version {} of its format, and this han-sync-receiver reads version {VERSION}: restore it with the release that \
             wrote it, {}",
            path.display(),
            printable(&described["version"].to_string()),
            printable(&described["program"].to_string())
        )));
    }
    hash.update(&manifest);
    hash.update("\n");
    let mut rows = 0u64;
    while let Some(line) = reader.next()? {
        if line.starts_with(END_PREFIX) {
            let end: Json = serde_json::from_str(&line).unwrap_or_default();
            let expected = json!({"type": "end", "rows": rows, "sha256": hex::encode(&hash.finalize())});
            if end != expected || reader.next()?.is_some() {
                return Err(reader.damaged("its checksum is wrong"));
            }
            return described["schema"].as_i64().ok_or_else(foreign);
        }
        if serde_json::from_str::<&RawValue>(&line).is_err() {
            return Err(reader.damaged("a line is no JSON"));
        }
        hash.update(&line);
        hash.update("\n");
        rows += 1;
    }
    Err(reader.damaged("it ends early"))
}

/// The lines of a backup.
struct BackupLines {
    path: PathBuf,
    reader: BufReader<File>,
}

impl BackupLines {
    fn open(path: &Path) -> Result<BackupLines> {
        let file = File::open(path).map_err(|error| {
            StoreError::Unavailable(format!("the backup {} cannot be read: {error}", path.display()))
        })?;
        Ok(BackupLines { path: path.to_owned(), reader: BufReader::new(file) })
    }

    /// Reads the next line; `None` at the end of the file.
    fn next(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line);
        if read.map_err(|error| self.damaged(&error.to_string()))? == 0 {
            return Ok(None);
        }
        if line.pop() != Some('\n') {
            return Err(self.damaged("it ends early"));
        }
        Ok(Some(line))
    }

    fn damaged(&self, reason: &str) -> StoreError {
        StoreError::refused(format!("the backup {} is damaged: {reason}", self.path.display()))
    }
}

/// The rows of a backup that was checked.
pub struct NdjsonRows(BackupLines);

impl NdjsonRows {
    /// Begins after the manifest.
    pub fn of(path: &Path) -> Result<NdjsonRows> {
        let mut lines = BackupLines::open(path)?;
        lines.next()?;
        Ok(NdjsonRows(lines))
    }

    fn parse(&self, line: &str) -> Result<BackupRow> {
        let RowLine { table, row } =
            serde_json::from_str(line).map_err(|_| self.0.damaged("a row cannot be read"))?;
        let table = RESTORED_TABLES.iter().find(|name| **name == table);
        table.map(|table| (*table, row)).ok_or_else(|| self.0.damaged("it names a table that is not known"))
    }
}

impl Iterator for NdjsonRows {
    type Item = Result<BackupRow>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.next().transpose()? {
            Ok(line) if line.starts_with(END_PREFIX) => None,
            Ok(line) => Some(self.parse(&line)),
            Err(error) => Some(Err(error)),
        }
    }
}
