//! Scripts and files around the programs, as far as they can be tried without building a package.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Puts a command into a folder for `PATH`.
fn provide(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn tests_say_at_once_that_they_need_linux() {
    let folder = tempfile::tempdir().unwrap();
    provide(folder.path(), "uname", "#!/bin/sh\necho Darwin\n");
    for tool in ["cargo", "apt-get", "strace"] {
        provide(folder.path(), tool, "#!/bin/sh\necho \"$0 was started\" >&2\nexit 1\n");
    }
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let output = Command::new(format!("{ROOT}/scripts/test")).env("PATH", path).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains("need Linux") && !said.contains("was started"), "{said}");
}
