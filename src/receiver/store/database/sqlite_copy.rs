//! Copies of an SQLite store as backups: one file, which is itself a store.
//!
//! The header marks a backup by SQLite's application id, and has the beginning of the file's SHA-256 in place of the user
//! version, which neither SQLite nor the receiver uses. A copy that an operator made otherwise has no mark, and is only
//! checked for integrity.

use super::migrate;
use crate::receiver::store::error::{Result, StoreError};
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// First bytes of every SQLite file.
pub const MAGIC: &[u8] = b"SQLite format 3\0";
/// Application id of a backup: `hanb`.
const APPLICATION_ID: [u8; 4] = *b"hanb";
const HEADER_BYTES: usize = 100;
/// Places of the file header, as SQLite's format defines them.
const WRITE_VERSION: usize = 18;
const USER_VERSION: usize = 60;
const APPLICATION: usize = 68;
/// Write version of a file in WAL mode.
const WAL: u8 = 2;
/// Bytes that are hashed at once.
const CHUNK_BYTES: usize = 1 << 16;

/// Marks a copy as a backup, with its checksum.
pub fn seal(file: &mut File) -> io::Result<()> {
    write_at(file, APPLICATION, APPLICATION_ID)?;
    let checksum = checksum(file)?;
    write_at(file, USER_VERSION, checksum)
}

/// Checks that a file is an undamaged backup with this receiver's schema.
pub fn check(path: &Path) -> Result<()> {
    let shown = path.display();
    let failed = |error: io::Error| StoreError::Unavailable(format!("{shown} cannot be read: {error}"));
    let damaged = |reason: &str| StoreError::refused(format!("the backup {shown} is damaged: {reason}"));
    let mut file = File::open(path).map_err(failed)?;
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header).map_err(|_| damaged("it ends early"))?;
    if header[WRITE_VERSION] == WAL {
        return Err(StoreError::refused(format!(
            "{shown} is a store, or a copy of one without its -wal, and no backup: make one with han-sync-receiver admin backup"
        )));
    }
    if header[APPLICATION..][..4] == APPLICATION_ID
        && checksum(&mut file).map_err(failed)? != header[USER_VERSION..][..4]
    {
        return Err(damaged("its checksum is wrong"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(|error| damaged(&error.to_string()))?;
    let text = |sql: &str| db.query_row(sql, [], |row| row.get::<_, String>(0));
    let integrity = text("PRAGMA integrity_check(1)").unwrap_or_else(|error| error.to_string());
    if integrity != "ok" {
        return Err(damaged(&integrity));
    }
    let version = db.query_row(migrate::SELECT_VERSION, [], |row| row.get::<_, i64>(0));
    let released = text("SELECT name FROM migrations WHERE number = 1");
    match (version, released.as_deref()) {
        (Ok(version), Ok(migrate::FIRST_NAME)) => migrate::require_current(version),
        _ => Err(StoreError::refused(format!("{shown} is no backup of a han-sync-receiver"))),
    }
}

/// The beginning of the SHA-256 of a file whose user version is zero.
fn checksum(file: &mut File) -> io::Result<[u8; 4]> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    file.seek(SeekFrom::Start(0))?;
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header)?;
    header[USER_VERSION..][..4].fill(0);
    hash.update(header);
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            bytes => hash.update(&chunk[..bytes]),
        }
    }
    let hash = hash.finalize();
    Ok([hash[0], hash[1], hash[2], hash[3]])
}

fn write_at(file: &mut File, place: usize, bytes: [u8; 4]) -> io::Result<()> {
    file.seek(SeekFrom::Start(place as u64))?;
    file.write_all(&bytes)
}
