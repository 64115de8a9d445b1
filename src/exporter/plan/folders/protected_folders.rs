//! Folders that macOS keeps from a program until the user allows it: a launchd agent may not read a project there, even
//! though a terminal of the same user may.
//!
//! The policy is pure: the home folder and the result of trying to read a path come in as arguments, so that it is the same on
//! the machine that tests it. Only `FolderAccess::of_process` names the platform, and only its access opens a path.

use std::collections::BTreeSet;
use std::path::Path;

use crate::exporter::plan::conditions::{Condition, FOLDER_PROTECTED};
use crate::exporter::state::atomic_file;

/// Folders below the home folder that macOS protects; the last two hold those of iCloud Drive and of other providers.
const ROOTS: [&str; 5] =
    ["Desktop", "Documents", "Downloads", "Library/Mobile Documents", "Library/CloudStorage"];

/// Access of this process to protected folders.
#[derive(Clone, Copy)]
pub struct FolderAccess<'a> {
    /// Home folder with the protected folders; `None` on a system that protects none from its user's programs.
    pub home: Option<&'a Path>,
    /// Reports whether the operating system denies this process a file or a folder.
    pub is_denied: fn(&Path) -> bool,
}

impl<'a> FolderAccess<'a> {
    /// The access of this process on this platform.
    pub fn of_process(home: Option<&'a Path>) -> FolderAccess<'a> {
        FolderAccess { home: home.filter(|_| cfg!(target_os = "macos")), is_denied }
    }

    /// The protected paths among some that this process is denied. Each is opened once.
    pub fn withheld<'p>(&self, paths: impl Iterator<Item = &'p Path>) -> BTreeSet<&'p Path> {
        let mut paths: BTreeSet<&Path> = paths.filter(|path| self.root_of(path).is_some()).collect();
        paths.retain(|path| (self.is_denied)(path));
        paths
    }

    /// The protected folder that a path lies in.
    fn root_of(&self, path: &Path) -> Option<&'static str> {
        let below = path.strip_prefix(self.home?).ok()?;
        ROOTS.into_iter().find(|root| below.starts_with(root))
    }
}

/// The condition of protected folders that keep sessions waiting. `withheld`: those of the files and folders that decide about
/// sessions; `folders`: those of all sessions, among which the cause is if the last scheduled run has found one
/// (`is_known_of_schedule`): a command in a terminal may read what a scheduled run may not.
pub fn of_protected_folders<'p>(
    access: &FolderAccess,
    withheld: &BTreeSet<&Path>,
    folders: impl Iterator<Item = &'p Path>,
    is_known_of_schedule: bool,
) -> Option<Condition> {
    let mut roots: BTreeSet<&str> = withheld.iter().filter_map(|path| access.root_of(path)).collect();
    if roots.is_empty() && is_known_of_schedule {
        roots = folders.filter_map(|path| access.root_of(path)).collect();
    }
    let names: Vec<String> = roots.into_iter().map(|root| format!("~/{root}")).collect();
    (!names.is_empty()).then(|| Condition::new(&FOLDER_PROTECTED, names.join(", "), ""))
}

/// Reports whether the operating system denies this process a path, beyond the permissions of the path. A FIFO, which a
/// project may hold, does not block.
fn is_denied(path: &Path) -> bool {
    atomic_file::open_regular(path).is_err_and(|error| error.raw_os_error() == Some(libc::EPERM))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const API: &str = "/Users/a/Documents/work/api";
    const WEB: &str = "/Users/a/Library/Mobile Documents/web";
    const PLAIN: &str = "/Users/a/src/api";

    fn access(is_denied: fn(&Path) -> bool) -> FolderAccess<'static> {
        FolderAccess { home: Some(Path::new("/Users/a")), is_denied }
    }

    fn message(
        access: &FolderAccess,
        needed: &[&'static str],
        folders: &[&'static str],
        is_known: bool,
    ) -> Option<String> {
        let paths = |texts: &[&'static str]| texts.iter().copied().map(Path::new).collect::<Vec<_>>();
        let (needed, folders) = (paths(needed), paths(folders));
        let withheld = access.withheld(needed.into_iter());
        of_protected_folders(access, &withheld, folders.into_iter(), is_known)
            .map(|condition| condition.message)
    }

    #[test]
    fn folder_that_macos_denies_is_named_by_its_protected_root() {
        let denied = access(|_| true);
        let named = message(&denied, &[API, "/Users/a/Documents/x", WEB, PLAIN], &[], false).unwrap();
        assert!(named.contains("~/Documents, ~/Library/Mobile Documents"), "{named}");
        assert_eq!(message(&denied, &[PLAIN, "/Users/b/Documents/api"], &[], false), None);
        assert_eq!(message(&access(|_| false), &[API], &[API], false), None);
        let unprotected = FolderAccess { home: None, ..denied };
        assert_eq!(message(&unprotected, &[API], &[API], true), None);
    }

    #[test]
    fn command_that_may_read_everything_tells_of_the_scheduled_run_that_may_not() {
        let terminal = access(|_| false);
        let told = message(&terminal, &[API], &[API, PLAIN], true).unwrap();
        assert!(told.contains("~/Documents") && !told.contains("src"), "{told}");
        assert_eq!(message(&terminal, &[], &[PLAIN], true), None);
    }

    #[test]
    fn path_that_permissions_or_nothing_keep_from_the_process_is_not_denied_by_the_system() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_denied(folder.path()));
        assert!(!is_denied(&folder.path().join("gone")));
        let fifo = folder.path().join("han.yml");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert!(!is_denied(&fifo), "a FIFO does not block");
    }

    #[test]
    fn each_protected_path_is_opened_once() {
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        let denied = access(|_| OPENED.fetch_add(1, Ordering::Relaxed) < 2);
        let paths = [API, API, PLAIN, WEB, API].map(Path::new);
        assert_eq!(denied.withheld(paths.into_iter()), BTreeSet::from([Path::new(API), Path::new(WEB)]));
        assert_eq!(OPENED.load(Ordering::Relaxed), 2);
    }
}
