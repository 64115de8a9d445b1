//! Repository remotes in one normal form, and the owners that repositories belong to.
//!
//! A `Remote` is `host/owner[/subgroup…]/repo` in lower case: no scheme, user, password, port, `.git`, query or doubled
//! slash is left in it, and spellings of the same repository are equal. Whatever cannot be read as one is an error, so
//! that the privacy filter fails closed. Nothing here ever shows the raw text, which can hold credentials.

mod pattern;

pub use crate::protocol::remote::pattern::{Pattern, PatternError};

use std::fmt;

/// Schemes under which git fetches a repository from a host.
const SCHEMES: [&str; 8] = ["https", "http", "ssh", "git", "git+ssh", "ssh+git", "git+https", "git+http"];
/// Hosts that are another door to the same place: the providers' SSH over port 443, and the web's `www`.
const HOST_ALIASES: [(&str, &str); 6] = [
    ("ssh.github.com", "github.com"),
    ("www.github.com", "github.com"),
    ("altssh.gitlab.com", "gitlab.com"),
    ("www.gitlab.com", "gitlab.com"),
    ("altssh.bitbucket.org", "bitbucket.org"),
    ("www.bitbucket.org", "bitbucket.org"),
];
/// The one host under which Azure DevOps repositories are known here.
const AZURE: &str = "dev.azure.com";
/// Azure's hosts for SSH, whose paths begin with the version of the address format.
const AZURE_SSH: [&str; 2] = ["ssh.dev.azure.com", "vs-ssh.visualstudio.com"];
/// Azure's older host names, one for each organization.
const AZURE_OLD_SUFFIX: &str = ".visualstudio.com";

/// A repository on a host, in normal form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Remote {
    path: String,
}

/// Why a text is no remote. It never holds the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemoteError {
    Empty,
    WhiteSpace,
    LocalPath,
    Scheme,
    Host,
    Port,
    StrayAt,
    Segment,
    TooShort,
    Azure,
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            RemoteError::Empty => "the remote is empty",
            RemoteError::WhiteSpace => "the remote holds white space or control characters",
            RemoteError::LocalPath => "the remote is a path on this machine, not a host",
            RemoteError::Scheme => "the remote's scheme is none of https, http, ssh and git",
            RemoteError::Host => "the remote names no valid host",
            RemoteError::Port => "the remote's port is no number",
            RemoteError::StrayAt => {
                "the remote has an @ after the host, so where its credentials end is unclear"
            }
            RemoteError::Segment => "the remote's path has a part that no repository can be named",
            RemoteError::TooShort => "the remote names no owner and repository after the host",
            RemoteError::Azure => {
                "the remote is on Azure DevOps but names no organization, project and repository, or has _git in it twice"
            }
        })
    }
}

impl std::error::Error for RemoteError {}

impl Remote {
    /// Reads a remote in any form that git takes for a repository on a host.
    pub fn parse(raw: &str) -> Result<Remote, RemoteError> {
        let located = Located::parse(raw)?;
        let (host, segments) = located.normalize(segment)?;
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

    /// What goes on the wire: `https://host/owner[/subgroup…]/repo`.
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

/// A prefix of whole segments, a host and at least one more, under which all repositories belong to one account or
/// organization.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    segments: Vec<String>,
}

impl Owner {
    /// Reads `github.com/acme-corp` or `gitlab.com/acme/platform`; a URL and any case will do.
    pub fn parse(raw: &str) -> Result<Owner, RemoteError> {
        let located = match Located::parse(raw) {
            Err(RemoteError::LocalPath) => Located::schemeless(raw)?,
            located => located?,
        };
        let (host, mut segments) = located.normalize(segment)?;
        if segments.is_empty() {
            return Err(RemoteError::TooShort);
        }
        segments.insert(0, host);
        Ok(Owner { segments })
    }

    /// True when the repository lies under this owner.
    pub fn owns(&self, remote: &Remote) -> bool {
        let mut names = remote.segments();
        self.segments.iter().all(|segment| names.next() == Some(segment))
    }

    /// The host and the owner's segments. The owner with more of them is the closer one.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.segments.join("/"))
    }
}

/// A host and a path, taken out of a remote but not yet checked or normalized.
struct Located<'a> {
    host: &'a str,
    path: &'a str,
}

