//! Scripts and files around the programs, as far as they can be tried without building a package.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
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

/// A copy of this repository whose long checks only note that they ran.
struct ReleaseTrial {
    folder: tempfile::TempDir,
}

/// The scripts that `release tag` runs, in this order.
const STEPS: [&str; 4] = ["check", "torture", "cross-check", "package"];

impl ReleaseTrial {
    fn new() -> ReleaseTrial {
        let trial = ReleaseTrial { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(trial.root()).unwrap();
        let top = fs::read_dir(ROOT).unwrap().map(|entry| entry.unwrap().path());
        let is_source = |path: &PathBuf| {
            !["target", ".git", "dist"].iter().any(|name| path.ends_with(name))
                && !path.ends_with("fuzz/target")
        };
        let copied =
            Command::new("cp").arg("-R").args(top.filter(is_source)).arg(trial.root()).status().unwrap();
        assert!(copied.success());
        for step in STEPS {
            let script = format!("#!/bin/sh\necho {step} \"$@\" >>../steps\ntest ! -e ../{step}.fails\n");
            provide(&trial.root().join("scripts"), step, &script);
        }
        let version = env!("CARGO_PKG_VERSION");
        let changelog = format!(
            "# Changelog\n\n## Unreleased\n\n### Exporter\n\n- New.\n\n## {version} (2026-01-31)\n\n- Old.\n"
        );
        fs::write(trial.root().join("CHANGELOG.md"), changelog).unwrap();
        trial.git(&["init", "--quiet", "--initial-branch=main"]);
        trial.commit();
        trial
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn git(&self, arguments: &[&str]) -> String {
        let identity =
            ["-c", "user.name=Alice", "-c", "user.email=alice@example.com", "-c", "core.hooksPath=/dev/null"];
        let output =
            Command::new("git").args(identity).args(arguments).current_dir(self.root()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn commit(&self) {
        self.git(&["add", "--all", "--force"]);
        self.git(&["commit", "--quiet", "--message", "A version"]);
    }

    /// Runs `release`, which has to end with this code, and returns what it said.
    #[track_caller]
    fn release(&self, arguments: &[&str], expected: i32) -> String {
        // Tags have an author, too.
        let identity = [
            ("GIT_COMMITTER_NAME", Path::new("Alice")),
            ("GIT_COMMITTER_EMAIL", Path::new("alice@example.com")),
        ];
        let root = self.root();
        let variables = [[("HAN_SYNC_RELEASE_ROOT", root.as_path())].as_slice(), &identity].concat();
        let (code, said) = run_script("release", arguments, &variables);
        assert_eq!(code, expected, "{said}");
        said
    }

    fn steps(&self) -> String {
        fs::read_to_string(self.folder.path().join("steps")).unwrap_or_default()
    }
}

#[test]
fn release_is_tagged_once_and_only_after_every_check() {
    let trial = ReleaseTrial::new();
    assert!(trial.release(&["tag"], 1).contains("run scripts/release prepare"));
    trial.release(&["prepare", "99.0.0", "2026-02-01"], 0);
    assert!(trial.release(&["prepare", "99.0.0"], 1).contains("has a section of 99.0.0 already"));
    let changelog = fs::read_to_string(trial.root().join("CHANGELOG.md")).unwrap();
    assert!(
        changelog.contains("## Unreleased\n\n## 99.0.0 (2026-02-01)\n\n### Exporter\n\n- New.\n"),
        "{changelog}"
    );
    assert!(trial.release(&["tag"], 1).contains("not clean"));
    trial.commit();
    trial.git(&["switch", "--quiet", "--create", "other"]);
    assert!(trial.release(&["tag"], 1).contains("git switch main"));
    trial.git(&["switch", "--quiet", "main"]);
    assert_eq!(trial.steps(), "");

    fs::write(trial.folder.path().join("torture.fails"), "").unwrap();
    trial.release(&["tag"], 1);
    assert_eq!((trial.steps().as_str(), trial.git(&["tag"]).as_str()), ("check\ntorture\n", ""));

    fs::remove_file(trial.folder.path().join("torture.fails")).unwrap();
    fs::remove_file(trial.folder.path().join("steps")).unwrap();
    let said = trial.release(&["tag", "--url", "https://example.com/x"], 0);
    assert!(said.contains("git push origin main v99.0.0"), "{said}");
    assert_eq!(trial.steps(), "check\ntorture\ncross-check --all\npackage --url https://example.com/x\n");
    assert_eq!(trial.git(&["tag"]), "v99.0.0\n");
    assert_eq!(trial.git(&["cat-file", "-t", "v99.0.0"]), "tag\n");
    assert!(trial.release(&["tag"], 1).contains("exists already"));
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
