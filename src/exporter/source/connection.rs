//! The connection to han's database, and read transactions on it.
//!
//! The connection cannot write: it is opened read-only, and han's writer is never blocked.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction};

use crate::exporter::error::{Error, ExitCode};
use crate::exporter::source::files;
use crate::exporter::source::rows::MessageRow;
use crate::exporter::source::schema::SourceSchema;

/// Time to wait for han's writer, which holds its exclusive lock for moments only (recovery, a checkpoint at close).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages in the connection's cache: most are read once, and those that are read again stay in the processor's cache.
const CACHE_PAGES: i64 = 64;

/// An open connection to han.db.
pub struct Source {
    connection: Connection,
    pub(super) schema: SourceSchema,
    /// `SELECT … FROM messages` for this schema.
    pub(super) select_messages: String,
    /// File id; `None` if the path led to another file while it was opened.
    file_id: Option<String>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Source").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Source {
    /// Opens han's database read-only.
    ///
    /// # Errors
    /// [`ExitCode::NoSource`] where there is none or it is not han's; [`ExitCode::TryAgain`] while it is locked.
    pub fn open(path: &Path) -> Result<Source, Error> {
        let name = path.display();
        let no_source = |why: String| Error::new(ExitCode::NoSource, why);
        if !files::metadata(path)?.is_file() {
            return Err(no_source(format!("{name} is no file; point --db or HAN_DB at han's database")));
        }
        let file_id = files::file_id(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| read_error(path, &error))?;
        connection.busy_timeout(BUSY_TIMEOUT).context("cannot set SQLite's busy timeout")?;
        // Without a stable plan SQLite plans a statement again for each bound value, which takes longer than most queries.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .and_then(|_| connection.pragma_update(None, "cache_size", CACHE_PAGES))
            .map_err(|error| read_error(path, &error))?;
        let schema = SourceSchema::read(&connection).map_err(|error| read_error(path, &error))?;
        if let Some(missing) = schema.missing() {
            return Err(no_source(format!(
                "{name} is no han database: it has no {missing}; point --db or HAN_DB at han's"
            )));
        }
        let select_messages = MessageRow::select(&schema);
        let file_id = Some(file_id).filter(|id| files::file_id(path).is_ok_and(|now| now == *id));
        Ok(Source { connection, schema, select_messages, file_id })
    }

    /// Path of the database.
    pub fn path(&self) -> Option<&Path> {
        self.connection.path().map(Path::new)
    }

    /// `SELECT … FROM messages` for the schema as it was when the database was opened.
    pub fn select_messages(&self) -> &str {
        &self.select_messages
    }

    /// Id of the file that is open, as far as it is known. No other file has it as long as it is open.
    pub fn file_id(&self) -> Option<&str> {
        self.file_id.as_deref()
    }

    /// SQLite's data version: another number after another program has written, and of no meaning to another connection.
    /// It must not be called in a snapshot.
    pub fn version(&self) -> Result<i64, Error> {
        let version = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0));
        version.map_err(|error| self.read_error(&error))
    }

    /// Begins a snapshot; it ends when dropped.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, Error> {
        let transaction = self.connection.unchecked_transaction().map_err(|error| self.read_error(&error))?;
        Ok(Snapshot { source: self, _transaction: transaction })
    }

    fn read_error(&self, error: &rusqlite::Error) -> Error {
        read_error(Path::new(self.connection.path().unwrap_or_default()), error)
    }
}

/// A read transaction.
pub struct Snapshot<'a> {
    pub(super) source: &'a Source,
    _transaction: Transaction<'a>,
}

impl fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Snapshot")
    }
}

impl Snapshot<'_> {
    /// Runs a query and passes each row to `visit`, until it breaks.
    pub(super) fn for_each(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        mut visit: impl FnMut(&Row) -> rusqlite::Result<ControlFlow<()>>,
    ) -> Result<(), Error> {
        let run = || -> rusqlite::Result<()> {
            let mut statement = self.source.connection.prepare_cached(sql)?;
            let mut rows = statement.query(parameters)?;
            while let Some(row) = rows.next()? {
                if visit(row)?.is_break() {
                    break;
                }
            }
            Ok(())
        };
        run().map_err(|error| self.source.read_error(&error))
    }

    /// Runs a query of at most one row.
    pub(super) fn first<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnOnce(&Row) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        let run = || -> rusqlite::Result<Option<T>> {
            self.source.connection.prepare_cached(sql)?.query_row(parameters, read).optional()
        };
        run().map_err(|error| self.source.read_error(&error))
    }
}

/// Error of a database that cannot be opened or read.
fn read_error(path: &Path, error: &rusqlite::Error) -> Error {
    let name = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::new(
            ExitCode::NoSource,
            format!("{name} is no SQLite database; point --db or HAN_DB at han's database"),
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::new(
            ExitCode::TryAgain,
            format!("{name} is locked by another program ({error}); the next run tries again"),
        ),
        // SQLite reports a disk that cannot be read the same way.
        Some(ErrorCode::DatabaseCorrupt) => Error::new(
            ExitCode::NoSource,
            format!(
                "{name} or the disk below it is damaged ({error}); if the next run reports it too, delete it and let han \
                 index again"
            ),
        ),
        Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory | ErrorCode::DiskFull) => Error::new(
            ExitCode::TryAgain,
            format!(
                "cannot read {name} ({error}); the next run tries again; if it fails too, check the disk"
            ),
        ),
        _ => Error::new(
            ExitCode::NoSource,
            format!(
                "cannot read {name} ({error}); check that this user may read it, and that its folder is not \
                 read-only: SQLite keeps -wal and -shm files there"
            ),
        ),
    }
}
