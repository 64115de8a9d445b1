//! Patterns that name repositories in `forceInclude` and `forceExclude`.
//!
//! A pattern is compared with a remote segment by segment, never within one, so that no pattern can match a name that
//! merely contains another.

use std::fmt;

use crate::protocol::remote::address::{AZURE, Located, RemoteError, segment, segments};
use crate::protocol::remote::repository::Remote;

/// A set of repositories, as the user names them:
///
/// | pattern | matches |
/// | --- | --- |
/// | `github.com/acme/api` | that repository |
/// | `github.com/acme/*` | one segment: the repositories right under `acme` |
/// | `github.com/acme/**` | one segment or more: those of subgroups, too |
/// | `github.com/acme` | the same: all repositories of an owner |
/// | `acme` | all repositories of an owner on any host |
/// | `acme/api`, `acme/*`, `acme/**` | the same on any host, or `acme` is the host (an ssh alias) |
/// | `https://…`, `git@…:…` | the repository that the remote names, or the owner's if it names no more |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    start: Start,
    segments: Vec<Segment>,
    /// True if one or more further segments follow.
    is_prefix: bool,
}

/// Segment of a remote at which a pattern begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Host,
    Owner,
    HostOrOwner,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Any,
    Name(String),
}

/// Reason why a text is no pattern, with the form to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternError {
    /// A host alone.
    Host,
    /// A host with a port and without a scheme, which reads like scp's `host:path`.
    Port,
    /// `*` beside other characters.
    PartialWildcard,
    /// `**` before the end.
    InnerDoubleWildcard,
    /// Invalid repository or owner.
    Remote(RemoteError),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            PatternError::Host => "this is a host alone: write HOST/** for all of its repositories",
            PatternError::Port => "leave out the port: remotes are compared without it",
            PatternError::PartialWildcard => {
                "`*` stands for a whole segment, as in github.com/acme/*: name each repository instead"
            }
            PatternError::InnerDoubleWildcard => {
                "`**` can only be the last segment: write `*` for each segment before it"
            }
            PatternError::Remote(RemoteError::Empty) => "the pattern is empty",
            PatternError::Remote(RemoteError::LocalPath) => {
                "write the repository as host/owner/repo with forward slashes, not as a path on this machine"
            }
            PatternError::Remote(error) => return write!(f, "{error}: write it as host/owner/repo"),
        })
    }
}

impl std::error::Error for PatternError {}

impl From<RemoteError> for PatternError {
    fn from(error: RemoteError) -> PatternError {
        PatternError::Remote(error)
    }
}

impl Pattern {
    /// Parses a pattern; surrounding white space, trailing slashes and case do not matter.
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        // Projects of Azure DevOps may have spaces in their names; remotes have them escaped.
        let bare = text.trim().trim_end_matches('/').replace(' ', "%20");
        let (start, mut names) = match Located::parse(&bare) {
            Ok(remote) if !bare.contains("://") && !bare.contains('@') && starts_with_port(remote.path) => {
                return Err(PatternError::Port);
            }
            Ok(remote) => (Start::Host, with_host(&remote)?),
            Err(RemoteError::LocalPath) => {
                let located = Located::schemeless(&bare)?;
                match located.host {
                    "" => return Err(PatternError::Remote(RemoteError::LocalPath)),
                    host if host.contains('.') => (Start::Host, with_host(&located)?),
                    _ => (Start::HostOrOwner, segments(&bare, name)?),
                }
            }
            Err(error) => return Err(error.into()),
        };
        let is_double = |name: &String| name == "**";
        let mut is_prefix = names.pop_if(|last| is_double(last)).is_some();
        if names.iter().any(is_double) {
            return Err(PatternError::InnerDoubleWildcard);
        }
        let start = match start {
            Start::HostOrOwner if names.len() <= 1 && !is_prefix => {
                is_prefix = true;
                Start::Owner
            }
            start => start,
        };
        if start == Start::Host {
            // An owner alone; on Azure DevOps also a project, because repositories lie below projects.
            is_prefix |= names.len() == 2 || (names.len() < 4 && names[0] == AZURE);
        }
        let segments =
            names.into_iter().map(|name| if name == "*" { Segment::Any } else { Segment::Name(name) });
        Ok(Pattern { text: text.trim().to_owned(), start, segments: segments.collect(), is_prefix })
    }

    /// True if the pattern names this repository.
    pub fn matches(&self, remote: &Remote) -> bool {
        let from_host = remote.segments();
        let from_owner = remote.segments().skip(1);
        match self.start {
            Start::Host => self.matches_names(from_host),
            Start::Owner => self.matches_names(from_owner),
            Start::HostOrOwner => self.matches_names(from_host) || self.matches_names(from_owner),
        }
    }

    fn matches_names<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        let is_match = |(segment, name): (&Segment, Option<&str>)| match segment {
            Segment::Any => name.is_some(),
            Segment::Name(expected) => name == Some(expected),
        };
        self.segments.iter().all(|segment| is_match((segment, names.next())))
            && self.is_prefix == names.next().is_some()
    }
}

