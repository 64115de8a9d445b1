//! Addresses: host and path of a remote, split and normalized.
//!
//! Credentials, port and scheme are dropped while splitting, so that they can reach neither a remote nor an error.

use std::fmt;

/// Schemes under which git fetches a repository from a host.
const SCHEMES: [&str; 8] = ["https", "http", "ssh", "git", "git+ssh", "ssh+git", "git+https", "git+http"];
/// Aliases of hosts: the providers' SSH over port 443, and `www` of the web.
const HOST_ALIASES: [(&str, &str); 6] = [
    ("ssh.github.com", "github.com"),
    ("www.github.com", "github.com"),
    ("altssh.gitlab.com", "gitlab.com"),
    ("www.gitlab.com", "gitlab.com"),
    ("altssh.bitbucket.org", "bitbucket.org"),
    ("www.bitbucket.org", "bitbucket.org"),
];
/// Canonical host of all Azure DevOps repositories.
pub(super) const AZURE: &str = "dev.azure.com";
/// Hosts of Azure DevOps for SSH; their paths begin with the version of the address format.
const AZURE_SSH: [&str; 2] = ["ssh.dev.azure.com", "vs-ssh.visualstudio.com"];
/// Suffix of the older host names of Azure DevOps, one for each organization.
const AZURE_OLD_SUFFIX: &str = ".visualstudio.com";

/// Reason why a text is no remote. The error never holds the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemoteError {
    /// Empty text.
    Empty,
    /// White space inside.
    WhiteSpace,
    /// Path on this machine.
    LocalPath,
    /// Unknown scheme.
    Scheme,
    /// Invalid host name.
    Host,
    /// Invalid port.
    Port,
    /// `@` in the path.
    StrayAt,
    /// Invalid path segment.
    Segment,
    /// No owner or no repository.
    TooShort,
    /// Azure DevOps address of unknown form.
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

/// Host and path of a remote, neither checked nor normalized.
pub(super) struct Located<'a> {
    pub(super) host: &'a str,
    pub(super) path: &'a str,
}

impl<'a> Located<'a> {
    /// Finds host and path of a URL or of scp's `[user@]host:path`. User and password are dropped here.
    pub(super) fn parse(raw: &'a str) -> Result<Located<'a>, RemoteError> {
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
        // As in git, a text with a slash before the first colon, or without a colon, is a path; so is one on Windows.
        let (host, path) = text.split_once(':').ok_or(RemoteError::LocalPath)?;
        let is_drive = host.len() == 1;
        if host.contains('/') || host.is_empty() || is_drive {
            return Err(RemoteError::LocalPath);
        }
        let host = host.rsplit('@').next().unwrap_or_default();
        Located { host, path }.without_query()
    }

    /// Splits `host/path` without a scheme, the form of owners and patterns; as a remote it would be a local path.
    pub(super) fn schemeless(raw: &'a str) -> Result<Located<'a>, RemoteError> {
        let text = printable(raw)?;
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        Located { host, path }.without_query()
    }

    fn without_query(self) -> Result<Located<'a>, RemoteError> {
        // An unescaped / ? or # of a password may have been taken for the end of the host: an error is better than a remote
        // that holds a part of the password.
        if self.path.contains('@') {
            return Err(RemoteError::StrayAt);
        }
        let end = self.path.find(['?', '#']).unwrap_or(self.path.len());
        Ok(Located { host: self.host, path: &self.path[..end] })
    }

    /// Normalizes the host and the segments of the path; `segment` checks and normalizes a segment.
    pub(super) fn normalize<E: From<RemoteError>>(
        &self,
        segment: impl Fn(&str) -> Result<String, E>,
    ) -> Result<(String, Vec<String>), E> {
        let host = host(self.host)?;
        Ok(canonical(host, segments(self.path, segment)?)?)
    }
}

/// Segments of a path, each normalized by `segment`, without the `.git` of the last one.
pub(super) fn segments<E: From<RemoteError>>(
    path: &str,
    segment: impl Fn(&str) -> Result<String, E>,
) -> Result<Vec<String>, E> {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let mut segments = parts.map(segment).collect::<Result<Vec<_>, E>>()?;
    if let Some(last) = segments.last_mut() {
        // Every `.git` at the end, or parsing the result again would strip another one.
        let bare = last.trim_end_matches(".git").len();
        last.truncate(bare);
        if is_no_name(last) {
            return Err(RemoteError::Segment.into());
        }
    }
    Ok(segments)
}

/// Rejects characters that no remote can hold.
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

/// Normalizes a host name: lower case, without the root's dot.
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

/// Normalizes a segment of a path: lower case, percent-decoded except for the space, so that all spellings of a name are
/// equal.
pub(super) fn segment(raw: &str) -> Result<String, RemoteError> {
    let name = decode(raw).ok_or(RemoteError::Segment)?;
    let is_forbidden = |c: char| (c.is_whitespace() && c != ' ') || c.is_control() || r"/\:@?#%*".contains(c);
    if name.contains(is_forbidden) || is_no_name(&name) {
        return Err(RemoteError::Segment);
    }
    Ok(name.to_lowercase().replace(' ', "%20"))
}

/// True for a segment that means a place in a file system and cannot name a repository.
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

/// Maps the several addresses of one repository to one.
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
