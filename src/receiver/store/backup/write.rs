//! The backup of a store that serves.

use super::file::{BackupFile, BackupFormat};
use super::ndjson;
use super::partial_file::PartialFile;
use crate::receiver::store::audit::{AuditEntry, record};
use crate::receiver::store::database::{Database, DbRole, Transaction, seal_sqlite_copy};
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
        let without_pg_dump = match &self.db {
            Database::Sqlite(db) => {
                let path = partial.path().to_str().ok_or_else(|| {
                    StoreError::refused(format!("{} is no text: name another file", target.display()))
                })?;
                db.copy_to(path)?;
                let sealed = block_in_place(|| seal_sqlite_copy(partial.file()));
                sealed.map_err(|error| {
                    StoreError::Unavailable(format!("the backup cannot be written: {error}"))
                })?;
                None
            }
            Database::Postgres(_) => self.dump(&mut partial).await?,
        };
        let bytes = partial.sync()?;
        let BackupFile { format, .. } = block_in_place(|| BackupFile::open(partial.path()))?;
        let backup = partial.target().display().to_string();
        self.operate(async |tx| record(tx, &AuditEntry::command("store.backup", &backup)).await).await?;
        partial.publish()?;
        Ok(BackupSummary { backup, format, bytes, without_pg_dump })
    }

    /// Writes an archive of `pg_dump`, or lines of JSON where there can be none, and returns the reason.
    async fn dump(&self, partial: &mut PartialFile) -> Result<Option<String>> {
        let unwritable =
            |error: std::io::Error| StoreError::Unavailable(format!("the backup cannot be written: {error}"));
        let tx = self.db.read(DbRole::Operator).await?;
        let archive = partial.file().try_clone().map_err(unwritable)?;
        let reason = match (&self.db, &tx) {
            (Database::Postgres(db), Transaction::Postgres(tx)) => db.dump(tx, archive).await?,
            _ => return Err(StoreError::Internal("only PostgreSQL is dumped".to_owned())),
        };
        let made = reason.is_none() && BackupFile::open(partial.path()).is_ok();
        let reason =
            reason.or_else(|| (!made).then(|| "pg_restore cannot read what pg_dump wrote".to_owned()));
        if reason.is_some() {
            partial.file().set_len(0).and_then(|()| partial.file().rewind()).map_err(unwritable)?;
            ndjson::write(&tx, partial.file()).await?;
        }
        tx.commit().await?;
        Ok(reason)
    }
}
