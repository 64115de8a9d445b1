//! The remote of the git repository around a folder, from git's own files.
//!
//! Git is never run, and nothing that a repository brings with it is trusted: files are small regular files of this user
//! inside the git folder, links out of it and `include` are not followed. A call blocks for as long as the file system does.

/// The git folder of a folder.
mod git_folder;
/// The text of a git configuration.
mod git_config;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::exporter::config::small_file;
use crate::exporter::source::git::git_config::GitConfig;
use crate::exporter::source::git::git_folder::GitFolder;
use crate::exporter::state::FolderFinding;

/// Name of the configuration in a git folder, and of the one that a worktree has for itself.
const CONFIG: &str = "config";
const WORKTREE_CONFIG: &str = "config.worktree";

/// Inspects a folder. One that is gone, or a repository that cannot be read, yields no remote.
pub fn inspect(folder: &Path) -> FolderFinding {
    let real = match folder.is_absolute() {
        true => fs::canonicalize(folder).ok().filter(|real| real.is_dir()),
        false => None,
    };
    let remote = real.as_deref().and_then(|real| remote_of(real).ok().flatten());
    FolderFinding { real, remote }
}

/// A value of the user's own configuration, such as `github.user`: that of the last of these files which has one.
pub fn value_in(files: &[PathBuf], section: &str, key: &str) -> Option<String> {
    let value = |file: &PathBuf| GitConfig::parse(&small_file::read(file).ok()?)?.value(section, key);
    files.iter().rev().find_map(value)
}

/// Remote of the repository around a folder. `real`: path of the folder without links.
fn remote_of(real: &Path) -> io::Result<Option<String>> {
    let Some(GitFolder { common, own }) = GitFolder::around(real)? else { return Ok(None) };
    let mut config = read_config(&common, CONFIG)?;
    if config.has_worktree_configs() && own.join(WORKTREE_CONFIG).exists() {
        config.extend(read_config(&own, WORKTREE_CONFIG)?);
    }
    Ok(config.remote())
}

fn read_config(folder: &Path, name: &str) -> io::Result<GitConfig> {
    let file = fs::canonicalize(folder.join(name))?;
    if !file.starts_with(folder) {
        return Err(io::Error::other("the configuration is a link that leads out of the git folder"));
    }
    let text = small_file::read(&file)?;
    GitConfig::parse(&text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}
