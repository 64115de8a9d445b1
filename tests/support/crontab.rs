//! A stand-in for the program `crontab`, with the crontab in a file beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A command that keeps its crontab in a file of its folder, as `crontab` keeps the user's.
const CRONTAB: &str = r#"#!/bin/sh
file="$(dirname "$0")/crontab.txt"
case "$1" in
  -l) if [ -f "$file" ]; then exec cat "$file"; fi; echo "no crontab for test" >&2; exit 1 ;;
  -r) exec rm -f "$file" ;;
  -) exec cat > "$file" ;;
esac
exit 2
"#;

/// Puts the command into a folder, and returns the path of the crontab's file.
pub fn provide(folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).expect("a folder");
    let program = folder.join("crontab");
    fs::write(&program, CRONTAB).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    folder.join("crontab.txt")
}
