//! Folders that macOS keeps from a program until the user allows it: a launchd agent may not read a project there, even
//! though a terminal of the same user may.
//!
//! Pure: the platform, the home folder and the result of trying to read a path come in as arguments, so that the policy is
//! the same on the machine that tests it.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use crate::exporter::plan::conditions::{Condition, FOLDER_PROTECTED};

/// Folders below the home folder that macOS protects; the last two hold those of iCloud Drive and of other providers.
const ROOTS: [&str; 5] =
    ["Desktop", "Documents", "Downloads", "Library/Mobile Documents", "Library/CloudStorage"];

/// Operating system, as far as it decides which program may read a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// macOS, which asks the user for each program.
    MacOs,
    /// A system on which a user's programs may read what the user may read.
    Other,
}

impl Platform {
    /// The platform of this program.
    pub const CURRENT: Platform = if cfg!(target_os = "macos") { Platform::MacOs } else { Platform::Other };
}

/// Access of this process to protected folders.
#[derive(Clone, Copy)]
pub struct FolderAccess<'a> {
    /// Operating system.
    pub platform: Platform,
    /// Home folder of the user.
    pub home: Option<&'a Path>,
    /// Reports whether the operating system denies this process a file or a folder.
    pub is_denied: fn(&Path) -> bool,
}

impl<'a> FolderAccess<'a> {
    /// The access of this process on this platform.
    pub fn of_process(home: Option<&'a Path>) -> FolderAccess<'a> {
        FolderAccess { platform: Platform::CURRENT, home, is_denied }
    }

    /// Reports whether a path is protected, and this process is denied it.
    pub fn is_withheld(&self, path: &Path) -> bool {
        self.root_of(path).is_some() && (self.is_denied)(path)
    }

    /// The protected folder that a path lies in.
    fn root_of(&self, path: &Path) -> Option<&'static str> {
        let home = self.home.filter(|_| self.platform == Platform::MacOs)?;
        let below = path.strip_prefix(home).ok()?;
        ROOTS.into_iter().find(|root| below.starts_with(root))
    }
}

/// The condition of protected folders that keep sessions waiting. `needed`: files and folders that decide about sessions;
/// `folders`: those of all sessions, among which the cause is if the last scheduled run has found one
/// (`is_known_of_schedule`): a command in a terminal may read what a scheduled run may not.
pub fn of_protected_folders<'p>(
    access: &FolderAccess,
    needed: impl Iterator<Item = &'p Path>,
    folders: impl Iterator<Item = &'p Path>,
    is_known_of_schedule: bool,
) -> Option<Condition> {
    let mut roots: BTreeSet<&str> =
        needed.filter(|path| access.is_withheld(path)).filter_map(|path| access.root_of(path)).collect();
    if roots.is_empty() && is_known_of_schedule {
        roots = folders.filter_map(|path| access.root_of(path)).collect();
    }
    let names: Vec<String> = roots.into_iter().map(|root| format!("~/{root}")).collect();
    (!names.is_empty()).then(|| Condition::new(&FOLDER_PROTECTED, names.join(", "), ""))
}

/// Reports whether the operating system denies this process a path, beyond the permissions of the path.
fn is_denied(path: &Path) -> bool {
    File::open(path).is_err_and(|error| error.raw_os_error() == Some(libc::EPERM))
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = "/Users/a/Documents/work/api";
    const WEB: &str = "/Users/a/Library/Mobile Documents/web";
    const PLAIN: &str = "/Users/a/src/api";

    fn access(platform: Platform, is_denied: fn(&Path) -> bool) -> FolderAccess<'static> {
        FolderAccess { platform, home: Some(Path::new("/Users/a")), is_denied }
    }

    fn message(
        access: &FolderAccess,
        needed: &[&'static str],
        folders: &[&'static str],
        is_known: bool,
    ) -> Option<String> {
        let paths = |texts: &[&'static str]| texts.iter().copied().map(Path::new).collect::<Vec<_>>();
        let (needed, folders) = (paths(needed).into_iter(), paths(folders).into_iter());
        of_protected_folders(access, needed, folders, is_known).map(|condition| condition.message)
    }

    #[test]
    fn folder_that_macos_denies_is_named_by_its_protected_root() {
        let denied = access(Platform::MacOs, |_| true);
        let named = message(&denied, &[API, "/Users/a/Documents/x", WEB, PLAIN], &[], false).unwrap();
        assert!(named.contains("~/Documents, ~/Library/Mobile Documents"), "{named}");
        assert_eq!(message(&denied, &[PLAIN, "/Users/b/Documents/api"], &[], false), None);
        assert_eq!(message(&access(Platform::MacOs, |_| false), &[API], &[API], false), None);
        assert_eq!(message(&access(Platform::Other, |_| true), &[API], &[API], true), None);
        let nowhere = FolderAccess { home: None, ..denied };
        assert_eq!(message(&nowhere, &[API], &[API], true), None);
    }

    #[test]
    fn command_that_may_read_everything_tells_of_the_scheduled_run_that_may_not() {
        let terminal = access(Platform::MacOs, |_| false);
        let told = message(&terminal, &[API], &[API, PLAIN], true).unwrap();
        assert!(told.contains("~/Documents") && !told.contains("src"), "{told}");
        assert_eq!(message(&terminal, &[], &[PLAIN], true), None);
    }

    #[test]
    fn path_that_permissions_or_nothing_keep_from_the_process_is_not_denied_by_the_system() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_denied(folder.path()));
        assert!(!is_denied(&folder.path().join("gone")));
    }
}
