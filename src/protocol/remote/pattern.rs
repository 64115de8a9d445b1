//! Patterns that name repositories in `forceInclude` and `forceExclude`.
//!
//! A pattern is compared with a remote segment by segment, never within one, so that no pattern can match a name that
//! merely contains another.

use std::fmt;

use crate::protocol::remote::address::{AZURE, Located, RemoteError, segment, segments};
use crate::protocol::remote::repository::Remote;
use crate::protocol::remote::spelling::{expand, is_public, strip_prefixes};

/// A set of repositories, as the user names them:
///
/// | pattern | matches |
/// | --- | --- |
/// | `github.com/acme/api` | that repository |
/// | `github.com/acme/*` | one segment: the repositories right under `acme` |
/// | `github.com/acme/**` | one segment or more: those of subgroups, too |
/// | `github.com/acme` | the same: all repositories of an owner |
/// | `acme` | all repositories of an owner on any host; in `forceExclude` also of a subgroup, and one of that name |
/// | `acme/api`, `acme/*`, `acme/**` | the same on any host, or `acme` is the host (an ssh alias) |
/// | `https://…`, `git@…:…` | the repository that the remote names, or the owner's if it names no more |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    start: Start,
    segments: Vec<Segment>,
    /// True if one or more further segments follow.
    is_prefix: bool,
    /// The pattern without the prefixes of servers, where it has any: it names the same repositories.
    normal: Option<Box<Pattern>>,
    /// The pattern without any prefix, which may name the same repositories.
    bare: Option<Box<Pattern>>,
}

/// Hosts whose repositories lie right under their owners.
const FLAT_HOSTS: [&str; 4] = ["github.com", "bitbucket.org", "codeberg.org", "git.sr.ht"];
/// First segments of the pages of a repository on these hosts.
const PAGES: [&str; 12] = [
    "actions",
    "blob",
    "commit",
    "commits",
    "issues",
    "pull",
    "pull-requests",
    "pulls",
    "releases",
    "src",
    "tree",
    "wiki",
];
/// Characters of globs and regular expressions that no provider has in a name.
const GLOB: [char; 10] = ['?', '[', ']', '{', '}', '^', '$', '|', ',', ';'];

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

impl Segment {
    fn is_match(&self, name: &str) -> bool {
        match self {
            Segment::Any => true,
            Segment::Name(expected) => expected == name,
        }
    }
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
    /// More segments than a repository of the host has, as in the address of a page.
    TooLong,
    /// A character with a meaning in globs or regular expressions, and in no name.
    Glob,
    /// Invalid repository or owner.
    Remote(RemoteError),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            PatternError::Host => "this is a host alone: write HOST/** for all of its repositories, */NAME for one of that name",
            PatternError::Port => "leave out the port: remotes are compared without it",
            PatternError::PartialWildcard => {
                "`*` stands for a whole segment, as in github.com/acme/*: name each repository instead"
            }
            PatternError::InnerDoubleWildcard => {
                "`**` can only be the last segment: write `*` for each segment before it"
            }
            PatternError::TooLong => {
                "no repository of this host has an address of so many parts: leave out what follows the repository"
            }
            PatternError::Glob => {
                "only `*` and `**` stand for other names: name each repository instead, without ? [ ] { } ^ $ | , ; and a leading !"
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
        if !bare.contains("://") && (bare.contains(GLOB) || bare.starts_with('!')) {
            return Err(PatternError::Glob);
        }
        let bare = expand(&bare);
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
        if start == Start::Host && is_too_long(&names, is_prefix) {
            return Err(PatternError::TooLong);
        }
        let segments =
            names.into_iter().map(|name| if name == "*" { Segment::Any } else { Segment::Name(name) });
        let text = text.trim().to_owned();
        let mut pattern =
            Pattern { text, start, segments: segments.collect(), is_prefix, normal: None, bare: None };
        let rest_min = if is_prefix { 1 } else { 2 };
        pattern.normal = (start == Start::Host).then(|| pattern.without_prefixes(rest_min)).flatten();
        pattern.bare = pattern.without_prefixes(usize::from(start != Start::Host));
        Ok(pattern)
    }