impl<'a> Located<'a> {
    /// Finds host and path of a URL or of scp's `[user@]host:path`. User and password end here.
    fn parse(raw: &'a str) -> Result<Located<'a>, RemoteError> {
        let text = printable(raw)?;
        if let Some((scheme, rest)) = text.split_once("://") {
            if !SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
                return Err(RemoteError::Scheme);
            }
            let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            // A password may hold an @ of its own: the last one ends it.
            let host = authority.rsplit('@').next().unwrap_or_default();
            let (host, port) = host.split_once(':').unwrap_or((host, ""));
            if !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(RemoteError::Port);
            }
            return Located { host, path }.without_query();
        }
        // As git has it: with a slash before the first colon, or with no colon, it is a path. Of Windows, too.
        let (host, path) = text.split_once(':').ok_or(RemoteError::LocalPath)?;
        let is_drive = host.len() == 1;
        if host.contains('/') || host.is_empty() || is_drive {
            return Err(RemoteError::LocalPath);
        }
        let host = host.rsplit('@').next().unwrap_or_default();
        Located { host, path }.without_query()
    }

    /// Reads `host/path` without a scheme: how owners and patterns are written, and a local path anywhere else.
    fn schemeless(raw: &'a str) -> Result<Located<'a>, RemoteError> {
        let text = printable(raw)?;
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        Located { host, path }.without_query()
    }

    fn without_query(self) -> Result<Located<'a>, RemoteError> {
        // Here an unescaped / ? or # of a password has been taken for the end of the host: better no remote than that
        // password in one.
        if self.path.contains('@') {
            return Err(RemoteError::StrayAt);
        }
        let end = self.path.find(['?', '#']).unwrap_or(self.path.len());
        Ok(Located { host: self.host, path: &self.path[..end] })
    }

    /// The host and the segments of the path in normal form; `segment` checks and spells each of them.
    fn normalize<E: From<RemoteError>>(
        &self,
        segment: impl Fn(&str) -> Result<String, E>,
    ) -> Result<(String, Vec<String>), E> {
        let host = host(self.host)?;
        Ok(canonical(host, segments(self.path, segment)?)?)
    }
}

/// The segments of a path, each as `segment` spells it, without the last one's `.git`.
fn segments<E: From<RemoteError>>(
    path: &str,
    segment: impl Fn(&str) -> Result<String, E>,
) -> Result<Vec<String>, E> {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let mut segments = parts.map(segment).collect::<Result<Vec<_>, E>>()?;
    if let Some(last) = segments.last_mut() {
        // All of them, or reading the result again would take off another one.
        let bare = last.trim_end_matches(".git").len();
        last.truncate(bare);
        if is_no_name(last) {
            return Err(RemoteError::Segment.into());
        }
    }
    Ok(segments)
}

/// Refuses what cannot stand in a remote at all.
fn printable(raw: &str) -> Result<&str, RemoteError> {
    if raw.is_empty() {
        return Err(RemoteError::Empty);
    }
    if raw.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err(RemoteError::WhiteSpace);
    }
    if raw.contains('\\') {
        return Err(RemoteError::LocalPath);
    }
    Ok(raw)
}

/// A host name in lower case, without the dot of the root.
fn host(raw: &str) -> Result<String, RemoteError> {
    let name = raw.strip_suffix('.').unwrap_or(raw);
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    match name.split('.').all(is_label) {
        true => Ok(name.to_ascii_lowercase()),
        false => Err(RemoteError::Host),
    }
}

/// One segment of a path in lower case, percent-decoded but for the space, so that every spelling of a name is one.
fn segment(raw: &str) -> Result<String, RemoteError> {
    let name = decode(raw).ok_or(RemoteError::Segment)?;
    let is_forbidden = |c: char| (c.is_whitespace() && c != ' ') || c.is_control() || r"/\:@?#%*".contains(c);
    if name.contains(is_forbidden) || is_no_name(&name) {
        return Err(RemoteError::Segment);
    }
    Ok(name.to_lowercase().replace(' ', "%20"))
}

/// What stands for a place in a file system instead of naming a repository.
fn is_no_name(segment: &str) -> bool {
    matches!(segment, "" | "." | ".." | "~")
}

/// Percent-decodes; `None` for a broken escape or bytes that are no UTF-8.
fn decode(raw: &str) -> Option<String> {
    let mut parts = raw.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

/// Brings the several addresses of one repository together.
fn canonical(host: String, mut segments: Vec<String>) -> Result<(String, Vec<String>), RemoteError> {
    if let Some((_, known)) = HOST_ALIASES.iter().find(|(alias, _)| *alias == host) {
        return Ok(((*known).to_owned(), segments));
    }
    if AZURE_SSH.contains(&host.as_str()) {
        if segments.first().is_none_or(|version| version != "v3") {
            return Err(RemoteError::Azure);
        }
        segments.remove(0);
    } else if let Some(organization) = host.strip_suffix(AZURE_OLD_SUFFIX) {
        if segments.first().is_some_and(|collection| collection == "defaultcollection") {
            segments.remove(0);
        }
        segments.insert(0, organization.to_owned());
    } else if host != AZURE {
        return Ok((host, segments));
    }
    if let Some(marker) = segments.iter().position(|segment| segment == "_git") {
        // `org/_git/repo` is short for the project's repository of the same name.
        if marker == 1 && segments.len() == 3 {
            segments[1] = segments[2].clone();
        } else {
            segments.remove(marker);
        }
        // Another one would be taken off when the result is read again.
        if segments.iter().any(|segment| segment == "_git") {
            return Err(RemoteError::Azure);
        }
    }
    Ok((AZURE.to_owned(), segments))
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
    fn azure_address_with_two_markers_is_refused_since_it_would_read_otherwise_when_read_again() {
        for raw in ["dev.azure.com/org/project/_git/repo/_git/repo", "dev.azure.com/org/_git/_git"] {
            assert_eq!(Owner::parse(raw), Err(RemoteError::Azure), "{raw}");
            assert_eq!(path(&format!("https://{raw}")), "Azure", "{raw}");
        }
    }

    #[test]
    fn what_is_no_repository_on_a_host_is_refused() {
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
            ("codecommit::us-east-1://api", "Scheme"),
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