/// Shows the pattern as the user wrote it.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Normal form of a pattern that names its host.
fn with_host(located: &Located) -> Result<Vec<String>, PatternError> {
    if located.host.contains('*') {
        return Err(PatternError::PartialWildcard);
    }
    let (host, mut names) = located.normalize(name)?;
    if names.is_empty() {
        return Err(PatternError::Host);
    }
    names.insert(0, host);
    Ok(names)
}

/// Normalizes a segment of a pattern: a wildcard, or a name as in a remote.
fn name(raw: &str) -> Result<String, PatternError> {
    match raw {
        "*" | "**" => Ok(raw.to_owned()),
        _ if raw.contains('*') => Err(PatternError::PartialWildcard),
        _ => Ok(segment(raw)?),
    }
}

fn starts_with_port(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports for each of some remotes if a pattern matches it.
    fn matches(pattern: &str, paths: &[&str]) -> Vec<bool> {
        let pattern = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        let remote = |path: &&str| Remote::parse(&format!("https://{path}")).unwrap();
        paths.iter().map(|path| pattern.matches(&remote(path))).collect()
    }

    #[test]
    fn patterns_match_whole_segments() {
        let paths = [
            "github.com/acme/api",
            "github.com/acme/core/api",
            "github.com/acme-corp/api",
            "github.com/acme/api-v2",
            "gitlab.com/acme/api",
            "gitlab.com/other/acme",
            "acme/core/api",
        ];
        let (o, x) = (false, true);
        for (pattern, expected) in [
            ("github.com/acme/api", [x, o, o, o, o, o, o]),
            ("https://GitHub.com/Acme/Api.git", [x, o, o, o, o, o, o]),
            ("git@github.com:acme/api.git", [x, o, o, o, o, o, o]),
            ("ssh://git@ssh.github.com:443/acme/api", [x, o, o, o, o, o, o]),
            ("github.com/acme/*", [x, o, o, x, o, o, o]),
            ("github.com/acme/**", [x, x, o, x, o, o, o]),
            ("github.com/acme", [x, x, o, x, o, o, o]),
            ("https://github.com/acme/", [x, x, o, x, o, o, o]),
            ("github.com/*", [x, x, x, x, o, o, o]),
            ("github.com/**", [x, x, x, x, o, o, o]),
            ("github.com/*/api", [x, o, x, o, o, o, o]),
            ("acme", [x, x, o, x, x, o, o]),
            (" ACME/ ", [x, x, o, x, x, o, o]),
            ("acme/api", [x, o, o, o, x, o, o]),
            ("acme/*", [x, o, o, x, x, o, o]),
            ("acme/**", [x, x, o, x, x, o, x]),
            ("acme/core/api", [o, x, o, o, o, o, x]),
            ("*/api", [x, o, x, o, x, o, x]),
            ("*/acme/**", [x, x, o, x, x, o, o]),
            ("*", [x; 7]),
            ("**", [x; 7]),
            ("api", [o; 7]),
            ("com/acme/api", [o; 7]),
        ] {
            assert_eq!(matches(pattern, &paths), expected, "{pattern}");
        }
    }

    #[test]
    fn azure_patterns_take_every_form_of_its_addresses() {
        let paths = ["dev.azure.com/org/my%20project/_git/repo", "dev.azure.com/org/other/_git/repo"];
        for (pattern, expected) in [
            ("dev.azure.com/org", [true, true]),
            ("https://org.visualstudio.com", [true, true]),
            ("org.visualstudio.com", [true, true]),
            ("dev.azure.com/org/My Project", [true, false]),
            ("dev.azure.com/org/My%20Project/_git/repo", [true, false]),
            ("dev.azure.com/org/*/repo", [true, true]),
            ("git@ssh.dev.azure.com:v3/org/other/repo", [false, true]),
        ] {
            assert_eq!(matches(pattern, &paths), expected, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_could_never_match_is_an_error() {
        use PatternError::*;
        for (pattern, expected) in [
            ("", Remote(RemoteError::Empty)),
            ("github.com", Host),
            ("https://github.com/", Host),
            ("github.com/acme/api-*", PartialWildcard),
            ("acme*", PartialWildcard),
            ("*.example.com/acme", PartialWildcard),
            ("github.com/**/api", InnerDoubleWildcard),
            ("**/api", InnerDoubleWildcard),
            ("gitlab.example.com:8443/acme/api", Port),
            ("/home/alice/acme", Remote(RemoteError::LocalPath)),
            (r"acme\api", Remote(RemoteError::LocalPath)),
            ("~/acme", Remote(RemoteError::Segment)),
            ("../acme", Remote(RemoteError::Host)),
            ("github.com/acme/..", Remote(RemoteError::Segment)),
            ("file:///srv/acme", Remote(RemoteError::Scheme)),
        ] {
            assert_eq!(Pattern::parse(pattern), Err(expected), "{pattern}");
        }
    }
}
