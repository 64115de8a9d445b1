//! Scripts and files around the programs, as far as they can be tried without building a package.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::end_to_end::machine::Machine;
use crate::support::han_db::HanDb;

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

/// Runs a script of the repository, and returns its exit code and what it said.
fn run_script(script: &str, arguments: &[&str], variables: &[(&str, &Path)]) -> (i32, String) {
    let mut command = Command::new(format!("{ROOT}/scripts/{script}"));
    let output = command.args(arguments).envs(variables.iter().copied()).output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Files that name the version.
const VERSIONED: [&str; 5] =
    ["Cargo.toml", "Cargo.lock", "fuzz/Cargo.lock", "CHANGELOG.md", "packaging/kubernetes/receiver.yaml"];

#[test]
fn release_finds_every_place_that_names_another_version() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(Path::new(ROOT).join(name), path).unwrap();
    };
    VERSIONED.iter().for_each(|name| copy(name));
    fs::create_dir(folder.path().join("docs")).unwrap();
    fs::write(folder.path().join("docs/han-sync.1"), ".TH HAN-SYNC 1\n").unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let changelog = fs::read_to_string(folder.path().join("CHANGELOG.md")).unwrap();
    if !changelog.contains(&format!("## {version} (")) {
        // Between two releases the version's section is still to come.
        let dated =
            changelog.replacen("## Unreleased", &format!("## Unreleased\n\n## {version} (2026-01-31)"), 1);
        fs::write(folder.path().join("CHANGELOG.md"), dated).unwrap();
    }
    let kubernetes = folder.path().join("packaging/kubernetes/receiver.yaml");
    let text = fs::read_to_string(&kubernetes).unwrap();
    let image = text.lines().find(|line| line.contains("image: ")).unwrap();
    let tagged = format!("{}:{version}", image.rsplit_once(':').unwrap().0);
    fs::write(&kubernetes, text.replace(image, &tagged)).unwrap();
    let agree = || run_script("release", &["agree"], &[("HAN_SYNC_RELEASE_ROOT", folder.path())]);
    assert_eq!(agree(), (0, String::new()));
    for name in VERSIONED {
        let path = folder.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        let changed = match name {
            "CHANGELOG.md" => text.replace(&format!("## {version} ("), "## 99.0.0 ("),
            _ => text.replace(version, "99.0.0"),
        };
        assert_ne!(changed, text, "{name} names the version");
        fs::write(&path, changed).unwrap();
        let (code, said) = agree();
        assert!(code == 1 && said.starts_with("release: "), "{name}: {said}");
        fs::write(&path, text).unwrap();
    }
    fs::write(folder.path().join("docs/han-sync.1"), ".TH HAN-SYNC 1 \"\" \"han-sync 99.0.0\"\n").unwrap();
    assert!(agree().1.contains("docs/han-sync.1"));
}

/// Lines of a unit without comments.
fn unit(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn units_of_the_package_are_those_that_install_writes_but_for_the_program() {
    let machine = Machine::new("http://127.0.0.1:1", "nobody");
    HanDb::create(machine.database());
    machine.run_with(&["install", "--scheduler", "systemd", "--no-hook"]);
    for name in ["han-sync.service", "han-sync.timer"] {
        let packaged = unit(&Path::new(ROOT).join("packaging/systemd/user").join(name));
        let installed = unit(&machine.path("home/.config/systemd/user").join(name)).into_iter().map(|line| {
            let is_program = line.starts_with("ExecStart=");
            // The sandbox has its database elsewhere.
            let line = line.split(" --db ").next().unwrap_or_default().to_owned();
            if is_program { line.replace(env!("CARGO_BIN_EXE_han-sync"), "/usr/bin/han-sync") } else { line }
        });
        let installed: Vec<String> =
            installed.map(|line| line.split(" --config ").next().unwrap().to_owned()).collect();
        assert_eq!(packaged, installed, "{name}");
    }
}

#[test]
fn unit_of_the_receiver_gives_it_next_to_nothing() {
    let service = "packaging/systemd/system/han-sync-receiver.service";
    let Ok(output) = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", service])
        .current_dir(ROOT)
        .output()
    else {
        eprintln!("SKIPPED: systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let level =
        said.lines().find_map(|line| line.split_once("Overall exposure level for ")).map(|(_, rest)| rest);
    let level = level.and_then(|rest| rest.split_whitespace().nth(1)).unwrap_or_else(|| panic!("{said}"));
    assert!(level.parse::<f64>().unwrap() < 2.0, "{said}");
}

#[test]
fn units_of_the_receiver_are_those_of_systemd() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["han-sync-receiver.service", "han-sync-receiver.socket"];
    for name in names {
        // The program is not installed here.
        let text = fs::read_to_string(Path::new(ROOT).join("packaging/systemd/system").join(name)).unwrap();
        let text = text.replace("/usr/bin/han-sync-receiver", env!("CARGO_BIN_EXE_han-sync-receiver"));
        fs::write(folder.path().join(name), text).unwrap();
    }
    for name in names {
        let verified = Command::new("systemd-analyze")
            .args(["verify", "--man=no", name])
            .current_dir(folder.path())
            .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.path().display()))
            .output();
        let Ok(output) = verified else {
            eprintln!("SKIPPED: systemd-analyze is not installed");
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !said.contains(name), "{name}: {said}");
    }
}
