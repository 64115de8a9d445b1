//! The short and the long form of an attack, and the report of what was tried.

use std::io::Write;

/// True if the long form is asked for: `HAN_SYNC_TORTURE=long`.
pub fn is_long() -> bool {
    std::env::var("HAN_SYNC_TORTURE").is_ok_and(|size| size == "long")
}

/// The short form's size, or the long one's.
pub fn pick<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

/// Says what a part tried and found: on stderr, and in the file that `HAN_SYNC_TORTURE_REPORT` names.
pub fn report(part: &str, words: &str) {
    let line = format!("torture: {part}: {words}\n");
    eprint!("{line}");
    if let Some(path) = std::env::var_os("HAN_SYNC_TORTURE_REPORT") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        let mut file = file.unwrap_or_else(|error| panic!("cannot append to {path:?}: {error}"));
        file.write_all(line.as_bytes()).expect("the report is on a disk with room");
    }
}
