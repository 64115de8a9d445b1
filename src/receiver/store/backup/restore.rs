//! The restore of a backup into an empty store, in one transaction.

use super::file::{BackupFile, BackupFormat};
use super::ndjson::{BackupRow, NdjsonRows};
use crate::receiver::store::audit::{
    AuditEntry, DISTRIBUTION, REFUSED_AUTHENTICATION, record, take_refused_authentications,
};
use crate::receiver::store::check::StoreCheck;
use crate::receiver::store::database::{Database, DumpRows, RESTORED_TABLES, Transaction};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::Store;
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// Bytes of rows that are inserted at once.
const INSERT_BYTES: usize = 1 << 20;

/// A store that was restored.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoredStore {
    /// Absolute path of the backup.
    pub restored: String,
    /// Form of the backup.
    pub format: BackupFormat,
    /// The store against a recount of its rows.
    pub check: StoreCheck,
}

impl Store {
    /// Fills this empty store from a backup, and checks it.
    pub async fn restore(&self, backup: &BackupFile) -> Result<RestoredStore> {
        backup.require_kind(matches!(self.db, Database::Sqlite(_)))?;
        let restored = backup.path.display().to_string();
        let Some(path) = backup.path.to_str() else {
            return Err(StoreError::refused(format!("{restored} is no text: rename the backup")));
        };
        let tx = self.db.restore(path).await?;
        tx.lock_directory().await?;
        require_empty(&tx).await?;
        let refused = take_refused_authentications(&tx).await?;
        let filled = match backup.format {
            BackupFormat::Sqlite => copy_attached(&tx).await,
            BackupFormat::PgDump => insert_rows(&tx, DumpRows::of(&backup.path)?).await,
            BackupFormat::Ndjson => insert_rows(&tx, NdjsonRows::of(&backup.path)?).await,
        };
        filled.map_err(|error| match error {
            // The backup's rows do not fit the schema.
            StoreError::Internal(reason) => StoreError::refused(format!(
                "the backup {restored} is damaged, and nothing was restored: {reason}"
            )),
            other => other,
        })?;
        for entry in &refused {
            record(&tx, entry).await?;
        }
        record(&tx, &AuditEntry::command("store.restore", &restored)).await?;
        tx.commit().await?;
        let check = self.check(false).await?;
        Ok(RestoredStore { restored, format: backup.format, check })
    }
}

/// Rejects a store that holds anything. Refused authentications of clients that came too early are nothing, and neither is the
/// distribution of an empty store.
async fn require_empty(tx: &Transaction) -> Result<()> {
    for &table in RESTORED_TABLES {
        let condition = match table {
            "audit" => format!(" WHERE action NOT IN ('{REFUSED_AUTHENTICATION}', '{DISTRIBUTION}')"),
            _ => String::new(),
        };
        if tx.query_one(&format!("SELECT 1 FROM {table}{condition} LIMIT 1"), &[]).await?.is_some() {
            return Err(StoreError::refused(
                "the store holds data, and nothing was restored: name an empty or absent store with --store",
            ));
        }
    }
    Ok(())
}

/// Copies the rows of the attached SQLite file.
async fn copy_attached(tx: &Transaction) -> Result<()> {
    for &table in RESTORED_TABLES {
        let columns =
            tx.query_texts(&format!("SELECT name FROM pragma_table_info('{table}', 'main')"), &[]).await?;
        let columns: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
        let columns = columns.join(", ");
        tx.execute(
            &format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM attached.{table}"),
            &[],
        )
        .await?;
    }
    Ok(())
}

/// Inserts rows into PostgreSQL, many at once.
async fn insert_rows(tx: &Transaction, rows: impl Iterator<Item = Result<BackupRow>>) -> Result<()> {
    let mut pending = PendingRows { table: "", rows: 0, json: String::new() };
    for row in rows {
        let (table, row) = row?;
        if table != pending.table || pending.json.len() > INSERT_BYTES {
            pending.insert(tx).await?;
            pending.table = table;
        }
        pending.add(row)?;
    }
    pending.insert(tx).await
}

/// Rows of one table, as the elements of a JSON array.
struct PendingRows {
    table: &'static str,
    rows: u64,
    json: String,
}

impl PendingRows {
    fn add(&mut self, row: Map<String, Json>) -> Result<()> {
        let row = serde_json::to_string(&row).map_err(|error| StoreError::Internal(error.to_string()))?;
        self.json.push(if self.json.is_empty() { '[' } else { ',' });
        self.json.push_str(&row);
        self.rows += 1;
        Ok(())
    }

    async fn insert(&mut self, tx: &Transaction) -> Result<()> {
        if self.json.is_empty() {
            return Ok(());
        }
        self.json.push(']');
        let table = self.table;
        // With a conflict clause, because a cluster would copy the rows to its workers without one, and row-level security takes no
        // `COPY`. A row that is there twice is missed among the inserted ones.
        let sql = format!(
            "INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, $1::text::json) ON CONFLICT DO NOTHING"
        );
        let rows = std::mem::take(&mut self.rows);
        match tx.execute(&sql, &[std::mem::take(&mut self.json).into()]).await? == rows {
            true => Ok(()),
            false => Err(StoreError::Internal(format!("a row of {table} is there twice"))),
        }
    }
}
