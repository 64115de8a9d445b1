//! The repository of a session: that of its project, or the one of the folder in which it began.
//!
//! han guesses a project's path from a name in which `/` and `.` are both `-`, so that sessions of two folders may have one
//! project, with the repository of one of them. So the repository of the project counts only for sessions that began in
//! the project's folder or below it.

use std::path::{Component, Path};

use crate::exporter::source::SessionRow;
use crate::exporter::state::{SessionFolder, SessionFolders};

/// Origin of a session's repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepositoryOrigin {
    /// han's link from the project.
    Project,
    /// The git configuration of the folder in which the session began.
    Folder,
    /// The last known one, where neither names any now.
    LastKnown,
    /// None is known.
    Unknown,
    /// The session began outside of its project's folder, and no repository can be read there.
    Mismatch,
}

impl RepositoryOrigin {
    /// Stable name for `explain`.
    pub fn code(self) -> &'static str {
        match self {
            RepositoryOrigin::Project => "project",
            RepositoryOrigin::Folder => "folder",
            RepositoryOrigin::LastKnown => "last_known",
            RepositoryOrigin::Unknown | RepositoryOrigin::Mismatch => "none",
        }
    }
}

/// Repository of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRepository {
    /// Remote as found, in any form.
    pub remote: Option<String>,
    /// Origin of the remote.
    pub origin: RepositoryOrigin,
    /// Folder whose project overrides concern the session.
    pub folder: Option<String>,
}

impl SessionRepository {
    /// Repository of a remote, without a session.
    pub fn of_remote(remote: &str) -> SessionRepository {
        SessionRepository { remote: Some(remote.to_owned()), origin: RepositoryOrigin::Project, folder: None }
    }

    /// Finds the repository of a session. `began_in`: its own folder; `last_known`: path of its last known repository.
    pub fn find(
        row: &SessionRow,
        began_in: &SessionFolder,
        folders: &SessionFolders,
        last_known: Option<&str>,
    ) -> SessionRepository {
        use RepositoryOrigin::{Folder, LastKnown, Mismatch, Project, Unknown};
        let last_known = last_known.map(|path| format!("https://{path}"));
        let of = |remote: Option<String>, origin, folder: Option<&str>| {
            let origin = if remote.is_none() && origin != Mismatch { Unknown } else { origin };
            SessionRepository { remote, origin, folder: folder.map(str::to_owned) }
        };
        let project = row.project_path.as_deref();
        let is_within = began_in.path.as_deref().is_none_or(|path| is_within(row, path, folders));
        if let Some(remote) = row.remote.clone().filter(|remote| is_within && !remote.is_empty()) {
            return of(Some(remote), Project, project);
        }
        let Some(path) = began_in.path.as_deref() else {
            let origin = if row.remote.is_some() { Project } else { LastKnown };
            return of(row.remote.clone().or(last_known), origin, project);
        };
        match folders.finding(path).and_then(|finding| finding.remote.clone()) {
            Some(remote) => of(Some(remote), Folder, Some(path)),
            // What is known may be the repository of the project.
            None if !is_within && !began_in.is_origin => of(None, Mismatch, Some(path)),
            None => of(last_known.filter(|_| row.remote.is_none() || !is_within), LastKnown, Some(path)),
        }
    }
}

/// Reports whether the repository of a session depends on the finding on its own folder.
pub(super) fn needs_finding(row: &SessionRow, path: &str) -> bool {
    row.remote.as_deref().unwrap_or_default().is_empty() || !is_below(row.project_path.as_deref(), path)
}

/// Reports whether a session began in its project's folder or below it, links resolved. A session without a project began
/// nowhere else.
fn is_within(row: &SessionRow, path: &str, folders: &SessionFolders) -> bool {
    let Some(project) = row.project_path.as_deref() else { return row.remote.is_none() };
    let real = |folder| folders.finding(folder).and_then(|finding| finding.real.as_deref());
    is_below(Some(project), path)
        || real(path).zip(real(project)).is_some_and(|(path, project)| path.starts_with(project))
}

