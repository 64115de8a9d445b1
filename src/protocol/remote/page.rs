//! Addresses of pull requests (merge requests) on a repository's host.

/// Segments before a number that make a page one of a pull request: GitHub and Gitea, GitLab, Bitbucket, Azure.
const KINDS: [&str; 7] =
    ["pull", "pulls", "merge_requests", "pull-requests", "pullrequest", "pullrequests", "merge-requests"];
/// Segment that GitLab puts between a repository and its pages.
const GITLAB_SEPARATOR: &str = "-";

/// The address without credentials, query and fragment; `None` for one that is not of the web.
pub fn page_address(raw: &str) -> Option<String> {
    let (scheme, rest) = raw.trim().split_once("://")?;
    let scheme = ["https", "http"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))?;
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().filter(|host| !host.is_empty())?;
    let is_plain =
        |text: &str| !text.chars().any(|char| char.is_whitespace() || char.is_control() || char == '\\');
    (is_plain(host) && is_plain(path)).then(|| format!("{scheme}://{host}/{path}"))
}

/// The address of the repository that a pull request's page belongs to, as far as the page's form is known.
pub fn repository_of_pull_request(address: &str) -> Option<&str> {
    let address = address.trim_end_matches('/');
    let (repository, number) = address.rsplit_once('/')?;
    let (repository, kind) = repository.rsplit_once('/')?;
    let is_known =
        KINDS.contains(&kind) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let repository = repository.strip_suffix(GITLAB_SEPARATOR).unwrap_or(repository);
    is_known.then(|| repository.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::remote::Remote;

    #[test]
    fn address_has_no_credentials_query_and_fragment() {
        for (raw, address) in [
            ("https://github.com/acme/api/pull/7", Some("https://github.com/acme/api/pull/7")),
            ("HTTPS://alice:pw@github.com/a/b/pull/7?token=x#top", Some("https://github.com/a/b/pull/7")),
            ("http://u:p@ss@git.corp.example:8080/a/b", Some("http://git.corp.example:8080/a/b")),
            ("javascript:alert(1)", None),
            ("ftp://github.com/a/b", None),
            ("https:///a/b", None),
            ("https://alice@/a/b", None),
            ("https://github.com/a\u{1b}[0m", None),
            ("github.com/a/b/pull/7", None),
            ("", None),
        ] {
            assert_eq!(page_address(raw).as_deref(), address, "{raw}");
        }
    }

    #[test]
    fn repository_is_found_in_the_address_of_a_pull_request() {
        for (address, path) in [
            ("https://github.com/Acme/api/pull/7", "github.com/acme/api"),
            ("https://gitlab.com/acme/core/api/-/merge_requests/7/", "gitlab.com/acme/core/api"),
            ("https://gitlab.example/acme/api/merge_requests/7", "gitlab.example/acme/api"),
            ("https://bitbucket.org/acme/api/pull-requests/7", "bitbucket.org/acme/api"),
            ("https://dev.azure.com/org/project/_git/repo/pullrequest/7", "dev.azure.com/org/project/repo"),
            ("https://codeberg.org/acme/api/pulls/7", "codeberg.org/acme/api"),
        ] {
            let repository = repository_of_pull_request(address).unwrap();
            assert_eq!(Remote::parse(repository).unwrap().path(), path, "{address}");
        }
        for address in [
            "https://github.com/acme/api/issues/7",
            "https://github.com/acme/api/pull/7/files",
            "https://github.com/acme/api/pull/seven",
            "https://github.com/pull/7",
            "https://github.com",
            "",
        ] {
            let repository = repository_of_pull_request(address).and_then(|text| Remote::parse(text).ok());
            assert_eq!(repository, None, "{address}");
        }
    }
}
