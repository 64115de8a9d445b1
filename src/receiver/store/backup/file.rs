//! A file that a store can be restored from: recognised by its first bytes, and checked before anything is restored.

use super::ndjson;
use crate::receiver::store::database::{
    DUMP_MAGIC, SQLITE_MAGIC, check_sqlite_copy, dump_version, require_current, require_private,
};
use crate::receiver::store::error::{Result, StoreError};
use serde::Serialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Form of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupFormat {
    /// A file of SQLite, which is itself a store.
    Sqlite,
    /// An archive of `pg_dump` in the custom format.
    PgDump,
    /// Rows as lines of JSON.
    Ndjson,
}

/// A backup that was checked.
#[derive(Debug)]
pub struct BackupFile {
    /// Absolute path.
    pub path: PathBuf,
    /// Form.
    pub format: BackupFormat,
}

impl BackupFormat {
    /// Recognises the form by the first bytes of a file.
    fn of(first_bytes: &[u8]) -> Option<BackupFormat> {
        [
            (SQLITE_MAGIC, BackupFormat::Sqlite),
            (DUMP_MAGIC, BackupFormat::PgDump),
            (ndjson::MANIFEST_PREFIX, BackupFormat::Ndjson),
        ]
        .into_iter()
        .find_map(|(magic, format)| first_bytes.starts_with(magic).then_some(format))
    }
}

impl BackupFile {
    /// Checks a backup as far as that needs no store.
    pub fn open(path: &Path) -> Result<BackupFile> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let shown = path.display();
        let unreadable = |error: std::io::Error| {
            StoreError::Unavailable(format!("the backup {shown} cannot be read: {error}"))
        };
        if !std::fs::metadata(&path).map_err(unreadable)?.is_file() {
            return Err(StoreError::refused(format!("{shown} is no file, and so no backup")));
        }
        require_private(&path, "backup")?;
        let mut first_bytes = Vec::new();
        File::open(&path).and_then(|file| file.take(64).read_to_end(&mut first_bytes)).map_err(unreadable)?;
        let Some(format) = BackupFormat::of(&first_bytes) else {
            return Err(StoreError::refused(format!("{shown} is no backup of a han-sync-receiver")));
        };
        match format {
            BackupFormat::Sqlite => check_sqlite_copy(&path)?,
            BackupFormat::PgDump => require_current(dump_version(&path)?)?,
            BackupFormat::Ndjson => require_current(ndjson::check(&path)?)?,
        }
        Ok(BackupFile { path, format })
    }

    /// Rejects a store of another kind than the one that the backup was made of.
    pub fn require_kind(&self, store_is_sqlite: bool) -> Result<()> {
        let (made_of, url) = match self.format {
            BackupFormat::Sqlite => ("SQLite", "sqlite:PATH"),
            BackupFormat::PgDump | BackupFormat::Ndjson => ("PostgreSQL", "postgres://…"),
        };
        if store_is_sqlite == (self.format == BackupFormat::Sqlite) {
            return Ok(());
        }
        Err(StoreError::refused(format!(
            "{} is a backup of a store on {made_of}: name one with --store {url}",
            self.path.display()
        )))
    }
}
