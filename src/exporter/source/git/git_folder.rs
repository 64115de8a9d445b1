//! The git folder of a folder: `.git` in it or in its nearest parent that has one.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::exporter::config::small_file;

/// Name of the git folder, or of the file that names it, at the top of a working tree.
const GIT: &str = ".git";

/// Git folder of a working tree. Both paths have no links.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GitFolder {
    /// Folder with the configuration, which linked worktrees share.
    pub(super) common: PathBuf,
    /// Folder of the working tree itself.
    pub(super) own: PathBuf,
}

impl GitFolder {
    /// Finds the git folder as git does. An entry that is found and cannot be used is an error: a repository further up
    /// is another one.
    pub(super) fn around(real: &Path) -> io::Result<Option<GitFolder>> {
        for top in real.ancestors() {
            let entry = top.join(GIT);
            let metadata = match fs::metadata(&entry) {
                Err(error) if is_nothing(&error) && fs::symlink_metadata(&entry).is_err() => continue,
                metadata => metadata?,
            };
            require_owner(&metadata)?;
            if metadata.is_file() {
                return GitFolder::named_by(&entry, top).map(Some);
            }
            if !metadata.is_dir() {
                return Err(io::Error::other("neither a folder nor a file"));
            }
            let own = fs::canonicalize(&entry)?;
            // Git ignores a folder of that name that is not its own.
            if is_git_folder(&own) {
                return Ok(Some(GitFolder { common: own.clone(), own }));
            }
        }
        Ok(None)
    }

    /// Follows the file of a linked worktree or a submodule, `gitdir: PATH`.
    fn named_by(file: &Path, top: &Path) -> io::Result<GitFolder> {
        let text = small_file::read(file)?;
        let target = text.strip_prefix("gitdir:").ok_or(ErrorKind::InvalidData)?;
        let own = fs::canonicalize(top.join(target.trim()))?;
        let common = match small_file::read(&own.join("commondir")) {
            Ok(common) => fs::canonicalize(own.join(common.trim()))?,
            Err(error) if is_nothing(&error) => own.clone(),
            Err(error) => return Err(error),
        };
        require_owner(&fs::metadata(&common)?)?;
        match is_git_folder(&common) {
            true => Ok(GitFolder { common, own }),
            false => Err(ErrorKind::NotFound.into()),
        }
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn is_git_folder(folder: &Path) -> bool {
    ["HEAD", "config"].iter().any(|name| fs::symlink_metadata(folder.join(name)).is_ok())
}

/// Rejects a git folder of another user, as git does: in a shared parent such as `/tmp`, anybody could name the repository
/// of every folder below it.
fn require_owner(metadata: &Metadata) -> io::Result<()> {
    let owner = std::os::unix::fs::MetadataExt::uid(metadata);
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "the git folder belongs to another user"));
    }
    Ok(())
}
