//! The targets: each a function that takes any bytes and panics where what they lead to is wrong.
//!
//! Run here over seeds and mutations of them, and by libFuzzer from `fuzz/`. A target reads no clock but where the code
//! under test does, keeps nothing from one input to the next that could change a verdict, and is as quick as it can be.

pub mod client_response;
pub mod configuration;
pub mod hook_input;
pub mod queue;
pub mod receiver_body;
pub mod redaction;
pub mod remote_pattern;
pub mod state;

use chrono::{DateTime, Utc};
use han_sync::exporter::environment::Environment;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;

/// The time of every input.
static NOW: LazyLock<DateTime<Utc>> = LazyLock::new(|| "2026-01-02T03:04:05Z".parse().expect("a time"));

/// Works in a folder of this thread's own, which is kept for the next input.
fn in_folder<T>(work: impl FnOnce(&Path) -> T) -> T {
    thread_local! {
        static FOLDER: TempDir = new_folder();
    }
    FOLDER.with(|folder| work(folder.path()))
}

/// In memory, unless `TMPDIR` names another place: what is written and synced here is to test no disk.
fn new_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let is_free = std::env::var_os("TMPDIR").is_none() && memory.is_dir();
    if is_free { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// The environment of a program whose every file is in `folder`.
fn environment(folder: &Path) -> Environment {
    Environment {
        home: Some(folder.to_owned()),
        claude_config_dir: Some(folder.to_owned()),
        test_machine: Some("machine".to_owned()),
        ..Environment::default()
    }
}

/// The files of a folder whose names begin with `prefix`, with what is in them.
fn files(folder: &Path, prefix: &str) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let named = paths.filter(|path| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
    });
    named.map(|path| (path.clone(), std::fs::read(&path).expect("the file can be read"))).collect()
}
