//! The git working tree around a folder, as far as it decides where a repository's own `han.yml` is looked for.
//!
//! Only names are inspected, and the small files that link a worktree to its repository; git is never run. A folder is
//! *gone* if it is not found or no directory; any other error, and a link that leads nowhere, is an error, because the
//! folder may exist and restrict its sessions.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::exporter::config::small_file;

/// The folders of a project's working tree that can hold the repository's own file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SearchPath {
    /// The project's folder, its parents up to the top, and for a linked worktree the top of the main working tree.
    pub folders: Vec<PathBuf>,
    /// The folders that a link in the repository may not leave, without links.
    pub tops: Vec<PathBuf>,
}

impl SearchPath {
    /// Finds the folders for a project's folder. Where that is gone, its nearest existing parent counts, if it lies in
    /// a working tree.
    pub fn of(folder: &Path) -> io::Result<SearchPath> {
        let Some(nearest) = nearest_existing(folder)? else { return Ok(SearchPath::default()) };
        let real = fs::canonicalize(nearest)?;
        let top = top_of(&real)?;
        let mut search = SearchPath::default();
        if nearest == folder {
            search.folders.push(folder.to_owned());
        }
        let Some(top) = top else {
            search.tops.extend((nearest == folder).then_some(real));
            return Ok(search);
        };
        let parents = real.ancestors().skip(search.folders.len());
        search.folders.extend(parents.take_while(|parent| parent.starts_with(&top)).map(Path::to_owned));
        if let Some(main) = main_working_tree(&top)? {
            search.tops.push(fs::canonicalize(&main)?);
            search.folders.push(main);
        }
        search.tops.push(top);
        Ok(search)
    }
}

/// Reports whether a folder exists; false where it is gone.
pub fn exists(folder: &Path) -> io::Result<bool> {
    match fs::metadata(folder) {
        Ok(metadata) => Ok(metadata.is_dir()),
        Err(error) if is_gone(&error) => match fs::symlink_metadata(folder) {
            Ok(_) => Err(io::Error::new(error.kind(), "a link that leads nowhere")),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// True for the errors that mean that there is nothing at a path.
pub fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn nearest_existing(folder: &Path) -> io::Result<Option<&Path>> {
    for parent in folder.ancestors().filter(|parent| !parent.as_os_str().is_empty()) {
        if exists(parent)? {
            return Ok(Some(parent));
        }
    }
    Ok(None)
}

/// The top of the working tree that a folder lies in: the nearest parent with a `.git` that git accepts. Without one, the
/// nearest with a `.git` of any kind.
fn top_of(real: &Path) -> io::Result<Option<PathBuf>> {
    let mut nearest = None;
    for parent in real.ancestors() {
        let git = parent.join(".git");
        let metadata = match fs::metadata(&git) {
            Ok(metadata) => metadata,
            Err(error) if is_gone(&error) => continue,
            Err(error) => return Err(error),
        };
        if !metadata.is_dir() || fs::symlink_metadata(git.join("HEAD")).is_ok() {
            return Ok(Some(parent.to_owned()));
        }
        nearest.get_or_insert_with(|| parent.to_owned());
    }
    Ok(nearest)
}

/// The top of the main working tree, if `top` is that of a linked worktree.
///
/// The `.git` of a linked worktree is a file that names a folder below `worktrees` of the repository's git folder; the
/// file `commondir` there names the git folder, which lies at the top of the main working tree.
fn main_working_tree(top: &Path) -> io::Result<Option<PathBuf>> {
    let link = top.join(".git");
    if fs::metadata(&link)?.is_dir() {
        return Ok(None);
    }
    let text = small_file::read(&link)?;
    let Some(target) = text.strip_prefix("gitdir:") else { return Ok(None) };
    let worktree = top.join(target.trim());
    let common = match small_file::read(&worktree.join("commondir")) {
        Ok(common) => Some(worktree.join(common.trim())),
        Err(error) if is_gone(&error) => {
            let worktrees = worktree.parent().filter(|parent| parent.ends_with("worktrees"));
            worktrees.and_then(Path::parent).map(Path::to_owned)
        }
        Err(error) => return Err(error),
    };
    let Some(common) = common else { return Ok(None) };
    // A submodule's git folder, or a repository without a main working tree, is not named so.
    let common = match fs::canonicalize(common) {
        Ok(common) => common,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(common.parent().filter(|_| common.ends_with(".git")).map(Path::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with an empty repository.
    fn repository(folder: &Path) -> PathBuf {
        fs::create_dir_all(folder.join(".git")).unwrap();
        fs::write(folder.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::canonicalize(folder).unwrap()
    }

    fn folders(folder: &Path) -> Vec<PathBuf> {
        SearchPath::of(folder).unwrap().folders
    }

    #[test]
    fn parents_up_to_the_top_count_and_none_above() {
        let place = tempfile::tempdir().unwrap();
        let outer = repository(place.path());
        let top = repository(&outer.join("api"));
        let web = top.join("packages/web");
        fs::create_dir_all(&web).unwrap();
        assert_eq!(folders(&web), [web.clone(), top.join("packages"), top.clone()]);
        assert_eq!(folders(&top), std::slice::from_ref(&top));
        // Git ignores an empty folder of that name.
        fs::create_dir(web.join(".git")).unwrap();
        assert_eq!(folders(&web).last(), Some(&top));
        // A folder that is gone.
        assert_eq!(folders(&top.join("packages/gone/x")), [top.join("packages"), top]);
    }

    #[test]
    fn folder_outside_of_a_working_tree_stands_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(folders(&folder), std::slice::from_ref(&folder));
        assert_eq!(folders(&folder.join("gone")), [] as [PathBuf; 0]);
    }

    #[test]
    fn linked_worktree_leads_to_the_main_working_tree() {
        let place = tempfile::tempdir().unwrap();
        let main = repository(&place.path().join("api"));
        let tree = main.parent().unwrap().join("tree");
        fs::create_dir_all(main.join(".git/worktrees/tree")).unwrap();
        fs::create_dir(&tree).unwrap();
        for target in [main.join(".git/worktrees/tree"), PathBuf::from("../api/.git/worktrees/tree")] {
            fs::write(tree.join(".git"), format!("gitdir: {}\n", target.display())).unwrap();
            assert_eq!(folders(&tree), [tree.clone(), main.clone()]);
        }
        fs::write(main.join(".git/worktrees/tree/commondir"), "../..\n").unwrap();
        assert_eq!(folders(&tree), [tree.clone(), main.clone()]);
        // A submodule has no main working tree.
        fs::create_dir_all(main.join(".git/modules/tree")).unwrap();
        fs::write(tree.join(".git"), "gitdir: ../api/.git/modules/tree").unwrap();
        assert_eq!(folders(&tree), [tree]);
    }

    #[test]
    fn folder_that_cannot_be_inspected_is_not_gone() {
        let place = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", place.path().join("link")).unwrap();
        assert!(SearchPath::of(&place.path().join("link/api")).is_err());
        std::os::unix::fs::symlink("loop", place.path().join("loop")).unwrap();
        assert!(SearchPath::of(&place.path().join("loop/api")).is_err());
        fs::write(place.path().join("file"), "").unwrap();
        assert_eq!(SearchPath::of(&place.path().join("file/api")).unwrap(), SearchPath::default());
    }
}
