//! `admin backup` and `admin restore`: the whole store in one file.

use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::options::GlobalOptions;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{BackupFile, BackupFormat, BackupSummary, MissingStore, Store, StoreError};
use argh::FromArgs;
use std::path::{Path, PathBuf};

/// write a backup of the whole store to a new file, also while the receiver serves
#[derive(FromArgs)]
#[argh(subcommand, name = "backup")]
pub struct BackupArgs {
    /// file that is not there yet
    #[argh(positional)]
    path: PathBuf,
}

/// fill an empty or absent store from a backup, and check it
#[derive(FromArgs)]
#[argh(subcommand, name = "restore")]
pub struct RestoreArgs {
    /// file that admin backup has written
    #[argh(positional)]
    path: PathBuf,
}

/// Runs `admin backup`.
pub async fn back_up(store: &Store, output: &ResultOutput, arguments: BackupArgs) -> Result<(), CliError> {
    let summary = store.back_up(&arguments.path).await?;
    let BackupSummary { backup, format, bytes, without_pg_dump } = &summary;
    let form = match format {
        BackupFormat::Sqlite => "an SQLite file".to_owned(),
        BackupFormat::PgDump => "an archive of pg_dump".to_owned(),
        BackupFormat::Ndjson => {
            format!("lines of JSON, since {}", without_pg_dump.as_deref().unwrap_or("there is no pg_dump"))
        }
    };
    output.print(&summary, &format!("wrote the backup {backup}: {bytes} bytes, {form}"))
}

/// Runs `admin restore`. The backup is checked first, so that a faulty one creates no store.
pub async fn restore(
    options: &GlobalOptions,
    output: &ResultOutput,
    arguments: RestoreArgs,
) -> Result<(), CliError> {
    let backup = BackupFile::open(Path::new(&arguments.path))?;
    backup.require_kind(options.store_url()?.starts_with("sqlite:"))?;
    let store = options.open_store(MissingStore::Create).await?;
    let restored = store.restore(&backup).await?;
    let check = &restored.check;
    let text = format!(
        "restored {} sessions with {} messages from {}; keys that were revoked and users who were erased since the backup was \
         made are back",
        check.sessions, check.messages, restored.restored
    );
    output.print(&restored, &text)?;
    match check.faults.len() {
        0 => Ok(()),
        faults => Err(CliError::Store(StoreError::refused(format!(
            "the restored store has {faults} differences from a recount, as the backup has; run admin check --repair"
        )))),
    }
}