    /// The pattern without the prefixes that a server has in some addresses, where `rest_min` segments remain; `None` if
    /// it has none.
    fn without_prefixes(&self, rest_min: usize) -> Option<Box<Pattern>> {
        let name = |segment: &Segment| match segment {
            Segment::Any => "*".to_owned(),
            Segment::Name(name) => name.clone(),
        };
        let mut names: Vec<String> = self.segments.iter().map(name).collect();
        let has_host = self.start == Start::Host;
        if has_host && is_public(&names[0]) {
            return None;
        }
        let before = names.len();
        let mut path = names.split_off(usize::from(has_host));
        let first = path.first().cloned();
        strip_prefixes(&mut path, rest_min);
        if names.len() + path.len() == before && path.first() == first.as_ref() {
            return None;
        }
        // All that remains of an owner that was a prefix is everything.
        let is_prefix = self.is_prefix || path.len() < 2;
        names.append(&mut path);
        let segment = |name: String| if name == "*" { Segment::Any } else { Segment::Name(name) };
        Some(Box::new(Pattern {
            text: self.text.clone(),
            start: self.start,
            segments: names.into_iter().map(segment).collect(),
            is_prefix,
            normal: None,
            bare: None,
        }))
    }

    /// True if the pattern names this repository.
    pub fn matches(&self, remote: &Remote) -> bool {
        self.matches_as_written(remote)
            || self.normal.as_ref().is_some_and(|it| it.matches_as_written(remote))
    }

    /// True if the pattern may name this repository, in whichever of its two spellings: to withhold it.
    pub fn may_match(&self, remote: &Remote, spelled: &Remote) -> bool {
        let excludes =
            |other: &Option<Box<Pattern>>| other.as_deref().is_some_and(|other| other.excludes(remote));
        self.excludes(remote)
            || self.excludes(spelled)
            || excludes(&self.normal)
            || (!is_public(remote.host()) && excludes(&self.bare))
    }

    fn matches_as_written(&self, remote: &Remote) -> bool {
        let from_host = remote.segments();
        let from_owner = remote.segments().skip(1);
        match self.start {
            Start::Host => self.matches_names(from_host),
            Start::Owner => self.matches_names(from_owner),
            Start::HostOrOwner => self.matches_names(from_host) || self.matches_names(from_owner),
        }
    }

    /// True if the pattern names this repository as one to withhold: a pattern of one word also names a subgroup or the
    /// repository itself, and `github.com/acme/api/**`, below which no repository can be, names `github.com/acme/api`.
    pub fn excludes(&self, remote: &Remote) -> bool {
        self.matches(remote)
            || match self.start {
                Start::Owner => remote.segments().skip(1).any(|name| self.segments[0].is_match(name)),
                Start::Host => self.ends_below_repository(&remote.segments().collect::<Vec<_>>()),
                Start::HostOrOwner => false,
            }
    }

    /// True if only wildcards follow the names of a repository on a host whose repositories lie right under their owners.
    fn ends_below_repository(&self, names: &[&str]) -> bool {
        FLAT_HOSTS.contains(&names[0])
            && self.segments.len() >= names.len()
            && self.segments.iter().zip(names).all(|(segment, name)| segment.is_match(name))
            && self.segments[names.len()..].iter().all(|segment| *segment == Segment::Any)
    }

