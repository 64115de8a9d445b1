//! A repository on a host, and its owner, in normal form.

use std::fmt;

use crate::protocol::remote::address::{AZURE, Located, RemoteError, segment};
use crate::protocol::remote::spelling::{expand, is_public, strip_prefixes};

/// A repository on a host, in normal form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Remote {
    path: String,
}

impl Remote {
    /// Parses a remote in any form that git accepts for a repository on a host.
    pub fn parse(raw: &str) -> Result<Remote, RemoteError> {
        Remote::parse_with(raw, |segments| strip_prefixes(segments, 2))
    }

    /// Parses a remote with the prefixes that its server has in some addresses. To withhold a repository, its rules are
    /// compared with this spelling, too.
    pub fn as_spelled(raw: &str) -> Result<Remote, RemoteError> {
        Remote::parse_with(raw, |_| {})
    }

    /// `strip`: applied to the path on a host that is not public.
    fn parse_with(raw: &str, strip: impl FnOnce(&mut Vec<String>)) -> Result<Remote, RemoteError> {
        let raw = expand(raw);
        let (host, mut segments) = Located::parse(&raw)?.normalize(segment)?;
        if !is_public(&host) {
            strip(&mut segments);
        }
        if host == AZURE && (segments.len() != 3 || segments.iter().any(|name| name.starts_with('_'))) {
            return Err(RemoteError::Azure);
        }
        if segments.len() < 2 {
            return Err(RemoteError::TooShort);
        }
        Ok(Remote { path: format!("{host}/{}", segments.join("/")) })
    }

    /// `host/owner[/subgroup…]/repo`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The remote on the wire: `https://host/owner[/subgroup…]/repo`.
    pub fn url(&self) -> String {
        format!("https://{}", self.path)
    }

