//! Remotes, owners and patterns: one normal form, no credentials in it, and comparison by whole segments.

use han_sync::protocol::remote::{Owner, Pattern, PatternError, Remote};

/// Segments of a remote that are replaced, one after the other: what comes after them is compared like them.
const SEGMENTS_TRIED_MAX: usize = 8;

/// Lines: a remote, then a pattern, then an owner.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.splitn(3, '\n');
    let raw = lines.next().unwrap_or_default();
    let remote = Remote::parse(raw).ok();
    without_credentials(raw);
    let Some(remote) = remote.inspect(is_normal) else { return };
    for pattern in lines.next().into_iter().chain([remote.path(), &remote.url(), raw]) {
        compare_pattern(pattern, &remote);
    }
    // What a user writes to keep a repository in holds it, in each of its spellings.
    for text in [remote.path(), &remote.url()] {
        let is_held = match Pattern::parse(text) {
            Ok(pattern) => pattern.matches(&remote),
            // Nothing is sent with such a configuration.
            Err(error) => matches!(error, PatternError::Glob | PatternError::TooLong),
        };
        assert!(is_held, "{text}");
    }
    let owner = remote.path().rsplit_once('/').expect("a remote has segments").0;
    for owner in lines.next().into_iter().chain([owner, remote.path()]) {
        compare_owner(owner, &remote);
    }
    // Written as an owner, the last of its segments loses the ending that no account's name has.
    let is_exact = Owner::parse(owner).is_ok_and(|owner| owner.owns(&remote));
    assert!(is_exact || owner.ends_with(".git"), "{remote}");
}

fn is_normal(remote: &Remote) {
    let path = remote.path();
    assert_eq!(path.to_lowercase(), path);
    assert!(
        !path.contains(|c: char| c.is_control() || c.is_whitespace() || r"\@:?#*".contains(c)),
        "{path:?}"
    );
    assert!(remote.segments().count() >= 3, "{path}");
    assert!(remote.segments().all(|segment| !matches!(segment, "" | "." | ".." | "~")), "{path}");
    assert!(!path.ends_with(".git"), "{path}");
    assert_eq!(Remote::parse(&remote.url()).as_ref(), Ok(remote));
    assert_eq!(
        (remote.segments().next(), remote.segments().last()),
        (Some(remote.host()), Some(remote.repo()))
    );
    assert_eq!(remote.to_string(), path);
}

/// Credentials put where a URL or scp's form has them are in no remote that comes of it.
fn without_credentials(raw: &str) {
    let after_scheme = raw.find("://").map_or(0, |at| at + 3);
    for secret in
        ["hunter2:", "u:hunter2", "hunter2", "u:p/hunter2", "u:p#hunter2", "u:p?hunter2", "u:p@hunter2"]
    {
        let text = format!("{}{secret}@{}", &raw[..after_scheme], &raw[after_scheme..]);
        // What stands in the remote itself is no credential.
        if !raw.to_lowercase().contains("hunter2")
            && let Ok(remote) = Remote::parse(&text)
        {
            assert!(!remote.path().contains("hunter2"), "{text} became {remote}");
        }
    }
}

/// The remote with one segment replaced.
fn with_segment(remote: &Remote, index: usize, replace: impl Fn(&str) -> String) -> Option<Remote> {
    let segments = remote.segments().enumerate();
    let replaced =
        segments.map(|(at, segment)| if at == index { replace(segment) } else { segment.to_owned() });
    let path = replaced.collect::<Vec<_>>().join("/");
    Remote::parse(&format!("https://{path}")).ok().filter(|other| other.path() == path)
}

/// A name that only contains another is treated like any other name.
fn by_whole_segments(remote: &Remote, written: &str, matches: impl Fn(&Remote) -> bool) {
    if written.to_lowercase().contains("zz") {
        return;
    }
    for index in 0..remote.segments().count().min(SEGMENTS_TRIED_MAX) {
        let others = [
            with_segment(remote, index, |_| "zz9".to_owned()),
            with_segment(remote, index, |segment| format!("{segment}-zz")),
            with_segment(remote, index, |segment| format!("zz{segment}")),
        ];
        if let [Some(other), Some(longer), Some(later)] = &others {
            let verdict = matches(other);
            assert_eq!(
                [matches(longer), matches(later)],
                [verdict; 2],
                "{written} and {other}, {longer}, {later}"
            );
        }
    }
}

fn compare_pattern(text: &str, remote: &Remote) {
    let Ok(pattern) = Pattern::parse(text) else { return };
    assert_eq!(Pattern::parse(&pattern.to_string()).as_ref(), Ok(&pattern), "{text:?}");
    by_whole_segments(remote, text, |remote| pattern.matches(remote));
}

fn compare_owner(text: &str, remote: &Remote) {
    let Ok(owner) = Owner::parse(text) else { return };
    let path = owner.to_string();
    assert_eq!(Owner::parse(&path).as_ref(), Ok(&owner), "{text:?}");
    assert_eq!(
        owner.owns(remote),
        format!("{remote}/").starts_with(&format!("{path}/")),
        "{path} and {remote}"
    );
    by_whole_segments(remote, text, |remote| owner.owns(remote));
}