    fn matches_names<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        let is_match =
            |(segment, name): (&Segment, Option<&str>)| name.is_some_and(|name| segment.is_match(name));
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

/// True if a pattern has more segments than any repository of its host, as the address of one of its pages has.
fn is_too_long(names: &[String], is_prefix: bool) -> bool {
    match names[0].as_str() {
        // A further segment follows a prefix.
        AZURE => names.len() + usize::from(is_prefix) > 4,
        host if FLAT_HOSTS.contains(&host) => names.get(3).is_some_and(|name| PAGES.contains(&name.as_str())),
        // GitLab separates the pages of a repository so, and no group can be named so.
        _ => names.iter().any(|name| name == "-"),
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
    fn exclusion_of_one_word_matches_any_segment_below_the_host() {
        let paths = ["gitlab.com/web/api", "gitlab.com/acme/web/api", "gitlab.com/acme/web", "web/acme/api"];
        let excludes = |pattern: &str, path: &str| {
            Pattern::parse(pattern).unwrap().excludes(&Remote::parse(&format!("https://{path}")).unwrap())
        };
        assert_eq!(paths.map(|path| excludes("Web", path)), [true, true, true, false]);
        assert_eq!(paths.map(|path| excludes("acme/web", path)), [false, false, true, false]);
        assert_eq!(paths.map(|path| excludes("*", path)), [true; 4]);
        for pattern in ["github.com/acme/api/**", "github.com/acme/api/*", "https://github.com/acme/api/*/**"]
        {
            assert!(excludes(pattern, "github.com/acme/api"), "{pattern}");
            assert!(!excludes(pattern, "github.com/acme/web"), "{pattern}");
        }
        assert!(!excludes("gitlab.com/acme/api/**", "gitlab.com/acme/api"));
        for path in ["gitlab.com/acme/webapp", "gitlab.com/web-corp/api", "gitlab.com/acme/my.web"] {
            assert!(!excludes("web", path), "{path}");
        }
    }

    #[test]
    fn exclusion_meets_every_spelling_of_a_repository() {
        let may_match = |pattern: &str, raw: &str| {
            let (remote, spelled) = (Remote::parse(raw).unwrap(), Remote::as_spelled(raw).unwrap());
            Pattern::parse(pattern).unwrap().may_match(&remote, &spelled)
        };
        let spellings = [
            "https://git.corp.example/scm/proj/secret.git",
            "https://git.corp.example/bitbucket/scm/proj/secret",
            "ssh://git@git.corp.example:7999/proj/secret",
        ];
        for raw in spellings {
            for pattern in [
                "https://git.corp.example/scm/proj/secret.git",
                "ssh://git@git.corp.example:7999/proj/secret.git",
                "git.corp.example/scm/proj/*",
                "git.corp.example/scm/proj",
                "git.corp.example/bitbucket/scm/proj/**",
                "git.corp.example/proj/**",
                "git.corp.example/scm",
                "git.corp.example/scm/**",
                "scm/proj/secret",
                "proj/secret",
                "proj",
            ] {
                assert!(may_match(pattern, raw), "{pattern} {raw}");
            }
            for pattern in
                ["a", "git.corp.example/scm/other", "git.corp.example/scm/proj/public", "scm/proj/public"]
            {
                assert!(!may_match(pattern, raw), "{pattern} {raw}");
            }
        }
        assert!(may_match("git.corp.example/users/alice", "https://git.corp.example/scm/~alice/x"));
        assert!(may_match("git.corp.example/~alice/**", "https://git.corp.example/users/alice/x"));
        assert!(may_match(
            "codecommit::eu-west-1://api",
            "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/api"
        ));
        assert!(!may_match("gitlab.com/a/team/api", "https://gitlab.com/team/api"));
        assert!(!may_match("a/team/api", "https://gitlab.com/team/api"));
    }

    #[test]
    fn inclusion_takes_the_normal_form_alone() {
        let matches = |pattern: &str| {
            let remote = Remote::parse("ssh://git@git.corp.example:7999/proj/secret").unwrap();
            Pattern::parse(pattern).unwrap().matches(&remote)
        };
        assert!(
            matches("https://git.corp.example/scm/proj/secret") && matches("git.corp.example/scm/proj/*")
        );
        for pattern in ["git.corp.example/scm/**", "git.corp.example/scm", "git.corp.example/scm/proj"] {
            assert!(!matches(pattern), "{pattern}");
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
            ("github.com/acme/api-?", Glob),
            ("github.com/acme/{api,web}", Glob),
            ("!github.com/acme/api", Glob),
            ("^acme/api$", Glob),
            ("https://github.com/acme/api/tree/main", TooLong),
            ("github.com/acme/api/pull/12", TooLong),
            ("https://gitlab.com/acme/core/api/-/issues", TooLong),
            ("dev.azure.com/org/project/repo/src", TooLong),
            ("dev.azure.com/org/project/repo/**", TooLong),
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
