//! Spellings of one repository on servers with prefixes in their addresses.
//!
//! Bitbucket Data Center and Gerrit put `scm/` or `a/` before the path in some addresses of a repository and not in others.
//! On the well-known public hosts these are names like any other.

use std::borrow::Cow;

/// Hosts on which no prefix has a meaning.
const PUBLIC_HOSTS: [&str; 13] = [
    "github.com",
    "gitlab.com",
    "bitbucket.org",
    "dev.azure.com",
    "codeberg.org",
    "git.sr.ht",
    "gitea.com",
    "gitee.com",
    "huggingface.co",
    "notabug.org",
    "framagit.org",
    "salsa.debian.org",
    "gitlab.freedesktop.org",
];
/// Prefixes of the path in addresses for HTTPS: Bitbucket Data Center, and Gerrit for authenticated users.
const PREFIXES: [&str; 2] = ["scm", "a"];
/// Name of the remote helper for AWS CodeCommit.
const CODECOMMIT: &str = "codecommit::";

/// Reports whether a host is one of the well-known public ones, or AWS CodeCommit.
pub(super) fn is_public(host: &str) -> bool {
    PUBLIC_HOSTS.contains(&host) || (host.starts_with("git-codecommit.") && host.ends_with(".amazonaws.com"))
}

/// Takes prefixes and one segment of context path before them off a path, where `rest_min` segments remain, and writes
/// `users/NAME` as `~NAME`. The result is its own normal form.
pub(super) fn strip_prefixes(segments: &mut Vec<String>, rest_min: usize) {
    let is_prefix = |segment: Option<&String>| segment.is_some_and(|name| PREFIXES.contains(&name.as_str()));
    loop {
        let prefix = (0..=1).find(|at| is_prefix(segments.get(*at)) && segments.len() > at + rest_min);
        if let Some(at) = prefix {
            segments.drain(..=at);
        } else if segments.len() > rest_min && segments.len() > 1 && segments[0] == "users" {
            segments.remove(0);
            segments[0].insert(0, '~');
        } else {
            return;
        }
    }
}

/// Writes `codecommit::REGION://[profile@]REPO` as the repository's HTTPS address.
pub(super) fn expand(raw: &str) -> Cow<'_, str> {
    let expanded = raw.strip_prefix(CODECOMMIT).and_then(|rest| {
        let (region, name) = rest.split_once("://")?;
        let name = name.rsplit('@').next().unwrap_or_default();
        let is_region = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_valid = !region.is_empty() && region.bytes().all(is_region) && !name.contains('/');
        is_valid.then(|| format!("https://git-codecommit.{region}.amazonaws.com/v1/repos/{name}"))
    });
    expanded.map_or(Cow::Borrowed(raw), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_go_where_enough_remains() {
        for (path, rest_min, expected) in [
            ("scm/proj/secret", 2, "proj/secret"),
            ("a/proj/secret", 2, "proj/secret"),
            ("bitbucket/scm/proj/secret", 2, "proj/secret"),
            ("scm/a/proj/secret", 2, "proj/secret"),
            ("users/alice/secret", 2, "~alice/secret"),
            ("bitbucket/scm/users/alice/secret", 2, "~alice/secret"),
            ("scm/secret", 2, "scm/secret"),
            ("team/a/secret", 2, "team/a/secret"),
            ("users/alice", 2, "users/alice"),
            ("x/y/scm/z", 2, "x/y/scm/z"),
            ("scm/proj", 1, "proj"),
            ("users/alice", 1, "~alice"),
            ("users", 1, "users"),
            ("scm", 0, ""),
        ] {
            let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
            strip_prefixes(&mut segments, rest_min);
            assert_eq!(segments.join("/"), expected, "{path} {rest_min}");
        }
    }
}