    /// The first segment.
    pub fn host(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// The last segment, which is the wire's `projectSlug`.
    pub fn repo(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The host, the owner, the subgroups and the repository.
    pub fn segments(&self) -> impl Iterator<Item = &str> + Clone {
        self.path.split('/')
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// An account or organization as a prefix of whole segments: a host and at least one more. All repositories below it belong
/// to the owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    segments: Vec<String>,
}

impl Owner {
    /// Reads `github.com/acme-corp` or `gitlab.com/acme/platform`; a URL and any case are accepted.
    pub fn parse(raw: &str) -> Result<Owner, RemoteError> {
        Owner::parse_with(raw, |segments| strip_prefixes(segments, 1))
    }

    /// Reads an owner as [`Remote::as_spelled`] does a remote.
    pub fn as_spelled(raw: &str) -> Result<Owner, RemoteError> {
        Owner::parse_with(raw, |_| {})
    }

    fn parse_with(raw: &str, strip: impl FnOnce(&mut Vec<String>)) -> Result<Owner, RemoteError> {
        let raw = &*expand(raw);
        let located = match Located::parse(raw) {
            Err(RemoteError::LocalPath) => Located::schemeless(raw)?,
            located => located?,
        };
        let (host, mut segments) = located.normalize(segment)?;
        if segments.is_empty() {
            return Err(RemoteError::TooShort);
        }
        if !is_public(&host) {
            strip(&mut segments);
        }
        segments.insert(0, host);
        Ok(Owner { segments })
    }

    /// True if the repository lies below this owner.
    pub fn owns(&self, remote: &Remote) -> bool {
        let mut names = remote.segments();
        self.segments.iter().all(|segment| names.next() == Some(segment))
    }

    /// The host and the owner's segments. Of two owners of a repository, the one with more segments is the closer one.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.segments.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(raw: &str) -> String {
        Remote::parse(raw).map(|remote| remote.path().to_owned()).unwrap_or_else(|error| format!("{error:?}"))
    }

    #[test]
    fn every_form_of_a_remote_is_one() {
        for raw in [
            "https://github.com/acme/api",
            "https://github.com/acme/api.git",
            "https://github.com/acme/api/",
            "https://github.com/acme/api.git/",
            "https://github.com//acme//api.git//",
            "HTTPS://GitHub.com/Acme/API.git",
            "http://github.com:8080/acme/api",
            "https://alice@github.com/acme/api.git",
            "https://alice:ghp_x@github.com/acme/api.git",
            "https://alice:p@ss@w:rd@github.com:443/acme/api.git",
            "https://alice:p%40ss%2Fw@github.com/acme/api",
            "https://x-access-token:ghs_x@github.com/acme/api",
            "https://github.com./acme/api",
            "https://www.github.com/acme/api",
            "https://github.com/acme/api?tab=readme#top",
            "https://github.com/acme/%61pi",
            "ssh://git@github.com/acme/api.git",
            "ssh://git@github.com:2222/acme/api",
            "ssh://git@ssh.github.com:443/acme/api.git",
            "git+ssh://git@github.com/acme/api.git",
            "ssh+git://git@github.com/acme/api.git",
            "git+https://github.com/acme/api.git",
            "git://github.com/acme/api.git",
            "git@github.com:acme/api.git",
            "git@github.com:/acme/api.git",
            "git@GITHUB.com:Acme/Api",
            "github.com:acme/api.git",
            "org-123@github.com:acme/api.git",
            "git@ssh.github.com:acme/api.git",
        ] {
            assert_eq!(path(raw), "github.com/acme/api", "{raw}");
        }
        assert_eq!(path("work:acme/api"), "work/acme/api");
        assert_eq!(path("git@github.com-work:acme/api.git"), "github.com-work/acme/api");
        assert_eq!(
            path("https://gitlab.com/acme/platform/core/api.git"),
            "gitlab.com/acme/platform/core/api"
        );
        assert_eq!(path("ssh://git@altssh.gitlab.com:443/acme/core/api.git"), "gitlab.com/acme/core/api");
        assert_eq!(path("ssh://git@altssh.bitbucket.org:443/acme/api"), "bitbucket.org/acme/api");
        assert_eq!(path("git@git.sr.ht:~alice/api"), "git.sr.ht/~alice/api");
        assert_eq!(path("http://localhost:3000/acme/api"), "localhost/acme/api");
    }

    #[test]
    fn every_form_of_an_azure_remote_is_one() {
        for raw in [
            "https://dev.azure.com/org/project/_git/repo",
            "https://org@dev.azure.com/org/project/_git/repo",
            "https://org:pat@dev.azure.com/Org/Project/_git/Repo/",
            "git@ssh.dev.azure.com:v3/org/project/repo",
            "ssh://git@ssh.dev.azure.com:22/v3/org/project/repo",
            "https://org.visualstudio.com/project/_git/repo",
            "https://org.visualstudio.com/DefaultCollection/project/_git/repo",
            "org@vs-ssh.visualstudio.com:v3/org/project/repo",
            "ssh://org@vs-ssh.visualstudio.com/v3/org/project/repo",
            "https://dev.azure.com/org/project/repo",
        ] {
            assert_eq!(path(raw), "dev.azure.com/org/project/repo", "{raw}");
        }
        assert_eq!(path("https://dev.azure.com/org/_git/repo"), "dev.azure.com/org/repo/repo");
        assert_eq!(path("https://org.visualstudio.com/_git/repo"), "dev.azure.com/org/repo/repo");
        assert_eq!(
            path("https://org.visualstudio.com/DefaultCollection/_git/repo"),
            "dev.azure.com/org/repo/repo"
        );
        assert_eq!(
            path("https://dev.azure.com/org/My%20Project/_git/repo"),
            "dev.azure.com/org/my%20project/repo"
        );
        for raw in ["https://dev.azure.com/org/project", "git@ssh.dev.azure.com:org/project/repo"] {
            assert_eq!(path(raw), "Azure", "{raw}");
        }
    }

    #[test]
    fn every_spelling_of_a_repository_on_an_own_server_is_one() {
        for raw in [
            "https://git.corp.example/scm/proj/secret.git",
            "https://alice:pw@git.corp.example/scm/PROJ/secret",
            "ssh://git@git.corp.example:7999/proj/secret.git",
            "https://git.corp.example/bitbucket/scm/proj/secret",
            "https://git.corp.example/a/proj/secret",
            "https://git.corp.example/gerrit/a/proj/secret",
            "git@git.corp.example:proj/secret.git",
        ] {
            assert_eq!(path(raw), "git.corp.example/proj/secret", "{raw}");
        }
        for raw in [
            "https://git.corp.example/scm/~alice/secret.git",
            "https://git.corp.example/users/alice/secret",
            "ssh://git@git.corp.example:7999/~alice/secret.git",
        ] {
            assert_eq!(path(raw), "git.corp.example/~alice/secret", "{raw}");
        }
        for raw in [
            "codecommit::eu-west-1://api",
            "codecommit::eu-west-1://work@api",
            "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/api",
            "ssh://git-codecommit.eu-west-1.amazonaws.com/v1/repos/api",
        ] {
            assert_eq!(path(raw), "git-codecommit.eu-west-1.amazonaws.com/v1/repos/api", "{raw}");
        }
        assert_eq!(Owner::parse("git.corp.example/scm/proj").unwrap().to_string(), "git.corp.example/proj");
        assert_eq!(
            Owner::parse("git.corp.example/users/Alice").unwrap().to_string(),
            "git.corp.example/~alice"
        );
        let spelled = Remote::as_spelled("https://git.corp.example/scm/proj/secret.git").unwrap();
        assert_eq!(spelled.path(), "git.corp.example/scm/proj/secret");
    }

    #[test]
    fn prefix_is_a_name_on_a_public_host_and_where_nothing_would_remain() {
        for (raw, expected) in [
            ("https://github.com/scm/api", "github.com/scm/api"),
            ("https://gitlab.com/a/team/api", "gitlab.com/a/team/api"),
            ("https://gitlab.com/users/team/api", "gitlab.com/users/team/api"),
            ("https://bitbucket.org/scm/api", "bitbucket.org/scm/api"),
            ("https://git.corp.example/scm/api", "git.corp.example/scm/api"),
            ("https://git.corp.example/team/a/api", "git.corp.example/team/a/api"),
            ("https://git.corp.example/users/api", "git.corp.example/users/api"),
            ("https://git.corp.example/scmx/team/api", "git.corp.example/scmx/team/api"),
        ] {
            assert_eq!(path(raw), expected, "{raw}");
        }
    }

    #[test]
    fn azure_address_with_two_markers_is_refused_since_it_would_read_otherwise_when_read_again() {
        for raw in ["dev.azure.com/org/project/_git/repo/_git/repo", "dev.azure.com/org/_git/_git"] {
            assert_eq!(Owner::parse(raw), Err(RemoteError::Azure), "{raw}");
            assert_eq!(path(&format!("https://{raw}")), "Azure", "{raw}");
        }
    }

    #[test]
    fn text_that_names_no_repository_on_a_host_is_rejected() {
        for (raw, error) in [
            ("", "Empty"),
            (" ", "WhiteSpace"),
            ("https://github.com/acme/my api", "WhiteSpace"),
            ("https://github.com/acme/api\n", "WhiteSpace"),
            ("https://github.com/acme/a\u{0}pi", "WhiteSpace"),
            ("/home/alice/acme/api", "LocalPath"),
            ("../acme/api", "LocalPath"),
            ("./acme:x/api", "LocalPath"),
            ("~/acme/api", "LocalPath"),
            ("acme/api", "LocalPath"),
            ("github.com/acme/api", "LocalPath"),
            (r"C:\acme\api", "LocalPath"),
            ("C:/acme/api", "LocalPath"),
            (r"\\server\share\api", "LocalPath"),
            ("file:///home/alice/acme/api", "Scheme"),
            ("ftp://github.com/acme/api", "Scheme"),
            ("ext::sh -c true", "WhiteSpace"),
            ("codecommit::us-east-1://api/x", "Scheme"),
            ("codecommit::us east://api", "WhiteSpace"),
            ("codecommit::://api", "Scheme"),
            ("codecommit://api", "Scheme"),
            ("https:///acme/api", "Host"),
            ("https://alice@/acme/api", "Host"),
            ("https://github..com/acme/api", "Host"),
            ("ssh://-oProxyCommand=x/acme/api", "Host"),
            ("https://github.com:x/acme/api", "Port"),
            ("https://github.com", "TooShort"),
            ("https://github.com/acme", "TooShort"),
            ("git@github.com:api.git", "TooShort"),
            ("https://github.com/acme/../api", "Segment"),
            ("https://github.com/acme/./api", "Segment"),
            ("https://github.com/acme/%2e%2e/api", "Segment"),
            ("https://github.com/acme%2Fapi/x", "Segment"),
            ("https://github.com/acme/api%2", "Segment"),
            ("https://github.com/acme/%ff", "Segment"),
            ("https://github.com/acme/api%250a", "Segment"),
            ("https://github.com/acme/.git", "Segment"),
            ("https://github.com/acme/..git", "Segment"),
            ("https://github.com/acme/*", "Segment"),
            ("git@github.com:~/api", "Segment"),
        ] {
            assert_eq!(path(raw), error, "{raw}");
        }
    }

    #[test]
    fn a_password_with_unescaped_slashes_never_becomes_part_of_the_remote() {
        for raw in [
            "https://alice:pa/ss@github.com/acme/api",
            "https://alice:12/ss@github.com/acme/api",
            "https://alice:1/pass/word?@github.com/acme/api",
            "https://alice:1/pass/word#@github.com/acme/api",
            "alice:secret@github.com/acme/api",
            "alice:secret@github.com:acme/api",
        ] {
            assert!(Remote::parse(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn parts_of_a_remote_are_its_segments() {
        let remote = Remote::parse("git@gitlab.com:acme/core/api.git").unwrap();
        assert_eq!(remote.url(), "https://gitlab.com/acme/core/api");
        assert_eq!((remote.host(), remote.repo()), ("gitlab.com", "api"));
        assert_eq!(remote.to_string(), "gitlab.com/acme/core/api");
    }

    #[test]
    fn owner_is_a_prefix_of_whole_segments() {
        let owns = |owner: &str, remote: &str| {
            Owner::parse(owner).unwrap().owns(&Remote::parse(&format!("https://{remote}")).unwrap())
        };
        assert!(owns("gitlab.com/acme", "gitlab.com/acme/platform/core/api"));
        assert!(owns("https://GitLab.com/Acme/", "gitlab.com/acme/api"));
        assert!(owns("gitlab.com/acme/platform", "gitlab.com/acme/platform/api"));
        assert!(owns("dev.azure.com/org", "org.visualstudio.com/project/_git/repo"));
        assert!(owns("https://org.visualstudio.com", "dev.azure.com/org/project/_git/repo"));
        assert!(!owns("github.com/acme-corp", "github.com/acme-corp-evil/api"));
        assert!(!owns("github.com/acme", "gitlab.com/acme/api"));
        assert!(!owns("github.com/acme", "github.com/evil/acme/api"));
    }

    #[test]
    fn owner_needs_a_host_and_a_segment() {
        for raw in
            ["", "github.com", "github.com/", "acme", "https://github.com", "/acme", "github.com/*", "a@b/c"]
        {
            assert!(Owner::parse(raw).is_err(), "{raw}");
        }
    }
}