/// Reports whether a path is a folder or lies below it, without a look at the file system. A path with `..` may lead
/// anywhere.
fn is_below(folder: Option<&str>, path: &str) -> bool {
    let Some(folder) = folder.map(Path::new) else { return false };
    let path = Path::new(path);
    let is_plain =
        |path: &Path| path.is_absolute() && !path.components().any(|it| it == Component::ParentDir);
    path == folder || (is_plain(folder) && is_plain(path) && path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::state::FolderFinding;

    const PROJECT: &str = "/home/a/acme/api";

    fn row(remote: Option<&str>) -> SessionRow {
        SessionRow {
            project_path: Some(PROJECT.to_owned()),
            remote: remote.map(str::to_owned),
            ..SessionRow::default()
        }
    }

    fn began_in(path: &str, is_origin: bool) -> SessionFolder {
        SessionFolder { path: Some(path.into()), line: 0, is_origin }
    }

    #[test]
    fn folder_of_the_project_is_compared_by_whole_components() {
        for (path, expected) in [
            ("/home/a/acme/api", true),
            ("/home/a/acme/api/", true),
            ("//home/a/./acme//api/packages/web", true),
            ("/home/a/acme.api", false),
            ("/home/a/acme-api", false),
            ("/home/a/acme/api2", false),
            ("/home/a/acme/api-v2/x", false),
            ("/home/a/acme/API", false),
            ("/home/a/acme", false),
            ("/home/a/acme/api/..", false),
            ("/home/a/acme/api/../secret", false),
            ("/home/a/x/../acme/api", false),
            ("home/a/acme/api", false),
            ("~/acme/api", false),
            ("/", false),
        ] {
            assert_eq!(is_below(Some(PROJECT), path), expected, "{path}");
            assert_eq!(is_below(Some("/home/a/acme/api/"), path), expected, "{path}");
        }
        assert!(!is_below(Some("/home/a/acme/../acme/api"), "/home/a/acme/api"));
        assert!(!is_below(None, "/home/a/acme/api"));
    }

    #[test]
    fn last_known_repository_holds_outside_of_the_project_only_if_it_was_read_there() {
        let (folders, known) = (SessionFolders::default(), Some("github.com/acme/api"));
        let find = |remote, folder: &SessionFolder| {
            SessionRepository::find(&row(remote), folder, &folders, known).origin
        };
        let han = Some("https://github.com/acme/api");
        for remote in [han, None] {
            assert_eq!(find(remote, &began_in("/home/a/acme.api", false)), RepositoryOrigin::Mismatch);
            assert_eq!(find(remote, &began_in("/home/a/acme.api", true)), RepositoryOrigin::LastKnown);
        }
        assert_eq!(find(han, &began_in(PROJECT, false)), RepositoryOrigin::Project);
        assert_eq!(find(None, &began_in(PROJECT, false)), RepositoryOrigin::LastKnown);
        assert_eq!(find(None, &SessionFolder::default()), RepositoryOrigin::LastKnown);
    }

    #[test]
    fn project_behind_a_link_is_the_folder_that_the_link_leads_to() {
        let mut folders = SessionFolders::default();
        let finding = |real: &str| FolderFinding { real: Some(real.into()), remote: None };
        folders.record_finding(PROJECT.into(), finding("/srv/api"));
        folders.record_finding("/srv/api/web".into(), finding("/srv/api/web"));
        folders.record_finding("/srv/api2".into(), finding("/srv/api2"));
        let han = row(Some("https://github.com/acme/api"));
        let find = |path| SessionRepository::find(&han, &began_in(path, false), &folders, None);
        assert_eq!(find("/srv/api/web").origin, RepositoryOrigin::Project);
        assert_eq!(find("/srv/api/web").folder.as_deref(), Some(PROJECT));
        assert_eq!(find("/srv/api2").origin, RepositoryOrigin::Mismatch);
    }
}
