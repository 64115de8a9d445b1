//! The backup of a store that serves.

use super::file::{BackupFile, BackupFormat};
use super::ndjson;
use super::partial_file::PartialFile;
use crate::receiver::store::audit::{AuditEntry, record};
use crate::receiver::store::database::{Database, DbRole, Postgres, Sqlite, seal_sqlite_copy};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::Store;
use serde::Serialize;
use std::io::Seek;
use std::path::Path;
use tokio::task::block_in_place;

/// A backup that was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupSummary {
    /// Absolute path.
    pub backup: String,
    /// Form.
    pub format: BackupFormat,
    /// Size of the file.
    pub bytes: u64,
    /// Reason for which `pg_dump` did not make it; null where it did, and for SQLite.
    pub without_pg_dump: Option<String>,
}

impl Store {
    /// Writes a backup of the whole store to a file that is not there yet, and reads it back before it gets its name.
    pub async fn back_up(&self, target: &Path) -> Result<BackupSummary> {
        let mut partial = PartialFile::create(target)?;
        let (format, without_pg_dump) = match &self.db {
            Database::Sqlite(db) => (copy(db, &mut partial)?, None),
            Database::Postgres(db) => dump(db, &mut partial).await?,
        };
        let bytes = partial.sync()?;
        let backup = partial.target().display().to_string();
        self.operate(async |tx| record(tx, &AuditEntry::command("store.backup", &backup)).await).await?;
        partial.publish()?;
        Ok(BackupSummary { backup, format, bytes, without_pg_dump })
    }
}

/// Writes a copy of an SQLite file.
fn copy(db: &Sqlite, partial: &mut PartialFile) -> Result<BackupFormat> {
    let Some(path) = partial.path().to_str() else {
        let target = partial.target().display();
        return Err(StoreError::refused(format!("{target} is no text: name another file")));
    };
    db.copy_to(path)?;
    block_in_place(|| seal_sqlite_copy(partial.file())).map_err(|error| unwritable(&error))?;
    read_back(partial)
}

/// Writes an archive of `pg_dump`, or lines of JSON where there can be none, and returns the reason for these.
async fn dump(db: &Postgres, partial: &mut PartialFile) -> Result<(BackupFormat, Option<String>)> {
    let tx = db.begin(DbRole::Operator, true).await?;
    let archive = partial.file().try_clone().map_err(|error| unwritable(&error))?;
    let reason = match db.dump(&tx, archive).await? {
        Some(reason) => reason,
        None => match read_back(partial) {
            Ok(format) => return tx.commit().await.map(|()| (format, None)),
            Err(error) => partial.without_temporary_name(&error),
        },
    };
    partial.file().set_len(0).and_then(|()| partial.file().rewind()).map_err(|error| unwritable(&error))?;
    ndjson::write(&tx, partial.file()).await?;
    tx.commit().await?;
    Ok((read_back(partial)?, Some(reason)))
}

/// Reads what was written as a restore would.
fn read_back(partial: &PartialFile) -> Result<BackupFormat> {
    Ok(block_in_place(|| BackupFile::open(partial.path()))?.format)
}

fn unwritable(error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("the backup cannot be written: {error}"))
}
